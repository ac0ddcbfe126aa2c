"""What a busy, long-lived process of ours asks of Python and of the system."""

import gc
import resource
from collections.abc import Iterator
from contextlib import contextmanager

YOUNG_OBJECTS = 50_000
"""Objects made before the cyclic collector looks. With its default of 700 it took a fifth of a worker's CPU to find
nothing: what events and deliveries are made of holds no cycles and goes by reference count."""


def settle_in() -> None:
    """To be called once everything is built: the collector looks seldom, and never at what is there now.

    Also raises the soft limit of open files to the hard one: pooled connections alone may pass a usual 1,024.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, 20, 100)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@contextmanager
def making_what_stays() -> Iterator[None]:
    """While a million objects are made that will stay: the collector looks at nothing meanwhile, and never at them.

    A look at so many holds every thread up for a quarter of a second. Only in a process that has settled in; where the
    making fails, nothing is kept from the collector. What stays in cycles is freed by `free_what_stayed` alone.
    """
    settled = gc.isenabled() and gc.get_freeze_count() > 0
    if settled:
        gc.disable()
    try:
        yield
        if settled:
            gc.freeze()
    finally:
        if settled:
            gc.enable()


def free_what_stayed() -> None:
    """Frees what `making_what_stays` made and nobody holds any more. Holds every thread up, see there."""
    if gc.get_freeze_count() > 0:
        gc.unfreeze()
        gc.collect()
        gc.freeze()
