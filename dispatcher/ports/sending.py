"""Ports of sending: requests are drawn up, and carried to targets."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from dispatcher.domain.answers.view import ReadReply
from dispatcher.domain.exchange import ErrorWord, Exchange, Request
from dispatcher.domain.profile import ProfileSpec

Done = Callable[[Exchange], None]


class Sender(Protocol):
    """Carries requests to targets."""

    def send(self, batch: Sequence[tuple[Request, Done]]) -> None:
        """Starts every exchange and returns at once.

        Each `done` is called exactly once, from a thread of the sender's, and must not block.
        """
        ...

    @property
    def in_flight(self) -> int:
        """Exchanges started and not yet ended."""
        ...

    def stop(self, grace_seconds: float) -> None:
        """Waits for what is in flight up to the grace; the rest ends as `shutdown`. May be called again."""
        ...


class AuthenticatedSender(Sender, Protocol):
    """A sender that also puts a request's credential into it, fetching a token first where its kind needs one."""

    def fetch_token(self, request: Request, done: Callable[[datetime | Exchange], None]) -> None:
        """Fetches a new access token with the request's credential, though the present one may still serve.

        `done` gets when the new one ends, or how the fetching failed; as for `send`, exactly once.
        """
        ...


@dataclass(slots=True)
class Rendered:
    """A request with every template filled in, before signing."""

    method: str
    url: str
    headers: list[tuple[str, str]]
    body: bytes | None
    read_reply: ReadReply | None = None
    """Of a SOAP request: what reads its answer."""


class RenderError(Exception):
    """A request cannot be built. Neither `field` nor `reason` holds a value of the call.

    `word`: `render_error` for a template, `bad_value` for a value that its place does not take, `wsdl` for a WSDL that
    cannot be used. `passing`: the same may work in a while, without anybody's help.
    """

    def __init__(
        self, field: str, reason: str, word: ErrorWord = ErrorWord.RENDER_ERROR, *, passing: bool = False
    ) -> None:
        super().__init__(f"{reason} in {field}")
        self.field = field
        self.reason = reason
        self.word = word
        self.passing = passing


class RequestTemplate(Protocol):
    """A profile's request, compiled once for a revision."""

    def render(self, context: Mapping[str, Any]) -> Rendered:
        """The request for one event; raises `RenderError`."""
        ...

    def undefined(self, context: Mapping[str, Any]) -> list[dict[str, str]]:
        """The variables that this event does not have though nothing says that they may be absent: faults, each with
        `field`, `expected`, `got`. For a person's test."""
        ...


class Templates(Protocol):
    """The template engine. A SOAP request rests on a WSDL that the workspace keeps; every method but `is_at_hand` may
    read it, and raises StoreUnavailable where the database cannot answer."""

    def check(self, spec: ProfileSpec, outputs: Collection[str] = (), *, workspace_id: UUID) -> list[dict[str, str]]:
        """Every fault that can be known before a call is there: `field`, `expected`, `got`.

        `outputs` are the names that `followed.NAME` may have.
        """
        ...

    def compile(self, spec: ProfileSpec, hash_key: bytes = b"", *, workspace_id: UUID) -> RequestTemplate:
        """The compiled request of a profile whose check found nothing. `hash_key` is for the filter `hash`."""
        ...

    def is_at_hand(self, spec: ProfileSpec) -> bool:
        """Whether compiling and rendering need nothing that is slow. Costs next to nothing, and never raises."""
        ...

    def prepare(self, spec: ProfileSpec, *, workspace_id: UUID) -> None:
        """Does what is slow: blocks for seconds where a large WSDL is to be parsed. What cannot be used is at hand too:
        rendering then says why."""
        ...
