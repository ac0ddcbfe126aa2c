"""An API that is killed while it takes events in, and events that nobody knows what to do with."""

import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.integration.cli_house import event, until
from tests.integration.house import LONG, House, only_for, seconds_until
from tests.integration.target import Answer, Target
from tests.support.redis import RedisServer

pytestmark = pytest.mark.slow

POSTERS = 4


@pytest.fixture
def target() -> Iterator[Target]:
    with Target() as made:
        yield made


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_every_event_that_got_a_202_of_a_killed_api_is_delivered(
    request: pytest.FixtureRequest, tmp_path: Path, redis_server: RedisServer, target: Target, database: str
) -> None:
    url = None if database == "sqlite" else request.getfixturevalue("postgresql_database")
    count = 200 * LONG
    with House(tmp_path, redis_server, url) as house:
        house.add_profile("crm", target.url)
        stored: set[int] = set()
        without_answer: set[int] = set()

        def post(numbers: range) -> None:
            for number in numbers:
                # As a PBX does: again, until there is a 202.
                while (answer := house.call("POST", "/v1/events", event(number), timeout=5)).status != 202:
                    assert answer.status == 0, answer
                    without_answer.add(number)
                    time.sleep(0.05)
                stored.add(number)

        def more_than(some: float) -> bool:
            return len(stored) > some

        posters = [threading.Thread(target=post, args=(range(first, count, POSTERS),)) for first in range(POSTERS)]
        for poster in posters:
            poster.start()
        for part in (0.3, 0.6):
            seconds_until(partial(more_than, count * part))
            house.kill("api")
            house.start("api")
        for poster in posters:
            poster.join(60)
        assert len(stored) == count
        assert without_answer  # or nothing was being posted when it was killed
        house.await_settled(count, delivered=count)
        assert {row["call_id"] for row in house.deliveries()} == {f"c{number}" for number in range(count)}
        assert sorted(set(target.ids())) == sorted(target.ids())


def test_what_nobody_wants_is_refused_or_seen_and_what_a_disabled_profile_wants_waits_for_it(
    tmp_path: Path, redis_server: RedisServer, target: Target
) -> None:
    with House(tmp_path, redis_server) as house:
        refused = house.call("POST", "/v1/events?source=nowhere", event(1))
        assert (refused.status, refused.body["detail"]) == (404, "There is no such source.")
        assert house.books()["accepted"] == 0

        # One that no profile wants: evaluated, with each clause that did not hold.
        house.add_profile("vip", target.url + "/vip", trigger=only_for("vip"))
        [identifier] = house.post([2], group="Sales")
        seconds_until(lambda: house.books()["evaluated"] == 1)
        [said] = house.ok("GET", "/v1/calls/c2")["events"]
        assert (said["id"], said["evaluated"], said["deliveries"]) == (identifier, True, [])
        [verdict] = said["verdicts"]
        assert (verdict["profile"], verdict["fired"], verdict["reason"]) == ("vip", False, "criteria")
        assert "'saw': 'Sales'" in str(verdict["verdict"])

        # A disabled profile's open deliveries wait, shown as such, and go on by themselves.
        house.add_profile("crm", target.url + "/crm", retry={"delays_seconds": [1, 1, 1], "jitter": 0})
        target.answer = lambda _: Answer(503)
        house.post([3], group="Sales")
        until(lambda: target.ids("/crm"))
        house.ok("POST", "/v1/profiles/crm/disable")
        time.sleep(2.5)  # two of its retries would have fallen due
        tried = len(target.ids("/crm"))
        [row] = house.deliveries(profile="crm")
        assert (row["state"], row["reason"]) == ("retrying", "profile is disabled")
        target.answer = lambda _: Answer()
        time.sleep(1.5)
        assert len(target.ids("/crm")) == tried
        house.ok("POST", "/v1/profiles/crm/enable")
        assert seconds_until(lambda: house.settled(1, delivered=1)) < 5.0
        assert len(set(target.ids("/crm"))) == 1
