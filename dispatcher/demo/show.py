"""The demonstration's run: wait for the API, make the profiles, post calls, watch, and judge the end."""

import json
import time
import urllib.request
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any

from dispatcher.demo.api_client import ApiClient, Refused
from dispatcher.demo.calls import DemoCall, day_of_calls
from dispatcher.demo.integrations import RETIRED
from dispatcher.demo.screen import Screen, summary_lines
from dispatcher.demo.watch import Watch

READY_SECONDS = 60.0
SETTLE_SECONDS = 60.0
"""After the last call: the retries take about ten seconds, a busy machine takes longer."""
LOOK_SECONDS = 0.25
CALLS_PER_SECOND = 3.0
COUNTED_CALLS_PER_SECOND = 50.0
RECORDING_AFTER_SECONDS = 2.0
COUNTED_RECORDING_AFTER_SECONDS = 0.5


@dataclass
class Plan:
    """What to do. `calls` None is without end."""

    client: ApiClient
    profiles: list[dict[str, Any]]
    crm: str
    calls: int | None
    ready: Callable[[], bool]
    prefix: str


@dataclass
class Ending:
    """How it ended: a summary for people, and what is missing (nothing, where all went as it should)."""

    summary: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)


class Show:
    """One run, in a thread of its own."""

    def __init__(self, plan: Plan, screen: Screen, stop: Event) -> None:
        self._plan, self._screen, self._stop = plan, screen, stop
        self._watch = Watch()
        self._posted_calls = self._posted_events = 0
        self._late: deque[tuple[float, dict[str, Any]]] = deque()
        self._next_look = 0.0
        self.ending = Ending()

    def run(self) -> None:
        """From the wait for the API to the judgement, or until it is stopped."""
        began = datetime.now(UTC)
        self._since = (began - timedelta(seconds=1)).isoformat().replace("+00:00", "Z")
        if not self._until(self._plan.ready, READY_SECONDS):
            if self._stop.is_set():
                self._say_how_far()
            else:
                self.ending.missing.append(f"The API was not ready within {READY_SECONDS:.0f} s.")
            return
        try:
            self._before = self._plan.client.stats()
            for document in self._plan.profiles:
                self._plan.client.save_profile(document)
            self._post_calls(began)
            self._settle()
            self._judge()
        except (OSError, Refused) as error:
            if self._stop.is_set():
                self._say_how_far()
            else:
                self.ending.missing.append(f"The API failed: {error}")

    def _post_calls(self, began: datetime) -> None:
        rate = CALLS_PER_SECOND if self._plan.calls is None else COUNTED_CALLS_PER_SECOND
        due = time.monotonic()
        for call in self._calls(began):
            while (wait := due - time.monotonic()) > 0:
                self._look()
                if self._stop.wait(min(wait, LOOK_SECONDS)):
                    return
            due = max(due + 1 / rate, time.monotonic() - 1)
            self._post(call)
            self._look()
            if self._stop.is_set():
                return

    def _calls(self, began: datetime) -> Iterator[DemoCall]:
        for number, call in enumerate(day_of_calls(self._plan.prefix, 0, began)):
            if self._plan.calls is not None and number >= self._plan.calls:
                return
            yield call

    def _post(self, call: DemoCall) -> None:
        self._deliver_event(call.finished)
        self._posted_calls += 1
        if call.recorded is not None:
            later = RECORDING_AFTER_SECONDS if self._plan.calls is None else COUNTED_RECORDING_AFTER_SECONDS
            self._late.append((time.monotonic() + later, call.recorded))
        self._screen.posted(call)

    def _deliver_event(self, event: dict[str, Any]) -> None:
        self._plan.client.post(event)
        self._posted_events += 1

    def _look(self) -> None:
        """Posts the recordings that are there by now, and looks at what became of everything, a few times a second."""
        now = time.monotonic()
        while self._late and self._late[0][0] <= now:
            self._deliver_event(self._late.popleft()[1])
        if now < self._next_look:
            return
        self._watch.take(self._plan.client.deliveries(self._since))
        self._screen.show(self._watch, {"calls": self._posted_calls, "accepted": self._posted_events})
        self._next_look = time.monotonic() + LOOK_SECONDS

    def _settle(self) -> None:
        """Until every event is evaluated and no delivery is open."""
        self._until(self._settled, SETTLE_SECONDS)
        self._watch.take(self._plan.client.deliveries(self._since), whole=True)
        self._screen.show(self._watch, {"calls": self._posted_calls, "accepted": self._posted_events})

    def _settled(self) -> bool:
        self._look()
        stats = self._plan.client.stats()
        return not self._late and stats["evaluated"] == stats["accepted"] and stats["open"] == 0

    def _until(self, there: Callable[[], bool], seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while not self._stop.is_set() and time.monotonic() < deadline:
            if there():
                return True
            self._stop.wait(LOOK_SECONDS)
        return False

    def _judge(self) -> None:
        if self._stop.is_set():
            self._say_how_far()
            return
        stats = self._plan.client.stats()
        accepted = stats["accepted"] - self._before["accepted"]
        self.ending.summary = [
            f"{self._posted_calls} calls, {self._posted_events} events posted; what became of their deliveries:",
            *summary_lines(self._watch),
        ]
        missing = self.ending.missing
        if accepted != self._posted_events:
            missing.append(f"{self._posted_events} events were posted, {accepted} are stored.")
        if stats["evaluated"] != stats["accepted"]:
            missing.append(f"{stats['accepted'] - stats['evaluated']} events are not evaluated.")
        missing += self._watch.surprises()
        missing += self._compared_with_the_crm()

    def _say_how_far(self) -> None:
        """A person ended it: what had come of it until then."""
        self.ending.summary = [f"{self._posted_calls} calls until you stopped it:", *summary_lines(self._watch)]
        if self._plan.calls is not None:
            self.ending.missing.append(f"It was stopped before {self._plan.calls} calls were settled.")

    def _compared_with_the_crm(self) -> list[str]:
        """The other side's word: as many different deliveries arrived as are said to be delivered."""
        with urllib.request.urlopen(f"{self._plan.crm}/received", timeout=5) as response:  # noqa: S310 - our own CRM
            received = json.load(response)
        arrived = sum(place["deliveries"] for place in received.values())
        requests = sum(place["requests"] for place in received.values())
        delivered = self._watch.total("delivered")
        self.ending.summary.append(f"The CRM received {requests} requests with {arrived} different deliveries in them.")
        self.ending.summary.append(f"({RETIRED} has nobody at its address: it shows how giving up looks.)")
        return [] if arrived == delivered else [f"{delivered} deliveries count as delivered, {arrived} arrived."]
