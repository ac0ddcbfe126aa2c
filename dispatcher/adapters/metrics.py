"""Prometheus metrics: the books of every workspace, and the process itself.

The names keep to Prometheus' conventions; no label holds anything of a call.
"""

from collections.abc import Callable, Iterable, Mapping
from threading import Lock
from time import monotonic

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from dispatcher.domain.delivery import State
from dispatcher.ports import StoreUnavailable

BOOKS_SECONDS = 15.0
"""The books are counted at most this often: they read every delivery."""

Books = Callable[[], Mapping[str, Mapping[str, int]]]
"""Workspace name to its books."""
Refused = Callable[[], Mapping[tuple[str, str], int]]
"""Posts that were not let in, by their source's name and the word for why."""


class _RefusedCollector(Collector):
    def __init__(self, refused: Refused) -> None:
        self._refused = refused

    def collect(self) -> Iterable[Metric]:
        posts = CounterMetricFamily(
            "onhook_source_posts_refused", "Posts that were not let in.", labels=["source", "reason"]
        )
        for labels, number in self._refused().items():
            posts.add_metric(labels, number)
        return [posts]


class _BooksCollector(Collector):
    def __init__(self, books: Books) -> None:
        self._books = books
        self._counted: Mapping[str, Mapping[str, int]] = {}
        self._counted_at = -BOOKS_SECONDS
        self._lock = Lock()

    def collect(self) -> Iterable[Metric]:
        deliveries = GaugeMetricFamily("onhook_deliveries", "Deliveries by state.", labels=["workspace", "state"])
        events = GaugeMetricFamily("onhook_events", "Events accepted and evaluated.", labels=["workspace", "step"])
        made = GaugeMetricFamily("onhook_deliveries_made", "Deliveries that evaluations made.", labels=["workspace"])
        database = GaugeMetricFamily("onhook_database_up", "1 while the database answers.")
        up = self._count_again()
        for workspace, books in self._counted.items():
            for state in State:
                deliveries.add_metric([workspace, state.value], books[state.value])
            for step in ("accepted", "evaluated"):
                events.add_metric([workspace, step], books[step])
            made.add_metric([workspace], books["made"])
        database.add_metric([], float(up))
        return [deliveries, events, made, database]

    def _count_again(self) -> bool:
        with self._lock:
            if monotonic() - self._counted_at < BOOKS_SECONDS:
                return True
            try:
                self._counted = self._books()
            except StoreUnavailable:
                return False
            self._counted_at = monotonic()
            return True


def make_metrics(books: Books, refused: Refused = dict) -> Callable[[], bytes]:
    """What `/metrics` answers, in Prometheus' text format. Never raises StoreUnavailable."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    registry.register(_BooksCollector(books))
    registry.register(_RefusedCollector(refused))
    return lambda: generate_latest(registry)
