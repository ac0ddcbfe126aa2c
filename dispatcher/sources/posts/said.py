"""What call systems write when they have nothing to say, and the few shapes in which they write numbers."""

from collections.abc import Mapping

_NOTHING = frozenset(
    {"", "0", "null", "(null)", "<null>", "_undef_", "undefined", "none", "nil", "n/a", "-", "0000-00-00 00:00:00"}
)
NOBODY = frozenset(
    {
        "anonymous",
        "anonym",
        "restricted",
        "private",
        "unavailable",
        "unknown",
        "withheld",
        "blocked",
        "hidden",
        "asserted",
    }
    | {"private number", "unknown number", "unknown caller", "private caller", "no caller id", "caller id blocked"}
    | {"number withheld", "nummer unterdrückt", "unbekannt", "masqué", "numéro masqué", "privado", "desconocido"}
    | {"0000000000"}
)
"""What is written for a caller who shows no number, in lower case; the ten zeros are FreeSWITCH's."""
_LARGEST = 2**53 - 1


def said(value: object) -> str | None:
    """The text that a call system gave, trimmed; None for what stands for nothing (`0`, `_undef_`, `null`, ...)."""
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() <= 64:
        value = str(value)
    if not isinstance(value, str):
        return None
    text = value.strip()
    return None if text.lower() in _NOTHING else text


def identity(value: object) -> str | None:
    """A caller's name or number; None also for the words of a caller who hides (`anonymous`, `Restricted`, ...)."""
    text = said(value)
    return None if text is None or text.lower() in NOBODY else text


def count(value: object) -> int | None:
    """A whole number, 0 or more, from text or a number; None for anything else. Here 0 is a fact."""
    if isinstance(value, str):
        text = value.strip()
        if not (text.isascii() and text.isdigit() and len(text) <= 16):
            return None
        value = int(text)
    return value if type(value) is int and 0 <= value <= _LARGEST else None


def code(value: object) -> int | None:
    """A cause or status code: like `count`, but 0 means that there is none."""
    return count(value) or None


def present(members: Mapping[str, object]) -> dict[str, object]:
    """The members that are there: not None and not empty."""
    return {name: value for name, value in members.items() if value is not None and value != {}}
