"""Reads WSDLs in a process of its own, with limits of time and memory: that can do no harm and holds nothing up."""

import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any, Self

import orjson

from dispatcher.adapters.soap.collect import MIB, collect
from dispatcher.adapters.soap.frames import LENGTH_BYTES, OUT_OF_MEMORY, frame_of, length_of, write_bundle
from dispatcher.domain.soap.bundle import Bundle, WsdlRefused
from dispatcher.domain.soap.description import Description, read_description
from dispatcher.ports.wsdl import Fetch

MAX_DESCRIPTION_BYTES = 64 * MIB
_LAST_SECONDS = 2.0
"""For a process that has closed its standard output to end."""
MAX_AT_ONCE = 2
"""Children of one process, each with its own memory; who comes later waits."""

# The path is handed down, so that the child imports what this process would, from a wheel as from a checkout. Isolated
# mode (-I) keeps the environment and the working directory out of it.
START = "import sys; sys.path[:] = sys.argv[3:]; from dispatcher.adapters.soap.child import main; main(sys.argv[1:3])"
_ENVIRONMENT = {"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"}
"""The child's whole environment: no secret of ours, and nothing by which a library is led elsewhere."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What reading one WSDL may cost."""

    cpu_seconds: int = 20
    seconds: float = 30.0
    """By the clock, the start of the process included where there is one."""
    memory_bytes: int = 1536 * MIB
    """Of address space; 15 times what the hungriest public WSDL takes. Not held on macOS, which has no such limit."""


LIMITS = Limits()


class ReaderFailed(WsdlRefused):
    """The process that read a WSDL failed, which is a fault of ours though the WSDL brought it about."""


class BoundedReader:
    """Reads one WSDL after another. The process is kept between them, and replaced when it ended or has grown.

    For one thread at a time. A context manager: no process is left when it is closed.
    """

    def __init__(self, limits: Limits = LIMITS, start: str = START) -> None:
        """`start` is the child's first Python statement; its arguments are two limits and the path of modules."""
        self._limits = limits
        self._start = start
        self._child: _Child | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def describe(self, bundle: Bundle) -> Description:
        """What the WSDL offers. Raises `WsdlRefused`, which is `ReaderFailed` where the fault is not the WSDL's."""
        until = time.monotonic() + self._limits.seconds
        if self._child is None:
            self._child = _Child(self._limits, self._start)
        try:
            answer = _read(self._child.ask(frame_of(write_bundle(bundle)), until))
        except BaseException:
            # Whatever it was, an interruption included: the pipe may hold half a message, so the next one starts anew.
            self.close()
            raise
        if answer["last"]:
            self.close()
        return _description(answer)

    def close(self) -> None:
        """Ends the process, if there is one. May be called again, and `describe` after it."""
        child, self._child = self._child, None
        if child is not None:
            child.end()


def describe_bounded(bundle: Bundle, limits: Limits = LIMITS) -> Description:
    """What the WSDL offers, read in a new process. Raises `WsdlRefused`, or `ReaderFailed`, which is one."""
    with BoundedReader(limits) as reader:
        return reader.describe(bundle)


class ProcessWsdlEngine:
    """The port `WsdlEngine`: a new process for each WSDL, so that nobody's leaves anything behind for another's."""

    def __init__(self, limits: Limits = LIMITS) -> None:
        self._limits = limits
        self._room = BoundedSemaphore(MAX_AT_ONCE)

    def collect(self, root: str, given: Mapping[str, bytes], fetch: Fetch) -> Bundle:
        """As the port has it."""
        return collect(root, given, fetch)

    def describe(self, bundle: Bundle) -> Description:
        """As the port has it; no more than `MAX_AT_ONCE` at the same time."""
        with self._room:
            return describe_bounded(bundle, self._limits)


class _Child:
    """The process, and our ends of its pipes."""

    def __init__(self, limits: Limits, start: str) -> None:
        path = [str(Path(each).absolute()) for each in sys.path]
        arguments = [str(limits.cpu_seconds), str(limits.memory_bytes)]
        self._limits = limits
        try:
            self._process = subprocess.Popen(  # noqa: S603 - this interpreter, a statement of ours, two numbers
                [sys.executable, "-I", "-c", start, *arguments, *path],
                bufsize=0,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd="/",
                env=_ENVIRONMENT,
            )
        except OSError as error:
            raise ReaderFailed(f"The process that reads WSDLs cannot be started ({error.strerror}).") from error
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._stdin, self._stdout = self._process.stdin, self._process.stdout
        os.set_blocking(self._stdin.fileno(), False)
        os.set_blocking(self._stdout.fileno(), False)

    def ask(self, frame: bytes, until: float) -> bytes:
        """Sends a frame and gives the content of the one that comes back by then (`time.monotonic`)."""
        unsent, got = memoryview(frame), bytearray()
        with selectors.DefaultSelector() as ready:
            ready.register(self._stdin, selectors.EVENT_WRITE)
            ready.register(self._stdout, selectors.EVENT_READ)
            while not _is_whole(got):
                remaining = until - time.monotonic()
                if remaining <= 0:
                    raise WsdlRefused(f"It takes more than {self._limits.seconds:g} s to read.")
                for key, _ in ready.select(remaining):
                    if key.fileobj is self._stdout:
                        got += self._receive()
                    elif not (unsent := self._send(unsent)):
                        ready.unregister(self._stdin)
        return bytes(got[LENGTH_BYTES:])

    def end(self) -> int:
        """Kills the process if it lives, and returns how it ended: its exit code, or minus the signal's number."""
        for stream in (self._stdin, self._stdout):
            stream.close()
        self._process.kill()
        return self._process.wait()

    def _send(self, unsent: memoryview) -> memoryview:
        try:
            return unsent[os.write(self._stdin.fileno(), unsent) :]
        except BrokenPipeError:
            return unsent[:0]  # It ended; what it says, or that it says nothing, is read next.

    def _receive(self) -> bytes:
        chunk = os.read(self._stdout.fileno(), 1_048_576)
        if not chunk:
            raise self._failure(self._ended())
        return chunk

    def _ended(self) -> int:
        with suppress(subprocess.TimeoutExpired):
            return self._process.wait(_LAST_SECONDS)
        return self.end()

    def _failure(self, ended: int) -> WsdlRefused:
        if ended == -signal.SIGXCPU:
            return WsdlRefused(f"It takes more than {self._limits.cpu_seconds} s of CPU to read.")
        if ended == OUT_OF_MEMORY:
            return WsdlRefused(f"It takes more than {self._limits.memory_bytes // MIB} MiB of memory to read.")
        if ended == -signal.SIGKILL:
            return ReaderFailed("The process that read it was killed, perhaps because the machine is short of memory.")
        how = f"was ended by {signal.Signals(-ended).name}" if ended < 0 else f"ended with exit code {ended}"
        return ReaderFailed(f"The process that read it {how}.")


def _is_whole(got: bytearray) -> bool:
    if len(got) < LENGTH_BYTES:
        return False
    length = length_of(bytes(got[:LENGTH_BYTES]))
    if length > MAX_DESCRIPTION_BYTES:
        raise WsdlRefused(f"What it offers takes more than {MAX_DESCRIPTION_BYTES // MIB} MiB to describe.")
    return len(got) >= LENGTH_BYTES + length


def _read(content: bytes) -> dict[str, Any]:
    try:
        answer = orjson.loads(content)
    except ValueError as error:
        raise ReaderFailed("The process that read it answered something that is not understood.") from error
    if not isinstance(answer, dict) or "last" not in answer:
        raise ReaderFailed("The process that read it answered something that is not understood.")
    return answer


def _description(answer: Mapping[str, Any]) -> Description:
    match answer:
        case {"refused": str(sentence)}:
            raise WsdlRefused(sentence)
        case {"failed": str(kind)}:
            raise ReaderFailed(f"Reading it failed with {kind}, which is a fault of Onhook's.")
        case _:
            return read_description(answer["description"])
