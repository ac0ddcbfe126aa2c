"""Payloads that cloud systems really sent: each is a call event with exactly these members, or is named as none.

They lie outside of the project, in the folder that ONHOOK_SAMPLES names; without it these tests are skipped.
"""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import orjson
import pytest

from dispatcher.domain.call_part import CallPart
from dispatcher.sources import FORMATS, NotUnderstood, SourceSettings
from tests.unit.cpaas_house import posted
from tests.unit.sample_files import NoEvent, content_of, needs_samples

pytestmark = needs_samples


@dataclass(frozen=True)
class Sample:
    """`how` it is posted: the file's bytes as the body, or (`form`) the members of its JSON as a form.

    `expected` is the event's `call` but for `custom`, whose members are named in `kept`.
    """

    file: str
    format: str
    how: str
    type: str
    expected: dict[str, Any]
    kept: tuple[str, ...] = ()
    settings: dict[str, Any] = field(default_factory=dict)


def _forms(raw: str, e164: str, national: str, digits: str) -> dict[str, Any]:
    return {"raw": raw, "e164": e164, "national": national, "digits": digits, "anonymous": False}


SAMPLES = (
    Sample(
        "amazon_connect/contact_record.json",
        "amazon_connect",
        "body",
        "call.finished",
        {
            "id": "15a5cf14-3212-45a1-9f86-a8e97db8afaf",
            "direction": "inbound",
            "external_number": "+17205550101",
            "external": _forms("+17205550101", "+17205550101", "(720) 555-0101", "17205550101"),
            "dnis": "+14065550102",
            "dialled": _forms("+14065550102", "+14065550102", "(406) 555-0102", "14065550102"),
            "agent": {"id": "admin1"},
            "group": "BasicQueue",
            "started_at": "2022-04-08T14:59:38Z",
            "answered_at": "2022-04-08T15:00:49Z",
            "ended_at": "2022-04-08T15:01:22Z",
            "duration_seconds": 104,
            "talk_seconds": 33,
            "hold_seconds": 0,
            "ring_seconds": 71,
            "outcome": "answered",
            "ended_by": "caller",
            "hangup_cause": "CUSTOMER_DISCONNECT",
            "recording": {
                "state": "available",
                "url": "example-bucket/connect/example-alias/CallRecordings/2022/04/08/"
                "15a5cf14-3212-45a1-9f86-a8e97db8afaf_20220408T15:00_UTC.wav",
            },
        },
        (
            "AWSAccountId",
            "AWSContactTraceRecordFormatVersion",
            "Agent",
            "AgentConnectionAttempts",
            "Attributes",
            "Campaign",
            "Channel",
            "ConnectedToSystemTimestamp",
            "ContactId",
            "InitiationMethod",
            "InstanceARN",
            "LastUpdateTimestamp",
            "Queue",
            "Recordings",
            "SystemEndpoint",
        ),
    ),
    Sample(
        "exotel/call_disconnected_client_hangup.json",
        "exotel",
        "body",
        "call.finished",
        {
            "id": "d96421addce69e24bdc7ce5880d1162l",
            "direction": "inbound",
            "external_number": "09999999991",
            "external": _forms("09999999991", "+919999999991", "099999 99991", "09999999991"),
            "dnis": "09999999980",
            "dialled": _forms("09999999980", "+919999999980", "099999 99980", "09999999980"),
            "agent": {"extension": "09999999999"},
            "started_at": "2022-02-21T10:28:12Z",
            "outcome": "missed",
            "hangup_cause": "RING_TIMEOUT",
        },
        (
            "CallFrom",
            "CallTo",
            "CallType",
            "Created",
            "CurrentTime",
            "DialCallDuration",
            "DialCallStatus",
            "DialWhomNumber",
            "Direction",
            "From",
            "Legs",
            "OutgoingPhoneNumber",
            "To",
            "flow_id",
            "tenant_id",
        ),
        {"country": "IN"},
    ),
    Sample(
        "kazoo/webhooks_channel_destroy-samples.json",
        "kazoo",
        "body",
        "call.finished",
        {
            "id": "NDlkNGI3OTZlMDgzNWQxNGYxNTA3NjQ4NDZjNDFkOTc",
            "direction": "outbound",
            "external_number": "+15552345678",
            "external": _forms("+15552345678", "+15552345678", "(555) 234-5678", "15552345678"),
            "dnis": "+15552345678",
            "dialled": _forms("+15552345678", "+15552345678", "(555) 234-5678", "15552345678"),
            "agent": {"id": "d860229e722bf8f738737365b0b1e333", "name": "Test Man"},
            "started_at": "2019-05-06T08:10:03Z",
            "answered_at": "2019-05-06T08:10:03Z",
            "ended_at": "2019-05-06T08:10:09Z",
            "duration_seconds": 6,
            "talk_seconds": 6,
            "ring_seconds": 0,
            "outcome": "answered",
            "hangup_cause": "NORMAL_CLEARING",
            "sip_code": 200,
        },
        (
            "account_id",
            "authorizing_id",
            "authorizing_type",
            "call_direction",
            "call_forwarded",
            "callee_id_name",
            "callee_id_number",
            "caller_id_number",
            "emergency_resource_used",
            "from",
            "inception",
            "is_internal_leg",
            "local_resource_id",
            "local_resource_used",
            "other_leg_call_id",
            "owner_id",
            "request",
            "reseller_id",
            "to",
        ),
    ),
    Sample(
        "plivo/call_record_get.json",
        "plivo",
        "body",
        "call.finished",
        {
            "id": "4d04c52e-cea3-4458-bbdb-0bfc314ee7cd",
            "direction": "outbound",
            "external_number": "919999999999",
            "external": _forms("919999999999", "+919999999999", "099999 99999", "919999999999"),
            "dnis": "919999999999",
            "dialled": _forms("919999999999", "+919999999999", "099999 99999", "919999999999"),
            "started_at": "2017-05-22T12:19:30Z",
            "ended_at": "2017-05-22T12:19:40Z",
            "duration_seconds": 10,
        },
        (
            "BillDuration",
            "Direction",
            "From",
            "To",
            "api_id",
            "billed_duration",
            "resource_uri",
            "total_amount",
            "total_rate",
        ),
    ),
    Sample(
        "plivo/recording_get.json",
        "plivo",
        "body",
        "call.recorded",
        {
            "id": "c2c128e2-1c8c-11e4-9bff-1db8a9db0432",
            "recording": {
                "state": "available",
                "url": "http://s3.amazonaws.com/recordings_2013/c2186400-1c8c-11e4-a664-0026b945b52x.mp3",
                "duration_seconds": 345,
            },
        },
        (
            "RecordingID",
            "add_time",
            "api_id",
            "conference_name",
            "monthly_recording_storage_amount",
            "recording_end_ms",
            "recording_format",
            "recording_start_ms",
            "recording_storage_duration",
            "recording_storage_rate",
            "recording_type",
            "resource_uri",
            "rounded_recording_duration",
        ),
    ),
    Sample(
        "ringcentral/account-telephony-sessions.json",
        "ringcentral",
        "body",
        "x.party.proceeding",
        {
            "id": "Y3MxNzE4NDE5MDM0MzQwMTgzODRAMTAuNjIuMjUuMTEx",
            "direction": "internal",
            "dnis": "102",
            "dialled": {"raw": "102", "digits": "102", "extension": "102", "anonymous": False},
            "agent": {"id": "400144455008", "name": "Tom Sawyer", "extension": "102"},
            "started_at": "2018-06-05T00:14:50.147000Z",
        },
        (
            "accountId",
            "extensionId",
            "id",
            "muted",
            "origin",
            "sequence",
            "sessionId",
            "sipData",
            "standAlone",
            "status.mobilePickupData",
        ),
    ),
    Sample(
        "ringcentral/call-log-sample.json",
        "ringcentral",
        "body",
        "call.finished",
        {
            "id": "13916417004",
            "direction": "inbound",
            "caller_name": "SAN FRANCSCO CA",
            "external_number": "+14155555900",
            "external": _forms("+14155555900", "+14155555900", "(415) 555-5900", "14155555900"),
            "dnis": "+15625555772",
            "dialled": _forms("+15625555772", "+15625555772", "(562) 555-5772", "15625555772"),
            "location": "San Francisco (South), CA",
            "started_at": "2023-06-06T23:07:20Z",
            "ended_at": "2023-06-06T23:08:15Z",
            "duration_seconds": 55,
            "outcome": "answered",
            "hangup_cause": "Accepted",
            "recording": {
                "state": "available",
                "url": "https://media.ringcentral.com/restapi/.../recording/1662272004/content",
            },
        },
        ("action", "id", "sessionId", "type", "uri"),
    ),
    Sample(
        "telnyx/call_hangup.json",
        "telnyx",
        "body",
        "call.finished",
        {
            "id": "428c31b6-7af4-4bcb-b7f5-5013ef9657c1",
            "dnis": "+35315550100",
            "dialled": _forms("+35315550100", "+35315550100", "(01) 555 0100", "35315550100"),
            "started_at": "2018-02-02T22:20:27.521992Z",
            "ended_at": "2018-02-02T22:25:27.521992Z",
            "duration_seconds": 300,
            "outcome": "rejected",
            "ended_by": "caller",
            "hangup_cause": "call_rejected",
            "sip_code": 603,
        },
        (
            "call_control_id",
            "call_leg_id",
            "call_quality_stats",
            "call_session_id",
            "client_state",
            "connection_id",
            "from",
            "to",
        ),
    ),
    Sample(
        "telnyx/texml_hangup_status_callback.json",
        "texml",
        "form",
        "call.finished",
        {
            "id": "v2:7V3r4VFCGLTzKLOveE0-7vM9dX17-NRQgU1byo-uuOIX9JcDadLLKw",
            "direction": "inbound",
            "external_number": "+18445550123",
            "external": _forms("+18445550123", "+18445550123", "(844) 555-0123", "18445550123"),
            "dnis": "+13125550123",
            "dialled": _forms("+13125550123", "+13125550123", "(312) 555-0123", "13125550123"),
            "started_at": "2021-04-28T21:51:16.731479Z",
            "ended_at": "2021-04-28T21:51:18.731479Z",
            "duration_seconds": 2,
            "talk_seconds": 2,
            "outcome": "answered",
            "ended_by": "callee",
            "hangup_cause": "completed",
        },
        ("AccountSid", "CallSidLegacy", "CallbackSource", "From", "HangupSource", "SequenceNumber", "To"),
        {"config": {"own_numbers": ["+13125550123"]}},
    ),
    Sample(
        "vonage/event_completed.json",
        "vonage",
        "body",
        "call.finished",
        {
            "id": "CON-aaaaaaaa-bbbb-cccc-dddd-0123456789ab",
            "direction": "inbound",
            "external_number": "442079460000",
            "external": _forms("442079460000", "+442079460000", "020 7946 0000", "442079460000"),
            "dnis": "447700900000",
            "dialled": _forms("447700900000", "+447700900000", "07700 900000", "447700900000"),
            "started_at": "2020-01-01T12:00:00Z",
            "ended_at": "2020-01-01T12:00:00Z",
            "duration_seconds": 2,
            "talk_seconds": 2,
            "outcome": "answered",
            "hangup_cause": "completed",
        },
        ("direction", "from", "network", "price", "rate", "to", "uuid"),
    ),
    Sample(
        "zammad_cti/hangup_in_json.json",
        "zammad_cti",
        "body",
        "call.finished",
        {
            "id": "307fa962-de8d-4ffc-817b-7f6993204159",
            "direction": "inbound",
            "external_number": "493023125741",
            "external": {"raw": "493023125741", "digits": "493023125741", "anonymous": False},
            "dnis": "492214710334",
            "dialled": {"raw": "492214710334", "digits": "492214710334", "anonymous": False},
            "agent": {"email": "emma@chrispresso.com"},
            "ended_at": "2026-11-20T10:03:21Z",
            "outcome": "answered",
            "hangup_cause": "normalClearing",
        },
        ("answeringNumber", "from", "times_of_receipt", "to"),
    ),
)

NO_EVENTS = (
    NoEvent("aircall/call_created.json", "A call that has only just begun to ring.", "aircall"),
    NoEvent("plivo/signature_v2_vector.json", "A vector for checking signatures; it holds no post.", "plivo"),
    NoEvent(
        "ringcentral/blacklist.json", "The list of an account's subscriptions, one of them blocked.", "ringcentral"
    ),
    NoEvent(
        "twilio/signature_vectors.json", "Vectors for checking signatures; their forms are no callbacks.", "twilio"
    ),
    NoEvent("twilio/voice_request.form", "A request for instructions in mid-call: it has no CallStatus.", "twilio"),
    NoEvent("vonage/fallback_extra.json", "The members that a fallback address gets besides an event's own.", "vonage"),
)


def _body(file: str, how: str = "body") -> bytes:
    body = content_of(file)
    return urlencode(orjson.loads(body)).encode() if how == "form" else body


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.file)
def test_a_sample_gives_one_event_with_exactly_these_members(sample):
    [parsed] = FORMATS[sample.format].parse(posted(_body(sample.file, sample.how)), SourceSettings(**sample.settings))
    event = parsed.event if isinstance(parsed, CallPart) else parsed
    call = dict(event.call)
    custom = call.pop("custom", {})
    assert (event.type, call, tuple(sorted(custom))) == (sample.type, sample.expected, sample.kept)


@pytest.mark.parametrize("none", [each for each in NO_EVENTS if each.format is not None], ids=lambda none: none.file)
def test_what_is_no_event_gives_none(none):
    try:
        parsed = FORMATS[none.format].parse(posted(_body(none.file)), SourceSettings())
    except NotUnderstood:
        parsed = []
    assert parsed == []
