"""Make, renew and revoke API keys: the one way, for the API and for the command line."""

import base64
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from hmac import compare_digest
from typing import Any
from uuid import UUID

from dispatcher.domain.shape import Fault, Reading
from dispatcher.ports import AdminStore, Clock, Token

TOKEN_PREFIX = "ok_"  # noqa: S105 - the visible mark of our token ids, not a secret
SECRET_PREFIX = "os_"  # noqa: S105 - as above: by it, secret scanners know a leaked one
_ID_BYTES = 10
_SECRET_BYTES = 32
_MAX_NAME_CHARACTERS = 200


class Scope(StrEnum):
    """What a token may do. `admin` includes every other; the others are exactly what they say."""

    INGEST = "ingest"
    READ = "read"
    WRITE = "write"
    ADMIN = "admin"


class TokenRefused(ValueError):
    """A token that cannot be made as asked; `faults` lists what to mend."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__(f"the token is refused for {len(faults)} fault(s)")
        self.faults = faults


@dataclass(frozen=True)
class Minted:
    """A new token with its secrets, which nobody can read again."""

    token: Token
    secret_1: str
    secret_2: str


@dataclass(frozen=True)
class Tokens:
    """The API keys of every workspace. `random_bytes` must be cryptographically strong (`os.urandom`)."""

    store: AdminStore
    clock: Clock
    random_bytes: Callable[[int], bytes]

    def create(self, workspace_id: UUID, name: object, scopes: object) -> Minted:
        """A new token of 1 to 4 scopes, stored with both secrets digested. Raises `TokenRefused`."""
        reading = Reading()
        wanted = _read_scopes(reading, scopes)
        wanted_name = _read_name(reading, name)
        if reading.faults:
            raise TokenRefused(reading.faults)
        identifier = TOKEN_PREFIX + base64.b32encode(self.random_bytes(_ID_BYTES)).decode().lower()
        secret_1, secret_2 = self._secret(), self._secret()
        digests = (digest_of(secret_1), digest_of(secret_2))
        token = Token(identifier, workspace_id, wanted_name, wanted, digests, self.clock())
        self.store.add_token(token)
        return Minted(token, secret_1, secret_2)

    def rotate(self, workspace_id: UUID, token_id: str, which: int) -> str | None:
        """A new secret 1 or 2; the old one is void at once, the other stands. None where there is no such token."""
        secret = self._secret()
        return secret if self.store.set_secret(workspace_id, token_id, which, digest_of(secret)) else None

    def revoke(self, workspace_id: UUID, token_id: str) -> bool:
        """Ends a token for good. False where there is none, or it is revoked already."""
        return self.store.revoke_token(workspace_id, token_id, self.clock())

    def _secret(self) -> str:
        return SECRET_PREFIX + base64.urlsafe_b64encode(self.random_bytes(_SECRET_BYTES)).decode().rstrip("=")


def digest_of(secret: str) -> bytes:
    """What is kept of a secret. A plain SHA-256 suffices: 256 random bits cannot be guessed, so nothing slows it."""
    return sha256(secret.encode("utf-8", "surrogatepass")).digest()


def opens(token: Token, secret: str) -> bool:
    """Whether the secret is one of the token's two, in a time that says nothing of either; never for a revoked one."""
    given = digest_of(secret)
    first, second = token.secret_digests
    fits = compare_digest(given, first) | compare_digest(given, second)
    return fits and token.revoked_at is None


def permits(token: Token, scope: Scope) -> bool:
    """Whether the token's scopes include this one."""
    return scope in token.scopes or Scope.ADMIN in token.scopes


def _read_name(reading: Reading, raw: object) -> str:
    if type(raw) is str and raw.strip() and len(raw) <= _MAX_NAME_CHARACTERS and raw.isprintable():
        return raw
    reading.note("name", f"printable text of 1 to {_MAX_NAME_CHARACTERS} characters", raw)
    return ""


def _read_scopes(reading: Reading, raw: object) -> frozenset[str]:
    items: list[Any] = reading.items(raw, "scopes", len(Scope))
    items = [each.value if isinstance(each, Scope) else each for each in items]
    if type(raw) is list and not raw:
        reading.note("scopes", f"at least one of {', '.join(Scope)}", raw)
    return frozenset(
        reading.word(each, f"scopes[{index}]", [each.value for each in Scope]) for index, each in enumerate(items)
    )
