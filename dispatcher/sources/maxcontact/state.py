"""What is known of an agent's calls, as JSON and back, for whoever keeps it. Pure."""

from datetime import datetime
from typing import Any

import orjson

from dispatcher.sources.maxcontact import Agent, Watched
from dispatcher.sources.maxcontact.answer import SeenCall


def written(agent: Agent) -> bytes:
    """The state as JSON. It holds telephone numbers and names."""
    return orjson.dumps({"heard_at": agent.heard_at, "calls": agent.calls}, default=str)


def read(given: bytes | None) -> Agent:
    """The state again; of nothing, the state of an agent who was never heard of."""
    if not given:
        return Agent()
    raw = orjson.loads(given)
    return Agent({key: _watched(each) for key, each in raw["calls"].items()}, _moment(raw["heard_at"]))


def _watched(raw: dict[str, Any]) -> Watched:
    seen = SeenCall(**{**raw["seen"], "started_at": _moment(raw["seen"]["started_at"])})
    moments = {name: _moment(raw[name]) for name in ("first_seen", "last_seen", "first_missing")}
    return Watched(**{**raw, **moments, "seen": seen})


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
