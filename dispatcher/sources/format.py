"""What a source's format is: bytes and headers in, canonical events or a precise refusal out. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from dispatcher.domain.call_part import CallPart
from dispatcher.domain.event import CallEvent, EventRefused, parse_event
from dispatcher.domain.shape import Reading
from dispatcher.sources.normal.numbers import number_forms, plain_number
from dispatcher.sources.posts.said import present
from dispatcher.sources.source_settings import SourceSettings

__all__ = [
    "Format",
    "HandshakeReply",
    "NotUnderstood",
    "Parsed",
    "Posted",
    "ReadConfig",
    "SourceSettings",
    "canonical",
    "part",
]


@dataclass(slots=True)
class Posted:
    """One request as a source posted it.

    `url` is the address as the outside sees it, with its query, not decoded: signatures are made over it.
    `query` is its decoded list of pairs; header names are lower case; `received_at` is aware, in UTC.
    """

    method: str
    url: str
    query: list[tuple[str, str]]
    headers: Mapping[str, str]
    body: bytes
    received_at: datetime
    remote: str


class NotUnderstood(ValueError):
    """A body that the format cannot read, for quarantine. `reason` is a sentence without any of its values."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


Parsed = CallEvent | CallPart
"""A final event, or a record that is one of several of its call."""
ReadConfig = Callable[[Reading, Mapping[str, Any], str], None]
"""Judges a source's `config` below a path: notes the faults of those members that are the format's own."""


@dataclass(frozen=True, slots=True)
class HandshakeReply:
    """What a post that only asks whether somebody is there is answered with. Nothing is stored of it."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True)
class Format:
    """One call system's way of posting.

    `parse` returns canonical events and parts of calls, or an empty list for what is understood and not kept (a
    ringing status); it raises `NotUnderstood`, and `EventRefused` where `refuses_events` is set. `success_body` None
    means the API's own answer. `auth_kinds` are the kinds of `auth` that this poster can satisfy.
    """

    name: str
    parse: Callable[[Posted, SourceSettings], Sequence[Parsed]]
    auth_kinds: frozenset[str]
    methods: frozenset[str] = frozenset({"POST"})
    success_status: int = 200
    success_body: bytes | None = b""
    refuses_events: bool = False
    quiet_seconds: float | None = None
    """Of a format whose calls come in parts: for so long after the last part a call is taken to be complete, unless
    the source's `config.quiet_seconds` says otherwise. None: its events are final as they come."""
    config_members: tuple[str, ...] = ()
    """What a source's `config` may say for this format, besides what every format takes."""
    read_config: ReadConfig | None = None
    handshake: Callable[[Posted], HandshakeReply | None] | None = None
    """Looks at a post before it is authenticated, since the poster has nothing to show yet; None for a real one. A
    source that is closed, or that does not list the poster's address, shakes no hands."""
    handshake_methods: frozenset[str] = frozenset()
    """Methods of which a handshake may be, besides `methods`."""
    succeed: Callable[[Posted], HandshakeReply | None] | None = None
    """The answer to a post that was taken in, where it depends on the post; None: `success_status`, `success_body`."""
    found_nothing: Callable[[Posted, SourceSettings], list[str]] | None = None
    """Of a format that is told where to look: the fields for which a post holds nothing. Raises `NotUnderstood`."""


def canonical(raw: dict[str, Any], received_at: datetime, settings: SourceSettings | None = None) -> CallEvent:
    """The event that a format put together, held to the same rules as one that was posted in canonical form.

    With the source's settings, `call.external` and `call.dialled` are filled from `external_number` and `dnis`, which
    lose a URI around them, and are absent where the party shows no number.
    Raises `NotUnderstood` that names the first field at fault.
    """
    if settings is not None and type(raw.get("call")) is dict:
        raw = {**raw, "call": _with_numbers(raw["call"], settings)}
    try:
        return parse_event(raw, received_at)
    except EventRefused as refused:
        fault = refused.faults[0]
        raise NotUnderstood(f"The record gives no usable {fault.field}: expected {fault.expected}.") from None


def part(
    raw: dict[str, Any],
    received_at: datetime,
    settings: SourceSettings | None,
    keys: Iterable[str | None],
    *,
    ends_call: bool = False,
    is_fact: bool = False,
    leg: str | None = None,
) -> CallPart:
    """The record as a part of its call; keys that are None or empty count as not there, and each counts once.

    Raises `NotUnderstood` as `canonical` does, and where there is no key.
    """
    found = tuple(dict.fromkeys(key for key in keys if key))
    if not found:
        raise NotUnderstood("The record gives no id by which its call could be known.")
    return CallPart(canonical(raw, received_at, settings), found, ends_call=ends_call, is_fact=is_fact, leg=leg)


def _with_numbers(call: dict[str, Any], settings: SourceSettings) -> dict[str, Any]:
    """What is dialled is what the business's own people dial, but for a call that comes in."""
    filled = dict(call)
    outward = call.get("direction") in ("outbound", "internal", "intersite")
    for plain, forms in (("external_number", "external"), ("dnis", "dialled")):
        if call.get(plain) is not None and call.get(forms) is None:
            found = number_forms(call[plain], settings, dialled=outward)
            filled[forms] = present(found) if found["raw"] is not None else None
            filled[plain] = plain_number(call[plain])
    return filled
