"""Kamailio: the end of a call as a script sends it, and transactions of acc_json that make one call."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatcher.sources import FORMATS, NotUnderstood, SourceSettings
from tests.unit.switch_posts import NOW, at, facts, one, parsed, posted, told

END = {
    "event": "CGR_CALL_END",
    "callid": "46c0@192.0.2.10",
    "from_tag": "bf71",
    "to_tag": "7351",
    "direction": "inbound",
    "cgr_account": "+14155550100",
    "cgr_destination": "154",
    "cgr_answertime": "1795168809",
    "cgr_duration": "191",
    "cgr_disconnectcause": "200",
    "cgr_pdd": "9",
}
ACC = {
    "method": "INVITE",
    "callid": "46c0@192.0.2.10",
    "from_tag": "bf71",
    "to_tag": "7351",
    "sip_code": "200",
    "sip_reason": "OK",
    "time": "1795168809",
    "direction": "out",
    "src_user": "154",
    "dst_user": "+14155550100",
}


def acc(**changed):
    return json.dumps({**ACC, **changed}).encode()


def test_a_call_s_end_is_the_whole_call():
    found = one("kamailio", json.dumps(END).encode())
    event_id = "46c0@192.0.2.10:7351:bf71:end"
    assert facts(found) == (event_id, "call.finished", at("10:03:20"), ("46c0@192.0.2.10",), True, False)
    assert told(found) == {
        "id": "46c0@192.0.2.10",
        "direction": "inbound",
        "external_number": "+14155550100",
        "dnis": "154",
        "agent": {"extension": "154"},
        "answered_at": "2026-11-20T10:00:09Z",
        "ended_at": "2026-11-20T10:03:20Z",
        "talk_seconds": 191,
        "ring_seconds": 9,
        "outcome": "answered",
        "sip_code": 200,
        "custom": {
            name: END[name]
            for name in (
                "from_tag",
                "to_tag",
                "direction",
                "cgr_account",
                "cgr_destination",
                "cgr_disconnectcause",
                "cgr_pdd",
            )
        },
    }


def test_an_end_without_an_answer_has_the_outcome_of_its_sip_code():
    found = one("kamailio", json.dumps({**END, "cgr_answertime": "0", "cgr_disconnectcause": "486"}).encode())
    call = told(found)
    assert (call["outcome"], call["sip_code"], "answered_at" in call, "talk_seconds" in call) == (
        "busy",
        486,
        False,
        False,
    )
    assert found.event.occurred_at == NOW


def test_an_accepted_invite_is_the_answer_and_a_bye_the_end_of_one_call():
    answer, end = one("kamailio", acc()), one("kamailio", acc(method="BYE", time="1795169000"))
    assert facts(answer) == (
        "46c0@192.0.2.10:7351:bf71:answered",
        "x.kamailio.answered",
        at("10:00:09"),
        ("46c0@192.0.2.10",),
        False,
        False,
    )
    assert {
        name: told(answer)[name] for name in ("direction", "external_number", "agent", "answered_at", "outcome")
    } == {
        "direction": "outbound",
        "external_number": "+14155550100",
        "agent": {"extension": "154"},
        "answered_at": "2026-11-20T10:00:09Z",
        "outcome": "answered",
    }
    assert facts(end)[1:] == ("call.finished", at("10:03:20"), ("46c0@192.0.2.10",), True, False)
    assert told(end)["ended_at"] == "2026-11-20T10:03:20Z"


def test_a_branch_that_failed_does_not_end_the_leg_that_was_answered():
    assert one("kamailio", acc()).leg != one("kamailio", acc(sip_code="486")).leg


@pytest.mark.parametrize(("sip_code", "outcome"), [("486", "busy"), ("603", "rejected"), ("487", "cancelled")])
def test_a_refused_invite_is_a_branch_that_ended(sip_code, outcome):
    found = one("kamailio", acc(sip_code=sip_code, sip_reason="Not this time"))
    assert (found.event.type, found.ends_call) == ("call.finished", False)
    call = told(found)
    assert (call["outcome"], call["hangup_cause"], call["sip_code"]) == (outcome, "Not this time", int(sip_code))


@pytest.mark.parametrize(
    "body",
    [
        acc(sip_code="401"),
        acc(sip_code="407"),
        acc(sip_code="180"),
        acc(method="BYE", sip_code="481"),
        acc(method="ACK"),
        acc(method="MESSAGE"),
        json.dumps({**END, "event": "CGR_CALL_START"}).encode(),
    ],
)
def test_what_neither_answers_nor_ends_a_call_gives_nothing(body):
    assert parsed("kamailio", body) == []


@pytest.mark.parametrize(
    ("times", "config", "expected"),
    [
        ({"time": 1795168809}, {}, "2026-11-20T10:00:09Z"),
        ({"time_attr": "1795168809", "time_exten": "250000"}, {}, "2026-11-20T10:00:09.250000Z"),
        ({"time_attr": 1795168809.25}, {}, "2026-11-20T10:00:09.250000Z"),
        ({"time": "2026-11-20 11:00:09"}, {"acc_time_mode": 3}, "2026-11-20T10:00:09Z"),
        ({"time": "2026-11-20 10:00:09"}, {"acc_time_mode": 4}, "2026-11-20T10:00:09Z"),
        (
            {"time": "2026/11/20 11:00:09"},
            {"acc_time_mode": 3, "acc_time_format": "%Y/%m/%d %H:%M:%S"},
            "2026-11-20T10:00:09Z",
        ),
        ({"time": "soon"}, {}, None),
    ],
)
def test_times_are_read_in_every_acc_time_mode(times, config, expected):
    assert told(one("kamailio", acc(**{"time": None, **times}), **config)).get("answered_at") == expected


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"{}", "The record has no callid."),
        (b'{"callid": "1"}', "The record is no event (event) and no transaction (method) of Kamailio."),
    ],
)
def test_what_is_no_record_is_refused_in_a_sentence(body, reason):
    with pytest.raises(NotUnderstood) as refused:
        parsed("kamailio", body)
    assert refused.value.reason == reason


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from([END, ACC]),
    st.dictionaries(st.sampled_from([*END, *ACC]), st.none() | st.integers() | st.floats(allow_nan=False) | st.text()),
)
def test_no_record_raises_anything_but_the_refusal(record, odd):
    reason = "."
    try:
        FORMATS["kamailio"].parse(posted(json.dumps({**record, **odd}).encode()), SourceSettings())
    except NotUnderstood as refused:
        reason = refused.reason
    assert reason.endswith(".")
