"""The poller of MaxContact: who asks, how often, and that nothing is told twice or made up."""

import json
from typing import Any
from uuid import UUID

import pytest

from dispatcher.adapters.listeners.maxcontact import (
    IDLE_SECONDS,
    INTERVAL_SECONDS,
    LEASE_SECONDS,
    RENEW_SECONDS,
    Clocks,
    Dialler,
    MaxContactPoller,
)
from dispatcher.adapters.memory.polled_agents import MemoryPolledAgents
from dispatcher.adapters.memory.sender import ScriptedSender
from dispatcher.domain.exchange import Answer, ErrorWord, Exchange, Request
from tests.unit.doubles import HandClock
from tests.unit.listener_doubles import Door, source_of

ONE, TWO = UUID(int=1), UUID(int=2)
NAP = 0.001


class House:
    """A dialler of which a test says what each agent has, one door, one table of leases, one clock."""

    def __init__(self, *users: str, **config: Any) -> None:
        self.clock, self.door, self.store = HandClock(), Door(), MemoryPolledAgents()
        self.has: dict[str, list[dict[str, Any]]] = {}
        self.fails: Exchange | None = None
        self.sender = ScriptedSender(self.script)
        url = "https://acme.maxcontact.example/"
        self.source = source_of("maxcontact", url=url, credential="mc", users=list(users) or ["17"], **config)

    def script(self, request: Request) -> Exchange | None:
        if self.fails is not None:
            return self.fails
        calls = self.has.get(request.url.rpartition("/")[2], [])
        return answered(json.dumps({"Success": True, "Data": calls}).encode())

    def seconds(self) -> float:
        return self.clock.now.timestamp()

    def poller(self, holder: UUID = ONE) -> MaxContactPoller:
        clocks = Clocks(self.clock, self.seconds, lambda: 0.5)
        dialler = Dialler(self.source, None, None, "Onhook/1")
        return MaxContactPoller(dialler, self.sender, self.store, self.door.take, holder, clocks)

    def run(self, poller: MaxContactPoller, seconds: float, step: float = 0.25) -> None:
        for _ in range(int(seconds / step)):
            poller.step(NAP)
            self.clock.pass_seconds(step)

    @property
    def types(self) -> list[str]:
        return [event.type for event in self.door.stored]


def answered(body: bytes, status: int = 200) -> Exchange:
    return Exchange(answer=Answer(status, [], body))


def call(number: int = 1007, **changes: Any) -> dict[str, Any]:
    return {"CallId": number, "CallStartTime": "2026-11-20T11:58:00", "RecordingState": 0, **changes}


def test_a_call_that_was_there_and_is_gone_is_told_once():
    house = House()
    house.has["17"] = [call()]
    poller = house.poller()
    house.run(poller, 5)
    assert house.types == []
    house.has["17"] = []
    house.run(poller, 20)
    assert house.types == ["call.finished"]


def test_the_request_is_the_documented_one():
    house = House()
    house.run(house.poller(), 1)
    request = house.sender.requests[0]
    assert (request.method, request.url, request.body) == (
        "GET",
        "https://acme.maxcontact.example/webservices/services/telephony/getcalls/user/17",
        None,
    )
    assert ("Content-Type", "application/json") in request.headers


@pytest.mark.parametrize(
    "failure",
    [
        Exchange(error=ErrorWord.TIMEOUT), answered(b"", 500), answered(b""), answered(b"<html/>"), answered(b"x", 401),
        answered(b'{"Success":false,"Data":[]}'),
    ],
)  # fmt: skip
def test_however_long_polls_fail_nothing_has_ended(failure: Exchange):
    house = House()
    house.has["17"] = [call()]
    poller = house.poller()
    house.run(poller, 5)
    house.fails = failure
    house.run(poller, 300)
    assert (house.door.stored, poller.heard.failed > 2) == ([], True)
    house.fails = None
    house.run(poller, 60)
    assert house.door.stored == []
    house.has["17"] = []
    house.run(poller, 10)
    assert house.types == ["call.finished"]


def test_failures_are_asked_about_ever_more_seldom():
    house = House()
    house.fails = answered(b"", 500)
    house.run(house.poller(), 300)
    assert len(house.sender.requests) < 25


def test_an_idle_agent_is_asked_about_less_often_than_one_with_a_call():
    house = House("17", "18")
    house.has["17"] = [call()]
    house.run(house.poller(), 120)
    asked = [request.url.rpartition("/")[2] for request in house.sender.requests]
    assert 120 / INTERVAL_SECONDS * 0.7 < asked.count("17") <= 120 / INTERVAL_SECONDS + 1
    assert 120 / IDLE_SECONDS * 0.7 < asked.count("18") <= 120 / IDLE_SECONDS + 1


def test_a_source_has_a_budget_whatever_the_number_of_its_agents():
    house = House(*(str(number) for number in range(100)), per_second=2)
    house.run(house.poller(), 60, step=0.1)
    asked = [request.url.rpartition("/")[2] for request in house.sender.requests]
    assert 100 < len(asked) <= 121
    assert len(set(asked)) == 100


def test_no_more_than_two_questions_are_out_at_once():
    house = House(*(str(number) for number in range(10)))
    hanging = ScriptedSender(lambda _: None)
    house.sender = hanging
    house.run(house.poller(), 5)
    assert hanging.in_flight == 2


def test_two_processes_share_no_agent_and_the_other_takes_over_when_one_dies():
    house = House()
    house.has["17"] = [call()]
    first, second = house.poller(ONE), house.poller(TWO)
    for _ in range(40):
        house.run(first, 0.25)
        house.run(second, 0.25)
    assert (first.agents, second.agents) == (["17"], [])
    house.has["17"] = []
    house.run(second, LEASE_SECONDS + RENEW_SECONDS + 20)
    assert second.agents == ["17"]
    house.run(second, 70)
    assert house.types == ["call.finished"]
    assert house.door.stored[0].call["custom"].get("ended_unknown", False) in (True, False)


def test_a_process_that_stops_lets_go_at_once():
    house = House()
    first, second = house.poller(ONE), house.poller(TWO)
    house.run(first, 1)
    first.stop()
    first.run()
    house.run(second, 1)
    assert second.agents == ["17"]


def test_an_answer_that_comes_after_the_lease_tells_nothing():
    house = House()
    house.has["17"] = [call()]
    first = house.poller(ONE)
    house.run(first, 5)
    house.has["17"] = []
    while not any(each.misses for each in first.agent("17").calls.values()):
        house.run(first, 0.25)
    house.sender.script = lambda _: None
    house.run(first, 4)
    assert house.sender.in_flight == 1
    house.store.away = True
    house.clock.pass_seconds(LEASE_SECONDS)
    house.sender.finish(answered(b'{"Success":true,"Data":[]}'))
    house.run(first, 1)
    assert house.door.stored == []


def test_while_the_database_is_away_an_end_is_not_lost():
    house = House()
    house.has["17"] = [call()]
    poller = house.poller()
    house.run(poller, 5)
    house.door.away = True
    house.has["17"] = []
    house.run(poller, 10)
    assert house.types == []
    house.door.away = False
    house.run(poller, 30)
    assert house.types == ["call.finished"]


def test_two_processes_that_both_tell_of_an_end_tell_the_same_event():
    house = House()
    ids = []
    for holder in (ONE, TWO):
        house.store, house.door = MemoryPolledAgents(), Door()
        house.has["17"] = [call()]
        poller = house.poller(holder)
        house.run(poller, 5)
        house.has["17"] = []
        house.run(poller, 20)
        ids.append([event.source_event_id for event in house.door.stored])
    assert ids[0] == ids[1] != []


def test_a_restart_of_ours_loses_no_call_and_marks_what_it_did_not_see():
    house = House()
    house.has["17"] = [call()]
    house.run(house.poller(ONE), 5)
    house.clock.pass_seconds(3600)
    house.has["17"] = []
    house.run(house.poller(TWO), 120)
    (event,) = house.door.stored
    assert (event.type, event.call["custom"]["ended_unknown"]) == ("call.finished", True)


def test_a_restart_of_the_dialler_is_told_as_one_event():
    users = [str(number) for number in range(8)]
    house = House(*users, per_second=50)
    for number, user in enumerate(users):
        house.has[user] = [call(48_000 + number)]
    poller = house.poller()
    house.run(poller, 10)
    house.fails = Exchange(error=ErrorWord.CONNECT_REFUSED)
    house.run(poller, 60)
    house.fails, house.has = None, {"3": [call(1000, CallStartTime="2026-11-20T12:01:05")]}
    house.run(poller, 200)
    assert house.types == ["x.maxcontact.source_reset"]
    assert poller.heard.forgotten == 8


def test_what_only_went_on_is_saved_seldom():
    house = House()
    house.has["17"] = [call()]
    saves: list[str] = []
    save = house.store.save_agent

    def count(*args: Any) -> bool:
        saves.append(args[1])
        return save(*args)

    house.store.save_agent = count  # type: ignore[method-assign]
    house.run(house.poller(), 100)
    assert len(house.sender.requests) > 50
    assert len(saves) <= 12
