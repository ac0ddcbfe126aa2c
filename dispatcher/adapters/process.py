"""What a busy, long-lived process of ours asks of Python and of the system."""

import gc
import resource

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
