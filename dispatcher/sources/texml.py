"""Telnyx TeXML's callbacks: Twilio's, with more about the end, and times in three ways of writing."""

from datetime import datetime

from dispatcher.sources.format import Format, NotUnderstood, Parsed, Posted, SourceSettings
from dispatcher.sources.generic import decode_json
from dispatcher.sources.normal.causes import attestation
from dispatcher.sources.normal.times import iso, rfc2822
from dispatcher.sources.posts.fields import Fields, fields_of
from dispatcher.sources.posts.own_numbers import MEMBER, direction_by_numbers, read_own_numbers
from dispatcher.sources.posts.said import code, said
from dispatcher.sources.twiml import Callback, Moments, Tongue
from dispatcher.sources.twiml.callbacks import read_callback

_ENDS = frozenset({"caller", "callee"})


def parse(posted: Posted, settings: SourceSettings) -> list[Parsed]:
    """As `twilio.parse`. The fields come as a form; JSON, which Telnyx's own pages show, is read as well."""
    return read_callback(Callback(_with_statistics(fields_of(posted)), posted, settings, _TEXML))


def _with_statistics(fields: Fields) -> Fields:
    """CallQualityStats is JSON inside a field: kept as what it holds, or as the text that it is."""
    stats = fields.get("CallQualityStats")
    if not isinstance(stats, str):
        return fields
    try:
        return {**fields, "CallQualityStats": decode_json(stats.encode("utf-8", "replace"))}
    except NotUnderstood:
        return fields


def _moments(fields: Fields) -> Moments:
    ended = next((moment for name in ("EndTime", "OccurredAt", "Timestamp") if (moment := _time(fields, name))), None)
    return Moments(_time(fields, "CallInitiatedAt"), _time(fields, "AnsweredTime"), ended)


def _time(fields: Fields, name: str) -> datetime | None:
    """`2026-11-20 10:03:20.731479Z`, the same with a T, or as RFC 2822: Telnyx's pages show the three."""
    text = said(fields.get(name))
    return iso(text, "UTC") or rfc2822(text)


def _ending(fields: Fields) -> dict[str, object]:
    cause, source = said(fields.get("HangupCause")), said(fields.get("HangupSource"))
    found: dict[str, object] = {"hangup_cause": cause} if cause else {}
    if source in _ENDS:
        found["ended_by"] = source
    sip = code(fields.get("SipHangupCause"))
    return found | ({"sip_code": sip} if sip else {})


def _attestation(fields: Fields) -> str | None:
    """The letter, unless Telnyx says that the signature was not valid."""
    found = attestation(fields.get("ShakenStirAttestation"))
    invalid = str(fields.get("ShakenStirValidated")).lower() == "false"
    return "failed" if invalid and found in ("A", "B", "C") else found


def _direction(fields: Fields, settings: SourceSettings) -> str | None:
    return direction_by_numbers(settings, said(fields.get("From")), said(fields.get("To")))


_TEXML = Tongue(
    vendor="TeXML",
    moments=_moments,
    ending=_ending,
    attestation=_attestation,
    direction=_direction,
    joins=("CallSessionId",),
    understood=frozenset({"HangupCause", "SipHangupCause", "CallInitiatedAt", "AnsweredTime", "EndTime", "OccurredAt"}),
)

FORMAT = Format(
    name="texml",
    parse=parse,
    auth_kinds=frozenset({"telnyx", "query_token"}),
    methods=frozenset({"POST", "GET"}),
    quiet_seconds=3.0,
    config_members=(MEMBER,),
    read_config=read_own_numbers,
)
