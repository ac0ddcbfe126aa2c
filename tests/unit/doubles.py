"""What the tests of the verbs and of the stores build with: a clock that is set by hand, profiles, events, templates."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson

from dispatcher.adapters.patterns import compile_pattern
from dispatcher.domain.exchange import Answer, Exchange
from dispatcher.domain.ids import unix_ms, uuid7
from dispatcher.domain.profile import ProfileSpec, parse_profile
from dispatcher.ports import NewEvent, Rendered, RenderError

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
WORKSPACE = UUID("00000000-0000-4000-8000-00000000de0a")
SOURCE = UUID("00000000-0000-4000-8000-00000000de0b")


class HandClock:
    """A clock that stands still until a test moves it."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def pass_seconds(self, seconds: float) -> datetime:
        """Moves on; the moment then."""
        self.now += timedelta(seconds=seconds)
        return self.now


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


def document(name: str = "crm", **changes: Any) -> dict[str, Any]:
    """A small profile: every `call.finished` is posted as JSON."""
    plain = {
        "name": name,
        "trigger": {"events": ["call.finished"]},
        "request": {
            "kind": "rest",
            "method": "POST",
            "url": "https://crm.example/calls",
            "body": {"kind": "json", "value": {"id": "{{ call.id }}"}},
        },
    }
    return {**plain, **changes}


def spec(name: str = "crm", **changes: Any) -> ProfileSpec:
    """The same, parsed."""
    return parse_profile(document(name, **changes), compile_pattern)


class Events:
    """Makes events with ids of their own, in the order of time."""

    def __init__(self, workspace_id: UUID = WORKSPACE, source_id: UUID = SOURCE) -> None:
        self._workspace_id, self._source_id = workspace_id, source_id
        self._count = 0

    def new(self, theirs: str | None = None, call_id: str = "7f9c", kind: str = "call.finished") -> NewEvent:
        """An event as ingestion stores it."""
        self._count += 1
        identifier = uuid7(unix_ms(NOON) + self._count, self._count.to_bytes(10, "big"))
        body = {
            "id": theirs or str(identifier),
            "type": kind,
            "occurred_at": "2026-11-20T11:59:00Z",
            "call": {"id": call_id, "caller_name": "Jane Roe"},
        }
        occurred_at = NOON - timedelta(minutes=1)
        workspace_id, source_id = self._workspace_id, self._source_id
        return NewEvent(
            identifier, workspace_id, source_id, theirs, kind, call_id, occurred_at, orjson.dumps(body)
        )

    def several(self, count: int) -> list[NewEvent]:
        """So many, without ids of their source's."""
        return [self.new() for _ in range(count)]


class PlainTemplates:
    """Templates by a function: the request of every profile is the one its spec names, with the event as body."""

    def __init__(self) -> None:
        self.compiled: list[str] = []
        self.render: Callable[[Mapping[str, Any]], bytes] = orjson.dumps

    def check(self, spec: ProfileSpec) -> list[dict[str, str]]:
        return []

    def compile(self, spec: ProfileSpec) -> "_PlainTemplate":
        self.compiled.append(spec.name)
        return _PlainTemplate(self, spec)


class _PlainTemplate:
    def __init__(self, templates: PlainTemplates, spec: ProfileSpec) -> None:
        self._templates, self._spec = templates, spec

    def render(self, context: Mapping[str, Any]) -> Rendered:
        request = self._spec.request
        body = self._templates.render(context)
        return Rendered(request.method, request.url, [("Content-Type", "application/json")], body)


def refuse_to_render(context: Mapping[str, Any]) -> bytes:
    """For `PlainTemplates.render`: the template that fails for every call."""
    raise RenderError("request.body", "no such filter")


def answered(status: int, *headers: tuple[str, str], body: bytes = b"") -> Exchange:
    """An exchange that ended with an answer."""
    return Exchange(answer=Answer(status, list(headers), body))
