"""Targets that hang, restart, misbehave or take back what they said, over the whole way: post to attempt row."""

import gzip
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dispatcher.cli.children import free_port
from tests.integration.cli_house import until
from tests.integration.house import House, only_for, profile, seconds_until
from tests.integration.target import Answer, Got, Target, repeated, self_signed
from tests.support.redis import RedisServer

pytestmark = pytest.mark.slow

MIB = 1024 * 1024


@pytest.fixture
def target() -> Iterator[Target]:
    with Target() as made:
        yield made


def test_nine_hundred_events_for_a_target_that_hangs_do_not_hold_up_a_hundred_for_a_healthy_one(
    tmp_path: Path, redis_server: RedisServer, target: Target
) -> None:
    # Room for 300: the sick one alone would fill it three times.
    with House(tmp_path, redis_server, environment={"ONHOOK_MAX_IN_FLIGHT": "300"}) as house:
        for name in ("sick", "alone", "healthy"):
            house.add_profile(name, f"{target.url}/{name}", trigger=only_for(name), timeout_seconds=30)
        target.answer = lambda got: Answer(after_seconds=None if got.path == "/sick" else 0.05)

        def took(name: str, first: int) -> float:
            """From the first post to the last arrival."""
            began = time.monotonic()
            for number in range(first, first + 100, 10):
                house.post(range(number, number + 10), group=name)
            seconds_until(lambda: len(target.ids(f"/{name}")) == 100)
            return max(got.at for got in target.requests if got.path == f"/{name}") - began

        alone = took("alone", 1000)
        house.post(range(900), group="sick")
        seconds_until(lambda: len(target.ids("/sick")) >= 200)
        healthy = took("healthy", 2000)
        assert healthy < alone + 1.0
        assert until(lambda: house.books()["by_state"]["delivered"] == 200, 5)
        # All the while the sick one's requests hang, none of them given up.
        assert len(target.waiting()) == len(target.ids("/sick")) >= 200


def test_a_target_that_restarts_between_two_requests_costs_no_attempt(
    tmp_path: Path, redis_server: RedisServer, target: Target
) -> None:
    with House(tmp_path, redis_server) as house:
        house.add_profile("crm", target.url)
        target.answer = lambda _: Answer(after_seconds=0.2)
        house.post(range(60))
        house.await_settled(60, delivered=60)  # sixty connections, kept open for the next
        target.close()
        target.open()
        house.post(range(60, 120))
        house.await_settled(120, delivered=120)
        assert repeated(target.ids()) == set()
        # And one that dies under the request itself, in one pooled connection after the other: libcurl tries five.
        target.answer = lambda got: Answer(hangs_up=not got.is_first)
        house.post([120])
        house.await_settled(121, delivered=121)
        assert len(target.requests) > 120 + 5
        rows = house.deliveries()
        assert {(row["attempts"], row["reason"]) for row in rows} == {(1, None)}
        attempts = [attempt for row in rows for attempt in house.attempts(row["id"])]
        assert [(a["number"], a["outcome"], a["error"]) for a in attempts] == [(1, "delivered", None)] * 121


def test_each_misbehaving_target_has_its_word_in_the_attempt_and_the_workers_memory_stays_bounded(
    tmp_path: Path, redis_server: RedisServer, target: Target
) -> None:
    answers = {
        "/silent": Answer(after_seconds=None),
        "/endless": Answer(zeros=200 * MIB),
        "/bomb": Answer(body=gzip.compress(bytes(200 * MIB), 9), headers=(("content-encoding", "gzip"),)),
        "/half": Answer(body=b"x" * 100, promised_bytes=100),
    }
    target.answer = lambda got: answers.get(got.path, Answer())
    urls = {name: target.url + name for name in answers}
    urls |= {"/nowhere": "http://crm.invalid/x", "/closed": f"http://127.0.0.1:{free_port('127.0.0.1')}/x"}
    urls["/metadata"] = "http://169.254.169.254/x"
    with Target(tls=self_signed(tmp_path)) as untrusted, House(tmp_path, redis_server) as house:
        urls["/untrusted"] = untrusted.url
        house.add_profile("healthy", target.url + "/healthy")
        house.post([0])
        house.await_settled(1, delivered=1)
        before = resident_bytes(house.processes["worker-1"].pid)
        for name, url in urls.items():
            house.add_profile(name.strip("/"), url, timeout_seconds=3, retry={"delays_seconds": []})
        house.post(range(1, 4))
        house.await_settled(4 + 3 * len(urls), delivered=4, dead=3 * len(urls))
        words = {
            row["profile"]: {attempt["error"] for attempt in house.attempts(row["id"])}
            for row in house.deliveries(state="dead")
        }
        assert words == {
            "silent": {"timeout"},
            "endless": {"too_large"},
            "bomb": {"too_large"},
            "half": {"reset"},
            "nowhere": {"dns"},
            "closed": {"connect_refused"},
            "metadata": {"egress_denied"},
            "untrusted": {"tls"},
        }
        assert resident_bytes(house.processes["worker-1"].pid) - before < 40 * MIB


def resident_bytes(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE")


def test_a_template_that_cannot_be_rendered_is_dead_without_an_attempt_and_delivered_when_it_is_mended(
    tmp_path: Path, redis_server: RedisServer, target: Target
) -> None:
    with House(tmp_path, redis_server) as house:
        # A number that is divided by: fine for most calls, and not for this one.
        broken = body_of("{{ call.duration_seconds / call.hold_seconds }}")
        house.ok("POST", "/v1/profiles", profile("crm", target.url) | {"request": {**broken, "url": target.url}})
        house.post([1], hold_seconds=0)
        house.await_settled(1, dead=1)
        [row] = house.deliveries()
        assert row["attempts"] == 0
        assert row["reason"].startswith("render_error: ")
        [attempt] = house.attempts(row["id"])
        assert (attempt["number"], attempt["error"], attempt["status"]) == (1, "render_error", None)
        assert target.requests == []

        house.ok(
            "PATCH", "/v1/profiles/crm", {"request": {**body_of("{{ call.duration_seconds }}"), "url": target.url}}
        )
        house.ok("POST", f"/v1/deliveries/{row['id']}/replay")
        house.await_settled(1, delivered=1)
        [got] = target.requests
        assert (got.id, got.body) == (row["id"], b'{"value":200}')


def body_of(template: str) -> dict[str, Any]:
    return {"kind": "rest", "method": "POST", "body": {"kind": "json", "value": {"value": template}}}


def test_retry_after_is_obeyed_410_disables_a_redirect_is_not_followed_and_a_filter_replays(
    tmp_path: Path, redis_server: RedisServer, target: Target
) -> None:
    answers = {
        "/busy": Answer(429, (("retry-after", "3"),)),
        "/gone": Answer(410),
        "/moved": Answer(302, (("location", target.url + "/elsewhere"),)),
        "/refuses": Answer(422),
    }

    def answer(got: Got) -> Answer:
        first = [each.path for each in target.requests].count(got.path) == 1
        return answers.get(got.path, Answer()) if first or got.path != "/busy" else Answer()

    target.answer = answer
    with House(tmp_path, redis_server) as house:
        for path in answers:
            house.add_profile(path.strip("/"), target.url + path)
        house.post([1])
        house.await_settled(4, delivered=1, dead=3)
        rows = {row["profile"]: row for row in house.deliveries()}
        assert {name: (row["state"], row["attempts"]) for name, row in rows.items()} == {
            "busy": ("delivered", 1), "gone": ("dead", 1), "moved": ("dead", 1), "refuses": ("dead", 1),
        }  # fmt: skip
        assert [attempt["error"] for attempt in house.attempts(rows["moved"]["id"])] == ["redirect"]
        assert target.ids("/elsewhere") == []

        # In full: not a moment earlier, in spite of jitter; and it spent no attempt.
        asked, again = (got.at for got in target.requests if got.path == "/busy")
        assert 3.0 <= again - asked < 8.0
        assert [a["status"] for a in house.attempts(rows["busy"]["id"])] == [429, 200]

        gone = house.ok("GET", "/v1/profiles/gone")
        assert (gone["enabled"], gone["disabled_reason"]) == (False, "the target answered 410 Gone")
        house.post([2])
        house.await_settled(7, delivered=2, dead=5)  # three deliveries: the disabled one was not asked
        assert len(target.ids("/gone")) == 1

        chosen = {"profile": "refuses", "state": "dead"}
        answers["/refuses"] = Answer()
        assert house.ok("POST", "/v1/deliveries/replay", {"filter": chosen, "dry_run": True}) == {"count": 2}
        assert len(target.ids("/refuses")) == 2
        assert house.ok("POST", "/v1/deliveries/replay", {"filter": chosen, "dry_run": False}) == {"count": 2}
        house.await_settled(7, delivered=4, dead=3)
        assert sorted(target.ids("/refuses")) == sorted(2 * [row["id"] for row in house.deliveries(profile="refuses")])
