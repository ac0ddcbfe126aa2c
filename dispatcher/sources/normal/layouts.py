"""How local times are written: layouts of `strptime`, in English, and what is wrong with one."""

import re
from datetime import datetime
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
MONTH_AND_DAY = ("%m/%d %H:%M:%S", "%m/%d %H:%M")
"""Without a year, as in SMDR lines."""

_MARKER = re.compile(r"\s?([AaPp])\.?\s?[Mm]\.?$")
_LETTERS = frozenset("YymdHIMSfpzbBaAj%")


@lru_cache(maxsize=256)
def layout_fault(layout: str) -> str | None:
    """What is wrong with a layout that an administrator wrote, as what is expected; None where it is fit."""
    letters = re.findall(r"%(.)", layout)
    if ("I" in letters) != ("p" in letters):
        return "%I and %p together: hours up to 12 need their marker"
    if any(letter not in _LETTERS for letter in letters):
        return "a layout of %Y %y %m %d %H %I %M %S %f %p %z %b %B %a %A %j"
    return None


def read_layout(line: str, layout: str) -> datetime | None:
    """What a short line says by the layout, with a zone only by `%z`; None where it does not fit.

    Raises `ValueError` for a layout that has a fault, which is a programming error.
    """
    fault = layout_fault(layout)
    if fault:
        raise ValueError(fault)
    try:
        # The zone is the caller's to know; a layout with %z brings its own.
        return datetime.strptime(  # noqa: DTZ007
            _MARKER.sub(r" \1M", line) if "%p" in layout else line, layout
        )
    except (ValueError, OverflowError):
        return None
