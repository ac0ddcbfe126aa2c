"""Attempts are written as they end, in groups, and through an outage."""

from threading import Event
from uuid import UUID

import pytest
from tenacity import wait_fixed

from dispatcher.adapters.memory.store import MemoryStore
from dispatcher.domain.delivery import Claim
from dispatcher.domain.exchange import Exchange, Request
from dispatcher.ports import Profile, RenderError
from dispatcher.record import Recorder, Unrecorded
from tests.unit.doubles import NOON, WORKSPACE, House, answered, seconds

SOON = 5.0
REQUEST = Request("POST", "https://crm.example/calls", [("X-Agent", "John Doe")], b"{}", 5.0, 10.0)


class Gate(MemoryStore):
    """A store whose records wait until the gate is open, and that notes the size of each."""

    def __init__(self) -> None:
        super().__init__()
        self.opened, self.entered = Event(), Event()
        self.opened.set()
        self.records: list[int] = []
        self.poison: UUID | None = None

    def record(self, results, now) -> set[UUID]:
        self.records.append(len(results))
        self.entered.set()
        assert self.opened.wait(SOON)
        if self.poison in [result.delivery_id for result in results]:
            raise ValueError("a fault of ours")
        return super().record(results, now)


class Desk:
    """Claims to be recorded, and the recorder."""

    def __init__(self) -> None:
        house = House()
        house.close()
        self.store = house.store = Gate()
        self.house, self.clock = house, house.clock
        self.observed: list[tuple[str, UUID]] = []
        self.recorder = Recorder(
            self.store,
            self.store.disable_profile,
            self.clock,
            lambda: 0.5,
            lambda profile, result: self.observed.append((profile.spec.name, result.delivery_id)),
            wait=wait_fixed(0.001),
        )
        self.profile = self.saved()

    def saved(self, name: str = "crm", **changes) -> Profile:
        return self.house.profile(name, **changes)

    def claims(self, count: int, profile: Profile | None = None) -> list[Claim]:
        profile = profile or self.profile
        ids = self.house.backlog(profile, count)
        return self.store.claim(profile, ids, UUID(int=7), NOON, NOON + seconds(15))

    def put(self, claim: Claim, exchange: Exchange, profile: Profile | None = None) -> None:
        self.recorder.put(Unrecorded(profile or self.profile, claim, NOON, REQUEST, exchange, None))

    def states(self, claims: list[Claim]) -> list[str]:
        return [self.house.row(claim.id)["state"] for claim in claims]


@pytest.fixture
def desk():
    made = Desk()
    yield made
    made.store.away = False
    made.store.opened.set()
    made.recorder.stop(SOON)
    made.recorder._thread.join(SOON)
    assert not made.recorder._thread.is_alive()


def test_a_result_is_written_and_observed(desk: Desk):
    (claim,) = desk.claims(1)
    desk.put(claim, answered(200))
    assert desk.recorder.stop(SOON) is True
    assert desk.states([claim]) == ["delivered"]
    assert desk.observed == [("crm", claim.id)]


def test_results_that_come_while_a_commit_runs_are_written_together(desk: Desk):
    first, *others = desk.claims(9)
    desk.store.opened.clear()
    desk.put(first, answered(200))
    assert desk.store.entered.wait(SOON)
    for claim in others:
        desk.put(claim, answered(500))
    desk.store.opened.set()
    assert desk.recorder.stop(SOON) is True
    assert desk.store.records == [1, 8]
    assert desk.states([first, *others]) == ["delivered"] + ["retrying"] * 8


def test_a_group_holds_five_hundred_at_the_most(desk: Desk):
    first, *others = desk.claims(1101)
    desk.store.opened.clear()
    desk.put(first, answered(200))
    assert desk.store.entered.wait(SOON)
    for claim in others:
        desk.put(claim, answered(200))
    desk.store.opened.set()
    assert desk.recorder.stop(SOON) is True
    assert desk.store.records == [1, 500, 500, 100]


def test_an_outage_of_the_store_is_waited_out_and_everything_written_then(desk: Desk):
    claims = desk.claims(3)
    desk.store.away = True
    desk.put(claims[0], answered(200))
    assert desk.store.entered.wait(SOON)
    for claim in claims[1:]:
        desk.put(claim, answered(200))
    desk.store.away = False
    assert desk.recorder.stop(SOON) is True
    assert desk.states(claims) == ["delivered"] * 3
    assert [number for _, number in desk.observed] == [claim.id for claim in claims]


def test_stopping_while_the_store_stays_away_ends_within_the_grace_and_says_so(desk: Desk):
    claims = desk.claims(2)
    desk.store.away = True
    for claim in claims:
        desk.put(claim, answered(200))
    assert desk.store.entered.wait(SOON)
    assert desk.recorder.stop(0.05) is False
    desk.recorder._thread.join(SOON)
    assert not desk.recorder._thread.is_alive()
    desk.store.away = False
    assert desk.states(claims) == ["sending", "sending"]
    assert desk.observed == []


def test_stopping_writes_what_is_queued_first(desk: Desk):
    claims = desk.claims(50)
    for claim in claims:
        desk.put(claim, answered(200))
    assert desk.recorder.stop(SOON) is True
    assert desk.states(claims) == ["delivered"] * 50


def test_a_result_whose_claim_is_lost_is_not_observed(desk: Desk, caplog: pytest.LogCaptureFixture):
    caplog.set_level("INFO")
    kept, lost = desk.claims(2)
    later = NOON + seconds(15)
    desk.store.wake_deliveries(later, later, 1)
    first = next(claim for claim in (kept, lost) if desk.house.row(claim.id)["state"] == "pending")
    for claim in (kept, lost):
        desk.put(claim, answered(410 if claim is first else 200))
    assert desk.recorder.stop(SOON) is True
    other = kept if first is lost else lost
    assert desk.observed == [("crm", other.id)]
    assert desk.store.profile(WORKSPACE, "crm").profile.enabled is True
    assert [record.message for record in caplog.records] == ["record.claim_lost"]


def test_410_switches_the_profile_off_through_an_outage(desk: Desk):
    (claim,) = desk.claims(1)
    switch_off, asked = desk.store.disable_profile, Event()

    def away_once(profile_id, revision, reason, now):
        desk.store.away = not asked.is_set()
        asked.set()
        try:
            switch_off(profile_id, revision, reason, now)
        finally:
            desk.store.away = False

    desk.recorder._switch_off_profile = away_once
    desk.put(claim, answered(410))
    assert desk.recorder.stop(SOON) is True
    saved = desk.store.profile(WORKSPACE, "crm")
    assert (saved.profile.enabled, saved.disabled_reason) == (False, "the target answered 410 Gone")
    assert desk.states([claim]) == ["dead"]


def test_one_result_that_cannot_be_written_does_not_make_the_others_repeat(desk: Desk, caplog):
    claims = desk.claims(4)
    desk.store.opened.clear()
    desk.put(claims[0], answered(200))
    assert desk.store.entered.wait(SOON)
    desk.store.poison = claims[2].id
    for claim in claims[1:]:
        desk.put(claim, answered(200))
    desk.store.opened.set()
    assert desk.recorder.stop(SOON) is True
    assert desk.states(claims) == ["delivered", "delivered", "sending", "delivered"]
    assert {record.message for record in caplog.records} == {"record.failed"}


def test_results_of_several_profiles_are_decided_by_each_ones_own_rules(desk: Desk):
    strict = desk.saved("strict", success={"reject_status": ["5xx"]})
    lenient = desk.saved("lenient", success={"status": ["2xx", "5xx"]})
    claims = [desk.claims(1, profile)[0] for profile in (desk.profile, strict, lenient)]
    for claim, profile in zip(claims, (desk.profile, strict, lenient), strict=True):
        desk.put(claim, answered(503), profile)
    assert desk.recorder.stop(SOON) is True
    assert desk.states(claims) == ["retrying", "dead", "delivered"]


def test_a_retry_is_due_counted_from_when_the_attempt_ended(desk: Desk):
    (claim,) = desk.claims(1)
    ended = desk.clock.pass_seconds(9)
    desk.put(claim, answered(503))
    assert desk.recorder.stop(SOON) is True
    assert desk.house.row(claim.id)["due_at"] == ended + seconds(5)
    (attempt,) = desk.house.log(claim.id)
    assert attempt["started_at"] == NOON


def test_a_request_without_a_body_or_an_answer_has_an_excerpt_too(desk: Desk):
    (claim,) = desk.claims(1)
    request = Request("GET", "https://crm.example/", [], None, 5.0, 10.0)
    desk.recorder.put(Unrecorded(desk.profile, claim, NOON, request, answered(200, body=b"\xff\x00"), None))
    assert desk.recorder.stop(SOON) is True
    (attempt,) = desk.house.log(claim.id)
    assert attempt["request"] == {"method": "GET", "url": "https://crm.example/", "headers": [], "body": None}
    assert attempt["response"] == {"status": 200, "headers": [], "body": "�\x00"}


def test_a_render_error_is_recorded_without_a_request(desk: Desk):
    (claim,) = desk.claims(1)
    error = RenderError("request.url", "a path segment that is . or ..")
    desk.recorder.put(Unrecorded(desk.profile, claim, NOON, None, None, error))
    assert desk.recorder.stop(SOON) is True
    row = desk.house.row(claim.id)
    assert (row["state"], row["reason"]) == ("dead", "render_error: a path segment that is . or .. in request.url")
