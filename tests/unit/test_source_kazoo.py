"""Kazoo's webhooks: the ends of channels, as a form or JSON."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatcher.sources import FORMATS, SourceSettings
from tests.unit.cloud_house import encoded, posted, read, read_form, read_one, refusal, told
from tests.unit.number_forms import JANE, OURS

GREGORIAN = 62_167_219_200
EVENT = {
    "hook_event": "channel_destroy",
    "call_id": "a-leg",
    "other_leg_call_id": "b-leg",
    "call_direction": "inbound",
    "account_id": "acc1",
    "caller_id_name": "Jane Roe",
    "caller_id_number": "+14155550100",
    "callee_id_name": "John Doe",
    "callee_id_number": "154",
    "from": "+14155550100@pbx.example",
    "to": "+18005551212@pbx.example",
    "request": "+18005551212@pbx.example",
    "timestamp": str(GREGORIAN + 1795169000),
    "duration_seconds": 200,
    "billing_seconds": 191,
    "ringing_seconds": 9,
    "hangup_cause": "NORMAL_CLEARING",
    "hangup_code": "sip:200",
}
KEPT = ("account_id", "call_direction", "callee_id_name", "callee_id_number", "caller_id_number", "from")
CALL = {
    "id": "a-leg",
    "direction": "inbound",
    "caller_name": "Jane Roe",
    "external_number": "+14155550100",
    "external": JANE,
    "dnis": "+18005551212",
    "dialled": OURS,
    "started_at": "2026-11-20T10:00:00Z",
    "answered_at": "2026-11-20T10:00:09Z",
    "ended_at": "2026-11-20T10:03:20Z",
    "duration_seconds": 200,
    "talk_seconds": 191,
    "ring_seconds": 9,
    "outcome": "answered",
    "hangup_cause": "NORMAL_CLEARING",
    "sip_code": 200,
    "custom": {name: EVENT[name] for name in (*KEPT, "other_leg_call_id", "request", "to")},
}
CALLED = {
    **EVENT,
    "call_id": "b-leg",
    "other_leg_call_id": "a-leg",
    "call_direction": "outbound",
    "owner_id": "user17",
    "to": "154@pbx.example",
}
OWN = {"authorizing_type": "device", "owner_id": "user17", "from": "154@pbx.example", "caller_id_name": "John Doe"}


def of(**changed):
    return read_one("kazoo", {**EVENT, **changed})


def test_the_caller_s_leg_is_the_call():
    found = read_one("kazoo", EVENT)
    assert told(found) == ("a-leg:destroy", "call.finished", ("a-leg", "b-leg"), False, False)
    assert found.event.occurred_at == datetime(2026, 11, 20, 10, 3, 20, tzinfo=UTC)
    assert found.event.call == CALL
    assert found.leg == "a-leg"


@pytest.mark.parametrize(("leg", "other", "side"), [("a-leg", "b-leg", "inbound"), ("b-leg", "a-leg", "outbound")])
def test_a_leg_that_is_answered_is_under_way_and_says_only_since_when(leg, other, side):
    sides = {"call_id": leg, "other_leg_call_id": other, "call_direction": side}
    event = {**EVENT, **sides, "hook_event": "channel_answer", "timestamp": str(GREGORIAN + 1795168809)}
    found = read_one("kazoo", event)
    assert told(found) == (f"{leg}:answer", "x.leg.answered", (leg, other), False, False)
    assert (found.leg, found.event.occurred_at) == (leg, datetime(2026, 11, 20, 10, 0, 9, tzinfo=UTC))
    assert found.event.call == {"id": "a-leg", "answered_at": "2026-11-20T10:00:09Z"}


def test_an_answer_that_names_no_other_leg_ends_nothing():
    found = of(hook_event="channel_answer", other_leg_call_id=None)
    assert (found.ends_call, found.keys, found.leg) == (False, ("a-leg",), "a-leg")


def test_a_form_says_the_same():
    [found] = read_form("kazoo", EVENT)
    assert found.event.call == CALL


def test_a_list_and_the_query_of_a_get_say_the_same():
    [listed] = read("kazoo", [EVENT])
    query = [(name, str(value)) for name, value in EVENT.items()]
    [got] = FORMATS["kazoo"].parse(posted(b"", "GET", query), SourceSettings())
    assert listed.event.call == got.event.call == CALL


def test_the_leg_that_was_reached_says_who_it_was_and_nothing_of_the_direction():
    found = read_one("kazoo", CALLED)
    assert told(found) == ("b-leg:destroy", "call.finished", ("b-leg", "a-leg"), False, False)
    call = found.event.call
    assert (call["id"], call["agent"]) == ("a-leg", {"id": "user17", "name": "John Doe", "extension": "154"})
    assert {"direction", "external_number", "dnis"} & call.keys() == set()


def test_a_telephone_that_rang_in_vain_is_a_fact_of_its_call():
    found = read_one("kazoo", {**CALLED, "billing_seconds": 0, "hangup_cause": "LOSE_RACE", "hangup_code": "sip:487"})
    assert told(found) == ("b-leg:destroy", "x.leg.finished", ("b-leg", "a-leg"), False, True)
    assert (found.event.call["outcome"], found.leg) == ("cancelled", "b-leg")


def test_a_leg_to_a_customer_is_no_agent():
    call = read_one("kazoo", {**CALLED, "owner_id": None, "to": "+14155550100@carrier.example"}).event.call
    assert "agent" not in call


def test_a_leg_of_one_of_the_account_s_own_telephones_goes_out():
    call = of(**OWN, request="+14155550100@pbx.example").event.call
    assert (call["direction"], call["external_number"], call["dnis"]) == ("outbound", "+14155550100", "+14155550100")
    assert (call["agent"], "caller_name" in call) == (
        {"id": "user17", "name": "John Doe", "extension": "154"},
        False,
    )


def test_from_one_telephone_to_another_it_is_internal():
    call = of(**OWN, request="155@pbx.example").event.call
    assert (call["direction"], call["dnis"], "external_number" in call) == ("internal", "155", False)


def test_a_carrier_is_no_telephone_of_ours():
    assert of(authorizing_type="resource").event.call["direction"] == "inbound"


def test_a_leg_without_another_one_is_told_at_once():
    assert of(other_leg_call_id=None).ends_call


@pytest.mark.parametrize("written", ["custom_channel_vars[bridge_id]", None])
def test_legs_share_channel_variables(written):
    named = {written: "bridge-1"} if written else {"custom_channel_vars": {"bridge_id": "bridge-1"}}
    assert of(**named).keys == ("a-leg", "b-leg", "bridge-1")


@pytest.mark.parametrize(
    ("cause", "code", "outcome", "sip"),
    [
        ("USER_BUSY", "sip:486", "busy", 486),
        ("ORIGINATOR_CANCEL", "sip:487", "missed", 487),
        ("CALL_REJECTED", None, "rejected", None),
        ("NORMAL_CLEARING", "sip:480", "missed", 480),
        (None, None, "missed", None),
    ],
)
def test_a_call_that_nobody_answered(cause, code, outcome, sip):
    call = of(billing_seconds="0", hangup_cause=cause, hangup_code=code).event.call
    assert (call["outcome"], call.get("sip_code"), "answered_at" in call) == (outcome, sip, False)
    assert "talk_seconds" not in call


@pytest.mark.parametrize("event", ["channel_create", "channel_bridge", "parking", "inbound_fax"])
def test_other_events_are_not_kept(event):
    assert read("kazoo", {**EVENT, "hook_event": event}) == []


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"[" + b",".join([b"{}"] * 1001) + b"]", "The post holds more than 1000 records."),
        (b"", "The request has no hook_event, so it is no webhook of Kazoo's."),
        (b"[]", "The request has no hook_event, so it is no webhook of Kazoo's."),
        (b"[1]", "The request has no hook_event, so it is no webhook of Kazoo's."),
        (b"call_id=1", "The request has no hook_event, so it is no webhook of Kazoo's."),
        (b"hook_event=channel_destroy", "The event has no call_id."),
        (b"hook_event=channel_answer", "The event has no call_id."),
        (b"[", "The body is not JSON (line 1, column 2)."),
    ],
)
def test_a_refusal_says_what_is_missing(body, reason):
    assert refusal("kazoo", body) == reason


def test_kazoo_may_get_post_or_put():
    chosen = FORMATS["kazoo"]
    assert (chosen.methods, chosen.quiet_seconds) == ({"GET", "POST", "PUT"}, 5.0)
    assert chosen.auth_kinds == {"basic", "query_token", "token"}


VALUES = st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | st.text(max_size=20)
DUE = st.dictionaries(st.sampled_from([*EVENT, "owner_id", "custom_channel_vars"]), VALUES | st.lists(VALUES))


@settings(max_examples=200, deadline=None)
@given(
    st.binary()
    | DUE.map(lambda fields: encoded({**fields, "hook_event": "channel_destroy", "call_id": "a"}))
    | DUE.map(lambda fields: encoded({**fields, "hook_event": "channel_answer", "call_id": "a"}))
)
def test_no_bytes_raise_anything_but_the_refusal(body):
    assert refusal("kazoo", body) != ""
