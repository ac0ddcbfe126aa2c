"""Regular expressions for criteria, by RE2: linear in the text's length, whatever a pattern asks for."""

from collections.abc import Callable
from typing import Any

import re2

from dispatcher.domain.engines import PatternRefused

MAX_PATTERN_CHARACTERS = 1_000
MAX_PATTERN_BYTES_OF_MEMORY = 1 << 20
"""What RE2 may keep for one pattern; repetitions of repetitions beyond it are refused when the profile is saved."""
MAX_PROGRAM_SIZE = 4_000
MAX_SEARCHED_CHARACTERS = 65_536
"""Linear still means the length of the text times the size of the program, where RE2's automaton outgrows its memory:
these two bound a search at half a second (`.{1,200}.{1,200}z`, and a text that has no z), whatever is posted."""


def bounded(pattern: str, max_program_size: int, *, captures: bool) -> Any:
    """RE2's compiled pattern, of at most so many instructions; raises `PatternRefused` with the reason."""
    options = re2.Options()
    options.log_errors = False
    options.never_capture = not captures
    options.max_mem = MAX_PATTERN_BYTES_OF_MEMORY
    try:
        compiled = re2.compile(pattern, options)
    except re2.error as refused:
        reason = refused.args[0]
        raise PatternRefused(reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)) from None
    if compiled.programsize > max_program_size:
        raise PatternRefused("too large: fewer or smaller repetitions")
    return compiled


def compile_pattern(pattern: str) -> Callable[[str], bool]:
    """A search for the pattern in the first 65,536 characters of a text (2 us for a short one).

    Syntax: github.com/google/re2/wiki/Syntax. Raises `PatternRefused` with RE2's reason.
    """
    if len(pattern) > MAX_PATTERN_CHARACTERS:
        raise PatternRefused(f"at most {MAX_PATTERN_CHARACTERS} characters")
    search = bounded(pattern, MAX_PROGRAM_SIZE, captures=False).search
    # Searched as bytes: the binding spends five times as much on translating offsets that nobody asks for.
    return lambda text: search(text[:MAX_SEARCHED_CHARACTERS].encode(errors="replace")) is not None
