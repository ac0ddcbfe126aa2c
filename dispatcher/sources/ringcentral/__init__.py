"""RingCentral's telephony session notifications: a snapshot of a session's parties at every change, and its call log.

Snapshots come in any order; `sequence` and `eventTime` tell which is later. Each party is a leg of the call, which is
not complete before all that were seen have left.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from dispatcher.domain.call_part import CallPart
from dispatcher.domain.field_values import time_text
from dispatcher.sources.format import Format, HandshakeReply, NotUnderstood, Parsed, Posted, SourceSettings, part
from dispatcher.sources.normal.times import iso
from dispatcher.sources.posts.fields import Fields, fields_of, kept, keys_of
from dispatcher.sources.posts.nested import object_in, objects_in, records_of
from dispatcher.sources.posts.said import present, said
from dispatcher.sources.ringcentral.call_log import is_log_record, is_voice, log_part
from dispatcher.sources.ringcentral.parties import parties_of

_ENDED = frozenset({"Disconnected", "Gone"})
_RINGING = frozenset({"Setup", "Proceeding"})
_FAX = "FaxReceive"
_MAX_TOKEN_CHARACTERS = 512
"""Of a Validation-Token, which is a UUID. RingCentral takes no answer of more than 1,024 bytes."""
_UNDERSTOOD = frozenset({"direction", "from", "to", "status", "missedCall"})


def parse(posted: Posted, settings: SourceSettings) -> list[Parsed]:
    """A part for each party of a snapshot, or for each record of the call log; none for other notifications."""
    fields = fields_of(posted)
    records = [fields] if "records" not in fields else records_of(fields["records"])
    if records and all(is_log_record(each) for each in records):
        return [log_part(each, posted, settings) for each in records if is_voice(each)]
    notice = object_in(fields, "pn_apns") if "body" not in fields else fields
    body, event = object_in(notice, "body"), said(notice.get("event"))
    if said(body.get("telephonySessionId")) is None:
        if event is not None and "/telephony/sessions" not in event:
            return []
        raise NotUnderstood("The body has no telephonySessionId and is no record of a call log.")
    parties = [each for each in objects_in(body.get("parties")) if _code(each) != _FAX]
    return [_party(body, each, posted, settings) for each in parties]


def _party(body: Fields, party: Fields, posted: Posted, settings: SourceSettings) -> CallPart:
    session, status = said(body.get("telephonySessionId")), object_in(party, "status")
    leg = f"{session}:{said(party.get('id')) or 'party'}"
    state, when = _code(party), iso(body.get("eventTime"), "UTC")
    moment = when or posted.received_at
    call = {
        "id": session,
        **parties_of(party, said(party.get("direction"))),
        **_at(state, moment),
        "outcome": _outcome(party, state),
        "hangup_cause": said(status.get("reason")) if state in _ENDED else None,
        "recording": {"state": "expected"} if objects_in(party.get("recordings")) else None,
        "custom": _custom(body, party, status),
    }
    raw = {
        "id": f"{leg}:{state.lower()}",
        "type": "call.finished" if state in _ENDED else f"x.party.{state.lower()}",
        "occurred_at": time_text(moment),
        "call": present(call),
    }
    peer = object_in(status, "peerId")
    keys = keys_of(session, body.get("sessionId"), peer.get("telephonySessionId"), peer.get("sessionId"))
    return part(raw, posted.received_at, settings, keys, leg=leg)


def _code(party: Fields) -> str:
    """The party's state, of letters alone: it becomes part of an event's type."""
    code = said(object_in(party, "status").get("code")) or ""
    if not (code.isascii() and code.isalpha() and len(code) <= 32):
        raise NotUnderstood("A party has no status.code.")
    return code


def _at(state: str, moment: datetime) -> dict[str, object]:
    """A notification knows its own moment alone: when the party began, answered or left."""
    if state in _ENDED:
        return {"ended_at": time_text(moment)}
    if state in _RINGING:
        return {"started_at": time_text(moment)}
    return {"answered_at": time_text(moment)} if state == "Answered" else {}


def _outcome(party: Fields, state: str) -> str | None:
    """That it was answered is said by the party's being `Answered` before."""
    if state == "Voicemail":
        return "voicemail"
    return "missed" if state in _ENDED and party.get("missedCall") is True else None


def _custom(body: Fields, party: Fields, status: Mapping[str, Any]) -> dict[str, Any]:
    session = {name: body[name] for name in ("sequence", "sessionId", "accountId", "origin") if name in body}
    rest = {f"status.{name}": value for name, value in status.items() if name not in ("code", "reason")}
    return kept({**session, **rest, **party}, _UNDERSTOOD)


def handshake(posted: Posted) -> HandshakeReply | None:
    """The answer to RingCentral's question, when a subscription is made, whether this address knows of it.

    A notification is none, whatever its headers.
    """
    token = posted.headers.get("validation-token")
    if not token or len(token) > _MAX_TOKEN_CHARACTERS or b"telephonySessionId" in posted.body:
        return None
    return HandshakeReply(200, {"validation-token": token})


FORMAT = Format(
    name="ringcentral",
    parse=parse,
    auth_kinds=frozenset({"header_token", "basic", "query_token", "token"}),
    quiet_seconds=10.0,
    handshake=handshake,
)
