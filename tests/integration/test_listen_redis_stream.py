"""A Redis stream on a real server: acknowledged once stored, and nothing lost by any end of anybody."""

import json
from collections.abc import Iterator
from dataclasses import replace
from threading import Thread
from time import monotonic
from typing import Any

import pytest
import redis

from dispatcher.adapters.listeners import redis_stream
from dispatcher.adapters.listeners.redis_stream import StreamGroup, StreamListener, client_of
from dispatcher.ports import StoreUnavailable
from tests.integration.cli_house import until
from tests.support.redis import RedisServer
from tests.unit.doubles import HandClock
from tests.unit.listener_doubles import Door, intake_of, source_of

AT = StreamGroup("calls", "onhook", "one")


@pytest.fixture
def client(redis_server: RedisServer) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_server.redis_url, protocol=2) as made:
        yield made


def call(number: int) -> bytes:
    return json.dumps(
        {"id": f"e{number}", "type": "call.finished", "call": {"id": f"c{number}", "report_id": str(number)}}
    ).encode()


def add(client: redis.Redis, *numbers: int, name: str = "json") -> None:
    for number in numbers:
        client.xadd("calls", {name: call(number)})


def listener(client: redis.Redis, door: Door, at: StreamGroup = AT, spoken: str = "generic") -> StreamListener:
    made = StreamListener(client, at, intake_of(door, source_of(spoken)), HandClock())
    made.make_group()
    return made


def pending(client: redis.Redis) -> int:
    return client.xpending("calls", "onhook")["pending"]


def test_entries_that_were_there_before_are_stored_and_acknowledged(client: redis.Redis):
    add(client, 1, 2)
    door = Door()
    made = listener(client, door)
    assert made.read(b">") == 2
    assert (door.report_ids, pending(client), made.heard.entries) == (["1", "2"], 0, 2)


def test_the_stream_need_not_be_there_yet_and_a_second_group_is_the_same(client: redis.Redis):
    door = Door()
    made = listener(client, door)
    made.make_group()
    add(client, 1)
    assert (made.read(b">"), door.report_ids) == (1, ["1"])


def test_nothing_is_acknowledged_that_is_not_stored(client: redis.Redis):
    add(client, 1)
    door = Door(away=True)
    made = listener(client, door)
    with pytest.raises(StoreUnavailable):
        made.read(b">")
    assert pending(client) == 1
    door.away = False
    assert (made.read(b"0"), door.report_ids, pending(client)) == (1, ["1"], 0)


def test_flat_fields_are_a_record_as_well(client: redis.Redis):
    client.xadd("calls", {"uniqueid": "1700000000.1", "linkedid": "1700000000.1", "disposition": "ANSWERED",
                          "start": "2026-11-20 10:00:00", "src": "+14155550100", "dst": "200"})  # fmt: skip
    door = Door()
    assert listener(client, door, spoken="asterisk").read(b">") == 1
    assert ([event.type for event in door.stored], door.held) == (["call.finished"], [])


def test_a_poison_entry_goes_to_quarantine_and_is_acknowledged(client: redis.Redis):
    client.xadd("calls", {"body": b"\xff\x00 no json"})
    add(client, 2, name="body")
    door = Door()
    made = listener(client, door)
    made.read(b">")
    assert ([body for body, _ in door.held], door.report_ids, pending(client)) == ([b"\xff\x00 no json"], ["2"], 0)


def test_what_a_dead_consumer_left_is_taken_over(client: redis.Redis, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(redis_stream, "IDLE_MS", 0)
    add(client, 1, 2)
    with pytest.raises(StoreUnavailable):
        listener(client, Door(away=True), replace(AT, consumer="dead")).read(b">")
    door = Door()
    made = listener(client, door)
    assert (made.read(b"0"), made.claim()) == (0, 2)
    assert (door.report_ids, pending(client), made.heard.claimed) == (["1", "2"], 0, 2)


def test_an_entry_that_was_deleted_meanwhile_is_acknowledged(client: redis.Redis):
    identifier = client.xadd("calls", {"json": call(1)})
    made = listener(client, Door(away=True))
    with pytest.raises(StoreUnavailable):
        made.read(b">")
    client.xdel("calls", identifier)
    door = Door()
    made = listener(client, door)
    assert (made.read(b"0"), pending(client), door.stored, made.heard.deleted) == (1, 0, [], 1)


def test_an_entry_that_comes_again_has_the_same_id_and_time(client: redis.Redis):
    client.xadd("calls", {"json": b'{"type": "call.finished", "call": {"id": "c"}}'}, id="1700000000000-3")
    door = Door()
    listener(client, door).read(b">")
    (event,) = door.stored
    assert (event.source_event_id, event.occurred_at.isoformat()) == (
        "stream:2c1a5d2391dc60ece71fd6c6246db4df:0",
        "2023-11-14T22:13:20+00:00",
    )


def running(made: StreamListener) -> Thread:
    thread = Thread(target=made.run, args=(monotonic,), daemon=True)
    thread.start()
    return thread


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_stream, "BLOCK_MS", 50)
    monkeypatch.setattr(redis_stream, "pause_seconds", lambda *_: 0.02)


def test_it_goes_on_after_the_server_was_restarted_without_its_data(
    client: redis.Redis, redis_server: RedisServer, quick: None
):
    door = Door()
    made = StreamListener(client, AT, intake_of(door, source_of("generic")), HandClock())
    thread = running(made)
    add(client, 1)
    assert until(lambda: door.report_ids == ["1"])
    redis_server.stop()
    redis_server.start()
    with redis_server.client() as other:
        add(other, 2)
    assert until(lambda: door.report_ids == ["1", "2"])
    made.stop()
    thread.join(20)
    assert not thread.is_alive()


def test_it_waits_for_the_database_and_then_stores_what_it_was_given(client: redis.Redis, quick: None):
    door: Any = Door(away=True)
    made = StreamListener(client, AT, intake_of(door, source_of("generic")), HandClock())
    thread = running(made)
    add(client, 1)
    assert until(lambda: door.calls >= 2)
    door.away = False
    assert until(lambda: door.report_ids == ["1"] and pending(client) == 0)
    made.stop()
    thread.join(20)
    assert not thread.is_alive()


def test_a_number_that_is_given_again_after_the_stream_was_deleted_is_another_call(client: redis.Redis):
    door = Door()
    for number in (1, 2):
        client.delete("calls")
        body = json.dumps({"type": "call.finished", "call": {"id": f"c{number}", "report_id": str(number)}})
        client.xadd("calls", {"json": body}, id="1-1")
        listener(client, door).read(b">")
    assert door.report_ids == ["1", "2"]


def test_a_key_that_is_no_stream_is_said_with_what_to_do(
    client: redis.Redis, caplog: pytest.LogCaptureFixture, quick: None
):
    client.set("calls", "x")
    made = StreamListener(client, AT, intake_of(Door(), source_of("generic")), HandClock())
    thread = running(made)
    assert until(lambda: "listener.away" in caplog.messages)
    made.stop()
    thread.join(20)
    (away, *_) = [record.fields for record in caplog.records if record.message == "listener.away"]  # type: ignore[attr-defined]
    assert away["why"] == "the key holds something else than a stream: name another key"


def test_a_server_on_a_socket_of_this_machine_is_spoken_to_and_an_address_of_another_kind_is_refused():
    with client_of("unix:///nowhere/redis.sock") as made, pytest.raises(redis.ConnectionError):
        made.ping()
    with pytest.raises(ValueError, match="scheme"):
        client_of("http://localhost")
