"""Loops, watched: how many items, and how much time of the processor a request may spend in its loops."""

from collections.abc import Iterator
from threading import local
from time import thread_time
from typing import Any

from jinja2 import Undefined

MAX_ITEMS = 1_000
MAX_LOOP_SECONDS = 0.5
"""Of the thread's time, for all loops of a request. An ordinary loop takes some microseconds an item; this ends one
that does as much as it can with the longest texts that a call may hold."""
LOOP_MEMBERS = frozenset({"index", "index0", "first", "last"})


class LoopTooLong(ValueError):
    """A loop over too many items, or one that takes too much time."""


class _Spent(local):
    seconds = 0.0


_spent = _Spent()


def begin_request() -> None:
    """Sets the time spent in loops back to nothing; to be called before a request with loops is rendered."""
    _spent.seconds = 0.0


def loop_items(value: Any) -> Iterator[Any]:
    """What a loop goes over: the items of a list; nothing where it is absent.

    Raises TypeError for what is no list, `LoopTooLong` beyond `MAX_ITEMS` or `MAX_LOOP_SECONDS`.
    """
    if value is None or isinstance(value, Undefined):
        return
    if type(value) is not list:
        raise TypeError("no list")
    if len(value) > MAX_ITEMS:
        raise LoopTooLong
    began = thread_time()
    for item in value:
        yield item
        now = thread_time()
        _spent.seconds += now - began
        began = now
        if _spent.seconds > MAX_LOOP_SECONDS:
            raise LoopTooLong
