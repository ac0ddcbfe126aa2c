"""The SOAP servers that the product is tested against, asked by a client that is not the product."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
import requests
import zeep
from zeep.exceptions import Fault, TransportError

from dispatcher.adapters.soap.describe import describe
from dispatcher.adapters.soap.zeep_document import parse_bundle
from dispatcher.domain.soap.bundle import Bundle
from tests.support.soap_servers import NOWHERE, SoapServer, as_told

ENVELOPES = {"1.1": "http://schemas.xmlsoap.org/soap/envelope/", "1.2": "http://www.w3.org/2003/05/soap-envelope"}
EVERYTHING: dict[str, Any] = {
    "call_id": "c1",
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
    "tags": [{"name": "vip"}],
}


@pytest.fixture
def session() -> Iterator[requests.Session]:
    """Closed at the end, since an open socket that is collected is a warning."""
    with requests.Session() as made:
        yield made


def client(wsdl: str, session: requests.Session) -> Any:
    return zeep.Client(wsdl, transport=zeep.Transport(session=session)).service


@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_a_call_of_every_type_arrives_as_it_was_made(
    soap_server: SoapServer, version: str, session: requests.Session
) -> None:
    service = client(soap_server.wsdl(version), session)
    answer = service.LogCall(**EVERYTHING, _soapheaders={"Session": {"id": "s-1"}})
    assert (answer.LeadId, answer.Number) == ("L-c1", 61)
    [call] = soap_server.received()
    assert (call.path, call.operation, call.session) == (f"/soap{version.replace('.', '')}", "LogCall", "s-1")
    assert ENVELOPES[version].encode() in call.body
    assert call.values == as_told(soap_server, version, EVERYTHING)


@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_a_header_of_http_and_the_action_are_told(
    soap_server: SoapServer, version: str, session: requests.Session
) -> None:
    session.headers["X-Agent"] = "Jane"
    client(soap_server.wsdl(version), session).LogCall(call_id="c1", seconds=1, _soapheaders={"Session": {"id": "s"}})
    [call] = soap_server.received()
    action = "LogCall" if soap_server.name == "spyne" else "urn:example:calls/LogCall"
    assert call.headers["x-agent"] == "Jane"
    if version == "1.1":
        assert call.headers["soapaction"] == f'"{action}"'
    else:
        assert call.headers["content-type"] == f'application/soap+xml; charset=utf-8; action="{action}"'


@pytest.mark.parametrize(
    ("version", "code", "told", "subcodes"),
    [
        ("1.1", "Client", "Client", None),
        ("1.1", "Server", "Server", None),
        ("1.1", "Server.Busy", "Server.Busy", None),
        ("1.1", "1001", "1001", None),
        ("1.2", "Client", "Sender", []),
        ("1.2", "Server", "Receiver", []),
        ("1.2", "Server.Busy", "Receiver", ["Busy"]),
    ],
)
def test_a_fault_has_the_code_that_was_asked_for(
    soap_server: SoapServer, version: str, code: str, told: str, subcodes: list[str] | None, session: requests.Session
) -> None:
    service = client(soap_server.wsdl(version), session)
    with pytest.raises(Fault) as raised:
        service.RaiseFault(call_id="c1", code=code, text="no such lead")
    assert (raised.value.message, raised.value.code.rpartition(":")[2]) == ("no such lead", told)
    if subcodes is not None:
        assert [each.localname for each in raised.value.subcodes] == subcodes


@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_a_fault_may_be_of_the_first_tries_alone(
    soap_server: SoapServer, version: str, session: requests.Session
) -> None:
    service = client(soap_server.wsdl(version), session)
    wanted = {"call_id": "c1", "code": "Server", "text": "busy", "times": 1}
    with pytest.raises(Fault):
        service.RaiseFault(**wanted)
    assert service.RaiseFault(**wanted) == "L-c1"
    assert [call.operation for call in soap_server.received()] == ["RaiseFault", "RaiseFault"]


@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_a_wait_is_answered(soap_server: SoapServer, version: str, session: requests.Session) -> None:
    assert client(soap_server.wsdl(version), session).Wait(call_id="c1", seconds=Decimal("0.01")) == "L-c1"


@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_a_lost_wsdl_leads_nowhere_until_the_address_is_given(
    soap_server: SoapServer, version: str, session: requests.Session
) -> None:
    made = zeep.Client(soap_server.lost(version), transport=zeep.Transport(session=session))
    assert made.service._binding_options["address"] == NOWHERE
    with pytest.raises(requests.ConnectionError):
        made.service.Wait(call_id="c1", seconds=0)
    found = made.create_service(made.service._binding.name.text, soap_server.address(version))
    assert found.Wait(call_id="c1", seconds=0) == "L-c1"


@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_node_answers_a_one_way_operation_202_with_nothing(
    node_server: SoapServer, version: str, session: requests.Session
) -> None:
    statuses = []
    session.hooks["response"].append(lambda answer, *_, **__: statuses.append((answer.status_code, answer.content)))
    service = client(node_server.wsdl(version), session)
    assert service.Notify(call_id="c1") is None
    assert statuses[-1] == (202, b"")
    assert [call.operation for call in node_server.received()] == ["Notify"]


def test_node_sends_a_fault_on_any_status(node_server: SoapServer, session: requests.Session) -> None:
    statuses = []
    session.hooks["response"].append(lambda answer, *_, **__: statuses.append(answer.status_code))
    service = client(node_server.wsdl("1.1"), session)
    with pytest.raises(Fault):
        service.RaiseFault(call_id="c1", code="Client", text="no", status=200)
    assert statuses[-1] == 200


def test_spyne_refuses_what_its_schema_does_not_allow(spyne_server: SoapServer, session: requests.Session) -> None:
    with pytest.raises(Fault, match="on holiday") as raised:
        client(spyne_server.wsdl("1.1"), session).LogCall(call_id="c1", seconds=1, outcome="on holiday")
    assert raised.value.code.rpartition(":")[2] == "Client.SchemaValidationError"
    assert [call.operation for call in spyne_server.received()] == [None]


def test_spyne_breaks_down_where_it_must_refuse_in_soap_1_2(
    spyne_server: SoapServer, session: requests.Session
) -> None:
    with pytest.raises(TransportError) as raised:
        client(spyne_server.wsdl("1.2"), session).LogCall(call_id="c1", seconds=1, outcome="on holiday")
    assert raised.value.status_code == 500
    assert [call.operation for call in spyne_server.received()] == [None]


@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_the_product_describes_what_a_server_offers(
    soap_server: SoapServer, version: str, session: requests.Session
) -> None:
    url = soap_server.wsdl(version)
    description = describe(parse_bundle(Bundle(url, {url: session.get(url).content})))
    [(_, port, binding)] = description.ports()
    assert (port.address, binding.soap_version) == (soap_server.address(version), version)
    assert description.notes == ()
    offered = {each.name: each for each in binding.operations}
    assert {name: [header.name for header in each.headers] for name, each in offered.items()} == {
        "LogCall": ["Session"],
        "Notify": [],
        "RaiseFault": [],
        "Wait": ["Session"],
    }
    assert [name for name, each in offered.items() if each.one_way] == ["Notify"] * (soap_server.name == "node")
    assert {each.name: (each.required, each.repeated) for each in offered["LogCall"].input} == {
        name: (name in {"call_id", "seconds"}, name in {"lines", "codes", "tags"}) for name in EVERYTHING
    }
