"""Asterisk: CDRs, CEL events and ARI events become parts of the call that their linkedid names."""

import json
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatcher.domain.shape import Reading
from dispatcher.sources import FORMATS, NotUnderstood, SourceSettings
from dispatcher.sources.asterisk.rows import CDR_COLUMNS, CEL_COLUMNS, csv_rows
from tests.unit.switch_posts import at, facts, one, parsed, posted, told, without

CDR = {
    "accountcode": "1001",
    "src": "+14155550100",
    "dst": "600",
    "dcontext": "from-trunk",
    "clid": '"Jane Roe" <+14155550100>',
    "channel": "PJSIP/trunk-00000001",
    "dstchannel": "PJSIP/154-00000002",
    "lastapp": "Queue",
    "lastdata": "sales,tT,,,60",
    "start": "2026-11-20 11:00:00",
    "answer": "2026-11-20 11:00:09",
    "end": "2026-11-20 11:03:20",
    "duration": 200,
    "billsec": 191,
    "disposition": "ANSWERED",
    "amaflags": "DOCUMENTATION",
    "uniqueid": "1795168800.11",
    "linkedid": "1795168800.10",
    "sequence": 7,
}
CALL = {
    "id": "1795168800.10",
    "direction": "inbound",
    "caller_name": "Jane Roe",
    "external_number": "+14155550100",
    "dnis": "600",
    "agent": {"extension": "154"},
    "group": "sales",
    "account_codes": ["1001"],
    "started_at": "2026-11-20T10:00:00Z",
    "answered_at": "2026-11-20T10:00:09Z",
    "ended_at": "2026-11-20T10:03:20Z",
    "duration_seconds": 200,
    "talk_seconds": 191,
    "ring_seconds": 9,
    "outcome": "answered",
    "hangup_cause": "ANSWERED",
    "custom": {
        "dcontext": "from-trunk",
        "channel": "PJSIP/trunk-00000001",
        "dstchannel": "PJSIP/154-00000002",
        "lastapp": "Queue",
        "lastdata": "sales,tT,,,60",
        "amaflags": "DOCUMENTATION",
        "uniqueid": "1795168800.11",
        "linkedid": "1795168800.10",
        "sequence": 7,
    },
}
MANAGER_NAMES = {
    "src": "Source",
    "dst": "Destination",
    "dcontext": "DestinationContext",
    "clid": "CallerID",
    "dstchannel": "DestinationChannel",
    "lastapp": "LastApplication",
    "start": "StartTime",
    "answer": "AnswerTime",
    "end": "EndTime",
    "billsec": "BillableSeconds",
    "uniqueid": "UniqueID",
    "linkedid": "Linkedid",
    "accountcode": "AccountCode",
    "duration": "Duration",
    "disposition": "Disposition",
    "sequence": "Sequence",
}


def cdr(**changed):
    return json.dumps({**CDR, **changed}).encode()


def call_of(config=None, **changed):
    return told(one("asterisk", cdr(**changed), **(config or {})))


# --- CDR


def test_a_cdr_is_a_leg_of_the_call_that_its_linkedid_names():
    found = one("asterisk", cdr())
    keys = ("1795168800.10", "1795168800.11")
    assert facts(found) == ("cdr:1795168800.11:7", "call.finished", at("10:03:20"), keys, False, False)
    assert told(found) == CALL


@pytest.mark.parametrize(
    "body",
    [
        urlencode(CDR).encode(),
        json.dumps([CDR]).encode(),
        json.dumps({f"CDR({name})": value for name, value in CDR.items()}).encode(),
        json.dumps({"Event": "Cdr", **{MANAGER_NAMES.get(name, name): value for name, value in CDR.items()}}).encode(),
    ],
    ids=["form", "list", "dialplan function", "manager"],
)
def test_a_cdr_is_the_same_under_any_names_and_in_any_body(body):
    found = one("asterisk", body)
    assert (facts(found), without(told(found), "custom")) == (
        facts(one("asterisk", cdr())),
        without(CALL, "custom"),
    )


def test_a_cdr_without_a_linkedid_stands_for_its_own_channel():
    record = without(CDR, "linkedid", "sequence")
    found = one("asterisk", json.dumps(record).encode())
    assert (found.keys, told(found)["id"]) == (("1795168800.11",), "1795168800.11")
    again = one("asterisk", json.dumps(record).encode())
    assert found.event.source_event_id == again.event.source_event_id
    other = one("asterisk", json.dumps({**record, "dst": "601"}).encode())
    assert other.event.source_event_id != found.event.source_event_id


@pytest.mark.parametrize(
    ("disposition", "outcome"),
    [
        ("ANSWERED", "answered"),
        ("NO ANSWER", "missed"),
        ("BUSY", "busy"),
        ("FAILED", "failed"),
        ("CONGESTION", "failed"),
    ],
)
def test_the_outcome_is_the_disposition(disposition, outcome):
    call = call_of(disposition=disposition)
    assert (call["outcome"], call["hangup_cause"], "answered_at" in call) == (
        outcome,
        disposition,
        outcome == "answered",
    )


def test_whoever_spoke_to_voicemail_left_a_voicemail():
    assert call_of(lastapp="VoiceMail")["outcome"] == "voicemail"


@pytest.mark.parametrize(
    ("changed", "direction", "external", "agent"),
    [
        ({"dcontext": "from-trunk"}, "inbound", "+14155550100", "154"),
        ({"dcontext": "ext-local", "did": "+18005551212"}, "inbound", "+14155550100", "154"),
        ({"dcontext": "from-internal", "src": "154", "dst": "0049301234567"}, "outbound", "0049301234567", "154"),
        ({"dcontext": "from-internal", "src": "154", "dst": "155"}, "internal", None, "154"),
        ({"dcontext": "elsewhere"}, None, None, "154"),
    ],
)
def test_the_direction_shows_in_the_context(changed, direction, external, agent):
    call = call_of(**changed)
    assert (call.get("direction"), call.get("external_number"), call["agent"]["extension"]) == (
        direction,
        external,
        agent,
    )


def test_contexts_and_the_length_of_extensions_can_be_named():
    assert call_of({"inbound_contexts": ["sip-in"]}, dcontext="sip-in")["direction"] == "inbound"
    office = {"internal_contexts": ["office"], "numbers": {"extension_lengths": [3]}}
    assert call_of(office, dcontext="office", dst="1234")["direction"] == "outbound"


def test_a_caller_who_hides_is_known_to_hide():
    found = one("asterisk", cdr(src="anonymous", clid='"Anonymous" <anonymous>'))
    assert "external_number" not in told(found)
    assert found.event.call["external"] == {"raw": "anonymous", "anonymous": True}


def test_what_else_is_said_is_kept_but_keypad_digits_and_secrets():
    odd = {"tenant": "north", "nested": {"a": 1, "b": []}, "long": "x" * 3000, "digits_dialled": "4711"}
    secret = {"DTMF": "4711", "api_token": "4711", "password": "4711", "auth_code": "4711"}
    custom = call_of(**odd, **secret)["custom"]
    assert custom == {**CALL["custom"], "tenant": "north", "nested.a": 1, "long": "x" * 2000}


def test_a_recording_is_a_file_until_its_address_is_known():
    assert call_of(recordingfile="2026/11/q-600.wav")["recording"] == {"state": "expected"}
    base = {"recording_base_url": "https://pbx.example/rec/"}
    url = "https://pbx.example/rec/2026/11/q%20600.wav"
    assert call_of(base, recordingfile="2026/11/q 600.wav")["recording"] == {"state": "available", "url": url}
    assert call_of(base, recordingfile="../../etc/passwd")["recording"] == {"state": "expected"}
    assert call_of({**base, "recording_column": "userfield"}, userfield="a.wav")["recording"]["state"] == "available"
    assert "recording" not in call_of(base, recordingfile="a.wav", disposition="NO ANSWER")


# --- CEL

CEL = {
    "eventtype": "CHAN_START",
    "eventtime": "2026-11-20 11:00:00.250000",
    "cid_name": "Jane Roe",
    "cid_num": "+14155550100",
    "exten": "+18005551212",
    "context": "from-trunk",
    "channame": "PJSIP/trunk-00000001",
    "uniqueid": "1795168800.10",
    "linkedid": "1795168800.10",
}


def cel(kind, **changed):
    return json.dumps({**CEL, "eventtype": kind, **changed}).encode()


def test_linkedid_end_alone_ends_the_call():
    found = one("asterisk", cel("LINKEDID_END", eventtime="1795169000.5"))
    event_id = "cel:1795168800.10:LINKEDID_END:1795168800.10:1795169000.5"
    moment = at("10:03:20").replace(microsecond=500_000)
    assert facts(found) == (event_id, "call.finished", moment, ("1795168800.10",), True, False)
    assert told(found) == {
        "id": "1795168800.10",
        "direction": "inbound",
        "started_at": "2026-11-20T10:00:00Z",
        "ended_at": "2026-11-20T10:03:20.500000Z",
        "duration_seconds": 200,
        "custom": {"channame": "PJSIP/trunk-00000001"},
    }


@pytest.mark.parametrize(
    ("body", "kind", "call"),
    [
        (
            cel("CHAN_START"),
            "x.cel.chan_start",
            {
                "direction": "inbound",
                "caller_name": "Jane Roe",
                "external_number": "+14155550100",
                "dnis": "+18005551212",
                "started_at": "2026-11-20T10:00:00.250000Z",
            },
        ),
        (
            cel("ANSWER", appname="Queue", appdata="sales,tT"),
            "x.cel.answer",
            {
                "direction": "inbound",
                "caller_name": "Jane Roe",
                "external_number": "+14155550100",
                "dnis": "+18005551212",
                "group": "sales",
                "started_at": "2026-11-20T10:00:00Z",
                "answered_at": "2026-11-20T10:00:00.250000Z",
                "outcome": "answered",
            },
        ),
        (
            cel("ANSWER", uniqueid="1795168801.11", channame="PJSIP/154-00000002"),
            "x.cel.answer",
            {"agent": {"extension": "154"}, "answered_at": "2026-11-20T10:00:00.250000Z", "outcome": "answered"},
        ),
        (
            cel("ANSWER", uniqueid="1795168801.11"),
            "x.cel.answer",
            {"answered_at": "2026-11-20T10:00:00.250000Z", "outcome": "answered"},
        ),
        (
            cel("HANGUP", extra={"hangupcause": 17, "hangupsource": "", "dialstatus": "BUSY"}),
            "x.cel.hangup",
            {"q850": 17, "outcome": "busy", "hangup_cause": "BUSY"},
        ),
        (
            cel("HANGUP", extra='{"hangupcause":16,"hangupsource":"","dialstatus":"ANSWER"}'),
            "x.cel.hangup",
            {"q850": 16, "outcome": "answered", "hangup_cause": "ANSWER"},
        ),
        (
            cel("CHAN_START", exten="s", cid_dnid="s", cid_name="+14155550100"),
            "x.cel.chan_start",
            {
                "direction": "inbound",
                "external_number": "+14155550100",
                "started_at": "2026-11-20T10:00:00.250000Z",
            },
        ),
        (cel("HANGUP", extra="16,dialplan/builtin,"), "x.cel.hangup", {"q850": 16}),
        (cel("HANGUP", appname="Queue", appdata="sales"), "x.cel.hangup", {"group": "sales"}),
        (
            cel("HANGUP", extra="16,,CANCEL"),
            "x.cel.hangup",
            {"q850": 16, "outcome": "missed", "hangup_cause": "CANCEL"},
        ),
        (
            cel("HANGUP", extra="16,,CANCEL", context="from-internal"),
            "x.cel.hangup",
            {"q850": 16, "outcome": "cancelled", "hangup_cause": "CANCEL"},
        ),
    ],
)
def test_an_event_before_the_end_is_news_of_a_call_under_way(body, kind, call):
    found = one("asterisk", body)
    assert (found.event.type, found.ends_call, found.is_fact) == (kind, False, False)
    assert told(found) == {"id": "1795168800.10", **call}
    assert "ended_at" not in found.event.call


@pytest.mark.parametrize(
    "body",
    [
        cel("CHAN_END"),
        cel("CHAN_START", uniqueid="1795168801.11"),
        cel("HANGUP", uniqueid="1795168801.11"),
        cel("ANSWER", uniqueid="1795168801.11", channame="Local/154@from-queue-00000001;2"),
        cel("BRIDGE_ENTER"),
        cel("APP_START"),
    ],
)
def test_what_other_channels_do_says_nothing_of_the_call_as_a_whole(body):
    assert parsed("asterisk", body) == []


# --- ARI

CHANNEL = {
    "id": "1795168800.10",
    "linkedid": "1795168800.10",
    "state": "Up",
    "name": "PJSIP/trunk-00000001",
    "caller": {"name": "Jane Roe", "number": "+14155550100"},
    "connected": {"name": "John Doe", "number": "154"},
    "dialplan": {"context": "from-trunk", "exten": "+18005551212", "priority": 1},
    "creationtime": "2026-11-20T05:00:00.250-0500",
}
AGENT_CHANNEL = {"id": "1795168801.11", "name": "PJSIP/154-00000002", "state": "Up"}


def ari(kind, **members):
    event = {"type": kind, "application": "onhook", "timestamp": "2026-11-20T05:03:20.500-0500", **members}
    return json.dumps(event).encode()


def test_a_destroyed_channel_is_a_leg_that_ended():
    found = one("asterisk", ari("ChannelDestroyed", channel=CHANNEL, cause=16, cause_txt="Normal Clearing"))
    moment = at("10:03:20").replace(microsecond=500_000)
    event_id = "ari:ChannelDestroyed:1795168800.10"
    assert facts(found) == (event_id, "call.finished", moment, ("1795168800.10",), False, False)
    assert without(told(found), "custom") == {
        "id": "1795168800.10",
        "direction": "inbound",
        "caller_name": "Jane Roe",
        "external_number": "+14155550100",
        "dnis": "+18005551212",
        "agent": {"extension": "154"},
        "started_at": "2026-11-20T10:00:00.250000Z",
        "ended_at": "2026-11-20T10:03:20.500000Z",
        "duration_seconds": 200,
        "outcome": "answered",
        "hangup_cause": "Normal Clearing",
        "q850": 16,
    }


@pytest.mark.parametrize(("cause", "outcome"), [(17, "busy"), (19, "missed"), (21, "rejected"), (0, None)])
def test_the_cause_of_a_channel_that_was_never_up_is_its_outcome(cause, outcome):
    body = ari("ChannelDestroyed", channel={**CHANNEL, "state": "Ring"}, cause=cause)
    assert told(one("asterisk", body)).get("outcome") == outcome


def test_a_dial_that_was_answered_links_the_two_channels():
    found = one("asterisk", ari("Dial", caller=CHANNEL, peer=AGENT_CHANNEL, dialstatus="ANSWER"))
    assert (found.event.type, found.keys) == ("x.ari.dial", ("1795168800.10", "1795168801.11"))
    assert told(found) == {
        "id": "1795168800.10",
        "agent": {"extension": "154"},
        "answered_at": "2026-11-20T10:03:20.500000Z",
        "outcome": "answered",
    }


def test_a_dial_that_nobody_took_is_a_leg_that_is_over():
    found = one("asterisk", ari("Dial", caller=CHANNEL, peer=AGENT_CHANNEL, dialstatus="NOANSWER"))
    assert (found.event.type, told(found)) == ("x.ari.dial.finished", {"id": "1795168800.10", "outcome": "missed"})


@pytest.mark.parametrize(
    "body",
    [
        ari("Dial", caller=CHANNEL, peer=AGENT_CHANNEL, dialstatus=""),
        ari("Dial", peer=AGENT_CHANNEL, dialstatus="ANSWER"),
        ari("StasisStart", channel=CHANNEL, args=[]),
        ari("ChannelStateChange", channel=CHANNEL),
        ari("ChannelEnteredBridge", channel=CHANNEL, bridge={"id": "b1", "bridge_type": "holding"}),
    ],
)
def test_an_event_under_way_gives_nothing(body):
    assert parsed("asterisk", body) == []


RECORDING = {
    "name": "q/600 1",
    "format": "wav",
    "target_uri": "channel:1795168800.10",
    "state": "done",
    "duration": 191,
}


def test_a_recording_has_a_name_and_an_address_only_by_configuration():
    found = one("asterisk", ari("RecordingFinished", recording=RECORDING))
    assert (found.event.type, found.is_fact, found.keys) == ("call.updated", True, ("1795168800.10",))
    assert told(found)["recording"] == {"state": "expected", "duration_seconds": 191}
    found = one("asterisk", ari("RecordingFinished", recording=RECORDING), ari_url="https://pbx.example:8089/")
    url = "https://pbx.example:8089/ari/recordings/stored/q%2F600%201/file"
    assert found.event.type == "call.recorded"
    assert told(found)["recording"] == {"state": "available", "url": url, "duration_seconds": 191}


def test_a_failed_recording_is_a_fact_of_its_call():
    found = one("asterisk", ari("RecordingFailed", recording={**RECORDING, "duration": None}))
    assert (found.event.type, told(found)["recording"]) == ("call.updated", {"state": "failed"})


def test_a_bridge_s_recording_is_of_the_call_that_entered_it():
    bridge = {"id": "b1", "bridge_type": "mixing"}
    entered = one("asterisk", ari("ChannelEnteredBridge", channel=AGENT_CHANNEL, bridge=bridge))
    recorded = one("asterisk", ari("RecordingFinished", recording={**RECORDING, "target_uri": "bridge:b1"}))
    assert set(recorded.keys) <= set(entered.keys)


def test_a_channel_is_a_leg_and_an_answered_dial_is_of_the_caller_s():
    bridge = {"id": "b1", "bridge_type": "mixing"}
    entered, ended = (
        one("asterisk", ari(kind, channel=AGENT_CHANNEL, bridge=bridge))
        for kind in ("ChannelEnteredBridge", "ChannelDestroyed")
    )
    answered, in_vain = (
        one("asterisk", ari("Dial", caller=CHANNEL, peer=AGENT_CHANNEL, dialstatus=status))
        for status in ("ANSWER", "NOANSWER")
    )
    legs = [each.leg for each in (entered, ended, answered, in_vain)]
    assert legs == [AGENT_CHANNEL["id"], AGENT_CHANNEL["id"], CHANNEL["id"], AGENT_CHANNEL["id"]]


# --- rows


def row(record, columns):
    return ",".join('"{}"'.format(str(record.get(name, "")).replace('"', '""')) for name in columns)


def test_a_row_of_cdr_csv_is_read_in_asterisk_s_own_order():
    found = one("asterisk", row(CDR, CDR_COLUMNS).encode())
    assert without(told(found), "custom") == {**without(CALL, "custom"), "id": "1795168800.11"}


def test_rows_of_cel_custom_are_news_of_a_call():
    lines = "\n".join(
        row({**CEL, "eventtype": kind}, CEL_COLUMNS) for kind in ("CHAN_START", "CHAN_END", "LINKEDID_END")
    )
    assert [each.event.type for each in parsed("asterisk", lines.encode())] == ["x.cel.chan_start", "call.finished"]


@pytest.mark.parametrize("separator", [",", "|", ";"])
def test_a_header_names_the_columns(separator):
    record = {name: str(CDR[name]) for name in ("uniqueid", "linkedid", "disposition", "src", "start")}
    assert list(csv_rows(f"{separator.join(record)}\r\n{separator.join(record.values())}\r\n")) == [record]


def test_a_file_is_read_line_by_line():
    lines = iter(["\r\n", "uniqueid;disposition\r\n", "1.1;BUSY\r\n"])
    rows = csv_rows(lines)
    assert (next(rows), list(lines)) == ({"uniqueid": "1.1", "disposition": "BUSY"}, [])


def test_columns_can_be_named():
    [found] = csv_rows('a,"b, c"\n\n', ["disposition", "uniqueid"])
    assert found == {"disposition": "a", "uniqueid": "b, c"}


def test_a_row_with_more_columns_than_names_is_refused():
    with pytest.raises(NotUnderstood, match=r"^A row has more columns than names are known for"):
        list(csv_rows("a,b,c", ["uniqueid"]))


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"{}", "The record is no CDR (uniqueid, disposition), no CEL event and no event of ARI."),
        (b"[]", "The body is no object and no list of 1 to 1000 objects."),
        (b"{", "The body is not JSON (line 1, column 2)."),
        (json.dumps({str(number): 1 for number in range(1001)}).encode(), "A record has more than 1000 members."),
        (cdr(uniqueid=""), "The CDR has no uniqueid: cdr_csv writes it with loguniqueid=yes."),
        (cel("LINKEDID_END", linkedid=""), "The CEL event lacks its linkedid or its uniqueid."),
        (ari("ChannelDestroyed", channel={}), "The event has no channel with an id."),
        (ari("RecordingFinished", recording={}), "The recording has no name, or no channel or bridge that it is of."),
    ],
)
def test_what_is_no_record_is_refused_in_a_sentence(body, reason):
    with pytest.raises(NotUnderstood) as refused:
        parsed("asterisk", body)
    assert refused.value.reason == reason


@pytest.mark.parametrize(
    ("name", "config", "fields"),
    [
        ("asterisk", {"columns": "a"}, ["config.columns"]),
        ("asterisk", {"columns": [1]}, ["config.columns[0]"]),
        ("asterisk", {"ari_url": 5}, ["config.ari_url"]),
        ("asterisk", {"inbound_contexts": ["from-trunk"], "ari_url": "https://pbx.example"}, []),
        ("freeswitch", {"legs": "yes"}, ["config.legs"]),
        ("kamailio", {"acc_time_mode": 5}, ["config.acc_time_mode"]),
        ("kamailio", {"acc_time_format": "%Q"}, ["config.acc_time_format"]),
        ("threecx", {"date_order": "ymd"}, ["config.date_order"]),
        ("threecx", {"cdr_fields": [None]}, ["config.cdr_fields[0]"]),
    ],
)
def test_a_configuration_that_cannot_be_is_a_fault(name, config, fields):
    reading = Reading()
    FORMATS[name].read_config(reading, config, "config")
    assert [fault["field"] for fault in reading.faults] == fields


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)
RECORDS = st.sampled_from(
    [CDR, CEL, json.loads(ari("Dial", caller=CHANNEL, peer=AGENT_CHANNEL, dialstatus="BUSY"))]
).flatmap(
    lambda record: st.dictionaries(st.sampled_from(list(record)), JSON, max_size=4).map(lambda odd: {**record, **odd})
)
KINDS = st.sampled_from(["ChannelDestroyed", "StasisEnd", "Dial", "ChannelEnteredBridge", "RecordingFinished"])
EVENTS = st.fixed_dictionaries(
    {"type": KINDS, "application": st.just("x")},
    optional=dict.fromkeys(
        ["channel", "caller", "peer", "bridge", "recording", "timestamp", "cause"], JSON | st.just(CHANNEL)
    ),
)


@settings(max_examples=300, deadline=None)
@given(
    st.binary() | st.text().map(str.encode) | (RECORDS | EVENTS).map(lambda each: json.dumps(each).encode()),
    st.dictionaries(st.sampled_from(FORMATS["asterisk"].config_members), JSON, max_size=2),
)
def test_no_bytes_raise_anything_but_the_refusal(body, config):
    reason = "."
    try:
        FORMATS["asterisk"].parse(posted(body), SourceSettings(config=config))
    except NotUnderstood as refused:
        reason = refused.reason
    assert reason.endswith(".")
