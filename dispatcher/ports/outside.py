"""What every port has to do with: the clock, and how the outside says no."""

from collections.abc import Callable
from datetime import datetime

Clock = Callable[[], datetime]
"""The moment now, aware, in UTC."""


class StoreUnavailable(Exception):
    """The database cannot answer now; the same call may succeed later. The text names no value."""


class Conflict(Exception):
    """The change contradicts what is stored (a name that is taken, a state that forbids it)."""


class BrokerUnavailable(Exception):
    """The broker cannot take a hint now. Nothing is lost: the sweeper hints again."""
