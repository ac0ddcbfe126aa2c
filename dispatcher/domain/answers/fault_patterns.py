"""Which SOAP faults a profile has retried or refused, whatever their code would mean by itself."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from dispatcher.domain.answers.json_path import MAX_PATH_CHARACTERS
from dispatcher.domain.answers.view import SEARCHED_BYTES
from dispatcher.domain.engines import Engines, PatternRefused
from dispatcher.domain.shape import Reading
from dispatcher.domain.soap.reply import Fault

MAX_FAULT_PATTERNS = 20
_MEMBERS = ("code", "string", "actor", "detail")
_SEARCHED = ("string", "detail")
_SAME = {"sender": "client", "receiver": "server"}
"""What SOAP 1.2 calls the codes of SOAP 1.1."""


@dataclass(frozen=True, slots=True)
class FaultPattern:
    """A fault as a profile describes it: `{"code", "string", "actor", "detail"}`, of which all that are given must fit.

    `code` is compared without prefix and case; `Client` also means `Sender`, `Server` also `Receiver`, what 1.1 puts
    behind a dot may be left out, and a subcode of 1.2 counts as well. `actor` is compared as it is. `string` and
    `detail` are patterns of RE2 that are searched, `detail` in its XML.
    """

    document: Mapping[str, str]
    fits: Callable[[Fault], bool] = field(compare=False, repr=False)

    def as_document(self) -> dict[str, str]:
        """As a profile shows it."""
        return dict(self.document)


def read_fault_patterns(reading: Reading, raw: object, at: str, engines: Engines) -> tuple[FaultPattern, ...]:
    """A list of fault patterns; faults of the document are noted."""
    if raw is None:
        return ()
    items = reading.items(raw, at, MAX_FAULT_PATTERNS)
    read = (_read_pattern(reading, each, f"{at}[{index}]", engines) for index, each in enumerate(items))
    return tuple(pattern for pattern in read if pattern is not None)


def searches_in(patterns: tuple[FaultPattern, ...]) -> int:
    """How many patterns of RE2 there are among them."""
    return sum(name in pattern.document for pattern in patterns for name in _SEARCHED)


def _read_pattern(reading: Reading, raw: object, at: str, engines: Engines) -> FaultPattern | None:
    given = {key: value for key, value in reading.members(raw, at, _MEMBERS).items() if value is not None}
    if type(raw) is not dict:
        return None
    if not given:
        reading.note_got(at, f"at least one of {', '.join(_MEMBERS)}", "none of them")
        return None
    tests = [_test(reading, name, value, f"{at}.{name}", engines) for name, value in given.items()]
    fit = [test for test in tests if test is not None]
    if len(fit) < len(tests):
        return None
    return FaultPattern(given, lambda fault: all(test(fault) for test in fit))


def _test(reading: Reading, name: str, value: Any, at: str, engines: Engines) -> Callable[[Fault], bool] | None:
    if type(value) is not str or not 0 < len(value) <= MAX_PATH_CHARACTERS:
        reading.note(at, f"text of 1 to {MAX_PATH_CHARACTERS} characters", value)
        return None
    if name == "code":
        wanted = _normal(value.rpartition(":")[2])
        return lambda fault: any(_covers(wanted, _normal(code)) for code in (fault.code, *fault.subcodes))
    if name == "actor":
        return lambda fault: fault.actor == value
    try:
        extract = engines.extract(value)
    except PatternRefused as refused:
        reading.note(at, f"a pattern of RE2 syntax ({refused})", value)
        return None
    return lambda fault: extract(getattr(fault, name).encode(errors="replace")[:SEARCHED_BYTES]) is not None


def _normal(code: str) -> str:
    first, dot, rest = code.strip().lower().partition(".")
    return _SAME.get(first, first) + dot + rest


def _covers(wanted: str, code: str) -> bool:
    return code == wanted or code.startswith(wanted + ".")
