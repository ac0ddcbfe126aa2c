"""What two steps cost inside a worker, without servers: asking 1,000 profiles of an event; rendering and signing."""

import gc
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from statistics import median
from typing import Any
from uuid import UUID, uuid4

from bench.accounting import percentile
from bench.events import EventBodies
from bench.measurement import Measurement
from bench.product import profile
from dispatcher.adapters.engines import ENGINES
from dispatcher.adapters.templates.request import JinjaTemplates
from dispatcher.domain.event import parse_events
from dispatcher.domain.profile import parse_profile
from dispatcher.domain.requests.own_headers import own_headers
from dispatcher.evaluate import profiles_for
from dispatcher.ports import Catalogue, Profile, StoredEvent

PROFILES = 1_000
MAX_CRITERIA_MS = 2.0
"""What asking 1,000 profiles with five clauses each may take."""
MAX_RENDERING_SHARE = 0.15
"""What rendering and signing may add to the CPU that a delivery costs all processes without them."""
_EVENTS = 240
_PASSES = 5
WORKSPACE = UUID(int=1)
_SOURCE = {"name": "pbx", "country": "US", "time_zone": "America/Los_Angeles"}

Clause = dict[str, Any]


@dataclass(frozen=True)
class Figure:
    """One line of the report: milliseconds of a thread's CPU for each event or delivery, and what they may be."""

    part: str
    what: str
    p50_ms: float
    p95_ms: float
    bar: str
    held: bool | None
    """None where the run has nothing to compare with."""


def _clause(field: str, op: str, value: Any) -> Clause:
    return {"field": field, "op": op, "value": value}


def usual(number: int) -> list[Clause]:
    """Five clauses as people write them; the last one decides, so that every one is asked."""
    return [
        _clause("call.direction", "in", ["inbound", "outbound"]),
        _clause("call.duration_seconds", "ge", 10 + number % 50),
        _clause("call.outcome", "eq", "answered"),
        _clause("call.dnis", "starts_with", "+1800"),
        _clause("call.campaign", "eq", f"c{number}"),
    ]


def selective(number: int) -> list[Clause]:
    """The same with the deciding clause first."""
    return usual(number)[::-1]


def unlike(number: int) -> list[Clause]:
    """As `usual`, but no two clauses of any profiles are alike: nothing can be shared."""
    return [
        _clause("call.group", "ne", f"g{number}"),
        _clause("call.duration_seconds", "le", 10_000 + number),
        _clause("call.agent.name", "not_in", [f"n{number}", "nobody"]),
        _clause("call.hangup_cause", "ne", f"h{number}"),
        _clause("call.campaign", "eq", f"c{number}"),
    ]


def dear(number: int) -> list[Clause]:
    """The operators that have the most to do, all of them asked."""
    return [
        _clause("call.external_number", "number_prefix", ["+1415", "+1628"]),
        _clause("call.dnis", "number_eq", [f"1-800-555-{n}" for n in range(1200, 1261)]),
        _clause("call.started_at", "time_between", {"from": "00:00", "to": "24:00", "zone": "Europe/Berlin"}),
        _clause("call.caller_name", "matches", "^[A-Z]"),
        _clause("call.tags", "any_of", [f"t{number}", "none"]),
    ]


_KINDS: dict[str, Callable[[int], list[Clause]]] = {
    "the last clause decides": usual,
    "the first clause decides": selective,
    "no two alike, the last decides": unlike,
    "number, time, pattern and list clauses, the last decides": dear,
}


def criteria(_: Sequence[Measurement]) -> list[Figure]:
    """Which of 1,000 profiles fire for an event."""
    events = some_events()
    figures = []
    for words, clauses in _KINDS.items():
        catalogue = Catalogue.of(1, [_profile(number, clauses(number)) for number in range(PROFILES)])
        spent = cpu_of_each([partial(profiles_for, event, catalogue) for event in events])
        what = f"{PROFILES:,} profiles of 5 clauses: {words}"
        bar, held = f"<= {MAX_CRITERIA_MS:g} ms an event", median(spent) <= MAX_CRITERIA_MS
        figures.append(Figure("criteria", what, median(spent), percentile(sorted(spent), 95), bar, held))
    return figures


def rendering(measured: Sequence[Measurement]) -> list[Figure]:
    """The request of the bench's own profile: its templates filled in, and the body signed."""
    one = _profile(0, usual(0))
    template, now = JinjaTemplates().compile(one.spec, bytes(32), workspace_id=one.workspace_id), datetime.now(UTC)

    def build(event: StoredEvent) -> None:
        rendered = template.render(event.context)
        own_headers(event.id, one.signing_keys(now), rendered.body, now, "Onhook/bench")

    spent = cpu_of_each([partial(build, event) for event in some_events()])
    least = min((m.cpu_per_1000 for m in measured if m.system == "onhook" and m.cpu_per_1000), default=None)
    held, share = None, ""
    if least is not None:
        added = median(spent) / (least - median(spent))
        held, share = added <= MAX_RENDERING_SHARE, f" (here {added:.0%} of the other {least - median(spent):.2f} ms)"
    bar = f"<= {MAX_RENDERING_SHARE:.0%} on top of the cheapest delivery's CPU{share}"
    return [Figure("rendering", "render and sign one request", median(spent), percentile(sorted(spent), 95), bar, held)]


def soap(_: Sequence[Measurement]) -> list[Figure]:
    """Building a SOAP request, and judging a reply."""
    from bench import soap_steps  # noqa: PLC0415 - it rests on this module

    return soap_steps.figures(*soap_steps.kept())


def parsing(measured: Sequence[Measurement]) -> list[Figure]:
    """Reading a typical post of each source format."""
    from bench import source_steps  # noqa: PLC0415 - it rests on this module

    return source_steps.parsing(measured)


PARTS: dict[str, Callable[[Sequence[Measurement]], list[Figure]]] = {
    "criteria": criteria,
    "rendering": rendering,
    "soap-steps": soap,
    "parsing": parsing,
}


def some_events() -> list[StoredEvent]:
    bodies = EventBodies("micro", kinds=_EVENTS)
    now = datetime.now(UTC)
    parsed = [parse_events(json.loads(bodies.one(number)), now)[0] for number in range(_EVENTS)]
    return [StoredEvent(uuid4(), WORKSPACE, UUID(int=2), {**event.as_context(), "source": _SOURCE}) for event in parsed]


def _profile(number: int, clauses: list[Clause]) -> Profile:
    document = profile(f"p{number}", "https://crm.example/hook")
    document["trigger"]["criteria"] = {"all": clauses}
    return Profile(uuid4(), WORKSPACE, 1, True, parse_profile(document, ENGINES), b"k" * 32)


def cpu_of_each(calls: Sequence[Callable[[], object]]) -> list[float]:
    """Milliseconds of CPU of each call, in the best of several passes; the first pass warms up and does not count."""
    best = [float("inf")] * len(calls)
    gc.collect()
    for number in range(_PASSES + 1):
        for index, call in enumerate(calls):
            began = time.thread_time_ns()
            call()
            if number:
                best[index] = min(best[index], (time.thread_time_ns() - began) / 1e6)
    return best


COLUMNS = ("part", "what", "p50 / p95 ms", "bar", "held")


def row(figure: Figure) -> list[str]:
    """One line of the table."""
    held = "-" if figure.held is None else "yes" if figure.held else "NO"
    return [figure.part, figure.what, f"{figure.p50_ms:.3f} / {figure.p95_ms:.3f}", figure.bar, held]
