"""What is shared of access tokens by all workers, in the words of whoever fetches them."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol
from uuid import UUID

from dispatcher.domain.credentials.access_token import AccessToken
from dispatcher.domain.credentials.credential import Credential


@dataclass(frozen=True, slots=True)
class Refusal:
    """A token service that took no secret, for so many times in a row, and until when it is left alone."""

    until: datetime
    reason: str
    times: int


@dataclass(frozen=True, slots=True)
class TokenState:
    """What is stored of a credential's token. `leased`: whoever asked is now the one to fetch the next one."""

    token: AccessToken | None = None
    refusal: Refusal | None = None
    renewing_until: datetime | None = None
    leased: bool = False

    def usable(self, stale: str | None, now: datetime) -> AccessToken | None:
        """The token, if it serves and is not the one that a target would no longer take."""
        token = self.token
        return token if token is not None and token.text != stale and token.serves(now) else None

    def wants_renewal(self, stale: str | None, now: datetime) -> bool:
        """Whether the next token should be fetched now."""
        if self.refusal is not None and now < self.refusal.until:
            return False
        token = self.usable(stale, now)
        return token is None or token.is_due(now)

    def leased_by_caller(self) -> "TokenState":
        """The same, with the lease."""
        return replace(self, leased=True)


class TokenStore(Protocol):
    """Where tokens are shared. Only one at a time holds the lease to fetch the next one. Raises StoreUnavailable."""

    def token_state(
        self, credential: Credential, stale: str | None, renewer: UUID, now: datetime, lease_until: datetime
    ) -> TokenState:
        """What is stored, of this revision or a newer one; takes the lease where a renewal is due and nobody has it."""
        ...

    def force_lease(self, credential: Credential, renewer: UUID, now: datetime, lease_until: datetime) -> TokenState:
        """Takes the lease in any case but where somebody has it."""
        ...

    def keep_token(self, credential: Credential, renewer: UUID, token: AccessToken) -> None:
        """Keeps the token and ends the lease, if it is still the renewer's."""
        ...

    def keep_refusal(self, credential: Credential, renewer: UUID, refusal: Refusal) -> None:
        """As `keep_token`; the old token stays."""
        ...

    def give_back_lease(self, credential: Credential, renewer: UUID) -> None:
        """Ends the lease without a result."""
        ...
