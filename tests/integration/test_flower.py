"""Flower, as an operator runs it: the tasks' results mean something, and nothing of the call is on any of its pages."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.cli_house import until
from tests.integration.flower import Page, every_page, flower
from tests.integration.house import House, only_for
from tests.integration.target import Answer, Target
from tests.support.redis import RedisServer

pytest.importorskip("flower")
pytestmark = pytest.mark.slow

CANARIES = {
    "external_number": "+14155550142", "caller_name": "Canary Roe", "dnis": "+18005550143", "notes": "canary note",
    "recording": {"state": "available", "url": "https://pbx.example/rec/canary.wav?token=canary-secret"},
    "agent": {"id": "canary-17", "name": "Canary Doe"},
}  # fmt: skip
ALL = re.compile(r"canary|4155550142|8005550143", re.IGNORECASE)


@pytest.fixture
def house(tmp_path: Path, redis_server: RedisServer) -> Iterator[House]:
    with House(tmp_path, redis_server) as made:
        yield made


@pytest.fixture
def ask(house: House, tmp_path: Path) -> Iterator[Page]:
    with flower(house, tmp_path / "flower.log") as page:
        yield page


def test_flower_shows_what_tasks_did_and_nothing_of_the_calls(house: House, ask: Page) -> None:
    with Target() as target:
        body = {"kind": "json", "value": {"number": "{{ call.external_number }}", "name": "{{ call.caller_name }}"}}
        header = [{"name": "X-Key", "value": "canary-header"}]
        request = {
            "kind": "rest",
            "method": "POST",
            "url": target.url + "/canary-path",
            "body": body,
            "headers": header,
        }
        house.add_profile("crm", target.url, request=request)
        elsewhere = request | {"url": target.url + "/canary-later"}
        house.add_profile("hush", target.url, request=request, private=True, trigger=only_for("canary"))
        once = {"request": elsewhere, "retry": {"delays_seconds": [1], "jitter": 0}, "trigger": only_for("later")}
        house.add_profile("later", target.url, **once)
        target.answer = lambda got: Answer(
            503 if target.ids("/canary-later") == [got.id] else 200, body=b"canary answer"
        )
        house.post([1], **CANARIES)
        house.await_settled(1, delivered=1)
        house.post([2], **{**CANARIES, "group": "canary"})
        house.await_settled(3, delivered=3)
        house.post([3], **{**CANARIES, "group": "later"})
        house.await_settled(5, delivered=5)

        def tasks() -> dict[str, dict[str, str]]:
            return dict(json.loads(ask("/api/tasks?limit=100")))

        def results() -> list[tuple[str, str]]:
            return sorted((task["name"], str(task["result"]).strip("'\"")) for task in tasks().values())

        expected = [
            ("onhook.deliver", "later: 1 sent, 0 left for later"),
            ("onhook.evaluate", "1 event, 1 delivery: crm 1"),
            ("onhook.evaluate", "1 event, 2 deliveries: crm 1, hush 1"),
            ("onhook.evaluate", "1 event, 2 deliveries: crm 1, later 1"),
        ]
        assert until(lambda: results() == expected, 15), results()
        assert {task["state"] for task in tasks().values()} == {"SUCCESS"}
        assert {task["args"] for task in tasks().values() if task["name"] == "onhook.evaluate"} == {"(1 event)"}

        pages = every_page(ask)
        assert {path: found for path, page in pages.items() if (found := ALL.findall(page))} == {}
        logs = {name: house.log(name) for name in house.names()}
        assert {name: found for name, log in logs.items() if (found := ALL.findall(log))} == {}
