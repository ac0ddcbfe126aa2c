"""CallRail's webhooks: the whole call after its end, again when it was changed, and the legacy query."""

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatcher.sources import FORMATS, SourceSettings
from tests.unit.cloud_house import NOW, encoded, posted, read_one, refusal
from tests.unit.number_forms import JANE, OURS

CALL_RAIL = {
    "resource_id": "CAL100",
    "answered": True,
    "voicemail": False,
    "call_type": "answered",
    "direction": "inbound",
    "duration": 200,
    "start_time": "2026-11-20T05:00:00.250-05:00",
    "created_at": "2026-11-20T05:00:00.250-05:00",
    "company_time_zone": "America/New_York",
    "customer_name": "Jane Roe",
    "customer_phone_number": "+14155550100",
    "customer_city": "San Francisco",
    "customer_state": "CA",
    "tracking_phone_number": "+18005551212",
    "business_phone_number": "+18005551213",
    "agent_email": "jd@example.com",
    "recording": "https://api.callrail.example/v3/calls/CAL100/recording.json",
    "recording_duration": "3:10",
    "recording_player": "https://app.callrail.example/calls/CAL100/recording?access_key=1",
    "tags": ["vip", {"name": "renewal"}],
    "campaign": "Autumn renewals",
    "lead_status": "good_lead",
    "note": "Wants a quote",
    "keypad_entries": ["4"],
}
CALL = {
    "id": "CAL100",
    "direction": "inbound",
    "caller_name": "Jane Roe",
    "external_number": "+14155550100",
    "external": JANE,
    "dnis": "+18005551212",
    "dialled": OURS,
    "agent": {"email": "jd@example.com"},
    "location": "San Francisco, CA",
    "campaign": "Autumn renewals",
    "tags": ["vip", "renewal"],
    "started_at": "2026-11-20T10:00:00.250000Z",
    "ended_at": "2026-11-20T10:03:20.250000Z",
    "duration_seconds": 200,
    "outcome": "answered",
    "disposition": "good_lead",
    "recording": {"state": "available", "url": CALL_RAIL["recording"], "duration_seconds": 190},
    "custom": {
        "business_phone_number": "+18005551213",
        "call_type": "answered",
        "company_time_zone": "America/New_York",
        "created_at": "2026-11-20T05:00:00.250-05:00",
        "customer_city": "San Francisco",
        "customer_state": "CA",
        "note": "Wants a quote",
        "recording_player": CALL_RAIL["recording_player"],
    },
}
LEGACY = [
    ("datetime", "2026-11-20 11:00:00"),
    ("callernum", "+14155550100"),
    ("callername", "Jane Roe"),
    ("trackingnum", "+18005551212"),
    ("destinationnum", "+18005551213"),
    ("duration", "200"),
    ("answered", "true"),
]


def of(**changed):
    return read_one("callrail", {**CALL_RAIL, **changed}).event.call


def test_a_post_call_webhook_is_the_whole_call():
    found = read_one("callrail", CALL_RAIL)
    assert (found.event.type, found.keys, found.ends_call, found.is_fact) == ("call.finished", ("CAL100",), True, False)
    assert (found.event.occurred_at, found.event.call) == (NOW, CALL)


def test_a_repeat_has_the_same_id_and_a_changed_call_another():
    first, again = (read_one("callrail", CALL_RAIL).event.source_event_id for _ in range(2))
    changed = read_one("callrail", {**CALL_RAIL, "note": "Bought"}).event.source_event_id
    assert (first == again, first == changed, first.startswith("CAL100:")) == (True, False, True)


@pytest.mark.parametrize("name", ["pre_call", "call_routing_complete"])
def test_the_address_says_that_the_call_is_still_to_come(name):
    post = posted(orjson.dumps(CALL_RAIL), query=[("event", name)])
    assert FORMATS["callrail"].parse(post, SourceSettings()) == []


def test_a_pre_call_webhook_is_known_by_what_it_lacks():
    before = {name: value for name, value in CALL_RAIL.items() if name != "business_phone_number"}
    assert FORMATS["callrail"].parse(posted(orjson.dumps(before)), SourceSettings()) == []


@pytest.mark.parametrize(
    ("changed", "outcome"),
    [
        ({"answered": False}, "missed"),
        ({"answered": "true"}, "answered"),
        ({"answered": False, "voicemail": True}, "voicemail"),
        ({"answered": False, "call_type": "abandoned"}, "abandoned"),
        ({"answered": None}, None),
    ],
)
def test_the_outcome(changed, outcome):
    assert of(**changed).get("outcome") == outcome


def test_an_outbound_call_dials_the_customer():
    call = of(direction="outbound")
    assert (call["direction"], call["dnis"], call["external_number"]) == ("outbound", "+14155550100", "+14155550100")


@pytest.mark.parametrize(
    ("start", "zone", "started"),
    [
        ("2026-11-20T05:00:00", "America/New_York", "2026-11-20T10:00:00Z"),
        ("2026-11-20T05:00:00", "Eastern Time (US & Canada)", "2026-11-20T04:00:00Z"),
        ("2026-11-20T05:00:00", None, "2026-11-20T04:00:00Z"),
        ("2026-11-20T05:00:00-05:00", "Europe/Berlin", "2026-11-20T10:00:00Z"),
    ],
)
def test_a_time_without_an_offset_is_the_company_s_or_the_source_s(start, zone, started):
    given = {**CALL_RAIL, "start_time": start, "company_time_zone": zone}
    assert read_one("callrail", given, time_zone="Europe/Berlin").event.call["started_at"] == started


def test_only_the_player_s_link_is_better_than_none():
    assert of(recording=None)["recording"]["url"] == CALL_RAIL["recording_player"]
    assert "recording" not in of(recording=None, recording_player=None)


def test_the_legacy_query_alone_is_a_call_without_an_id_of_its_own():
    first, again = (
        FORMATS["callrail"].parse(posted(b"", "GET", LEGACY), SourceSettings(time_zone="Europe/Berlin"))
        for _ in range(2)
    )
    [found] = first
    call_id = found.event.call.pop("id")
    assert (first[0].keys, again[0].keys, call_id[:7], len(call_id)) == ((call_id,), (call_id,), "legacy-", 39)
    assert found.event.call == {
        "direction": "inbound",
        "caller_name": "Jane Roe",
        "external_number": "+14155550100",
        "external": JANE,
        "dnis": "+18005551212",
        "dialled": OURS,
        "started_at": "2026-11-20T10:00:00Z",
        "ended_at": "2026-11-20T10:03:20Z",
        "duration_seconds": 200,
        "outcome": "answered",
        "custom": {"business_phone_number": "+18005551213"},
    }


@pytest.mark.parametrize("body", [b"", b"{}", b'{"answered": true}', b"a=b"])
def test_what_names_no_call_is_refused(body):
    reason = "The request has no resource_id, id or legacy call fields, so it is no call of CallRail's."
    assert refusal("callrail", body) == reason


def test_callrail_signs_with_an_hmac_and_waits_for_nothing():
    chosen = FORMATS["callrail"]
    assert (chosen.quiet_seconds, chosen.methods) == (0.0, {"POST", "GET"})
    assert chosen.auth_kinds == {"hmac", "query_token"}


VALUES = st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | st.text(max_size=20)
DUE = st.dictionaries(st.sampled_from([*CALL_RAIL]), VALUES | st.lists(VALUES, max_size=3))


@settings(max_examples=200, deadline=None)
@given(st.binary() | DUE.map(lambda fields: encoded({"id": "CAL1", **fields})))
def test_no_bytes_raise_anything_but_the_refusal(body):
    assert refusal("callrail", body) != ""
