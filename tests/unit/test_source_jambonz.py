"""jambonz's call status webhook."""

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatcher.domain.call_part import CallPart
from dispatcher.domain.event import CallEvent
from dispatcher.sources import FORMATS, NotUnderstood, SourceSettings
from tests.unit.cpaas_house import NOW, parts_or_refusal, posted, read_json, read_query
from tests.unit.number_forms import JANE, OURS

STATUS = {
    "account_sid": "acc-1",
    "application_sid": "app-1",
    "call_id": "7ade3efb@192.0.2.1",
    "call_sid": "call-1",
    "call_status": "completed",
    "call_termination_by": "caller",
    "caller_name": "Jane Roe",
    "direction": "inbound",
    "duration": 191,
    "from": "+14155550100",
    "sip_reason": "OK",
    "sip_status": 200,
    "to": "+18005551212",
    "trace_id": "t-1",
}
KEPT = (
    "account_sid",
    "application_sid",
    "call_id",
    "caller_name",
    "direction",
    "from",
    "sip_reason",
    "to",
    "trace_id",
)
FINISHED = {
    "id": "call-1",
    "direction": "inbound",
    "caller_name": "Jane Roe",
    "external_number": "+14155550100",
    "external": JANE,
    "dnis": "+18005551212",
    "dialled": OURS,
    "duration_seconds": 191,
    "talk_seconds": 191,
    "outcome": "answered",
    "ended_by": "caller",
    "hangup_cause": "completed",
    "sip_code": 200,
    "custom": {name: STATUS[name] for name in KEPT},
}


def call_of(**changed):
    [part] = read_json("jambonz", {name: value for name, value in {**STATUS, **changed}.items() if value is not None})
    return part.event.call


def test_a_completed_call_is_finished_unless_legs_of_it_follow():
    finished = CallEvent("call-1:completed", "call.finished", NOW, FINISHED)
    assert read_json("jambonz", STATUS) == [CallPart(finished, ("call-1",))]


def test_a_get_says_the_same_in_its_query():
    assert read_query("jambonz", STATUS) == read_json("jambonz", STATUS)


def test_no_time_is_made_up_where_none_is_said():
    assert not {"started_at", "answered_at", "ended_at"} & call_of().keys()


@pytest.mark.parametrize(
    ("status", "sip", "reason", "outcome"),
    [
        ("busy", 486, "Busy Here", "busy"),
        ("no-answer", 487, "Request Terminated", "missed"),
        ("failed", 603, "Decline", "rejected"),
        ("failed", 486, "Busy Here", "busy"),
        ("failed", 503, "Service Unavailable", "failed"),
        ("failed", None, None, "failed"),
        ("failed", 200, "OK", "failed"),
    ],
)
def test_a_call_that_never_came_about_is_told_apart_by_its_sip_status(status, sip, reason, outcome):
    call = call_of(call_status=status, sip_status=sip, sip_reason=reason, duration=0)
    assert (call["outcome"], call.get("sip_code"), call.get("hangup_cause")) == (outcome, sip, reason)
    assert (call["duration_seconds"], "talk_seconds" in call) == (0, False)


@pytest.mark.parametrize(("who", "ended_by"), [("jambonz", "system"), ("caller", "caller"), ("x", None), (None, None)])
def test_who_hung_up_is_said_or_not(who, ended_by):
    assert call_of(call_termination_by=who).get("ended_by") == ended_by


def test_a_call_that_the_api_made_is_outbound():
    call = call_of(direction="outbound", to="sip:+14155550100@192.0.2.9:5060", **{"from": "+18005551212"})
    assert (call["direction"], call["external_number"], call["external"]["e164"]) == (
        "outbound",
        "+14155550100",
        "+14155550100",
    )


LEG = {
    **STATUS,
    "call_sid": "call-2",
    "parent_call_sid": "call-1",
    "direction": "outbound",
    "to": "sip:154@pbx.example",
}


def test_a_leg_of_a_call_is_a_fact_of_it_and_no_call():
    call = {"id": "call-1", "agent": {"extension": "154"}, "custom": {"leg:call-2": LEG}}
    updated = CallEvent("call-2:completed", "call.updated", NOW, call)
    assert read_json("jambonz", LEG) == [CallPart(updated, ("call-2", "call-1"), is_fact=True)]


@pytest.mark.parametrize(
    ("to", "status", "agent"),
    [
        ("sip:154@pbx.example", "no-answer", None),
        ("sip:john@pbx.example", "completed", {"extension": "john"}),
        ("sip:+14155550199@192.0.2.9:5060", "completed", None),
        ("+14155550199", "completed", None),
        (None, "completed", None),
    ],
)
def test_who_answered_a_leg_is_the_agent_where_the_address_tells(to, status, agent):
    [part] = read_json("jambonz", {**LEG, "to": to, "call_status": status})
    assert part.event.call.get("agent") == agent


def test_a_call_that_names_itself_as_its_parent_is_no_leg():
    [part] = read_json("jambonz", {**STATUS, "parent_call_sid": "call-1"})
    assert (part.is_fact, part.event.type) == (False, "call.finished")


@pytest.mark.parametrize("status", ["trying", "ringing", "early-media", "in-progress", "queued", None])
def test_a_call_under_way_and_a_webhook_without_a_status_are_no_event(status):
    assert read_json("jambonz", {**STATUS, "call_status": status}) == []


def test_what_an_application_attached_is_kept_and_what_a_caller_typed_is_not():
    call = call_of(customerData={"ticket": "T-1"}, digits="1234", speech={"alternatives": []})
    assert call == {**FINISHED, "custom": {**FINISHED["custom"], "customerData": {"ticket": "T-1"}}}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "The request has no call_sid, so it is no webhook of jambonz."),
        (b'{"call_status": "completed"}', "The request has no call_sid, so it is no webhook of jambonz."),
        (b'{"call_sid": "1", "call_status": "teleported"}', "The call_status is none that jambonz documents."),
    ],
)
def test_what_is_no_status_is_not_understood(body, reason):
    with pytest.raises(NotUnderstood) as refused:
        FORMATS["jambonz"].parse(posted(body), SourceSettings())
    assert refused.value.reason == reason


def test_jambonz_is_answered_200_and_its_legs_are_waited_for():
    chosen = FORMATS["jambonz"]
    assert (chosen.success_status, chosen.methods, chosen.quiet_seconds) == (200, {"POST", "GET"}, 3)
    assert chosen.auth_kinds == {"basic", "hmac", "query_token", "token"}


TEXTS = st.text(st.characters(codec="utf-8"), max_size=30)
VALUES = st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats() | TEXTS | st.lists(TEXTS, max_size=3)
BODIES = st.dictionaries(st.sampled_from([*STATUS, "parent_call_sid"]), VALUES | st.dictionaries(TEXTS, VALUES))


@settings(max_examples=300, deadline=None)
@given(st.binary() | BODIES.map(lambda body: orjson.dumps({"call_status": "completed", "call_sid": "1", **body})))
def test_no_bytes_raise_anything_but_the_refusal(body):
    assert parts_or_refusal("jambonz", body) <= 1
