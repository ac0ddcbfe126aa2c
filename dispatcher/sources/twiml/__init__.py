"""Twilio's tongue: what of a call's callback is said alike by all who speak it, and who its parties are."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from dispatcher.sources.format import Posted, SourceSettings
from dispatcher.sources.posts.fields import Fields, keys_of
from dispatcher.sources.posts.said import identity, said

_DIRECTIONS = {
    "inbound": "inbound",
    "outbound": "outbound",
    "outbound-api": "outbound",
    "outbound-dial": "outbound",
    "trunking-originating": "outbound",
    "trunking-terminating": "inbound",
}


@dataclass(frozen=True)
class Moments:
    """When a call began, was answered and ended, as far as its record says."""

    started: datetime | None = None
    answered: datetime | None = None
    ended: datetime | None = None


@dataclass(frozen=True)
class Tongue:
    """In what the one differs from the other."""

    vendor: str
    moments: Callable[[Fields], Moments]
    ending: Callable[[Fields], dict[str, object]]
    """What else is said of the end: cause, who hung up."""
    attestation: Callable[[Fields], str | None]
    direction: Callable[[Fields, SourceSettings], str | None]
    """Where the field `Direction` says nothing."""
    joins: tuple[str, ...] = ()
    """Fields besides CallSid and ParentCallSid by which the records of a call find each other."""
    understood: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Callback:
    """One post, as it is read."""

    fields: Fields
    posted: Posted
    settings: SourceSettings
    tongue: Tongue

    def text(self, name: str) -> str | None:
        return said(self.fields.get(name))

    @property
    def call_id(self) -> str:
        return str(self.text("CallSid"))

    @property
    def keys(self) -> tuple[str, ...]:
        return keys_of(*(self.fields.get(name) for name in ("CallSid", "ParentCallSid", *self.tongue.joins)))


def parties_of(callback: Callback) -> dict[str, object]:
    """The outside number by the direction. A `client:` address is one of the business's own people, so that a call
    from there is outbound, although it comes in at the vendor."""
    caller, dialled = callback.text("From"), callback.text("To")
    direction = _DIRECTIONS.get(callback.text("Direction") or "") or callback.tongue.direction(
        callback.fields, callback.settings
    )
    if direction == "inbound" and (caller or "").startswith("client:"):
        direction = "internal" if (dialled or "").startswith("client:") else "outbound"
    outside = {"inbound": caller, "outbound": dialled}.get(direction or "")
    agent = next((end for end in (caller, dialled) if end and end.startswith("client:")), None)
    return {
        "direction": direction,
        "caller_name": identity(callback.fields.get("CallerName")),
        "external_number": None if outside and outside.startswith("client:") else outside,
        "dnis": dialled,
        "agent": agent_behind(agent),
        "attestation": callback.tongue.attestation(callback.fields),
    }


def agent_behind(address: str | None) -> dict[str, object] | None:
    """Who is behind an address: `client:john` by his id, `sip:154@...` by his extension; a number says nobody."""
    kind, _, rest = (address or "").partition(":")
    if kind == "client" and rest:
        return {"id": rest}
    user = rest.partition("@")[0]
    return {"extension": user} if kind in ("sip", "sips") and user else None
