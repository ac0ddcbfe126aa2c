"""Every error that leaves the API: problem details (RFC 9457)."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from http import HTTPStatus
from types import MappingProxyType
from typing import Any

import orjson

from dispatcher.domain.event import EventRefused

PROBLEM_JSON = "application/problem+json"
RETRY_AFTER_SECONDS = 5
"""What a poster is told to wait when the database cannot answer: a restart of it takes about as long."""
_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class Problem(Exception):
    """An answer that is an error. `errors` lists faults: index (of a batch), field, expected, got."""

    def __init__(
        self,
        status: int,
        detail: str,
        errors: Sequence[Mapping[str, Any]] | None = None,
        headers: Mapping[str, str] = _NO_HEADERS,
    ) -> None:
        super().__init__(f"{status} {detail}")
        self.status, self.detail, self.errors, self.headers = status, detail, errors, headers

    def body(self) -> bytes:
        """The problem as JSON. The title is the status's own phrase, as `about:blank` asks (RFC 9457, 4.2.1)."""
        shown: dict[str, Any] = {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
        }
        if self.errors is not None:
            shown["errors"] = list(self.errors)
        return orjson.dumps(shown)


def not_found(what: str) -> Problem:
    """404; `what` names the kind of thing: `profile`."""
    return Problem(404, f"There is no such {what}.")


def refused(detail: str, errors: Sequence[Mapping[str, Any]]) -> Problem:
    """422 with every fault."""
    return Problem(422, detail, errors)


def refused_field(field: str, expected: str, got: str) -> Problem:
    """422 for one field."""
    return refused("The request is refused.", [{"field": field, "expected": expected, "got": got}])


def refused_events(error: EventRefused) -> Problem:
    """422 for events; nothing of them is stored."""
    return refused("Nothing was stored: the events are refused.", [asdict(fault) for fault in error.faults])


def unavailable(detail: str = "The database cannot answer now; nothing was changed.") -> Problem:
    """503: the same request may succeed later."""
    return Problem(503, detail, headers={"retry-after": str(RETRY_AFTER_SECONDS)})


def too_large(limit: int) -> Problem:
    """413."""
    return Problem(413, f"The body is larger than {limit} bytes.")


def unauthorized(detail: str, challenge: str | None) -> Problem:
    """401, with the way to authenticate (RFC 9110, 11.6.1) where there is one."""
    return Problem(401, detail, headers={} if challenge is None else {"www-authenticate": challenge})


def internal() -> Problem:
    """500. What went wrong is in the log; it may quote what is nobody's business, so it is not in the answer."""
    return Problem(500, "Something went wrong here; it is in the log.")
