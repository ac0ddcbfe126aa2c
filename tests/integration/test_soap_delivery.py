"""SOAP from the document of a profile to servers that nobody here wrote, through the public interface alone."""

import itertools
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from standardwebhooks import Webhook

from tests.integration.cli_house import event, until
from tests.integration.house import WITHIN_SECONDS, House, only_for
from tests.support.redis import running_redis
from tests.support.soap_servers import NAMESPACE, Call, SoapServer, as_told

pytestmark = [pytest.mark.slow, pytest.mark.redis]

VERSIONS = ("1.1", "1.2")
ENVELOPES = {"1.1": "http://schemas.xmlsoap.org/soap/envelope/", "1.2": "http://www.w3.org/2003/05/soap-envelope"}
ONCE = {"delays_seconds": []}
AGAIN = {"delays_seconds": [0.2, 0.2], "jitter": 0}
FINAL = ("delivered", "dead", "discarded")
PROFILES = 20
CONCURRENT = 500

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One for all: each test has profiles of its own, and events that fire no other."""
    with running_redis() as broker, House(tmp_path_factory.mktemp("house"), broker) as made:
        yield made


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def soap(server: SoapServer, version: str, operation: str, parameters: dict[str, Any], **over: Any) -> dict[str, Any]:
    """A request of a profile."""
    return {
        "kind": "soap",
        "wsdl": server.wsdl(version),
        "soap_version": version,
        "operation": operation,
        "parameters": parameters,
        **over,
    }


def add(house: House, request: dict[str, Any], **over: Any) -> str:
    """Saves a profile of a name of its own, for events of that group; the name."""
    name = f"soap-{next(_numbers)}"
    document = {"name": name, "trigger": only_for(name), "request": request, "timeout_seconds": 10, "retry": ONCE}
    house.ok("POST", "/v1/profiles", {**document, **over})
    return name


def deliver(house: House, name: str, **call: Any) -> dict[str, Any]:
    """Posts an event for the profile and gives its delivery, with `log`, its attempts, once it is final."""
    house.post([next(_numbers)], group=name, **call)

    def ended() -> dict[str, Any] | None:
        rows = house.deliveries(profile=name)
        return rows[0] if rows and rows[0]["state"] in FINAL else None

    row = until(ended, WITHIN_SECONDS)
    assert row, (house.deliveries(profile=name), house.log("worker-1")[-2000:])
    shown: dict[str, Any] = house.ok("GET", f"/v1/deliveries/{row['id']}")
    return {**shown, "log": house.attempts(row["id"])}


def only(server: SoapServer) -> Call:
    [call] = server.received()
    return call


def errors(row: dict[str, Any]) -> list[str | None]:
    return [attempt["error"] for attempt in row["log"]]


EVERYTHING: dict[str, Any] = {
    "call_id": "{{ call.id }}",
    "seconds": "{{ call.duration_seconds }}",
    "started_at": "{{ call.started_at }}",
    "day": "2026-11-20",
    "price": "12.50",
    "recorded": True,
    "audio": {"$base64": "AP9SSUZG"},
    "outcome": "{{ call.outcome }}",
    "agent": {"id": "{{ call.agent.id }}", "name": "{{ call.agent.name }}", "team": {"name": "Sales"}},
    "lines": [{"sku": "a", "quantity": 2}, {"sku": "b"}],
    "codes": "{{ call.account_codes }}",
    "tags": {"$for": "call.tags", "$as": "tag", "$each": {"name": "{{ tag }}"}},
}
CALL: dict[str, Any] = {
    "id": "c-all",
    "duration_seconds": 61,
    "started_at": "2026-11-20T10:03:20Z",
    "outcome": "missed",
    "agent": {"id": "17", "name": "Zoë <Doe> & Söhne"},
    "account_codes": ["1001", "1002"],
    "tags": ["vip", "new"],
}
RECEIVED: dict[str, Any] = {
    "call_id": "c-all",
    "seconds": 61,
    "started_at": datetime(2026, 11, 20, 10, 3, 20, tzinfo=UTC),
    "day": date(2026, 11, 20),
    "price": Decimal("12.50"),
    "recorded": True,
    "audio": b"\x00\xffRIFF",
    "outcome": "missed",
    "agent": {"id": "17", "name": "Zoë <Doe> & Söhne", "team": {"name": "Sales"}},
    "lines": [{"sku": "a", "quantity": 2}, {"sku": "b"}],
    "codes": ["1001", "1002"],
    "tags": [{"name": "vip"}, {"name": "new"}],
}


def test_a_call_of_every_type_arrives_signed_with_its_headers_and_its_answer_is_kept(
    house: House, soap_server: SoapServer, version: str
) -> None:
    request = soap(
        soap_server,
        version,
        "LogCall",
        EVERYTHING,
        headers={"Session": {"id": "{{ call.id }}-s"}},
        http_headers=[{"name": "X-Agent", "value": "{{ call.agent.id }}"}],
    )
    name = add(house, request, outputs=[{"name": "lead_id", "field": "LeadId"}, {"name": "number", "field": "Number"}])
    row = deliver(house, name, **CALL)
    assert (row["state"], errors(row)) == ("delivered", [None]), row
    assert row["outputs"] == {"lead_id": "L-c-all", "number": 61}
    call = only(soap_server)
    assert (call.path, call.operation, call.session) == (f"/soap{version.replace('.', '')}", "LogCall", "c-all-s")
    assert call.values == as_told(soap_server, version, RECEIVED)
    assert f'"{ENVELOPES[version]}"'.encode() in call.body
    assert (call.headers["x-agent"], call.headers["webhook-id"]) == ("17", row["id"])
    secret = house.ok("GET", f"/v1/profiles/{name}/signing-secret")["current"]
    Webhook(secret).verify(call.body, call.headers, json_parse=False)


def test_the_action_is_said_where_the_version_wants_it(house: House, soap_server: SoapServer, version: str) -> None:
    request = soap(soap_server, version, "Notify", {"call_id": "{{ call.id }}"})
    assert deliver(house, add(house, request))["state"] == "delivered"
    call = only(soap_server)
    action = "Notify" if soap_server.name == "spyne" else f"{NAMESPACE}/Notify"
    if version == "1.1":
        assert call.headers["content-type"].replace(" ", "").lower() == "text/xml;charset=utf-8"
        assert call.headers["soapaction"] == f'"{action}"'
    else:
        assert call.headers["content-type"].startswith("application/soap+xml")
        assert f'action="{action}"' in call.headers["content-type"]


def test_a_fault_of_the_clients_ends_the_delivery_at_once(house: House, soap_server: SoapServer, version: str) -> None:
    parameters = {"call_id": "{{ call.id }}", "code": "Client", "text": "no such lead"}
    row = deliver(house, add(house, soap(soap_server, version, "RaiseFault", parameters), retry=AGAIN))
    assert (row["state"], errors(row)) == ("dead", ["soap_fault"])
    assert only(soap_server).operation == "RaiseFault"


def test_a_fault_of_the_servers_is_tried_again_until_it_is_well(
    house: House, soap_server: SoapServer, version: str
) -> None:
    parameters = {"call_id": "{{ call.id }}", "code": "Server", "text": "busy", "times": 1}
    row = deliver(house, add(house, soap(soap_server, version, "RaiseFault", parameters), retry=AGAIN))
    assert (row["state"], errors(row)) == ("delivered", ["soap_fault", None])
    ids = [call.headers["webhook-id"] for call in soap_server.received()]
    assert ids == [row["id"], row["id"]]


@pytest.mark.parametrize(
    ("version", "code", "pattern"),
    [("1.1", "1001", "1001"), ("1.1", "Server.Gone", "Server.Gone"), ("1.2", "Server.Gone", "Gone")],
)
def test_a_fault_that_the_profile_describes_is_refused_although_it_is_the_servers(
    house: House, soap_server: SoapServer, version: str, code: str, pattern: str
) -> None:
    parameters = {"call_id": "{{ call.id }}", "code": code, "text": "gone"}
    request = soap(soap_server, version, "RaiseFault", parameters)
    row = deliver(house, add(house, request, retry=AGAIN, success={"reject_fault": [{"code": pattern}]}))
    assert (row["state"], errors(row)) == ("dead", ["soap_fault"])
    assert len(soap_server.received()) == 1


def test_a_fault_that_the_profile_describes_is_tried_again_although_it_is_the_clients(
    house: House, soap_server: SoapServer, version: str
) -> None:
    parameters = {"call_id": "{{ call.id }}", "code": "Client", "text": "row is locked", "times": 1}
    request = soap(soap_server, version, "RaiseFault", parameters)
    success = {"retry_fault": [{"code": "Client", "string": "locked$"}]}
    row = deliver(house, add(house, request, retry=AGAIN, success=success))
    assert (row["state"], errors(row)) == ("delivered", ["soap_fault", None])
    assert len(soap_server.received()) == 2


def test_a_fault_on_status_200_is_one(house: House, node_server: SoapServer, version: str) -> None:
    parameters = {"call_id": "{{ call.id }}", "code": "Client", "text": "no such lead", "status": 200}
    row = deliver(house, add(house, soap(node_server, version, "RaiseFault", parameters), retry=AGAIN))
    assert (row["state"], errors(row), row["log"][0]["status"]) == ("dead", ["soap_fault"], 200)


def test_a_one_way_operation_is_delivered_with_nothing_in_return(
    house: House, node_server: SoapServer, version: str
) -> None:
    row = deliver(house, add(house, soap(node_server, version, "Notify", {"call_id": "{{ call.id }}"})))
    assert (row["state"], errors(row), row["log"][0]["status"]) == ("delivered", [None], 202)
    call = only(node_server)
    assert (call.operation, call.values) == ("Notify", {"call_id": row["call_id"]})


def test_an_empty_reply_is_one(house: House, spyne_server: SoapServer, version: str) -> None:
    row = deliver(house, add(house, soap(spyne_server, version, "Notify", {"call_id": "{{ call.id }}"})))
    assert (row["state"], errors(row)) == ("delivered", [None])
    assert only(spyne_server).values == {"call_id": row["call_id"]}


def test_a_wrong_address_of_the_wsdl_is_overridden_by_the_profiles(
    house: House, soap_server: SoapServer, version: str
) -> None:
    request = soap(soap_server, version, "Notify", {"call_id": "{{ call.id }}"}, wsdl=soap_server.lost(version))
    row = deliver(house, add(house, request))
    assert (row["state"], errors(row), soap_server.received()) == ("dead", ["connect_refused"], [])
    row = deliver(house, add(house, {**request, "address": soap_server.address(version)}))
    assert (row["state"], errors(row)) == ("delivered", [None])
    assert only(soap_server).values == {"call_id": row["call_id"]}


def test_an_answer_that_comes_too_late_is_a_timeout(house: House, soap_server: SoapServer, version: str) -> None:
    parameters = {"call_id": "{{ call.id }}", "seconds": "5"}
    request = soap(soap_server, version, "Wait", parameters, headers={"Session": {"id": "s"}})
    row = deliver(house, add(house, request, timeout_seconds=1))
    assert (row["state"], errors(row)) == ("dead", ["timeout"])
    assert only(soap_server).operation == "Wait"


@pytest.mark.parametrize(
    ("parameters", "path"),
    [
        ({"call_id": "x", "seconds": "{{ call.external_number }} s"}, "request.parameters.seconds"),
        ({"call_id": "x", "seconds": 1, "outcome": "{{ call.outcome }}"}, "request.parameters.outcome"),
        (
            {"call_id": "x", "seconds": 1, "lines": [{"sku": "a"}, {"sku": "b", "quantity": "{{ call.outcome }}"}]},
            "request.parameters.lines[1].quantity",
        ),
    ],
)
def test_a_value_that_does_not_fit_fails_with_its_path_and_nothing_is_sent(
    house: House, soap_server: SoapServer, parameters: dict[str, Any], path: str
) -> None:
    request = soap(soap_server, "1.1", "LogCall", parameters, headers={"Session": {"id": "s"}})
    row = deliver(house, add(house, request, retry=AGAIN), outcome="failed")
    assert row["state"] == "dead"
    assert "bad_value" in row["reason"]
    assert path in row["reason"]
    assert soap_server.received() == []


def test_an_envelope_of_ones_own_is_sent_as_it_is_written(house: House, soap_server: SoapServer, version: str) -> None:
    envelope = (
        f'<e:Envelope xmlns:e="{ENVELOPES[version]}" xmlns:c="{NAMESPACE}"><e:Body><c:Notify>'
        "<c:call_id>{{ call.agent.name }}</c:call_id></c:Notify></e:Body></e:Envelope>"
    )
    action = "Notify" if soap_server.name == "spyne" else f"{NAMESPACE}/Notify"
    request = {
        "kind": "soap",
        "soap_version": version,
        "address": soap_server.address(version),
        "soap_action": action,
        "envelope": envelope,
        # spyne answers with an empty reply, node with nothing.
        "one_way": soap_server.name == "node",
    }
    row = deliver(house, add(house, request), agent={"id": "17", "name": "Zoë <Doe> & Söhne"})
    assert (row["state"], errors(row)) == ("delivered", [None])
    assert only(soap_server).values == {"call_id": "Zoë <Doe> & Söhne"}


def test_five_hundred_calls_at_once_of_twenty_profiles_each_carry_their_own_headers_alone(
    house: House, soap_server: SoapServer, version: str
) -> None:
    names = [
        add(
            house,
            soap(
                soap_server,
                version,
                "Wait",
                {"call_id": "{{ call.id }}", "seconds": "0.5"},
                headers={"Session": {"id": f"{number} of {{{{ call.id }}}}"}},
                http_headers=[
                    {"name": "X-Profile", "value": str(number)},
                    {"name": "X-Call", "value": "{{ call.id }}"},
                    # One that no other profile has at all.
                    {"name": f"X-Only-{number}", "value": "{{ call.id }}"},
                ],
            ),
            timeout_seconds=60,
            outputs=[{"name": "lead", "field": "LeadId"}],
        )
        for number in range(PROFILES)
    ]
    owners: dict[str, int] = {}
    events = []
    for place in range(CONCURRENT):
        number = next(_numbers)
        owners[f"c{number}"] = place % PROFILES
        events.append(event(number, group=names[place % PROFILES]))
    house.ok("POST", "/v1/events", {"events": events})

    def states() -> Counter[str]:
        return Counter(row["state"] for name in names for row in house.deliveries(profile=name))

    assert until(lambda: states() == {"delivered": CONCURRENT}, 2 * WITHIN_SECONDS), states()
    received = soap_server.received()
    assert len(received) == CONCURRENT
    assert len({call.headers["webhook-id"] for call in received}) == CONCURRENT
    for call in received:
        assert call.values is not None
        call_id = call.values["call_id"]
        owner = owners.pop(call_id)
        assert call.session == f"{owner} of {call_id}"
        own = {name: value for name, value in call.headers.items() if name.startswith("x-")}
        assert own == {"x-profile": str(owner), "x-call": call_id, f"x-only-{owner}": call_id}
    assert owners == {}
    for name in names:
        (row, *_) = house.deliveries(profile=name)
        shown = house.ok("GET", f"/v1/deliveries/{row['id']}")
        assert shown["outputs"] == {"lead": f"L-{row['call_id']}"}
