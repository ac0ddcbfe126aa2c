"""Regular expressions for answers, by RE2: what they find, in time that has a bound."""

import re2

from dispatcher.domain.engines import Extract, PatternRefused

MAX_PROGRAM = 1_500
"""Instructions of a compiled pattern. RE2 takes at most text times program: 0.5 s for the most hostile pattern of this
size over the 64 KiB of an answer that are searched, 0.1 ms for an ordinary one. `\\pL+` has 1,200."""
_MAX_BYTES_OF_MEMORY = 1 << 20


def compile_extract(pattern: str) -> Extract:
    """The search for a pattern. Syntax: github.com/google/re2/wiki/Syntax.

    Raises `PatternRefused` with RE2's reason, or where the pattern is too large.
    """
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MAX_BYTES_OF_MEMORY
    try:
        compiled = re2.compile(pattern, options)
    except re2.error as refused:
        reason = refused.args[0]
        raise PatternRefused(reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)) from None
    if compiled.programsize > MAX_PROGRAM:
        raise PatternRefused("too large: use fewer or smaller repetitions")
    search, group = compiled.search, min(compiled.groups, 1)

    def extract(text: bytes) -> str | None:
        match = search(text)
        found = None if match is None else match.group(group)
        return None if found is None else found.decode(errors="replace")

    return extract
