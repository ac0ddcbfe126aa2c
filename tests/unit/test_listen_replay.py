"""Folders of records: handed in by name, resumable, and safe to run twice."""

import json
import os
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from dispatcher.adapters.listeners import replay as replays
from dispatcher.adapters.listeners.files import MAX_LINE_BYTES, Layout, TooLarge, layout_of, records_of
from dispatcher.adapters.listeners.folder import Found, NotAFile, files_of, opened
from dispatcher.adapters.listeners.progress import AlreadyRunning, Progress
from dispatcher.adapters.listeners.replay import FolderReplay, Replayed, ReplayRules
from dispatcher.ports import StoreUnavailable
from tests.unit.listener_doubles import Door, avaya, intake_of, source_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "left"
    made.mkdir()
    return made


def event(number: int, **changes: Any) -> bytes:
    raw = {"type": "call.finished", "call": {"id": f"c{number}", "report_id": str(number)}, **changes}
    return json.dumps(raw).encode()


def replayed(folder: Path, door: Door, spoken: str = "generic", *, source: Any = None, **rules: Any) -> Replayed:
    files, _ = files_of(folder, rules.pop("pattern", "*"))
    usual = {"layout": Layout.AUTO, "max_bytes": 10_000, "dry_run": False, "move_done": False}
    given = ReplayRules(**{**usual, **rules})
    with Progress(folder.parent, "pbx", folder) as progress:
        run = FolderReplay(folder, intake_of(door, source or source_of(spoken)), progress, given)
        for file in files:
            run.file(file, lambda _: None)
    return run.replayed


def counts(done: Replayed) -> tuple[int, int, int, int]:
    return done.files, done.before, done.records.understood, done.records.quarantined


def test_files_are_stored_in_the_order_of_their_names(folder: Path):
    for number in (3, 1, 2):
        (folder / f"{number}.json").write_bytes(event(number))
    door = Door()
    assert counts(replayed(folder, door)) == (3, 0, 3, 0)
    assert door.report_ids == ["1", "2", "3"]


def test_a_second_run_does_nothing_and_a_changed_file_is_read_again_without_a_second_call(folder: Path):
    (folder / "1.json").write_bytes(event(1))
    door = Door()
    replayed(folder, door)
    assert counts(replayed(folder, door)) == (0, 1, 0, 0)
    (folder / "1.json").write_bytes(event(1) + b" ")
    (folder / "log.jsonl").write_bytes(event(2) + b"\n")
    assert counts(replayed(folder, door)) == (2, 0, 2, 0)
    (folder / "log.jsonl").write_bytes(event(2) + b"\n" + event(3) + b"\n")
    replayed(folder, door)
    assert sorted(door.report_ids) == ["1", "1", "2", "3"]


def test_a_record_with_the_same_bytes_is_one_call_also_where_its_progress_is_forgotten(folder: Path):
    (folder / "1.json").write_bytes(event(1))
    door = Door()
    replayed(folder, door)
    for state in (folder.parent / "replay").iterdir():
        state.unlink()
    assert counts(replayed(folder, door)) == (1, 0, 1, 0)
    assert door.report_ids == ["1"]


def test_a_run_that_was_cut_off_goes_on_where_it_ended(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(replays, "BATCH_RECORDS", 2)
    (folder / "a.jsonl").write_bytes(b"".join(event(number) + b"\n" for number in range(1, 6)))
    door = Door()
    take, taken = door.take, []

    def once(*args: Any) -> None:
        if taken:
            raise StoreUnavailable("away")
        taken.append(args)
        take(*args)

    door.take = once  # type: ignore[method-assign]
    with pytest.raises(StoreUnavailable):
        replayed(folder, door)
    door.take = take  # type: ignore[method-assign]
    assert counts(replayed(folder, door)) == (1, 0, 3, 0)
    assert door.report_ids == ["1", "2", "3", "4", "5"]


def test_a_dry_run_stores_nothing_and_remembers_nothing(folder: Path):
    (folder / "1.json").write_bytes(event(1))
    (folder / "2.json").write_bytes(b"what")
    door = Door()
    assert counts(replayed(folder, door, dry_run=True, move_done=True)) == (2, 0, 1, 1)
    assert (door.stored, door.held) == ([], [])
    assert counts(replayed(folder, door)) == (2, 0, 1, 1)


def test_what_is_not_understood_goes_to_quarantine_once(folder: Path):
    (folder / "1.json").write_bytes(b"what")
    door = Door()
    replayed(folder, door)
    assert counts(replayed(folder, door)) == (0, 1, 0, 0)
    assert [body for body, _ in door.held] == [b"what"]


def test_stored_files_are_moved_and_keep_apart_those_of_one_name(folder: Path):
    for _ in range(2):
        (folder / "1.json").write_bytes(event(1))
        assert replayed(folder, Door(), move_done=True).moved == 1
    assert sorted(each.name for each in (folder / "done").iterdir()) == ["1.json", "1.json.2"]
    assert [each.name for each in folder.iterdir()] == ["done"]


def test_a_file_whose_move_failed_is_moved_by_the_next_run(folder: Path):
    (folder / "1.json").write_bytes(event(1))
    door = Door()
    replayed(folder, door)
    done = replayed(folder, door, move_done=True)
    assert (counts(done), done.moved) == ((0, 1, 0, 0), 1)


def test_a_file_that_grew_while_it_was_read_is_not_moved_and_the_next_run_has_the_rest(folder: Path):
    file = folder / "log.jsonl"
    file.write_bytes(event(1) + b"\n")

    class Growing(Door):
        def take(self, *given: Any) -> None:
            super().take(*given)
            if self.calls == 1:
                file.write_bytes(event(1) + b"\n" + event(2) + b"\n")

    door = Growing()
    done = replayed(folder, door, move_done=True)
    assert (done.moved, [name for name, _ in done.left], file.exists()) == (0, ["log.jsonl"], True)
    assert replayed(folder, door, move_done=True).moved == 1
    assert door.report_ids == ["1", "2"]


def test_a_name_that_is_no_utf_8_holds_up_nothing(folder: Path):
    (folder / os.fsdecode(b"a\xff.json")).write_bytes(event(1))
    (folder / os.fsdecode(b"b\xff.json")).write_bytes(b"x" * 20_000)
    (folder / "c.json").write_bytes(event(2))
    door = Door()
    done = replayed(folder, door)
    assert (door.report_ids, [name for name, _ in done.left]) == (["1", "2"], ["b\\xff.json"])
    assert counts(replayed(folder, door)) == (0, 2, 0, 0)


def test_only_names_that_fit_are_read_and_none_with_a_dot_in_front(folder: Path):
    for name in ("a.json", ".b.json", "c.txt"):
        (folder / name).write_bytes(event(1))
    assert [each.name for each in files_of(folder, "*.json")[0]] == ["a.json"]


def test_links_pipes_and_folders_are_passed_over(folder: Path, tmp_path: Path):
    outside = tmp_path / "outside.json"
    outside.write_bytes(event(1))
    (folder / "link.json").symlink_to(outside)
    os.mkfifo(folder / "pipe.json")
    (folder / "inner").mkdir()
    (folder / "real.json").write_bytes(event(2))
    files, others = files_of(folder, "*")
    assert ([each.name for each in files], others) == (["real.json"], 2)


@pytest.mark.parametrize("make", ["symlink", "fifo"])
def test_a_file_that_was_exchanged_meanwhile_is_not_followed_and_not_waited_for(
    folder: Path, tmp_path: Path, make: str
):
    (folder / "a.json").write_bytes(event(1))
    ((file,), _) = files_of(folder, "*")
    (folder / "a.json").unlink()
    if make == "fifo":
        os.mkfifo(folder / "a.json")
    else:
        (tmp_path / "secret").write_bytes(event(9))
        (folder / "a.json").symlink_to(tmp_path / "secret")
    with pytest.raises((OSError, NotAFile)):
        opened(folder, file)


def test_a_file_that_is_too_large_for_a_record_is_left_with_the_reason(folder: Path):
    (folder / "1.json").write_bytes(event(1) + b" " * 100)
    door = Door()
    done = replayed(folder, door, max_bytes=100)
    assert (done.left, door.stored, door.held) == (
        [("1.json", "it is one record of more than 100 bytes (ONHOOK_MAX_BODY_BYTES)")], [], []
    )  # fmt: skip
    assert replayed(folder, door).files == 1


def test_a_file_that_was_read_in_the_wrong_layout_is_read_again_in_the_right_one(folder: Path):
    (folder / "calls.txt").write_bytes(event(1) + b"\n" + event(2) + b"\n")
    door = Door()
    assert counts(replayed(folder, door, layout=Layout.WHOLE)) == (1, 0, 0, 1)
    assert counts(replayed(folder, door, layout=Layout.LINES)) == (1, 0, 2, 0)
    assert counts(replayed(folder, door, layout=Layout.LINES)) == (0, 1, 0, 0)
    assert door.report_ids == ["1", "2"]


def test_two_runs_at_once_are_refused(folder: Path, tmp_path: Path):
    with Progress(tmp_path, "pbx", folder), pytest.raises(AlreadyRunning, match="Another process is handing in"):
        Progress(tmp_path, "pbx", folder)


def test_a_line_of_progress_that_was_cut_short_costs_nothing(folder: Path, tmp_path: Path):
    file = Found("a", 3, 4)
    with Progress(tmp_path, "pbx", folder) as progress:
        progress.note(file, Layout.LINES, 7, is_whole=True)
        path = progress.path
    with path.open("ab") as end:
        end.write(b'["a",3,')
    with Progress(tmp_path, "pbx", folder) as progress:
        assert progress.done(file, Layout.LINES) == (7, True)
        assert progress.done(Found("a", 3, 5), Layout.LINES) == (0, False)
        progress.note(Found("b", 1, 1), Layout.WHOLE, 1, is_whole=True)
    with Progress(tmp_path, "pbx", folder) as progress:
        assert progress.done(Found("b", 1, 1), Layout.WHOLE) == (1, True)


CDR = "2026-11-20 10:00:00,+14155550100,1700000000.1,1700000000.1,ANSWERED\r\n"
NAMES = "start,src,uniqueid,linkedid,disposition\r\n"


@pytest.mark.parametrize(
    ("text", "config"),
    [(NAMES + CDR, {}), (CDR, {"columns": ["start", "src", "uniqueid", "linkedid", "disposition"]})],
)
def test_rows_of_cdrs_are_records_by_their_header_or_the_sources_columns(folder: Path, text: str, config: dict):
    (folder / "Master.csv").write_text(text)
    door = Door()
    assert counts(replayed(folder, door, source=source_of("asterisk", **config))) == (1, 0, 1, 0)
    assert [each.type for each in door.stored] == ["call.finished"]


def test_lines_of_smdr_are_records_whatever_the_file_is_called(folder: Path):
    (folder / "smdr.csv").write_bytes(avaya(1) + b"\r\n\r\n" + avaya(2))
    door = Door()
    assert counts(replayed(folder, door, "smdr_avaya")) == (1, 0, 2, 0)
    assert door.report_ids == ["1", "2"]


def bodies(content: bytes, layout: Layout, columns: list[str] | None = None, most: int = 100) -> Iterator[bytes]:
    return records_of(BytesIO(content), layout, columns, most)


def test_a_row_becomes_an_object_and_a_row_without_names_a_line():
    assert [*bodies(b'a,b\n1,"x,\ny"\n,\n2\n', Layout.CSV)] == [b'{"a":"1","b":"x,\\ny"}', b'{"a":"2"}']
    assert [*bodies(b'1,"x,y"\n', Layout.CSV)] == [b'"1","x,y"']
    assert [*bodies(b"1,2\n", Layout.CSV, ["a", "b"])] == [b'{"a":"1","b":"2"}']
    assert [*bodies(b"a,b\n1,2\n", Layout.CSV, ["x", "y"])] == [b'{"x":"1","y":"2"}']


def test_bytes_that_are_no_utf_8_and_a_mark_of_byte_order_harm_no_csv():
    assert [*bodies(b"\xef\xbb\xbfa,b\n\xff,2\n", Layout.CSV)] == ['{"a":"\ufffd","b":"2"}'.encode()]


def test_a_line_that_is_longer_than_any_record_is_given_once():
    long = b"x" * (MAX_LINE_BYTES + 10)
    assert [len(each) for each in bodies(long + b"\nnext\n", Layout.LINES)] == [MAX_LINE_BYTES, 4]


def test_an_empty_file_holds_nothing_and_a_large_one_is_refused():
    assert [*bodies(b" \n", Layout.WHOLE)] == []
    assert [*bodies(b"", Layout.CSV)] == []
    with pytest.raises(TooLarge):
        next(bodies(b"x" * 101, Layout.WHOLE))


@pytest.mark.parametrize(
    ("name", "spoken", "expected"),
    [
        ("a.cdr.json", "freeswitch", Layout.WHOLE), ("a.cdr.xml", "freeswitch", Layout.WHOLE),
        ("a.jsonl", "generic", Layout.LINES), ("A.CSV", "asterisk", Layout.CSV),
        ("a.csv", "smdr_mitel", Layout.LINES), ("a.log", "threecx", Layout.LINES), ("a", "generic", Layout.WHOLE),
    ],
)  # fmt: skip
def test_a_files_name_and_its_sources_format_say_how_records_lie_in_it(name: str, spoken: str, expected: Layout):
    assert layout_of(name, spoken) is expected
