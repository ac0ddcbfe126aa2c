"""What the API is given: everything it uses comes in by this one object."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from dispatcher.api.forwarded import Networks
from dispatcher.api.loop_calls import LoopCalls
from dispatcher.api.refused_posts import RefusedPosts
from dispatcher.domain.credentials.spec import CredentialEngines
from dispatcher.domain.engines import Engines
from dispatcher.ingest import Ingestor
from dispatcher.ports import (
    AuthenticatedSender,
    Clock,
    CredentialStore,
    Hints,
    RehearsalStore,
    ReplayStore,
    ShowRequest,
    Templates,
    WorkspaceStore,
)
from dispatcher.ports.wsdl import WsdlStore
from dispatcher.wsdls import Wsdls


class Store(RehearsalStore, ReplayStore, CredentialStore, WorkspaceStore, WsdlStore, Protocol):
    """What the API asks of the database."""


@dataclass(frozen=True)
class ReadyReport:
    """Which of its services answer. The API is ready while the database does; it takes events without a broker."""

    database: bool
    broker: bool


@dataclass(frozen=True)
class Services:
    """`public_url` is the address that call systems post to, where it differs from the request's own; what a proxy says
    of a request is believed only where the proxy's address is in `trusted_proxies`; `random_bytes`
    must be cryptographically strong; `metrics` gives Prometheus' text format; `open_sender` gives the one sender of the
    process, which is made when it is first asked for.

    The ingestor should have been made with `in_loop` as its `notify`: then a whole group's answers wake the
    loop once instead of once each.
    """

    store: Store
    ingestor: Ingestor
    hints: Hints
    templates: Templates
    wsdls: Wsdls
    engines: Engines
    credential_engines: CredentialEngines
    open_sender: Callable[[], AuthenticatedSender]
    show_request: ShowRequest
    clock: Clock
    random_bytes: Callable[[int], bytes]
    max_body_bytes: int
    public_url: str | None
    version: str
    ready: Callable[[], ReadyReport]
    metrics: Callable[[], bytes]
    in_loop: LoopCalls = field(default_factory=LoopCalls)
    trusted_proxies: Networks = ()
    refused_posts: RefusedPosts = field(default_factory=RefusedPosts)
