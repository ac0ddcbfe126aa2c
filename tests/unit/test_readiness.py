"""Profiles whose requests rest on something slow: nobody waits for it, and nothing of theirs is lost meanwhile."""

from collections.abc import Iterator

import pytest

from dispatcher.domain.exchange import ErrorWord
from dispatcher.ports import Profile, RenderError, StoreUnavailable
from tests.unit.doubles import House


@pytest.fixture
def house() -> Iterator[House]:
    """A worker that knows a slow profile and a quick one."""
    made = House()
    made.profile("slow")
    made.profile("quick")
    made.templates.slow.add("slow")
    yield made
    assert made.room.held == 0
    made.close()


def named(house: House, name: str) -> Profile:
    return next(each for each in house.store.load_catalogue().profiles.values() if each.spec.name == name)


def test_an_evaluation_makes_deliveries_of_a_slow_profile_and_waits_for_none(house: House):
    done = house.evaluator.evaluate(house.post(3))
    assert dict(done.made) == {"slow": 3, "quick": 3}
    assert [request.url for request in house.sender.requests] == ["https://crm.example/calls"] * 3
    assert house.templates.prepared == []


def test_what_waited_is_sent_once_the_profile_is_ready(house: House):
    house.evaluator.evaluate(house.post(3))
    assert house.preparers.run() == 1
    assert house.templates.prepared == ["slow"]
    house.claimers.run()
    assert len(house.sender.requests) == 6


def test_a_profile_is_prepared_once_however_much_waits_for_it(house: House):
    for _ in range(4):
        house.evaluator.evaluate(house.post(2))
    assert house.preparers.run() == 1
    house.claimers.run()
    assert len(house.sender.requests) == 16


def test_ids_that_are_hinted_again_while_they_wait_are_kept_once(house: House):
    profile = named(house, "slow")
    ids = house.backlog(profile, 3)
    for _ in range(5):
        house.deliverer.deliver(profile.id, ids)
    assert list(house.deliverer._aside._ids[profile.id]) == ids
    house.preparers.run()
    assert house.claimers.run() == 1
    assert len(house.sender.requests) == 3


def test_a_hint_of_a_slow_profile_claims_nothing_before_it_is_ready(house: House):
    profile = named(house, "slow")
    ids = house.backlog(profile, 2)
    assert house.deliverer.deliver(profile.id, ids) == ("slow", 0, 2)
    assert [house.row(each)["state"] for each in ids] == ["pending", "pending"]
    house.preparers.run()
    house.claimers.run()
    assert [house.row(each)["state"] for each in ids] == ["delivered", "delivered"]


def test_a_database_that_is_away_while_a_profile_is_prepared_leaves_all_pending_until_the_next_hint(house: House):
    house.templates.prepare_raises = StoreUnavailable("away")
    profile = named(house, "slow")
    ids = house.backlog(profile, 2)
    house.deliverer.deliver(profile.id, ids)
    assert house.preparers.run() == 1  # and not again and again
    assert [house.row(each)["state"] for each in ids] == ["pending", "pending"]
    house.templates.prepare_raises = None
    house.deliverer.deliver(profile.id, ids)
    house.preparers.run()
    house.claimers.run()
    assert [house.row(each)["state"] for each in ids] == ["delivered", "delivered"]


def test_a_profile_that_cannot_be_made_ready_is_told_of_and_harms_no_other(
    house: House, caplog: pytest.LogCaptureFixture
):
    house.templates.prepare_raises = KeyError("a member")
    house.evaluator.evaluate(house.post(1))
    assert house.preparers.run() == 1
    assert [each.message for each in caplog.records] == ["deliver.prepare_failed"]
    assert len(house.sender.requests) == 1


def test_a_database_that_is_away_while_a_request_is_built_spends_no_attempt(house: House):
    profile = named(house, "quick")
    (identifier,) = house.backlog(profile, 1)

    def away(_: object) -> bytes:
        raise StoreUnavailable("away")

    house.templates.render = away
    house.deliverer.deliver(profile.id, [identifier])
    row = house.row(identifier)
    assert (row["state"], row["attempts"]) == ("retrying", 0)
    assert row["reason"] == "wsdl: the database, which keeps the WSDL, cannot answer now in request.wsdl"


def test_a_value_that_does_not_fit_ends_the_delivery_with_its_own_word(house: House):
    profile = named(house, "quick")
    (identifier,) = house.backlog(profile, 1)

    def unfit(_: object) -> bytes:
        raise RenderError("request.parameters.when", "a value that does not fit (expected a date)", ErrorWord.BAD_VALUE)

    house.templates.render = unfit
    house.deliverer.deliver(profile.id, [identifier])
    row = house.row(identifier)
    assert [row[name] for name in ("state", "reason", "attempts")] == [
        "dead",
        "bad_value: a value that does not fit (expected a date) in request.parameters.when",
        0,
    ]
    assert house.sender.requests == []
