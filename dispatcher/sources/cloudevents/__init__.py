"""CloudEvents about calls: data in Onhook's own form, or any vendor's by a mapping."""

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from dispatcher.domain.call_fields import EVENT_TYPES
from dispatcher.domain.event import CallEvent
from dispatcher.domain.field_values import MAX_ID_CHARACTERS, time_text
from dispatcher.domain.shape import Reading
from dispatcher.sources.cloudevents.envelopes import Envelope, envelopes_of
from dispatcher.sources.format import Format, HandshakeReply, NotUnderstood, Posted, SourceSettings, canonical
from dispatcher.sources.mapped.bodies import notation_of
from dispatcher.sources.mapped.mapping import EventMapping, Given, compiled, event_of, read_event_mapping
from dispatcher.sources.normal.times import iso

DATA_FORMATS = ("generic", "mapped")
MAX_TYPES = 100
_OWN_TYPE = re.compile(r"x\.[a-z0-9._-]{1,253}")
_MAX_CHARACTERS = 2000


def parse(posted: Posted, settings: SourceSettings) -> list[CallEvent]:
    """The events of a post; those whose type the source leaves out are none. Raises `NotUnderstood`."""
    found = [_event(each, posted, settings) for each in envelopes_of(posted)]
    return [event for event in found if event is not None]


def _event(envelope: Envelope, posted: Posted, settings: SourceSettings) -> CallEvent | None:
    types = settings.config.get("types") or {}
    if envelope.type in types and types[envelope.type] is None:
        return None
    kind = types.get(envelope.type) or _canonical_type(envelope.type)
    if types and kind is None:
        raise NotUnderstood("The event's type is none of ours, and none that config.types holds.")
    moment = iso(envelope.time, "UTC")
    given = Given(
        _key(envelope),
        kind,
        None if moment is None else time_text(moment),
        _custom(envelope),
    )
    if settings.config.get("data_format") == "mapped":
        mapping: EventMapping = compiled(_read_mapping, settings.config)
        if not mapping.holds(envelope.data):
            return None
        return event_of(mapping, envelope.data, settings, posted.received_at, given)
    return _own(envelope, given, posted, settings)


def _own(envelope: Envelope, given: Given, posted: Posted, settings: SourceSettings) -> CallEvent:
    """From data that is an event of our own form, its `call`, or what stands in `call`, whose id may be the subject."""
    data = envelope.data
    if not isinstance(data, dict):
        raise NotUnderstood("The event's data is no JSON object.")
    call = data["call"] if isinstance(data.get("call"), dict) else data
    outer = data if call is not data else {}
    kind = given.type or outer.get("type")
    if kind is None:
        raise NotUnderstood("The event's type is none of ours, and config.types does not say what it stands for.")
    custom = call.get("custom") if isinstance(call.get("custom"), dict) else {}
    raw = {
        "id": given.id,
        "type": kind,
        "occurred_at": outer.get("occurred_at") or given.occurred_at,
        "call": {
            **call,
            "id": call.get("id") if call.get("id") is not None else envelope.subject,
            "custom": {**given.custom, **(custom or {})},
        },
    }
    return canonical(raw, posted.received_at, settings)


def _key(envelope: Envelope) -> str:
    """Producers promise that `source` and `id` together are distinct for each event, and the same when one is repeated
    (CloudEvents, 3.1.1). A pair too long for an id is known by its digest."""
    key = f"{envelope.source} {envelope.id}"
    return key if len(key) <= MAX_ID_CHARACTERS and key.isprintable() else hashlib.sha256(key.encode()).hexdigest()


def _canonical_type(kind: str) -> str | None:
    """`call.finished`, also below somebody's own domain: `com.example.call.finished`."""
    if kind in EVENT_TYPES or _OWN_TYPE.fullmatch(kind):
        return kind
    return next((each for each in EVENT_TYPES if kind.endswith(f".{each}")), None)


def _custom(envelope: Envelope) -> dict[str, Any]:
    attributes = {"source": envelope.source, "type": envelope.type, "subject": envelope.subject}
    named = {f"cloudevent_{name}": value for name, value in attributes.items() if value is not None}
    return {
        name: value[:_MAX_CHARACTERS] if isinstance(value, str) else value
        for name, value in {**envelope.extensions, **named}.items()
    }


def handshake(posted: Posted) -> HandshakeReply | None:
    """The agreement to be posted to (CloudEvents, HTTP webhooks 1.0.2, 4): any origin, at the rate that it asks for.

    It lets nobody in: what is posted must still show what the source's `auth` wants.
    """
    origin = posted.headers.get("webhook-request-origin")
    if posted.method != "OPTIONS" or not origin:
        return None
    rate = posted.headers.get("webhook-request-rate", "").strip()
    headers = {
        "Allow": "OPTIONS, POST",
        "WebHook-Allowed-Origin": origin,
        "WebHook-Allowed-Rate": rate if rate.isascii() and rate.isdigit() else "*",
    }
    return HandshakeReply(200, headers)


def read_config(reading: Reading, config: Mapping[str, Any], at: str) -> None:
    """Notes what is wrong with `data_format`, `types` and, for mapped data, the mapping."""
    mapped = reading.word(config.get("data_format", "generic"), f"{at}.data_format", DATA_FORMATS) == "mapped"
    _read_types(reading, config.get("types"), f"{at}.types")
    if mapped:
        _read_mapping(reading, config, at)
        return
    for name in ("when", "event"):
        if config.get(name) is not None:
            reading.note_got(f"{at}.{name}", "nothing, unless data_format is mapped", "it")


def _read_mapping(reading: Reading, config: Mapping[str, Any], at: str) -> EventMapping:
    return read_event_mapping(reading, config, at, notation_of("json", {}, in_items=False))


def _read_types(reading: Reading, raw: object, at: str) -> None:
    if raw is None:
        return
    if type(raw) is not dict or len(raw) > MAX_TYPES:
        reading.note(at, f"an object of at most {MAX_TYPES} types and what each stands for", raw)
        return
    for name, kind in raw.items():
        if kind is not None and kind not in EVENT_TYPES and not (type(kind) is str and _OWN_TYPE.fullmatch(kind)):
            expected = f"one of {', '.join(EVENT_TYPES)}, x. and a name of your own, or null to leave it out"
            reading.note(f"{at}.{name}", expected, kind)


def found_nothing(posted: Posted, settings: SourceSettings) -> list[str]:
    """The fields that a mapping looks up and finds in none of the events. Raises `NotUnderstood`."""
    if settings.config.get("data_format") != "mapped":
        return []
    mapping: EventMapping = compiled(_read_mapping, settings.config)
    records = [each.data for each in envelopes_of(posted) if mapping.holds(each.data)]
    return [name for name, look in mapping.looks() if all(look(each, settings.time_zone) is None for each in records)]


FORMAT = Format(
    name="cloudevents",
    parse=parse,
    auth_kinds=frozenset(
        {"token", "basic", "bearer", "header_token", "query_token", "hmac", "jwt", "standard_webhooks"}
    ),
    success_status=202,
    config_members=("data_format", "types", "when", "event"),
    read_config=read_config,
    handshake=handshake,
    handshake_methods=frozenset({"OPTIONS"}),
    found_nothing=found_nothing,
)
