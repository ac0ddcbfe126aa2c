"""A supervisor: starts child processes, starts again the one that dies, and never leaves one behind.

It works in the main thread with signals, a pipe and `poll`: no event loop, so that nothing of the product's can hold it
up. Children stay in its process group and session. Should the supervisor itself be killed, Linux tells each child
(PR_SET_PDEATHSIG), and our own Python children also notice by a pipe that closes (`watch_parent`), on every platform.
"""

import ctypes
import os
import select
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

PARENT_PIPE = "ONHOOK_PARENT_PIPE"
"""The variable by which a child learns the descriptor of the pipe to watch."""

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0
# A child that lived this long had started well: its next death begins with the shortest pause again.
SOUND_LIFE_SECONDS = 60.0
READY_SECONDS = 15.0
POLL_SECONDS = 0.05
# Together at most 14 s, one less than what a person or a platform usually grants before it kills.
STOP_SECONDS_AT_MOST = 10.0
STOP_LAST_SECONDS_AT_MOST = 3.0
KILL_SECONDS = 1.0
WATCHED_EXIT_SECONDS = 10.0

_PR_SET_PDEATHSIG = 1  # from linux/prctl.h
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


@dataclass(frozen=True)
class Child:
    """A process to keep alive. `env` is its whole environment; `last` ones are stopped after all others."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str]
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 8.0
    last: bool = False
    ready: Callable[[], bool] | None = None
    """Where given, the children after this one are started when it says True, or after 15 s at the latest."""


class _Running:
    """One child and its present process."""

    def __init__(self, child: Child) -> None:
        self.child = child
        self.process: subprocess.Popen[bytes] | None = None
        self.started_at = 0.0
        self.due_at = 0.0
        self.pause_seconds = FIRST_PAUSE_SECONDS

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def signal(self, number: signal.Signals) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)

    def next_pause(self, now: float) -> float:
        if now - self.started_at >= SOUND_LIFE_SECONDS:
            self.pause_seconds = FIRST_PAUSE_SECONDS
        pause = self.pause_seconds
        self.pause_seconds = min(2 * pause, LONGEST_PAUSE_SECONDS)
        return pause


class Supervisor:
    """Keeps `children` alive, in their order. `say` gets a line for each thing that an operator should know."""

    def __init__(self, children: Sequence[Child], say: Callable[[str], None]) -> None:
        self._running = [_Running(child) for child in children]
        self._say = say
        # Plain values, since signal handlers set them: a lock could already be held by what they interrupt.
        self._stopping = False
        self._interrupts = 0
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)
        os.set_blocking(self._wake_write, False)
        # The write end is held by nobody else and closes with us, however we end: what `watch_parent` sees.
        self._life_read, self._life_write = os.pipe()

    def run(self) -> int:
        """Start everything, keep it alive until SIGTERM, SIGINT or `stop`, end it, and return the exit code.

        0 is an orderly end; 1 means that a child had to be killed. To be called once, from the main thread.
        """
        with self._signals():
            try:
                self._start_all()
                while not self._stopping:
                    self._revive()
                    self._sleep(self._seconds_to_next_start())
            finally:
                clean = self._stop_all()
        for descriptor in (self._wake_read, self._wake_write, self._life_read, self._life_write):
            os.close(descriptor)
        return 0 if clean else 1

    def stop(self) -> None:
        """Ask `run` to end; from any thread, at once, any number of times."""
        self._stopping = True
        self._wake()

    def _start_all(self) -> None:
        for running in self._running:
            if self._stopping:
                return
            self._start(running)
            if running.child.ready is not None:
                self._await_ready(running, running.child.ready)

    def _start(self, running: _Running) -> None:
        """Start a child, or plan the next try where the system refuses (no memory, no such file)."""
        child, supervisor = running.child, os.getpid()
        running.started_at = time.monotonic()
        try:
            running.process = subprocess.Popen(
                list(child.argv),
                env={**child.env, PARENT_PIPE: str(self._life_read)},
                stdin=subprocess.DEVNULL,
                pass_fds=[self._life_read],
                preexec_fn=lambda: die_with(supervisor, child.stop_signal),
            )
        except (OSError, subprocess.SubprocessError) as error:
            running.process = None
            self._plan(running, f"{child.name} cannot be started ({type(error).__name__})")

    def _await_ready(self, running: _Running, ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while running.alive and not self._stopping and not ready():
            if time.monotonic() > deadline:
                self._say(f"{running.child.name} is not ready after {READY_SECONDS:.0f} s; going on without it")
                return
            self._sleep(POLL_SECONDS)

    def _revive(self) -> None:
        """Take note of every child that has ended, and start those whose pause is over."""
        for running in self._running:
            if running.process is not None and running.process.poll() is not None:
                ended, running.process = running.process.returncode, None
                self._plan(running, f"{running.child.name} {_how_it_ended(ended)}")
            if running.process is None and time.monotonic() >= running.due_at and not self._stopping:
                self._start(running)

    def _plan(self, running: _Running, what: str) -> None:
        now = time.monotonic()
        pause = running.next_pause(now)
        running.due_at = now + pause
        if not self._stopping:
            self._say(f"{what}; starting it again in {pause:g} s")

    def _seconds_to_next_start(self) -> float | None:
        due = [running.due_at for running in self._running if running.process is None]
        return max(min(due) - time.monotonic(), 0.0) if due else None

    def _stop_all(self) -> bool:
        """End every child, `last` ones after the others; True where none had to be killed."""
        first = [running for running in self._running if not running.child.last]
        last = [running for running in self._running if running.child.last]
        clean = self._stop_some(first, STOP_SECONDS_AT_MOST)
        return self._stop_some(last, STOP_LAST_SECONDS_AT_MOST) and clean

    def _stop_some(self, group: Sequence[_Running], seconds_at_most: float) -> bool:
        """Signal a group and wait; kill each that overruns its time, and all when a person interrupts twice."""
        began = time.monotonic()
        killed: list[str] = []
        for running in group:
            running.signal(running.child.stop_signal)
        while alive := [running for running in group if running.alive]:
            elapsed = time.monotonic() - began
            if elapsed > seconds_at_most + KILL_SECONDS:
                break  # not even SIGKILL ended it: it hangs in the kernel, and waiting longer helps nobody
            for running in alive:
                late = elapsed > min(running.child.stop_seconds, seconds_at_most) or self._interrupts > 1
                if late and running.child.name not in killed:
                    self._say(f"{running.child.name} did not stop in time and was killed")
                    running.signal(signal.SIGKILL)
                    killed.append(running.child.name)
            self._sleep(POLL_SECONDS)
        return not killed

    def _sleep(self, seconds: float | None) -> None:
        """Until a signal comes, a child ends, `stop` is called, or the time is over (None: as long as it takes)."""
        ready, _, _ = select.select([self._wake_read], [], [], seconds)
        if ready:
            os.read(self._wake_read, 4096)

    def _wake(self) -> None:
        try:
            os.write(self._wake_write, b"\0")
        except BlockingIOError:
            return  # the pipe is full of wake-ups already: one of them will do

    @contextmanager
    def _signals(self) -> Iterator[None]:
        before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)}
        for number in before:
            signal.signal(number, self._on_signal)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        if number != signal.SIGCHLD:
            self._stopping = True
            self._interrupts += number == signal.SIGINT
        self._wake()


def watch_parent(pipe: int | None) -> None:
    """End this process when its supervisor is gone: SIGTERM to itself, and after 10 s without more ado.

    `pipe` is the descriptor that the supervisor handed down (`settings.parent_pipe()`), None where there is none.
    """
    if pipe is None or not _is_pipe(pipe):
        return
    os.set_inheritable(pipe, False)
    threading.Thread(target=_end_with, args=(pipe,), name="watch-parent", daemon=True).start()


def _is_pipe(descriptor: int) -> bool:
    """False for a number that was inherited in the environment, but not as a descriptor (a grandchild's case)."""
    try:
        return stat.S_ISFIFO(os.fstat(descriptor).st_mode)
    except OSError:
        return False


def _end_with(pipe: int) -> None:
    os.read(pipe, 1)  # nobody ever writes: this returns when the last holder of the other end has died
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(WATCHED_EXIT_SECONDS)
    os._exit(1)


def die_with(supervisor: int, number: signal.Signals) -> None:
    """In the child, before it becomes another program: have the kernel signal it when the supervisor dies."""
    if _libc is None:
        return
    _libc.prctl(_PR_SET_PDEATHSIG, int(number))
    if os.getppid() != supervisor:
        os._exit(1)  # the supervisor died before the call above: no signal will ever come


def _how_it_ended(return_code: int) -> str:
    if return_code >= 0:
        return f"ended with exit code {return_code}"
    return f"was ended by {signal.Signals(-return_code).name}"
