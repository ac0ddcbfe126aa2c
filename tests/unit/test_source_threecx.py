"""3CX: what its CRM template reports, an add-on's events, and the lines of its CDR service."""

import json
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from dispatcher.sources import FORMATS, NotUnderstood, SourceSettings
from dispatcher.sources.threecx.cdr import FIELDS, threecx_cdr_line
from dispatcher.sources.threecx.template import CannotReport, template
from tests.unit.switch_posts import NOW, at, facts, one, parsed, posted, told, without

REPORT = {
    "CallType": "Inbound",
    "Number": "+14155550100",
    "Name": "Jane Roe",
    "Agent": "154",
    "AgentFirstName": "John",
    "AgentLastName": "Doe",
    "AgentEmail": "jd@example.com",
    "Duration": "00:03:11",
    "DateTime": "11/20/2026 11:00:00 AM",
    "CallStartTimeUTC": "2026-11-20T10:00:00Z",
    "CallStartTimeLocal": "2026-11-20T11:00:00",
    "CallEndTimeUTC": "2026-11-20T10:03:20Z",
}


def report(**changed):
    return json.dumps({name: value for name, value in {**REPORT, **changed}.items() if value is not None}).encode()


def test_a_report_is_a_call_whose_id_is_made_of_number_agent_and_start():
    found = one("threecx", report())
    event_id, kind, moment = facts(found)
    call = told(found)
    assert (event_id, kind, moment) == (f"{call['id']}:report", "call.finished", at("10:03:20"))
    assert call == {
        "id": "3cx:b2fd7b5f54d85b001c69c215a5d0b6a4",
        "direction": "inbound",
        "caller_name": "Jane Roe",
        "external_number": "+14155550100",
        "agent": {"extension": "154", "name": "John Doe", "email": "jd@example.com"},
        "started_at": "2026-11-20T10:00:00Z",
        "ended_at": "2026-11-20T10:03:20Z",
        "talk_seconds": 191,
        "outcome": "answered",
        "hangup_cause": "Inbound",
        "custom": {
            "Name": "Jane Roe",
            "DateTime": "11/20/2026 11:00:00 AM",
            "CallStartTimeUTC": "2026-11-20T10:00:00Z",
            "CallStartTimeLocal": "2026-11-20T11:00:00",
            "CallEndTimeUTC": "2026-11-20T10:03:20Z",
        },
    }
    again = {
        told(one("threecx", each))["id"] for each in (report(), report(Duration="00:00:01"), report(CallType="Missed"))
    }
    others = {told(one("threecx", each))["id"] for each in (report(Agent="155"), report(Number="2"))}
    assert again == {call["id"]}
    assert len(others | again) == 3


@pytest.mark.parametrize(
    ("call_type", "direction", "outcome", "talked"),
    [
        ("Inbound", "inbound", "answered", True),
        ("Outbound", "outbound", "answered", True),
        ("Missed", "inbound", "missed", False),
        ("Notanswered", "outbound", "missed", False),
    ],
)
def test_the_call_type_says_direction_and_outcome(call_type, direction, outcome, talked):
    call = told(one("threecx", report(CallType=call_type)))
    assert (call["direction"], call["outcome"], "talk_seconds" in call) == (direction, outcome, talked)
    assert call.get("dnis") == ("+14155550100" if direction == "outbound" else None)


@pytest.mark.parametrize(
    "times",
    [
        {"CallStartTimeUTC": "2026-11-20T10:00Z"},
        {"CallStartTimeUTC": None},
        {"CallStartTimeUTC": "", "CallStartTimeLocal": "2026-11-20T11:00:00Z"},
        {"CallStartTimeUTC": None, "CallStartTimeLocal": None},
        {"CallStartTimeUTC": None, "CallStartTimeLocal": None, "DateTime": "20.11.2026 11:00:00"},
        {"CallStartTimeUTC": None, "CallStartTimeLocal": None, "DateTime": "2026-11-20 11:00"},
        {"CallStartTimeUTC": "[CallStartTimeUTC]", "CallStartTimeLocal": None},
    ],
)
def test_the_start_is_found_in_whatever_the_template_sends(times):
    assert told(one("threecx", report(**times)))["started_at"] == "2026-11-20T10:00:00Z"


def test_a_date_that_can_be_read_in_two_ways_needs_an_order():
    only = {"CallStartTimeUTC": None, "CallStartTimeLocal": None, "DateTime": "10/11/2026 11:00:00"}
    with pytest.raises(NotUnderstood, match=r"^The report says no readable start"):
        parsed("threecx", report(**only))
    assert told(one("threecx", report(**only), date_order="dmy"))["started_at"] == "2026-11-10T10:00:00Z"
    assert told(one("threecx", report(**only), date_order="mdy"))["started_at"] == "2026-10-11T09:00:00Z"


def test_afternoon_is_read_by_its_marker():
    only = {"CallStartTimeUTC": None, "CallStartTimeLocal": None, "DateTime": "11/20/2026 1:00:00 PM"}
    assert told(one("threecx", report(**only)))["started_at"] == "2026-11-20T12:00:00Z"


def test_a_form_and_the_names_of_other_templates_are_read():
    assert told(one("threecx", urlencode(REPORT).encode())) == told(one("threecx", report()))
    other = {"call_type": "Outbound", "number": "+14155550100", "agent": "154", "duration": "191"}
    found = told(one("threecx", json.dumps({**other, "date_time": "2026-11-20 11:00:00"}).encode()))
    assert (found["talk_seconds"], found["started_at"]) == (191, "2026-11-20T10:00:00Z")


# --- an add-on's events

BUNDLE = {
    "event": "hangup",
    "callerid": "+14155550100",
    "user": "154",
    "usertype": "extension",
    "id": "261120110000_41-0",
    "inbound_did": "+18005551212",
    "phonebook": "Roe, Jane",
}


def test_an_add_on_s_end_is_a_call_and_its_ringing_nothing():
    found = one("threecx", json.dumps(BUNDLE).encode())
    assert facts(found) == ("3cx:261120110000_41-0:hangup", "call.finished", NOW)
    assert told(found) == {
        "id": "261120110000_41-0",
        "direction": "inbound",
        "caller_name": "Roe, Jane",
        "external_number": "+14155550100",
        "dnis": "+18005551212",
        "agent": {"extension": "154"},
        "hangup_cause": "hangup",
        "custom": {"callerid": "+14155550100", "user": "154", "usertype": "extension", "id": "261120110000_41-0"},
    }
    for event in ("ringing", "answered"):
        assert parsed("threecx", json.dumps({**BUNDLE, "event": event}).encode()) == []


# --- lines

LINE = {
    "historyid": "Call 288831",
    "callid": "4cc2_26808",
    "duration": "00:03:11",
    "time-start": "2026/11/20 11:00:00",
    "time-answered": "2026/11/20 11:00:09",
    "time-end": "2026/11/20 11:03:20",
    "reason-terminated": "TerminatedByDst",
    "from-no": "+14155550100",
    "to-no": "Ext.154",
    "from-dn": "10001",
    "to-dn": "154",
    "dial-no": "+18005551212",
    "final-number": "Ext.154",
    "final-dn": "154",
    "from-type": "Line",
    "to-type": "Extension",
    "final-type": "Extension",
    "from-dispname": "Jane Roe",
    "to-dispname": "John Doe",
    "final-dispname": "John Doe",
}


def line(fields=FIELDS, **changed):
    record = {**LINE, **{name.replace("_", "-"): value for name, value in changed.items()}}
    return ",".join(record.get(name, "") for name in fields).encode() + b"\r\n"


def test_a_line_is_a_hop_of_the_call():
    found = one("threecx", line())
    event_id = "3cx:4cc2_26808:288831:2026/11/20 11:00:00:Ext.154"
    assert facts(found) == (
        event_id,
        "call.finished",
        at("10:03:20"),
        ("4cc2_26808", "history:288831"),
        False,
        False,
    )
    assert without(told(found), "custom") == {
        "id": "4cc2_26808",
        "report_id": "288831",
        "direction": "inbound",
        "caller_name": "Jane Roe",
        "external_number": "+14155550100",
        "dnis": "+18005551212",
        "agent": {"extension": "154", "name": "John Doe"},
        "started_at": "2026-11-20T10:00:00Z",
        "answered_at": "2026-11-20T10:00:09Z",
        "ended_at": "2026-11-20T10:03:20Z",
        "duration_seconds": 200,
        "talk_seconds": 191,
        "outcome": "answered",
        "ended_by": "callee",
        "hangup_cause": "TerminatedByDst",
    }


def test_a_hop_that_was_replaced_is_a_call_under_way():
    found = one("threecx", line(reason_terminated="ReplacedDst"))
    assert (found.event.type, "ended_at" in found.event.call) == ("x.3cx.hop", False)


@pytest.mark.parametrize(
    ("changed", "direction", "outcome"),
    [
        ({"time_answered": ""}, "inbound", "missed"),
        ({"from_type": "Extension", "to_type": "Line", "final_type": "Line"}, "outbound", "answered"),
        ({"from_type": "Extension"}, "internal", "answered"),
        (
            {"from_type": "Extension", "time_answered": "", "reason_terminated": "TerminatedBySrc"},
            "internal",
            "cancelled",
        ),
        ({"final_type": "VoiceMail"}, "inbound", "voicemail"),
        ({"from_type": "", "to_type": ""}, None, "answered"),
    ],
)
def test_types_say_the_direction_and_the_answer_the_outcome(changed, direction, outcome):
    call = told(one("threecx", line(**changed)))
    assert (call.get("direction"), call["outcome"]) == (direction, outcome)


def test_a_queue_is_the_group():
    call = told(one("threecx", line(to_type="Queue", to_dispname="Sales")))
    assert (call["group"], call["agent"]["extension"]) == ("Sales", "154")


def test_the_fields_of_a_line_can_be_named_in_their_order():
    chosen = ["historyid", "callid", "time-start", "time-end", "from-no"]
    found = one("threecx", line(chosen), cdr_fields=["historyid", "callid", "time_start", "time_end", "from-no"])
    assert told(found)["started_at"] == "2026-11-20T10:00:00Z"
    with pytest.raises(NotUnderstood, match=r"^The line has another number of fields than config\.cdr_fields names\.$"):
        parsed("threecx", line(), cdr_fields=chosen)


def test_a_blank_line_is_nothing_and_an_endless_one_is_refused():
    assert threecx_cdr_line(b"\r\n", SourceSettings(), NOW) == []
    with pytest.raises(NotUnderstood, match=r"^The line is longer than any of 3CX\.$"):
        threecx_cdr_line(b"Call 1," * 3000, SourceSettings(), NOW)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"{}", "The record has neither a CallType of 3CX nor an event that is known."),
        (b'{"CallType": "Other"}', "The CallType is none of Inbound, Outbound, Missed and Notanswered."),
        (b'{"event": "hangup"}', "The event has no id of its call."),
        (b"Call ,,,,,,", "The line has neither a callid nor a historyid."),
    ],
)
def test_what_is_no_record_is_refused_in_a_sentence(body, reason):
    with pytest.raises(NotUnderstood) as refused:
        parsed("threecx", body)
    assert refused.value.reason == reason


@settings(max_examples=200, deadline=None)
@given(
    st.binary().map(lambda body: b"Call " + body)
    | st.text().map(str.encode)
    | st.dictionaries(st.sampled_from([*REPORT, *BUNDLE]), st.none() | st.integers() | st.text()).map(
        lambda odd: json.dumps({**REPORT, **odd}).encode()
    )
)
def test_no_bytes_raise_anything_but_the_refusal(body):
    reason = "."
    try:
        FORMATS["threecx"].parse(posted(body), SourceSettings())
    except NotUnderstood as refused:
        reason = refused.reason
    assert reason.endswith(".")


# --- the template

URL = "https://onhook.example/v1/sources/office/events"


@pytest.mark.parametrize(
    ("auth", "url", "authentication", "header"),
    [
        ({"kind": "basic", "username": "pbx", "password": "canary"}, URL, "Basic", None),
        ({"kind": "token"}, URL, "Basic", None),
        ({"kind": "bearer", "token": "canary"}, URL, "No", "Bearer [OnhookSecret]"),
        ({"kind": "header_token", "header": "X-Key", "token": "canary"}, URL, "No", "[OnhookSecret]"),
        ({"kind": "query_token", "name": "key&", "token": "canary"}, URL + "?key%26=[OnhookSecret]", "No", None),
    ],
)
def test_the_template_shows_what_the_source_asks_for_and_holds_no_secret(auth, url, authentication, header):
    written = template('off"ice', URL, auth)
    tree = etree.fromstring(written.encode())
    request = tree.find(".//Scenario[@Id='ReportCall']/Request")
    assert (tree.get("Name"), request.get("Url"), tree.find("Authentication").get("Type")) == (
        'Onhook off"ice',
        url,
        authentication,
    )
    assert request.findtext("Headers/Value") == header
    assert "canary" not in written


def test_what_the_template_posts_is_what_the_format_reads():
    tree = etree.fromstring(template("office", URL, {"kind": "token"}).encode())
    keys = [each.get("Key") for each in tree.findall(".//Scenario[@Id='ReportCall']/Request/PostValues/Value")]
    assert keys == list(REPORT)


def test_a_list_of_addresses_needs_nothing_to_be_shown():
    addresses = {"kind": "ip_allow", "networks": ["203.0.113.0/24"]}
    bearer = {"kind": "bearer", "token": "canary"}
    assert "OnhookSecret" not in template("office", URL, addresses)
    assert template("office", URL, {"kind": "all", "of": [addresses, addresses]}) == template("office", URL, addresses)
    assert template("office", URL, {"kind": "all", "of": [addresses, bearer]}) == template("office", URL, bearer)


@pytest.mark.parametrize(
    "auth", [None, {"kind": "hmac"}, {"kind": "all", "of": [{"kind": "basic"}, {"kind": "bearer"}]}]
)
def test_a_template_is_refused_where_3cx_could_not_be_let_in(auth):
    with pytest.raises(CannotReport):
        template("office", URL, auth)
