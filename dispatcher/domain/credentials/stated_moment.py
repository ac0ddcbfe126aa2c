"""When a token ends, in the many notations in which token services say it."""

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from dispatcher.domain.credentials.access_token import LONGEST_LIFE

_DOTNET_DATE = re.compile(r"/Date\((-?\d{1,15})(?:[+-]\d{4})?\)/")
_EPOCH_SECONDS = 1e9  # 2001: a smaller number says for how long, not until when
_EPOCH_MILLISECONDS = 1e11


def moment_of(said: str | None, now: datetime) -> datetime | None:
    """What a service says of a token's end: seconds of life, a moment since 1970, or a date in one of five notations.

    Without a zone it is taken for UTC. None for what cannot be read.
    """
    if said is None:
        return None
    text = said.strip()
    dotnet = _DOTNET_DATE.fullmatch(text)
    try:
        if dotnet:
            return datetime.fromtimestamp(int(dotnet[1]) / 1000, UTC)
        try:
            return _of_number(float(text), now)
        except ValueError:
            pass
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError, OSError):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _of_number(number: float, now: datetime) -> datetime | None:
    if number != number or number < 0:  # noqa: PLR0124 - not a number
        return None
    if number >= _EPOCH_MILLISECONDS:
        return datetime.fromtimestamp(number / 1000, UTC)
    if number >= _EPOCH_SECONDS:
        return datetime.fromtimestamp(number, UTC)
    return now + min(timedelta(seconds=number), LONGEST_LIFE)
