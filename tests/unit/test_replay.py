from collections.abc import Iterator
from uuid import UUID

import pytest

from dispatcher.domain.delivery import State
from dispatcher.ports import Conflict, DeliveryFilter
from dispatcher.replay import HINT_DELIVERIES, PAGE_DELIVERIES, Replayer
from tests.unit.api_house import WORKSPACE, House


@pytest.fixture
def house() -> Iterator[House]:
    with House() as house:
        house.add_profile()
        yield house


@pytest.fixture
def replayer(house: House) -> Replayer:
    return Replayer(house.store, house.hints, house.clock)


def made(house: House, count: int) -> list[UUID]:
    """Deliveries, oldest first."""
    ids: list[UUID] = []
    for number in range(count):
        house.clock.pass_seconds(1)
        ids += house.evaluate(house.post_event(f"e{number}"))
    return ids


def profile_id(house: House) -> UUID:
    saved = house.store.profile(WORKSPACE, "crm")
    assert saved is not None
    return saved.profile.id


def test_a_replayed_delivery_is_due_now_from_its_first_attempt_and_hinted(house: House, replayer: Replayer) -> None:
    (one,) = made(house, 1)
    house.settle([one])
    house.clock.pass_seconds(60)
    replayer.replay(WORKSPACE, one)
    shown = house.store.delivery(WORKSPACE, one)
    assert shown is not None
    assert (shown["state"], shown["reason"], shown["attempts"]) == ("pending", "replayed", 0)
    assert (shown["due_at"], shown["finished_at"]) == (house.clock(), None)
    assert house.hints.deliveries == [(profile_id(house), [one])]


def test_an_open_delivery_is_a_conflict_and_nothing_is_hinted(house: House, replayer: Replayer) -> None:
    (one,) = made(house, 1)
    with pytest.raises(Conflict, match="Only a final delivery"):
        replayer.replay(WORKSPACE, one)
    assert house.hints.deliveries == []


def test_a_replay_while_the_broker_is_away_is_still_done(house: House, replayer: Replayer) -> None:
    (one,) = made(house, 1)
    house.settle([one])
    house.hints.away = True
    replayer.replay(WORKSPACE, one)
    shown = house.store.delivery(WORKSPACE, one)
    assert shown is not None
    assert shown["state"] == "pending"


def test_a_filter_reopens_every_page_once_and_hints_in_parts(house: House, replayer: Replayer) -> None:
    ids = made(house, PAGE_DELIVERIES + 1)
    house.settle(ids)
    chosen = DeliveryFilter(state="dead")
    assert replayer.count_matching(WORKSPACE, chosen) == PAGE_DELIVERIES + 1
    assert replayer.replay_matching(WORKSPACE, chosen) == PAGE_DELIVERIES + 1
    newest_first = ids[::-1]
    assert [hinted for _, hinted in house.hints.deliveries] == [
        newest_first[:HINT_DELIVERIES],
        newest_first[HINT_DELIVERIES : 2 * HINT_DELIVERIES],
        newest_first[2 * HINT_DELIVERIES : PAGE_DELIVERIES],
        newest_first[PAGE_DELIVERIES:],
    ]
    assert replayer.count_matching(WORKSPACE, chosen) == 0


def test_a_filter_leaves_what_it_does_not_choose_and_what_is_open(house: House, replayer: Replayer) -> None:
    dead, delivered, pending = made(house, 3)
    house.settle([dead])
    house.settle([delivered], State.DELIVERED)
    assert replayer.replay_matching(WORKSPACE, DeliveryFilter(state="dead")) == 1
    states = [(house.store.delivery(WORKSPACE, each) or {})["state"] for each in (dead, delivered, pending)]
    assert states == ["pending", "delivered", "pending"]


def test_a_discarded_delivery_carries_its_reason_and_cannot_be_discarded_again(
    house: House, replayer: Replayer
) -> None:
    (one,) = made(house, 1)
    replayer.discard(WORKSPACE, one, "posted by mistake")
    shown = house.store.delivery(WORKSPACE, one)
    assert shown is not None
    assert (shown["state"], shown["reason"], shown["finished_at"]) == ("discarded", "posted by mistake", house.clock())
    with pytest.raises(Conflict, match="cannot be discarded"):
        replayer.discard(WORKSPACE, one, "again")


def test_what_fails_again_while_the_replay_goes_on_is_not_replayed_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = made(house, 3)
    house.settle(ids)
    monkeypatch.setattr("dispatcher.replay.PAGE_DELIVERIES", 2)
    monkeypatch.setattr(house.hints, "deliver", lambda _, hinted: house.settle(hinted))
    replayer = Replayer(house.store, house.hints, house.clock)
    assert replayer.replay_matching(WORKSPACE, DeliveryFilter(state="dead")) == 3
