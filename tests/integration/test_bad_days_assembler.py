"""Whoever is killed while calls wait for more parts: every call is told once."""

import base64
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.integration.cli_house import environment, get
from tests.integration.house import House, everything, seconds_until
from tests.integration.target import Target
from tests.support.redis import RedisServer

pytestmark = pytest.mark.slow

QUIET_SECONDS = 3


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str | None:
    return None if request.param == "sqlite" else request.getfixturevalue("postgresql_database")


@pytest.fixture
def target() -> Iterator[Target]:
    with Target() as made:
        yield made


def take_and_die(house: House, first: int, count: int, legs: int, quiet_seconds: int) -> None:
    """Has a process take so many calls in, and kills it as soon as it has said that it did."""
    words = [sys.executable, "-m", "tests.integration.part_poster", *map(str, (first, count, legs, quiet_seconds))]
    with subprocess.Popen(words, env=environment(**house.settings()), stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"taken\n"
        process.kill()


SOURCE = {
    "name": "tw",
    "format": "twilio",
    "auth": {"kind": "basic", "username": "tw", "password": "hunter2"},
    "config": {"quiet_seconds": QUIET_SECONDS},
}


def post_legs(house: House, calls: int) -> None:
    """Posts a call's own leg and a child leg for each call, as its poster does, and sees each answered as stored."""
    basic = "Basic " + base64.b64encode(b"tw:hunter2").decode()
    for number in range(calls):
        form = {"CallSid": f"CA{number}", "AccountSid": "AC1", "CallStatus": "completed", "Direction": "inbound"}
        child = {**form, "CallSid": f"CB{number}", "ParentCallSid": f"CA{number}", "Direction": "outbound-dial"}
        for fields in (child, form):
            request = urllib.request.Request(
                house.url + "/v1/sources/tw/events", urlencode(fields).encode(), {"authorization": basic}
            )
            with urllib.request.urlopen(request, timeout=30) as answer:
                assert answer.status == 204


def test_a_restart_of_everything_in_the_quiet_time_loses_and_doubles_nothing(
    tmp_path: Path, redis_server: RedisServer, target: Target, database_url: str | None
) -> None:
    with House(tmp_path, redis_server, database_url) as house:
        house.add_profile("crm", target.url)
        house.ok("POST", "/v1/sources", SOURCE)
        house.kill("sweeper-1")
        post_legs(house, 50)
        house.kill("api")
        for name in ("api", "sweeper-1"):
            house.start(name)
        seconds_until(lambda: get(house.url + "/readyz") == 200)
        post_legs(house, 50)  # a call system repeats what it believes to be lost
        everything(target, 50)
        house.await_settled(50, delivered=50)
        shown = house.ok("GET", "/v1/calls/CA7")
        assert [each["source_event_id"] for each in shown["events"]] == ["CA7:finished"]
        assert {"leg:CB7"} <= set(shown["call"]["custom"])
        assert "open" not in shown
        assert house.books()["balanced"] is True


def test_sweepers_that_are_killed_while_they_tell_lose_and_double_nothing(
    tmp_path: Path, redis_server: RedisServer, target: Target, database_url: str | None
) -> None:
    count = 1_000
    with House(tmp_path, redis_server, database_url, sweepers=2) as house:
        house.add_profile("crm", target.url)
        take_and_die(house, 0, count, 2, 1)
        for done in (1, count // 2):
            seconds_until(lambda done=done: house.books()["accepted"] >= done)
            for name in ("sweeper-1", "sweeper-2"):
                house.kill(name)
                house.start(name)
        everything(target, count)
        house.await_settled(count, delivered=count)
        assert house.books()["accepted"] == count
