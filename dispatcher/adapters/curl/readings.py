"""What is read off an easy handle when its exchange has ended: timings and headers."""

from collections.abc import Callable, Sequence
from typing import Any

import pycurl

from dispatcher.domain.exchange import Timings


def read_timings(info: Callable[[int], Any], spent_us: int, *, reused: bool, any_byte: bool) -> Timings:
    """The timings of a handle (`info` is its `getinfo`), after so many microseconds spent before it was started."""
    # libcurl fills the time of the first byte at the end of an exchange that never had one.
    first_byte = info(pycurl.STARTTRANSFER_TIME_T) if any_byte else 0
    total = info(pycurl.TOTAL_TIME_T)
    phases = (None, None, None) if reused else _phases(info, spent_us)
    return Timings(*phases, _after(spent_us, first_byte), (spent_us + total) / 1000)


def final_headers(lines: Sequence[bytes]) -> list[tuple[str, str]]:
    """Of the final answer: what came before the last status line was an interim one (1xx)."""
    headers: list[tuple[str, str]] = []
    for line in b"".join(lines).decode("latin-1").split("\r\n"):
        name, colon, value = line.partition(":")
        if colon:
            headers.append((name.lower(), value.strip()))
        elif line.startswith("HTTP/"):
            headers.clear()
    return headers


def _phases(info: Callable[[int], Any], spent_us: int) -> tuple[float | None, float | None, float | None]:
    return (
        _after(spent_us, info(pycurl.NAMELOOKUP_TIME_T)),
        _after(spent_us, info(pycurl.CONNECT_TIME_T)),
        _after(spent_us, info(pycurl.APPCONNECT_TIME_T)),
    )


def _after(spent_us: int, microseconds: int) -> float | None:
    return (spent_us + microseconds) / 1000 if microseconds else None
