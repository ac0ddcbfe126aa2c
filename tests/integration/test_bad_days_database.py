"""A database that is stopped or hangs: nobody hears 202 of what is not stored, and everything resumes by itself."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dispatcher.api.intake import UNSURE
from tests.integration.cli_house import event, get, until
from tests.integration.database_server import DatabaseServer, database_server
from tests.integration.house import LONG, House, seconds_until
from tests.integration.target import Answer, Target, repeated
from tests.support.redis import RedisServer

__all__ = ["database_server"]

pytestmark = [pytest.mark.slow, pytest.mark.postgresql]

AWAY_SECONDS = 6.0 * LONG
BACK_SECONDS = 15.0
ANSWERED_SECONDS = 11.0
"""A poster's own time-out is seldom shorter."""


@pytest.fixture
def target() -> Iterator[Target]:
    with Target() as made:
        yield made


def test_a_stopped_database_is_a_503_with_retry_after_and_nothing_that_got_a_202_is_lost(
    tmp_path: Path, redis_server: RedisServer, database_server: DatabaseServer, target: Target
) -> None:
    with House(tmp_path, redis_server, database_server.url) as house:
        # A lease longer than the outage: who comes first after it, recorder or sweeper, decides nothing then.
        house.add_profile("crm", target.url, timeout_seconds=AWAY_SECONDS + 24)
        target.answer = lambda _: Answer(after_seconds=3.0)
        house.post(range(50))
        seconds_until(lambda: len(target.waiting()) == 50)
        # Claims are committed without waiting for the disk: one of the last 0.6 s may be forgotten, and repeated.
        time.sleep(1.0)
        stored: set[int] = set(range(50))
        database_server.stop()
        began, number, refused = time.monotonic(), 50, 0
        while time.monotonic() < began + AWAY_SECONDS:
            answer = house.call("POST", "/v1/events", event(number), timeout=15)
            assert answer.status == 503, answer
            assert answer.headers["retry-after"] == "5"
            assert answer.seconds < ANSWERED_SECONDS
            refused += 1
            number += 1
            time.sleep(0.1)
        assert get(house.url + "/healthz") == 200
        assert get(house.url + "/readyz") == 503

        database_server.start()
        back = time.monotonic()
        assert until(lambda: house.call("POST", "/v1/events", event(number), timeout=15).status == 202, 10)
        stored.add(number)
        house.await_settled(len(stored), delivered=len(stored))
        assert time.monotonic() - back < BACK_SECONDS
        assert {row["call_id"] for row in house.deliveries()} == {f"c{each}" for each in stored}
        # The fifty exchanges that ended meanwhile were recorded afterwards, not made again.
        assert repeated(target.ids()) == set()
        assert house.ended() == {}


def test_a_database_that_hangs_answers_posters_within_bounds_and_resumes(
    tmp_path: Path, redis_server: RedisServer, database_server: DatabaseServer, target: Target
) -> None:
    with House(tmp_path, redis_server, database_server.url) as house:
        house.add_profile("crm", target.url)
        house.post(range(20))
        house.await_settled(20, delivered=20)
        house.post([20])
        # Its token was read a moment ago, so that the first post gets as far as the commit; the second does not.
        database_server.hold()
        answers = [house.call("POST", "/v1/events", event(100 + number), timeout=30) for number in range(2)]
        database_server.go_on()
        assert [answer.status for answer in answers] == [503, 503], answers
        assert answers[0].body["detail"] == UNSURE
        assert [answer.headers["retry-after"] for answer in answers] == ["5", "5"]
        assert max(answer.seconds for answer in answers) < ANSWERED_SECONDS

        # The poster tries again, and whether the first try was stored or not, there is one delivery of each.
        assert until(lambda: house.call("POST", "/v1/events", event(100)).status == 202, 15)
        assert house.call("POST", "/v1/events", event(101)).status == 202
        house.await_settled(23, 30, delivered=23)
        assert sorted(row["call_id"] for row in house.deliveries()) == sorted(
            f"c{each}" for each in (*range(21), 100, 101)
        )
        assert repeated(target.ids()) == set()
        assert house.ended() == {}


def test_a_worker_ends_within_10_seconds_of_sigterm_although_database_and_broker_hang(
    tmp_path: Path, redis_server: RedisServer, database_server: DatabaseServer, target: Target
) -> None:
    with House(tmp_path, redis_server, database_server.url, environment={"ONHOOK_LEASE_SECONDS": "7"}) as house:
        house.add_profile("crm", target.url)
        target.answer = lambda _: Answer(after_seconds=1.0)
        house.post(range(50))
        seconds_until(lambda: len(target.waiting()) == 50)
        broker = redis_server._process
        assert broker is not None
        broker.send_signal(signal.SIGSTOP)
        database_server.hold()
        began = time.monotonic()
        try:
            house.processes["worker-1"].terminate()
            house.processes["worker-1"].wait(15)
            assert time.monotonic() - began < 10.5
        finally:
            broker.send_signal(signal.SIGCONT)
            database_server.go_on()
        # What could not be recorded is sent again, under the same id.
        target.answer = lambda _: Answer()
        house.start("worker-1")
        house.await_settled(50, delivered=50)
        assert len(set(target.ids())) == 50


def test_everything_may_be_started_before_database_and_broker_are_there(
    tmp_path: Path, redis_server: RedisServer, database_server: DatabaseServer, target: Target
) -> None:
    """A machine that boots starts its services in any order."""
    with House(tmp_path, redis_server, database_server.url) as house:
        house.add_profile("crm", target.url)
        house.post([1])
        house.await_settled(1, delivered=1)
        for name in house.names():
            house.kill(name)
        redis_server.stop()
        database_server.stop()
        for name in house.names():
            house.start(name)
        assert until(lambda: get(house.url + "/healthz") == 200)
        refused = house.call("POST", "/v1/events", event(2))
        assert (refused.status, refused.headers["retry-after"]) == (503, "5")
        time.sleep(2.0)  # worker and sweeper too have found nobody by now
        assert house.ended() == {}

        database_server.start()
        redis_server.start()
        assert until(lambda: house.call("POST", "/v1/events", event(2)).status == 202, 10)
        house.await_settled(2, BACK_SECONDS, delivered=2)
        assert house.ended() == {}
