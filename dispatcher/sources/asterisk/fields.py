"""What Asterisk's records have in common: names of members in any spelling, times, channels and directions."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from dispatcher.sources.format import SourceSettings
from dispatcher.sources.normal.numbers import is_extension
from dispatcher.sources.normal.times import epoch_seconds, iso
from dispatcher.sources.posts.said import identity, said

_DIGITS_ONLY = re.compile(r"[0-9]{1,30}(?:\.[0-9]{1,9})?")
_UNIQUE_ID = re.compile(r"(?:.*-)?([0-9]{9,11})\.[0-9]{1,9}")
"""`<epoch seconds>.<number>`, with the system's name and a dash before it where asterisk.conf sets one."""
_CHANNEL = re.compile(r"(?:Local|PJSIP|SIP|IAX2|SCCP|DAHDI|Agent)/([0-9*#]{2,32})(?:@[^-]*)?(?:-[^/]*)?")
_CALLER_ID = re.compile(r'"?([^"<]*)"?\s*(?:<([^<>]*)>)?')
DIAL_OUTCOMES = {
    "ANSWER": "answered",
    "BUSY": "busy",
    "NOANSWER": "missed",
    "CANCEL": "cancelled",
    "CONGESTION": "failed",
    "CHANUNAVAIL": "failed",
}
"""By DIALSTATUS, as the application Dial sets it."""
INBOUND_CONTEXTS = ("from-trunk", "from-pstn", "from-external", "from-did-direct", "inbound", "incoming", "public")
INTERNAL_CONTEXTS = ("from-internal", "internal", "default", "outbound")


def folded(record: Mapping[str, Any]) -> dict[str, Any]:
    """The members by their names in small letters without separators: `Unique_ID`, `CDR(uniqueid)` -> `uniqueid`."""
    names = ((str(name), value) for name, value in reversed(list(record.items())))
    return {re.sub(r"^cdr\((.*)\)$", r"\1", name.lower()).translate(_SEPARATORS): value for name, value in names}


_SEPARATORS = str.maketrans("", "", "_- ")


def moment(value: object, settings: SourceSettings, after: datetime | None = None) -> datetime | None:
    """From epoch seconds, or a date and time, which is of the source's zone where it says no offset.

    `after` is known to be no later, which tells the two hours apart that a clock change repeats.
    """
    text = said(value) if not isinstance(value, float) else repr(value)
    if text is None:
        return None
    return epoch_seconds(text) if _DIGITS_ONLY.fullmatch(text) else iso(text, settings.time_zone, after=after)


def began(unique_id: str | None) -> datetime | None:
    """When a channel was made, which its id says to the second."""
    found = _UNIQUE_ID.fullmatch(unique_id or "")
    return epoch_seconds(found[1]) if found else None


def extension_of(channel: object, settings: SourceSettings) -> str | None:
    """The extension that a channel's name holds (`PJSIP/154-00000012`); None for a trunk's."""
    found = _CHANNEL.fullmatch(said(channel) or "")
    return found[1] if found and is_extension(found[1], settings) else None


def caller_of(caller_id: object) -> tuple[str | None, str | None]:
    """Name and number of `"Jane Roe" <154>`; a name that only repeats the number is none."""
    found = _CALLER_ID.fullmatch((said(caller_id) or "")[:500])
    if found is None:
        return None, None
    name, number = identity(found[1]), said(found[2])
    if found[2] is None and name and name.lstrip("+").isdigit():
        return None, name
    return (None if name == number else name), number


def direction_of(context: str | None, dialled: str | None, did: str | None, settings: SourceSettings) -> str | None:
    """By the dialplan's context, since Asterisk knows no direction: `inbound` in a trunk's context or where a DID was
    dialled; from an internal one `internal` to an extension, else `outbound`; None in any other context."""
    if did is not None or context in _contexts(settings, "inbound_contexts", INBOUND_CONTEXTS):
        return "inbound"
    if dialled is not None and context in _contexts(settings, "internal_contexts", INTERNAL_CONTEXTS):
        return "internal" if is_extension(dialled, settings) else "outbound"
    return None


def _contexts(settings: SourceSettings, name: str, usual: tuple[str, ...]) -> list[Any]:
    given = settings.config.get(name)
    return given if isinstance(given, list) else list(usual)
