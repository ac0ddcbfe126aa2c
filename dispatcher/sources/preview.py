"""What would become of a post, for people who set a call system up: nothing is stored, nobody is asked who he is."""

from dataclasses import asdict
from typing import Any

from dispatcher.domain.call_part import CallPart
from dispatcher.domain.event import EventRefused
from dispatcher.domain.scrub import scrub_call
from dispatcher.sources.format import Format, NotUnderstood, Parsed, Posted, SourceSettings
from dispatcher.sources.reading import read_as

Document = dict[str, Any]
NOT_KEPT = "Understood, and nothing in it to keep."
HANDSHAKE = "A handshake: it is answered, and nothing is stored of it."


def preview(spoken: Format, posted: Posted, settings: SourceSettings) -> Document:
    """`understood`, `reason` (why not, or why there is no event), `errors` (of events in our own form), `events` with
    the `part` that each is of its call (null for a whole one), and `nothing_found`: the fields that a mapping looked up
    in vain. Card numbers and keypad digits are taken out as they would be before storage."""
    shown: Document = {"understood": True, "reason": None, "errors": [], "events": [], "nothing_found": []}
    if spoken.handshake is not None and spoken.handshake(posted) is not None:
        return shown | {"reason": HANDSHAKE}
    try:
        parsed = read_as(spoken, posted, settings)
        shown["events"] = [_event(each, settings) for each in parsed]
        shown["nothing_found"] = spoken.found_nothing(posted, settings) if spoken.found_nothing else []
    except NotUnderstood as refused:
        return shown | {"understood": False, "reason": refused.reason}
    except EventRefused as refused:
        return shown | {
            "understood": False,
            "reason": "The events are refused.",
            "errors": [asdict(fault) for fault in refused.faults],
        }
    return shown if parsed else shown | {"reason": NOT_KEPT}


def _event(parsed: Parsed, settings: SourceSettings) -> Document:
    event = parsed.event if isinstance(parsed, CallPart) else parsed
    kept = event.as_context()
    if settings.config.get("scrub") is not False:
        kept["call"] = scrub_call(event.call)
    part = None
    if isinstance(parsed, CallPart):
        part = {"keys": list(parsed.keys), "ends_call": parsed.ends_call, "is_fact": parsed.is_fact}
    return {"event": kept, "part": part}
