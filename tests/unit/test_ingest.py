"""Stored first, acknowledged then, hinted last; and together with whoever came meanwhile."""

from collections.abc import Iterator
from threading import Event

import orjson
import pytest

from dispatcher.adapters.memory.hints import MemoryHints
from dispatcher.adapters.memory.store import MemoryStore
from dispatcher.assemble import new_part
from dispatcher.domain.call_part import CallPart
from dispatcher.domain.event import CallEvent, parse_event
from dispatcher.ingest import Ingestor, new_event
from dispatcher.ports import Accepted, Source, StoreUnavailable
from tests.unit.doubles import NOON, SOURCE, WORKSPACE, Events, HandClock, seconds

SOON = 5.0
"""Seconds after which a thread that has not answered never will."""


class Gate(MemoryStore):
    """A store whose commits wait until the gate is open, and that notes the size of each."""

    def __init__(self) -> None:
        super().__init__()
        self.opened, self.entered = Event(), Event()
        self.opened.set()
        self.commits: list[int] = []
        self.poison: set = set()

    def add_events(self, events, received_at, wake_at) -> list[Accepted]:
        self.entered.set()
        assert self.opened.wait(SOON)
        self.commits.append(len(events))
        if any(event.id in self.poison for event in events):
            raise ValueError("a fault of ours")
        return super().add_events(events, received_at, wake_at)


class Answers:
    """What the posters were told."""

    def __init__(self) -> None:
        self.told: list = []
        self._some = Event()

    def poster(self, name: str):
        """The `done` of a poster."""

        def done(answer) -> None:
            self.told.append((name, answer))
            self._some.set()

        return done

    def wait(self) -> None:
        """Until somebody was answered."""
        assert self._some.wait(SOON)

    def of(self, name: str):
        """What one poster was told: once."""
        (answer,) = [answer for who, answer in self.told if who == name]
        return answer


@pytest.fixture
def store() -> Gate:
    return Gate()


@pytest.fixture
def hints() -> MemoryHints:
    return MemoryHints()


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def answers() -> Answers:
    return Answers()


@pytest.fixture
def events() -> Events:
    return Events()


class Stopwatch:
    """The ingestor's own time, which passes when it sleeps and when the test says so."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.naps: list[float] = []

    def sleep(self, pause: float) -> None:
        self.naps.append(round(pause, 9))
        self.now += pause


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Stopwatch:
    made = Stopwatch()
    monkeypatch.setattr("dispatcher.ingest.sleep", made.sleep)
    monkeypatch.setattr("dispatcher.ingest.monotonic", lambda: made.now)
    return made


@pytest.fixture
def ingestor(store: Gate, hints: MemoryHints, clock: HandClock, watch: Stopwatch) -> Iterator[Ingestor]:
    made = Ingestor(store, hints, clock, linger_seconds=0.006)
    yield made
    made.stop()


def accepted(*events) -> list[Accepted]:
    return [Accepted(event.id, event.source_event_id, duplicate=False) for event in events]


def hold(ingestor: Ingestor, store: Gate, events: Events) -> None:
    """Lets a first commit begin and not end."""
    store.opened.clear()
    store.entered.clear()
    ingestor.submit([events.new()], lambda answer: None)
    assert store.entered.wait(SOON)


def test_an_event_is_answered_once_it_is_stored_and_hinted_then(ingestor, store, hints, answers, events):
    event = events.new("a1b2-hangup")
    ingestor.submit([event], answers.poster("pbx"))
    ingestor.stop()
    assert answers.of("pbx") == accepted(event)
    assert store.books(WORKSPACE)["accepted"] == 1
    assert hints.evaluations == [[event.id]]


def test_the_answers_come_after_the_commit_and_before_the_hint(store, hints, clock, events):
    order: list[str] = []
    add, hint = store.add_events, hints.evaluate
    store.add_events = lambda *given: (add(*given), order.append("stored"))[0]
    hints.evaluate = lambda ids: (order.append("hinted"), hint(ids))
    ingestor = Ingestor(store, hints, clock)
    ingestor.submit([events.new()], lambda answer: order.append("answered"))
    ingestor.stop()
    assert order == ["stored", "answered", "hinted"]


def post_one(ingestor: Ingestor, answers: Answers, events: Events, count: int = 1) -> None:
    """Posts, and waits for the answer."""
    answers._some.clear()
    ingestor.submit(events.several(count), answers.poster("pbx"))
    answers.wait()


def test_an_event_that_comes_after_a_silence_is_not_made_to_wait(ingestor, store, answers, events, watch):
    for _ in range(3):
        post_one(ingestor, answers, events)
        watch.now += 0.006
    assert (store.commits, watch.naps) == ([1, 1, 1], [0, 0, 0])


def test_an_event_that_comes_close_behind_another_waits_a_little_for_company(ingestor, answers, events, watch):
    post_one(ingestor, answers, events)
    watch.now += 0.002
    post_one(ingestor, answers, events)
    assert watch.naps == [0, 0.004]


def test_after_a_crowd_the_next_group_keeps_twice_the_distance(ingestor, answers, events, watch):
    post_one(ingestor, answers, events, 64)
    post_one(ingestor, answers, events, 65)
    post_one(ingestor, answers, events)
    post_one(ingestor, answers, events)
    assert watch.naps == [0, 0.006, 0.012, 0.006]


def test_events_that_arrive_while_a_commit_runs_are_written_together(ingestor, store, hints, answers, events):
    hold(ingestor, store, events)
    batches = {name: events.several(count) for name, count in {"a": 1, "b": 3, "c": 2}.items()}
    for name, batch in batches.items():
        ingestor.submit(batch, answers.poster(name))
    store.opened.set()
    ingestor.stop()
    assert store.commits == [1, 6]
    assert {name: answers.of(name) for name in batches} == {name: accepted(*each) for name, each in batches.items()}
    assert [len(each) for each in hints.evaluations] == [1, 6]


def test_a_group_is_answered_by_one_notification(store, hints, clock, answers, events, watch):
    notified: list[int] = []

    def notify(function) -> None:
        notified.append(1)
        function()

    ingestor = Ingestor(store, hints, clock, notify)
    hold(ingestor, store, events)
    for number in range(20):
        ingestor.submit([events.new()], answers.poster(str(number)))
    store.opened.set()
    ingestor.stop()
    assert (len(answers.told), len(notified)) == (20, 2)


def test_nothing_more_joins_a_commit_of_a_thousand(ingestor, store, answers, events):
    hold(ingestor, store, events)
    for number in range(5):
        ingestor.submit(events.several(400), answers.poster(str(number)))
    store.opened.set()
    ingestor.stop()
    assert store.commits == [1, 1200, 800]
    assert len(answers.told) == 5


def test_a_burst_is_cut_into_hints_of_two_hundred(ingestor, hints, answers, events):
    ingestor.submit(events.several(450), answers.poster("pbx"))
    ingestor.stop()
    assert [len(each) for each in hints.evaluations] == [200, 200, 50]


def test_a_duplicate_is_told_so_and_not_hinted_again(ingestor, hints, answers, events):
    first, again, fresh = events.new("17"), events.new("17"), events.new("18")
    ingestor.submit([first], answers.poster("one"))
    ingestor.submit([again, fresh], answers.poster("two"))
    ingestor.stop()
    assert answers.of("two") == [Accepted(first.id, "17", duplicate=True), *accepted(fresh)]
    assert [each for hint in hints.evaluations for each in hint] == [first.id, fresh.id]


def test_a_repeated_event_alone_makes_no_hint(ingestor, hints, answers, events):
    ingestor.submit([events.new("17")], answers.poster("one"))
    ingestor.submit([events.new("17")], answers.poster("two"))
    ingestor.stop()
    assert sum(map(len, hints.evaluations)) == 1


def test_what_is_not_hinted_is_woken_after_the_rehint_time(ingestor, store, hints, answers, events):
    hints.away = True
    event = events.new()
    ingestor.submit([event], answers.poster("pbx"))
    ingestor.stop()
    assert answers.of("pbx") == accepted(event)
    assert store.wake_events(NOON + seconds(4.999), NOON + seconds(9), 10) == []
    assert store.wake_events(NOON + seconds(5), NOON + seconds(9), 10) == [event.id]


def test_a_store_that_is_away_is_told_to_every_waiting_poster(ingestor, store, hints, answers, events):
    hold(ingestor, store, events)
    for name in ("a", "b", "c"):
        ingestor.submit([events.new(name)], answers.poster(name))
    store.away = True
    store.opened.set()
    ingestor.stop()
    assert [type(answers.of(name)) for name in ("a", "b", "c")] == [StoreUnavailable] * 3
    store.away = False
    assert (store.books(WORKSPACE)["accepted"], hints.evaluations) == (0, [])


def test_an_outage_that_is_over_is_over(ingestor, store, answers, events):
    store.away = True
    ingestor.submit([events.new("a")], answers.poster("first"))
    answers.wait()
    store.away = False
    again = events.new("a")
    ingestor.submit([again], answers.poster("again"))
    ingestor.stop()
    assert isinstance(answers.of("first"), StoreUnavailable)
    assert answers.of("again") == accepted(again)


def test_one_submission_that_cannot_be_stored_does_not_fail_the_others(ingestor, store, hints, answers, events, caplog):
    hold(ingestor, store, events)
    good, bad, better = [events.new("good")], events.several(2), [events.new("better")]
    store.poison = {bad[1].id}
    for name, batch in {"good": good, "bad": bad, "better": better}.items():
        ingestor.submit(batch, answers.poster(name))
    store.opened.set()
    ingestor.stop()
    assert store.commits == [1, 4, 1, 2, 1]
    assert (answers.of("good"), answers.of("better")) == (accepted(*good), accepted(*better))
    refusal = answers.of("bad")
    assert (type(refusal), str(refusal)) == (StoreUnavailable, "ValueError")
    assert store.books(WORKSPACE)["accepted"] == 3
    assert [len(each) for each in hints.evaluations] == [1, 1, 1]
    assert {record.message for record in caplog.records} == {"ingest.failed"}


def test_a_fault_of_ours_does_not_end_ingestion(ingestor, store, answers, events):
    bad, good = events.new("bad"), events.new("good")
    store.poison = {bad.id}
    ingestor.submit([bad], answers.poster("bad"))
    answers.wait()
    ingestor.submit([good], answers.poster("good"))
    ingestor.stop()
    assert answers.of("good") == accepted(good)


def test_a_poster_that_has_gone_does_not_keep_the_others_from_their_answers(ingestor, store, answers, events, caplog):
    hold(ingestor, store, events)

    def gone(answer) -> None:
        raise RuntimeError("nobody is waiting")

    ingestor.submit([events.new()], gone)
    ingestor.submit([events.new()], answers.poster("b"))
    store.opened.set()
    ingestor.stop()
    assert len(answers.of("b")) == 1
    assert [record.message for record in caplog.records] == ["ingest.answer_failed"]


def test_stopping_commits_what_is_queued(ingestor, store, answers, events):
    hold(ingestor, store, events)
    for number in range(30):
        ingestor.submit([events.new()], answers.poster(str(number)))
    store.opened.set()
    ingestor.stop()
    assert len(answers.told) == 30
    assert store.books(WORKSPACE)["accepted"] == 31


def test_an_event_to_store_has_an_id_of_its_own_made_of_the_time(clock):
    event = parse_event(
        {"id": "a1b2", "type": "call.finished", "occurred_at": "2026-11-20T11:59:00Z", "call": {"id": "7f9c"}}, NOON
    )
    source = Source(SOURCE, WORKSPACE, "pbx", "generic", None, "Europe/Berlin", "DE", {})
    one, two = (new_event(event, source, clock) for _ in range(2))
    assert (one.source_event_id, one.type, one.call_id) == ("a1b2", "call.finished", "7f9c")
    assert orjson.loads(one.body) == {
        "id": "a1b2",
        "type": "call.finished",
        "occurred_at": "2026-11-20T11:59:00Z",
        "call": {"id": "7f9c"},
        "source": {"name": "pbx", "country": "DE", "time_zone": "Europe/Berlin"},
    }
    assert (one.workspace_id, one.source_id, one.occurred_at) == (WORKSPACE, SOURCE, NOON - seconds(60))
    assert (one.id.version, one.id.int >> 80) == (7, int(NOON.timestamp() * 1000))
    assert one.id != two.id


PBX = Source(SOURCE, WORKSPACE, "pbx", "generic", None, "Europe/Berlin", "DE", {})


def leg(name: str) -> CallPart:
    call = {"id": "A", "ended_at": "2026-11-20T12:00:00Z"}
    return CallPart(CallEvent(name, "call.finished", NOON, call), ("A",))


def test_parts_are_committed_with_whoever_else_comes_and_hinted_to_nobody(store, hints, clock, answers, events):
    ingestor = Ingestor(store, hints, clock, parts=store.assemblies)
    event, part = events.new("e1"), new_part(leg("p1"), PBX, 10, NOON, clock)
    ingestor.submit([event], answers.poster("both"), [part])
    ingestor.submit([], answers.poster("part"), [new_part(leg("p1"), PBX, 10, NOON, clock)])
    ingestor.stop()
    assert answers.of("both") == [Accepted(part.id, "p1", duplicate=False), *accepted(event)]
    assert answers.of("part") == [Accepted(part.id, "p1", duplicate=True)]
    assert hints.evaluations == [[event.id]]


def test_while_the_store_is_away_a_part_is_unavailable_to_its_poster(store, hints, clock, answers):
    ingestor = Ingestor(store, hints, clock, parts=store.assemblies)
    store.away = True
    ingestor.submit([], answers.poster("part"), [new_part(leg("p1"), PBX, 10, NOON, clock)])
    ingestor.stop()
    assert isinstance(answers.of("part"), StoreUnavailable)
    store.away = False
    assert store.assemblies.open_call(WORKSPACE, "A") is None
