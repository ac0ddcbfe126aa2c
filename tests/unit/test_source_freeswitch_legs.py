"""FreeSWITCH's legs as parts of one call, and the event CHANNEL_HANGUP_COMPLETE instead of a record."""

import json
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatcher.domain.event import CallEvent
from dispatcher.sources import FORMATS, NotUnderstood, SourceSettings
from tests.unit.switch_posts import at, facts, one, parsed, posted, told, without

A, B, C = (f"0d9b8a70-5b11-4f0e-9c3a-00000000000{number}" for number in (1, 2, 3))
VARIABLES = {
    "uuid": A,
    "start_uepoch": "1795168800000000",
    "answer_uepoch": "1795168809000000",
    "end_uepoch": "1795169000000000",
    "duration": "200",
    "billsec": "191",
    "hangup_cause": "NORMAL_CLEARING",
}
PROFILE = {"caller_id_number": "+14155550100", "destination_number": "+18005551212", "context": "public"}


def leg(profile=None, **variables):
    record = {
        "variables": {**VARIABLES, **variables},
        "callflow": [{"caller_profile": {**PROFILE, **(profile or {})}}],
        "channel_data": {"direction": "inbound"},
    }
    return json.dumps(record).encode()


def other(kind, *uuids):
    return {kind: {f"{kind}_caller_profiles": [{"uuid": uuid} for uuid in uuids]}}


def test_without_log_b_leg_a_call_is_told_at_once():
    assert isinstance(one("freeswitch", leg(bridge_uuid=B)), CallEvent)
    assert isinstance(one("freeswitch", leg(bridge_uuid=B), legs=False), CallEvent)


@pytest.mark.parametrize(
    ("profile", "variables"),
    [
        ({}, {"bridge_uuid": B}),
        ({}, {"signal_bond": B}),
        ({}, {"last_bridge_to": B}),
        ({}, {"originated_legs": f"ARRAY::{B};Outbound Call;154|:{B};Outbound Call;154"}),
        (other("originatee", B), {}),
    ],
)
def test_an_a_leg_names_the_legs_that_it_is_joined_to(profile, variables):
    found = one("freeswitch", leg(profile, **variables), legs=True)
    assert facts(found) == (f"{A}:hangup", "call.finished", at("10:03:20"), (A, B), False, False)
    assert told(found)["id"] == A


@pytest.mark.parametrize(
    ("profile", "variables"),
    [
        (other("originator", A), {}),
        ({}, {"originating_leg_uuid": A}),
        ({}, {"cc_side": "agent", "cc_member_session_uuid": A}),
    ],
)
def test_a_b_leg_is_a_part_of_the_a_leg_s_call(profile, variables):
    found = one("freeswitch", leg(profile, uuid=B, **variables), legs=True)
    assert facts(found) == (f"{B}:hangup", "call.finished", at("10:03:20"), (B, A), False, False)
    assert (told(found)["id"], told(found)["custom"]["leg"]) == (A, "b")


def test_an_attended_transfer_joins_three_legs():
    found = one("freeswitch", leg(bridge_uuid=B, signal_bond=C), legs=True)
    assert found.keys == (A, B, C)


def test_a_leg_that_names_no_other_waits_for_none():
    found = one("freeswitch", leg(call_uuid=A), legs=True)
    assert (found.keys, found.ends_call) == ((A,), True)


def test_a_caller_in_a_queue_waits_for_the_agents_that_were_called():
    assert one("freeswitch", leg(cc_side="member"), legs=True).ends_call is False


# --- the event

EVENT = {
    "Event-Name": "CHANNEL_HANGUP_COMPLETE",
    "FreeSWITCH-Switchname": "pbx1",
    "Hangup-Cause": "NORMAL_CLEARING",
    "Call-Direction": "inbound",
    "Unique-ID": A,
    "Caller-Caller-ID-Name": "Jane Roe",
    "Caller-Caller-ID-Number": "+14155550100",
    "Caller-Destination-Number": "+18005551212",
    "Caller-Context": "public",
    "Caller-Channel-Created-Time": "1795168800000000",
    "Caller-Channel-Answered-Time": "1795168809000000",
    "Caller-Channel-Hangup-Time": "1795169000000000",
    "Other-Type": "originatee",
    "Other-Leg-Unique-ID": B,
    "variable_uuid": A,
    "variable_hangup_cause_q850": "16",
    "variable_sip_hangup_disposition": "recv_bye",
    "variable_accountcode": "10 & 20",
}
CALL = {
    "id": A,
    "direction": "inbound",
    "caller_name": "Jane Roe",
    "external_number": "+14155550100",
    "dnis": "+18005551212",
    "account_codes": ["10 & 20"],
    "started_at": "2026-11-20T10:00:00Z",
    "answered_at": "2026-11-20T10:00:09Z",
    "ended_at": "2026-11-20T10:03:20Z",
    "duration_seconds": 200,
    "talk_seconds": 191,
    "ring_seconds": 9,
    "outcome": "answered",
    "ended_by": "caller",
    "hangup_cause": "NORMAL_CLEARING",
    "q850": 16,
    "recording": {"state": "none"},
    "custom": {
        "uuid": A,
        "leg": "a",
        "switch": "pbx1",
        "caller_id_number": "+14155550100",
        "context": "public",
        "sip_hangup_disposition": "recv_bye",
    },
}


def as_text(event, end="\n"):
    return "".join(f"{name}: {quote(value, '/,')}{end}" for name, value in event.items()).encode()


@pytest.mark.parametrize(
    "body",
    [
        json.dumps(EVENT).encode(),
        as_text(EVENT),
        as_text(EVENT, "\r\n"),
        b"Content-Type: text/event-plain\n\n" + as_text(EVENT),
    ],
    ids=["json", "text", "crlf", "with envelope"],
)
def test_the_event_is_the_call_that_the_record_would_be(body):
    found = one("freeswitch", body)
    assert facts(found) == (f"{A}:hangup", "call.finished", at("10:03:20"))
    assert told(found) == CALL


def test_the_event_of_a_called_leg_knows_its_originator():
    event = {**EVENT, "Unique-ID": B, "variable_uuid": B, "Other-Type": "originator", "Other-Leg-Unique-ID": A}
    found = one("freeswitch", as_text(event), legs=True)
    assert (found.keys, told(found)["id"]) == ((B, A), A)


@pytest.mark.parametrize("name", ["CHANNEL_ANSWER", "CHANNEL_HANGUP", "HEARTBEAT"])
def test_another_event_gives_nothing(name):
    assert parsed("freeswitch", as_text({**EVENT, "Event-Name": name})) == []


def test_an_event_without_a_uuid_is_refused():
    with pytest.raises(NotUnderstood, match=r"^Neither the record nor the address names the call's uuid\.$"):
        parsed("freeswitch", as_text(without(EVENT, "Unique-ID", "variable_uuid")))


@pytest.mark.parametrize("flag", ["yes", 1, []])
def test_legs_are_switched_by_true_or_false_alone(flag):
    assert isinstance(one("freeswitch", leg(bridge_uuid=B), legs=flag), CallEvent)


@settings(max_examples=200, deadline=None)
@given(
    st.dictionaries(st.sampled_from(list(EVENT)), st.none() | st.integers() | st.text() | st.lists(st.text())),
    st.booleans(),
)
def test_no_event_raises_anything_but_the_refusal(odd, legs):
    reason = "."
    try:
        FORMATS["freeswitch"].parse(
            posted(json.dumps({**EVENT, **odd}).encode()), SourceSettings(config={"legs": legs})
        )
    except NotUnderstood as refused:
        reason = refused.reason
    assert reason.endswith(".")
