"""A broker that is wiped, killed or hangs: it holds hints alone, so posts are taken in and nothing is lost."""

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dispatcher.adapters.celery_queue import RETRY_LANE
from tests.integration.cli_house import event, get, session_of, until
from tests.integration.house import LONG, House, everything, only_for, seconds_until
from tests.integration.target import Answer, Target, repeated
from tests.integration.test_up import begin, end
from tests.support.redis import RedisServer

pytestmark = pytest.mark.slow

AWAY_SECONDS = 6.0 * LONG
"""Longer than the broker's time-out of 5 s, so that everybody notices."""
BACK_SECONDS = 25.0
"""Until everything is delivered that was posted meanwhile: Celery's consumer asks again after 2, 4, 6, ... s."""


@pytest.fixture
def target() -> Iterator[Target]:
    with Target() as made:
        yield made


def test_a_wiped_broker_loses_none_of_500_waiting_retries(
    tmp_path: Path, redis_server: RedisServer, target: Target
) -> None:
    count = 500
    with House(tmp_path, redis_server) as house:
        house.add_profile("crm", target.url, retry={"delays_seconds": [4, 60], "jitter": 0})
        target.answer = lambda _: Answer(status=503)
        house.post(range(count))
        seconds_until(lambda: house.settled(count, retrying=count))
        first = target.ids()
        target.answer = lambda _: Answer()
        # Wiped when it is empty of them, and again when it holds the hint of each: the worker is held up till then.
        redis_server.flush()
        house.processes["worker-1"].send_signal(signal.SIGSTOP)
        with redis_server.client() as client:
            assert until(lambda: client.llen(RETRY_LANE) >= 3)
        redis_server.flush()
        house.processes["worker-1"].send_signal(signal.SIGCONT)

        house.await_settled(count, delivered=count)
        again = target.ids()[len(first) :]
        assert sorted(again) == sorted(first)
        assert repeated(first) == set()
        assert {row["attempts"] for row in house.deliveries()} == {2}


@pytest.mark.parametrize("how", ["killed", "hangs"])
def test_posts_are_taken_in_while_the_broker_is_away_and_delivered_when_it_is_back(
    tmp_path: Path, redis_server: RedisServer, target: Target, how: str
) -> None:
    with House(tmp_path, redis_server) as house:
        house.add_profile("crm", target.url)
        # Half of the retries fall due while the broker is away.
        house.add_profile(
            "flaky", target.url + "/flaky", trigger=only_for("flaky"), retry={"delays_seconds": [2], "jitter": 0}
        )
        target.answer = lambda got: Answer(503 if got.path == "/flaky" else 200)
        house.post(range(10), group="flaky")
        house.await_settled(20, delivered=10, retrying=10)
        broker = redis_server._process
        assert broker is not None
        target.answer = lambda _: Answer()
        if how == "killed":
            broker.kill()
            broker.wait(10)
        else:
            os.kill(broker.pid, signal.SIGSTOP)
        began = time.monotonic()
        number = 100
        slowest = 0.0
        while time.monotonic() < began + AWAY_SECONDS:
            answer = house.call("POST", "/v1/events", event(number), timeout=5)
            assert answer.status == 202, answer
            slowest = max(slowest, answer.seconds)
            number += 1
            time.sleep(0.05)
        posted = number - 100
        assert slowest < 1.0
        assert house.call("POST", "/v1/events", event(100)).body["duplicate"] is True

        if how == "killed":
            redis_server.start()
        else:
            os.kill(broker.pid, signal.SIGCONT)
        back = time.monotonic()
        # Delivered with nobody's help, by the same processes.
        everything(target, posted + 20)
        house.await_settled(posted + 20, delivered=posted + 20)
        assert time.monotonic() - back < BACK_SECONDS
        assert house.ended() == {}
        assert "py.warnings" not in house.log("worker-1")
        assert repeated(target.ids("/")) == set()
        assert house.call("POST", "/v1/events", event(100)).body["duplicate"] is True
        # And it is as quick as before.
        house.post([1_000_000])
        assert seconds_until(lambda: len(target.ids("/")) == posted + 11) < 3.0


def test_an_embedded_broker_that_is_killed_is_started_again_and_nothing_is_missing(
    tmp_path: Path, target: Target
) -> None:
    up = begin(tmp_path)
    try:
        assert until(lambda: get(up.url + "/readyz") == 200), up.said()
        token = json.loads((up.data_dir / "admin-token.json").read_text())
        house = House(tmp_path, None)  # type: ignore[arg-type]  # only its API is asked
        house.url, house.authorization = up.url, f"Bearer {token['token']}.{token['secret_1']}"
        house.add_profile("crm", target.url)
        house.post(range(50))
        house.await_settled(50, delivered=50)
        [broker] = [pid for pid, line in session_of(up.process.pid).items() if "valkey" in line.split()[0]]
        os.kill(broker, signal.SIGKILL)
        for number in range(50, 100):
            answer = house.call("POST", "/v1/events", event(number))
            assert (answer.status, answer.seconds < 1.0) == (202, True)
        back = time.monotonic()
        house.await_settled(100, delivered=100)
        assert time.monotonic() - back < BACK_SECONDS
        assert sorted(set(target.ids())) == sorted(target.ids())
        assert "was ended by SIGKILL; starting it again" in up.said()
    finally:
        end(up)
