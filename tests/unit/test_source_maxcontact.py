"""MaxContact: what its answers mean, and that no information is never an end."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.domain.shape import Reading
from dispatcher.sources import FORMATS, NotUnderstood, SourceSettings
from dispatcher.sources.maxcontact import (
    GAP,
    HOLD,
    Agent,
    Numbering,
    Step,
    Whose,
    key_of,
    observe,
    reset_event,
)
from dispatcher.sources.maxcontact.answer import NoInformation, SeenCall, calls_in
from dispatcher.sources.maxcontact.config import read_config, users_of
from dispatcher.sources.maxcontact.state import read, written
from tests.unit.doubles import NOON, seconds

START = datetime(2026, 11, 20, 11, 58, tzinfo=UTC)
CALL = SeenCall(1007, "2026-11-20T11:58:00", START, "+14155550100", "Jane Roe", 2, 1, 0)
SETTINGS = SourceSettings(config={"users": {"17": "John Doe"}})
WHOSE = Whose("dialler", "17", SETTINGS)


def document(*calls: dict[str, Any], **changes: Any) -> bytes:
    return json.dumps(
        {"Success": True, "Data": list(calls), "ResponseCode": 0, "ResponseDetail": "OK", **changes}
    ).encode()


ONE = {
    "CallId": 1007, "CallStartTime": "2026-11-20T11:58:00", "CallState": 2, "CallStatus": 1, "CustomerName": "Jane",
    "CustomerName2": "Roe", "PhoneNumber": "+14155550100", "RecordingState": 0,
}  # fmt: skip

XML = b"""<?xml version="1.0"?><CallActionResponse xmlns="http://dialler.example/types"
xmlns:i="http://www.w3.org/2001/XMLSchema-instance"><Data><Call><CallId>1007</CallId>
<CallStartTime>2026-11-20T11:58:00</CallStartTime><CallState>2</CallState><CallStatus>1</CallStatus>
<CustomerName>Jane</CustomerName><CustomerName2>Roe</CustomerName2><PhoneNumber>+14155550100</PhoneNumber>
<RecordingState>0</RecordingState></Call></Data><ResponseCode>0</ResponseCode><ResponseDetail i:nil="true"/>
<Success>%s</Success></CallActionResponse>"""


@pytest.mark.parametrize(
    "body",
    [
        document(ONE), document(Data=ONE), document(ONE, Success="true"), b"\xef\xbb\xbf" + document(ONE),
        XML % b"true", XML % b"True", XML % b"1", document({**ONE, "CallStartTime": "/Date(1795175880000+0000)/"}),
    ],
)  # fmt: skip
def test_json_and_xml_in_all_their_shapes_give_the_same_call(body: bytes):
    (found,) = calls_in(200, body, "UTC")
    assert replace(found, start=CALL.start) == CALL


@pytest.mark.parametrize(
    "body",
    [
        document(), document(Data=None), document(Data=""),
        b'<R xmlns:i="http://www.w3.org/2001/XMLSchema-instance"><Success>true</Success><Data i:nil="true"/></R>',
        b"<R><Success>true</Success><Data/></R>",
    ],
)  # fmt: skip
def test_a_successful_answer_without_calls_says_that_there_are_none(body: bytes):
    assert calls_in(200, body, "UTC") == []


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b""), (200, b"null"), (200, b"[]"), (200, document(ONE, Success=False)), (200, XML % b"false"),
        (200, b'{"Data": []}'), (200, b"<html><body>Please log in</body></html>"), (200, b"<R><Success>tr"),
        (200, b'<!DOCTYPE R [<!ENTITY x "y">]><R><Success>true</Success><Data/></R>'), (401, document()),
        (500, document()), (204, b""), (302, document()), (200, document({"CallId": "many"})),
        (200, document(Data="x")), (200, b"{" + b" " * 5_000_000), (200, document(Data=[None])),
        (200, document(Data=[ONE] * 1001)),
    ],
)  # fmt: skip
def test_whatever_else_comes_is_no_information(status: int, body: bytes):
    with pytest.raises(NoInformation):
        calls_in(status, body, "UTC")


@given(
    st.binary(max_size=300)
    | st.builds(lambda inner: b"<R><Success>1</Success>" + inner + b"</R>", st.binary(max_size=80))
)
def test_no_bytes_raise_anything_else(body: bytes):
    try:
        calls_in(200, body, "Europe/London")
    except NoInformation:
        return


def test_a_start_without_offset_is_the_sources_local_time():
    (found,) = calls_in(200, document({**ONE, "CallStartTime": "2026-07-01T12:00:00"}), "Europe/London")
    assert found.started_at == datetime(2026, 7, 1, 11, tzinfo=UTC)


class Watch:
    """One agent, watched from noon on."""

    def __init__(self, agent: Agent | None = None, whose: Whose = WHOSE, numbering: Numbering | None = None) -> None:
        self.agent, self.whose, self.now = agent or Agent(), whose, NOON
        self.numbering = numbering or Numbering()

    def sees(self, *calls: SeenCall, after: float = 2.0) -> Step:
        self.now += seconds(after)
        step = observe(self.whose, self.agent, calls, self.now, self.numbering)
        self.agent = step.agent
        return step

    def types(self, *calls: SeenCall, after: float = 2.0) -> list[str]:
        return [event.type for event in self.sees(*calls, after=after).events]


def test_a_call_ends_with_the_second_successive_answer_without_it():
    watch = Watch()
    assert [watch.types(CALL), watch.types(CALL), watch.types(), watch.types(), watch.types()] == [
        [], [], [], ["call.finished"], [],
    ]  # fmt: skip


def test_the_event_of_an_ended_call_is_exactly_this():
    watch = Watch()
    watch.sees(CALL)
    watch.sees(CALL)
    watch.sees()
    (event,) = watch.sees().events
    key = key_of(WHOSE, CALL)
    assert (event.source_event_id, event.type, event.occurred_at) == (
        f"{key}:finished",
        "call.finished",
        NOON + seconds(5),
    )
    assert event.call == {
        "id": key,
        "report_id": "1007",
        "caller_name": "Jane Roe",
        "external_number": "+14155550100",
        "external": {
            "raw": "+14155550100", "e164": "+14155550100", "national": "(415) 555-0100", "digits": "14155550100",
            "anonymous": False,
        },
        "agent": {"id": "17", "name": "John Doe"},
        "started_at": "2026-11-20T11:58:00Z",
        "ended_at": "2026-11-20T12:00:05Z",
        "duration_seconds": 125,
        "custom": {
            "call_state": 2, "call_status": 1, "recording_state": 0, "last_seen_at": "2026-11-20T12:00:04Z",
            "first_missing_at": "2026-11-20T12:00:06Z", "end_time_precision_seconds": 2.0,
        },
    }  # fmt: skip


def test_a_call_that_is_back_in_the_second_answer_goes_on():
    watch = Watch()
    assert [watch.types(CALL), watch.types(), watch.types(CALL), watch.types(), watch.types(CALL)] == [[]] * 5
    assert watch.agent.calls[key_of(WHOSE, CALL)].misses == 0


def test_a_number_that_is_used_again_is_another_call_by_its_start():
    again = replace(CALL, start="2026-11-20T12:00:05", started_at=NOON + seconds(5))
    watch = Watch()
    watch.sees(CALL)
    assert [watch.types(again), watch.types(again)] == [[], ["call.finished"]]
    assert key_of(WHOSE, again) != key_of(WHOSE, CALL)
    assert [call.seen for call in watch.agent.calls.values()] == [again]


def test_ids_depend_on_source_agent_number_and_start_alone():
    assert key_of(WHOSE, replace(CALL, call_state=9, number=None, start="11/20/2026 11:58")) == key_of(WHOSE, CALL)
    others = [replace(WHOSE, user="18"), replace(WHOSE, source="other")]
    assert len({key_of(each, CALL) for each in [WHOSE, *others]}) == 3


def test_moves_of_the_recording_state_are_told_by_the_sources_words_and_numbers_pass_else():
    config = {"recording_states": {"1": "started", "0": "stopped"}, "call_states": {"2": "connected"}}
    watch = Watch(whose=replace(WHOSE, settings=SourceSettings(config=config)))
    on, odd = replace(CALL, recording_state=1), replace(CALL, recording_state=7)
    steps = [watch.sees(CALL), watch.sees(on), watch.sees(on), watch.sees(CALL), watch.sees(odd)]
    key = key_of(WHOSE, CALL)
    assert [[(event.type, event.source_event_id) for event in step.events] for step in steps] == [
        [], [("recording.started", f"{key}:recording:1:1")], [], [("recording.stopped", f"{key}:recording:2:0")],
        [("x.maxcontact.recording_state", f"{key}:recording:3:7")],
    ]  # fmt: skip
    assert steps[-1].events[0].call["custom"] == {"call_state": "connected", "call_status": 1, "recording_state": 7}


def test_a_direction_is_only_what_the_source_says_of_a_status():
    watch = Watch(whose=replace(WHOSE, settings=SourceSettings(config={"directions": {"1": "outbound"}})))
    watch.sees(CALL)
    watch.sees()
    assert watch.sees().events[0].call["direction"] == "outbound"


GONE_FOR = GAP.total_seconds() + 1


def test_a_call_that_went_while_nobody_knew_is_held_until_a_higher_number_shows_that_the_dialler_went_on():
    watch = Watch()
    watch.sees(CALL)
    assert [watch.types(after=GONE_FOR), watch.types(), watch.types()] == [[], [], []]
    newer = SeenCall(1031, "later", watch.now)
    (event,) = watch.sees(newer).events
    assert event.call["custom"]["ended_unknown"] is True
    assert event.call["ended_at"] == "2026-11-20T12:00:02Z"


def test_a_call_that_went_while_nobody_knew_is_finished_after_a_minute_without_any_sign():
    watch = Watch()
    watch.sees(CALL)
    watch.sees(after=GONE_FOR)
    assert watch.types(after=20) == []
    assert watch.types(after=20) == []
    assert watch.types(after=HOLD.total_seconds() - 40) == ["call.finished"]


def test_a_dialler_that_was_started_anew_makes_no_storm():
    numbering = Numbering()
    agents = [Watch(whose=replace(WHOSE, user=str(user)), numbering=numbering) for user in range(5)]
    for number, watch in enumerate(agents):
        watch.sees(replace(CALL, call_id=48_000 + number))
    steps = [watch.sees(after=GONE_FOR) for watch in agents]
    first = SeenCall(1000, "new", agents[0].now)
    steps += [agents[0].sees(first)] + [watch.sees() for watch in agents[1:]]
    assert [len(step.events) for step in steps] == [0] * 10
    assert sum(step.forgotten for step in steps) == 5
    assert numbering.resets == 1
    assert [len(watch.agent.calls) for watch in agents] == [1, 0, 0, 0, 0]
    event = reset_event(WHOSE, agents[0].now, numbering)
    assert (event.type, event.call["custom"]) == ("x.maxcontact.source_reset", {"source_reset": True})
    assert reset_event(WHOSE, agents[1].now + seconds(9), numbering).source_event_id == event.source_event_id


def test_a_call_that_waited_long_in_a_queue_is_no_new_dialler_for_calls_that_end_in_sight():
    numbering = Numbering()
    one, two = Watch(numbering=numbering), Watch(whose=replace(WHOSE, user="18"), numbering=numbering)
    one.sees(CALL)
    two.sees(SeenCall(1001, "queued", NOON))
    one.sees()
    assert one.types() == ["call.finished"]


def test_after_a_restart_of_ours_calls_that_went_meanwhile_have_an_unknown_end():
    before = Watch()
    before.sees(CALL)
    after = Watch(read(written(before.agent)))
    after.now = before.now + seconds(3600)
    assert [after.types(), after.types(), after.types(after=61)] == [[], [], ["call.finished"]]


def test_a_state_is_the_same_after_it_was_kept():
    watch = Watch()
    watch.sees(CALL, SeenCall(1008, "odd start", None))
    watch.sees(CALL)
    assert read(written(watch.agent)) == watch.agent
    assert read(None) == Agent()


def test_only_what_changed_is_news():
    watch = Watch()
    assert [watch.sees(CALL).is_news, watch.sees(CALL).is_news, watch.sees().is_news, watch.sees(CALL).is_news] == [
        True, False, True, True,
    ]  # fmt: skip


def test_a_post_is_refused_with_what_to_do_instead():
    with pytest.raises(NotUnderstood, match="onhook listen maxcontact"):
        FORMATS["maxcontact"].parse(None, SETTINGS)  # type: ignore[arg-type]


CONFIG = {"url": "https://acme.maxcontact.example", "credential": "mc", "users": [17, "18"]}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({}, None), ({"users": {"17": "John Doe"}}, None), ({"url": "http://[::1"}, "url"),
        ({"url": "https://user:pw@x.example"}, "url"), ({"url": "ftp://x"}, "url"),
        ({"credential": None}, "credential"), ({"users": []}, "users"), ({"users": ["../1"]}, "users"),
        ({"users": {"1": 2}}, "users"), ({"users": "17"}, "users"),
        ({"interval_seconds": 0.1}, "interval_seconds"), ({"per_second": 101}, "per_second"),
        ({"recording_states": {"1": "begun"}}, "recording_states.1"), ({"call_states": {"x": "y"}}, "call_states.x"),
        ({"directions": {"1": "outbound"}}, None), ({"call_statuses": []}, "call_statuses"),
    ],
)  # fmt: skip
def test_a_config_is_judged_member_by_member(changes: dict[str, Any], field: str | None):
    reading = Reading()
    read_config(reading, {**CONFIG, **changes}, "config")
    assert [fault["field"] for fault in reading.faults] == ([f"config.{field}"] if field else [])


def test_agents_are_watched_once_each():
    assert users_of({"users": [17, "18", 17]}) == ["17", "18"]
    assert users_of({"users": {"17": "John Doe"}}) == ["17"]
