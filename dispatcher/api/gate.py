"""Who may come in: API tokens by HTTP Basic (RFC 7617) or Bearer (RFC 6750), and the count of their use."""

import base64
import binascii
from collections.abc import Mapping
from datetime import datetime
from threading import Lock

from dispatcher.api.fresh import Fresh
from dispatcher.api.problems import Problem, unauthorized
from dispatcher.ports import AdminStore, Clock, StoreUnavailable, Token
from dispatcher.tokens import TOKEN_PREFIX, Scope, opens, permits

CHALLENGE = 'Basic realm="onhook", charset="UTF-8", Bearer realm="onhook"'
_MAX_ID_CHARACTERS = 64


class Gate:
    """Lets requests in by their token."""

    def __init__(self, store: AdminStore, clock: Clock) -> None:
        self._clock = clock
        self.tokens: Fresh[Token] = Fresh(store.token)
        self.usage = Usage(store)

    async def admit(self, authorization: str | None, scope: Scope) -> Token:
        """The token that the header's secret opens, its use counted.

        Raises a 401 problem for any other header, 403 for a token without the scope, and StoreUnavailable.
        """
        given = credentials_of(authorization)
        if given is None:
            raise unauthorized("A token is needed: HTTP Basic with token and secret, or a Bearer of both.", CHALLENGE)
        token_id, secret = given
        token = await self.tokens.find(token_id) if _may_be_token(token_id) else None
        if token is None or not opens(token, secret):
            raise unauthorized("Token or secret is wrong.", CHALLENGE)
        self.usage.count(token_id, self._clock())
        if not permits(token, scope):
            raise Problem(403, f"The token has not the scope {scope}.")
        return token


class Usage:
    """Requests by token, counted in memory and written in one go."""

    def __init__(self, store: AdminStore) -> None:
        self._store = store
        self._uses: dict[str, tuple[int, datetime]] = {}
        self._lock = Lock()

    def count(self, token_id: str, at: datetime) -> None:
        """One request of the token more."""
        with self._lock:
            before = self._uses.get(token_id)
            self._uses[token_id] = (before[0] + 1 if before else 1, at)

    def flush(self) -> None:
        """Writes what was counted; while the database is away it is kept for the next time, and nothing is raised."""
        with self._lock:
            uses, self._uses = self._uses, {}
        if not uses:
            return
        try:
            self._store.count_token_use(uses)
        except StoreUnavailable:
            self._take_back(uses)

    def _take_back(self, uses: Mapping[str, tuple[int, datetime]]) -> None:
        with self._lock:
            for token_id, (requests, at) in uses.items():
                since = self._uses.get(token_id, (0, at))
                self._uses[token_id] = (requests + since[0], max(at, since[1]))


def credentials_of(authorization: str | None) -> tuple[str, str] | None:
    """Token and secret of an Authorization header: `Basic` of `token:secret`, or `Bearer token.secret`."""
    scheme, _, rest = (authorization or "").partition(" ")
    rest = rest.strip()
    match scheme.lower():
        case "bearer":
            token_id, separator, secret = rest.partition(".")
        case "basic":
            try:
                token_id, separator, secret = base64.b64decode(rest, validate=True).decode().partition(":")
            except (binascii.Error, ValueError):
                return None
        case _:
            return None
    return (token_id, secret) if separator and token_id and secret else None


def _may_be_token(token_id: str) -> bool:
    """Whether it is worth a look into the database."""
    return token_id.startswith(TOKEN_PREFIX) and len(token_id) <= _MAX_ID_CHARACTERS and token_id.isascii()
