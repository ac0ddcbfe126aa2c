"""The public interface, as any program would use it: HTTP with a token."""

import base64
import http.client
import json
import time
from collections.abc import Iterator
from threading import Event
from typing import Any
from urllib.parse import urlencode

ANSWER_SECONDS = 10.0
PATIENCE_SECONDS = 20.0
PAUSE_SECONDS = 0.25
PAGE = 500


class Refused(Exception):
    """The API answered, but not with a success. The text holds its status and its own words."""


class ApiClient:
    """One keep-alive connection, for one thread. Outlives a restart of the API, unless `stop` is set."""

    def __init__(self, host: str, port: int, token: str, secret: str, stop: Event) -> None:
        self._connection = http.client.HTTPConnection(host, port, timeout=ANSWER_SECONDS)
        self._stop = stop
        credentials = base64.b64encode(f"{token}:{secret}".encode()).decode()
        self._headers = {"Authorization": f"Basic {credentials}", "Content-Type": "application/json"}

    def call(self, method: str, path: str, body: object = None) -> Any:
        """The decoded answer. Raises OSError where nobody answers for a while, and Refused.

        What is sent again must do no harm when it had arrived: an event's id sees to that.
        """
        give_up = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                return self._exchange(method, path, None if body is None else json.dumps(body).encode())
            except OSError:
                # The next try opens a new connection: this one may have died with the API's process.
                self._connection.close()
                if time.monotonic() > give_up or self._stop.wait(PAUSE_SECONDS):
                    raise

    def _exchange(self, method: str, path: str, content: bytes | None) -> Any:
        try:
            self._connection.request(method, path, content, self._headers)
            response = self._connection.getresponse()
            text = response.read()
        except http.client.HTTPException as broken:
            raise ConnectionError(type(broken).__name__) from broken
        if response.status >= 300:
            words = text[:500].decode("utf-8", "replace")
            raise Refused(f"{method} {path.partition('?')[0]} was answered {response.status}: {words}")
        return json.loads(text) if text else None

    def save_profile(self, document: dict[str, Any]) -> None:
        """Creates the profile, or replaces the one of that name."""
        try:
            self.call("POST", "/v1/profiles", document)
        except Refused:
            self.call("PUT", f"/v1/profiles/{document['name']}", document)

    def post(self, event: dict[str, Any]) -> None:
        """Posts one event; it is stored when this returns."""
        self.call("POST", "/v1/events", event)

    def stats(self) -> dict[str, Any]:
        """The books."""
        found: dict[str, Any] = self.call("GET", "/v1/stats")
        return found

    def deliveries(self, since: str) -> Iterator[dict[str, Any]]:
        """Deliveries made since a moment, newest first, page by page as far as the caller reads."""
        query: dict[str, str | int] = {"limit": PAGE, "since": since}
        while True:
            page = self.call("GET", f"/v1/deliveries?{urlencode(query)}")
            yield from page["items"]
            if page["next"] is None:
                return
            query["cursor"] = page["next"]
