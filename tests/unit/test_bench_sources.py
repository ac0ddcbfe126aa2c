"""What the bench measures of sources: that its posts are what call systems send, and that its verdicts are exact."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import pytest
from sqlalchemy import create_engine, insert

from bench import micro
from bench.accounting import Post, Spread
from bench.generator import Connection, Plan
from bench.measurement import Loaded
from bench.processes import Spent
from bench.source_load import SourceGenerator, slots_of
from bench.source_posts import LEGS, SOURCES, Slot, SourcePosts, legs, mixed, path_of, whole_cycles
from bench.source_steps import CONFIGS, cpu_of_first_reading, measured_formats, posts_of
from bench.sources import after_quiet, by_format, cpu_by_role, limits_kept, told_late
from bench.told_calls import Told, told_calls
from dispatcher.adapters.sql.tables import assemblies, call_parts, events, metadata
from dispatcher.domain.call_part import CallPart
from dispatcher.sources import FORMATS, Posted, SourceSettings
from dispatcher.sources.authentication import usable_checks, verify_shown
from dispatcher.sources.document import parse_source

BASE = "http://127.0.0.1:8080"
NOW = datetime(2026, 11, 20, 10, 3, 21, tzinfo=UTC)


def posted(slot: Slot) -> Posted:
    """A request of the bench as the API sees it."""
    head, _, body = SourcePosts(BASE, "run").request(slot).partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    assert (first, headers["host"]) == (f"POST {path_of(slot.source)} HTTP/1.1", urlsplit(BASE).netloc)
    assert int(headers["content-length"]) == len(body)
    return Posted("POST", BASE + path_of(slot.source), [], headers, body, NOW, "127.0.0.1")


def source(name: str) -> Any:
    return parse_source({"name": name, "country": "US", **SOURCES[name]}, uuid4(), UUID(int=1), {})


def read(slot: Slot) -> Any:
    own = source(slot.source)
    settings = SourceSettings(own.time_zone, own.country, own.config)
    [found] = FORMATS[own.format].parse(posted(slot), settings)
    return found


@pytest.mark.parametrize("name", [*SOURCES])
def test_every_post_shows_what_its_source_asks_for(name):
    verify_shown(usable_checks(source(name).auth), posted(Slot(name, 7, 0)))


@pytest.mark.parametrize(("name", "step"), [("generic", 0), ("freeswitch", 0), ("ringcentral", 2), ("twilio", 0)])
def test_the_last_post_of_a_call_finishes_it_under_the_id_that_the_run_gave_it(name, step):
    found = read(Slot(name, 7, step))
    event = found.event if isinstance(found, CallPart) else found
    assert (event.type, event.call["id"]) == ("call.finished", "run-00000007")


def test_ringcentral_tells_of_three_states_of_one_party():
    told = [read(Slot("ringcentral", 7, step)).event for step in range(3)]
    assert [(each.type, each.source_event_id) for each in told] == [
        ("x.party.proceeding", "run-00000007:p-2:proceeding"),
        ("x.party.answered", "run-00000007:p-2:answered"),
        ("call.finished", "run-00000007:p-2:disconnected"),
    ]
    assert told[0].occurred_at < told[1].occurred_at < told[2].occurred_at


def test_the_legs_of_a_call_find_each_other_and_none_says_that_it_is_the_last():
    parts = [read(Slot("legs", 7, step)) for step in range(LEGS)]
    assert all(isinstance(part, CallPart) and not part.ends_call and not part.is_fact for part in parts)
    assert [part.keys for part in parts] == [
        ("run-00000007-b0", "run-00000007"),
        ("run-00000007-b1", "run-00000007"),
        ("run-00000007", "run-00000007-b1"),
    ]
    assert {part.event.call["id"] for part in parts} == {"run-00000007"}


def test_four_formats_come_in_turns_and_leave_no_call_half_told():
    slots = list(mixed(whole_cycles(7)))
    assert Counter(slot.source for slot in slots) == {"ringcentral": 6, "freeswitch": 2, "twilio": 2, "generic": 2}
    assert {slot.call for slot in slots} == set(range(8))
    assert [slot.step for slot in slots if slot.call == 4] == [0, 1, 2]


def test_every_leg_comes_once_in_its_order_and_every_tenth_again_soon_or_late():
    slots = legs(100, later=60)
    firsts, repeats = [s for s in slots if not s.repeat], [s for s in slots if s.repeat]
    assert sorted((s.call, s.step) for s in firsts) == [(call, step) for call in range(100) for step in range(LEGS)]
    assert [s.step for s in firsts if s.call == 50] == [0, 1, 2]
    assert len(repeats) == 30
    waits = [slots.index(again) - slots.index(Slot("legs", again.call, again.step)) for again in repeats[:20]]
    assert all(4 <= wait <= 7 or 60 <= wait <= 70 for wait in waits)
    assert {wait > 7 for wait in waits} == {True, False}


def test_a_repeat_has_the_bytes_of_what_it_repeats():
    made = SourcePosts(BASE, "run")
    assert made.request(Slot("legs", 3, 1, repeat=True)) == made.request(Slot("legs", 3, 1))


def test_posts_are_noted_under_the_number_of_their_call():
    slots = slots_of("mixed", 6, 0)
    generator = SourceGenerator(Plan(BASE, len(slots), "run", rate=200.0), slots)
    generator.next = 5
    assert [post.first for post in generator.posts()] == [0, 1, 0, 2, 0]


def post(call: int, done: float, status: int = 200, size: int = 100) -> Post:
    return Post(call, 1, 0.0, 0.0, done, status, size)


def waited(p95: float) -> Spread:
    return Spread(3, 1.0, p95, 60.0, 61.0)


def test_limits_are_kept_where_answers_are_quick_short_and_good():
    assert limits_kept(waited(50.0), [post(1, 1.0, 202, 1024), post(2, 1.0, 204)]) == (
        "poster limits kept: answers p50/p95/p99 1.0 / 50.0 / 60.0 ms (p95 <= 50 ms), the largest 1,024 bytes with its "
        "head (<= 1,024), 0 of 2 not 2xx (0 without an answer)"
    )


@pytest.mark.parametrize(
    ("p95", "posts"),
    [(50.1, [post(1, 1.0)]), (9.0, [post(1, 1.0, 200, 1025)]), (9.0, [post(1, 1.0, 503)]), (9.0, [post(1, 1.0, 0)])],
)
def test_limits_are_not_kept_where_one_of_them_is_exceeded(p95, posts):
    assert limits_kept(waited(p95), posts).startswith("poster limits NOT KEPT: ")


def test_a_post_without_an_answer_is_named_as_such():
    told = limits_kept(waited(9.0), [post(1, 1.0, 503), post(2, 1.0, 0), post(3, 1.0)])
    assert told.endswith("2 of 3 not 2xx (1 without an answer)")


def test_the_connection_that_waited_longest_is_used_next():
    generator = SourceGenerator(Plan(BASE, 1, "run", rate=200.0), slots_of("mixed", 1, 0))
    first, second = Connection.__new__(Connection), Connection.__new__(Connection)
    generator.idle = [first, second]
    assert (generator.next_idle(), generator.idle) == (first, [second])


def test_answers_are_told_by_format():
    assert by_format(
        [Slot("a", 0, 0), Slot("b", 1, 0), Slot("a", 2, 0)], [post(0, 0.002), post(1, 0.004), post(2, 0.008)]
    ) == ("by format: a 2.0 / 8.0 / 8.0 ms; b 4.0 / 4.0 / 4.0 ms")


def test_cpu_is_shared_out_by_the_processes_roles():
    lines = [
        Spent("python3 -m dispatcher.cli api", 2.0, 1.0),
        Spent("python3 -m dispatcher.cli worker", 1.0, 1.0),
        Spent("python3 -m dispatcher.cli worker", 0.5, 1.0),
        Spent("python3 -m dispatcher.cli sweeper", 0.25, 1.0),
        Spent("postgres: idle", 9.0, 1.0),
    ]
    assert cpu_by_role(lines, {"onhook": 3.75, "postgresql": 3.0}, 500, "legs") == (
        "CPU s per 1,000 legs: API 4.00, sweeper (assembles) 0.50, workers 3.00, PostgreSQL 6.00"
    )


def test_a_call_is_late_from_the_end_of_the_quiet_after_its_last_leg_that_was_new():
    slots = [Slot("legs", 1, 0), Slot("legs", 1, 1), Slot("legs", 1, 0, repeat=True), Slot("legs", 2, 0)]
    loaded = Loaded("run", [post(1, 5.0), post(1, 6.0), post(1, 7.0), post(2, 7.0)], {}, 0.0)
    late = after_quiet(loaded, slots, {"run-00000001": 8.5})
    assert late is not None
    assert (late.count, late.longest) == (1, 500.0)
    assert told_late(None, late) == (
        "after its quiet period of 2 s a call was told -, at the target 500.0 / 500.0 / 500.0 ms"
    )


def test_the_verdict_names_every_way_in_which_calls_may_be_told_wrongly():
    well = Told(4, Counter({"r-1": 1, "r-2": 1}), 0, None)
    assert well.verdict({"r-1", "r-2"}, 4) == "2 calls of 4 parts: exactly one call.finished each"
    ill = Told(5, Counter({"r-1": 2, "r-9": 1}), 3, None)
    assert ill.verdict({"r-1", "r-2"}, 4) == (
        "2 calls of 4 parts: NOT one call.finished each: 1 calls without a call.finished; 1 calls with several; "
        "1 that nobody posted; 3 other events; 1 parts too few or too many"
    )


def event_row(call: str, kind: str) -> dict[str, Any]:
    one = uuid4()
    return {
        "id": one, "workspace_id": UUID(int=1), "source_id": UUID(int=2), "source_event_id": str(one), "type": kind,
        "call_id": call, "occurred_at": NOW, "received_at": NOW, "body": b"",
    }  # fmt: skip


def call_rows(call: str, told_after: float) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    one = uuid4()
    assembly = {
        "id": one, "workspace_id": UUID(int=1), "source_id": UUID(int=2), "call_id": call, "opened_at": NOW,
        "changed_at": NOW, "due_at": None, "legs": {}, "told_at": NOW + timedelta(seconds=told_after),
        "has_legs": True, "ended": False, "version": 2, "wake_at": NOW,
    }  # fmt: skip
    parts = [
        {"id": uuid4(), "source_id": UUID(int=2), "part_id": f"{call}:{n}", "assembly_id": one, "told": True,
         "received_at": NOW + timedelta(seconds=n), "body": b""} for n in range(2)
    ]  # fmt: skip
    return assembly, parts


def test_the_database_is_asked_for_the_calls_of_one_run_alone():
    engine = create_engine("sqlite://")
    metadata.create_all(engine)
    rows = [call_rows("r-1", 3.5), call_rows("r-2", 4.0), call_rows("other-1", 9.0)]
    with engine.begin() as connection:
        connection.execute(insert(assemblies), [assembly for assembly, _ in rows])
        connection.execute(insert(call_parts), [part for _, parts in rows for part in parts])
        kinds = [
            ("r-1", "call.finished"),
            ("r-2", "call.finished"),
            ("r-2", "call.updated"),
            ("other-1", "call.finished"),
        ]
        connection.execute(insert(events), [event_row(*each) for each in kinds])
    told = told_calls(engine, "r", 2.0)
    assert (told.parts, told.finished, told.other_events) == (4, {"r-1": 1, "r-2": 1}, 1)
    assert told.late == Spread(2, 500.0, 1000.0, 1000.0, 1000.0)


@pytest.mark.parametrize("name", measured_formats())
def test_the_typical_post_of_a_format_says_something(name):
    settings = SourceSettings("America/Los_Angeles", "US", CONFIGS.get(name, {}))
    assert len(FORMATS[name].parse(posts_of(name)[0], settings)) == 1


def test_reading_is_timed_without_the_posts_that_warm_up_and_never_on_a_post_that_says_nothing():
    posts = posts_of("ringcentral")
    seen: list[Any] = []
    spent = cpu_of_first_reading(lambda one, _: seen.append(one) or [SimpleNamespace()], posts, SourceSettings())  # type: ignore[list-item]
    assert (len(spent), seen) == (300, posts)
    with pytest.raises(ValueError, match="a post without an event"):
        cpu_of_first_reading(lambda *_: [], posts, SourceSettings())


def test_reading_is_a_part_of_the_bench_with_a_line_for_each_format(monkeypatch):
    monkeypatch.setattr("bench.source_steps.cpu_of_first_reading", lambda *_: [0.25, 0.5, 1.0])
    figures = micro.PARTS["parsing"]([])
    assert [figure.what.split(",")[0] for figure in figures] == measured_formats()
    assert {(figure.p50_ms, figure.p95_ms, figure.bar, figure.held) for figure in figures} == {(0.5, 1.0, "-", None)}
