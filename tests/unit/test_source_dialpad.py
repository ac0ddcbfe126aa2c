"""Dialpad's call events: states of legs, as JSON or as the claims of a token."""

import base64
from datetime import UTC, datetime

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatcher.sources import FORMATS, SourceSettings
from tests.unit.cloud_house import encoded, posted, read, read_one, refusal, told
from tests.unit.number_forms import JANE, OURS

EVENT = {
    "call_id": 5635304278851584,
    "state": "hangup",
    "direction": "inbound",
    "external_number": "+14155550100",
    "internal_number": "+18005551212",
    "date_started": 1795168800000,
    "date_rang": 1795168801000,
    "date_connected": 1795168809000,
    "date_ended": 1795169000500,
    "talk_time": 191000,
    "hold_time": 4000,
    "total_duration": 200500.25,
    "contact": {"id": 6, "type": "local", "name": "Jane Roe", "phone": "+14155550100"},
    "target": {"id": 17, "type": "user", "name": "John Doe", "email": "jd@example.com"},
    "entry_point_call_id": None,
    "master_call_id": None,
    "operator_call_id": None,
    "is_internal": False,
    "event_timestamp": 1795169001000,
    "labels": ["vip"],
    "was_recorded": True,
    "routing_breadcrumbs": [{"digit": "4"}],
    "iat": 1795169001,
}
CALL = {
    "id": "5635304278851584",
    "direction": "inbound",
    "caller_name": "Jane Roe",
    "external_number": "+14155550100",
    "external": JANE,
    "dnis": "+18005551212",
    "dialled": OURS,
    "agent": {"id": "17", "name": "John Doe", "email": "jd@example.com"},
    "tags": ["vip"],
    "started_at": "2026-11-20T10:00:00Z",
    "answered_at": "2026-11-20T10:00:09Z",
    "ended_at": "2026-11-20T10:03:20.500000Z",
    "duration_seconds": 200,
    "talk_seconds": 191,
    "ring_seconds": 9,
    "hold_seconds": 4,
    "outcome": "answered",
    "hangup_cause": "hangup",
    "recording": {"state": "expected"},
    "custom": {
        "contact": {"id": 6, "name": "Jane Roe", "phone": "+14155550100", "type": "local"},
        "date_rang": 1795168801000,
        "internal_number": "+18005551212",
        "is_internal": False,
        "state": "hangup",
        "target": {"email": "jd@example.com", "id": 17, "name": "John Doe", "type": "user"},
        "was_recorded": True,
    },
}
CENTER = {"id": 4, "type": "call_center", "name": "Sales"}


def of(**changed):
    return read_one("dialpad", {**EVENT, **changed})


def token(claims):
    parts = [base64.urlsafe_b64encode(part).rstrip(b"=") for part in (b'{"alg":"HS256"}', claims, b"signature")]
    return b".".join(parts)


def test_a_hang_up_is_a_leg_of_its_call():
    found = read_one("dialpad", EVENT)
    assert told(found) == ("5635304278851584:hangup", "call.finished", ("5635304278851584",), False, False)
    assert found.event.occurred_at == datetime(2026, 11, 20, 10, 3, 21, tzinfo=UTC)
    assert found.event.call == CALL


@pytest.mark.parametrize("quote", [b"", b'"'])
def test_a_token_says_the_same(quote):
    body = quote + token(orjson.dumps(EVENT)) + quote + b"\n"
    assert FORMATS["dialpad"].parse(posted(body), SourceSettings()) == read("dialpad", EVENT)


def test_legs_find_each_other_by_every_id():
    found = of(call_id=3, entry_point_call_id=1, master_call_id=2, operator_call_id=4)
    assert (found.keys, found.event.call["id"]) == (("3", "1", "2", "4"), "1")


def test_a_conversation_that_has_begun_keeps_its_call_open():
    found = of(state="connected", date_ended=None, event_timestamp=1795168809000)
    assert told(found)[:2] == ("5635304278851584:connected", "x.leg.connected")
    assert (found.ends_call, found.is_fact) == (False, False)
    assert found.event.call["answered_at"] == "2026-11-20T10:00:09Z"
    assert {"ended_at", "outcome", "duration_seconds"} & found.event.call.keys() == set()


def test_a_telephone_that_rang_in_vain_is_a_fact_of_its_call():
    found = of(call_id=3, entry_point_call_id=1, state="missed", date_connected=None)
    assert told(found) == ("3:missed", "x.leg.finished", ("3", "1"), False, True)
    assert found.event.call["outcome"] == "missed"


def test_a_leg_is_known_by_its_own_id_from_its_answer_to_its_end_also_where_it_ended_in_vain():
    begun = of(call_id=3, entry_point_call_id=1, state="connected", date_ended=None)
    ended, lost = of(call_id=3, entry_point_call_id=1), of(call_id=3, entry_point_call_id=1, state="missed", target={})
    assert (begun.leg, ended.leg, lost.leg, lost.is_fact) == ("3", "3", "3", True)


@pytest.mark.parametrize(
    ("changed", "outcome"),
    [
        ({"target": CENTER, "operator_call_id": 4}, "answered"),
        ({"target": CENTER}, "abandoned"),
        ({"target": CENTER, "date_connected": None, "date_queued": 1795168802000}, "abandoned"),
        ({"date_connected": None}, "missed"),
        ({"date_connected": None, "direction": "outbound"}, "missed"),
        ({"date_connected": None, "voicemail_recording_id": 9}, "voicemail"),
        ({"state": "missed", "date_connected": None}, "missed"),
    ],
)
def test_only_a_person_answers(changed, outcome):
    call = of(**changed).event.call
    assert (call["outcome"], "answered_at" in call) == (outcome, outcome == "answered")


def test_a_group_is_no_agent():
    call = of(target=CENTER).event.call
    assert (call["group"], "agent" in call) == ("Sales", False)


def test_the_group_that_was_entered_by_stays_known():
    call = of(entry_point_target=CENTER).event.call
    assert (call["group"], call["agent"]["name"]) == ("Sales", "John Doe")


def test_an_internal_call_has_no_outside():
    call = of(is_internal=True).event.call
    assert (call["direction"], "external_number" in call, "external" in call) == ("internal", False, False)


def test_an_outbound_call_dials_the_other_side_and_a_withheld_own_number_is_none():
    call = of(direction="outbound", internal_number="blocked").event.call
    assert (call["dnis"], call["external_number"], "caller_name" in call) == ("+14155550100", "+14155550100", False)


def test_a_contact_named_by_its_number_has_no_name():
    assert "caller_name" not in of(contact={"name": "(415) 555-0100"}).event.call


def test_a_recording_comes_later():
    details = [{"id": "9", "url": "https://dialpad.example/r/9.mp3", "duration": 189500.0}]
    found = of(state="recording", recording_details=details, event_timestamp=1795169100000)
    assert told(found)[:2] == ("5635304278851584:recording:1795169100000", "call.recorded")
    assert found.is_fact
    url = "https://dialpad.example/r/9.mp3"
    assert found.event.call["recording"] == {"state": "available", "url": url, "duration_seconds": 189}


def test_a_recording_that_has_no_address_yet_only_updates():
    assert of(state="recording").event.type == "call.updated"


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        ("voicemail_uploaded", "voicemail.left"),
        ("call_transcription", "call.transcribed"),
        ("dispositions", "call.disposed"),
    ],
)
def test_other_facts_come_later_too(state, kind):
    found = of(state=state, voicemail_link="https://dialpad.example/v/1")
    assert (found.event.type, found.is_fact) == (kind, True)
    assert found.event.call["recording"]["url"] == "https://dialpad.example/v/1"


@pytest.mark.parametrize("state", ["calling", "ringing", "hold", "queued", "parked", "teleported"])
def test_every_other_state_is_not_kept(state):
    assert read("dialpad", {**EVENT, "state": state}) == []


def test_pressed_keys_are_not_kept():
    assert "routing_breadcrumbs" not in read_one("dialpad", EVENT).event.call["custom"]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "The body is not JSON (line 1, column 1)."),
        (b"[]", "The body is no JSON object."),
        (b'{"state": "hangup"}', "The body has no call_id or no state, so it is no call event of Dialpad's."),
        (b'{"call_id": 1}', "The body has no call_id or no state, so it is no call event of Dialpad's."),
        (b"a.b.c", "The body is not JSON (line 1, column 1)."),
        (token(b"{"), "The body is not JSON (line 1, column 1)."),
    ],
)
def test_a_refusal_says_what_is_missing(body, reason):
    assert refusal("dialpad", body) == reason


def test_dialpad_signs_a_token():
    chosen = FORMATS["dialpad"]
    assert (chosen.success_status, chosen.quiet_seconds, chosen.auth_kinds) == (200, 10.0, {"jwt", "query_token"})


VALUES = st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(max_size=20) | st.lists(st.text(max_size=3))
CLAIMS = st.dictionaries(st.sampled_from([*EVENT, "recording_details"]), VALUES | st.dictionaries(st.text(), VALUES))
STATES = st.sampled_from(["hangup", "missed", "connected", "recording"])
DUE = st.builds(lambda claims, state: {**claims, "call_id": 1, "state": state}, CLAIMS, STATES)


@settings(max_examples=200, deadline=None)
@given(st.binary() | DUE.map(lambda claims: token(encoded(claims))) | DUE.map(encoded))
def test_no_bytes_raise_anything_but_the_refusal(body):
    assert refusal("dialpad", body) != ""
