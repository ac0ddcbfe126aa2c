"""RingCentral's telephony sessions: snapshots of parties, the handshake, and records of the call log."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatcher.sources import FORMATS
from dispatcher.sources.format import HandshakeReply
from tests.unit.cloud_house import encoded, posted, read, read_one, refusal, told
from tests.unit.number_forms import JANE, OURS

PARTY = {
    "id": "p-2",
    "extensionId": "4001",
    "direction": "Inbound",
    "from": {"phoneNumber": "+14155550100", "name": "Jane Roe"},
    "to": {"phoneNumber": "+18005551212", "name": "John Doe", "extensionId": "4001"},
    "status": {"code": "Disconnected", "reason": "CallFlip"},
    "missedCall": False,
    "muted": False,
}
BODY = {
    "sequence": 9,
    "sessionId": "1234",
    "telephonySessionId": "s-abc",
    "serverId": "10.0.0.1",
    "eventTime": "2026-11-20T10:03:20.500Z",
    "parties": [PARTY],
    "origin": {"type": "Call"},
}
NOTICE = {"uuid": "u-1", "event": "/restapi/v1.0/account/1/telephony/sessions", "body": BODY}
CALL = {
    "id": "s-abc",
    "direction": "inbound",
    "caller_name": "Jane Roe",
    "external_number": "+14155550100",
    "external": JANE,
    "dnis": "+18005551212",
    "dialled": OURS,
    "agent": {"id": "4001", "name": "John Doe"},
    "ended_at": "2026-11-20T10:03:20.500000Z",
    "hangup_cause": "CallFlip",
    "custom": {
        "extensionId": "4001",
        "id": "p-2",
        "muted": False,
        "origin": {"type": "Call"},
        "sequence": 9,
        "sessionId": "1234",
    },
}
LOG = {
    "id": "log-1",
    "sessionId": "1234",
    "telephonySessionId": "s-abc",
    "startTime": "2026-11-20T10:00:00.000Z",
    "duration": 200,
    "type": "Voice",
    "direction": "Inbound",
    "action": "Phone Call",
    "result": "Accepted",
    "to": {"phoneNumber": "+18005551212", "name": "John Doe", "extensionNumber": "154"},
    "from": {"phoneNumber": "+14155550100", "name": "Jane Roe", "location": "San Francisco, CA"},
    "recording": {"id": "9", "contentUri": "https://media.ringcentral.example/recording/9/content"},
}
LOGGED = {
    "id": "s-abc",
    "direction": "inbound",
    "caller_name": "Jane Roe",
    "external_number": "+14155550100",
    "external": JANE,
    "dnis": "+18005551212",
    "dialled": OURS,
    "agent": {"name": "John Doe", "extension": "154"},
    "location": "San Francisco, CA",
    "started_at": "2026-11-20T10:00:00Z",
    "ended_at": "2026-11-20T10:03:20Z",
    "duration_seconds": 200,
    "outcome": "answered",
    "hangup_cause": "Accepted",
    "recording": {"state": "available", "url": "https://media.ringcentral.example/recording/9/content"},
    "custom": {
        "action": "Phone Call",
        "id": "log-1",
        "sessionId": "1234",
        "telephonySessionId": "s-abc",
        "type": "Voice",
    },
}


def notice(*parties, **body):
    return {**NOTICE, "body": {**BODY, **body, "parties": list(parties)}}


def party(code, **changed):
    return {**PARTY, "status": {"code": code}, **changed}


def of(code, **changed):
    return read_one("ringcentral", notice(party(code, **changed)))


def test_a_party_that_left_is_a_part_of_its_session():
    found = read_one("ringcentral", NOTICE)
    assert told(found) == ("s-abc:p-2:disconnected", "call.finished", ("s-abc", "1234"), False, False)
    assert found.event.occurred_at == datetime(2026, 11, 20, 10, 3, 20, 500000, UTC)
    assert found.event.call == CALL


def test_a_push_notification_s_wrapper_is_taken_off():
    assert read("ringcentral", {"uuid": "u-1", "pn_apns": NOTICE}) == read("ringcentral", NOTICE)


@pytest.mark.parametrize(
    ("code", "kind", "name"),
    [
        ("Setup", "x.party.setup", "started_at"),
        ("Proceeding", "x.party.proceeding", "started_at"),
        ("Answered", "x.party.answered", "answered_at"),
    ],
)
def test_the_moments_before_are_kept_since_no_notification_repeats_them(code, kind, name):
    found = of(code)
    assert told(found)[:2] == (f"s-abc:p-2:{code.lower()}", kind)
    assert found.event.call[name] == "2026-11-20T10:03:20.500000Z"
    assert {"ended_at", "outcome", "hangup_cause"} & found.event.call.keys() == set()


def test_a_later_snapshot_of_the_same_state_is_the_same_part():
    later = notice(PARTY, sequence=10, eventTime="2026-11-20T10:03:21Z")
    assert told(read_one("ringcentral", later)) == told(read_one("ringcentral", NOTICE))


def test_each_party_is_a_leg_of_its_own_with_what_is_known_of_it_now():
    found = read("ringcentral", notice(party("Disconnected", id="p-3"), party("Answered"), party("Hold", id="p-4")))
    assert [(each.event.source_event_id, each.event.type, each.leg) for each in found] == [
        ("s-abc:p-3:disconnected", "call.finished", "s-abc:p-3"),
        ("s-abc:p-2:answered", "x.party.answered", "s-abc:p-2"),
        ("s-abc:p-4:hold", "x.party.hold", "s-abc:p-4"),
    ]


def test_a_missed_call_is_said_to_be_missed():
    assert of("Disconnected", missedCall=True).event.call["outcome"] == "missed"


def test_a_mailbox_is_an_outcome():
    assert of("Voicemail").event.call["outcome"] == "voicemail"


def test_an_attended_transfer_names_the_other_session():
    status = {"code": "Gone", "reason": "AttendedTransfer", "peerId": {"telephonySessionId": "s-def"}}
    found = read_one("ringcentral", notice({**PARTY, "status": status}))
    assert found.keys == ("s-abc", "1234", "s-def")


def test_a_recording_is_expected():
    assert of("Disconnected", recordings=[{"id": "9"}]).event.call["recording"] == {"state": "expected"}


def test_fax_is_no_call():
    assert read("ringcentral", notice(party("FaxReceive"))) == []


EXTENSION = {"phoneNumber": "102", "extensionId": "4002", "name": "Ann Poe"}


@pytest.mark.parametrize(
    ("caller", "dialled", "direction", "outside", "agent"),
    [
        (EXTENSION, {"phoneNumber": "+14155550100"}, "outbound", "+14155550100", "4002"),
        (EXTENSION, PARTY["to"], "internal", None, "4001"),
        (PARTY["to"], EXTENSION, "internal", None, "4001"),
        ({"phoneNumber": "+14155550100"}, {"phoneNumber": "+18005551212"}, "inbound", "+14155550100", None),
        ({"phoneNumber": "anonymous"}, PARTY["to"], "inbound", None, "4001"),
    ],
)
def test_the_direction_is_the_business_s_by_whose_extension_is_where(caller, dialled, direction, outside, agent):
    call = of("Disconnected", **{"from": caller, "to": dialled}).event.call
    assert (call["direction"], call.get("external_number")) == (direction, outside)
    assert call.get("agent", {}).get("id") == agent


def test_a_record_of_the_call_log_is_the_whole_call_and_joins_its_session():
    found = read_one("ringcentral", LOG)
    assert told(found) == ("log-1:log", "call.finished", ("s-abc", "1234"), True, False)
    assert found.event.call == LOGGED


def test_a_page_of_the_call_log_holds_many():
    fax = {**LOG, "id": "log-3", "type": "Fax"}
    changed = {**LOG, "id": "log-2", "lastModifiedTime": "2026-11-20T10:05:00Z"}
    found = read("ringcentral", {"records": [LOG, changed, fax]})
    assert [each.event.source_event_id for each in found] == ["log-1:log", "log-2:log:2026-11-20T10:05:00Z"]


@pytest.mark.parametrize(
    ("result", "direction", "outcome"),
    [
        ("Call connected", "Outbound", "answered"),
        ("Missed", "Inbound", "missed"),
        ("Hang Up", "Inbound", "missed"),
        ("Hang Up", "Outbound", "cancelled"),
        ("Voicemail", "Inbound", "voicemail"),
        ("Busy", "Outbound", "busy"),
        ("Abandoned", "Inbound", "abandoned"),
        ("Unheard of", "Inbound", None),
    ],
)
def test_every_result_of_the_log_has_its_outcome(result, direction, outcome):
    found = read_one("ringcentral", {**LOG, "result": result, "direction": direction})
    assert found.event.call.get("outcome") == outcome


def test_other_notifications_are_not_kept():
    assert read("ringcentral", {"event": "/restapi/v1.0/account/1/presence", "body": {"extensionId": 1}}) == []


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"records": [' + b",".join([b"{}"] * 1001) + b"]}", "The post holds more than 1000 records."),
        (b"", "The body has no telephonySessionId and is no record of a call log."),
        (b'{"records": []}', "The body has no telephonySessionId and is no record of a call log."),
        (b'{"event": "/telephony/sessions"}', "The body has no telephonySessionId and is no record of a call log."),
        (b'{"body": {"telephonySessionId": "s", "parties": [{}]}}', "A party has no status.code."),
    ],
)
def test_a_refusal_says_what_is_missing(body, reason):
    assert refusal("ringcentral", body) == reason


def test_the_validation_token_is_sent_back():
    asked = posted(headers={"validation-token": "5f3b-1c"})
    assert FORMATS["ringcentral"].handshake(asked) == HandshakeReply(200, {"validation-token": "5f3b-1c"}, b"")


@pytest.mark.parametrize(
    "post",
    [
        posted(),
        posted(headers={"validation-token": ""}),
        posted(headers={"validation-token": "x" * 513}),
        posted(encoded(NOTICE), headers={"validation-token": "5f3b-1c"}),
    ],
)
def test_nothing_else_is_a_handshake(post):
    assert FORMATS["ringcentral"].handshake(post) is None


def test_the_answer_is_short():
    chosen = FORMATS["ringcentral"]
    assert (chosen.success_status, chosen.success_body, chosen.quiet_seconds) == (200, b"", 10.0)
    assert chosen.auth_kinds == {"header_token", "basic", "query_token", "token"}


VALUES = st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(max_size=20)
INNER = VALUES | st.dictionaries(st.sampled_from(["code", "phoneNumber", "extensionId", "name"]), VALUES)
PARTIES = st.lists(st.dictionaries(st.sampled_from([*PARTY]), INNER), max_size=3)
LOGS = st.dictionaries(st.sampled_from([*LOG]), INNER).map(lambda fields: {**LOG, **fields})


@settings(max_examples=200, deadline=None)
@given(st.binary() | PARTIES.map(lambda parties: encoded(notice(*parties))) | LOGS.map(encoded))
def test_no_bytes_raise_anything_but_the_refusal(body):
    assert refusal("ringcentral", body) != ""
