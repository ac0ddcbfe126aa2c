"""A WSDL of four megabytes in running processes: nobody waits for it but its own deliveries, and they only once."""

import json
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from dispatcher.wsdl_inspection import MAX_NODES
from tests.integration.cli_house import until
from tests.integration.house import WITHIN_SECONDS, Answered, House, only_for
from tests.integration.target import Answer, Got, Target
from tests.support.redis import running_redis
from tests.wsdls.written import service

pytestmark = [pytest.mark.slow, pytest.mark.redis]

OPERATIONS = 3_000
LARGE, SMALL = service(OPERATIONS), service(2)
LAST = f"do{OPERATIONS - 1}"
AGAIN = 20
MAX_SHOWN_BYTES = 2_000_000


def answer_of(got: Got) -> Answer:
    """The WSDLs, and a reply to whatever operation."""
    match got.path:
        case "/large.wsdl" | "/large-again.wsdl":
            return Answer(body=LARGE)
        case "/small.wsdl":
            return Answer(body=SMALL)
        case "/rest":
            return Answer()
    done = "done0" if got.path == "/small" else f"done{OPERATIONS - 1}"
    body = f'<{done} xmlns="urn:crm"><record><field0>L-1</field0></record></{done}>'
    envelope = f'<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>{body}</e:Body></e:Envelope>'
    return Answer(200, (("content-type", "text/xml"),), envelope.encode())


@pytest.fixture(scope="module")
def target() -> Iterator[Target]:
    with Target(answer_of) as made:
        yield made


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with running_redis() as broker, House(tmp_path_factory.mktemp("house"), broker) as made:
        yield made


def add(house: House, target: Target, name: str, **request: Any) -> None:
    """A profile for the events of that group."""
    given = {"kind": "soap", "wsdl": f"{target.url}/{name}.wsdl", "address": f"{target.url}/{name}", **request}
    over = {"outputs": [{"name": "lead", "field": "record.field0"}], "retry": {"delays_seconds": []}}
    house.ok("POST", "/v1/profiles", {"name": name, "trigger": only_for(name), "request": given, **over})


def parsed(house: House) -> dict[str, list[dict[str, Any]]]:
    """What the worker says of WSDLs that it parsed, by their size: small or large."""
    lines = [line for line in house.log("worker-1").splitlines() if '"wsdl.parsed"' in line]
    events = [json.loads(line) for line in lines]
    names = {len(LARGE): "large", len(SMALL): "small"}
    return {name: [each for each in events if names[each["bytes"]] == name] for name in ("large", "small")}


def ended(house: House, name: str, count: int) -> list[dict[str, Any]]:
    """The deliveries of a profile, once so many are delivered."""

    def rows() -> list[dict[str, Any]] | None:
        found = house.deliveries(profile=name, state="delivered")
        return found if len(found) >= count else None

    found = until(rows, WITHIN_SECONDS)
    assert found, house.deliveries(profile=name)
    return list(found)


def test_while_it_is_parsed_others_are_delivered_and_after_that_it_is_parsed_no_more(
    house: House, target: Target
) -> None:
    assert len(LARGE) > 4_000_000
    parameters = {"record": {"field0": "{{ call.id }}"}}
    add(house, target, "large", operation=LAST, parameters=parameters)
    add(house, target, "small", operation="do0", parameters=parameters)
    house.add_profile("rest", f"{target.url}/rest", trigger=only_for("rest"))
    house.post([1], group="large")
    pairs, number = 0, 10
    while not parsed(house)["large"]:
        house.post([number], group="rest")
        house.post([number + 1], group="small")
        pairs, number = pairs + 1, number + 2
        ended(house, "rest", pairs)
        ended(house, "small", pairs)

    [event] = parsed(house)["large"]
    ready = datetime.fromisoformat(event["at"])
    began = ready - timedelta(seconds=event["seconds"])
    for name in ("rest", "small"):
        times = [_sent_and_recorded(house, row) for row in ended(house, name, pairs)]
        assert any(began < first and last < ready for first, last in times), (name, began, ready, times)
    assert [datetime.fromisoformat(each["at"]) < ready for each in parsed(house)["small"]] == [True]
    [first] = ended(house, "large", 1)
    assert _sent_and_recorded(house, first)[0] >= ready - timedelta(milliseconds=1)
    assert house.ok("GET", f"/v1/deliveries/{first['id']}")["outputs"] == {"lead": "L-1"}

    house.post(range(1_000, 1_000 + AGAIN), group="large")
    ended(house, "large", 1 + AGAIN)
    assert {name: len(events) for name, events in parsed(house).items()} == {"large": 1, "small": 1}
    bodies = [each.body for each in target.requests if each.path == "/large"]
    assert len(bodies) == 1 + AGAIN
    assert all(f"{LAST} ".encode() in body or f":{LAST}>".encode() in body for body in bodies)


def test_inspecting_it_is_bounded_and_holds_up_no_event(house: House, target: Target) -> None:
    answers: list[Answered] = []

    def inspect() -> None:
        url = f"{target.url}/large-again.wsdl"
        answers.append(house.call("POST", "/v1/wsdl/inspect", {"url": url}, WITHIN_SECONDS))

    asking = threading.Thread(target=inspect)
    asking.start()
    accepted, number = 0, 5_000
    while asking.is_alive():
        house.post([number], group="nobody")
        accepted, number = accepted + asking.is_alive(), number + 1
    asking.join()
    assert accepted > 1
    [answered] = answers
    assert answered.status == 200
    # Too many parameters to show all: names, and of the operation that is named the tree.
    [port] = answered.body["services"][0]["ports"]
    assert (answered.body["trees"], len(port["operations"])) == (False, OPERATIONS)
    assert len(json.dumps(answered.body)) < MAX_SHOWN_BYTES
    asked = {"url": f"{target.url}/large-again.wsdl", "operation": LAST}
    [shown] = house.ok("POST", "/v1/wsdl/inspect", asked)["services"][0]["ports"][0]["operations"]
    assert (shown["name"], shown["parameters"][0]["name"]) == (LAST, "record")
    assert json.dumps(shown).count('"name"') < MAX_NODES


def _sent_and_recorded(house: House, row: dict[str, Any]) -> tuple[datetime, datetime]:
    [attempt] = house.attempts(row["id"])
    finished_at = house.ok("GET", f"/v1/deliveries/{row['id']}")["finished_at"]
    return datetime.fromisoformat(attempt["started_at"]), datetime.fromisoformat(finished_at)
