"""FreeSWITCH's mod_json_cdr: whatever a record travels in, and what becomes of it."""

import base64
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatcher.domain.event import CallEvent
from dispatcher.sources import FORMATS, NotUnderstood, Posted, SourceSettings
from dispatcher.sources.freeswitch import parse

UTC_SOURCE = SourceSettings()
NOW = datetime(2026, 11, 20, 10, 3, 21, tzinfo=UTC)
A = "0d9b8a70-5b11-4f0e-9c3a-000000000001"
B = "0d9b8a70-5b11-4f0e-9c3a-000000000002"
ENCODER_SAFE = "!$'()*,-./_~"
"""What switch_url_encode() leaves as it is, besides letters and digits."""

VARIABLES = {
    "uuid": A,
    "call_uuid": A,
    "sip_call_id": "3c26-77@192.0.2.10",
    "sip_term_status": "200",
    "hangup_cause": "NORMAL_CLEARING",
    "hangup_cause_q850": "16",
    "sip_hangup_disposition": "recv_bye",
    "start_stamp": "2026-11-20 11:00:00",
    "answer_stamp": "2026-11-20 11:00:09",
    "end_stamp": "2026-11-20 11:03:20",
    "start_epoch": "1795168800",
    "answer_epoch": "1795168809",
    "end_epoch": "1795169000",
    "start_uepoch": "1795168800250000",
    "answer_uepoch": "1795168809000000",
    "end_uepoch": "1795169000500000",
    "duration": "200",
    "billsec": "191",
    "answersec": "9",
    "hold_accum_seconds": "0",
    "dialed_user": "154",
    "accountcode": "1001",
    "cc_queue": "sales@pbx.example",
    "cc_agent": "_undef_",
    "switch_r_sdp": "v=0\r\no=- 1 1 IN IP4 192.0.2.10\r\n",
}
PROFILE = {
    "caller_id_name": "Jane Roe",
    "caller_id_number": "+14155550100",
    "ani": "+14155550100",
    "rdnis": "",
    "destination_number": "+18005551212",
    "context": "public",
}
TRANSFERRED = {**PROFILE, "destination_number": "154", "rdnis": "+18005551212", "context": "default"}
RECORD = {
    "core-uuid": "eb8bcdd2",
    "switchname": "pbx1",
    "channel_data": {"state": "CS_REPORTING", "direction": "inbound"},
    "variables": VARIABLES,
    "callflow": [
        {"profile_index": "2", "caller_profile": TRANSFERRED},
        {"profile_index": "1", "caller_profile": PROFILE},
    ],
}
CALL = {
    "id": A,
    "direction": "inbound",
    "caller_name": "Jane Roe",
    "external_number": "+14155550100",
    "external": {
        "raw": "+14155550100",
        "e164": "+14155550100",
        "national": "(415) 555-0100",
        "digits": "14155550100",
        "anonymous": False,
    },
    "dnis": "+18005551212",
    "dialled": {
        "raw": "+18005551212",
        "e164": "+18005551212",
        "national": "(800) 555-1212",
        "digits": "18005551212",
        "anonymous": False,
    },
    "agent": {"extension": "154"},
    "group": "sales@pbx.example",
    "account_codes": ["1001"],
    "started_at": "2026-11-20T10:00:00.250000Z",
    "answered_at": "2026-11-20T10:00:09Z",
    "ended_at": "2026-11-20T10:03:20.500000Z",
    "duration_seconds": 200,
    "talk_seconds": 191,
    "hold_seconds": 0,
    "ring_seconds": 9,
    "outcome": "answered",
    "ended_by": "caller",
    "hangup_cause": "NORMAL_CLEARING",
    "q850": 16,
    "sip_code": 200,
    "recording": {"state": "none"},
    "custom": {
        "uuid": A,
        "leg": "a",
        "switch": "pbx1",
        "caller_id_number": "+14155550100",
        "rdnis": "+18005551212",
        "context": "public",
        "sip_call_id": "3c26-77@192.0.2.10",
        "call_uuid": A,
        "sip_hangup_disposition": "recv_bye",
    },
}
EVENT = CallEvent(f"{A}:hangup", "call.finished", datetime(2026, 11, 20, 10, 3, 20, 500000, UTC), CALL)


def posted(body, query=()):
    url = "https://onhook.example/v1/sources/pbx1/events"
    return Posted("POST", url, list(query), {"content-type": "text/plain"}, body, NOW, "192.0.2.10")


def read(record, source=UTC_SOURCE):
    [event] = parse(posted(json.dumps(record).encode()), source)
    return event


def with_variables(**changed):
    """The record with variables changed; None takes one away."""
    variables = {name: value for name, value in {**VARIABLES, **changed}.items() if value is not None}
    return {**RECORD, "variables": variables}


def call_of(source=UTC_SOURCE, **changed):
    return read(with_variables(**changed), source).call


def with_profile(record, **changed):
    return {**record, "callflow": [{"profile_index": "1", "caller_profile": {**PROFILE, **changed}}]}


def encoded_values(record):
    return {**record, "variables": {name: quote(text, ENCODER_SAFE) for name, text in record["variables"].items()}}


PLAIN = json.dumps(RECORD).encode()
ENCODED = json.dumps(encoded_values(RECORD)).encode()


@pytest.mark.parametrize("text", [PLAIN, ENCODED], ids=["plain-values", "encoded-values"])
@pytest.mark.parametrize(
    "wrap",
    [
        lambda text: text,
        lambda text: b"\r\n " + text + b"\n",
        lambda text: b"cdr=" + text,
        lambda text: b"cdr=" + quote(text, ENCODER_SAFE).encode(),
        lambda text: urlencode({"cdr": text}).encode(),
        lambda text: b"cdr=" + base64.b64encode(text),
        lambda text: b"cdr=" + base64.b64encode(text).replace(b"+", b" "),
        lambda text: b"cdr=" + base64.encodebytes(text),
        lambda text: urlencode({"cdr": base64.b64encode(text)}).encode(),
    ],
    ids=[
        "raw",
        "raw-padded",
        "raw-in-form",
        "encode",
        "by-library",
        "base64",
        "base64-by-proxy",
        "base64-lines",
        "base64-escaped",
    ],
)
def test_a_record_is_the_same_in_whatever_it_travels(wrap, text):
    assert parse(posted(wrap(text)), SourceSettings()) == [EVENT]


def test_base64_keeps_its_raw_plus_signs():
    record = with_variables(hangup_cause="~~~>>>???")
    body = base64.b64encode(json.dumps(record).encode())
    assert b"+" in body
    for travelled in (body, body.replace(b"+", b" "), quote(body).encode()):
        assert parse(posted(b"cdr=" + travelled), SourceSettings())[0].call["hangup_cause"] == "~~~>>>???"


def test_of_a_name_that_is_repeated_the_first_counts():
    [event] = parse(posted(b'{"variables": {"uuid": "u1", "uuid": "u2"}, "variables": {"uuid": "u3"}}'), UTC_SOURCE)
    assert event.call["id"] == "u1"


def test_a_literal_percent_in_a_plain_record_is_not_decoded():
    assert read(with_variables(accountcode="50%41")).call["account_codes"] == ["50%41"]


def test_a_percent_in_an_encoded_record_is_decoded_once():
    record = encoded_values(with_variables(accountcode="50%41 + x"))
    assert record["variables"]["accountcode"] == "50%2541%20%2B%20x"
    assert read(record).call["account_codes"] == ["50%41 + x"]


def test_a_name_outside_ascii_arrives():
    assert call_of(cc_queue="Zürich 東京")["group"] == "Zürich 東京"
    assert read(encoded_values(with_variables(cc_queue="Zürich 東京"))).call["group"] == "Zürich 東京"


def test_bytes_that_are_no_utf8_cost_a_character_and_no_call():
    body = json.dumps(RECORD).encode().replace(b"Jane Roe", b"Jos\xe9")
    assert parse(posted(body), SourceSettings())[0].call["caller_name"] == "Jos\ufffd"


NO_XML = "The XML has no element `variables`, so it is no record of mod_xml_cdr."
NO_RECORD = "The body is neither a record of mod_json_cdr or mod_xml_cdr nor an event of the switch."


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"<?xml version='1.0'?><cdr/>", NO_XML),
        (b"cdr=<cdr/>", NO_XML),
        (b"cdr=%3Ccdr%2F%3E", NO_XML),
        (b"cdr=" + base64.b64encode(b"<cdr/>"), NO_XML),
        (b"<cdr><variables><uuid>" + A.encode() + b"</uuid>", "The XML ends before its variables do."),
        (b"", NO_RECORD),
        (b"[]", NO_RECORD),
        (b"Hangup-Cause: NORMAL_CLEARING\nvariable_uuid: 5", NO_RECORD),
        (b'{"variables": {', "The body is not JSON as of mod_json_cdr."),
        (b'{"variables": ' + b"[" * 100_000, "The body is not JSON as of mod_json_cdr."),
        (b'{"variables": ' + b"9" * 5000 + b"}", "The body is not JSON as of mod_json_cdr."),
        (b"cdr=Jane Roe!", "The form field `cdr` holds neither JSON, XML nor base64."),
        (b"{}", "The body has no object `variables`, so it is no record of mod_json_cdr."),
        (b'{"variables": []}', "The body has no object `variables`, so it is no record of mod_json_cdr."),
        (b'{"variables": {"uuid": "_undef_"}}', "Neither the record nor the address names the call's uuid."),
        (
            b'{"variables": {"uuid": "' + b"a" * 250 + b'"}}',
            "The record gives no usable id: expected text of 1 to 255 characters without control characters.",
        ),
    ],
)
def test_what_is_no_record_is_refused_in_a_sentence(body, reason):
    with pytest.raises(NotUnderstood) as refused:
        parse(posted(body), SourceSettings())
    assert refused.value.reason == reason


@pytest.mark.parametrize("query", [[("uuid", A)], [("uuid", f"a_{A}")], [("line", f"2?uuid={A}")]])
def test_the_uuid_of_the_address_stands_in_for_one_that_the_record_lacks(query):
    [event] = parse(posted(json.dumps(with_variables(uuid=None)).encode(), query), SourceSettings())
    assert event == EVENT


def test_a_record_with_nothing_but_a_uuid_occurred_when_it_was_received():
    [event] = parse(posted(b'{"variables": {"uuid": "u1"}}'), SourceSettings())
    call = {"id": "u1", "recording": {"state": "none"}, "custom": {"uuid": "u1", "leg": "a"}}
    assert event == CallEvent("u1:hangup", "call.finished", NOW, call)


@pytest.mark.parametrize("nothing", ["0", "", " ", "_undef_", "null", "(null)", "undefined", "NULL"])
def test_words_for_nothing_are_absent(nothing):
    call = call_of(
        accountcode=nothing, cc_queue=nothing, dialed_user=nothing, hangup_cause=nothing, sip_term_status=nothing
    )
    assert call == {
        name: value
        for name, value in CALL.items()
        if name not in {"account_codes", "group", "agent", "hangup_cause", "sip_code"}
    }


def test_a_duration_of_zero_is_a_fact_and_a_time_of_zero_is_none():
    call = call_of(
        answer_uepoch="0", answer_epoch="0", answer_stamp="", billsec="0", hangup_cause="NO_ANSWER", answersec="0"
    )
    assert (call["talk_seconds"], "answered_at" in call, "ring_seconds" in call) == (0, False, False)


def test_times_come_from_microseconds_then_seconds_then_local_stamps():
    berlin = SourceSettings(time_zone="Europe/Berlin")
    assert call_of(berlin)["started_at"] == "2026-11-20T10:00:00.250000Z"
    assert call_of(berlin, start_uepoch="0")["started_at"] == "2026-11-20T10:00:00Z"
    assert call_of(berlin, start_uepoch=None, start_epoch="0")["started_at"] == "2026-11-20T10:00:00Z"
    assert call_of(start_uepoch=None, start_epoch=None)["started_at"] == "2026-11-20T11:00:00Z"
    assert "started_at" not in call_of(start_uepoch=None, start_epoch=None, start_stamp="soon")
    assert call_of(start_uepoch="9999999999999999999")["started_at"] == "2026-11-20T10:00:00Z"
    beyond = call_of(start_uepoch=None, start_epoch="9999999999999999", start_stamp="9999-12-31 23:59:59")
    assert beyond["started_at"] == "9999-12-31T23:59:59Z"


def test_an_hour_that_comes_twice_is_taken_for_the_first():
    stamps = {"start_uepoch": None, "start_epoch": None, "start_stamp": "2026-10-25 02:30:00"}
    assert call_of(SourceSettings(time_zone="Europe/Berlin"), **stamps)["started_at"] == "2026-10-25T00:30:00Z"


def test_a_call_that_began_before_an_hour_came_again_does_not_end_before_it_began():
    berlin = SourceSettings(time_zone="Europe/Berlin")
    none = dict.fromkeys(["start_uepoch", "start_epoch", "answer_uepoch", "answer_epoch", "end_uepoch", "end_epoch"])
    stamps = {
        "start_stamp": "2026-10-25 02:50:00",
        "answer_stamp": "2026-10-25 02:51:00",
        "end_stamp": "2026-10-25 02:05:00",
    }
    call = call_of(berlin, **none, **stamps)
    assert (call["started_at"], call["answered_at"], call["ended_at"]) == (
        "2026-10-25T00:50:00Z",
        "2026-10-25T00:51:00Z",
        "2026-10-25T01:05:00Z",
    )


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../etc/passwd", ""])
def test_a_time_zone_that_does_not_exist_quarantines_what_needs_it(zone):
    with pytest.raises(NotUnderstood, match=r"^The source's time zone is none of the IANA database\.$"):
        call_of(SourceSettings(time_zone=zone), start_uepoch=None, start_epoch=None)


def test_durations_the_switch_does_not_state_are_reckoned_from_the_times():
    call = call_of(duration=None, billsec="", answersec=None)
    assert (call["duration_seconds"], call["talk_seconds"], call["ring_seconds"]) == (200, 191, 8)


@pytest.mark.parametrize(
    ("stated", "expected"),
    [("inbound", "inbound"), ("outbound", "outbound"), ("local", "internal"), ("Local", "internal")],
)
def test_the_dialplan_s_direction_counts_first(stated, expected):
    assert call_of(call_direction=stated)["direction"] == expected


@pytest.mark.parametrize(
    ("profile", "variables", "expected"),
    [
        ({"context": "public"}, {}, "inbound"),
        ({"context": "default"}, {}, "internal"),
        ({"context": "default"}, {"dialed_user": None}, "outbound"),
        ({"context": "pbx.example"}, {"user_name": "154"}, "internal"),
        ({"context": "pbx.example"}, {"user_name": "154", "dialed_user": None}, "outbound"),
        ({"context": "pbx.example"}, {}, None),
        ({"context": "from-trunk"}, {}, None),
    ],
)
def test_without_it_the_direction_shows_in_context_and_users(profile, variables, expected):
    assert read(with_profile(with_variables(**variables), **profile)).call.get("direction") == expected


def test_contexts_of_trunks_can_be_named():
    source = SourceSettings(config={"inbound_contexts": ["from-trunk"]})
    assert read(with_profile(RECORD, context="from-trunk"), source).call["direction"] == "inbound"


def test_a_call_that_the_switch_made_is_outbound():
    assert read({**RECORD, "channel_data": {"direction": "outbound"}}).call["direction"] == "outbound"


def test_an_outbound_call_s_outside_is_what_was_dialled_and_its_agent_who_dialled():
    record = with_profile(
        with_variables(call_direction="outbound", user_name="154", dialed_user=None),
        caller_id_name="John Doe",
        caller_id_number="154",
        destination_number="+14155550100",
    )
    call = read(record).call
    assert (call["external_number"], call["dnis"], call["agent"], call["caller_name"]) == (
        "+14155550100",
        "+14155550100",
        {"extension": "154"},
        "John Doe",
    )


def test_an_internal_call_has_no_outside():
    assert "external_number" not in call_of(call_direction="local")


@pytest.mark.parametrize("hidden", ["anonymous", "Restricted", "unknown", "0000000000", "_undef_"])
def test_a_hidden_caller_has_neither_number_nor_name(hidden):
    call = read(with_profile(RECORD, caller_id_number=hidden, ani=hidden, caller_id_name=hidden)).call
    assert ("external_number" in call, "caller_name" in call) == (False, False)


def test_a_name_that_only_repeats_the_number_is_none():
    assert "caller_name" not in read(with_profile(RECORD, caller_id_name="+14155550100")).call


def test_a_queue_s_agent_is_the_agent():
    assert call_of(cc_agent="154@pbx.example", dialed_user=None)["agent"] == {
        "id": "154@pbx.example",
        "extension": "154",
    }
    assert call_of(cc_agent="9f1c-22", dialed_user=None)["agent"] == {"id": "9f1c-22"}


UNANSWERED = {"answer_uepoch": "0", "answer_epoch": "0", "answer_stamp": None, "billsec": "0"}


@pytest.mark.parametrize(
    ("cause", "inbound", "outbound"),
    [
        ("USER_BUSY", "busy", "busy"),
        ("CALL_REJECTED", "rejected", "rejected"),
        ("NO_ANSWER", "missed", "missed"),
        ("NO_USER_RESPONSE", "missed", "missed"),
        ("ORIGINATOR_CANCEL", "missed", "cancelled"),
        ("NORMAL_CLEARING", "missed", "cancelled"),
        ("UNALLOCATED_NUMBER", "failed", "failed"),
        ("SOME_CAUSE_TO_COME", "failed", "failed"),
        ("_undef_", None, None),
    ],
)
def test_the_outcome_of_an_unanswered_call_follows_its_cause(cause, inbound, outbound):
    for direction, expected in (("inbound", inbound), ("outbound", outbound)):
        assert call_of(**UNANSWERED, hangup_cause=cause, call_direction=direction).get("outcome") == expected


def test_an_answered_call_is_answered_whatever_ended_it():
    assert call_of(hangup_cause="DESTINATION_OUT_OF_ORDER")["outcome"] == "answered"


def test_voicemail_and_leaving_the_queue_are_outcomes_of_their_own():
    assert call_of(last_app="voicemail")["outcome"] == "voicemail"
    assert call_of(cc_side="member", cc_cause="cancel", cc_cancel_reason="BREAK_OUT")["outcome"] == "abandoned"
    assert call_of(cc_side="member", cc_cause="answered")["outcome"] == "answered"


@pytest.mark.parametrize(
    ("noted", "bridge", "expected"),
    [
        ("recv_bye", B, "caller"),
        ("recv_cancel", None, "caller"),
        ("send_bye", B, "callee"),
        ("send_bye", None, "system"),
        ("send_refuse", None, None),
        (None, B, None),
    ],
)
def test_who_ended_the_call_by_the_sip_stack_s_note(noted, bridge, expected):
    assert call_of(sip_hangup_disposition=noted, bridge_uuid=bridge).get("ended_by") == expected


def test_the_sip_code_is_found_where_it_is():
    assert call_of(sip_term_status="486", proto_specific_hangup_cause="sip:487")["sip_code"] == 486
    assert call_of(sip_term_status=None, proto_specific_hangup_cause="sip:487")["sip_code"] == 487
    assert call_of(sip_term_status=None, last_bridge_proto_specific_hangup_cause="sip:603")["sip_code"] == 603


RECORDED = {"record_path": "/var/recordings/pbx.example/2026/Nov", "record_name": f"{A} 1.wav", "record_seconds": "191"}
BASE = {"recording_base_url": "https://pbx.example/rec/"}


def test_a_recording_without_a_base_address_is_expected():
    assert call_of(**RECORDED)["recording"] == {"state": "expected", "duration_seconds": 191}


@pytest.mark.parametrize(
    ("config", "url"),
    [
        ({}, f"https://pbx.example/rec/{A}%201.wav"),
        ({"recording_root": "/var/recordings"}, f"https://pbx.example/rec/pbx.example/2026/Nov/{A}%201.wav"),
        ({"recording_root": "/var/recordings/"}, f"https://pbx.example/rec/pbx.example/2026/Nov/{A}%201.wav"),
        ({"recording_root": "/var/rec"}, f"https://pbx.example/rec/{A}%201.wav"),
    ],
)
def test_a_recording_is_available_below_its_base_address(config, url):
    call = call_of(SourceSettings(config={**BASE, **config}), **RECORDED)
    assert call["recording"] == {"state": "available", "url": url, "duration_seconds": 191}


def test_a_recording_s_name_cannot_leave_its_base_address():
    call = call_of(SourceSettings(config=BASE), record_name="../../etc/passwd")
    assert call["recording"] == {"state": "expected"}
    call = call_of(SourceSettings(config=BASE), record_name="a?b#c.wav")
    assert call["recording"]["url"] == "https://pbx.example/rec/a%3Fb%23c.wav"


def test_a_call_that_nobody_answered_has_no_recording():
    assert call_of(SourceSettings(config=BASE), **RECORDED, **UNANSWERED)["recording"] == {"state": "none"}


B_LEG = {**RECORD, "variables": {**VARIABLES, "uuid": B, "call_uuid": B}}
ORIGINATOR = {"originator": {"originator_caller_profiles": [{"uuid": A}]}}


@pytest.mark.parametrize(
    ("profile", "variables"),
    [
        (ORIGINATOR, {}),
        ({"originator": {}}, {"call_uuid": A}),
        ({"originator": {}}, {"signal_bond": A}),
        ({}, {"originating_leg_uuid": A}),
        ({}, {"originator": A}),
        ({}, {"cc_side": "agent", "cc_member_session_uuid": A}),
    ],
)
def test_a_b_leg_is_an_event_of_its_own_under_the_a_leg_s_call_id(profile, variables):
    record = with_profile({**B_LEG, "variables": {**B_LEG["variables"], **variables}}, **profile)
    event = read(record)
    assert (event.type, event.source_event_id, event.call["id"], event.call["custom"]["leg"]) == (
        "x.leg.finished",
        f"{B}:hangup",
        A,
        "b",
    )


def test_on_a_b_leg_the_callee_is_the_near_end():
    event = read(with_profile(B_LEG, **ORIGINATOR))
    assert (event.call["ended_by"], "direction" in event.call) == ("callee", False)


def test_an_a_leg_keeps_its_own_uuid_though_a_bridge_rewrote_call_uuid():
    assert call_of(call_uuid=B)["id"] == A


def test_an_older_switch_repeats_callflow_instead_of_listing_it():
    flows = "".join(f', "callflow": {json.dumps({"caller_profile": each})}' for each in (TRANSFERRED, PROFILE))
    body = json.dumps({**RECORD, "callflow": None}).replace(', "callflow": null', flows)
    assert parse(posted(body.encode()), SourceSettings()) == [EVENT]


def test_administrators_name_what_else_is_kept_and_sdp_is_not():
    source = SourceSettings(config={"variables": ["crm_id", "absent", 5]})
    custom = call_of(source, crm_id="x" * 3000)["custom"]
    assert custom == {**CALL["custom"], "crm_id": "x" * 2000}


def test_the_switch_is_answered_200_and_sends_basic_only():
    chosen = FORMATS["freeswitch"]
    assert (chosen.success_status, chosen.success_body, chosen.methods) == (200, b"", {"POST"})
    assert chosen.auth_kinds == {"basic", "token"}


def test_the_body_of_a_refusal_is_not_in_its_text():
    with pytest.raises(NotUnderstood) as refused:
        parse(posted(b'{"variables": {"uuid": "+14155550100", '), SourceSettings())
    assert "4155550100" not in repr(refused.value)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["0", "-1", "9" * 16, A]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=5,
)
NAMES = st.sampled_from([*VARIABLES, "record_name", "originator", "cc_side", "call_direction"])
FLOWS = st.fixed_dictionaries(
    {"caller_profile": st.fixed_dictionaries({}, optional={**dict.fromkeys(PROFILE, JSON), "originator": JSON})}
)
RECORDS = st.fixed_dictionaries(
    {"variables": st.dictionaries(NAMES, JSON, max_size=8)},
    optional={"callflow": JSON | FLOWS | st.lists(FLOWS, max_size=2), "channel_data": JSON, "switchname": JSON},
)
BODIES = (
    st.binary() | st.binary().map(lambda body: b"cdr=" + body) | RECORDS.map(lambda record: json.dumps(record).encode())
)


@settings(max_examples=300, deadline=None)
@given(
    BODIES,
    st.dictionaries(st.sampled_from(["variables", "inbound_contexts", "recording_base_url", "recording_root"]), JSON),
)
def test_no_bytes_raise_anything_but_the_refusal(body, config):
    try:
        events = parse(posted(body), SourceSettings(config=config))
    except NotUnderstood as refused:
        events = [refused]
    assert len(events) <= 1


@pytest.fixture
def samples():
    if "ONHOOK_SAMPLES" not in os.environ:
        pytest.skip("ONHOOK_SAMPLES names no folder of sample payloads")
    return Path(os.environ["ONHOOK_SAMPLES"]) / "freeswitch"


def test_the_published_record_gives_exactly_this_event(samples):
    uuid, other = "3da8bf84-c133-4959-9e24-e72875cb33a1", "f52c26f1-b018-4963-bf6d-a3111d1a0320"
    body = (samples / "json_cdr_unanswered_style.json").read_bytes()
    call = {
        "id": uuid,
        "direction": "internal",
        "dnis": "1002",
        "dialled": {"raw": "1002", "digits": "1002", "extension": "1002", "anonymous": False},
        "agent": {"extension": "1002"},
        "started_at": "2018-01-11T10:25:44.534355Z",
        "answered_at": "2018-01-11T10:25:47.954373Z",
        "ended_at": "2018-01-11T10:26:55.494269Z",
        "duration_seconds": 71,
        "talk_seconds": 68,
        "hold_seconds": 67,
        "ring_seconds": 3,
        "outcome": "answered",
        "ended_by": "callee",
        "hangup_cause": "NORMAL_CLEARING",
        "q850": 16,
        "sip_code": 200,
        "recording": {"state": "none"},
        "custom": {
            "uuid": uuid,
            "leg": "a",
            "switch": "FSDev1",
            "caller_id_number": "1001",
            "rdnis": "1002",
            "context": "default",
            "sip_call_id": "818e26f805701988c1a330175d7d2629@0:0:0:0:0:0:0:0",
            "call_uuid": uuid,
            "bridge_uuid": other,
            "last_bridge_to": other,
            "originate_disposition": "SUCCESS",
            "bridge_hangup_cause": "NORMAL_CLEARING",
            "sip_hangup_disposition": "send_bye",
            "last_app": "bridge",
        },
    }
    ended = datetime(2018, 1, 11, 10, 26, 55, 494269, UTC)
    assert parse(posted(body), SourceSettings()) == [CallEvent(f"{uuid}:hangup", "call.finished", ended, call)]
