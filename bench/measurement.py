"""One measured stretch of a run, and what it came to."""

import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from bench import processes
from bench.accounting import Arrival, Balance, Post, Spread, balance, first_arrivals, spread
from bench.events import event_id
from bench.rig import Look, Rig, System

_runs = itertools.count(1)


@dataclass
class Measurement:
    """One line of the report. Rates are per second, latencies in milliseconds from the moment a post was due."""

    scenario: str
    system: str
    store: str
    events: int
    delivered_per_second: float | None
    """From the first post (a backlog: from when all was due) to the last delivery recorded; None if not all were."""
    arrived_per_second: float | None
    """The same to the last arrival at the sink."""
    accept: Spread | None
    arrival: Spread | None
    balance: Balance
    unrecorded: int
    """Deliveries that the database did not hold as delivered when the run was given up; 0 where it ended well."""
    cpu_per_1000: float | None
    """Seconds of the system, its database and its broker; the generator and the sink are apart."""
    cpu_by_part: dict[str, float]
    processes: list[processes.Spent]
    generator: dict[str, Any]
    sink_cpu_seconds: float
    others_cpu_seconds: float
    """What all other processes of the machine used meanwhile: a disturbed run shows here and in its host's steal."""
    steal_seconds: float
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Loaded:
    """What a generator did: its events' prefix, every post, its summary, and the CPU it used inside the window."""

    prefix: str
    posts: Sequence[Post]
    summary: dict[str, Any]
    cpu_seconds: float

    def accepted(self) -> set[str]:
        """Ids of the events whose post was answered 2xx."""
        accepted = (p for p in self.posts if p.accepted)
        return {event_id(self.prefix, n) for p in accepted for n in range(p.first, p.first + p.count)}

    def arrival_spread(self, arrivals: Sequence[Arrival]) -> Spread | None:
        """From the moment a post was due to the first arrival of each of its events."""
        first = first_arrivals(arrivals)
        due = ((event_id(self.prefix, n), p.due) for p in self.posts for n in range(p.first, p.first + p.count))
        return spread(first[i] - at for i, at in due if i in first)


def new_prefix() -> str:
    """A prefix of event ids that no other run has."""
    return f"r{next(_runs)}x{int(time.time()) % 1_000_000}"


def load(rig: Rig, system: System, events: int, *options: str) -> Loaded:
    """Runs a generator to its end."""
    prefix = new_prefix()
    summary, posts = rig.load(system, prefix, events, *options).finish()
    return Loaded(prefix, posts, summary, summary["cpu_microseconds_per_post"] * len(posts) / 1e6)


@dataclass
class Window:
    """A stretch of time: what was looked at before it; `began` and `ended` are unix times."""

    scenario: str
    rig: Rig
    system: System
    before: Look
    began: float = 0.0
    ended: float = 0.0
    unrecorded: int = 0

    def until_recorded(self, base: int, new: int) -> None:
        """Ends the window when `base + new` deliveries are recorded, or nothing moves any more."""
        self.ended, recorded = self.rig.until_recorded(self.system, base, new)
        self.unrecorded = new - recorded

    def close(self, loaded: Loaded, arrivals: Sequence[Arrival], *notes: str) -> Measurement:
        """Adds everything up. Latencies are those of `loaded`, rates count from `began`."""
        after = self.rig.look(self.system)
        parts = {part: processes.spent(self.before.trees[part], tree) for part, tree in after.trees.items()}
        cpu = {part: processes.total_cpu_seconds(lines) for part, lines in parts.items()}
        mine = [a for a in arrivals if a.event_id.startswith(loaded.prefix + "-")]
        books = balance(loaded.accepted(), mine)
        last = max((a.at for a in mine), default=self.began)
        sink_cpu = after.sink_cpu - self.before.sink_cpu
        others = after.busy - self.before.busy - sum(cpu.values()) - sink_cpu - loaded.cpu_seconds
        return Measurement(
            scenario=self.scenario,
            system=self.system.name,
            store=self.rig.store,
            events=sum(p.count for p in loaded.posts),
            delivered_per_second=None if self.unrecorded else _rate(books.arrived, self.ended - self.began),
            arrived_per_second=_rate(books.arrived, last - self.began),
            accept=spread(p.done - p.due for p in loaded.posts if p.accepted),
            arrival=loaded.arrival_spread(mine),
            balance=books,
            unrecorded=self.unrecorded,
            cpu_per_1000=round(1000 * sum(cpu.values()) / max(books.arrived, 1), 2),
            cpu_by_part=cpu,
            processes=[line for lines in parts.values() for line in lines],
            generator=loaded.summary,
            sink_cpu_seconds=round(sink_cpu, 2),
            others_cpu_seconds=round(max(others, 0.0), 2),
            steal_seconds=round(after.steal - self.before.steal, 2),
            notes=list(notes),
        )


def _rate(count: int, seconds: float) -> float:
    return round(count / max(seconds, 1e-9), 1)


def open_window(rig: Rig, system: System, scenario: str) -> Window:
    """Looks at everything; the window begins when its owner says so."""
    return Window(scenario, rig, system, rig.look(system))


def flow(rig: Rig, system: System, scenario: str, events: int, *options: str) -> Measurement:
    """Posts, and waits until all is recorded: from the first post to the last delivery in the database."""
    base = system.delivered()
    window = open_window(rig, system, scenario)
    loaded = load(rig, system, events, *options)
    window.began = float(loaded.summary["first_post_at"])
    window.until_recorded(base, len(loaded.accepted()))
    return window.close(loaded, rig.sink.arrivals())
