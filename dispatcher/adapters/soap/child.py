"""The process in which WSDLs are parsed: bundles come in on standard input, what they offer goes out.

It gives itself limits before it reads anything, so that a hostile WSDL can use up nothing but this process. It ends
when its standard input does, and so with the process that started it.
"""

import itertools
import json
import os
import resource
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import BinaryIO

from dispatcher.adapters.soap.describe import describe
from dispatcher.adapters.soap.frames import OUT_OF_MEMORY, read_bundle, read_frame, write_frame
from dispatcher.adapters.soap.zeep_document import parse_bundle
from dispatcher.domain.soap.bundle import Bundle, WsdlRefused

MAX_OPEN_FILES = 32
"""The three standard ones, and a module that is imported late."""
MAX_BUNDLES = 200
"""After so many the process is replaced, whatever it looks like."""
MAX_RESIDENT_BYTES = 300 * 1_048_576
"""Past this peak it is replaced as well: what one WSDL left behind would count against the next one's limit."""
_LESS_URGENT = 5
"""Added to the process's niceness: deliveries go first."""


def main(arguments: list[str]) -> None:
    """Answers every bundle until standard input ends. `arguments`: seconds of CPU for each, bytes of address space.

    Ends with the exit code OUT_OF_MEMORY where that was not enough: to say more would take memory.
    """
    cpu_seconds, memory_bytes = map(int, arguments)
    try:
        _limit_process(memory_bytes)
        answers = _answers_alone()
        # Linux lets a process begin with the peak of the one that started it, which may be larger than any of ours.
        allowed_bytes = max(MAX_RESIDENT_BYTES, _peak_bytes())
        for count in itertools.count(1):
            _allow_cpu(cpu_seconds)
            frame = read_frame(sys.stdin.buffer)
            if frame is None:
                return
            write_frame(answers, answer_to(read_bundle(frame), partial(_is_worn, count, allowed_bytes)))
    except MemoryError:
        os._exit(OUT_OF_MEMORY)


def answer_to(bundle: Bundle, is_worn: Callable[[], bool]) -> bytes:
    """A description, or why there is none: `refused` with a sentence, `failed` with the kind of a fault in our code.

    `last` says that this process is worn and should be replaced. Raises MemoryError.
    """
    try:
        # Not by orjson, here: it aborts the process where memory is short, and that would not be told from a crash.
        described = describe(parse_bundle(bundle)).as_document()
        return _json(description=described, last=is_worn())
    except WsdlRefused as refused:
        return _json(refused=str(refused), last=is_worn())
    except MemoryError:
        raise
    except RecursionError:
        return _json(refused="Its types are nested too deeply to be read.", last=is_worn())
    except Exception as error:  # noqa: BLE001 - the parent tells a person, and the next bundle is to be read all the same
        return _json(failed=type(error).__name__, last=is_worn())


def _limit_process(memory_bytes: int) -> None:
    with suppress(OSError):
        os.nice(_LESS_URGENT)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_NOFILE, MAX_OPEN_FILES)
    _limit(resource.RLIMIT_FSIZE, 0)
    _limit(resource.RLIMIT_AS, memory_bytes)


def _limit(kind: int, value: int) -> None:
    """Lowers a limit for good. macOS takes no limit of address space: there the time limits alone hold."""
    _, hard = resource.getrlimit(kind)
    lowered = value if hard == resource.RLIM_INFINITY else min(value, hard)
    with suppress(ValueError, OSError):
        resource.setrlimit(kind, (lowered, lowered))


def _allow_cpu(seconds: int) -> None:
    """Moves the limit on, past what was used so far. SIGXCPU ends the process there, which its parent sees."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    soft = int(used.ru_utime + used.ru_stime) + seconds + 1
    resource.setrlimit(resource.RLIMIT_CPU, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard))


def _answers_alone() -> BinaryIO:
    """Standard output for answers only: what a library prints goes nowhere."""
    answers = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    return answers


def _is_worn(count: int, allowed_bytes: int) -> bool:
    return count >= MAX_BUNDLES or _peak_bytes() > allowed_bytes


def _peak_bytes() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _json(**answer: object) -> bytes:
    return json.dumps(answer).encode()
