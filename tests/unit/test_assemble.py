"""A call that comes in parts is told once when it is complete, and again when more is known."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

import orjson
import pytest

from dispatcher.adapters.memory.hints import MemoryHints
from dispatcher.adapters.memory.store import MemoryStore
from dispatcher.assemble import MAX_KEYS, Assembled, Assembler, new_part
from dispatcher.domain.assembly import DEFAULT_QUIET_SECONDS, FACT_ALONE, KEPT, LONGEST, MAX_LEGS
from dispatcher.domain.call_part import CallPart
from dispatcher.ingest import Ingestor
from dispatcher.ports import Accepted, OpenCall, Source, StoreUnavailable
from dispatcher.sources import FORMATS
from dispatcher.sources.quiet import quiet_seconds_of
from dispatcher.take import Taker
from tests.unit.call_parts import ALICE, AVAYA, FREESWITCH, RINGCENTRAL, at, fs_a, fs_b, part, span
from tests.unit.doubles import NOON, SOURCE, WORKSPACE, HandClock, seconds

PBX = Source(SOURCE, WORKSPACE, "pbx", "freeswitch", None, "Europe/Berlin", "DE", {"quiet_seconds": 20})
WHOLE = FREESWITCH["blind transfer"]
URL = "https://pbx.example/rec/7f9c.wav"


class Office:
    """A source, its door and the assembler, on a clock that is moved by hand."""

    def __init__(self) -> None:
        self.store, self.hints, self.clock = MemoryStore(), MemoryHints(), HandClock()
        self.ingestor = Ingestor(self.store, self.hints, self.clock, parts=self.store.assemblies)
        self.taker = Taker(self.ingestor, self.clock, quiet_seconds_of)
        self.assembler = Assembler(self.store.assemblies, self.hints, self.clock)

    def take(self, *parts: CallPart, source: Source = PBX) -> list[Accepted]:
        return self.taker.take(source, parts, self.clock())

    def after(self, pause: float) -> list[tuple[str, str | None]]:
        """Assembles after so many seconds; type and id of what that told."""
        self.clock.pass_seconds(pause)
        before = set(self.store._events)
        self.assembler.assemble()
        return [(row.event.type, row.event.source_event_id) for each, row in self.store._events.items()
                if each not in before]  # fmt: skip

    def told(self, source_event_id: str) -> dict[str, Any]:
        """What one event says."""
        (row,) = [row for row in self.store._events.values() if row.event.source_event_id == source_event_id]
        return orjson.loads(row.event.body)

    def open(self, call_id: str = "A") -> OpenCall | None:
        return self.store.assemblies.open_call(WORKSPACE, call_id)


@pytest.fixture
def office() -> Iterator[Office]:
    made = Office()
    yield made
    made.ingestor.stop()


def fact(name: str, kind: str, call: dict[str, Any], when: float = 205, keys: Sequence[str] = ("A",)) -> CallPart:
    return part(name, keys, {"id": "A", **call}, kind=kind, when=when, is_fact=True)


def recording(state: str = "available", when: float = 205) -> CallPart:
    return fact(f"rec-{state}", "call.recorded", {"recording": {"state": state, "url": URL}}, when)


def test_a_call_is_told_once_when_its_source_has_been_quiet(office: Office):
    accepted = office.take(*WHOLE)
    assert [(each.source_event_id, each.duplicate) for each in accepted] == [
        ("A:hangup", False), ("B1:hangup", False), ("B2:hangup", False)]  # fmt: skip
    assert office.open() == OpenCall(3, NOON + seconds(20))
    assert office.after(19.9) == []
    assert office.after(0.1) == [("call.finished", "A:finished")]
    assert office.open() is None
    assert office.after(3600) == []
    event = office.told("A:finished")
    assert event["occurred_at"] == at(200)
    assert event["source"] == {"name": "pbx", "country": "DE", "time_zone": "Europe/Berlin"}
    assert (event["call"]["id"], event["call"]["outcome"], event["call"]["agent"]["name"]) == ("A", "answered", "Bob")
    assert office.hints.evaluations == [list(office.store._events)]


def test_every_part_begins_the_quiet_time_anew(office: Office):
    office.take(WHOLE[1])
    assert office.after(15) == []
    office.take(WHOLE[0])
    assert office.after(15) == []
    office.take(WHOLE[2])
    assert office.after(19) == []
    assert office.after(1) == [("call.finished", "A:finished")]


@pytest.mark.parametrize(
    ("spoken", "config", "due"),
    [
        ("twilio", {"quiet_seconds": 0}, 0),
        ("twilio", {"quiet_seconds": 3600}, 3600),
        ("twilio", {}, FORMATS["twilio"].quiet_seconds),
        ("generic", {}, DEFAULT_QUIET_SECONDS),
    ],
)
def test_the_quiet_time_is_the_source_s_own_else_its_format_s_else_the_usual_one(
    office: Office, spoken: str, config: dict[str, Any], due: float
):
    source = Source(SOURCE, WORKSPACE, "pbx", spoken, None, "UTC", None, config)
    office.take(WHOLE[0], source=source)
    assert office.open() == OpenCall(1, NOON + seconds(due))


def test_a_part_that_ends_the_call_has_it_told_at_once(office: Office):
    first, last = AVAYA["blind transfer"]
    office.take(first)
    assert office.after(1) == []
    office.take(last)
    assert office.after(0) == [("call.finished", "1000017:finished")]


def test_a_part_that_comes_again_changes_nothing(office: Office):
    (first,) = office.take(WHOLE[0])
    office.clock.pass_seconds(15)
    (again,) = office.take(WHOLE[0])
    assert again == Accepted(first.id, "A:hangup", duplicate=True)
    assert office.open() == OpenCall(1, NOON + seconds(20))
    assert office.after(5) == [("call.finished", "A:finished")]
    office.take(WHOLE[0])
    assert office.after(3600) == []


def test_a_repeat_after_a_failure_of_ours_is_accepted(office: Office):
    office.store.away = True
    with pytest.raises(StoreUnavailable):
        office.take(WHOLE[0])
    office.store.away = False
    assert [each.duplicate for each in office.take(WHOLE[0])] == [False]


def test_a_part_that_links_two_calls_makes_them_one(office: Office):
    one = part("1", ["x"], {"id": "X", **span(0, 5, 60), "outcome": "answered"})
    two = part("2", ["y"], {"id": "Y", **span(50, 55, 100), "outcome": "answered"})
    office.take(one, two)
    office.clock.pass_seconds(10)
    office.take(part("3", ["y", "x"], {"id": "Y", **span(60, None, 90)}))
    assert office.open("x") == OpenCall(3, NOON + seconds(30))
    assert office.after(20) == [("call.finished", "X:finished")]
    assert len(office.told("X:finished")["call"]["custom"]["legs"]) == 3


def test_two_calls_that_were_told_and_are_linked_are_not_told_again(office: Office):
    office.take(part("1", ["x"], {"id": "X", **span(0, 5, 60)}))
    assert office.after(20) == [("call.finished", "X:finished")]
    office.take(part("2", ["y"], {"id": "Y", **span(50, 55, 100)}))
    assert office.after(20) == [("call.finished", "Y:finished")]
    office.take(part("3", ["x", "y"], {"id": "Y", **span(60, None, 120)}))
    assert office.after(20) == [("call.updated", "3:updated")]
    assert office.told("3:updated")["call"]["id"] == "X"


def test_calls_of_another_source_share_nothing(office: Office):
    other = Source(UUID(int=9), WORKSPACE, "other", "freeswitch", None, "UTC", None, {"quiet_seconds": 0})
    assert [each.duplicate for each in (*office.take(WHOLE[0]), *office.take(WHOLE[0], source=other))] == [False, False]
    assert office.after(0) == [("call.finished", "A:finished")]
    assert office.open() == OpenCall(1, NOON + seconds(20))


# --- a leg under way, and a call that never ends


def test_a_leg_under_way_keeps_the_call_open_until_it_ends(office: Office):
    *under_way, last = RINGCENTRAL["blind transfer"]
    office.take(*under_way)
    assert office.open("s-1") == OpenCall(2, NOON + LONGEST)
    assert office.after(3600) == []
    office.take(last)
    assert office.after(0) == [("call.finished", "s-1:finished")]


def leg(name: str, state: str, times: dict[str, Any], when: float) -> CallPart:
    kind = "call.finished" if state == "ended" else f"x.party.{state}"
    return part(f"{name}:{state}", ["s"], {"id": "s", **times}, kind=kind, when=when, leg=name)


def test_a_telephone_that_rang_in_vain_does_not_finish_a_call_in_which_people_talk(office: Office):
    office.take(leg("p1", "ringing", {"started_at": at(0)}, 0), leg("p2", "ringing", {"started_at": at(0)}, 0))
    office.take(leg("p2", "answered", {"answered_at": at(9)}, 9))
    office.take(leg("p1", "ended", {"ended_at": at(9)}, 9))
    assert office.open("s") == OpenCall(4, NOON + LONGEST)
    assert office.after(3600) == []
    office.take(leg("p2", "ended", {"ended_at": at(200)}, 200))
    assert office.after(19) == []
    assert office.after(1) == [("call.finished", "s:finished")]


def test_a_leg_that_begins_after_the_call_was_told_is_told_when_it_has_ended(office: Office):
    office.take(leg("p1", "ended", span(0, 5, 60), 60))
    assert office.after(20) == [("call.finished", "s:finished")]
    office.take(leg("p2", "answered", {"answered_at": at(90)}, 90))
    assert office.after(600) == []
    office.take(leg("p2", "ended", {"ended_at": at(120)}, 120))
    assert office.after(20) == [("call.updated", "p2:ended:updated")]


def test_a_leg_that_never_ends_keeps_its_call_open_for_six_hours(office: Office):
    office.take(leg("p1", "answered", {"answered_at": at(5)}, 5))
    assert office.after(LONGEST.total_seconds() - 1) == []
    assert office.after(1) == [("call.finished", "s:finished")]


def test_legs_beyond_those_that_are_noted_keep_nothing_open(office: Office):
    office.take(*[leg(f"p{number}", "ended", span(0, 5, 60), 60) for number in range(MAX_LEGS)])
    office.take(leg("more", "ringing", {"started_at": at(0)}, 0))
    assert office.open("s") == OpenCall(MAX_LEGS + 1, NOON + seconds(20))


def test_a_snapshot_that_comes_too_late_does_not_open_the_leg_again(office: Office):
    ended = part("s:9", ["s"], {"id": "s", **span(0, 5, 60)})
    ringing = part("s:1", ["s"], {"id": "s", "started_at": at(0)}, kind="call.updated", when=1)
    office.take(ended)
    office.take(ringing)
    assert office.open("s") == OpenCall(2, NOON + seconds(20))


def test_a_call_whose_parts_never_stop_is_told_after_six_hours(office: Office):
    told, number, slow = [], 0, replace(PBX, config={"quiet_seconds": 600})
    while not told:
        office.take(fs_b(f"B{number}", ALICE, "missed", span(number, None, number + 1)), source=slow)
        told, number = office.after(599), number + 1
    assert told == [("call.finished", "A:finished")]
    assert LONGEST <= office.clock() - NOON < LONGEST + seconds(599)


# --- what is known later


def test_a_recording_within_the_quiet_time_is_told_with_the_call(office: Office):
    office.take(*WHOLE)
    office.take(recording())
    assert office.after(20) == [("call.finished", "A:finished"), ("call.recorded", "A:recorded")]
    assert office.told("A:finished")["call"]["recording"] == {"state": "available", "url": URL}


def test_a_recording_that_comes_later_is_told_at_once_and_once(office: Office):
    office.take(*WHOLE)
    office.after(20)
    office.take(recording("pending", 202))
    assert office.after(0) == [("call.updated", "rec-pending:updated")]
    office.take(recording())
    assert office.after(0) == [("call.updated", "rec-available:updated"), ("call.recorded", "A:recorded")]
    office.take(fact("rec-again", "call.recorded", {"recording": {"state": "available", "url": URL}}))
    assert office.after(0) == []


def test_a_disposition_is_told_under_its_own_type_and_changes_the_call(office: Office):
    office.take(*WHOLE)
    office.after(20)
    office.take(fact("d-1", "call.disposed", {"disposition": "Call back"}, 300))
    assert office.after(0) == [("call.updated", "d-1:updated"), ("call.disposed", "d-1")]
    for each in ("d-1:updated", "d-1"):
        call = office.told(each)["call"]
        assert (call["disposition"], call["duration_seconds"], call["agent"]["name"]) == ("Call back", 200, "Bob")


def test_a_disposition_in_time_is_part_of_the_finished_call(office: Office):
    office.take(*WHOLE, fact("d-1", "call.disposed", {"disposition": "Call back"}, 210))
    assert office.after(20) == [("call.finished", "A:finished"), ("call.disposed", "d-1")]
    assert office.told("A:finished")["call"]["disposition"] == "Call back"


def test_a_leg_that_comes_later_is_told_when_the_source_is_quiet_again(office: Office):
    office.take(WHOLE[0], WHOLE[1])
    office.after(20)
    office.take(WHOLE[2])
    assert office.open() == OpenCall(1, NOON + seconds(40))
    assert office.after(19) == []
    assert office.after(1) == [("call.updated", "B2:hangup:updated")]
    assert office.told("B2:hangup:updated")["call"]["agent"]["name"] == "Bob"


def test_what_says_nothing_new_is_told_to_nobody(office: Office):
    office.take(*WHOLE)
    office.after(20)
    office.take(fact("e-1", "call.updated", {"outcome": "answered"}))
    assert office.after(0) == []
    assert office.open() is None


def test_a_voicemail_is_told_as_such(office: Office):
    office.take(*FREESWITCH["voicemail"])
    assert office.after(20) == [("call.finished", "A:finished"), ("voicemail.left", "A:voicemail")]
    assert office.told("A:voicemail")["call"] == office.told("A:finished")["call"]


# --- facts without a call


def test_a_fact_waits_for_its_call(office: Office):
    office.take(recording())
    assert office.open() == OpenCall(1, NOON + FACT_ALONE)
    assert office.after(600) == []
    office.take(WHOLE[0])
    assert office.after(19) == []
    assert office.after(1) == [("call.finished", "A:finished"), ("call.recorded", "A:recorded")]


def test_a_fact_that_waits_in_vain_is_told_as_what_it_is(office: Office):
    office.take(recording(), fact("d-1", "call.disposed", {"disposition": "Call back"}, 206))
    assert office.after(FACT_ALONE.total_seconds()) == [("call.recorded", "A:recorded"), ("call.disposed", "d-1")]
    assert office.told("d-1")["call"] == {"id": "A", "disposition": "Call back"}
    office.take(WHOLE[0])
    assert office.after(20) == [("call.finished", "A:finished")]
    assert office.told("A:finished")["call"]["disposition"] == "Call back"


# --- what goes wrong, and what is kept


def test_a_part_that_comes_while_a_call_is_told_is_not_lost(office: Office):
    office.take(WHOLE[0], WHOLE[1])
    office.clock.pass_seconds(20)
    tell = office.store.assemblies.tell

    def slow(tellings, now, wake_at):
        office.store.assemblies.tell = tell  # type: ignore[method-assign]
        office.take(WHOLE[2])
        return tell(tellings, now, wake_at)

    office.store.assemblies.tell = slow  # type: ignore[method-assign]
    assert office.after(0) == []
    assert office.after(20) == [("call.finished", "A:finished")]
    assert office.told("A:finished")["call"]["agent"]["name"] == "Bob"


def test_while_the_broker_is_away_the_call_is_stored_and_left_to_the_sweeper(office: Office):
    office.take(*WHOLE)
    office.hints.away = True
    assert office.after(20) == [("call.finished", "A:finished")]
    assert office.store.wake_events(office.clock() + seconds(5), office.clock() + seconds(10), 10) != []


def test_while_the_store_is_away_an_assembler_says_so_and_goes_on_later(office: Office, caplog):
    office.take(*WHOLE)
    office.store.away = True
    office.clock.pass_seconds(20)
    assert office.assembler.assemble() == Assembled()
    assert [each.message for each in caplog.records] == ["assemble.store_unavailable"]
    office.store.away = False
    assert office.assembler.assemble() == Assembled(1, 1)


def test_a_call_that_cannot_be_told_keeps_no_other_from_it(office: Office, monkeypatch, caplog):
    office.take(*WHOLE, part("x", ["x"], {"id": "X", **span(0, None, 9)}))
    tell = office.store.assemblies.tell

    def fail_for_x(tellings, now, wake_at):
        if any(each.call_id == "X" for each in tellings):
            raise ValueError("a fault of ours")
        return tell(tellings, now, wake_at)

    with monkeypatch.context() as broken:
        broken.setattr(office.store.assemblies, "tell", fail_for_x)
        assert office.after(20) == [("call.finished", "A:finished")]
    assert [each.message for each in caplog.records if each.levelname == "ERROR"] == ["assemble.failed"] * 2
    assert office.after(10) == [("call.finished", "X:finished")]


def test_parts_are_forgotten_a_week_after_the_last_one_and_a_repeat_then_is_still_told_once(office: Office):
    office.take(*WHOLE)
    office.after(20)
    assert office.after(KEPT.total_seconds() - 21) == []
    assert len(office.store.assemblies._parts) == 3
    assert office.after(1) == []
    assert (office.store.assemblies._parts, office.store.assemblies._keys) == ({}, {})
    office.take(*WHOLE)
    assert office.after(20) == []


def test_card_numbers_are_scrubbed_before_a_part_is_stored(office: Office):
    said = fs_a("answered", span(0, 9, 200), custom={"note": "card 4111 1111 1111 1111"})
    assert b"4111" not in new_part(said, PBX, 10, NOON, office.clock).body
    plain = Source(SOURCE, WORKSPACE, "pbx", "freeswitch", None, "UTC", None, {"scrub": False})
    assert b"4111" in new_part(said, plain, 10, NOON, office.clock).body


def test_keys_are_bounded_and_hold_no_nul(office: Office):
    many = part("1", ["a\0b", "x" * 300, *map(str, range(50))], {"id": "A", **span(0, None, 9)})
    keys = new_part(many, PBX, 10, NOON, office.clock).keys
    assert (len(keys), keys[0], len(keys[1])) == (MAX_KEYS, "ab", 64)


def test_parts_that_name_one_call_are_of_it_also_without_a_common_key(office: Office):
    office.take(part("1", ["x"], {"id": "A", **span(0, 5, 60)}), part("2", ["y"], {"id": "A", **span(60, 65, 90)}))
    assert office.after(20) == [("call.finished", "A:finished")]
    assert office.told("A:finished")["call"]["ended_at"] == at(90)


def test_an_id_that_is_too_long_for_a_suffix_is_hashed(office: Office):
    office.take(part("1", ["a"], {"id": "A" * 255, **span(0, None, 9)}))
    ((kind, identifier),) = office.after(20)
    assert (kind, len(str(identifier)), str(identifier).endswith(":finished")) == ("call.finished", 73, True)
