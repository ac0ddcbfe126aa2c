"""Have a source's format read a post, and say in a sentence why it cannot."""

from collections.abc import Sequence

from dispatcher.domain.event import EventRefused
from dispatcher.ports import HeldPost, Source
from dispatcher.sources import FORMATS
from dispatcher.sources.format import Format, NotUnderstood, Parsed, Posted, SourceSettings

EMPTY = "The post is empty: it has neither a body nor a query."


def read(spoken: Format, source: Source, posted: Posted) -> Sequence[Parsed]:
    """What a post says, by its source's format and settings.

    Raises `NotUnderstood`, and `EventRefused` where the format refuses its events by name.
    """
    return read_as(spoken, posted, SourceSettings(source.time_zone, source.country, source.config))


def read_as(spoken: Format, posted: Posted, settings: SourceSettings) -> Sequence[Parsed]:
    """As `read`, by these settings. Of a post that says nothing at all, that is the reason, whatever a format misses
    in it: what a format misses sends people to look in the wrong place."""
    try:
        return spoken.parse(posted, settings)
    except NotUnderstood:
        if posted.query or posted.body.strip():
            raise
        raise NotUnderstood(EMPTY) from None


def read_or_reason(source: Source, posted: Posted) -> Sequence[Parsed] | str:
    """What a post says, or why nothing was read: a sentence without any of its values."""
    try:
        return read(FORMATS[source.format], source, posted)
    except (NotUnderstood, EventRefused) as error:
        return reason_of(error)


def reason_of(error: NotUnderstood | EventRefused) -> str:
    """What a refusal says, in a sentence."""
    if isinstance(error, NotUnderstood):
        return error.reason
    return f"The record gives no usable {error.faults[0].field}: expected {error.faults[0].expected}."


def read_again(source: Source, held: HeldPost) -> Sequence[Parsed] | str:
    """As `read_or_reason`, of a post that was kept in quarantine; nothing of its authentication is known any more."""
    url = f"http://localhost/v1/sources/{source.name}/events"
    posted = Posted(held.method, url, list(held.query), held.headers, held.body, held.received_at, "")
    return read_or_reason(source, posted)
