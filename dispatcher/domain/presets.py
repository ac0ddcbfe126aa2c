"""What people who come from other call systems look for: those systems' variables, as templates of ours."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Preset:
    """A variable of another product, the template that gives the same, and what that renders to for the example
    call (every field with its example)."""

    product: str
    label: str
    template: str
    meaning: str
    example: str


_TYPE_3CX = (
    "{% if call.direction == 'inbound' %}{{ 'Inbound' if call.outcome == 'answered' else 'Missed' }}"
    "{% else %}{{ 'Outbound' if call.outcome == 'answered' else 'Notanswered' }}{% endif %}"
)
_LOCAL_3CX = "%Y-%m-%dT%H:%M:%S"

PRESETS: tuple[Preset, ...] = (
    Preset("Chronicall", "Empty Value", "", "An empty text.", ""),
    Preset(
        "Chronicall", "Account Codes", "{{ call.account_codes }}", "The account codes, comma-delimited.", "1001,1002"
    ),
    Preset("Chronicall", "Agent", "{{ call.agent.name }}", "The agent of the call's last event.", "John Doe"),
    Preset(
        "Chronicall",
        "Call Direction",
        "{{ call.direction | capitalize }}",
        "Internal, Inbound, Outbound or Intersite.",
        "Inbound",
    ),
    Preset("Chronicall", "Caller Name", "{{ call.caller_name }}", "The caller ID.", "Jane Roe"),
    Preset("Chronicall", "DNIS", "{{ call.dnis }}", "The number that was dialled.", "+18005551212"),
    Preset("Chronicall", "Call ID", "{{ call.id }}", "The call's id.", "7f9c2b44"),
    Preset("Chronicall", "External Number", "{{ call.external_number }}", "The other party's number.", "+14155550100"),
    Preset("Chronicall", "Group/Skill", "{{ call.group }}", "The group or skill.", "Sales"),
    Preset("Chronicall", "Location", "{{ call.location }}", "The place of the other party.", "San Francisco, CA"),
    Preset(
        "Chronicall",
        "Time",
        "{{ call.started_at | epoch_ms }}",
        "The start of the call in milliseconds since 1970-01-01T00:00:00Z.",
        "1795168800000",
    ),
    Preset("Chronicall", "Tag", "{{ call.tags }}", "The tags, comma-delimited.", "vip"),
    Preset(
        "Chronicall",
        "Audio Recording Link",
        "{{ call.recording.url }}",
        "Where the recording can be fetched.",
        "https://pbx.example/rec/7f9c.wav",
    ),
    Preset("Chronicall", "Report Call ID", "{{ call.report_id }}", "The call's number in reports.", "10432"),
    Preset("3CX", "[Number]", "{{ call.external_number }}", "The other party's number.", "+14155550100"),
    Preset("3CX", "[Agent]", "{{ call.agent.extension }}", "The agent's extension.", "154"),
    Preset("3CX", "[AgentEmail]", "{{ call.agent.email }}", "The agent's e-mail address.", "jd@example.com"),
    Preset("3CX", "[CallType]", _TYPE_3CX, "Inbound, Outbound, Missed or Notanswered.", "Inbound"),
    Preset("3CX", "[Duration]", "{{ call.duration_seconds | duration('hh:mm:ss') }}", "As hh:mm:ss.", "00:03:20"),
    Preset(
        "3CX",
        "[DateTime]",
        f"{{{{ call.started_at | local(format='{_LOCAL_3CX}') }}}}",
        "The start of the call in the source's time zone.",
        "2026-11-20T10:00:00",
    ),
    Preset("3CX", "[CallStartTimeUTC]", "{{ call.started_at }}", "The start of the call.", "2026-11-20T10:00:00Z"),
    Preset(
        "3CX",
        "[CallStartTimeLocal]",
        f"{{{{ call.started_at | local(format='{_LOCAL_3CX}') }}}}",
        "The start of the call in the source's time zone.",
        "2026-11-20T10:00:00",
    ),
    Preset("3CX", "[CallEndTimeUTC]", "{{ call.ended_at }}", "The end of the call.", "2026-11-20T10:03:20Z"),
    Preset(
        "3CX",
        "[CallEndTimeLocal]",
        f"{{{{ call.ended_at | local(format='{_LOCAL_3CX}') }}}}",
        "The end of the call in the source's time zone.",
        "2026-11-20T10:03:20",
    ),
)
"""In the order in which their products list them."""
