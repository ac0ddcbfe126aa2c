"""Amazon Connect's contact records, in whatever they travel, and contacts that make one call."""

import base64
from datetime import UTC, datetime

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatcher.sources import FORMATS
from dispatcher.sources.format import HandshakeReply
from tests.unit.cloud_house import NOW, encoded, posted, read, read_one, refusal, told
from tests.unit.number_forms import JANE, OURS

RECORD = {
    "ContactId": "c-1",
    "InitialContactId": None,
    "PreviousContactId": None,
    "NextContactId": None,
    "Channel": "VOICE",
    "InitiationMethod": "INBOUND",
    "InitiationTimestamp": "2026-11-20T10:00:00Z",
    "ConnectedToSystemTimestamp": "2026-11-20T10:00:00Z",
    "DisconnectTimestamp": "2026-11-20T10:03:20Z",
    "LastUpdateTimestamp": "2026-11-20T10:03:50Z",
    "DisconnectReason": "CUSTOMER_DISCONNECT",
    "CustomerEndpoint": {"Address": "+14155550100", "Type": "TELEPHONE_NUMBER"},
    "SystemEndpoint": {"Address": "+18005551212", "Type": "TELEPHONE_NUMBER"},
    "Agent": {"Username": "jdoe", "ConnectedToAgentTimestamp": "2026-11-20T10:00:09Z", "CustomerHoldDuration": 4},
    "Queue": {"Name": "Sales", "EnqueueTimestamp": "2026-11-20T10:00:02Z"},
    "Recordings": [{"Status": "AVAILABLE", "Location": "bucket/connect/c-1.wav", "StorageType": "S3"}],
    "Attributes": {"survey": "4"},
}
KEPT = ("Agent", "Attributes", "Channel", "ConnectedToSystemTimestamp", "ContactId", "InitiationMethod")
CALL = {
    "id": "c-1",
    "direction": "inbound",
    "external_number": "+14155550100",
    "external": JANE,
    "dnis": "+18005551212",
    "dialled": OURS,
    "agent": {"id": "jdoe"},
    "group": "Sales",
    "started_at": "2026-11-20T10:00:00Z",
    "answered_at": "2026-11-20T10:00:09Z",
    "ended_at": "2026-11-20T10:03:20Z",
    "duration_seconds": 200,
    "talk_seconds": 191,
    "ring_seconds": 9,
    "hold_seconds": 4,
    "outcome": "answered",
    "ended_by": "caller",
    "hangup_cause": "CUSTOMER_DISCONNECT",
    "recording": {"state": "available", "url": "bucket/connect/c-1.wav"},
    "custom": {name: RECORD[name] for name in (*KEPT, "LastUpdateTimestamp", "Queue", "Recordings", "SystemEndpoint")},
}
ENDED = datetime(2026, 11, 20, 10, 3, 20, tzinfo=UTC)


def of(**changed):
    return read_one("amazon_connect", {**RECORD, **changed})


def in_base64(*values):
    return base64.b64encode(b"\n".join(map(orjson.dumps, values))).decode()


def firehose(*data):
    return {"requestId": "r-1", "timestamp": 1795169000000, "records": [{"data": each} for each in data]}


def test_a_contact_that_names_no_other_is_the_whole_call():
    found = read_one("amazon_connect", RECORD)
    assert told(found) == ("c-1:2026-11-20T10:03:50Z", "call.finished", ("c-1",), True, False)
    assert (found.event.occurred_at, found.event.call) == (ENDED, CALL)


@pytest.mark.parametrize(
    "wrapped",
    [
        [RECORD],
        {"source": "aws.connect", "detail-type": "Contact Record", "detail": RECORD},
        [{"source": "aws.connect", "detail": RECORD}],
        firehose(in_base64(RECORD)),
        [{"eventSource": "aws:kinesis", "partitionKey": "1", "data": in_base64(RECORD)}],
    ],
)
def test_whatever_it_travels_in_it_is_the_same(wrapped):
    assert read("amazon_connect", wrapped) == read("amazon_connect", RECORD)


def test_a_delivery_may_hold_many_records_and_a_record_several_values():
    third = {**RECORD, "ContactId": "c-3"}
    found = read("amazon_connect", firehose(in_base64(RECORD, {**RECORD, "ContactId": "c-2"}), in_base64(third)))
    assert [each.keys for each in found] == [("c-1",), ("c-2",), ("c-3",)]


def test_values_may_follow_each_other_without_a_line_break():
    data = base64.b64encode(orjson.dumps(RECORD) * 2).decode()
    assert len(read("amazon_connect", firehose(data))) == 2


def test_a_record_that_is_written_anew_is_another_record_of_the_same_contact():
    found = of(LastUpdateTimestamp="2026-11-20T11:00:00Z")
    assert told(found)[:3] == ("c-1:2026-11-20T11:00:00Z", "call.finished", ("c-1",))


def test_a_contact_that_another_one_follows_leaves_its_call_open():
    found = of(NextContactId="c-2", DisconnectReason="AGENT_DISCONNECT")
    assert told(found) == ("c-1:2026-11-20T10:03:50Z", "x.contact.transferred", ("c-1", "c-2"), False, False)
    assert {"ended_at", "hangup_cause", "ended_by"} & found.event.call.keys() == set()
    assert found.event.call["custom"]["DisconnectTimestamp"] == "2026-11-20T10:03:20Z"


def test_once_the_customer_has_gone_no_contact_follows():
    assert of(NextContactId="c-2").event.type == "call.finished"


def test_the_last_contact_waits_for_those_before():
    found = of(
        ContactId="c-2", InitialContactId="c-1", PreviousContactId="c-1", InitiationMethod="TRANSFER", Attributes={}
    )
    assert told(found)[1:] == ("call.finished", ("c-2", "c-1"), False, False)
    assert found.event.call["id"] == "c-1"
    assert {"direction", "dnis", "ended_by"} & found.event.call.keys() == set()


def test_a_contact_that_names_only_itself_is_alone():
    assert of(InitialContactId="c-1").ends_call


@pytest.mark.parametrize(
    ("changed", "outcome"),
    [
        ({"Agent": None}, "abandoned"),
        ({"Agent": None, "NextContactId": "c-2"}, None),
        ({"Agent": None, "Queue": None}, None),
        ({"Agent": None, "InitiationMethod": "OUTBOUND"}, "missed"),
        ({"Agent": None, "InitiationMethod": "OUTBOUND", "DisconnectReason": "OUTBOUND_ATTEMPT_FAILED"}, "failed"),
        (
            {"Agent": None, "InitiationMethod": "API", "AnsweringMachineDetectionStatus": "VOICEMAIL_BEEP"},
            "voicemail",
        ),
        ({"Agent": None, "InitiationMethod": "API", "AnsweringMachineDetectionStatus": "SIT_TONE_BUSY"}, "busy"),
    ],
)
def test_the_outcome_without_an_agent(changed, outcome):
    call = of(**changed).event.call
    assert (call.get("outcome"), "answered_at" in call) == (outcome, False)


@pytest.mark.parametrize(
    ("reason", "method", "ended_by"),
    [
        ("AGENT_DISCONNECT", "INBOUND", "callee"),
        ("AGENT_DISCONNECT", "OUTBOUND", "caller"),
        ("CUSTOMER_DISCONNECT", "OUTBOUND", "callee"),
        ("TELECOM_PROBLEM", "INBOUND", "system"),
        ("OTHER", "INBOUND", None),
    ],
)
def test_who_hung_up(reason, method, ended_by):
    assert of(DisconnectReason=reason, InitiationMethod=method).event.call.get("ended_by") == ended_by


@pytest.mark.parametrize(
    ("recordings", "expected"),
    [
        ([{"Status": "AVAILABLE", "Location": None}, {"Status": "AVAILABLE", "Location": "b/2.wav"}], "b/2.wav"),
        ([{"Status": "DELETED", "Location": "b/1.wav", "DeletionReason": "policy"}], "failed"),
        ([{"Status": None, "Location": "b/1.wav"}], "expected"),
        ([], None),
        (None, None),
    ],
)
def test_a_recording_is_a_path_in_s3(recordings, expected):
    recording = of(Recordings=recordings).event.call.get("recording", {})
    assert recording.get("url", recording.get("state")) == expected


def test_a_web_caller_has_no_number():
    assert "external_number" not in of(CustomerEndpoint={"Address": "jane", "Type": "CONTACT_FLOW"}).event.call


@pytest.mark.parametrize("changed", [{"Channel": "CHAT"}, {"Channel": "TASK"}, {"InitiationMethod": "MONITOR"}])
def test_what_is_no_call_is_not_kept(changed):
    assert read("amazon_connect", {**RECORD, **changed}) == []


def test_contact_events_are_not_kept():
    assert read("amazon_connect", {"detail": {"contactId": "c-1", "eventType": "DISCONNECTED"}}) == []


def test_a_reason_that_is_no_text_is_none():
    assert "hangup_cause" not in of(NextContactId="c-2", DisconnectReason=[]).event.call


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "The body is not JSON (line 1, column 1)."),
        (b"{}", "The body holds no contact record: there is no ContactId."),
        (b'[{"detail": {"state": "running"}}]', "The body holds no contact record: there is no ContactId."),
        (b'{"ContactId": null}', "A record's ContactId is empty."),
        (b'{"data": "?"}', "A record's data is no Base64 of text in UTF-8."),
        (b'{"data": "/w=="}', "A record's data is no Base64 of text in UTF-8."),
        (b'{"data": "ew=="}', "A record's data is no JSON."),
        (b'{"data": "TmFO"}', "A record's data is no JSON."),
        (b"[[[[[[1]]]]]]", "The body has more envelopes than any service of Amazon's puts around a record."),
        (b"\x1f\x8b\x08", "The body is compressed: switch content encoding off in the Firehose stream."),
    ],
)
def test_a_refusal_says_what_is_missing(body, reason):
    assert refusal("amazon_connect", body) == reason


@pytest.mark.parametrize(
    "body",
    [
        b"[" + b",".join([b'{"ContactId":"c"}'] * 1001) + b"]",
        b"[" + b",".join([b"[" + b",".join([b'{"ContactId":"c"}'] * 600) + b"]"] * 2) + b"]",
        b"[" + b",".join([b"[" + b",".join([b"[]"] * 1000) + b"]"] * 5) + b"]",
        encoded(firehose(base64.b64encode(b"{}" * 1001).decode())),
    ],
)
def test_a_post_is_bounded(body):
    assert refusal("amazon_connect", body) == "The post holds more than 1000 records."


def test_firehose_is_answered_with_its_request_s_id():
    milliseconds = int(NOW.timestamp() * 1000)
    expected = HandshakeReply(
        200, {"content-type": "application/json"}, b'{"requestId": "r-1", "timestamp": %d}' % milliseconds
    )
    succeed = FORMATS["amazon_connect"].succeed
    assert succeed(posted(orjson.dumps(firehose(in_base64(RECORD))))) == expected
    assert succeed(posted(b"unread", headers={"x-amz-firehose-request-id": "r-1"})) == expected


@pytest.mark.parametrize(
    "body",
    [
        orjson.dumps(RECORD),
        orjson.dumps({**firehose(), "requestId": "r" * 129}),
        b'{"requestId": "r-1"}',
        b'{"requestId"',
        b"",
    ],
)
def test_nobody_else_is(body):
    assert FORMATS["amazon_connect"].succeed(posted(body)) is None


def test_transfers_are_waited_for():
    chosen = FORMATS["amazon_connect"]
    assert chosen.quiet_seconds == 60.0
    assert chosen.auth_kinds == {"header_token", "basic", "bearer", "query_token", "token"}


VALUES = st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(max_size=20)
INNER = VALUES | st.lists(VALUES, max_size=3) | st.dictionaries(st.sampled_from(["Name", "Status", "Address"]), VALUES)
DUE = st.dictionaries(st.sampled_from([*RECORD]), INNER).map(lambda fields: {"ContactId": "c", **fields})


@settings(max_examples=200, deadline=None)
@given(st.binary() | DUE.map(encoded) | st.text(max_size=40).map(lambda data: encoded(firehose(data))))
def test_no_bytes_raise_anything_but_the_refusal(body):
    assert refusal("amazon_connect", body) != ""
