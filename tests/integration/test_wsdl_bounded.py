"""WSDLs are read in a process of its own: what it may use, what it sees, and what becomes of it."""

import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dispatcher.adapters.soap import bounded, child
from dispatcher.adapters.soap.bounded import (
    LIMITS,
    START,
    BoundedReader,
    Limits,
    ProcessWsdlEngine,
    ReaderFailed,
    describe_bounded,
)
from dispatcher.adapters.soap.collect import MIB
from dispatcher.adapters.soap.describe import describe
from dispatcher.adapters.soap.frames import frame_of, read_bundle, write_bundle
from dispatcher.adapters.soap.zeep_document import parse_bundle
from dispatcher.domain.soap.bundle import UPLOAD_BASE, Bundle, WsdlRefused
from tests.wsdls.written import service

ROOT = UPLOAD_BASE + "a.wsdl"
INSTEAD = "import sys; sys.path[:] = sys.argv[3:]; from dispatcher.adapters.soap import child; "
"""Before a `start` that puts something else in place of the reading; `child.main(sys.argv[1:3])` is to follow."""


def bundle(operations: int = 1) -> Bundle:
    return Bundle(ROOT, {ROOT: service(operations)})


def instead_of_parsing(body: str) -> str:
    """A child that does this for every bundle, which is `b`."""
    function = f"def parse(b):\n {body}\n"
    return f"{INSTEAD}exec({function!r}); child.parse_bundle = parse; child.main(sys.argv[1:3])"


def refusal(start: str, limits: Limits = LIMITS) -> WsdlRefused:
    with BoundedReader(limits, start) as reader, pytest.raises(WsdlRefused) as refused:
        reader.describe(bundle())
    return refused.value


def children() -> set[int]:
    """Every child of this process, a dead one that nobody waited for included."""
    found = set()
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                stat = (folder / "stat").read_text()
            except OSError:
                continue
            if int(stat.rpartition(")")[2].split()[1]) == os.getpid():
                found.add(int(folder.name))
    return found


@pytest.fixture(autouse=True)
def _no_child_is_left() -> Any:
    before = children()
    yield
    assert children() <= before


class TestWhatItSays:
    def test_a_wsdl_is_described_as_it_would_be_in_this_process(self) -> None:
        asked = bundle(3)
        assert describe_bounded(asked) == describe(parse_bundle(asked))

    def test_a_refusal_comes_back_in_its_own_words(self) -> None:
        refused = refusal(instead_of_parsing("raise child.WsdlRefused('x is no WSDL: \\u00e4.')"))
        assert (type(refused), str(refused)) == (WsdlRefused, "x is no WSDL: ä.")

    def test_a_fault_of_ours_is_told_by_its_kind_alone(self) -> None:
        refused = refusal(instead_of_parsing("{}['secret']"))
        assert (type(refused), str(refused)) == (
            ReaderFailed,
            "Reading it failed with KeyError, which is a fault of Onhook's.",
        )

    def test_endless_recursion_is_a_refusal(self) -> None:
        refused = refusal(instead_of_parsing("return parse(b)"))
        assert (type(refused), str(refused)) == (WsdlRefused, "Its types are nested too deeply to be read.")

    def test_what_a_library_prints_is_no_answer(self) -> None:
        start = instead_of_parsing("print('x' * 100_000, flush=True); return real(b)")
        start = start.replace("exec(", "real = child.parse_bundle; exec(")
        with BoundedReader(start=start) as reader:
            assert len(reader.describe(bundle()).services) == 1

    def test_a_bundle_comes_through_the_pipe_whole(self) -> None:
        documents = {ROOT: service(), "http://h/ä?b": b"\0\xff" * 500_000, "http://h/": b""}
        asked = Bundle(ROOT, documents)
        content = write_bundle(asked)
        assert read_bundle(content) == asked
        assert len(content) < asked.size_bytes + 300


class TestWhatItMayUse:
    def test_cpu(self) -> None:
        start = instead_of_parsing("while True: pass")
        refused = refusal(start, Limits(cpu_seconds=1, seconds=60))
        assert (type(refused), str(refused)) == (WsdlRefused, "It takes more than 1 s of CPU to read.")

    def test_time_by_the_clock(self) -> None:
        start = instead_of_parsing("import time; time.sleep(600)")
        refused = refusal(start, Limits(seconds=0.8))
        assert (type(refused), str(refused)) == (WsdlRefused, "It takes more than 0.8 s to read.")

    @pytest.mark.skipif(sys.platform != "linux", reason="macOS has no limit of address space")
    @pytest.mark.parametrize("body", ["x = bytearray(600 << 20)", "x = []\n while True: x.append([None] * 10_000)"])
    def test_memory(self, body: str) -> None:
        refused = refusal(instead_of_parsing(body), Limits(memory_bytes=512 * MIB))
        assert (type(refused), str(refused)) == (WsdlRefused, "It takes more than 512 MiB of memory to read.")

    @pytest.mark.skipif(sys.platform != "linux", reason="macOS has no limit of address space")
    @pytest.mark.parametrize("mib", [110, 125, 140])
    def test_memory_for_a_real_wsdl_is_no_crash_wherever_it_ends(self, mib: int) -> None:
        with pytest.raises(WsdlRefused) as refused:
            describe_bounded(bundle(2_500), Limits(memory_bytes=mib * MIB))
        assert not isinstance(refused.value, ReaderFailed)

    def test_a_description_without_end(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(bounded, "MAX_DESCRIPTION_BYTES", MIB)
        start = instead_of_parsing("raise child.WsdlRefused('x' * (1 << 20))")
        assert str(refusal(start)) == "What it offers takes more than 1 MiB to describe."

    def test_every_limit_is_set_before_anything_is_read(self) -> None:
        said = "raise child.WsdlRefused(repr([child.resource.getrlimit(each) for each in (4, 7, 1, 9)]))"
        if sys.platform == "linux":
            assert str(refusal(instead_of_parsing(said), replace(LIMITS, memory_bytes=512 * MIB))) == repr(
                [(0, 0), (child.MAX_OPEN_FILES,) * 2, (0, 0), (512 * MIB,) * 2]
            )


class TestWhatItSees:
    def test_no_environment_no_folder_and_no_file_of_ours(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("ONHOOK_MASTER_KEY", "a secret")
        monkeypatch.setenv("PYTHONSTARTUP", "/nowhere")
        with Path(__file__).open() as ours:
            os.set_inheritable(ours.fileno(), True)
            seen = "dict(os.environ), os.getcwd(), os.listdir('/dev/fd'), sys.flags.isolated"
            said = str(refusal(instead_of_parsing(f"import os, sys; raise child.WsdlRefused(repr(({seen})))")))
        assert "secret" not in said
        environment, folder, descriptors, isolated = eval(said)
        assert isolated == 1
        assert set(environment) <= {"LC_ALL", "PATH"}
        assert folder == "/"
        assert len(descriptors) <= 5  # the standard three, the answers, and the listing's own

    def test_it_is_less_urgent_than_deliveries(self) -> None:
        said = str(refusal(instead_of_parsing("import os; raise child.WsdlRefused(str(os.nice(0)))")))
        assert int(said) >= min(os.nice(0) + 5, 19)


class TestWhenItFails:
    @pytest.mark.parametrize(
        ("body", "sentence"),
        [
            ("import os; os.kill(os.getpid(), 11)", "The process that read it was ended by SIGSEGV."),
            ("import os; os.abort()", "The process that read it was ended by SIGABRT."),
            ("import os; os._exit(3)", "The process that read it ended with exit code 3."),
            ("import os; os._exit(0)", "The process that read it ended with exit code 0."),
            (
                "import os; os.kill(os.getpid(), 9)",
                "The process that read it was killed, perhaps because the machine is short of memory.",
            ),
        ],
    )
    def test_it_is_said_how_it_ended(self, body: str, sentence: str) -> None:
        refused = refusal(instead_of_parsing(body))
        assert (type(refused), str(refused)) == (ReaderFailed, sentence)

    @pytest.mark.parametrize("said", [frame_of(b"no JSON"), frame_of(b"[]"), frame_of(b"{}"), frame_of(b"")])
    def test_an_answer_that_is_none(self, said: bytes) -> None:
        refused = refusal(f"import os, time; os.write(1, {said!r}); time.sleep(600)")
        assert (type(refused), str(refused)) == (
            ReaderFailed,
            "The process that read it answered something that is not understood.",
        )

    def test_one_that_says_no_more_but_lives(self) -> None:
        bounded_seconds = bounded._LAST_SECONDS
        assert bounded_seconds < 5
        refused = refusal("import os, time; os.close(1); os.close(0); time.sleep(600)")
        assert type(refused) is ReaderFailed

    def test_one_that_cannot_be_started(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "executable", "/nowhere/python")
        refused = refusal(START)
        assert (type(refused), str(refused)) == (
            ReaderFailed,
            "The process that reads WSDLs cannot be started (No such file or directory).",
        )

    def test_a_large_bundle_for_one_that_takes_nothing(self) -> None:
        large = Bundle(ROOT, {ROOT: b" " * 8 * MIB})
        reader = BoundedReader(replace(LIMITS, seconds=1), "import time; time.sleep(600)")
        with reader, pytest.raises(WsdlRefused, match="more than 1 s"):
            reader.describe(large)


class TestOneAfterAnother:
    PID = "import os; raise child.WsdlRefused(str(os.getpid()))"

    def pid(self, reader: BoundedReader) -> int:
        with pytest.raises(WsdlRefused) as refused:
            reader.describe(bundle())
        return int(str(refused.value))

    def test_the_process_is_kept(self) -> None:
        with BoundedReader(start=instead_of_parsing(self.PID)) as reader:
            assert self.pid(reader) == self.pid(reader)

    def test_it_is_replaced_after_it_ended(self) -> None:
        start = instead_of_parsing("import os\n if len(b.documents) > 1: os.abort()\n " + self.PID)
        with BoundedReader(start=start) as reader:
            first = self.pid(reader)
            with pytest.raises(ReaderFailed):
                reader.describe(Bundle(ROOT, {ROOT: service(), ROOT + "2": b""}))
            assert self.pid(reader) != first

    def test_it_is_replaced_when_it_is_worn_or_has_grown(self) -> None:
        grows = "peaks = iter([400 << 20, 400 << 20, 401 << 20]); child._peak_bytes = lambda: next(peaks)"
        for setting in ("child.MAX_BUNDLES = 2", grows):
            start = instead_of_parsing(self.PID).replace("exec(", f"{setting}; exec(")
            with BoundedReader(start=start) as reader:
                first, second, third, fourth = (self.pid(reader) for _ in range(4))
            assert first == second != third == fourth

    def test_it_is_kept_though_the_process_that_started_it_is_large(self) -> None:
        with BoundedReader(start=instead_of_parsing(self.PID)) as reader:
            large = bytearray(b"x") * (child.MAX_RESIDENT_BYTES + 100 * MIB)
            pids = {self.pid(reader) for _ in range(2)}
            del large
        assert len(pids) == 1

    def test_each_has_the_cpu_of_its_own(self) -> None:
        body = "import time; ends = time.process_time() + 0.7\n while time.process_time() < ends: pass\n " + self.PID
        with BoundedReader(Limits(cpu_seconds=1), instead_of_parsing(body)) as reader:
            assert len({self.pid(reader) for _ in range(4)}) == 1

    def test_an_interruption_leaves_no_process(self, monkeypatch: pytest.MonkeyPatch) -> None:
        reader = BoundedReader(start=instead_of_parsing("import time; time.sleep(600)"))

        def interrupted(*_: object) -> bytes:
            raise KeyboardInterrupt

        monkeypatch.setattr(bounded._Child, "_send", interrupted)
        with pytest.raises(KeyboardInterrupt):
            reader.describe(bundle())
        # What is left is seen by the fixture: the reader is not closed here.

    def test_it_ends_with_the_process_that_started_it(self) -> None:
        arguments = [str(LIMITS.cpu_seconds), str(LIMITS.memory_bytes), *sys.path]
        orphan = subprocess.Popen([sys.executable, "-I", "-c", START, *arguments], stdin=subprocess.PIPE, stdout=-1)
        assert orphan.stdin is not None
        orphan.stdin.write(frame_of(write_bundle(bundle()))[:-10])
        orphan.communicate(timeout=20)
        assert orphan.returncode == 0


def test_the_engine_collects_and_describes() -> None:
    engine = ProcessWsdlEngine()
    given: Mapping[str, bytes] = {ROOT: service(2)}

    def fetch(url: str) -> bytes:
        raise AssertionError(url)

    collected = engine.collect(ROOT, given, fetch)
    assert collected == bundle(2)
    assert [len(each.operations) for each in engine.describe(collected).bindings] == [2]


def test_the_engine_reads_no_more_than_two_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    entered, release = threading.Semaphore(0), threading.Event()

    def waits(*_: object) -> None:
        entered.release()
        release.wait(20)

    monkeypatch.setattr(bounded, "describe_bounded", waits)
    engine = ProcessWsdlEngine()
    threads = [threading.Thread(target=engine.describe, args=[bundle()]) for _ in range(3)]
    for thread in threads:
        thread.start()
    assert [entered.acquire(timeout=20) for _ in range(2)] == [True, True]
    assert not engine._room.acquire(blocking=False)
    release.set()
    for thread in threads:
        thread.join(20)
    assert entered.acquire(timeout=20)
