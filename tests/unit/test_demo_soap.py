import asyncio
from datetime import UTC, datetime
from io import BytesIO
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import zeep
from requests import Response as RequestsResponse
from zeep.exceptions import Fault

from dispatcher.adapters.soap.describe import describe
from dispatcher.adapters.soap.zeep_document import parse_bundle
from dispatcher.demo.crm import BUSY_EVERY, WSDL_FILE, Crm, Request, Response
from dispatcher.demo.soap_messages import ENVELOPES, NAMESPACE, OPERATIONS, Refused, read_call
from dispatcher.domain.call_fields import OUTCOMES
from dispatcher.domain.soap.bundle import Bundle

PORTS = {"1.1": "CrmSoap11", "1.2": "CrmSoap12"}
XS = "{http://www.w3.org/2001/XMLSchema}"
CALL: dict[str, Any] = {
    "CallId": "c1",
    "StartedAt": datetime(2026, 11, 20, 10, 3, 20, tzinfo=UTC),
    "Seconds": 61,
    "Outcome": "answered",
    "Phone": "+14155550100",
    "Agent": {"Id": "17", "Name": "Zoë <Doe> & Söhne"},
    "AccountCode": ["1001", "1002"],
    "RecordingUrl": "https://pbx.example/recordings/c1.wav?a=1&b=2",
}


class Client:
    """zeep, as a client of the CRM that stands beside it: nothing goes over a network."""

    def __init__(self, crm: Crm, version: str) -> None:
        self.crm, self.version = crm, version
        self.zeep = zeep.Client(str(WSDL_FILE), port_name=PORTS[version])
        self.binding = self.zeep.service._binding

    def request(self, operation: str, **values: Any) -> Request:
        envelope, headers = self.binding._create(
            operation, (), values, client=self.zeep, options=self.zeep.service._binding_options
        )
        named = {name.lower(): value for name, value in headers.items()}
        return Request("POST", "/soap/crm", {**named, "webhook-id": values.get("CallId", "t")}, _bytes(envelope))

    def call(self, operation: str, **values: Any) -> Any:
        """The answer as zeep reads it. Raises zeep's `Fault`."""
        return self.read(operation, answer(self.crm, self.request(operation, **values)))

    def read(self, operation: str, response: Response) -> Any:
        got = RequestsResponse()
        got.status_code, got.raw = response.status, BytesIO(response.content)
        got.headers["content-type"] = response.content_type
        return self.binding.process_reply(self.zeep, self.binding.get(operation), got)


def _bytes(envelope: Any) -> bytes:
    from lxml import etree

    return bytes(etree.tostring(envelope))


def answer(crm: Crm, request: Request) -> Response:
    return asyncio.run(crm._answer(request, 4711))


@pytest.fixture(params=["1.1", "1.2"])
def client(request: pytest.FixtureRequest) -> Client:
    return Client(Crm(), request.param)


def test_a_call_is_logged_and_has_a_lead(client: Client) -> None:
    told = client.call("LogCall", **CALL)
    assert (told.LeadId, told.Number) == ("L-1", 1)
    assert client.crm.memory.told() == {"soap": {"requests": 1, "deliveries": 1}}


def test_what_may_be_left_out_is_not_missed(client: Client) -> None:
    least = {name: CALL[name] for name in ("CallId", "StartedAt", "Seconds", "Outcome")}
    assert client.call("LogCall", **least).LeadId == "L-1"
    assert client.call("RaiseTicket", Title="Call back", Priority="high") == 2


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"Seconds": None}, "LogCall lacks Seconds"),
        ({"CallId": None, "Outcome": None}, "LogCall lacks CallId, Outcome"),
        ({"Seconds": "61.5"}, "LogCall.Seconds: a value that does not fit its type"),
        ({"StartedAt": "yesterday"}, "LogCall.StartedAt: a value that does not fit its type"),
        ({"StartedAt": "2026-11-20"}, "LogCall.StartedAt: a value that does not fit its type"),
        ({"Outcome": "on holiday"}, "LogCall.Outcome: a value that does not fit its type"),
    ],
)
def test_what_the_wsdl_does_not_allow_is_a_fault_of_the_clients(
    client: Client, wrong: dict[str, Any], reason: str
) -> None:
    request = client.request("LogCall", **{**CALL, **{name: value for name, value in wrong.items() if value}})
    body = request.body
    for name, value in wrong.items():
        if value is None:
            body = _without(body, name)
    response = answer(client.crm, Request("POST", request.path, request.headers, body))
    assert response.status == (500 if client.version == "1.1" else 400)
    with pytest.raises(Fault) as raised:
        client.read("LogCall", response)
    assert raised.value.message == reason
    assert raised.value.code == ("soap:Client" if client.version == "1.1" else "soap:Sender")


def test_what_is_sent_as_nil_is_lacking(client: Client) -> None:
    request = client.request("LogCall", **CALL)
    envelope = ET.fromstring(request.body)
    [seconds] = envelope.iter(f"{{{NAMESPACE}}}Seconds")
    seconds.set("{http://www.w3.org/2001/XMLSchema-instance}nil", "true")
    with pytest.raises(Refused, match="LogCall lacks Seconds"):
        read_call(request.headers, ET.tostring(envelope))


def _without(body: bytes, name: str) -> bytes:
    envelope = ET.fromstring(body)
    for parent in envelope.iter():
        for child in [each for each in parent if each.tag == f"{{{NAMESPACE}}}{name}"]:
            parent.remove(child)
    return ET.tostring(envelope)


def end_of(client: Client, call_id: str) -> str:
    """The lead of a call that is logged, or the code of the fault."""
    try:
        return str(client.call("LogCall", **{**CALL, "CallId": call_id}).LeadId)
    except Fault as fault:
        return str(fault.code)


def test_the_first_try_of_every_fourth_delivery_meets_a_fault_of_the_servers(client: Client) -> None:
    busy = "soap:Server" if client.version == "1.1" else "soap:Receiver"
    ends = [end_of(client, f"c{number}") for number in range(1, 2 * BUSY_EVERY + 1)]
    assert ends == ["L-1", "L-2", "L-3", busy, "L-5", "L-6", "L-7", busy]
    assert client.call("LogCall", **{**CALL, "CallId": f"c{BUSY_EVERY}"}).LeadId == f"L-{2 * BUSY_EVERY + 1}"


def test_the_action_and_the_content_type_must_be_those_of_the_operation_and_the_version(client: Client) -> None:
    request = client.request("LogCall", **CALL)
    assert read_call(request.headers, request.body) == (client.version, "LogCall")
    other = {"1.1": "application/soap+xml", "1.2": "text/xml"}[client.version]
    with pytest.raises(Refused, match="the content type of SOAP"):
        read_call({**request.headers, "content-type": other}, request.body)
    wrong = {name: value.replace("LogCall", "RaiseTicket") for name, value in request.headers.items()}
    with pytest.raises(Refused, match="the action is not that of LogCall"):
        read_call(wrong, request.body)


def test_soap_1_1_needs_an_action_and_soap_1_2_does_not() -> None:
    first, second = (Client(Crm(), version).request("LogCall", **CALL) for version in ("1.1", "1.2"))
    with pytest.raises(Refused, match="the action is not that of LogCall"):
        read_call({"content-type": "text/xml"}, first.body)
    assert read_call({"content-type": "application/soap+xml"}, second.body) == ("1.2", "LogCall")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "the message is no XML"),
        (b"<a", "the message is no XML"),
        (b'<?xml version="1.0" encoding="no-such"?><a/>', "the message is no XML"),
        (b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "a message may have no DTD"),
        (b"<a/>", "the message is no envelope"),
        (b'<e:Envelope xmlns:e="urn:other"/>', "the message is no envelope"),
    ],
)
def test_what_is_no_message_is_refused(body: bytes, reason: str) -> None:
    with pytest.raises(Refused, match=reason) as refused:
        read_call({}, body)
    assert refused.value.version == "1.1"


@pytest.mark.parametrize("inside", ["", "<a/><a/>", "<a/>", '<LogCall xmlns="urn:other"/>'])
def test_a_body_without_an_operation_is_refused_in_its_version(inside: str) -> None:
    for namespace, version in ENVELOPES.items():
        body = f'<e:Envelope xmlns:e="{namespace}"><e:Body>{inside}</e:Body></e:Envelope>'
        with pytest.raises(Refused) as refused:
            read_call({}, body.encode())
        assert refused.value.version == version


@pytest.mark.parametrize("other", [b"Fax>", b"Seconds>", b"RecordingUrl>"])
def test_elements_must_come_in_the_order_of_the_schema(other: bytes) -> None:
    request = Client(Crm(), "1.1").request("LogCall", **CALL)
    with pytest.raises(Refused, match="an element that is not expected there"):
        read_call(request.headers, request.body.replace(b"Phone>", other))


def twice(body: bytes, name: str) -> bytes:
    """The message with the first element of that name again behind itself."""
    envelope = ET.fromstring(body)
    [call] = envelope.iter(f"{{{NAMESPACE}}}LogCall")
    place = [each.tag for each in call].index(f"{{{NAMESPACE}}}{name}")
    call.insert(place, call[place])
    return ET.tostring(envelope)


def test_only_what_may_be_repeated_may_come_twice() -> None:
    request = Client(Crm(), "1.1").request("LogCall", **CALL)
    assert read_call(request.headers, twice(request.body, "AccountCode")) == ("1.1", "LogCall")
    with pytest.raises(Refused, match="an element that is not expected there"):
        read_call(request.headers, twice(request.body, "Phone"))


def fields_of(schema: ET.Element, parent: ET.Element) -> list[tuple[str, bool, bool]]:
    elements = parent.findall(f"{XS}complexType/{XS}sequence/{XS}element")
    return [(each.get("name"), each.get("minOccurs") != "0", each.get("maxOccurs") == "unbounded") for each in elements]


def test_the_product_describes_the_wsdl_with_nothing_left_out() -> None:
    url = "http://127.0.0.1:9000/soap/crm?wsdl"
    description = describe(parse_bundle(Bundle(url, {url: WSDL_FILE.read_bytes()})))
    assert description.notes == ()
    assert [port.name for _, port, _ in description.ports()] == list(PORTS.values())
    for _, _, binding in description.ports():
        offered = {
            each.name: [(field.name, field.required, field.repeated) for field in each.input]
            for each in binding.operations
        }
        assert offered == {
            name: [(field.name, field.required, field.repeated) for field in fields]
            for name, fields in OPERATIONS.items()
        }


def test_the_wsdl_says_what_is_checked() -> None:
    [schema] = ET.parse(WSDL_FILE).getroot().iter(f"{XS}schema")
    elements = {each.get("name"): fields_of(schema, each) for each in schema.findall(f"{XS}element")}
    checked = {
        name: [(field.name, field.required, field.repeated) for field in fields] for name, fields in OPERATIONS.items()
    }
    assert {name: elements[name] for name in OPERATIONS} == checked
    [words] = [each for each in schema.findall(f"{XS}simpleType") if each.get("name") == "Outcome"]
    assert tuple(each.get("value") for each in words.iter(f"{XS}enumeration")) == OUTCOMES


@pytest.fixture
def served() -> bytes:
    """The WSDL over a connection, with its port."""

    async def fetch() -> tuple[bytes, int]:
        server = await asyncio.start_server(Crm().serve, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET /soap/crm?wsdl HTTP/1.1\r\n\r\nGET /received HTTP/1.1\r\n\r\n")
            writer.write_eof()
            whole = await reader.read()
            writer.close()
            return whole, port

    whole, port = asyncio.run(fetch())
    return whole.replace(str(port).encode(), b"PORT")


def test_the_wsdl_names_its_own_address_and_asking_for_it_counts_as_no_delivery(served: bytes) -> None:
    assert served.count(b'location="http://127.0.0.1:PORT/soap/crm"') == 2
    assert b"ADDRESS" not in served
    assert b"Content-Type: text/xml; charset=utf-8" in served
    assert served.endswith(b"\r\n\r\n{}")


def test_soap_is_not_asked_for_by_get() -> None:
    crm = Crm()
    assert answer(crm, Request("GET", "/soap/crm", {}, b"")).status == 405
    assert crm.memory.told() == {}
