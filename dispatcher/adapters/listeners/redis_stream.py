"""A Redis stream that a call system adds to: read as a consumer group, acknowledged once everything is stored."""

import logging
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from threading import Event
from typing import Any

import orjson
import redis
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, RedisError, ResponseError
from redis.retry import Retry

from dispatcher.adapters.listeners.backoff import pause_seconds
from dispatcher.adapters.listeners.intake import Intake, Tally
from dispatcher.adapters.listeners.record import Record
from dispatcher.adapters.logs import log_event
from dispatcher.ports import Clock, StoreUnavailable

logger = logging.getLogger(__name__)

BATCH_ENTRIES = 200
BLOCK_MS = 1_000
"""How long a read waits for an entry, and so how long a stop may take."""
IDLE_MS = 60_000
"""What a consumer was given and has not acknowledged for so long is another one's: it died."""
CLAIM_EVERY_SECONDS = 15.0
WHOLE_FIELDS = (b"json", b"body")
"""An entry that has one of these holds the record in it; any other entry is the record, a field for a field."""
_FIRST_MS = 1_000_000_000_000
"""Of 2001. A lower number in an id is no time: whoever adds entries may number them."""

_LOGIN_CODES = frozenset({"NOAUTH", "WRONGPASS"})
_CODES = {
    "WRONGTYPE": "the key holds something else than a stream: name another key",
    "NOPERM": "the server's ACL forbids it: allow XREADGROUP, XGROUP, XAUTOCLAIM and XACK on the key",
    "NOGROUP": "the stream or its group was deleted: it is made anew",
    "UNBLOCKED": "the stream was deleted: it is made anew",
    "READONLY": "the server is a replica: name the one that is written to",
}
"""What the first word of a refusal means."""

Entry = tuple[bytes, dict[bytes, bytes] | None]


@dataclass(frozen=True, slots=True)
class StreamGroup:
    """Where to read, and as whom."""

    key: str
    group: str
    consumer: str


@dataclass(slots=True)
class HeardEntries:
    """Since the start. `claimed` were left by a consumer that died, `deleted` are gone from the stream meanwhile."""

    entries: int = 0
    claimed: int = 0
    deleted: int = 0
    tally: Tally = field(default_factory=Tally)


class StreamListener:
    """Reads one stream for one source. For one thread."""

    def __init__(self, client: redis.Redis, at: StreamGroup, intake: Intake, clock: Clock) -> None:
        """`client` gives bytes."""
        self._client: Any = client
        self._at, self._intake, self._clock = at, intake, clock
        self._stopping = Event()
        self._cursor: bytes = b"0-0"
        self.heard = HeardEntries()

    def stop(self) -> None:
        """Has `run` end after what it has in hand."""
        self._stopping.set()

    def run(self, now: Callable[[], float]) -> None:
        """Reads until it is stopped. `now` are seconds of a clock that only goes forward.

        Raises `SourceGone`. A server or a database that is away is waited for.
        """
        failures, is_ready, claim_at, own = 0, False, 0.0, True
        while not self._stopping.is_set():
            try:
                if not is_ready:
                    self.make_group()
                    is_ready, own, claim_at = True, True, now()
                if own:
                    # First what this consumer was given before it was stopped or killed, and never acknowledged.
                    own = self.read(b"0") > 0
                elif now() >= claim_at:
                    claim_at = now() + (CLAIM_EVERY_SECONDS if self.claim() == 0 else 0)
                else:
                    self.read(b">")
                failures = self._back(failures)
            except (RedisError, StoreUnavailable, OSError) as error:
                failures += 1
                # A server that was restarted without its data has no group any more.
                is_ready = isinstance(error, StoreUnavailable)
                own = True
                self._away(error, failures)

    def make_group(self) -> None:
        """Makes stream and group where there are none; the group begins at the stream's start. Raises RedisError."""
        try:
            self._client.xgroup_create(self._at.key, self._at.group, id="0", mkstream=True)
        except ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise

    def read(self, start: bytes) -> int:
        """Stores and acknowledges a batch: new entries (`>`), or this consumer's own (`0`). How many it was."""
        block = BLOCK_MS if start == b">" else None
        given = self._client.xreadgroup(
            self._at.group, self._at.consumer, {self._at.key: start}, count=BATCH_ENTRIES, block=block
        )
        return self._take(_entries(given))

    def claim(self) -> int:
        """The same for a batch of what consumers left that died."""
        found = self._client.xautoclaim(
            self._at.key, self._at.group, self._at.consumer, IDLE_MS, start_id=self._cursor, count=BATCH_ENTRIES
        )
        self._cursor, entries = found[0], found[1]
        # Entries that were deleted from the stream are left out by a newer server, and have no fields of an older one.
        self.heard.deleted += len(found[2]) if len(found) > 2 else 0
        count = self._take(entries)
        self.heard.claimed += count
        return count

    def _take(self, entries: list[Entry]) -> int:
        if not entries:
            return 0
        there = [(identifier, fields) for identifier, fields in entries if fields]
        self.heard.deleted += len(entries) - len(there)
        records = [self._record(identifier, fields) for identifier, fields in there]
        if records:
            self.heard.tally.add(self._intake.store(records))
        # Only now: what is not acknowledged is given again, and known for a duplicate if it was stored.
        self._client.xack(self._at.key, self._at.group, *(identifier for identifier, _ in entries))
        self.heard.entries += len(there)
        return len(entries)

    def _record(self, identifier: bytes, fields: dict[bytes, bytes]) -> Record:
        whole = next((fields[name] for name in WHOLE_FIELDS if name in fields), None)
        if whole is None:
            flat = {name.decode("utf-8", "replace"): value.decode("utf-8", "replace") for name, value in fields.items()}
            whole = orjson.dumps(flat)
        kind = "application/json" if whole.lstrip()[:1] in (b"{", b"[") else "application/octet-stream"
        # With the record's bytes: whoever numbers entries begins anew once the stream was deleted.
        digest = sha256(b"\0".join((self._at.key.encode(), identifier, whole))).hexdigest()[:32]
        return Record(whole, self._moment(identifier), f"stream:{digest}", kind)

    def _moment(self, identifier: bytes) -> datetime:
        """When the entry was added, as its id says: the same whenever it is read. Now, of an id that is no time."""
        now = self._clock()
        milliseconds = identifier.partition(b"-")[0]
        if not milliseconds.isdigit() or not _FIRST_MS <= int(milliseconds) <= (now.timestamp() + 86_400) * 1000:
            return now
        return datetime.fromtimestamp(int(milliseconds) / 1000, UTC)

    def _back(self, failures: int) -> int:
        if failures:
            log_event(logger, "listener.connected", source=self._intake.source.name, failures=failures)
        return 0

    def _away(self, error: Exception, failures: int) -> None:
        if failures == 1:
            source = self._intake.source.name
            why = {"error": type(error).__name__, "why": _why(error)}
            log_event(logger, "listener.away", logging.WARNING, source=source, **why)
        self._stopping.wait(pause_seconds(failures, random.random()))  # noqa: S311 - jitter, no secret


def _why(error: Exception) -> str:
    """What a refusal of the server means; of its text no more than the first word, which is its code."""
    code = str(error).partition(" ")[0]
    if isinstance(error, AuthenticationError) or code in _LOGIN_CODES:
        return "the server refuses the login: compare the URL's user and password with its own, then start again"
    if isinstance(error, ResponseError):
        return _CODES.get(code, f"the server refuses: {code}" if code.isupper() else "the server refuses")
    return "the database is away" if isinstance(error, StoreUnavailable) else "the stream's server is away"


def client_of(url: str) -> redis.Redis:
    """A client that gives bytes. Raises ValueError for an address of another kind; connects when it is first used."""
    options: dict[str, Any] = {"protocol": 2, "socket_timeout": BLOCK_MS / 1000 + 5}
    if not url.startswith("unix://"):
        options["socket_keepalive"] = True  # which a socket of this machine does not know
    # The usual retries of the library would hide for minutes that the server is away.
    client: redis.Redis = redis.Redis.from_url(url, retry=Retry(NoBackoff(), 0), **options)
    return client


def _entries(given: Any) -> list[Entry]:
    """What a read gave, by either version of the protocol: a list of streams with their entries, or a mapping."""
    if not given:
        return []
    if isinstance(given, dict):
        # RESP3 gives a list of lists for each stream.
        return [entry for batches in given.values() for batch in batches for entry in batch]
    return [entry for _, entries in given for entry in entries]
