"""What SOAP adds to the proof of privacy: profiles, credentials and answers with a canary wherever one can be put."""

import html
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dispatcher.domain.call_fields import FIELDS, Kind
from tests.integration.canaries import canary, found
from tests.integration.house import House
from tests.integration.target import Answer, Got, Target

SOAP_OUTCOMES = {
    "soap-bad-value": ("dead", "bad_value"),
    "soap-bad-xml": ("dead", "bad_value"),
    "soap-by-envelope": ("delivered", ""),
    "soap-by-wsdl": ("delivered", ""),
    "soap-fault-client": ("dead", "refused"),
    "soap-fault-server": ("delivered", ""),
    "soap-mistyped": ("delivered", ""),
    "soap-other-secret": ("delivered", ""),
    "soap-required": ("dead", "gave up after 1 attempt, last body_rule"),
    "soap-unreadable": ("dead", "gave up after 1 attempt, last protocol"),
    "soap-with-token": ("delivered", ""),
}
"""State and the beginning of the reason, by the profile's name."""
SOAP_SECRETS = ("wsse user", "wsse password", "old password", "digested password")
"""What is planted beside the canaries of REST."""

_SOAP_1_1, _SOAP_1_2 = "http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope"
_WSDL = """<definitions xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:x="http://www.w3.org/2001/XMLSchema"
 xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:t="urn:privacy" targetNamespace="urn:privacy">
<types><x:schema targetNamespace="urn:privacy" elementFormDefault="qualified">
 <x:element name="Session"><x:complexType><x:sequence><x:element name="Id" type="x:string"/></x:sequence>
 </x:complexType></x:element>
 <x:element name="Tell"><x:complexType><x:sequence>
  <x:element name="Text" type="x:string" minOccurs="0" maxOccurs="unbounded"/>
  <x:element name="Person" minOccurs="0"><x:complexType><x:sequence><x:element name="Name" type="x:string"/>
  </x:sequence></x:complexType></x:element>
  <x:element name="Number" type="x:int" minOccurs="0"/><x:element name="Audio" type="x:base64Binary" minOccurs="0"/>
  <x:any minOccurs="0" processContents="skip"/></x:sequence></x:complexType></x:element>
 <x:element name="TellResponse"><x:complexType><x:sequence><x:element name="Lead" type="x:string"/>
  <x:element name="Echo" type="x:string" minOccurs="0"/><x:element name="Number" type="x:int" minOccurs="0"/>
 </x:sequence></x:complexType></x:element></x:schema></types>
<message name="In"><part name="body" element="t:Tell"/></message>
<message name="Out"><part name="body" element="t:TellResponse"/></message>
<message name="Head"><part name="Session" element="t:Session"/></message>
<portType name="P"><operation name="Tell"><input message="t:In"/><output message="t:Out"/></operation></portType>
<binding name="B" type="t:P"><soap:binding transport="http://schemas.xmlsoap.org/soap/http"/>
 <operation name="Tell"><soap:operation soapAction="urn:privacy/Tell"/>
 <input><soap:header message="t:Head" part="Session" use="literal"/><soap:body use="literal"/></input>
 <output><soap:body use="literal"/></output></operation></binding>
<service name="S"><port name="P" binding="t:B"><soap:address location="http://crm.example/soap"/></port></service>
</definitions>"""


def soap_documents(
    side: str, target: Target, document: Callable[..., dict[str, Any]], strange_words: str
) -> list[dict[str, Any]]:
    """One for each way in which a delivery of SOAP can end. `document` makes a profile of the proof; `strange_words` is
    a template whose text is no number and no XML."""

    def made(name: str, request: dict[str, Any], **over: Any) -> dict[str, Any]:
        address = f"{target.url}/{name}/{canary(f'profile url {side}')}"
        return document(side, name, target.url, request={**request, "address": address}, **over)

    plain, once = _by_wsdl(side, target), {"delays_seconds": [0.5], "jitter": 0}
    bad_value, bad_xml = ({"Number": strange_words}, {"_value_1": strange_words})
    outputs = [
        {"name": "lead_id", "field": "Lead"},
        {"name": "said", "field": "Echo"},
        {"name": "n", "field": "Number"},
    ]
    text, digest = f"wsse-text-{side}", f"wsse-digest-{side}"
    needed = [{"name": "none", "field": "Lead.None", "required": True}]
    return [
        made("soap-by-wsdl", plain, outputs=outputs, credential=text),
        made("soap-by-envelope", _by_envelope(side), credential=digest),
        made("soap-with-token", plain, credential=f"header-token-{side}"),
        made("soap-fault-client", plain, credential=text),
        made("soap-fault-server", plain, credential=digest, retry=once),
        made("soap-other-secret", plain, credential=f"wsse-two-{side}", outputs=outputs),
        made("soap-mistyped", plain, outputs=outputs),
        made("soap-required", plain, outputs=needed, credential=text),
        made("soap-unreadable", plain, credential=text),
        made("soap-bad-value", {**plain, "parameters": {**plain["parameters"], **bad_value}}),
        made("soap-bad-xml", {**plain, "parameters": {**plain["parameters"], **bad_xml}}),
    ]


def _by_wsdl(side: str, target: Target) -> dict[str, Any]:
    texts = ["{{ " + path + " }}" for path, field in FIELDS.items() if field.kind not in {Kind.OBJECT, Kind.TEXT_LIST}]
    lists = ["{{ " + path + " | join(' ') }}" for path, field in FIELDS.items() if field.kind is Kind.TEXT_LIST]
    custom = ["notes", "transcript[0].text", "deep[0].er", "amount", "dtmf"]
    return {
        "kind": "soap",
        "wsdl": f"{target.url}/wsdl/{canary(f'profile url {side}')}",
        "operation": "Tell",
        "parameters": {
            "Text": [*texts, *lists, *("{{ call.custom." + path + " }}" for path in custom)],
            "Person": {"Name": "{{ call.caller_name }}"},
            "Audio": "{{ call.custom.notes }}",
        },
        "headers": {"Session": {"Id": "{{ call.caller_name }}"}},
        "header_xml": '<a:Agent xmlns:a="urn:agents">{{ call.agent.name }}</a:Agent>',
        "http_headers": [
            {"name": "X-Key", "value": canary(f"profile header {side}")},
            {"name": "X-Caller", "value": "{{ call.caller_name }}"},
        ],
    }


def _by_envelope(side: str) -> dict[str, Any]:
    envelope = (
        f'<e:Envelope xmlns:e="{_SOAP_1_2}"><e:Header><Agent xmlns="urn:a">{{{{ call.agent.name }}}}</Agent></e:Header>'
        '<e:Body><Tell xmlns="urn:privacy"><Text>{{ call.caller_name }}</Text><Text>{{ call.custom.notes }}</Text>'
        "</Tell></e:Body></e:Envelope>"
    )
    header = {"name": "X-Key", "value": canary(f"profile header {side}")}
    return {"kind": "soap", "soap_version": "1.2", "envelope": envelope, "http_headers": [header]}


def plant_soap_credentials(house: House, side: str, target: Target) -> None:
    """Saves what the SOAP profiles of a side authenticate themselves with."""
    wsse = {"kind": "wsse", "username": canary(f"wsse user {side}"), "timestamp_seconds": 300}
    text = {**wsse, "password": canary(f"wsse password {side}"), "nonce": True}
    digest = {**wsse, "password": canary(f"digested password {side}"), "password_type": "digest"}
    house.ok("POST", "/v1/credentials", {"name": f"wsse-text-{side}", **text})
    house.ok("POST", "/v1/credentials", {"name": f"wsse-digest-{side}", **digest})
    house.ok("POST", "/v1/credentials", {"name": f"wsse-two-{side}", **text})
    old = {"secret": canary(f"old password {side}")}
    house.ok("POST", f"/v1/credentials/wsse-two-{side}/secrets/2/rotate", old)
    client = {
        "client_id": "onhook",
        "client_secret": canary(f"client secret {side}"),
        "token_url": f"{target.url}/token/{canary(f'profile url {side}')}",
        "send": {"in": "soap_header", "xml": '<Session xmlns="urn:privacy"><Id>{token}</Id></Session>'},
    }
    house.ok("POST", "/v1/credentials", {"name": f"header-token-{side}", "kind": "oauth2_client_credentials", **client})


def soap_answer_of(way: str, side: str, got: Got, *, is_first: bool) -> Answer:
    """What the target says to a SOAP request, or for its WSDL: the request's own words back, credential included."""
    if way == "wsdl":
        return Answer(200, (("content-type", "text/xml"),), _WSDL.encode())
    version = _SOAP_1_2 if _SOAP_1_2.encode() in got.body else _SOAP_1_1
    said, repeated = canary(f"answer body {side}"), html.escape(got.body.decode())
    headers = (("content-type", "text/xml; charset=utf-8"), ("x-echo", canary(f"answer header {side}")))

    def envelope(content: str) -> bytes:
        return f'<e:Envelope xmlns:e="{version}"><e:Body>{content}</e:Body></e:Envelope>'.encode()

    def reply(lead: str, number: str) -> Answer:
        content = f"<Lead>{lead}</Lead><Echo>{repeated}</Echo><Number>{number}</Number>"
        return Answer(200, headers, envelope(f'<TellResponse xmlns="urn:privacy">{content}</TellResponse>'))

    def fault(code: str) -> Answer:
        texts = f"<faultcode>{code}</faultcode><faultstring>{said} {repeated}</faultstring>"
        more = f"<faultactor>{said} {repeated}</faultactor><detail><d>{said} {repeated}</d>{said}</detail>"
        return Answer(500, headers, envelope(f"<e:Fault>{texts}{more}</e:Fault>"))

    answers: dict[str, Callable[[], Answer]] = {
        "soap-fault-client": lambda: fault("e:Client"),
        "soap-fault-server": lambda: fault("e:Server") if is_first else reply(said, "1"),
        "soap-mistyped": lambda: reply(said, said),
        "soap-other-secret": lambda: (
            fault("w:FailedAuthentication") if canary(f"old password {side}").encode() in got.body else reply(said, "1")
        ),
        "soap-unreadable": lambda: Answer(200, headers, f"<html><p>{said} {repeated}".encode()),
    }
    return answers.get(way, lambda: reply(said, "1"))()


def assert_soap_went_through(requests: Sequence[Got], shown: Mapping[str, str]) -> None:
    """What is looked for was there: in the envelopes of both sides, and in the views of the ordinary one."""
    for side in ("private", "ordinary"):
        bodies = {name: _bodies(requests, name, side) for name in SOAP_OUTCOMES}
        assert [name for name, body in bodies.items() if not body] == ["soap-bad-value", "soap-bad-xml"]
        call = {name: canary(f"{name} {side}") for name in ("call.caller_name", "notes", "call.agent.name")}
        in_envelopes = {name: found(call, body) for name, body in bodies.items() if body}
        assert set(map(tuple, in_envelopes.values())) == {tuple(sorted(call))}
        secrets = {name: canary(f"{name} {side}") for name in (*SOAP_SECRETS, "token")}
        assert found(secrets, bodies["soap-by-wsdl"]) == ["wsse password", "wsse user"]
        assert found(secrets, bodies["soap-by-envelope"]) == ["wsse user"]
        assert found(secrets, bodies["soap-with-token"]) == ["token"]
        assert found(secrets, bodies["soap-other-secret"]) == ["old password", "wsse password", "wsse user"]
    said = {"answer body": canary("answer body ordinary"), "caller": canary("call.caller_name ordinary")}
    for name in ("soap-by-wsdl", "soap-fault-client", "soap-mistyped", "soap-unreadable"):
        [log] = [text for path, text in shown.items() if path.endswith(f"/attempts {name}-ordinary")]
        assert found(said, log.encode()) == ["answer body", "caller"]
    [delivery] = [
        text for path, text in shown.items() if path.endswith(" soap-by-wsdl-ordinary") and "/att" not in path
    ]
    outputs = json.loads(delivery)["outputs"]
    assert (outputs["lead_id"], outputs["n"]) == (canary("answer body ordinary"), 1)
    assert canary("notes ordinary") in outputs["said"]


def _bodies(requests: Sequence[Got], name: str, side: str) -> bytes:
    path = f"/{name}/{canary(f'profile url {side}')}"
    return b"\n".join(each.body for each in requests if each.path == path)
