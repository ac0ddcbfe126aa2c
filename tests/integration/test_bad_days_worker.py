"""Workers that are killed or stopped in the middle of requests: nothing lost, and only what was in flight repeated."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.cli_house import start
from tests.integration.house import LONG, House, everything, seconds_until
from tests.integration.target import Answer, Target, repeated
from tests.support.redis import RedisServer

pytestmark = pytest.mark.slow

LEASE_SECONDS = 4.0
TIMEOUT_SECONDS = 3
"""Of the profiles: a lease never ends before the time-out plus a second."""
RECORDED_SECONDS = 0.5
"""What was answered so long ago is recorded, or the machine stands still."""


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str | None:
    return None if request.param == "sqlite" else request.getfixturevalue("postgresql_database")


@pytest.fixture
def target() -> Iterator[Target]:
    with Target() as made:
        yield made


def slowly(target: Target, seconds: float) -> None:
    target.answer = lambda _: Answer(after_seconds=seconds)


def test_a_worker_killed_in_the_middle_of_requests_loses_nothing_and_repeats_only_what_was_in_flight(
    tmp_path: Path, redis_server: RedisServer, target: Target, database_url: str | None
) -> None:
    count = 600 * LONG
    environment = {"ONHOOK_LEASE_SECONDS": str(LEASE_SECONDS), "ONHOOK_MAX_IN_FLIGHT": "300"}
    with House(tmp_path, redis_server, database_url, environment=environment) as house:
        house.add_profile("crm", target.url, timeout_seconds=TIMEOUT_SECONDS)
        slowly(target, 1.0)
        for first in range(0, count, 200):
            house.post(range(first, first + 200))
        # Some are recorded, hundreds are in flight, and the rest waits in this worker and in the broker.
        seconds_until(lambda: len(target.requests) > 300 and len(target.waiting()) > 100)
        house.kill("worker-1")
        killed_at = time.monotonic()
        before = list(target.requests)
        assert len({got.id for got in before}) < count

        house.start("worker-1")
        slowly(target, 0.0)
        ids = everything(target, count)
        house.await_settled(count, delivered=count)
        in_flight = {
            got.id for got in before if got.answered_at is None or got.answered_at > killed_at - RECORDED_SECONDS
        }
        again = repeated(target.ids())
        assert set() < again <= in_flight
        # Everything that the dead worker had not recorded has come again, as soon as its lease allowed.
        arrived = {got.id: got.at for got in target.requests}
        assert set(arrived) == ids == {row["id"] for row in house.deliveries()}
        assert max(arrived.values()) - killed_at < LEASE_SECONDS + 5.0


def test_sigterm_finishes_what_is_in_hand_and_hands_back_the_rest_within_10_seconds(
    tmp_path: Path, redis_server: RedisServer, target: Target
) -> None:
    with House(tmp_path, redis_server, workers=2) as house:
        house.add_profile("quick", target.url + "/quick", timeout_seconds=30)
        house.add_profile("slow", target.url + "/slow", timeout_seconds=30)
        target.answer = lambda got: Answer(after_seconds=1.0 if got.path == "/quick" else None)
        house.post(range(100))
        seconds_until(lambda: len(target.waiting()) == 200)
        began = time.monotonic()
        house.processes["worker-1"].terminate()
        house.processes["worker-2"].terminate()
        assert [house.processes[name].wait(12) for name in ("worker-1", "worker-2")] == [0, 0]
        assert time.monotonic() - began < 10.0
        # What could be finished is delivered; the others are handed back, and nobody has paid for it.
        states = {(row["profile"], row["state"], row["attempts"]) for row in house.deliveries()}
        assert states == {("quick", "delivered", 1), ("slow", "pending", 0)}
        assert {row["reason"] for row in house.deliveries(profile="slow")} == {
            "shutdown: stopped before the exchange had ended"
        }

        target.answer = lambda _: Answer()
        house.start("worker-1")
        started = time.monotonic()
        house.await_settled(200, delivered=200)
        assert time.monotonic() - started < 15.0  # not after the leases of 35 s
        assert len(target.ids("/quick")) == 100
        assert {row["attempts"] for row in house.deliveries()} == {1}


def test_sigterm_and_sigint_together_are_one_clean_stop(
    tmp_path: Path, redis_server: RedisServer, target: Target
) -> None:
    """A person's Ctrl-C reaches every process of the terminal, and their supervisor then sends SIGTERM as well."""
    with House(tmp_path, redis_server) as house:
        house.add_profile("crm", target.url, timeout_seconds=30)
        slowly(target, 2.0)
        house.post(range(50))
        seconds_until(lambda: len(target.waiting()) == 50)
        worker = house.processes["worker-1"]
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGINT):
            os.kill(worker.pid, number)
            time.sleep(0.05)
        assert worker.wait(12) == 0
        # The requests in flight were waited for, and their results recorded.
        assert house.settled(50, delivered=50)
        assert repeated(target.ids()) == set()
        assert "Traceback" not in house.log("worker-1")


def test_two_workers_and_two_sweepers_side_by_side_send_each_delivery_once(
    tmp_path: Path, redis_server: RedisServer, postgresql_database: str, target: Target
) -> None:
    count = 300 * LONG
    # Everything is hinted again after a second: what comes twice is told apart by claims alone.
    environment = {"ONHOOK_REHINT_SECONDS": "1"}
    with House(tmp_path, redis_server, postgresql_database, workers=2, sweepers=2, environment=environment) as house:
        house.add_profile("crm", target.url, timeout_seconds=30)
        target.answer = lambda got: Answer(after_seconds=1.5)
        for first in range(0, count, 20):
            house.post(range(first, first + 20))
        house.await_settled(count, delivered=count)
        assert repeated(target.ids()) == set()
        assert len(target.ids()) == count


def test_a_worker_without_a_master_key_ends_and_says_so_instead_of_taking_hints(
    tmp_path: Path, redis_server: RedisServer
) -> None:
    words = ("worker", "--data-dir", str(tmp_path / "other"), "--broker-url", redis_server.url)
    assert start(*words, out=tmp_path / "worker.log").wait(60) == 1
    assert (tmp_path / "worker.log").read_text().startswith("onhook: There is no master key. Run `onhook up` once ")
