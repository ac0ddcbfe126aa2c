"""Asterisk's ARI over its websocket: events as they happen, and none of those that happen while nobody listens."""

import asyncio
import logging
import random
from base64 import b64encode
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from urllib.parse import urlencode, urlsplit, urlunsplit

from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus, WebSocketException

from dispatcher.adapters.listeners.backoff import pause_seconds
from dispatcher.adapters.listeners.intake import Intake
from dispatcher.adapters.listeners.record import Record, packed
from dispatcher.adapters.listeners.spool import Spool, SpoolFull
from dispatcher.adapters.logs import log_event
from dispatcher.ports import Clock

logger = logging.getLogger(__name__)

MAX_MESSAGE_BYTES = 1024 * 1024
"""An event of ARI has a few thousand bytes; channel variables may make it longer."""
FULL_PAUSE_SECONDS = 0.5
OPEN_SECONDS = 10.0
ALIVE_SECONDS = 20.0
"""Between pings, and for their answer: an Asterisk that vanished without a word is noticed after forty seconds."""
REFUSALS = {
    401: "Asterisk refuses the login: compare user and password with its ari.conf, then start the listener again",
    403: "Asterisk refuses this user: look at its ari.conf and http.conf",
    404: "no ARI at this address: set enabled = yes in Asterisk's http.conf and ari.conf, and look at --url",
}
"""What a refusal means, by its HTTP status."""
_PATH = "/ari/events"


@dataclass(frozen=True, slots=True)
class Login:
    """A user of `ari.conf`."""

    user: str
    password: str = field(repr=False)


@dataclass(slots=True)
class HeardEvents:
    """Since the start. `away_seconds`: for how long there was no connection, and events were missed."""

    connections: int = 0
    messages: int = 0
    kept: int = 0
    away_seconds: float = 0.0


def events_url(url: str, app: str) -> str:
    """The address of the events of every channel, whatever application it is in. Raises ValueError."""
    parts = urlsplit(url)
    if parts.scheme not in ("ws", "wss") or not parts.hostname:
        raise ValueError("want ws:// or wss:// and a host")
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError("want no user, password or query in it: they belong into a credential or the environment")
    path = parts.path.rstrip("/")
    path = path if path.endswith(_PATH) else path + _PATH
    return urlunsplit((parts.scheme, parts.netloc, path, urlencode({"app": app, "subscribeAll": "true"}), ""))


class AriListener:
    """Takes the events of one Asterisk into its source's spool. For one event loop."""

    def __init__(self, intake: Intake, spool: Spool, clock: Clock, url: str, login: Login) -> None:
        self._intake, self._spool, self._clock, self._url = intake, spool, clock, url
        basic = b64encode(f"{login.user}:{login.password}".encode()).decode()
        # In a header, where no log of a proxy shows it; Asterisk takes it there as well as in `api_key`.
        self._headers = {"Authorization": f"Basic {basic}"}
        self.heard = HeardEvents()

    async def run(self, pause: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """Connects, and again whenever the connection ends, until it is cancelled."""
        failures, away_since = 0, self._clock()
        while True:
            before = self.heard.kept
            try:
                # No proxy of the environment: ARI is within the house. No compression: it costs a PBX more than it
                # saves.
                async with connect(
                    self._url,
                    additional_headers=self._headers,
                    max_size=MAX_MESSAGE_BYTES,
                    open_timeout=OPEN_SECONDS,
                    ping_interval=ALIVE_SECONDS,
                    ping_timeout=ALIVE_SECONDS,
                    compression=None,
                    proxy=None,
                ) as socket:
                    self._connected(away_since)
                    async for message in socket:
                        await self._keep(message)
                why: dict[str, object] = {"why": "Asterisk ended the connection"}
            except InvalidStatus as error:
                status = error.response.status_code
                why = {"why": REFUSALS.get(status, "Asterisk refuses"), "status": status}
            except (OSError, TimeoutError, WebSocketException) as error:
                why = {"why": type(error).__name__}
            if self.heard.kept > before:
                failures = 0
            failures += 1
            away_since = self._clock() if self.heard.connections else away_since
            self._tell("listener.away", logging.WARNING, failures=failures, **why)
            await pause(pause_seconds(failures, random.random()))  # noqa: S311 - jitter, no secret

    def _connected(self, away_since: datetime) -> None:
        away = (self._clock() - away_since).total_seconds()
        first = self.heard.connections == 0
        self.heard.connections += 1
        self.heard.away_seconds += 0 if first else away
        self._tell("listener.connected")
        if not first:
            # ARI keeps nothing for who is away: calls of that time are known by CDRs only.
            self._tell("listener.missed", logging.WARNING, away_since=away_since, away_seconds=round(away, 1))

    async def _keep(self, message: str | bytes) -> None:
        self.heard.messages += 1
        body = message.encode() if isinstance(message, str) else message
        record = Record(body, self._clock(), f"ari:{sha256(body).hexdigest()[:32]}", "application/json")
        # Most events are of calls under way and hold nothing to keep; the spool is for the others.
        if not self._intake.read(record):
            return
        is_full = False
        while True:
            try:
                await asyncio.shield(asyncio.to_thread(self._spool.append, [packed(record)]))
            except (SpoolFull, OSError) as error:
                if not is_full:
                    self._tell("listener.spool_full", logging.ERROR, error=type(error).__name__)
                is_full = True
                await asyncio.sleep(FULL_PAUSE_SECONDS)
            else:
                self.heard.kept += 1
                return

    def _tell(self, name: str, level: int = logging.INFO, **fields: object) -> None:
        log_event(logger, name, level, source=self._intake.source.name, **fields)
