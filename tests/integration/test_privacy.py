"""The proof of privacy: canaries in every field, credential, answer and error; then everything is searched for them.

The same calls go through private and through ordinary profiles, in real processes, with Celery's events on, Flower
running and every log at DEBUG. There are no traces yet, and no console: they join the search when they exist.
"""

import base64
import json
import re
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
import redis

from dispatcher.domain.call_fields import FIELDS, Kind
from dispatcher.replay import ERASED
from tests.integration.canaries import canary, files_below, found, postgresql_contents
from tests.integration.cli_house import CommandLine, until
from tests.integration.flower import every_page, flower
from tests.integration.house import House
from tests.integration.private_soap import (
    SOAP_OUTCOMES,
    SOAP_SECRETS,
    assert_soap_went_through,
    plant_soap_credentials,
    soap_answer_of,
    soap_documents,
)
from tests.integration.target import Answer, Got, Target, self_signed
from tests.support.redis import RedisServer

pytest.importorskip("flower")
pytestmark = pytest.mark.slow

SIDES = {"private": "inbound", "ordinary": "outbound"}
"""Two sets of profiles; the direction of a call says which of them fire for it."""
CARDS = {"private": "4929123456789015", "ordinary": "5425233430109903"}
TYPED = {"private": "7351926408", "ordinary": "8462937514"}
NUMBERS = {"private": "49157123400", "ordinary": "49157987600"}
OUTCOMES = {
    "asked-to-wait": ("delivered", ""),
    "body-rule": ("dead", "refused"),
    "delivered": ("delivered", ""),
    "denied": ("dead", "gave up after 1 attempt, last egress_denied"),
    "dns": ("dead", "gave up after 1 attempt, last dns"),
    "faulted": ("dead", "gave up after 2 attempts, last status"),
    "hung-up": ("dead", "gave up after 1 attempt, last reset"),
    "not-json": ("dead", "gave up after 1 attempt, last body_rule"),
    "redirected": ("dead", "refused"),
    "refused": ("dead", "refused"),
    "reject-rule": ("dead", "refused"),
    "render": ("dead", "render_error"),
    "required": ("dead", "gave up after 1 attempt, last body_rule"),
    "retried": ("delivered", ""),
    "timed-out": ("dead", "gave up after 1 attempt, last timeout"),
    "tls": ("dead", "gave up after 1 attempt, last tls"),
    "with-token": ("delivered", ""),
    "without-token": ("dead", "gave up"),
    **SOAP_OUTCOMES,
}
"""State and the beginning of the reason, by the profile's name."""


# --- what is planted


def call_of(side: str) -> dict[str, Any]:
    """A call with a canary in every field that can hold one, its id excepted."""
    call: dict[str, Any] = {"id": f"call-{side}", "direction": SIDES[side]}
    for path, field in FIELDS.items():
        if not path.startswith("call.") or path in {"call.id", "call.direction", "call.custom"}:
            continue
        word = canary(f"{path} {side}")
        where, name = call, path.split(".")[-1]
        if path.count(".") == 2:
            where = call.setdefault(path.split(".")[1], {})
        if field.kind is Kind.TEXT:
            where[name] = word
        elif field.kind is Kind.TEXT_LIST:
            where[name] = [word, f"{word}2"]
    call["external_number"], call["dnis"] = f"+{NUMBERS[side]}01", f"+{NUMBERS[side]}02"
    call["external"] |= {"raw": call["external_number"], "e164": call["external_number"]}
    call["dialled"] |= {"raw": call["dnis"], "e164": call["dnis"]}
    call["recording"] = {"state": "available", "url": f"https://pbx.example/{canary(f'recording {side}')}?t=1"}
    call["custom"] = {
        "notes": f'Zoë said: "{canary(f"notes {side}")}" & <paid> with {_spaced(CARDS[side])}, twice',
        "transcript": [{"text": f"my card is {CARDS[side]} and my name {canary(f'transcript {side}')}"}],
        "deep": [{"er": canary(f"deep {side}")}],
        "amount": int(NUMBERS[side] + "03"),
        "dtmf": TYPED[side],
    }
    return call


def _spaced(card: str) -> str:
    return " ".join(re.findall("....", card))


def canaries_of(side: str, secrets: dict[str, str]) -> dict[str, str]:
    """Every canary of a side, by its place."""
    texts = json.dumps(call_of(side))
    places = {word: word for word in re.findall(r"Zq[A-Za-z0-9]+Qz", texts)}
    numbers = {f"number {last}": NUMBERS[side] + last for last in ("01", "02", "03")}
    answers = {what: canary(f"{what} {side}") for what in ("answer body", "answer header", "redirect")}
    kept = ("profile url", "profile header", "user", "password", "client secret", "token", *SOAP_SECRETS)
    answers |= {what: canary(f"{what} {side}") for what in kept}
    return {**places, **numbers, **answers, **secrets, **scrubbed_of(side)}


def scrubbed_of(side: str) -> dict[str, str]:
    """What not even the database has under a key, nor any target gets."""
    return {f"card {side}": CARDS[side], f"spaced card {side}": _spaced(CARDS[side]), f"dtmf {side}": TYPED[side]}


def document(side: str, name: str, url: str, **over: Any) -> dict[str, Any]:
    """A profile that sends everything that there is to send, wherever it can be put."""
    fields = {path: "{{ " + path + " }}" for path, field in FIELDS.items() if field.kind is not Kind.OBJECT}
    body = {**fields, "all": "{{ call.custom }}", "notes": "{{ call.custom.notes }}"}
    request = {
        "kind": "rest",
        "method": "POST",
        "url": f"{url}/{name}/{canary(f'profile url {side}')}/{{{{ call.agent.name }}}}",
        "query": [{"name": "number", "value": "{{ call.external_number }}"}],
        "headers": [
            {"name": "X-Key", "value": canary(f"profile header {side}")},
            {"name": "X-Caller", "value": "{{ call.caller_name }}"},
        ],
        "body": {"kind": "json", "value": body},
    }
    criteria = {
        "all": [
            {"field": "call.direction", "op": "eq", "value": SIDES[side]},
            {"field": "call.caller_name", "op": "exists", "value": True},
        ]
    }
    return {
        "name": f"{name}-{side}",
        "private": side == "private",
        "trigger": {"events": ["call.finished"], "criteria": criteria},
        "request": request,
        "retry": {"delays_seconds": [], "jitter": 0},
        "timeout_seconds": 2,
        **over,
    }


def documents(side: str, target: Target, strange: Target) -> list[dict[str, Any]]:
    """One for each way in which a delivery can end."""
    plain = document(side, "x", target.url)["request"]

    def changed(**members: Any) -> dict[str, Any]:
        return {**plain, "url": f"{target.url}/render", **members}

    output = [{"name": "lead_id", "json": "$.lead"}, {"name": "echo", "header": "x-echo"}]
    never = {"json": "$.lead", "equals": "something else"}
    once = {"delays_seconds": [0.5], "jitter": 0}
    rounded = "{{ call.custom.notes | round }}"
    return [
        document(side, "delivered", target.url, outputs=output, credential=f"basic-{side}"),
        document(side, "with-token", target.url, credential=f"oauth-{side}"),
        document(side, "without-token", target.url, credential=f"refused-{side}", retry={"give_up_after_seconds": 1}),
        document(side, "required", target.url, outputs=[{"name": "none", "json": "$.none", "required": True}]),
        document(side, "reject-rule", target.url, success={"reject_body": {"json": "$.lead", "matches": "^Z"}}),
        document(side, "retried", target.url, retry=once),
        document(side, "refused", target.url),
        document(side, "faulted", target.url, retry=once),
        document(side, "hung-up", target.url),
        document(side, "timed-out", target.url, timeout_seconds=1),
        document(side, "redirected", target.url),
        document(side, "body-rule", target.url, success={"status": ["2xx"], "body": never, "on_mismatch": "reject"}),
        document(side, "asked-to-wait", target.url, retry=once),
        document(side, "tls", strange.url),
        document(side, "dns", f"http://{canary(f'profile url {side}')}.invalid"),
        document(side, "denied", "http://10.11.12.13"),
        document(side, "render", target.url, request=changed(headers=[{"name": "X-Bad", "value": rounded}])),
        document(side, "not-json", target.url, success={"body": {"json": "$.a", "equals": 1}}),
        *soap_documents(side, target, document, "{{ call.custom.notes }}"),
    ]


def answer_of(got: Got, seen: list[str]) -> Answer:
    """What the target says: the request's own words back, with canaries of its own."""
    side = "private" if "Private" in got.path else "ordinary"
    way, identifier = got.path.split("/")[1], got.headers.get("webhook-id", "")
    first = identifier not in seen
    seen.append(identifier)
    if way == "wsdl" or way.startswith("soap-"):
        return soap_answer_of(way, side, got, is_first=first)
    said = canary(f"answer body {side}")
    headers = (("x-echo", canary(f"answer header {side}")), ("content-type", "application/json"))
    body = json.dumps({"lead": said, "said": got.body.decode("utf-8", "replace")}).encode()
    fault = f"<soap:Fault><faultstring>{said}</faultstring><detail>{said}</detail></soap:Fault>".encode()
    answers: dict[str, Callable[[], Answer]] = {
        "retried": lambda: Answer(503 if first else 200, headers, body),
        "refused": lambda: Answer(422, headers, body),
        "faulted": lambda: Answer(500, headers, fault),
        "hung-up": lambda: Answer(hangs_up=True),
        "timed-out": lambda: Answer(after_seconds=None),
        "redirected": lambda: Answer(
            302, (*headers, ("location", f"http://{canary(f'redirect {side}')}.example/")), body
        ),
        "asked-to-wait": lambda: Answer(
            429 if first else 200, (*headers, ("retry-after", said if first else "1")), body
        ),
        "token": lambda: Answer(200, headers, token_answer(side)),
        "no-token": lambda: Answer(400, headers, json.dumps({"error": said, "error_description": said}).encode()),
        "not-json": lambda: Answer(200, headers, said.encode()),
    }
    return answers.get(way, lambda: Answer(200, headers, body))()


def token_answer(side: str) -> bytes:
    return json.dumps({"access_token": canary(f"token {side}"), "token_type": "Bearer", "expires_in": 3600}).encode()


def plant(house: House, side: str, target: Target, strange: Target) -> list[str]:
    """Saves the credentials and profiles of a side; the profiles' names."""
    secret = canary(f"password {side}")
    basic = {"name": f"basic-{side}", "kind": "basic", "username": canary(f"user {side}"), "password": secret}
    house.ok("POST", "/v1/credentials", basic)
    for name, path in ((f"oauth-{side}", "token"), (f"refused-{side}", "no-token")):
        url = f"{target.url}/{path}/{canary(f'profile url {side}')}"
        client = {"client_id": "onhook", "client_secret": canary(f"client secret {side}"), "token_url": url}
        house.ok("POST", "/v1/credentials", {"name": name, "kind": "oauth2_client_credentials", **client})
    plant_soap_credentials(house, side, target)
    made = documents(side, target, strange)
    for each in made:
        house.ok("POST", "/v1/profiles", each)
    return [each["name"] for each in made]


# --- where it is looked for


class Monitor:
    """Every command that the broker was given, with all that it carried."""

    def __init__(self, broker: RedisServer) -> None:
        self.lines: list[str] = []
        self._client = broker.client()
        self._broker = broker
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()
        assert self._ready.wait(10)

    def _listen(self) -> None:
        with suppress(redis.RedisError, OSError, ValueError), self._client.monitor() as monitor:
            self._ready.set()
            for command in monitor.listen():
                self.lines.append(command["command"])

    def dump(self) -> bytes:
        """Those, and every key as it is now."""
        client = self._broker.client()
        keys = list(client.scan_iter())
        values = [repr((key, client.dump(key))).encode() for key in keys]
        client.close()
        return "\n".join(self.lines).encode() + b"\n".join(values)


@pytest.fixture
def kept_server(redis_server: RedisServer) -> RedisServer:
    """A broker that writes its append-only file, as the embedded one does."""
    with redis_server.client() as client:
        client.config_set("appendonly", "yes")
    return redis_server


@pytest.fixture(
    params=[
        ("sqlite", "curl"),
        ("sqlite", "requests"),
        pytest.param(("postgresql", "curl"), marks=pytest.mark.postgresql),
    ],
    ids=" ".join,
)
def house(request: pytest.FixtureRequest, tmp_path: Path, kept_server: RedisServer) -> Iterator[House]:
    database, sender = request.param
    url = request.getfixturevalue("postgresql_database") if database == "postgresql" else None
    with House(tmp_path, kept_server, url, environment={"ONHOOK_LOG_LEVEL": "DEBUG", "ONHOOK_SENDER": sender}) as made:
        yield made


def stored(house: House) -> dict[str, bytes]:
    """The data directory, and the database where it is elsewhere. The token's own file holds what it is for."""
    files = files_below(house.data_dir, but={"admin-token.json", "master.key"})
    return files | (postgresql_contents(house.database_url) if house.database_url else {})


def views(house: House) -> dict[str, str]:
    """Everything that the API shows of calls and deliveries to somebody who may read, and write."""
    pages = {path: raw(house, path) for path in ("/v1/events", "/v1/deliveries?limit=1000", "/v1/stats", "/metrics")}
    for delivery in house.deliveries():
        for path in (f"/v1/deliveries/{delivery['id']}", f"/v1/deliveries/{delivery['id']}/attempts"):
            pages[f"{path} {delivery['profile']}"] = raw(house, path)
    for event in json.loads(pages["/v1/events"])["items"]:
        pages[f"/v1/events/{event['id']} {event['call_id']}"] = raw(house, f"/v1/events/{event['id']}")
    for side in SIDES:
        pages[f"/v1/calls/call-{side}"] = raw(house, f"/v1/calls/call-{side}")
        name = f"/v1/profiles/delivered-{side}"
        pages[f"{name}/backtest"] = raw(house, f"{name}/backtest", {})
        pages[f"{name}/test"] = raw(house, f"{name}/test", {"call_id": "call-private"})
    return pages


def raw(house: House, path: str, body: Any = None) -> str:
    answer = house.call("GET" if body is None else "POST", path, body)
    assert answer.status == 200, answer
    return answer.body.decode() if isinstance(answer.body, bytes) else json.dumps(answer.body, ensure_ascii=False)


def misbehave(house: House, secret: str) -> None:
    """What goes wrong at the door, with a canary in each part of the request."""
    word = canary("bad post")
    posts = [
        ("POST", "/v1/events", {"type": "call.finished", "call": {"id": "x", "duration_seconds": word}}),
        ("POST", f"/v1/events?source={word}", {"type": "call.finished", "call": {"id": "x"}}),
        ("POST", f"/v1/sources/{word}/events", {"a": word}),
        ("GET", f"/v1/calls/{word}", None),
        ("GET", f"/v1/deliveries/{word}", None),
        ("POST", "/v1/profiles", {"name": word, "request": {"url": word, "headers": word}}),
        ("POST", "/v1/credentials", {"name": "x", "kind": "basic", "password": secret, "nonsense": word}),
    ]
    for method, path, body in posts:
        answer = house.call(method, path, body)
        assert 400 <= answer.status < 500, (path, answer)


# --- the proof


def test_nothing_of_a_call_is_found_where_it_does_not_belong(
    house: House, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    tls = self_signed(tmp_path, canary("certificate"))
    with Target(lambda got: answer_of(got, seen)) as target, Target(tls=tls) as strange:
        monitor = Monitor(house.broker)
        with flower(house, tmp_path / "flower.log") as page:
            profiles = [each for side in SIDES for each in plant(house, side, target, strange)]
            misbehave(house, canary("bad secret"))
            for side in SIDES:
                house.ok("POST", "/v1/events", {"id": f"event-{side}", "type": "call.finished", "call": call_of(side)})
            assert until(lambda: len(house.deliveries()) == len(profiles), 30)
            assert until(lambda: all(each["state"] in {"delivered", "dead"} for each in house.deliveries()), 60), [
                (each["profile"], each["state"], each["reason"]) for each in house.deliveries()
            ]
            assert dict(sorted(outcomes(house).items())) == OUTCOMES
            heard = "\n".join(every_page(page).values())
        command = CommandLine(house.data_dir, capsys, monkeypatch)
        for name, value in house.settings().items():
            monkeypatch.setenv(name, value)
        said = commands(command, house)
    logs = {name: house.log(name) for name in house.names()} | {"flower": (tmp_path / "flower.log").read_text()}
    shown, kept, carried = views(house), stored(house), monitor.dump() + broker_files(house)

    everywhere = {side: canaries_of(side, signing_secrets(house, side)) for side in SIDES}
    everything = everywhere["private"] | everywhere["ordinary"]
    everything |= {"bad post": canary("bad post"), "bad secret": canary("bad secret")}
    everything |= {"admin secret": admin_secret(house), "certificate": canary("certificate")}
    # The search looks where the data is: ids, which are no secret, are found.
    ids = {"call": "call-private", "event": "event-ordinary"}
    assert sorted({each for text in kept.values() for each in found(ids, text)}) == ["call", "event"]
    delivery = {"delivery": house.deliveries()[0]["id"]}
    assert found(delivery, logs["worker-1"].encode()) == ["delivery"]
    event_id = json.loads(shown["/v1/events"])["items"][0]["id"]
    assert found({"event": event_id.replace("-", "")}, carried) == ["event"]
    assert "onhook.evaluate" in heard

    assert hits(everything, {name: text.encode() for name, text in logs.items()}) == {}
    assert [name for name, text in logs.items() if '"logger":"zeep' in text] == []
    assert hits(everything, {"broker": carried, "flower": heard.encode()}) == {}
    assert hits(everything, kept) == {}
    assert hits(everywhere["private"], {name: text.encode() for name, text in shown.items()}) == {}
    public = {
        name: shown[name].encode() for name in ("/metrics", "/v1/stats", "/v1/events", "/v1/deliveries?limit=1000")
    }
    assert hits(everything, public) == {}
    assert hits(everywhere["private"], {name: text.encode() for name, text in said.items()}) == {}

    # What was scrubbed is nowhere, not even at the target; and the views show of ordinary calls what they should.
    scrubbed = scrubbed_of("private") | scrubbed_of("ordinary")
    got = b"\n".join(each.path.encode() + repr(each.headers).encode() + each.body for each in target.requests)
    assert found(scrubbed, got) == []
    assert hits(scrubbed, {name: text.encode() for name, text in shown.items()}) == {}
    for place in ("number 01", "answer body", "answer header", "profile header"):
        assert place in found(everywhere["ordinary"], "\n".join(shown.values()).encode())
        assert place.startswith("answer") or place in found(everywhere["private"], got)
    assert_soap_went_through(target.requests, shown)


def test_a_private_event_is_erased_within_seconds_of_its_last_delivery(
    tmp_path: Path, redis_server: RedisServer
) -> None:
    environment = {"ONHOOK_REHINT_SECONDS": "0.5"}
    with Target() as target, House(tmp_path, redis_server, environment=environment) as house:
        house.ok("POST", "/v1/profiles", document("private", "delivered", target.url))
        house.ok("POST", "/v1/profiles", document("ordinary", "delivered", target.url))
        ids = {}
        for side in SIDES:
            event = {"type": "call.finished", "call": call_of(side)}
            ids[side] = house.ok("POST", "/v1/events", event)["id"]
        house.await_settled(2, delivered=2)
        events = {side: lambda each=each: house.ok("GET", f"/v1/events/{each}") for side, each in ids.items()}
        erased = until(lambda: (event := events["private"]())["erased_at"] and event, 20)
        assert (erased["private"], erased["call"]) == (True, {"id": "call-private"})
        assert events["ordinary"]()["erased_at"] is None
        assert canary("notes ordinary") in events["ordinary"]()["call"]["custom"]["notes"]
        refused = house.call("POST", f"/v1/deliveries/{erased['deliveries'][0]['id']}/replay")
        assert (refused.status, refused.body["detail"]) == (409, ERASED)
        with closing(sqlite3.connect(house.data_dir / "onhook.db")) as database:
            rows = dict(database.execute("SELECT call_id, length(body) FROM events"))
        assert rows["call-private"] == 0 < rows["call-ordinary"]


def hits(canaries: dict[str, str], haystacks: dict[str, bytes]) -> dict[str, list[str]]:
    """What was found where."""
    return {name: places for name, text in haystacks.items() if (places := found(canaries, text))}


def outcomes(house: House) -> dict[str, tuple[str, str]]:
    """State and reason of every delivery, the sides' names taken off: privacy changes nothing of what is done."""
    by_side = {
        side: {
            each["profile"].removesuffix(f"-{side}"): (each["state"], (each["reason"] or "").partition(":")[0])
            for each in house.deliveries()
            if each["profile"].endswith(side)
        }
        for side in SIDES
    }
    assert by_side["private"] == by_side["ordinary"]
    return by_side["private"]


def signing_secrets(house: House, side: str) -> dict[str, str]:
    names = [each["name"] for each in house.ok("GET", "/v1/profiles")["items"] if each["name"].endswith(side)]
    secrets = {name: house.ok("GET", f"/v1/profiles/{name}/signing-secret")["current"] for name in names}
    return {f"signing secret of {name}": secret.removeprefix("whsec_") for name, secret in secrets.items()}


def admin_secret(house: House) -> str:
    return base64.b64decode(house.authorization.removeprefix("Basic ")).decode().partition(":")[2]


def broker_files(house: House) -> bytes:
    """The broker's append-only file."""
    files = files_below(house.broker.socket.parent)
    assert any(".aof" in name for name in files)
    return b"".join(files.values())


def commands(command: CommandLine, house: House) -> dict[str, str]:
    """What the command line shows of private deliveries."""
    words = [("delivery", "list"), ("delivery", "list", "--json"), ("delivery", "list", "--call", "call-private")]
    for each in house.deliveries(call_id="call-private"):
        words += [("delivery", "show", each["id"]), ("delivery", "show", each["id"], "--json")]
    said = {" ".join(each): command(*each) for each in words}
    assert {name: each.code for name, each in said.items() if each.code} == {}
    return {name: each.out + each.err for name, each in said.items()}
