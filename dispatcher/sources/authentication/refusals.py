"""Why a post was not let in."""

from enum import StrEnum


class Why(StrEnum):
    """The word that a refusal is counted under. It says nothing of what was sent."""

    CLOSED = "closed"
    """The source has no authentication, or one that cannot be used."""
    MISSING = "missing"
    """What the poster must show is not there, or cannot be read."""
    WRONG = "wrong"
    """A password or token that is not the source's."""
    SIGNATURE = "signature"
    """A signature that does not fit what was sent."""
    STALE = "stale"
    """Signed too long ago, or for later."""
    ADDRESS = "address"
    """From an address that is not on the list."""


class NotAuthenticated(Exception):
    """The post shows no valid credential: 401, with `challenge` as WWW-Authenticate where it is set (RFC 9110)."""

    def __init__(self, reason: str, challenge: str | None = None, why: Why = Why.MISSING) -> None:
        super().__init__(reason)
        self.reason, self.challenge, self.why = reason, challenge, why


class Forbidden(Exception):
    """No credential would help: 403. The source is closed, or the signature belongs to another request."""

    def __init__(self, reason: str, why: Why = Why.SIGNATURE) -> None:
        super().__init__(reason)
        self.reason, self.why = reason, why
