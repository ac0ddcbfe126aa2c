"""A rehearsal: what a profile would make of an event, and how a person is shown it."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from dispatcher.domain.criteria.tree import Verdict
from dispatcher.domain.exchange import Request
from dispatcher.domain.waiting import Decision, Over, Ready, Wait
from dispatcher.ports import NewEvent, ShowRequest
from dispatcher.verdicts import without_values


@dataclass(frozen=True, slots=True)
class Choice:
    """Which stored event: at most one of the two; neither means the newest that the profile takes."""

    event_id: UUID | None = None
    call_id: str | None = None


@dataclass(frozen=True)
class Subject:
    """The event that a profile is tried on, as its templates see it."""

    event_id: UUID
    context: dict[str, Any]
    private: bool
    """It fired a private profile: what is stored of it is shown to nobody."""
    given: NewEvent | None
    """The event that the caller brought; None for a stored one."""

    def as_document(self) -> dict[str, Any]:
        """Which event it is; `id` is ours, None for one that is not stored."""
        context = self.context
        return {
            "id": None if self.given is not None else self.event_id,
            "type": context["type"],
            "call_id": context["call"]["id"],
            "occurred_at": context["occurred_at"],
            "stored": self.given is None,
        }


@dataclass(frozen=True)
class Rehearsal:
    """What a profile would make of an event. The request is there whether or not the event fires."""

    subject: Subject
    fires: bool
    reason: str
    verdict: Verdict | None
    waits: Decision
    """What a real delivery would do now, before it is sent; a test never waits."""
    request: Request
    private: bool
    """Only the outline of the request may be shown."""
    body_hash: str | None
    """Of a private request's body: HMAC-SHA256 with the workspace's key, in hex."""
    notes: tuple[str, ...]
    """What the request's text does not tell, as sentences."""

    def as_document(self, show: ShowRequest) -> dict[str, Any]:
        """As the API and `--json` show it. Credentials are masked; of what is private no value is in it."""
        tree = self.verdict.as_dict() if self.verdict is not None else None
        return {
            "fires": self.fires,
            "reason": self.reason,
            "verdict": without_values(tree) if self.private else tree,
            "event": self.subject.as_document(),
            "waits": _waits(self.waits),
            "private": self.private,
            "request": self._outline() if self.private else _in_full(self.request, show),
            "secrets_masked": True,
            "notes": list(self.notes),
        }

    def _outline(self) -> dict[str, Any]:
        request, url = self.request, urlsplit(self.request.url)
        return {
            "method": request.method,
            "url": f"{url.scheme}://{url.netloc}",
            "url_bytes": len(request.url.encode()),
            "header_names": [name for name, _ in request.headers],
            "body_bytes": len(request.body or b""),
            "body_hash": self.body_hash,
        }


def _in_full(request: Request, show: ShowRequest) -> dict[str, Any]:
    shown = show(request)
    return {
        "method": shown.method,
        "url": shown.url,
        "headers": [[name, value] for name, value in shown.headers],
        "body": shown.body,
        "body_encoding": shown.body_encoding,
        "http": shown.http,
        "curl": shown.curl,
    }


def _waits(decision: Decision) -> dict[str, Any] | None:
    """None where a delivery would be sent at once, with everything."""
    match decision:
        case Wait(until=until, reason=reason):
            return {"decision": "wait", "reason": reason, "until": until}
        case Over(then=then, reason=reason):
            return {"decision": then.value, "reason": reason, "until": None}
        case Ready(partial=True):
            return {"decision": "send", "reason": "without what it waits for: that will not come", "until": None}
        case Ready():
            return None
