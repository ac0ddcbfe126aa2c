"""A test of a profile, over the whole way: API, broker, worker, target; and nothing that counts has moved."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook

from tests.integration.cli_house import event, get, until
from tests.integration.house import House
from tests.integration.target import Answer, Target
from tests.support.needs import REQUIRED
from tests.support.redis import RedisServer

pytestmark = pytest.mark.slow


@pytest.fixture
def target() -> Iterator[Target]:
    with Target() as made:
        yield made


def counted(house: House) -> dict[str, Any]:
    """Whatever a test must not move."""
    return {
        "books": house.books(),
        "deliveries": house.ok("GET", "/v1/deliveries")["items"],
        "events": house.ok("GET", "/v1/events")["items"],
        "dry run": house.ok("POST", "/v1/deliveries/replay", {"filter": {"profile": "crm"}, "dry_run": True}),
        "profiles": house.ok("GET", "/v1/profiles")["items"],
    }


def test_tests_are_sent_by_a_worker_and_move_no_book_list_or_profile(
    tmp_path: Path, redis_server: RedisServer, target: Target
) -> None:
    with House(tmp_path, redis_server) as house:
        house.add_profile("crm", target.url + "/crm")
        house.post([1])
        house.await_settled(1, delivered=1)
        before, real = counted(house), target.ids()
        secret = house.ok("GET", "/v1/profiles/crm/signing-secret")["current"]

        # A target that says no, and would be asked again for three days or switch the profile off.
        for status, reason in ((503, "a test is one attempt"), (410, "refused: ")):
            target.answer = lambda _, status=status: Answer(status)  # type: ignore[misc]
            stored = house.call("POST", "/v1/profiles/crm/test", {"call_id": "c1", "send": True})
            assert (stored.status, stored.body["delivery"]["state"]) == (200, "dead")
            assert stored.body["delivery"]["reason"].startswith(reason)
            assert [each["status"] for each in stored.body["attempts"]] == [status]
        assert counted(house) == before

        target.answer = lambda _: Answer()
        house.ok("POST", "/v1/profiles/crm/disable")
        before, seen = counted(house), target.ids()
        given = house.ok("POST", "/v1/profiles/crm/test", {"event": event(1, id="given"), "send": True})
        assert (given["delivery"]["state"], given["delivery"]["test"]) == ("delivered", True), given
        assert [each["status"] for each in given["attempts"]] == [200]
        (got,) = [each for each in target.requests if each.id not in seen]
        assert (got.id, got.body) == (given["delivery"]["id"], b'{"call":"given"}')
        Webhook(secret).verify(got.body, got.headers)
        assert counted(house) == before
        assert len(set(target.ids())) == len(real) + 3

        tests = house.deliveries(test="true")
        assert len(tests) == 3
        (only,) = house.ok("GET", "/v1/calls/c1")["events"]
        assert sorted(each["test"] for each in only["deliveries"]) == [False, True, True]
        assert until(lambda: get(house.url + "/metrics") == 200)
        metrics = house.call("GET", "/metrics").body.decode()
        assert 'onhook_deliveries{state="delivered",workspace="default"} 1.0' in metrics
        assert 'onhook_events{step="accepted",workspace="default"} 1.0' in metrics


def test_without_a_worker_the_answer_says_so_and_the_sweeper_sends_it_later(
    tmp_path: Path, redis_server: RedisServer, target: Target
) -> None:
    with House(tmp_path, redis_server) as house:
        house.add_profile("crm", target.url, timeout_seconds=0.5)
        house.kill("worker-1")
        began = time.monotonic()
        answer = house.call("POST", "/v1/profiles/crm/test", {"event": event(1), "send": True})
        assert time.monotonic() - began < 15
        assert (answer.status, answer.body["delivery"]["state"]) == (202, "pending")
        assert answer.body["detail"].startswith("No worker has taken the test yet")
        house.start("worker-1")
        path = answer.headers["location"]
        assert until(lambda: house.ok("GET", path)["state"] == "delivered")
        assert target.ids() == [answer.body["delivery"]["id"]]


@pytest.mark.skipif(shutil.which("curl") is None and not REQUIRED, reason="there is no curl")
def test_the_curl_command_that_is_shown_reaches_the_target_with_a_signature_that_verifies(
    tmp_path: Path, redis_server: RedisServer, target: Target
) -> None:
    with House(tmp_path, redis_server) as house:
        house.add_profile("crm", target.url)
        secret = house.ok("GET", "/v1/profiles/crm/signing-secret")["current"]
        shown = house.ok("POST", "/v1/profiles/crm/test", {"event": event(1)})
        subprocess.run(["sh", "-s"], input=shown["request"]["curl"].encode(), check=True, timeout=20)
    (got,) = target.requests
    assert got.body == b'{"call":"c1"}'
    Webhook(secret).verify(got.body, got.headers)
