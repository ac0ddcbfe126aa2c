"""Whether a post is let in to its source, and the answer to those that only ask whether somebody is there."""

from urllib.parse import parse_qsl

from starlette.types import Receive
from starlette.types import Scope as Request

from dispatcher.api.forwarded import seen_by_proxies
from dispatcher.api.gate import CHALLENGE, Gate
from dispatcher.api.problems import Problem, not_found, unauthorized
from dispatcher.api.services import Services
from dispatcher.api.wire import header_of, read_body
from dispatcher.ports import Source
from dispatcher.sources import Format, Posted
from dispatcher.sources.authentication import (
    Forbidden,
    NotAuthenticated,
    usable_checks,
    verify_addresses,
    verify_shown,
    want_token,
    without_tokens,
)
from dispatcher.sources.format import HandshakeReply
from dispatcher.tokens import Scope

TOKEN_REFUSED = "token"  # noqa: S105 - the word that it is counted under
_PROBES = ("GET", "HEAD")


class SourceGate:
    """Judges posts by their source's authentication, and counts those that it does not let in."""

    def __init__(self, gate: Gate, services: Services) -> None:
        self._gate, self._services = gate, services

    async def admit(self, source: Source, spoken: Format, scope: Request, receive: Receive) -> Posted | HandshakeReply:
        """The post, without the constant that it may have shown; or the reply to a handshake, of which nothing is
        kept. Raises a problem, after it has counted it, or StoreUnavailable."""
        if scope["method"] not in spoken.methods | spoken.handshake_methods:
            raise _wrong_method(source, spoken, scope["method"])
        try:
            return await self._admitted(source, spoken, scope, receive)
        except NotAuthenticated as refused:
            self._services.refused_posts.count(source.name, refused.why)
            raise unauthorized(refused.reason, refused.challenge) from None
        except Forbidden as refused:
            self._services.refused_posts.count(source.name, refused.why)
            closed = unauthorized(refused.reason, CHALLENGE)
            raise Problem(403, refused.reason) if source.auth else closed from None

    async def _admitted(
        self, source: Source, spoken: Format, scope: Request, receive: Receive
    ) -> Posted | HandshakeReply:
        """Cheapest first: the address, then a token of ours, and only then the body."""
        checks = usable_checks(source.auth)
        posted = self._posted(scope)
        verify_addresses(checks, posted)
        by_token = want_token(checks)
        if by_token and spoken.handshake is None:
            await self._admit_token(source, scope)
        posted.body = await read_body(scope, receive, self._services.max_body_bytes)
        if spoken.handshake is not None:
            reply = spoken.handshake(posted)
            if reply is not None:
                return reply
            if scope["method"] not in spoken.methods:
                raise _wrong_method(source, spoken, scope["method"])
            if by_token:
                await self._admit_token(source, scope)
        verify_shown(checks, posted)
        return without_tokens(checks, posted)

    async def _admit_token(self, source: Source, scope: Request) -> None:
        authorization = header_of(scope, b"authorization")
        try:
            token = await self._gate.admit(authorization.decode("latin-1") if authorization else None, Scope.INGEST)
        except Problem:
            self._services.refused_posts.count(source.name, TOKEN_REFUSED)
            raise
        if token.workspace_id != source.workspace_id:
            self._services.refused_posts.count(source.name, TOKEN_REFUSED)
            raise not_found("source")

    def _posted(self, scope: Request) -> Posted:
        """The request without its body, as the outside sees it."""
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        query = scope["query_string"].decode("latin-1")
        peer = scope["client"][0] if scope.get("client") else ""
        seen = seen_by_proxies(peer, scope["scheme"], scope["headers"], self._services.trusted_proxies)
        origin = self._services.public_url or seen.origin
        path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
        return Posted(
            method=scope["method"],
            url=origin.rstrip("/") + path + ("?" + query if query else ""),
            query=parse_qsl(query, keep_blank_values=True),
            headers=headers,
            body=b"",
            received_at=self._services.clock(),
            remote=seen.remote,
        )


def _wrong_method(source: Source, spoken: Format, method: str) -> Problem:
    """405. Who sets a call system up often tries the address in a browser: it says that there is somebody here."""
    allowed = _names(spoken.methods | spoken.handshake_methods)
    detail = f"This source takes {allowed}."
    if method in spoken.handshake_methods:
        detail = f"This is no handshake of the format {spoken.name}, and posts come by {_names(spoken.methods)}."
    if method in _PROBES:
        detail = (
            f"The address is right: the source {source.name!r} (format {spoken.name}) takes posts here by "
            f"{_names(spoken.methods)}. A {method} stores nothing."
        )
    return Problem(405, detail, headers={"allow": allowed})


def _names(methods: frozenset[str]) -> str:
    return ", ".join(sorted(methods))
