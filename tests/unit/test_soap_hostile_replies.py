"""Replies that are made to keep whoever reads them busy for ever: they are read in bounds, or as plain texts."""

from decimal import Decimal
from typing import Any

import pytest

from dispatcher.adapters.soap.bounded_replies import MAX_WRITTEN_OUT, NotBounded, bounded_copy
from dispatcher.adapters.soap.json_values import jsonable
from dispatcher.adapters.soap.replies import ReplyReader
from dispatcher.domain.exchange import Answer
from dispatcher.domain.soap.description import SoapVersion
from dispatcher.ports import StoreUnavailable
from dispatcher.xml_reading.paths import parsed
from tests.unit.soap_house import ADDRESS, CRM, ENVELOPES, RPC, SoapHouse

CALL = {"CallId": "a", "Seconds": 1}
XSD = "http://www.w3.org/2001/XMLSchema"


def answer(body: str) -> Answer:
    text = f'<s:Envelope xmlns:s="{ENVELOPES["1.1"]}"><s:Body>{body}</s:Body></s:Envelope>'
    return Answer(200, [("content-type", "text/xml")], text.encode())


def body_of(text: str) -> Any:
    return parsed(f"<Body>{text}</Body>".encode())


def doubled(levels: int) -> str:
    """References that come to two to the power of so many elements."""
    pairs = (f'<m id="{at}"><x href="#{at + 1}"/><x href="#{at + 1}"/></m>' for at in range(levels))
    return f'<r><return href="#0"/></r>{"".join(pairs)}<m id="{levels}">1</m>'


def test_references_that_double_are_not_written_out():
    house = SoapHouse(RPC.format(use="encoded", address=ADDRESS))
    made = house.render({}, "add", parameters={"session": "a", "seconds": 1})
    assert made.read_reply(answer(doubled(60))).fields()["r"] == {"return": ""}


def test_a_reference_still_stands_for_what_it_refers_to():
    house = SoapHouse(RPC.format(use="encoded", address=ADDRESS))
    made = house.render({}, "add", parameters={"session": "a", "seconds": 1})
    assert made.read_reply(answer('<r><return href="#7"/></r><m id="7">17</m>')).fields() == {"return": 17}


@pytest.mark.parametrize(
    "text", [doubled(20), '<r href="#1"/><m id="1"><x href="#2"/></m><m id="2"><x href="#1"/></m>']
)
def test_a_body_without_bound_is_refused_before_anything_is_written_out(text: str):
    with pytest.raises(NotBounded):
        bounded_copy(body_of(text))


def test_a_body_without_references_may_be_as_long_as_a_reply_may_be():
    assert len(bounded_copy(body_of("<a/>" * (MAX_WRITTEN_OUT + 1)))) == MAX_WRITTEN_OUT + 1


def test_a_schema_in_a_reply_is_not_read():
    twice = '<x:group ref="t:g{0}"/><x:group ref="t:g{0}"/>'
    groups = "".join(
        f'<x:group name="g{at}"><x:sequence>{twice.format(at + 1)}</x:sequence></x:group>' for at in range(60)
    )
    schema = (
        f'<x:schema xmlns:x="{XSD}" xmlns:t="urn:t" targetNamespace="urn:t">{groups}<x:group name="g60"><x:sequence>'
        '<x:element name="a" type="x:string"/></x:sequence></x:group><x:complexType name="T"><x:group ref="t:g0"/>'
        '</x:complexType><x:element name="e" type="t:T"/></x:schema>'
    )
    anything = '<xsd:any minOccurs="0" maxOccurs="unbounded" processContents="lax"/>'
    house = SoapHouse(CRM.replace('<xsd:element name="At" type="xsd:dateTime" minOccurs="0"/>', anything))
    made = house.render({}, parameters=CALL)
    result = f"<LogCallResult><LeadId>5</LeadId>{schema}<e xmlns='urn:t'><a>1</a></e></LogCallResult>"
    fields = made.read_reply(answer(f'<LogCallResponse xmlns="urn:crm">{result}</LogCallResponse>')).fields()
    assert fields["LogCallResult"]["LeadId"] == 5


@pytest.mark.parametrize("digits", ["1E-400000000", "-1E-400000000", "1E+400000000"])
def test_a_decimal_of_endless_length_is_not_written_out(digits: str):
    assert jsonable(Decimal(digits)) == digits


def test_a_reply_is_read_by_the_wsdl_that_built_its_request_whatever_became_of_that_since():
    house = SoapHouse()
    made = house.render({}, parameters=CALL)
    reads = house.kept.reads

    def away(*_: object) -> None:
        raise StoreUnavailable("away")

    house.library._parsed.clear()
    house.library._load = away
    reply = made.read_reply(
        answer('<LogCallResponse xmlns="urn:crm"><LogCallResult><LeadId>17</LeadId></LogCallResult></LogCallResponse>')
    )
    assert reply.fields() == {"LogCallResult": {"LeadId": 17, "Fee": None, "At": None}}
    assert house.kept.reads == reads


def test_fields_are_read_once_for_judging_and_capturing():
    asked = []
    read = ReplyReader(SoapVersion.V1_1, one_way=False, read_fields=lambda body: asked.append(body.tag) or 1).once()
    given = answer("<a/>")
    assert [read(given).fields(), read(given).fields()] == [1, 1]
    assert len(asked) == 1
