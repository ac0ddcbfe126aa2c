"""What templates and criteria may name beyond the posted event: facts that Onhook adds; and all of it for pickers."""

from collections.abc import Collection, Mapping
from types import MappingProxyType

from dispatcher.domain.call_fields import FIELDS, Field, Kind
from dispatcher.domain.shape import nearest

FOLLOWED = "followed"
"""Below it lie the outputs of the profile that a profile follows, under their names."""

_OURS = (
    Field("source", Kind.OBJECT, "The source that posted the event, as it was set up then.", {"name": "pbx"}),
    Field("source.name", Kind.TEXT, "The source's name.", "pbx"),
    Field("source.country", Kind.TEXT, "The source's country (ISO 3166), which national numbers are of.", "US"),
    Field("source.time_zone", Kind.TEXT, "The source's time zone (IANA), which `local` falls back on.", "UTC"),
)
_OF_DELIVERY = (
    Field("delivery", Kind.OBJECT, "The delivery that the request belongs to.", {"test": False}),
    Field("delivery.id", Kind.ID, "The delivery's id, as in the header webhook-id.", "0193-…"),
    Field("delivery.attempt", Kind.INTEGER, "The number of this attempt, 1 for the first.", 1),
    Field("delivery.partial", Kind.BOOLEAN, "Whether it is sent without what it had waited for.", False),
    Field("delivery.test", Kind.BOOLEAN, "Whether it is a person's test.", False),
    Field(FOLLOWED, Kind.OBJECT, "Outputs of the followed profile, by their names.", {"lead_id": "L-20417"}),
)

CRITERIA_FIELDS: Mapping[str, Field] = MappingProxyType({**FIELDS, **{field.path: field for field in _OURS}})
"""What a clause may name: known when an event is evaluated."""
VARIABLES: Mapping[str, Field] = MappingProxyType({**CRITERIA_FIELDS, **{field.path: field for field in _OF_DELIVERY}})
"""What a template may name: known when a request is built."""

_LABELS: Mapping[str, str] = MappingProxyType(
    {
        "id": "Event ID",
        "type": "Event type",
        "call": "Call",
        "call.id": "Call ID",
        "call.report_id": "Report Call ID",
        "call.direction": "Call Direction",
        "call.caller_name": "Caller Name",
        "call.external_number": "External Number",
        "call.account_codes": "Account Codes",
        "call.dnis": "DNIS",
        "call.group": "Group/Skill",
        "call.agent": "Agent (all of it)",
        "call.agent.id": "Agent ID",
        "call.agent.name": "Agent",
        "call.agent.email": "Agent e-mail",
        "call.tags": "Tags",
        "call.recording": "Recording (all of it)",
        "call.recording.url": "Audio Recording Link",
        "call.q850": "Q.850 cause",
        "call.sip_code": "SIP code",
        "call.lead_id": "Lead ID",
        "call.custom": "Custom fields (all of them)",
        "delivery.id": "Delivery ID",
        "followed": "Outputs of the followed profile",
    }
)


def label_of(field: Field) -> str:
    """The words that a picker shows for a field; those of Xima Chronicall where it has some."""
    return _LABELS.get(field.path) or field.path.removeprefix("call.").replace(".", " ").replace("_", " ").capitalize()


def expected_variable(path: str) -> str:
    """What to say of a path that is no variable, with the nearest ones."""
    return f"a field of an event{nearest(path, VARIABLES)}; fields of the source's own lie under call.custom"


def expected_output(name: str, outputs: Collection[str]) -> str:
    """What to say of an output that the followed profile does not have."""
    if not outputs:
        return "an output of the profile that `follow` names, which has none"
    return f"one of the followed profile's outputs {', '.join(outputs)}{nearest(name, outputs)}"
