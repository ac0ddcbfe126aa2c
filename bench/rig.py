"""What every scenario stands on: the sink, the servers, and the systems that are measured."""

import contextlib
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from bench import processes
from bench.naive.system import Naive
from bench.product import Onhook
from bench.proof import Load, Sink
from bench.servers import PostgreSQL, Redis

POLL_SECONDS = 0.02
STALL_SECONDS = 40
"""No progress for so long ends a run, which is then reported with what is missing."""


class System(Protocol):
    """The product or the baseline, running."""

    name: str
    url: str
    authorization: str

    def roots(self) -> dict[str, int]:
        """Processes whose trees belong to it."""
        ...

    def delivered(self) -> int:
        """Deliveries recorded as delivered in its database."""
        ...


@dataclass
class Look:
    """CPU and memory of everything at one moment."""

    trees: dict[str, dict[int, processes.Usage]]
    sink_cpu: float
    busy: float
    steal: float


class Rig:
    """The sink, a private Redis and, for PostgreSQL, a private cluster; SQLite means the product's embedded default."""

    def __init__(self, store: str, workers: int) -> None:
        self.store, self.workers = store, workers
        self.folder = Path(tempfile.mkdtemp(prefix="onhook-bench-"))
        self.redis = Redis()
        self.postgresql = PostgreSQL() if store == "postgresql" else None
        self.sink = Sink()
        self._databases = 0
        self.effective: dict[str, Any] = {}

    def _database(self) -> str | None:
        self._databases += 1
        return self.postgresql.create(f"bench{self._databases}") if self.postgresql else None

    def _new_folder(self) -> Path:
        return Path(tempfile.mkdtemp(dir=self.folder))

    @contextlib.contextmanager
    def onhook(self, profiles: Sequence[dict[str, Any]]) -> Iterator[Onhook]:
        """The product on an empty store with these profiles."""
        options = ["--workers", str(self.workers)]
        if self.postgresql:
            self.redis.client().flushall()
            options += ["--broker-url", self.redis.url]
        self.sink.behave()
        system = Onhook(self._new_folder(), options, self._database())
        try:
            for profile in profiles:
                system.add(profile)
            self.effective["onhook"] = {
                "command": [Path(system.command[0]).name, *system.command[1:]],
                "environment": system.environment,
            }
            yield system
        finally:
            system.stop()

    @contextlib.contextmanager
    def naive(self) -> Iterator[Naive]:
        """The baseline on an empty store."""
        self.redis.client().flushall()
        self.sink.behave()
        folder = self._new_folder()
        system = Naive(
            self._database() or f"sqlite:///{folder}/naive.db", self.redis.url, self.sink.url + "/hook", folder
        )
        try:
            yield system
        finally:
            system.stop()

    def look(self, system: System) -> Look:
        """Everything the system consists of, its database and its broker included."""
        roots = system.roots()
        if self.postgresql:
            roots["postgresql"] = self.postgresql.process.pid
        if self.postgresql or system.name == "naive":
            roots["redis"] = self.redis.process.pid
        trees = {part: processes.tree(pid) for part, pid in roots.items()}
        busy, steal = processes.machine_seconds()
        return Look(trees, self.sink.counts()["cpu_seconds"], busy, steal)

    def load(self, system: System, prefix: str, events: int, *options: str) -> Load:
        """Starts the generator."""
        return Load(system.url, ["--events", str(events), "--prefix", prefix, *options], system.authorization)

    def warm_up(self, system: System, events: int = 100, *options: str) -> None:
        """Opens connections and prepares statements. What it sent is forgotten."""
        base = system.delivered()
        self.load(system, "warm", events, *options).finish()
        self.until_recorded(system, base, events)
        time.sleep(1)
        self.sink.reset()

    def until_recorded(self, system: System, base: int, new: int) -> tuple[float, int]:
        """Waits until the sink has `new` deliveries and the database holds `base + new` as delivered.

        Returns when that was seen and how many of the new ones are recorded; where nothing moves any more, when it did.
        """
        began = time.time()
        seen, seen_at = -1, began
        while True:
            # The database is asked only when the sink has everything: counting rows loads what is being measured.
            arrived = int(self.sink.counts()["delivered"])
            recorded = system.delivered() - base if arrived >= new else 0
            now = time.time()
            if recorded >= new:
                return now, new
            if arrived + recorded != seen:
                seen, seen_at = arrived + recorded, now
            elif now - seen_at > STALL_SECONDS:
                return seen_at, system.delivered() - base
            to_go = (new - arrived) * (now - began) / max(arrived, 1)
            time.sleep(min(max(to_go / 3, POLL_SECONDS), 0.5))

    def stop(self) -> None:
        """Ends everything."""
        self.sink.stop()
        self.redis.stop()
        if self.postgresql:
            self.postgresql.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
