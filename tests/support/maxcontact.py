"""A dialler like MaxContact, for tests: its token service and `getcalls`, with a switch for each way to fail."""

import json
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any

LOGIN, PASSWORD = "onhook", "dialler-password-1"
FIRST_CALL_ID = 1000
_TOKENS = "/webservices/services/apitoken/login/"
_CALLS = "/webservices/services/telephony/getcalls/user/"


class Dialler:
    """What the dialler knows. `fails_with` is one of None, `status`, `unsuccessful`, `empty`, `page` and `hang_up`."""

    def __init__(self) -> None:
        self.url = ""
        self.fails_with: str | None = None
        self.speaks_xml = False
        self.asked: list[str] = []
        """The agents that `getcalls` was asked for with a good token, in order."""
        self.logins = 0
        self._lock = Lock()
        self._token = "token-1"
        self._next_id = FIRST_CALL_ID
        self._calls: dict[str, dict[int, dict[str, Any]]] = {}

    def call(self, user: str, start: str, **changes: Any) -> int:
        """Begins a call of an agent; its number."""
        with self._lock:
            number = self._next_id
            self._next_id += 1
            members = {
                "CallId": number, "CallStartTime": start, "CallState": 2, "CallStatus": 1, "CustomerName": "Jane",
                "CustomerName2": "Roe", "PhoneNumber": "+14155550100", "RecordingState": 0, **changes,
            }  # fmt: skip
            self._calls.setdefault(user, {})[number] = members
            return number

    def change(self, user: str, number: int, **changes: Any) -> None:
        with self._lock:
            self._calls[user][number].update(changes)

    def hang_up(self, user: str, number: int) -> None:
        with self._lock:
            del self._calls[user][number]

    def restart(self) -> None:
        """Forgets every call and every token; numbers begin anew."""
        with self._lock:
            self._calls.clear()
            self._next_id = FIRST_CALL_ID
            self._token = f"token-{self.logins + 1}"

    def answer(self, path: str, headers: Any) -> tuple[int, str, bytes]:
        """Status, content type and body."""
        if path.startswith(_TOKENS):
            return self._log_in(path.removeprefix(_TOKENS), headers.get("Authorization"))
        if not path.startswith(_CALLS):
            return 404, "text/plain", b""
        if headers.get("Cookie") != f"TokenKey={self._token}":
            return 401, "text/plain", b"token"
        user = path.removeprefix(_CALLS)
        with self._lock:
            self.asked.append(user)
            calls = list(self._calls.get(user, {}).values())
        match self.fails_with:
            case "status":
                return 503, "text/plain", b"busy"
            case "unsuccessful":
                return 200, "application/json", b'{"Success":false,"Data":null,"ResponseCode":7}'
            case "empty":
                return 200, "application/json", b""
            case "page":
                return 200, "text/html", b"<html><body>Please log in</body></html>"
        as_xml = self.speaks_xml or headers.get("Content-Type") != "application/json"
        return _written_as_xml(calls) if as_xml else _written_as_json(calls)

    def _log_in(self, login: str, authorization: str | None) -> tuple[int, str, bytes]:
        if login != LOGIN or authorization != b64encode(PASSWORD.encode()).decode():
            return 401, "text/plain", b""
        self.logins += 1
        return 200, "application/json", json.dumps({"TokenKey": self._token, "Expiry": 3600}).encode()


def _written_as_json(calls: list[dict[str, Any]]) -> tuple[int, str, bytes]:
    answer = {"Success": True, "Data": calls, "ResponseCode": 0, "ResponseDetail": "OK"}
    return 200, "application/json", json.dumps(answer).encode()


def _written_as_xml(calls: list[dict[str, Any]]) -> tuple[int, str, bytes]:
    members = ("".join(f"<{name}>{value}</{name}>" for name, value in call.items()) for call in calls)
    data = "".join(f"<Call>{each}</Call>" for each in members)
    text = f'<CallActionResponse xmlns="http://dialler.example/t"><Data>{data}</Data><Success>true</Success></CallActionResponse>'
    return 200, "text/xml", text.encode()


@contextmanager
def running_dialler() -> Iterator[Dialler]:
    """A dialler that answers on a port of this machine."""
    dialler = Dialler()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if dialler.fails_with == "hang_up":
                self.close_connection = True
                return
            status, kind, body = dialler.answer(self.path, self.headers)
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    dialler.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield dialler
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
