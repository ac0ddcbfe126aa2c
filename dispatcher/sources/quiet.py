"""How long the calls of a source must have been quiet before they count as complete."""

from dispatcher.domain.assembly import DEFAULT_QUIET_SECONDS
from dispatcher.ports import Source
from dispatcher.sources import FORMATS


def quiet_seconds_of(source: Source) -> float:
    """The source's `config.quiet_seconds`, else its format's."""
    own = source.config.get("quiet_seconds")
    if own is not None:
        return float(own)
    spoken = FORMATS.get(source.format)
    usual = spoken.quiet_seconds if spoken is not None else None
    return DEFAULT_QUIET_SECONDS if usual is None else usual
