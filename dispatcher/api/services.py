"""What the API is given: everything it uses comes in by this one object."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from dispatcher.api.loop_calls import LoopCalls
from dispatcher.domain.operators import CompilePattern
from dispatcher.ingest import Ingestor
from dispatcher.ports import AdminStore, Clock, Hints, ReplayStore, Templates


class Store(AdminStore, ReplayStore, Protocol):
    """What the API asks of the database."""


@dataclass(frozen=True)
class ReadyReport:
    """Which of its services answer. The API is ready while the database does; it takes events without a broker."""

    database: bool
    broker: bool


@dataclass(frozen=True)
class Services:
    """`public_url` is the address that call systems post to, where it differs from the request's own; `random_bytes`
    must be cryptographically strong; `metrics` gives Prometheus' text format.

    The ingestor should have been made with `in_loop` as its `notify`: then a whole group's answers wake the
    loop once instead of once each.
    """

    store: Store
    ingestor: Ingestor
    hints: Hints
    templates: Templates
    compile_pattern: CompilePattern
    clock: Clock
    random_bytes: Callable[[int], bytes]
    max_body_bytes: int
    public_url: str | None
    version: str
    ready: Callable[[], ReadyReport]
    metrics: Callable[[], bytes]
    in_loop: LoopCalls = field(default_factory=LoopCalls)
