"""Regular expressions for answers, by RE2: what they find, in time that has a bound."""

from dispatcher.adapters.patterns import bounded
from dispatcher.domain.engines import Extract

MAX_PROGRAM = 1_500
"""Instructions of a compiled pattern. RE2 takes at most text times program: 0.1 s for the most hostile pattern of this
size over the 16 KiB of an answer that are searched, 0.1 ms for an ordinary one. `\\pL+` has 1,200."""


def compile_extract(pattern: str) -> Extract:
    """The search for a pattern. Syntax: github.com/google/re2/wiki/Syntax.

    Raises `PatternRefused` with RE2's reason, or where the pattern is too large.
    """
    compiled = bounded(pattern, MAX_PROGRAM, captures=True)
    search, group = compiled.search, min(compiled.groups, 1)

    def extract(text: bytes) -> str | None:
        match = search(text)
        found = None if match is None else match.group(group)
        return None if found is None else found.decode(errors="replace")

    return extract
