"""ARI over a real websocket."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from dispatcher.adapters.listeners.ari import REFUSALS, AriListener, Login, events_url
from dispatcher.adapters.listeners.drain import Drain
from dispatcher.adapters.listeners.record import unpacked
from dispatcher.adapters.listeners.spool import Spool
from tests.unit.doubles import HandClock
from tests.unit.listener_doubles import Door, intake_of, source_of, spool_in
from tests.unit.test_listen_smdr import SECONDS, until

LOGIN = Login("onhook", "pass:word-1")
BASIC = "Basic b25ob29rOnBhc3M6d29yZC0x"


def destroyed(number: int) -> str:
    caller = {"name": "Jane Roe", "number": "+14155550100"}
    channel = {
        "id": f"1700000000.{number}", "name": f"PJSIP/trunk-0000000{number}", "state": "Up", "caller": caller,
        "connected": {"name": "", "number": ""}, "accountcode": "", "linkedid": f"1700000000.{number}",
        "dialplan": {"context": "from-trunk", "exten": "200", "priority": 1},
        "creationtime": "2026-11-20T10:00:00.000+0000", "language": "en",
    }  # fmt: skip
    event = {
        "type": "ChannelDestroyed", "timestamp": "2026-11-20T10:03:20.000+0000", "application": "onhook",
        "asterisk_id": "00:00:5e:00:53:01", "cause": 16, "cause_txt": "Normal Clearing", "channel": channel,
    }  # fmt: skip
    return json.dumps(event)


RINGING = json.dumps(
    {"type": "ChannelVarset", "timestamp": "2026-11-20T10:00:01.000+0000", "application": "onhook", "variable": "A",
     "value": "1", "asterisk_id": "00:00:5e:00:53:01"}
)  # fmt: skip


class Asterisk:
    """A websocket server that says what it is told to each who connects, then ends the connection."""

    def __init__(self, *says: list[str]) -> None:
        self.says = list(says)
        self.asked: list[tuple[str, str | None]] = []
        self.refuses = 0

    def check(self, connection: ServerConnection, request: Request) -> Response | None:
        self.asked.append((request.path, request.headers.get("Authorization")))
        if self.refuses:
            self.refuses -= 1
            return connection.respond(401, "no")
        return None

    async def talk(self, connection: ServerConnection) -> None:
        for message in self.says.pop(0) if self.says else ():
            await connection.send(message)
        await connection.close()


def heard_of(asterisk: Asterisk, spool: Spool, clock: HandClock, is_over: Callable[[AriListener], bool]) -> AriListener:
    async def run() -> AriListener:
        async with serve(asterisk.talk, "127.0.0.1", 0, process_request=asterisk.check) as server:
            port = server.sockets[0].getsockname()[1]
            url = events_url(f"ws://127.0.0.1:{port}", "onhook")
            listener = AriListener(intake_of(Door(), source_of("asterisk")), spool, clock, url, LOGIN)

            async def pause(_: float) -> None:
                clock.pass_seconds(30)
                await asyncio.sleep(0)

            running = asyncio.create_task(listener.run(pause))
            await until(lambda: is_over(listener))
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            return listener

    return asyncio.run(asyncio.wait_for(run(), SECONDS * 2))


def test_events_to_keep_are_kept_and_those_of_calls_under_way_are_not(tmp_path: Path):
    asterisk = Asterisk([RINGING, destroyed(1), destroyed(2)])
    with spool_in(tmp_path) as spool:
        listener = heard_of(asterisk, spool, HandClock(), lambda each: each.heard.kept == 2)
        kept = [unpacked(entry).body.decode() for entry, _ in spool.first(9)]
        assert kept == [destroyed(1), destroyed(2)]
        door = Door()
        Drain(spool, intake_of(door, source_of("asterisk"))).once()
    assert len(door.stored) == 2
    assert listener.heard.messages == 3


def test_it_asks_for_every_channel_and_shows_its_login_in_a_header_only(tmp_path: Path):
    asterisk = Asterisk([destroyed(1)])
    with spool_in(tmp_path) as spool:
        heard_of(asterisk, spool, HandClock(), lambda each: each.heard.kept == 1)
    assert asterisk.asked[0] == ("/ari/events?app=onhook&subscribeAll=true", BASIC)


def test_it_connects_again_and_says_how_long_it_was_away(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    caplog.set_level("INFO")
    asterisk = Asterisk([destroyed(1)], [destroyed(2)])
    with spool_in(tmp_path) as spool:
        listener = heard_of(asterisk, spool, HandClock(), lambda each: each.heard.kept == 2)
        assert len(spool.first(9)) == 2
    assert listener.heard.connections >= 2
    missed = [record.fields for record in caplog.records if record.message == "listener.missed"]
    assert missed[0]["away_seconds"] == 30.0


def test_a_refused_login_is_said_and_tried_again_and_stands_in_no_log(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    caplog.set_level("DEBUG")
    asterisk = Asterisk([destroyed(1)])
    asterisk.refuses = 2
    with spool_in(tmp_path) as spool:
        heard_of(asterisk, spool, HandClock(), lambda each: each.heard.kept == 1)
    away: list[Any] = [record.fields for record in caplog.records if record.message == "listener.away"]
    assert [(each["why"], each.get("status"), each["failures"]) for each in away[:2]] == [
        (REFUSALS[401], 401, 1),
        (REFUSALS[401], 401, 2),
    ]
    ours = [record for record in caplog.records if record.name.startswith("dispatcher")]
    assert all("pass:word-1" not in str(record.__dict__) and BASIC not in str(record.__dict__) for record in ours)
    assert "pass:word-1" not in repr(LOGIN)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("ws://pbx:8088", "ws://pbx:8088/ari/events?app=my+app&subscribeAll=true"),
        ("wss://pbx/asterisk/", "wss://pbx/asterisk/ari/events?app=my+app&subscribeAll=true"),
        ("ws://pbx:8088/ari/events", "ws://pbx:8088/ari/events?app=my+app&subscribeAll=true"),
    ],
)
def test_the_address_of_the_events(url: str, expected: str):
    assert events_url(url, "my app") == expected


@pytest.mark.parametrize("url", ["http://pbx", "ws://", "ws://user:secret@pbx", "ws://pbx/?api_key=user:secret"])
def test_an_address_with_a_secret_or_of_another_kind_is_refused(url: str):
    with pytest.raises(ValueError, match="want") as refused:
        events_url(url, "onhook")
    assert "secret" not in str(refused.value)
