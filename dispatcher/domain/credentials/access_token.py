"""An access token: what a target's token service gave, until when, and when to ask again."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from dispatcher.domain.credentials.secret_forms import forms_of

RENEWED_AT = 0.8
"""Of its life: a token is renewed before it ends, while the old one still serves."""
LEAST_LIFE = timedelta(seconds=1)
LONGEST_LIFE = timedelta(days=30)
"""A service whose clock or time zone is wrong must not have us ask for every request, nor never again."""
FIRST_REFUSAL = timedelta(minutes=5)
LONGEST_REFUSAL = timedelta(hours=6)
"""After a refusal nobody asks for five minutes, then ten, twenty ...: four attempts in the first half hour, which is
below what locks an account. A changed credential is tried at once."""


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A token and its life. Its `repr` shows no secret."""

    text: str = field(repr=False)
    obtained_at: datetime
    expires_at: datetime
    forms: tuple[str, ...] = field(init=False, repr=False, compare=False)
    """As `forms_of` gives them: what an answer may repeat."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "forms", forms_of(self.text))

    def serves(self, now: datetime) -> bool:
        """Whether a request may carry it now."""
        return now < self.expires_at

    def is_due(self, now: datetime) -> bool:
        """Whether its successor should be asked for."""
        return now >= self.obtained_at + (self.expires_at - self.obtained_at) * RENEWED_AT


def token_of(text: str, now: datetime, expires_at: datetime) -> AccessToken:
    """A token just obtained, its life within bounds."""
    return AccessToken(text, now, min(max(expires_at, now + LEAST_LIFE), now + LONGEST_LIFE))


def refused_until(now: datetime, refusals: int) -> datetime:
    """Until when a token service that refused for so many times in a row is left alone."""
    doublings = min(refusals - 1, 20)
    return now + min(FIRST_REFUSAL * (1 << doublings), LONGEST_REFUSAL)
