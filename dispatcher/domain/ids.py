"""Identifiers: time-ordered, so that the right edge of every index stays warm (RFC 9562)."""

from datetime import UTC, datetime
from hashlib import blake2b
from uuid import UUID

_VERSION_7 = 0x7000
_VERSION_8 = 0x8000
_VARIANT = 0x8 << 60


def uuid7(unix_ms: int, random_10: bytes) -> UUID:
    """A UUIDv7 (RFC 9562, 5.7) of a time in milliseconds since 1970 and ten random bytes."""
    rand = int.from_bytes(random_10, "big")
    return _pack(unix_ms, _VERSION_7, rand >> 68, rand)


def delivery_id(event_id: UUID, profile_id: UUID, generation: int = 0) -> UUID:
    """The id of the delivery of an event for a profile: the same for the same three, on every machine.

    A UUIDv8 (RFC 9562, 5.8): the event's 48 bits of time, then a hash of event, profile and
    generation. All deliveries of one event therefore lie between `first_of` and `last_of` of its id.
    """
    digest = blake2b(event_id.bytes + profile_id.bytes + generation.to_bytes(4, "big"), digest_size=10).digest()
    rand = int.from_bytes(digest, "big")
    return _pack(event_id.int >> 80, _VERSION_8, rand >> 68, rand)


def first_of(event_id: UUID) -> UUID:
    """The least id that a delivery of this event can have."""
    return UUID(int=(event_id.int >> 80) << 80)


def last_of(event_id: UUID) -> UUID:
    """The greatest id that a delivery of this event can have."""
    return UUID(int=((event_id.int >> 80) << 80) | ((1 << 80) - 1))


def first_at(moment: datetime) -> UUID:
    """The least id that anything made at this moment can have."""
    return UUID(int=(unix_ms(moment) & 0xFFFFFFFFFFFF) << 80)


def unix_ms(moment: datetime) -> int:
    """Milliseconds since 1970 of an aware moment."""
    return int(moment.timestamp() * 1000)


def moment_of(identifier: UUID) -> datetime:
    """The moment that one of our ids carries, in UTC."""
    return datetime.fromtimestamp((identifier.int >> 80) / 1000, UTC)


def _pack(ms: int, version: int, high: int, low: int) -> UUID:
    return UUID(int=(ms & 0xFFFFFFFFFFFF) << 80 | (version | high & 0xFFF) << 64 | _VARIANT | low & 0x3FFFFFFFFFFFFFFF)
