"""What the tests of the verbs and of the stores build with: a clock set by hand, profiles, events, a whole worker."""

from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Executor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from tenacity import wait_none

from dispatcher.adapters.engines import ENGINES
from dispatcher.adapters.memory.sender import Script, ScriptedSender
from dispatcher.adapters.memory.store import MemoryStore
from dispatcher.catalogue import Profiles
from dispatcher.deliver import Crew, Deliverer, SendingRules
from dispatcher.domain.delivery import NewDelivery, State
from dispatcher.domain.exchange import Answer, Exchange
from dispatcher.domain.ids import delivery_id, unix_ms, uuid7
from dispatcher.domain.profile import ProfileSpec, parse_profile
from dispatcher.domain.room import Room
from dispatcher.evaluate import Evaluator
from dispatcher.ports import Evaluation, NewEvent, Profile, Rendered, RenderError
from dispatcher.record import Recorder, Unrecorded
from dispatcher.wait import Claims

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
    return parse_profile(document(name, **changes), ENGINES)


class Events:
    """Makes events with ids of their own, in the order of time."""

    def __init__(self, workspace_id: UUID = WORKSPACE, source_id: UUID = SOURCE) -> None:
        self._workspace_id, self._source_id = workspace_id, source_id
        self._count = 0

    def new(
        self, theirs: str | None = None, call_id: str = "7f9c", kind: str = "call.finished", **call: Any
    ) -> NewEvent:
        """An event as ingestion stores it."""
        self._count += 1
        identifier = uuid7(unix_ms(NOON) + self._count, self._count.to_bytes(10, "big"))
        body = {
            "id": theirs or str(identifier),
            "type": kind,
            "occurred_at": "2026-11-20T11:59:00Z",
            "call": {"id": call_id, "caller_name": "Jane Roe", **call},
        }
        occurred_at = NOON - timedelta(minutes=1)
        workspace_id, source_id = self._workspace_id, self._source_id
        return NewEvent(identifier, workspace_id, source_id, theirs, kind, call_id, occurred_at, orjson.dumps(body))

    def several(self, count: int) -> list[NewEvent]:
        """So many, without ids of their source's."""
        return [self.new() for _ in range(count)]


class PlainTemplates:
    """Templates by a function: the request of every profile is the one its spec names, with the event as body."""

    def __init__(self) -> None:
        self.compiled: list[str] = []
        self.seen: list[Mapping[str, Any]] = []
        self.render: Callable[[Mapping[str, Any]], bytes] = orjson.dumps
        self.slow: set[str] = set()
        """Profiles that are to be prepared first; taken off when that has been done."""
        self.prepared: list[str] = []
        self.prepare_raises: Exception | None = None
        self.compile_raises: Exception | None = None

    def is_at_hand(self, spec: ProfileSpec) -> bool:
        return spec.name not in self.slow

    def prepare(self, spec: ProfileSpec, *, workspace_id: UUID) -> None:
        self.prepared.append(spec.name)
        if self.prepare_raises is not None:
            raise self.prepare_raises
        self.slow.discard(spec.name)

    def check(self, spec: ProfileSpec, outputs: Collection[str] = (), *, workspace_id: UUID) -> list[dict[str, str]]:
        return []

    def compile(self, spec: ProfileSpec, hash_key: bytes = b"", *, workspace_id: UUID) -> "_PlainTemplate":
        if self.compile_raises is not None:
            raise self.compile_raises
        self.compiled.append(spec.name)
        return _PlainTemplate(self, spec)


class _PlainTemplate:
    def __init__(self, templates: PlainTemplates, spec: ProfileSpec) -> None:
        self._templates, self._spec = templates, spec

    def render(self, context: Mapping[str, Any]) -> Rendered:
        request = self._spec.request
        self._templates.seen.append(context)
        body = self._templates.render({key: value for key, value in context.items() if key != "delivery"})
        return Rendered(request.method, request.url, [("Content-Type", "application/json")], body)

    def undefined(self, context: Mapping[str, Any]) -> list[dict[str, str]]:
        return []


def refuse_to_render(context: Mapping[str, Any]) -> bytes:
    """For `PlainTemplates.render`: the template that fails for every call."""
    raise RenderError("request.body", "no such filter")


def answered(status: int, *headers: tuple[str, str], body: bytes = b"") -> Exchange:
    """An exchange that ended with an answer."""
    return Exchange(answer=Answer(status, list(headers), body))


class Later(Executor):
    """An executor that runs nothing until it is told to."""

    def __init__(self) -> None:
        self._work: deque[Callable[[], object]] = deque()
        self._stopped = False

    def submit(self, fn: Callable[[], object], /) -> None:
        if self._stopped:
            raise RuntimeError("cannot schedule new futures after shutdown")
        self._work.append(fn)

    def run(self) -> int:
        """Runs what waits and what that brings; how much it was."""
        ran = 0
        while self._work:
            self._work.popleft()()
            ran += 1
        return ran

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self._stopped = True
        if cancel_futures:
            self._work.clear()


class PromptRecorder(Recorder):
    """The recorder without its group commits: what is put is written at once, by the thread that puts it."""

    def put(self, ended: Unrecorded) -> None:
        self._record([ended])


class House:
    """A worker process in memory: everything between hints and targets, under one clock."""

    def __init__(
        self,
        script: Script | None = None,
        *,
        capacity: int = 1280,
        lease_seconds: float | None = None,
        store: MemoryStore | None = None,
    ) -> None:
        self.clock = HandClock()
        self.store = store or MemoryStore()
        self.posted: list[UUID] = []
        self.templates = PlainTemplates()
        self.sender = ScriptedSender(script or (lambda request: answered(200)))
        self.claimers, self.preparers = Later(), Later()
        self.room = Room(capacity)
        self.events = Events()
        self.profiles = Profiles(self.store, self.templates)
        self.recorder = PromptRecorder(
            self.store,
            self.store.disable_profile,
            self.clock,
            lambda: 0.5,
            wait=wait_none(),
            delivered=self._tell_followers,
        )
        claims = Claims(self.store, self.store.waiting, self.clock)
        rules = SendingRules("Onhook/1.2.3", lease_seconds=lease_seconds)
        self.deliverer = Deliverer(
            claims,
            self.profiles,
            self.sender,
            self.recorder,
            self.room,
            self.clock,
            rules,
            Crew(self.claimers, self.preparers),
        )
        self.evaluator = Evaluator(self.store, self.profiles, self.deliverer, self.clock, claims)

    def _tell_followers(self, ids: Sequence[UUID]) -> None:
        for profile_id, woken in self.store.waiting.wake_followers(ids, self.clock()).items():
            self.deliverer.put_aside(profile_id, woken)

    def profile(self, name: str = "crm", **changes: Any) -> Profile:
        """Saves a profile."""
        return self.store.create_profile(WORKSPACE, spec(name, **changes), self.clock()).profile

    def post(self, count: int = 1, **of: Any) -> list[UUID]:
        """Stores so many new events."""
        new = [self.events.new(**of) for _ in range(count)]
        self.store.add_events(new, self.clock(), self.clock() + timedelta(seconds=5))
        self.posted += [event.id for event in new]
        return [event.id for event in new]

    def backlog(self, profile: Profile, count: int) -> list[UUID]:
        """Makes so many deliveries of a profile that are pending and due."""
        now = self.clock()
        made = [
            NewDelivery(delivery_id(each, profile.id), WORKSPACE, each, profile.id, profile.revision, None)
            for each in self.post(count)
        ]
        evaluations = [Evaluation(each.event_id, 1) for each in made]
        self.store.add_deliveries(evaluations, made, self.store.catalogue_version(), now, {}, now)
        return [each.id for each in made]

    def row(self, identifier: UUID) -> dict[str, Any]:
        """A delivery as everybody sees it."""
        row = self.store.delivery(WORKSPACE, identifier)
        assert row is not None
        return row

    def log(self, identifier: UUID) -> list[dict[str, Any]]:
        """A delivery's attempts."""
        return self.store.attempts(WORKSPACE, identifier)

    def books(self) -> dict[str, int]:
        """Deliveries by state, without the states that none has."""
        states = self.store.books(WORKSPACE)
        return {state: states[state] for state in State if states[state]}

    def close(self) -> None:
        """Ends the recorder's thread."""
        self.recorder.stop(5)
