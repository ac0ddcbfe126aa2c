"""The supervisor: what it starts stays alive, what dies is started again, and nothing is ever left behind."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from dispatcher.adapters import supervisor as supervisor_module
from dispatcher.adapters.supervisor import Child, Supervisor

ROOT = Path(__file__).resolve().parents[2]
ENV = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}

SLEEPER = "import time\ntime.sleep(60)"
DEAF = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
# A Python child that ignores what the kernel sends, so that only the pipe can tell it.
WATCHER = """
import os, signal, sys, time
from dispatcher.adapters import supervisor
signal.signal(signal.SIGTERM, lambda *_: (open(sys.argv[1], "a").write("told "), os._exit(0)))
supervisor.watch_parent(int(os.environ["ONHOOK_PARENT_PIPE"]))
open(sys.argv[1], "a").write("ready ")
time.sleep(60)
"""


def python(name: str, code: str, *arguments: str, **options: object) -> Child:
    return Child(name, (sys.executable, "-c", code, *arguments), ENV, **options)


def until(condition: Callable[[], bool], seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.01)


def alive(pid: int) -> bool:
    """True for a process that runs; a zombie, which waits for its parent alone, has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def run_while(children: Sequence[Child], act: Callable[[Supervisor, list[str]], None]) -> tuple[int, list[str]]:
    """Run a supervisor in this thread while `act` plays its part in another, which then stops it."""
    said: list[str] = []
    supervisor = Supervisor(children, said.append)
    failures: list[BaseException] = []

    def play() -> None:
        try:
            act(supervisor, said)
        except BaseException as error:  # noqa: BLE001 - handed to the test's own thread below
            failures.append(error)
        finally:
            supervisor.stop()

    player = threading.Thread(target=play)
    player.start()
    code = supervisor.run()
    player.join()
    if failures:
        raise failures[0]
    return code, said


def writes_pid(file: Path) -> str:
    return f"import os\nopen({str(file)!r}, 'a').write(f'{{os.getpid()}} ')\n"


def pids(file: Path) -> list[int]:
    return [int(word) for word in file.read_text().split()] if file.exists() else []


def test_a_child_that_dies_is_started_again_with_a_line_that_says_so(tmp_path):
    file = tmp_path / "pids"

    def act(_supervisor, _said):
        until(lambda: len(pids(file)) == 1)
        os.kill(pids(file)[0], signal.SIGKILL)
        until(lambda: len(pids(file)) == 2)

    code, said = run_while([python("worker-1", writes_pid(file) + SLEEPER)], act)
    assert code == 0
    assert said == ["worker-1 was ended by SIGKILL; starting it again in 0.5 s"]
    assert not any(alive(pid) for pid in pids(file))


def test_the_pause_before_a_restart_doubles_up_to_a_bound(monkeypatch):
    monkeypatch.setattr(supervisor_module, "FIRST_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(supervisor_module, "LONGEST_PAUSE_SECONDS", 0.04)

    def act(_supervisor, said):
        until(lambda: len(said) >= 5)

    _, said = run_while([Child("api", ("/bin/sh", "-c", "exit 3"), ENV)], act)
    assert said[:5] == [
        f"api ended with exit code 3; starting it again in {pause} s" for pause in (0.01, 0.02, 0.04, 0.04, 0.04)
    ]


def test_a_child_that_lived_well_begins_with_the_shortest_pause_again(monkeypatch):
    monkeypatch.setattr(supervisor_module, "FIRST_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(supervisor_module, "SOUND_LIFE_SECONDS", 0.0)

    def act(_supervisor, said):
        until(lambda: len(said) >= 3)

    _, said = run_while([Child("api", ("/bin/sh", "-c", "exit 3"), ENV)], act)
    assert said[:3] == ["api ended with exit code 3; starting it again in 0.01 s"] * 3


def test_a_program_that_does_not_exist_is_said_and_tried_again():
    def act(_supervisor, said):
        until(lambda: len(said) >= 2)

    code, said = run_while([Child("broker", ("/nowhere/valkey-server",), ENV)], act)
    assert code == 0
    assert said[:2] == [
        "broker cannot be started (FileNotFoundError); starting it again in 0.5 s",
        "broker cannot be started (FileNotFoundError); starting it again in 1 s",
    ]


def test_children_are_started_after_the_one_that_must_be_ready(tmp_path):
    ready, second = tmp_path / "ready", tmp_path / "second"
    first = python("broker", f"import time\ntime.sleep(0.3)\nopen({str(ready)!r}, 'w')\n" + SLEEPER, ready=ready.exists)
    saw = python(
        "worker", f"import os\nopen({str(second)!r}, 'w').write(str(os.path.exists({str(ready)!r})))\n" + SLEEPER
    )

    def act(_supervisor, _said):
        until(lambda: second.exists() and second.read_text() != "")

    run_while([first, saw], act)
    assert second.read_text() == "True"


def test_the_last_child_is_stopped_after_all_others(tmp_path):
    order = tmp_path / "order"
    code = (
        "import signal, sys, time\n"
        f"def end(*_):\n    time.sleep(float(sys.argv[2]))\n    open({str(order)!r}, 'a').write(sys.argv[1])\n"
        "    sys.exit(0)\n"
        f"signal.signal(signal.SIGTERM, end)\nopen({str(order)!r}, 'a').write('.')\ntime.sleep(60)\n"
    )
    children = [
        python("broker", code, "B", "0", last=True),
        python("api", code, "a", "0"),
        python("worker", code, "w", "0.3"),
    ]

    def act(_supervisor, _said):
        until(lambda: order.exists() and order.read_text() == "...")

    assert run_while(children, act) == (0, [])
    assert order.read_text() == "...awB"


def test_a_child_that_ignores_the_stop_is_killed_in_its_time_and_the_exit_code_tells(tmp_path):
    file = tmp_path / "pids"
    stopped_at: list[float] = []

    def act(_supervisor, _said):
        until(lambda: len(pids(file)) == 1)
        stopped_at.append(time.monotonic())

    stubborn = python(
        "worker",
        DEAF + writes_pid(file) + SLEEPER,
        stop_seconds=0.3,
    )
    code, said = run_while([stubborn], act)
    assert (code, said) == (1, ["worker did not stop in time and was killed"])
    assert not alive(pids(file)[0])
    assert 0.3 <= time.monotonic() - stopped_at[0] < 3


def test_nobody_is_given_longer_to_stop_than_fourteen_seconds_in_all():
    assert (
        supervisor_module.STOP_SECONDS_AT_MOST
        + supervisor_module.STOP_LAST_SECONDS_AT_MOST
        + supervisor_module.KILL_SECONDS
        <= 14.0
    )


def supervising(tmp_path: Path, before: str, then: str, count: int = 1) -> tuple[subprocess.Popen[str], Path]:
    """A supervisor in a process of its own, with children that run `before`, write their pid, and run `then`."""
    file = tmp_path / "pids"
    argv = [sys.executable, "-c", before + writes_pid(file) + then, str(tmp_path / "told")]
    script = (
        "import sys\nfrom dispatcher.adapters.supervisor import Child, Supervisor\n"
        f"children = [Child(f'c{{n}}', {argv!r}, {ENV!r}) for n in range({count})]\n"
        "sys.exit(Supervisor(children, lambda line: print(line, flush=True)).run())\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script], env=ENV, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    until(lambda: len(pids(file)) == count)
    return process, file


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_all_children_and_the_exit_code_is_0(tmp_path, number):
    process, file = supervising(tmp_path, "", SLEEPER, count=2)
    process.send_signal(number)
    output, _ = process.communicate(timeout=10)
    assert (process.returncode, output) == (0, "")
    assert not any(alive(pid) for pid in pids(file))


def test_a_second_interrupt_does_not_wait_for_a_child_that_takes_its_time(tmp_path):
    hears = "import signal, sys\nsignal.signal(signal.SIGTERM, lambda *_: open(sys.argv[1], 'w'))\n"
    process, file = supervising(tmp_path, hears, "while True: signal.pause()")
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    until((tmp_path / "told").exists)
    process.send_signal(signal.SIGINT)
    assert process.wait(5) == 1
    assert time.monotonic() - began < 5
    process.communicate()
    assert not any(alive(pid) for pid in pids(file))


def test_children_stay_in_the_supervisors_group_and_session(tmp_path):
    process, file = supervising(tmp_path, "", SLEEPER)
    [pid] = pids(file)
    assert (os.getpgid(pid), os.getsid(pid)) == (process.pid, process.pid)
    process.terminate()
    process.communicate(timeout=10)


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux's")
def test_a_killed_supervisor_leaves_no_child_behind_whatever_program_it_is(tmp_path):
    process, file = supervising(tmp_path, "", SLEEPER, count=2)
    process.kill()
    process.communicate(timeout=5)
    until(lambda: not any(alive(pid) for pid in pids(file)), seconds=3)


def test_a_python_child_notices_by_the_pipe_alone_that_its_supervisor_was_killed(tmp_path, monkeypatch):
    told = tmp_path / "told"
    script = (
        "import sys\nfrom dispatcher.adapters import supervisor\n"
        "supervisor._libc = None\n"  # as on a platform without PR_SET_PDEATHSIG
        f"child = supervisor.Child('worker', (sys.executable, '-c', {WATCHER!r}, {str(told)!r}), {ENV!r})\n"
        "supervisor.Supervisor([child], print).run()\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script], env=ENV, start_new_session=True)
    until(lambda: told.exists() and told.read_text() == "ready ")
    process.kill()
    process.wait(5)
    until(lambda: told.read_text() == "ready told ", seconds=3)


def test_without_a_supervisor_there_is_no_parent_to_watch():
    before = threading.active_count()
    supervisor_module.watch_parent(None)
    supervisor_module.watch_parent(99999)
    assert threading.active_count() == before
