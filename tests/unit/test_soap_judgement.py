"""What the answer to a SOAP request counts as: delivered, to be retried, or refused."""

from typing import Any

import pytest

from dispatcher.adapters.engines import ENGINES
from dispatcher.domain.answers.outputs import capture, read_outputs
from dispatcher.domain.answers.success import Judgement, SuccessRule, judge, read_success
from dispatcher.domain.exchange import Answer, ErrorWord
from dispatcher.domain.profile import ProfileRefused, parse_profile
from dispatcher.domain.shape import Reading
from dispatcher.domain.soap.reply import Fault, Reply

DELIVERED, RETRY, REJECT = Judgement.DELIVERED, Judgement.RETRY, Judgement.REJECT
REPLY = Reply(fields=lambda: {"LogCallResult": {"LeadId": 17, "Status": "OK", "Lines": [{"Sku": "a"}, {"Sku": "b"}]}})


def judged(status: int, reply: Reply, rule: SuccessRule | None = None) -> tuple[Judgement, ErrorWord | None, str]:
    return judge(Answer(status, [], b"<x/>"), rule or SuccessRule(), lambda _: reply)


def rule(**raw: Any) -> SuccessRule:
    reading = Reading()
    read = read_success(reading, raw, "success", ENGINES)
    assert reading.faults == []
    return read


def faults_of(**raw: Any) -> list[tuple[str, str]]:
    reading = Reading()
    read_success(reading, raw, "success", ENGINES)
    return [(fault["field"], fault["expected"]) for fault in reading.faults]


@pytest.mark.parametrize("status", [500, 200, 400])
@pytest.mark.parametrize(
    ("code", "judgement", "named"),
    [
        ("Server", RETRY, "Server"),
        ("Receiver", RETRY, "Receiver"),
        ("Server.Busy", RETRY, "Server"),
        ("Client", REJECT, "Client"),
        ("Client.Authentication", REJECT, "Client"),
        ("Sender", REJECT, "Sender"),
        ("client", REJECT, "Client"),
        ("VersionMismatch", REJECT, "VersionMismatch"),
        ("MustUnderstand", REJECT, "MustUnderstand"),
        ("DataEncodingUnknown", REJECT, "DataEncodingUnknown"),
        ("1001", RETRY, "a code of its own"),
        ("", RETRY, "a code of its own"),
    ],
)
def test_a_fault_is_judged_by_its_code_whatever_the_status(status: int, code: str, judgement: Judgement, named: str):
    sentence = f"answered {status} with a SOAP fault ({named})"
    assert judged(status, Reply(fault=Fault(code, "4111 of Jane"))) == (judgement, ErrorWord.SOAP_FAULT, sentence)


@pytest.mark.parametrize("status", [408, 429, 502, 503])
def test_a_busy_server_is_asked_again_whatever_its_fault_blames(status: int):
    assert judged(status, Reply(fault=Fault("Client", "slow down")))[:2] == (RETRY, ErrorWord.SOAP_FAULT)
    own = rule(reject_fault=[{"code": "Client"}])
    assert judged(status, Reply(fault=Fault("Client", "slow down")), own)[0] is REJECT


def test_a_profile_has_faults_refused_and_retried_that_would_not_be():
    own = rule(
        reject_fault=[{"code": "1001"}, {"code": "Server", "string": "(?i)no such lead"}],
        retry_fault=[{"code": "Client.Busy"}, {"detail": "<Retry>"}, {"actor": "urn:gate"}],
    )
    cases = {
        Fault("1001", ""): REJECT,
        Fault("1002", ""): RETRY,
        Fault("Server", "No such LEAD 17"): REJECT,
        Fault("Receiver", "no such lead"): REJECT,
        Fault("Server", "busy"): RETRY,
        Fault("Client.Busy", ""): RETRY,
        Fault("Client.Busy.Now", ""): RETRY,
        Fault("Client.Busybody", ""): REJECT,
        Fault("Sender", "", subcodes=("Client.Busy",)): RETRY,
        Fault("Client", "", detail="<Retry>5</Retry>"): RETRY,
        Fault("Client", "", actor="urn:gate"): RETRY,
        Fault("Client", "", actor="urn:gates"): REJECT,
    }
    assert {fault: judged(500, Reply(fault=fault), own)[0] for fault in cases} == cases


def test_what_of_the_profile_decided_is_said():
    own = rule(reject_fault=[{"code": "Server"}], retry_fault=[{"code": "Client"}])
    assert judged(500, Reply(fault=Fault("Server", "")), own)[2] == (
        "answered 500 with a SOAP fault (Server), which reject_fault describes"
    )
    assert judged(500, Reply(fault=Fault("Client", "")), own)[2] == (
        "answered 500 with a SOAP fault (Client), which retry_fault describes"
    )


def test_statuses_that_the_profile_names_come_before_the_fault():
    assert judged(500, Reply(fault=Fault("Client", "")), rule(retry_status=[500]))[:2] == (RETRY, ErrorWord.STATUS)
    assert judged(500, Reply(fault=Fault("Server", "")), rule(reject_status=[500]))[:2] == (REJECT, ErrorWord.STATUS)


@pytest.mark.parametrize("status", [202, 204])
def test_an_empty_answer_of_202_or_204_is_delivered(status: int):
    assert judged(status, Reply(empty=True, one_way=False))[0] is DELIVERED
    assert judged(status, Reply(unreadable="a page of HTML"))[0] is DELIVERED


def test_an_empty_200_is_delivered_for_a_one_way_operation_alone():
    assert judged(200, Reply(empty=True, one_way=True))[0] is DELIVERED
    assert judged(200, Reply(empty=True, one_way=False)) == (
        RETRY,
        ErrorWord.PROTOCOL,
        "answered 200 with nothing, where a reply was to be expected",
    )


def test_what_is_no_reply_is_a_mismatch():
    page = Reply(unreadable="a page of HTML")
    assert judged(200, page) == (RETRY, ErrorWord.PROTOCOL, "answered 200 with a page of HTML")
    assert judged(200, page, rule(on_mismatch="reject"))[0] is REJECT


@pytest.mark.parametrize(
    ("status", "judgement"), [(401, REJECT), (404, REJECT), (503, RETRY), (429, RETRY), (302, REJECT)]
)
def test_a_page_of_html_with_another_status_is_judged_by_the_status(status: int, judgement: Judgement):
    assert judged(status, Reply(unreadable="a page of HTML"))[0] is judgement


def test_a_body_rule_on_a_field_of_the_reply():
    ok = rule(body={"field": "LogCallResult.Status", "equals": "OK"})
    assert judged(200, REPLY, ok)[0] is DELIVERED
    assert judged(200, REPLY, rule(body={"field": "Status", "equals": "OK"}))[0] is DELIVERED
    assert judged(200, REPLY, rule(body={"field": "LeadId", "equals": 17}))[0] is DELIVERED
    assert judged(200, REPLY, rule(body={"field": "LeadId", "equals": "17"}))[0] is RETRY
    assert judged(200, REPLY, rule(body={"field": "Status", "matches": "^FAIL"}))[1] is ErrorWord.BODY_RULE
    refused = rule(reject_body={"field": "Lines[1].Sku", "in": ["b", "c"]})
    assert judged(200, REPLY, refused)[0] is REJECT


def test_a_field_of_a_fault_or_of_no_reply_holds_no_condition():
    absent = rule(reject_body={"field": "Status", "exists": False})
    assert judged(500, Reply(fault=Fault("Server", "")), absent)[:2] == (RETRY, ErrorWord.SOAP_FAULT)
    assert judged(200, Reply(unreadable="a page of HTML"), absent)[1] is ErrorWord.PROTOCOL


def test_outputs_are_captured_by_the_fields_of_the_reply():
    reading = Reading()
    raw = [
        {"name": "lead", "field": "LogCallResult.LeadId"},
        {"name": "sku", "field": "Lines[-1].Sku"},
        {"name": "none", "field": "Nothing"},
    ]
    outputs = read_outputs(reading, raw, "outputs", ENGINES)
    assert reading.faults == []
    assert capture(outputs, Answer(200, [], b""), lambda _: REPLY) == {"lead": 17, "sku": "b"}


def test_a_required_output_that_is_not_there_is_a_mismatch():
    reading = Reading()
    required = read_outputs(reading, [{"name": "x", "field": "Missing", "required": True}], "outputs", ENGINES)
    assert judged(200, REPLY, SuccessRule(required=required)) == (
        RETRY,
        ErrorWord.BODY_RULE,
        "answered 200, but the required output x is not there",
    )


def test_fault_patterns_that_say_nothing_or_cannot_be_searched_are_refused():
    assert faults_of(reject_fault=[{}]) == [("success.reject_fault[0]", "at least one of code, string, actor, detail")]
    assert faults_of(retry_fault=[{"string": "("}])[0][0] == "success.retry_fault[0].string"
    assert faults_of(retry_fault=[{"code": 5}])[0][0] == "success.retry_fault[0].code"
    assert faults_of(retry_fault=[{"cod": "x"}])[0] == (
        "success.retry_fault[0].cod",
        "no such member (did you mean code?)",
    )
    assert faults_of(retry_fault={"code": "x"})[0][0] == "success.retry_fault"


def test_a_rule_shows_its_fault_patterns_as_they_were_given():
    given = {"reject_fault": [{"code": "1001"}], "retry_fault": [{"string": "busy", "actor": "a"}]}
    document = rule(**given).as_document()
    assert {key: document[key] for key in given} == given
    assert rule(**document).as_document() == document
    assert "reject_fault" not in SuccessRule().as_document()


def test_a_rest_profile_has_neither_faults_nor_fields():
    document = {
        "name": "crm",
        "trigger": {"events": ["call.finished"]},
        "request": {"kind": "rest", "method": "POST", "url": "https://crm.example/"},
        "success": {"retry_fault": [{"code": "Server"}]},
        "outputs": [{"name": "x", "field": "a"}],
    }
    with pytest.raises(ProfileRefused) as refused:
        parse_profile(document, ENGINES)
    assert [fault["field"] for fault in refused.value.faults] == ["success.retry_fault", "outputs[0].field"]
