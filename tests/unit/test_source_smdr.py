"""Lines of SMDR: Avaya IP Office's segments, Mitel's columns and events, and ESI's records."""

from datetime import timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dispatcher.domain.shape import Reading
from dispatcher.sources import FORMATS, NotUnderstood, SourceSettings
from dispatcher.sources.smdr import avaya as smdr_avaya
from dispatcher.sources.smdr import esi as smdr_esi
from dispatcher.sources.smdr import mitel as smdr_mitel
from tests.unit.switch_posts import NOW, at, facts, one, parsed, told, without

BERLIN = SourceSettings("Europe/Berlin", "DE")

# --- Avaya IP Office

AVAYA = (
    "2026/11/20 11:00:00,00:03:11,9,+14155550100,I,154,8005551212,1001,0,1000014160,0,E154,John Doe,T9002,LINE 1.2,11,5"
)
AVAYA_KEY = "1000014160@2026-11-20T10:00:00Z"
AVAYA_CALL = {
    "id": AVAYA_KEY,
    "report_id": "1000014160",
    "direction": "inbound",
    "external_number": "+14155550100",
    "dnis": "8005551212",
    "agent": {"extension": "154", "name": "John Doe"},
    "account_codes": ["1001"],
    "started_at": "2026-11-20T10:00:00Z",
    "answered_at": "2026-11-20T10:00:09Z",
    "ended_at": "2026-11-20T10:03:36Z",
    "duration_seconds": 216,
    "talk_seconds": 191,
    "hold_seconds": 11,
    "ring_seconds": 9,
    "outcome": "answered",
    "custom": {
        "called_number": "154",
        "party1_device": "E154",
        "party1_name": "John Doe",
        "party2_device": "T9002",
        "party2_name": "LINE 1.2",
        "park_seconds": 5,
    },
}


def avaya(text=AVAYA, **changed):
    fields = text.split(",")
    for name, value in changed.items():
        fields[smdr_avaya._FIELDS.index(name)] = value
    return ",".join(fields).encode() + b"\r\n"


def test_a_last_segment_ends_its_call():
    found = one("smdr_avaya", avaya())
    event_id = found.event.source_event_id
    assert facts(found) == (event_id, "call.finished", at("10:03:36"), (AVAYA_KEY,), True, False)
    assert event_id.startswith(f"{AVAYA_KEY}:")
    assert told(found) == AVAYA_CALL


def test_a_segment_that_is_continued_is_a_call_under_way_with_the_same_key():
    found = one("smdr_avaya", avaya(continuation="1"))
    assert (found.event.type, found.keys, found.ends_call) == ("x.avaya.segment", (AVAYA_KEY,), False)
    assert told(found) == without(AVAYA_CALL, "ended_at")


def test_a_segment_that_did_not_ring_went_on_where_another_ended_and_ends_with_its_line():
    line = avaya(ring_time="0", connected_time="00:01:00", hold_time="0", park_time="0")
    call = told(one("smdr_avaya", line))
    assert (call["answered_at"], call["ended_at"], call["duration_seconds"], call["talk_seconds"]) == (
        "2026-11-20T10:02:21Z",
        "2026-11-20T10:03:21Z",
        201,
        60,
    )
    [old] = smdr_avaya.line(line, BERLIN, NOW + timedelta(hours=2))
    assert (told(old)["answered_at"], told(old)["ended_at"]) == ("2026-11-20T10:00:00Z", "2026-11-20T10:01:00Z")


@pytest.mark.parametrize("more", ["", ",0,n/a", ",0,,,,,,,,,,,,", "," * 20])
def test_a_later_release_says_the_same_in_more_fields(more):
    assert told(one("smdr_avaya", avaya().strip() + more.encode())) == AVAYA_CALL


def test_an_id_that_began_anew_is_another_call():
    assert one("smdr_avaya", avaya(call_start="2026/11/20 12:00:00")).keys != (AVAYA_KEY,)


@pytest.mark.parametrize(
    ("changed", "direction", "external", "agent", "outcome"),
    [
        ({"connected_time": "00:00:00"}, "inbound", "+14155550100", "154", "missed"),
        ({"direction": "O", "caller": "154", "called_number": "030123456"}, "outbound", "030123456", "154", "answered"),
        (
            {"direction": "O", "is_internal": "1", "caller": "154", "party2_device": "E155", "party2_name": "Ann"},
            "internal",
            None,
            "155",
            "answered",
        ),
        ({"direction": "O", "is_internal": "I"}, "internal", None, "154", "answered"),
        (
            {"party1_device": "V9502", "party1_name": "VM Channel 2"},
            "inbound",
            "+14155550100",
            None,
            "voicemail",
        ),
    ],
)
def test_direction_parties_and_outcome_follow_the_switch_s_fields(changed, direction, external, agent, outcome):
    call = told(one("smdr_avaya", avaya(**changed)))
    found = (call["direction"], call.get("external_number"), call.get("agent", {}).get("extension"), call["outcome"])
    assert found == (direction, external, agent, outcome)


def test_an_authorisation_code_is_not_kept():
    assert "4711" not in str(told(one("smdr_avaya", avaya().strip() + b",1,4711")))


def test_a_body_of_lines_gives_each_and_skips_header_and_blank_lines():
    body = b"Call Start,Connected Time\r\n\r\n" + avaya(continuation="1") + avaya()
    assert [each.ends_call for each in parsed("smdr_avaya", body)] == [False, True]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"hello", "The line has 1 fields, and a record of IP Office 15 to 64."),
        (b"a," * 4000, "The line is longer than any of the switch."),
        (avaya(call_start="soon"), "The line does not begin with a date and a time."),
        (avaya(continuation="2"), "The line has no call id, or no continuation of 0 or 1."),
        (avaya(call_id=""), "The line has no call id, or no continuation of 0 or 1."),
    ],
)
def test_a_line_that_is_no_segment_is_refused(line, reason):
    with pytest.raises(NotUnderstood) as refused:
        smdr_avaya.line(line, BERLIN, NOW)
    assert refused.value.reason == reason


# --- Mitel, columns


def mitel(columns=smdr_mitel.STANDARD, length=90, beyond="", **fields):
    """A line with each field in its columns."""
    line = [" "] * length
    for name, value in fields.items():
        first, _ = columns[name]
        line[first - 1 : first - 1 + len(value)] = value
    return "".join(line) + beyond


IN = {
    "date": "11/20",
    "start": "11:00",
    "duration": "00:03:11",
    "calling": "T102",
    "time_to_answer": " 009",
    "digits": "5551212",
    "called": "154",
    "account": "1001",
    "system": "001",
}
OUT = {**IN, "calling": "154", "called": "T102", "digits": "90301234567", "time_to_answer": "", "completion": "A"}


def test_a_record_in_columns_is_a_call_of_this_year():
    found = one("smdr_mitel", mitel(**IN).encode())
    call = told(found)
    assert facts(found) == (call["id"], "call.finished", at("10:03:11"))
    assert without(call, "id") == {
        "direction": "inbound",
        "dnis": "5551212",
        "agent": {"extension": "154"},
        "account_codes": ["1001"],
        "started_at": "2026-11-20T10:00:00Z",
        "ended_at": "2026-11-20T10:03:11Z",
        "duration_seconds": 191,
        "ring_seconds": 9,
        "outcome": "answered",
        "custom": {"calling": "T102", "called": "154", "system": "001"},
    }


def test_the_year_is_the_nearest_one():
    assert told(one("smdr_mitel", mitel(**{**IN, "date": "12/31"}).encode()))["started_at"] == "2026-12-31T10:00:00Z"
    assert told(one("smdr_mitel", mitel(**{**IN, "date": "01/02"}).encode()))["started_at"] == "2027-01-02T10:00:00Z"


@pytest.mark.parametrize(
    ("start", "config", "expected"),
    [
        ("11:00p", {}, "22:00:00"),
        ("12:00p", {}, "11:00:00"),
        ("11:00", {"clock": 12}, "10:00:00"),
        ("01:00p", {"clock": 12}, "12:00:00"),
        ("13:00", {}, "12:00:00"),
    ],
)
def test_the_afternoon_of_a_clock_of_12_hours_is_marked(start, config, expected):
    call = told(one("smdr_mitel", mitel(**{**IN, "start": start}).encode(), **config))
    assert call["started_at"] == f"2026-11-20T{expected}Z"


@pytest.mark.parametrize(
    ("fields", "direction", "outcome"),
    [
        ({**IN, "time_to_answer": " ***"}, "inbound", "missed"),
        ({**IN, "time_to_answer": " ***", "completion": "B"}, "inbound", "busy"),
        ({**IN, "completion": "T"}, "inbound", "answered"),
        (OUT, "outbound", "answered"),
        ({**OUT, "completion": "B"}, "outbound", "busy"),
        ({**OUT, "completion": "E"}, "outbound", "failed"),
        ({**OUT, "completion": "T"}, "outbound", "rejected"),
        ({**OUT, "completion": " ", "duration": "00:00:00"}, "outbound", "missed"),
        ({**OUT, "called": "155"}, "internal", "answered"),
    ],
)
def test_trunks_say_the_direction_and_the_letter_the_outcome(fields, direction, outcome):
    call = told(one("smdr_mitel", mitel(**fields).encode()))
    assert (call["direction"], call["outcome"]) == (direction, outcome)


def test_what_was_dialled_is_outside_and_whoever_was_transferred_to_had_the_call_last():
    call = told(one("smdr_mitel", mitel(**OUT, transfer="T", third_party="155").encode()))
    assert (call["external_number"], call["dnis"], call["agent"]) == (
        "90301234567",
        "90301234567",
        {"extension": "155"},
    )


def test_longer_numbers_move_the_columns_and_ani_and_dnis_follow_them():
    fields = {**IN, "duration": "0000:03:11", "calling": "T102", "called": "1540000", "time_to_answer": "009"}
    line = mitel(smdr_mitel.EXTENDED, 101, " 4155550100 8005551212", **fields)
    call = told(one("smdr_mitel", line.encode()))
    assert (call["external_number"], call["dnis"], call["agent"]) == (
        "4155550100",
        "8005551212",
        {"extension": "1540000"},
    )
    call = told(one("smdr_mitel", mitel(beyond=" 4155550100 8005551212", **IN).encode()))
    assert (call["external_number"], call["dnis"]) == ("4155550100", "8005551212")


def test_a_start_with_seconds_moves_the_columns_behind_it():
    line = mitel(**IN).replace("11:00 ", "11:00:09 ")
    call = told(one("smdr_mitel", line.encode()))
    assert (call["started_at"], call["duration_seconds"], call["dnis"]) == ("2026-11-20T10:00:09Z", 191, "5551212")
    assert (
        told(one("smdr_mitel", line.replace("11:00:09 ", "11:00:09p").encode()))["started_at"] == "2026-11-20T22:00:09Z"
    )


def test_columns_can_be_named():
    columns = {**smdr_mitel.STANDARD, "digits": (35, 59)}
    assert told(one("smdr_mitel", mitel(columns, **IN).encode(), columns={"digits": [35, 59]}))["dnis"] == "5551212"


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({"columns": {"digits": [0, 5]}}, "config.columns.digits"),
        ({"columns": {"digit": [1, 5]}}, "config.columns.digit"),
        ({"clock": 13}, "config.clock"),
        ({"padding": "00"}, "config.padding"),
    ],
)
def test_a_configuration_that_cannot_be_is_a_fault(config, field):
    reading = Reading()
    FORMATS["smdr_mitel"].read_config(reading, config, "config")
    assert [fault["field"] for fault in reading.faults] == [field]


# --- Mitel, events

EVENT = "2026-11-20 11:00:09 |IN | 2026112011000000000047 0000102 0000154 0000000 004155550100 | | 0000 |{} |"


def test_an_answer_and_an_end_make_one_call_of_ip_smdr():
    answer = one("smdr_mitel", EVENT.format("ANSWERED").encode())
    key = "2026112011000000000047"
    assert facts(answer) == (f"{key}:ANSWERED", "x.mitel.answered", at("10:00:09"), (key,), False, False)
    assert told(answer) == {
        "id": key,
        "direction": "inbound",
        "external_number": "4155550100",
        "agent": {"extension": "154"},
        "answered_at": "2026-11-20T10:00:09Z",
        "outcome": "answered",
        "custom": {"trunk": "102"},
    }
    end = one("smdr_mitel", EVENT.format("CLEARED").encode())
    assert facts(end) == (f"{key}:CLEARED", "call.finished", at("10:00:09"), (key,), True, False)


@pytest.mark.parametrize("event", ["RINGING", "HOLD", "CALLCONNECTED", "DIVERTED", "TRANSFERRED"])
def test_other_events_of_ip_smdr_are_calls_under_way(event):
    assert parsed("smdr_mitel", EVENT.format(event).encode()) == []


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (EVENT.format("EXPLODED"), "The line's event is none that is known."),
        ("2026-11-20 |", "The line is no event of IP SMDR: date, |direction|, call id, parties, |event|."),
        ("hello", "The line has no date, start and duration in the columns of MiVoice Business."),
    ],
)
def test_a_line_that_is_no_record_of_mitel_s_is_refused(line, reason):
    with pytest.raises(NotUnderstood) as refused:
        smdr_mitel.line(line.encode(), BERLIN, NOW)
    assert refused.value.reason == reason


# --- ESI

ESI = b'"I","11202026","110000","000311","154","4155550100","ROE JANE  ","54"\r\n'


def test_a_record_of_csv_is_a_call():
    found = one("smdr_esi", ESI)
    call = told(found)
    assert facts(found) == (call["id"], "call.finished", at("10:03:11"))
    assert without(call, "id") == {
        "direction": "inbound",
        "caller_name": "ROE JANE",
        "external_number": "4155550100",
        "agent": {"extension": "154"},
        "started_at": "2026-11-20T10:00:00Z",
        "ended_at": "2026-11-20T10:03:11Z",
        "duration_seconds": 191,
        "talk_seconds": 191,
        "outcome": "answered",
        "custom": {"call_type": "I", "line": "54"},
    }


def test_a_record_in_columns_is_the_same_call_of_this_year():
    line = b"O 11/20 11:00:00 00:03:11 154 030123456                                        54"
    call = told(one("smdr_esi", line))
    assert (call["direction"], call["dnis"], call["started_at"], call["talk_seconds"], call["custom"]["line"]) == (
        "outbound",
        "030123456",
        "2026-11-20T10:00:00Z",
        191,
        "54",
    )


def test_what_a_transfer_s_next_station_did_is_no_second_finished_call():
    assert one("smdr_esi", ESI.replace(b'"I"', b'"T"')).type == "x.esi.transferred"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'"X","1"', "The line is no record of 8 fields that begins with I, O or T."),
        (ESI.replace(b"11202026", b"13402026"), "The line has no readable date, time and duration."),
        (b"hello", "The line is neither CSV nor the columns of ESI's SMDR."),
        (b"I 99/99 11:00:00 00:03:11 154 1 54", "The line has no readable date, time and duration."),
    ],
)
def test_a_line_that_is_no_record_of_esi_s_is_refused(line, reason):
    with pytest.raises(NotUnderstood) as refused:
        smdr_esi.line(line, BERLIN, NOW)
    assert refused.value.reason == reason


# --- all of them


@pytest.mark.parametrize("name", ["smdr_avaya", "smdr_mitel", "smdr_esi"])
def test_a_body_has_at_most_a_thousand_lines_and_an_empty_one_gives_nothing(name):
    assert parsed(name, b"\r\n\r\n") == []
    with pytest.raises(NotUnderstood, match=r"^The body has more than 1000 lines\.$"):
        parsed(name, b"\n" * 1001)


LINES = st.binary(max_size=200) | st.text(alphabet='0123456789:/,|-" TXIOE*pA', max_size=140).map(str.encode)
MUTATED = st.sampled_from([avaya(), mitel(**IN).encode(), EVENT.format("ANSWERED").encode(), ESI]).flatmap(
    lambda line: st.tuples(st.integers(0, len(line)), st.integers(0, 8), st.binary(max_size=8)).map(
        lambda cut: line[: cut[0]] + cut[2] + line[cut[0] + cut[1] :]
    )
)


@settings(max_examples=400, deadline=None)
@given(LINES | MUTATED, st.sampled_from([smdr_avaya.line, smdr_mitel.line, smdr_esi.line]))
@example(b"\x01\x00\x00\x00\x00\x00\x00\xb2", smdr_mitel.line)
def test_no_line_raises_anything_but_the_refusal(line, read):
    reason = "."
    try:
        assert len(read(line, BERLIN, NOW)) <= 1
    except NotUnderstood as refused:
        reason = refused.reason
    assert reason.endswith(".")
