"""What a source's format is: bytes and headers in, canonical events or a precise refusal out. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any

from dispatcher.domain.event import CallEvent, EventRefused, parse_event


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


@dataclass(frozen=True)
class SourceSettings:
    """What an administrator set for a source. `time_zone` is an IANA name, for times that carry no offset."""

    time_zone: str = "UTC"
    country: str | None = None
    config: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))


class NotUnderstood(ValueError):
    """A body that the format cannot read, for quarantine. `reason` is a sentence without any of its values."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Format:
    """One call system's way of posting.

    `parse` returns canonical events, or an empty list for what is understood and not kept (a ringing status);
    it raises `NotUnderstood`, and `EventRefused` where `refuses_events` is set. `success_body` None means the
    API's own answer. `auth_kinds` are the kinds of `auth` that this poster can satisfy.
    """

    name: str
    parse: Callable[[Posted, SourceSettings], list[CallEvent]]
    auth_kinds: frozenset[str]
    methods: frozenset[str] = frozenset({"POST"})
    success_status: int = 200
    success_body: bytes | None = b""
    refuses_events: bool = False


def canonical(raw: dict[str, Any], received_at: datetime) -> CallEvent:
    """The event that a format put together, held to the same rules as one that was posted in canonical form.

    Raises `NotUnderstood` that names the first field at fault.
    """
    try:
        return parse_event(raw, received_at)
    except EventRefused as refused:
        fault = refused.faults[0]
        raise NotUnderstood(f"The record gives no usable {fault.field}: expected {fault.expected}.") from None
