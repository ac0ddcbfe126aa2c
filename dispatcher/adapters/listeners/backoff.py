"""How long to wait before something is tried again that did not work."""

FIRST_SECONDS = 0.5
MOST_SECONDS = 30.0
_MOST_DOUBLINGS = 16


def pause_seconds(failures: int, chance: float) -> float:
    """After the first, second ... failure in a row: twice as long each time, up to half a minute.

    `chance` is a random number from 0 to 1. Half of the time is left to it, so that many that were cut off together do
    not come back together.
    """
    doublings = min(max(failures - 1, 0), _MOST_DOUBLINGS)
    whole = min(FIRST_SECONDS * (1 << doublings), MOST_SECONDS)
    return whole * (0.5 + chance / 2)
