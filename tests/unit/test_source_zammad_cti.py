"""Zammad's generic CTI events: three moments of a call, without a time."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatcher.sources import FORMATS
from tests.unit.cloud_house import NOW, encoded, read, read_form, read_one, refusal, told
from tests.unit.number_forms import JANE, OURS

HANGUP = {
    "event": "hangup",
    "callId": "call-1",
    "direction": "in",
    "from": "+14155550100",
    "to": "+18005551212",
    "answeringNumber": "jd@example.com",
    "queue": "Sales",
    "user": ["John Doe"],
    "cause": "normalClearing",
}
PARTIES = {
    "id": "call-1",
    "direction": "inbound",
    "external_number": "+14155550100",
    "external": JANE,
    "dnis": "+18005551212",
    "dialled": OURS,
    "agent": {"email": "jd@example.com", "name": "John Doe"},
    "group": "Sales",
    "custom": {
        "answeringNumber": "jd@example.com",
        "from": "+14155550100",
        "to": "+18005551212",
        "user": ["John Doe"],
        "times_of_receipt": True,
    },
}
AT = "2026-11-20T10:04:00Z"


def of(**changed):
    return read_one("zammad_cti", {**HANGUP, **changed})


def test_a_hang_up_ends_its_call():
    found = read_one("zammad_cti", HANGUP)
    assert told(found) == ("call-1:hangup", "call.finished", ("call-1",), True, False)
    expected = {**PARTIES, "ended_at": AT, "outcome": "answered", "hangup_cause": "normalClearing"}
    assert (found.event.occurred_at, found.event.call) == (NOW, expected)


@pytest.mark.parametrize(
    ("event", "kind", "name"),
    [("newCall", "x.call.started", "started_at"), ("answer", "x.call.answered", "answered_at")],
)
def test_the_moments_before_are_those_of_their_receipt(event, kind, name):
    found = of(event=event, cause=None)
    assert told(found) == (f"call-1:{event}", kind, ("call-1",), False, False)
    assert found.event.call == {**PARTIES, name: AT}


def test_a_form_says_the_same():
    fields = {**{name: text for name, text in HANGUP.items() if name != "user"}, "user[]": "John Doe"}
    [found] = read_form("zammad_cti", fields)
    assert found.event.call["agent"] == PARTIES["agent"]


@pytest.mark.parametrize(
    ("cause", "direction", "outcome"),
    [
        ("busy", "out", "busy"),
        ("cancel", "in", "missed"),
        ("cancel", "out", "cancelled"),
        ("noAnswer", "in", "missed"),
        ("congestion", "out", "failed"),
        ("notFound", "out", "failed"),
        ("forwarded", "in", None),
        ("somethingElse", "in", None),
        (None, "in", None),
    ],
)
def test_every_cause_has_its_outcome(cause, direction, outcome):
    assert of(cause=cause, direction=direction).event.call.get("outcome") == outcome


def test_a_call_that_was_forwarded_goes_on():
    assert not of(cause="forwarded").ends_call


def test_an_outbound_call_dials_the_other_side():
    call = of(direction="out", **{"from": "+18005551212", "to": "+14155550100"}).event.call
    assert (call["direction"], call["external_number"], call["dnis"]) == ("outbound", "+14155550100", "+14155550100")


@pytest.mark.parametrize(
    ("who", "agent"),
    [
        ("42", {"extension": "42", "name": "John Doe"}),
        ("jdoe", {"id": "jdoe", "name": "John Doe"}),
        (None, {"name": "John Doe"}),
    ],
)
def test_an_agent_is_whatever_the_pbx_knows_him_by(who, agent):
    assert of(answeringNumber=who).event.call["agent"] == agent


def test_a_number_without_a_plus_is_no_international_one():
    call = of(**{"from": "493012345678"}).event.call
    assert call["external"] == {"raw": "493012345678", "digits": "493012345678", "anonymous": False}


def test_a_hidden_caller_has_no_number():
    assert "external_number" not in of(**{"from": "anonymous"}).event.call


def test_an_event_that_nobody_documented_is_not_kept():
    assert read("zammad_cti", {**HANGUP, "event": "dtmf"}) == []


@pytest.mark.parametrize("body", [b"", b"{}", b"event=hangup", b'{"callId": "1"}'])
def test_what_names_no_call_or_event_is_refused(body):
    assert refusal("zammad_cti", body) == "The request has no event or no callId, so it is no CTI event."


def test_pbxs_that_can_do_no_better_show_a_token_in_the_address():
    chosen = FORMATS["zammad_cti"]
    assert (chosen.success_status, chosen.quiet_seconds) == (200, 10.0)
    assert chosen.auth_kinds == {"basic", "query_token", "token"}


VALUES = st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(max_size=20) | st.lists(st.text())
DUE = st.dictionaries(st.sampled_from([*HANGUP]), VALUES)


@settings(max_examples=200, deadline=None)
@given(st.binary() | DUE.map(lambda fields: encoded({**fields, "callId": "c", "event": "hangup"})))
def test_no_bytes_raise_anything_but_the_refusal(body):
    assert refusal("zammad_cti", body) != ""
