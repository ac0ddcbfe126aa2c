"""Erasing private events in goes, and what the API says of an erased one."""

import hmac
from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

import pytest

from dispatcher.domain.delivery import State
from dispatcher.domain.exchange import Answer, Request
from dispatcher.domain.private_view import keyed_hash, private_view
from dispatcher.erase import BATCH_EVENTS, MOST_BATCHES, Eraser
from dispatcher.ports import Erased
from dispatcher.replay import ERASED
from dispatcher.tokens import Scope
from tests.unit.api_house import House, problem


@pytest.fixture
def house() -> Iterator[House]:
    with House() as house:
        criteria = {"all": [{"field": "call.dnis", "op": "exists"}]}
        house.add_profile("secret", private=True, trigger={"events": ["call.finished"], "criteria": criteria})
        house.add_profile("never", trigger={"events": ["call.finished"], "criteria": {"not": criteria}})
        house.add_profile("other", trigger={"events": ["call.missed"]})
        yield house


@pytest.fixture
def eraser(house: House) -> Eraser:
    return Eraser(house.store, house.clock)


def erased(house: House, eraser: Eraser) -> tuple[UUID, UUID]:
    """An event and its delivery, erased by now."""
    event_id = house.post_event()
    (delivery_id,) = house.evaluate(event_id)
    house.settle([delivery_id], State.DELIVERED)
    assert eraser.erase() == Erased(1, 1)
    return event_id, delivery_id


def test_a_go_takes_batch_after_batch_until_nothing_is_due(house: House, eraser: Eraser) -> None:
    taken: list[int] = []

    class Counting:
        def erase_due(self, now: Any, limit: int) -> Erased:
            taken.append(limit)
            return Erased(limit, 1) if len(taken) < 3 else Erased(7, 2)

    assert Eraser(Counting(), house.clock).erase() == Erased(2 * BATCH_EVENTS + 7, 4)
    assert taken == [BATCH_EVENTS] * 3


def test_a_go_ends_so_that_its_process_can_do_its_other_work(house: House) -> None:
    class Endless:
        def erase_due(self, now: Any, limit: int) -> Erased:
            return Erased(limit, 0)

    assert Eraser(Endless(), house.clock).erase() == Erased(MOST_BATCHES * BATCH_EVENTS, 0)


def test_while_the_database_is_away_it_says_so_and_erases_later(
    house: House, eraser: Eraser, caplog: pytest.LogCaptureFixture
) -> None:
    (delivery_id,) = house.evaluate(house.post_event())
    house.settle([delivery_id], State.DELIVERED)
    house.store.away = True
    assert eraser.erase() == Erased(0, 0)
    assert [record.message for record in caplog.records] == ["erase.store_unavailable"]
    house.store.away = False
    assert eraser.erase() == Erased(1, 1)


def test_an_erased_event_shows_who_fired_and_that_nobody_can_say_why(house: House, eraser: Eraser) -> None:
    event_id, delivery_id = erased(house, eraser)
    event = house.call("GET", f"/v1/events/{event_id}", Scope.READ).json()
    assert event["call"] == {"id": "7f9c"}
    assert (event["private"], event["erased_at"]) == (True, "2026-11-20T12:00:00Z")
    told = [(each["profile"], each["fired"], each["reason"], each["verdict"]) for each in event["verdicts"]]
    assert told == [
        ("never", False, "erased", None),
        ("other", False, "not for call.finished", None),
        ("secret", True, None, None),
    ]
    (shown,) = event["deliveries"]
    assert (shown["id"], shown["erased_at"]) == (str(delivery_id), "2026-11-20T12:00:00Z")
    call = house.call("GET", "/v1/calls/7f9c", Scope.READ)
    assert call.json()["call"] == {"id": "7f9c"}
    assert "+1800" not in call.text


def test_its_replay_is_409_erased_and_changes_nothing(house: House, eraser: Eraser) -> None:
    _, delivery_id = erased(house, eraser)
    before = house.call("GET", f"/v1/deliveries/{delivery_id}").json()
    hints = list(house.hints.deliveries)
    answer = house.call("POST", f"/v1/deliveries/{delivery_id}/replay")
    assert answer.json() == problem(409, "Conflict", ERASED)
    assert "erased" in ERASED
    assert house.call("GET", f"/v1/deliveries/{delivery_id}").json() == before
    assert house.hints.deliveries == hints


def test_a_replay_by_filter_leaves_what_is_erased(house: House, eraser: Eraser) -> None:
    erased(house, eraser)
    (dead,) = house.evaluate(house.post_event("e2"))
    house.settle([dead], State.DEAD)
    for dry_run in (True, False):
        body = {"filter": {"profile": "secret"}, "dry_run": dry_run}
        assert house.call("POST", "/v1/deliveries/replay", json=body).json() == {"count": 1}


def test_a_dead_delivery_can_be_replayed_for_72_hours_and_no_longer(house: House, eraser: Eraser) -> None:
    (dead,) = house.evaluate(house.post_event())
    house.settle([dead], State.DEAD)
    house.clock.now += timedelta(hours=71)
    eraser.erase()
    assert house.call("POST", f"/v1/deliveries/{dead}/replay").status_code == 202
    house.settle([dead], State.DEAD)
    house.clock.now += timedelta(hours=73)
    assert eraser.erase() == Erased(1, 1)
    assert house.call("POST", f"/v1/deliveries/{dead}/replay").status_code == 409


def test_sizes_and_keyed_hashes_are_all_that_is_kept_of_an_exchange() -> None:
    request = Request("POST", "https://crm.example/x", [("X-Key", "canary")], b"abc", 1, 1)
    key = bytes(range(32))
    derived = hmac.digest(key, b"Bodies of private profiles", "sha256")
    assert private_view(request, Answer(200, [], b""), key) == {
        "private": True,
        "request_bytes": 3,
        "response_bytes": 0,
        "body_hash": hmac.new(derived, b"abc", sha256).hexdigest(),
        "response_hash": None,
    }
    assert private_view(request, None, b"")["body_hash"] is None
    assert keyed_hash(key, b"abc") != keyed_hash(bytes(32), b"abc")
