"""The one clock of a process."""

from datetime import UTC, datetime


def utc_now() -> datetime:
    """The moment now, aware, in UTC."""
    return datetime.now(UTC)
