"""How local times are written: layouts in the letters of `strftime`, in English whatever the machine's locale is.

Not `strptime`: it keeps five layouts compiled, so that trying a sixth costs half a millisecond for each of them.
"""

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache

YEAR_FIRST = (
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%d %H:%M:%S.%f",
    "%Y-%m-%d %H:%M",
    "%Y/%m/%d %H:%M:%S",
    "%Y/%m/%d %H:%M:%S.%f",
    "%Y/%m/%d %H:%M",
)
DAY_FIRST = (
    "%d/%m/%Y %H:%M:%S",
    "%d/%m/%Y %H:%M",
    "%d.%m.%Y %H:%M:%S",
    "%d.%m.%Y %H:%M",
    "%d-%m-%Y %H:%M:%S",
    "%d-%m-%Y %H:%M",
)
MONTH_FIRST = ("%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y %I:%M %p", "%m/%d/%Y %H:%M:%S", "%m/%d/%Y %H:%M")
MONTH_AND_DAY = ("%m/%d %H:%M:%S", "%m/%d %H:%M", "%m/%d %I:%M:%S%p", "%m/%d %I:%M%p")
"""Without a year, as in SMDR lines."""

_ONE_OR_TWO = "[0-9]{1,2}"
_LETTERS = {
    "Y": "[0-9]{4}",
    "y": "[0-9]{2}",
    "m": _ONE_OR_TWO,
    "d": _ONE_OR_TWO,
    "H": _ONE_OR_TWO,
    "I": _ONE_OR_TWO,
    "M": "[0-9]{2}",
    "S": "[0-9]{2}",
    "f": "[0-9]{1,12}",
    "p": r"[ap](?:\.? ?m\.?)?",
    "z": "(?:z|utc|gmt|[+-][0-9]{2}(?::?[0-9]{2})?)",
    "b": r"[a-z]{3,9}\.?",
    "B": r"[a-z]{3,9}\.?",
    "a": r"[a-z]{2,9}\.?",
    "A": r"[a-z]{2,9}\.?",
}
_NEEDED = (("%Y", "%y"), ("%m", "%b", "%B"), ("%d",), ("%H", "%I"), ("%M",))
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_LETTER = re.compile("%(.?)")
_PIECE = re.compile("%(.)|(.)")
_LAST_OF_THIS_CENTURY = 68
"""Of years in two digits, by POSIX."""


@lru_cache(maxsize=256)
def layout_fault(layout: str) -> str | None:
    """What is expected of a layout that an administrator wrote; None where it is fit.

    One for `without_year` is fit when it is with `%Y ` before it.
    """
    letters = _LETTER.findall(layout)
    if any(letter not in _LETTERS for letter in letters) or len(letters) > len(set(letters)):
        return "a layout of %Y %y %m %d %H %I %M %S %f %p %z %b %B %a %A, each once"
    if ("I" in letters) != ("p" in letters):
        return "%I and %p together: hours up to 12 need their marker"
    missing = next((each for each in _NEEDED if not any(letter[1] in letters for letter in each)), None)
    return None if missing is None else f"a layout with {' or '.join(missing)}"


def read_layout(line: str, layout: str) -> datetime | None:
    """What a short line says by the layout, with a zone only by `%z`; None where it does not fit.

    Raises `ValueError` for a layout that has a fault, which is a programming error.
    """
    found = _expression(layout).fullmatch(line.lower())
    if found is None:
        return None
    said = {letter: text for letter, text in found.groupdict().items() if text is not None}
    try:
        return datetime(
            _year(said),
            _month(said),
            int(said["d"]),
            _hour(said),
            int(said["M"]),
            int(said.get("S", "0")),
            int(said.get("f", "0")[:6].ljust(6, "0")),
            offset_of(said["z"]) if "z" in said else None,
        )
    except ValueError:
        return None


def offset_of(text: str) -> tzinfo:
    """The zone of `Z`, `UTC`, `GMT`, `+05:30`, `-0500` and `+01`. Raises `ValueError` for an offset that is none."""
    if not text.startswith(("+", "-")):
        return UTC
    digits = text[1:].replace(":", "").ljust(4, "0")
    hours, minutes = int(digits[:2]), int(digits[2:])
    if minutes > 59:
        raise ValueError("minutes of an offset")
    offset = timedelta(hours=hours, minutes=minutes)
    return timezone(-offset if text[0] == "-" else offset)


@lru_cache(maxsize=256)
def _expression(layout: str) -> re.Pattern[str]:
    fault = layout_fault(layout)
    if fault is not None:
        raise ValueError(fault)
    # A marker may stand right behind the time, as in 3:05PM.
    pieces = _PIECE.findall(" ".join(layout.split()).replace(" %p", "%p"))
    expression = "".join(_piece(letter) if letter else re.escape(plain.lower()) for letter, plain in pieces)
    # Where no separator stands between two numbers, as in 07042002, each has all of its digits.
    return re.compile(expression.replace(_ONE_OR_TWO + ")(", "[0-9]{2})("))


def _piece(letter: str) -> str:
    return f"{' ?' if letter == 'p' else ''}(?P<{letter}>{_LETTERS[letter]})"


def _year(said: dict[str, str]) -> int:
    if "Y" in said:
        return int(said["Y"])
    year = int(said["y"])
    return year + (2000 if year <= _LAST_OF_THIS_CENTURY else 1900)


def _month(said: dict[str, str]) -> int:
    name = said.get("b") or said.get("B")
    return _MONTHS.index(name[:3]) + 1 if name else int(said["m"])


def _hour(said: dict[str, str]) -> int:
    if "H" in said:
        return int(said["H"])
    hour = int(said["I"])
    if not 1 <= hour <= 12:
        raise ValueError("an hour up to 12")
    return hour % 12 + (12 if said["p"][0] == "p" else 0)
