"""Payloads that call systems really sent: each is a call event with exactly these members, or is named as none.

They lie outside of the project, in the folder that ONHOOK_SAMPLES names; without it these tests are skipped.
"""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import orjson
import pytest

from dispatcher.domain.call_part import CallPart
from dispatcher.sources import FORMATS, NotUnderstood, SourceSettings
from tests.unit.cpaas_house import posted

pytestmark = pytest.mark.skipif("ONHOOK_SAMPLES" not in os.environ, reason="ONHOOK_SAMPLES names no folder of samples")


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


@dataclass(frozen=True)
class NoEvent:
    """Why a file is no call event. The `format`, where there is one, gives nothing of it or refuses it."""

    file: str
    reason: str
    format: str | None = None


def _forms(raw: str, e164: str, national: str, digits: str) -> dict[str, Any]:
    return {"raw": raw, "e164": e164, "national": national, "digits": digits, "anonymous": False}


SAMPLES = (
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
)

NO_EVENTS = (
    NoEvent("plivo/signature_v2_vector.json", "A vector for checking signatures; it holds no post.", "plivo"),
    NoEvent(
        "twilio/signature_vectors.json", "Vectors for checking signatures; their forms are no callbacks.", "twilio"
    ),
    NoEvent("twilio/voice_request.form", "A request for instructions in mid-call: it has no CallStatus.", "twilio"),
    NoEvent("vonage/fallback_extra.json", "The members that a fallback address gets besides an event's own.", "vonage"),
)


def _body(file: str, how: str = "body") -> bytes:
    body = (Path(os.environ["ONHOOK_SAMPLES"]) / file).read_bytes()
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


def test_every_file_that_is_named_is_there_and_named_once():
    named = [each.file for each in (*SAMPLES, *NO_EVENTS)]
    assert sorted(set(named)) == sorted(named)
    assert [name for name in named if not (Path(os.environ["ONHOOK_SAMPLES"]) / name).is_file()] == []
