"""A profile's SOAP request: what it may say, and what is refused with which words."""

from typing import Any

import pytest

from dispatcher.domain.requests.soap_request import SoapRequest
from dispatcher.domain.requests.web_service import read_request
from dispatcher.domain.shape import Reading
from dispatcher.domain.soap.description import SoapVersion

BY_WSDL = {"kind": "soap", "wsdl": "https://crm.example/api?wsdl", "operation": "LogCall"}
BY_HAND = {"kind": "soap", "address": "https://crm.example/api", "envelope": "<e/>"}
HASH = "sha256:" + "a" * 64


def read(document: Any) -> tuple[Any, list[tuple[str, str]]]:
    reading = Reading()
    request = read_request(reading, document, "request")
    return request, [(fault["field"], fault["expected"]) for fault in reading.faults]


def test_a_wsdl_and_an_operation_are_enough() -> None:
    request, faults = read(BY_WSDL)
    assert faults == []
    assert request == SoapRequest(wsdl="https://crm.example/api?wsdl", operation="LogCall")


def test_the_document_of_a_request_reads_back_as_the_same_request() -> None:
    given = {
        **BY_WSDL,
        "soap_version": "1.2",
        "wsdl_hash": HASH,
        "service": "Crm",
        "port": "CrmSoap12",
        "address": "https://crm.example/other",
        "soap_action": "urn:log",
        "parameters": {"call": {"id": "{{ call.id }}"}},
        "headers": {"Session": {"id": "x"}},
        "header_xml": "<a xmlns='urn:a'/>",
        "http_headers": [{"name": "X-A", "value": "{{ call.agent.name }}"}],
        "one_way": True,
    }
    request, faults = read(given)
    assert faults == []
    assert request.soap_version is SoapVersion.V1_2
    document = request.as_document()
    assert document == {**given, "envelope": None}
    assert read(document) == (request, [])


def test_an_envelope_needs_an_address_and_nothing_of_a_wsdl() -> None:
    assert read(BY_HAND)[1] == []
    _, faults = read({"kind": "soap", "envelope": "<e/>", "operation": "Log", "wsdl": "https://crm.example/?wsdl"})
    assert faults == [
        ("request.address", "the URL that the envelope is sent to"),
        ("request.wsdl", "nothing beside an envelope, which says it all"),
        ("request.operation", "nothing beside an envelope, which says it all"),
    ]


def test_without_a_wsdl_or_an_operation_it_is_refused() -> None:
    _, faults = read({"kind": "soap"})
    assert [field for field, _ in faults] == ["request.wsdl", "request.operation"]


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("wsdl", "file:///etc/hostname"),
        ("wsdl", "/etc/hostname"),
        ("wsdl", "sha256:short"),
        ("wsdl", "https://crm.example/{{ call.id }}?wsdl"),
        ("address", "https://crm.example/{{ call.id }}"),
        ("address", "ftp://crm.example/"),
        ("soap_version", "1.3"),
        ("soap_version", 1.1),
        ("wsdl_hash", "abc"),
        ("soap_action", 'a"b'),
        ("soap_action", "urn:{{ call.id }}"),
        ("parameters", [1]),
        ("parameters", "text"),
        ("headers", "text"),
        ("one_way", "yes"),
        ("operation", 5),
    ],
)
def test_a_member_that_does_not_fit_is_refused_by_its_name(member: str, value: Any) -> None:
    _, faults = read({**BY_WSDL, member: value})
    assert f"request.{member}" in [field for field, _ in faults]


@pytest.mark.parametrize("version", [1.1, 1.2, 1])
def test_a_version_without_quotes_is_told_to_be_a_text(version: float) -> None:
    _, faults = read({**BY_WSDL, "soap_version": version})
    assert faults == [("request.soap_version", 'a text, in quotes: "1.1" or "1.2"')]


@pytest.mark.parametrize("name", ["SOAPAction", "Content-Type", "webhook-id", "Host", "a b"])
def test_headers_that_are_set_anyway_are_refused(name: str) -> None:
    _, faults = read({**BY_WSDL, "http_headers": [{"name": name, "value": "x"}]})
    assert [field for field, _ in faults] == ["request.http_headers[0].name"]


def test_names_of_parameters_are_literal() -> None:
    _, faults = read({**BY_WSDL, "parameters": {"a": {"{{ call.id }}": "x"}}})
    assert faults == [("request.parameters.a", "literal keys (templates are for values)")]


def test_an_unknown_member_is_refused_with_the_nearest_known_one() -> None:
    _, faults = read({**BY_WSDL, "paramters": {}})
    assert faults == [("request.paramters", "no such member (did you mean parameters?)")]


def test_a_kind_that_is_neither_rest_nor_soap_is_refused() -> None:
    _, faults = read({"kind": "graphql", "method": "POST", "url": "https://crm.example/"})
    assert faults == [("request.kind", "one of rest, soap")]
