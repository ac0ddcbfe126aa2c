"""The canonical fields of an event: the one table that validation, criteria, templates and the manual read."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Kind(StrEnum):
    """What a field holds. In JSON a time is RFC 3339 text; what is absent has no key at all."""

    TEXT = "text"
    ID = "id"
    """Text of 1 to 255 characters without control characters: a look-up key that stays in the clear."""
    PHONE = "telephone number"
    """Text, as the source wrote it: a number of E.164 or a national one, or an extension."""
    NUMBER = "number"
    INTEGER = "integer"
    """Zero or more."""
    BOOLEAN = "boolean"
    TIME = "time"
    TEXT_LIST = "list of text"
    CHOICE = "choice"
    OBJECT = "object"


@dataclass(frozen=True)
class Field:
    """One canonical field. `path` is dotted from the event's root; `choices` lists the words of a choice."""

    path: str
    kind: Kind
    meaning: str
    example: object
    choices: tuple[str, ...] = ()


EVENT_TYPES = (
    "call.finished",
    "call.recorded",
    "call.missed",
    "call.updated",
    "call.disposed",
    "call.transcribed",
    "voicemail.left",
    "recording.started",
    "recording.stopped",
)
OWN_TYPES = "x."
"""Besides these, any type that begins so is the source's own."""

DIRECTIONS = ("inbound", "outbound", "internal", "intersite")
OUTCOMES = ("answered", "missed", "abandoned", "busy", "rejected", "cancelled", "failed", "voicemail")
RECORDING_STATES = ("none", "expected", "pending", "available", "failed")
ATTESTATIONS = ("A", "B", "C", "none", "failed")


def _number_forms(name: str, which: str, e164: str, national: str) -> tuple[Field, ...]:
    """The object that holds a telephone number in all its forms."""
    path = f"call.{name}"
    return (
        Field(path, Kind.OBJECT, f"The {which} number in all its forms.", {"e164": e164}),
        Field(f"{path}.raw", Kind.PHONE, f"The {which} number as the source wrote it.", e164),
        Field(f"{path}.e164", Kind.PHONE, f"The {which} number by E.164, where the text says enough for it.", e164),
        Field(f"{path}.national", Kind.TEXT, f"The {which} number as it is written in the source's country.", national),
        Field(f"{path}.digits", Kind.TEXT, f"The digits of the {which} number alone.", e164.removeprefix("+")),
        Field(f"{path}.anonymous", Kind.BOOLEAN, "Whether the party showed no number.", False),
        Field(f"{path}.extension", Kind.PHONE, f"The extension that the {which} number is, or has behind it.", "154"),
    )


_TABLE = (
    Field("id", Kind.ID, "The source's own id of the event; a second event with it is a duplicate.", "a1b2-hangup"),
    Field("type", Kind.TEXT, "What happened: one of the event types, or the source's own `x.` type.", "call.finished"),
    Field("occurred_at", Kind.TIME, "When it happened; the moment of receipt if not given.", "2026-11-20T10:03:20Z"),
    Field("call.id", Kind.ID, "The source's id of the call; events of one call share it.", "7f9c2b44"),
    Field("call.report_id", Kind.TEXT, "The call's number in the call system's reports.", "10432"),
    Field("call.direction", Kind.CHOICE, "Which way the call went, from the business's side.", "inbound", DIRECTIONS),
    Field("call.caller_name", Kind.TEXT, "The name that the caller showed.", "Jane Roe"),
    Field("call.external_number", Kind.PHONE, "The number of the party outside the business.", "+14155550100"),
    *_number_forms("external", "outside", "+14155550100", "(415) 555-0100"),
    Field("call.dnis", Kind.PHONE, "The number that was dialled.", "+18005551212"),
    *_number_forms("dialled", "dialled", "+18005551212", "(800) 555-1212"),
    Field("call.agent", Kind.OBJECT, "The person of the business who had the call last.", {"name": "John Doe"}),
    Field("call.agent.id", Kind.TEXT, "The agent's id in the call system.", "17"),
    Field("call.agent.name", Kind.TEXT, "The agent's name.", "John Doe"),
    Field("call.agent.extension", Kind.PHONE, "The agent's extension.", "154"),
    Field("call.agent.email", Kind.TEXT, "The agent's e-mail address.", "jd@example.com"),
    Field("call.group", Kind.TEXT, "The queue, group or skill that the call went to.", "Sales"),
    Field("call.campaign", Kind.TEXT, "The campaign that the call belongs to.", "Autumn renewals"),
    Field("call.location", Kind.TEXT, "The place of the other party.", "San Francisco, CA"),
    Field("call.account_codes", Kind.TEXT_LIST, "Account codes entered for the call.", ["1001", "1002"]),
    Field("call.tags", Kind.TEXT_LIST, "Tags put on the call.", ["vip"]),
    Field("call.started_at", Kind.TIME, "When the call began to exist.", "2026-11-20T10:00:00Z"),
    Field("call.answered_at", Kind.TIME, "When the call was answered.", "2026-11-20T10:00:09Z"),
    Field("call.ended_at", Kind.TIME, "When the call ended.", "2026-11-20T10:03:20Z"),
    Field("call.duration_seconds", Kind.INTEGER, "Seconds from start to end.", 200),
    Field("call.talk_seconds", Kind.INTEGER, "Seconds from answer to end.", 191),
    Field("call.hold_seconds", Kind.INTEGER, "Seconds on hold.", 0),
    Field("call.ring_seconds", Kind.INTEGER, "Seconds from start to answer.", 9),
    Field("call.outcome", Kind.CHOICE, "What became of the call.", "answered", OUTCOMES),
    Field("call.ended_by", Kind.TEXT, "Who hung up; customary words are `caller`, `callee` and `system`.", "caller"),
    Field("call.hangup_cause", Kind.TEXT, "The call system's own word for why the call ended.", "NORMAL_CLEARING"),
    Field("call.q850", Kind.INTEGER, "The cause of the end by ITU-T Q.850.", 16),
    Field("call.sip_code", Kind.INTEGER, "The last SIP status (RFC 3261).", 200),
    Field("call.recording", Kind.OBJECT, "The call's audio recording.", {"state": "available"}),
    Field("call.recording.state", Kind.CHOICE, "What is known of the recording.", "available", RECORDING_STATES),
    Field("call.recording.url", Kind.TEXT, "Where the recording can be fetched.", "https://pbx.example/rec/7f9c.wav"),
    Field("call.recording.duration_seconds", Kind.INTEGER, "Seconds of the recording.", 191),
    Field("call.disposition", Kind.TEXT, "The result that the agent chose for the call.", "Call back"),
    Field("call.lead_id", Kind.TEXT, "The CRM's or dialler's id of the lead.", "L-20417"),
    Field("call.attestation", Kind.CHOICE, "STIR/SHAKEN attestation of the caller's number.", "A", ATTESTATIONS),
    Field("call.custom", Kind.OBJECT, "Whatever else the source knows, under its own names.", {"survey_score": 4}),
)

FIELDS: Mapping[str, Field] = MappingProxyType({field.path: field for field in _TABLE})
"""Every canonical field by its dotted path, in the manual's order."""
