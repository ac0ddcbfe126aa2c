"""The composition root of listeners: each is put together here, on what `wiring` gives every process."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from uuid import UUID, uuid4

import orjson

from dispatcher.adapters.celery_queue import BackgroundHints
from dispatcher.adapters.listeners.intake import Intake, Take
from dispatcher.adapters.listeners.maxcontact import Clocks, Dialler, MaxContactPoller
from dispatcher.adapters.listeners.record import Record
from dispatcher.adapters.listeners.spool import Spool, Unreadable
from dispatcher.adapters.sql.store import Store
from dispatcher.adapters.vault import CannotOpen
from dispatcher.clock import utc_now
from dispatcher.domain.ids import unix_ms, uuid7
from dispatcher.ingest import Ingestor
from dispatcher.ports import Source, StoreUnavailable
from dispatcher.settings import Settings
from dispatcher.sources.quiet import quiet_seconds_of
from dispatcher.take import Taker
from dispatcher.wiring import USER_AGENT, build_hints, build_sender, build_vault

SPOOL = "spool"
HINT_SECONDS = 2.0
"""For hints that wait at the end; the sweeper finds what they spoke of."""
_COPY = "source"
"""In a spool's folder: the source as it was last seen, sealed, for a start while the database is away."""


@dataclass(frozen=True)
class Listening:
    """What every listener of one source needs."""

    settings: Settings
    store: Store
    source: Source
    take: Take
    intake: Intake


@contextmanager
def listening(settings: Settings, source: Source, store: Store) -> Iterator[Listening]:
    """The way in for one source; at the end all that was taken is stored and hinted. Raises MasterKeyError."""
    # Of its own thread: a broker that is away must not hold up what comes in, by seconds for each batch.
    hints = BackgroundHints(build_hints(settings))
    ingestor = Ingestor(
        store.hot,
        hints,
        utc_now,
        parts=store.assemblies,
        linger_seconds=settings.linger_ms / 1000,
        rehint_seconds=settings.rehint_seconds,
    )
    take = Taker(ingestor, utc_now, quiet_seconds_of).take

    def quarantine(owner: Source, record: Record, reason: str) -> None:
        identifier = uuid7(unix_ms(utc_now()), os.urandom(10))
        headers = {"content-type": record.content_type}
        store.admin.quarantine(identifier, owner, record.body, headers, reason, utc_now())

    try:
        yield Listening(settings, store, source, take, Intake(source, store.admin.source, take, quarantine, utc_now))
    finally:
        ingestor.stop()
        hints.stop(HINT_SECONDS)


def spool_folder(settings: Settings, name: str) -> Path:
    """Where the spool of a source is."""
    return settings.data_dir / SPOOL / name


def build_spool(settings: Settings, source: Source, max_bytes: int) -> Spool:
    """The spool of a source, sealed with the master key. Raises MasterKeyError, `SpoolInUse` and OSError."""
    vault, bound_to = build_vault(settings), source.id.bytes

    def open_entry(sealed: bytes) -> bytes:
        try:
            return vault.open(sealed, bound_to)
        except CannotOpen as error:
            raise Unreadable from error

    return Spool(spool_folder(settings, source.name), lambda entry: vault.seal(entry, bound_to), open_entry, max_bytes)


def find_source(settings: Settings, store: Store, name: str) -> Source | None:
    """The source; where the database is away, as a listener of this machine saw it last. Raises StoreUnavailable."""
    copy = spool_folder(settings, name) / _COPY
    vault = build_vault(settings)
    try:
        source = store.admin.source(name)
    except StoreUnavailable:
        if not copy.is_file():
            raise
        # One of another master key or version is as if this machine had never seen the source.
        with suppress(CannotOpen, ValueError, TypeError):
            return _read_copy(vault.open(copy.read_bytes(), name.encode()))
        raise
    if source is not None and copy.parent.is_dir():
        beside = copy.with_suffix(".new")
        beside.write_bytes(vault.seal(orjson.dumps(source, default=dict), name.encode()))
        beside.replace(copy)
    return source


@contextmanager
def polling(listener: Listening) -> Iterator[MaxContactPoller]:
    """The poller of a source of format `maxcontact`. Raises StoreUnavailable, LookupError for an unknown credential."""
    admin, source = listener.store.admin, listener.source
    name = source.config["credential"]
    saved = admin.credential(source.workspace_id, name)
    if saved is None:
        raise LookupError(name)
    proxy = admin.workspace(source.workspace_id).egress_proxy
    sender = build_sender(listener.settings, admin)
    dialler = Dialler(source, saved.credential, proxy, USER_AGENT)
    try:
        yield MaxContactPoller(
            dialler, sender, listener.store.agents, listener.take, uuid4(), Clocks(utc_now, monotonic)
        )
    finally:
        sender.stop(0)


def _read_copy(given: bytes) -> Source:
    raw = orjson.loads(given)
    return Source(**{**raw, "id": UUID(raw["id"]), "workspace_id": UUID(raw["workspace_id"])})
