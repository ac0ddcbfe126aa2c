"""The short texts and numbers that times and durations are written as, cut to what anybody writes."""

import re
from decimal import Decimal

_MAX_CHARACTERS = 64
_MAX_BITS = 80
_NUMBER = re.compile(r"[0-9]{1,20}(?:\.[0-9]{0,20})?")
_SPACE = re.compile(r"\s+")


def decimal(value: object) -> Decimal | None:
    """A number or its text, 0 or more; no more digits than any clock has."""
    if isinstance(value, float):
        return Decimal(repr(value)) if 0 <= value < float(1 << _MAX_BITS) else None
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value) if value >= 0 and value.bit_length() <= _MAX_BITS else None
    line = line_of(value)
    return Decimal(line) if _NUMBER.fullmatch(line) else None


def line_of(value: object) -> str:
    """A short text on one line, its spaces plain (also those of Unicode, which clocks put before AM); else empty."""
    if not isinstance(value, str) or len(value) > _MAX_CHARACTERS:
        return ""
    line = _SPACE.sub(" ", value).strip()
    return line if line.isascii() else ""
