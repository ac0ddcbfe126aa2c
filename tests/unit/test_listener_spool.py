"""The spool: what was kept is there after any end, in order, until it is taken."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from dispatcher.adapters.listeners import intake as intakes
from dispatcher.adapters.listeners import spool as spools
from dispatcher.adapters.listeners.drain import Drain
from dispatcher.adapters.listeners.intake import Intake, SourceGone
from dispatcher.adapters.listeners.record import packed, unpacked
from dispatcher.adapters.listeners.spool import Place, Spool, SpoolFull, SpoolInUse, Unreadable
from dispatcher.ports import StoreUnavailable
from dispatcher.sources import FORMATS, reading
from tests.unit.doubles import NOON, HandClock, seconds
from tests.unit.listener_doubles import Door, avaya, intake_of, record, source_of, spool_in


def entries(spool: Spool, count: int = 100) -> list[bytes]:
    return [entry for entry, _ in spool.first(count)]


def test_what_is_kept_comes_out_in_order_until_it_is_taken(tmp_path: Path):
    with spool_in(tmp_path / "s") as spool:
        spool.append([b"one", b"two"])
        spool.append([b"three"])
        assert entries(spool, 2) == [b"one", b"two"]
        assert entries(spool, 2) == [b"one", b"two"]
        spool.taken(spool.first(2)[-1][1])
        assert entries(spool) == [b"three"]
        spool.taken(spool.first(1)[-1][1])
        assert (entries(spool), spool.waiting_bytes) == ([], 0)


def test_it_is_all_there_after_the_process_has_gone(tmp_path: Path):
    with spool_in(tmp_path) as spool:
        spool.append([b"one", b"two"])
        spool.taken(spool.first(1)[0][1])
    with spool_in(tmp_path) as spool:
        assert entries(spool) == [b"two"]
        spool.append([b"three"])
        assert entries(spool) == [b"two", b"three"]


def test_an_entry_that_a_crash_cut_short_is_cut_off_and_what_comes_next_is_whole(tmp_path: Path):
    with spool_in(tmp_path) as spool:
        spool.append([b"one"])
    (segment,) = tmp_path.glob("*.spool")
    with segment.open("ab") as file:
        file.write(b"\0\0\0\x09half")
    with spool_in(tmp_path) as spool:
        spool.append([b"two"])
        assert entries(spool) == [b"one", b"two"]


def test_without_the_note_of_what_was_taken_everything_is_given_again(tmp_path: Path):
    with spool_in(tmp_path) as spool:
        spool.append([b"one"])
        spool.taken(spool.first(1)[0][1])
    (tmp_path / "done").write_text("not two numbers!")
    with spool_in(tmp_path) as spool:
        assert entries(spool) == [b"one"]


def test_segments_that_are_taken_leave_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(spools, "SEGMENT_BYTES", 10)
    with spool_in(tmp_path) as spool:
        for number in range(6):
            spool.append([b"entry %d" % number])
        assert len(list(tmp_path.glob("*.spool"))) == 6
        assert entries(spool) == [b"entry %d" % number for number in range(6)]
        spool.taken(spool.first(4)[-1][1])
        assert entries(spool) == [b"entry 4", b"entry 5"]
        spool.taken(spool.first(2)[-1][1])
        spool.append([b"entry 6"])
        spool.append([b"entry 7"])
        assert entries(spool) == [b"entry 6", b"entry 7"]
    with spool_in(tmp_path) as spool:
        assert entries(spool) == [b"entry 6", b"entry 7"]


def test_a_full_spool_takes_nothing_and_takes_again_once_there_is_room(tmp_path: Path):
    with spool_in(tmp_path, max_bytes=20) as spool:
        spool.append([b"0123456789"])
        with pytest.raises(SpoolFull):
            spool.append([b"more than fits"])
        assert entries(spool) == [b"0123456789"]
        spool.taken(spool.first(1)[0][1])
        spool.append([b"more than fits"])
        assert entries(spool) == [b"more than fits"]


def test_a_second_process_is_refused(tmp_path: Path):
    with spool_in(tmp_path), pytest.raises(SpoolInUse, match="Another listener of this source is running"):
        spool_in(tmp_path)


def test_what_cannot_be_opened_is_put_aside_and_holds_up_nothing(tmp_path: Path):
    def open_entry(sealed: bytes) -> bytes:
        if sealed == b"bad":
            raise Unreadable
        return sealed

    with Spool(tmp_path, lambda entry: entry, open_entry, 1000) as spool:
        spool.append([b"bad", b"good"])
        assert entries(spool) == [b"good"]
        assert entries(spool) == [b"good"]
        spool.append([b"bad", b"better"])
        for _ in range(3):
            assert entries(spool) == [b"good"]
        spool.taken(spool.first(1)[0][1])
        assert entries(spool) == [b"better"]
    assert (tmp_path / "unreadable").read_bytes() == b"\0\0\0\x03bad" * 2


def test_nothing_of_an_entry_lies_in_the_clear(tmp_path: Path):
    with spool_in(tmp_path) as spool:
        spool.append([b"+14155550100"])
    assert all(b"+14155550100" not in path.read_bytes() for path in tmp_path.iterdir())


def test_places_are_ordered_by_segment_first():
    assert Place(1, 900) < Place(2, 0) < Place(2, 7)


def test_a_record_is_the_same_after_the_spool():
    given = record(b"a\nb\xff\r\n", received_at=NOON + seconds(0.25), identity="line:1", remote="2001:db8::1")
    assert unpacked(packed(given)) == given


def spooled(spool: Spool, *numbers: int) -> None:
    spool.append([packed(record(avaya(number), identity=f"line:{number}")) for number in numbers])


def test_the_drain_stores_and_then_takes(tmp_path: Path):
    door = Door()
    with spool_in(tmp_path) as spool:
        spooled(spool, 1, 2)
        drain = Drain(spool, intake_of(door))
        assert (drain.once(), drain.once()) == (True, False)
        assert (door.report_ids, spool.waiting_bytes, door.calls) == (["1", "2"], 0, 1)
        assert (drain.tally.understood, drain.tally.quarantined) == (2, 0)


def test_while_the_database_is_away_everything_stays_in_the_spool(tmp_path: Path):
    door = Door(away=True)
    with spool_in(tmp_path) as spool:
        spooled(spool, 1)
        drain = Drain(spool, intake_of(door))
        with pytest.raises(StoreUnavailable):
            drain.once()
        assert (door.stored, spool.waiting_bytes > 0) == ([], True)
        door.away = False
        assert (drain.once(), door.report_ids, spool.waiting_bytes) == (True, ["1"], 0)


def test_what_was_stored_before_a_crash_is_no_second_call_after_it(tmp_path: Path):
    door = Door()
    with spool_in(tmp_path) as spool:
        spooled(spool, 1)
        intake_of(door).store([unpacked(entry) for entry, _ in spool.first(9)])
    with spool_in(tmp_path) as spool:
        Drain(spool, intake_of(door)).once()
    assert door.report_ids == ["1"]


def test_what_is_not_understood_goes_to_quarantine_and_is_taken(tmp_path: Path):
    door = Door()
    with spool_in(tmp_path) as spool:
        spool.append([packed(record(b"garbage 1")), packed(record(avaya(7)))])
        drain = Drain(spool, intake_of(door))
        drain.once()
        assert (spool.waiting_bytes, drain.tally.quarantined) == (0, 1)
    assert ([body for body, _ in door.held], door.report_ids) == ([b"garbage 1"], ["7"])


def test_the_thread_goes_on_when_the_database_is_back_and_stores_all_before_it_stops(tmp_path: Path):
    door = Door()
    with spool_in(tmp_path) as spool:
        drain = Drain(spool, intake_of(door))
        drain.start()
        spooled(spool, 1, 2, 3)
        drain.stop(20)
    assert door.report_ids == ["1", "2", "3"]


def test_a_source_that_was_deleted_ends_the_drain_and_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("dispatcher.adapters.listeners.intake.LOOK_SECONDS", -1.0)
    door = Door()
    intake = intake_of(door)
    intake._find = lambda _: None
    with spool_in(tmp_path) as spool:
        spooled(spool, 1)
        drain = Drain(spool, intake)
        with pytest.raises(SourceGone, match="The source pbx was deleted"):
            drain.once()
        drain.start()
        assert drain.gone.wait(20)
        assert entries(spool) != []


def test_an_event_without_an_id_gets_the_same_one_each_time():
    door = Door()
    intake = intake_of(door, source_of("generic"), HandClock())
    body = b'{"type": "call.finished", "call": {"id": "c1"}}'
    intake.store([record(body, identity="file:abc")])
    intake.store([record(body, identity="file:abc")])
    assert [event.source_event_id for event in door.stored] == ["file:abc:0"]


def test_a_format_that_fails_holds_up_nobody(monkeypatch: pytest.MonkeyPatch):
    def fail(*_: object) -> None:
        raise ZeroDivisionError("1234")

    monkeypatch.setattr(reading, "FORMATS", {"smdr_avaya": replace(FORMATS["smdr_avaya"], parse=fail)})
    door = Door()
    assert intake_of(door).store([record(b"x")]).quarantined == 1
    assert door.held == [(b"x", "The format smdr_avaya failed: ZeroDivisionError.")]


def test_a_disk_that_fills_up_in_the_middle_of_an_entry_leaves_nothing_of_it(tmp_path: Path):
    with spool_in(tmp_path) as spool:
        spool.append([b"one"])
        with files_of_at_most(40), pytest.raises(OSError, match="too large"):
            spool.append([b"a much longer entry than there is room for on this disk"])
        spool.append([b"two"])
        assert entries(spool) == [b"one", b"two"]


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """As on a full disk: what fits is written, and the rest is refused."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_entries_after_segments_were_removed_by_hand_are_given(tmp_path: Path):
    with spool_in(tmp_path) as spool:
        spool.append([b"a long entry of before"])
        spool.taken(spool.first(1)[0][1])
    for segment in tmp_path.glob("*.spool"):
        segment.unlink()
    with spool_in(tmp_path) as spool:
        spool.append([b"one"])
        assert entries(spool) == [b"one"]


def test_a_source_is_looked_at_again_also_while_nothing_comes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    seconds_now = [0.0]
    monkeypatch.setattr(intakes, "monotonic", lambda: seconds_now[0])
    door, changed = Door(), source_of(auth={"kind": "ip_allow", "networks": ["192.0.2.0/24"]})
    intake = Intake(source_of(), lambda _: changed, door.take, door.quarantine, HandClock())
    with spool_in(tmp_path) as spool:
        drain = Drain(spool, intake)
        assert (drain.once(), intake.source.auth) == (False, None)
        seconds_now[0] = intakes.LOOK_SECONDS
        assert (drain.once(), intake.source.auth) == (False, changed.auth)
