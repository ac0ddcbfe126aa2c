"""The moment at which something says that it was signed: near enough to its receipt, or it may be a replay."""

from datetime import datetime

from dispatcher.sources.authentication.members import DEFAULT_TOLERANCE_SECONDS, Auth
from dispatcher.sources.authentication.refusals import Forbidden, NotAuthenticated, Why

_MAX_DIGITS = 16
_MILLISECONDS = 10**11
"""From here on a number of seconds would lie beyond the year 5000: it is one of milliseconds."""


def check_moment(text: str | None, auth: Auth, received_at: datetime) -> None:
    """Raises `NotAuthenticated` without a Unix time in seconds or milliseconds, `Forbidden` for one too far away."""
    digits = (text or "").strip()
    if not (digits.isascii() and digits.isdigit() and len(digits) <= _MAX_DIGITS):
        raise NotAuthenticated("The request does not say when it was signed.")
    number = int(digits)
    seconds = number / 1000 if number >= _MILLISECONDS else float(number)
    if abs(received_at.timestamp() - seconds) > tolerance_of(auth):
        raise Forbidden("The request was signed too long ago or for later: check both clocks.", Why.STALE)


def tolerance_of(auth: Auth) -> float:
    """Seconds that a signed moment may be away from the receipt."""
    return float(auth.get("tolerance_seconds") or DEFAULT_TOLERANCE_SECONDS)
