"""From a profile's parameters and a call to an envelope: what is sent, and what is refused, with its path."""

from dataclasses import replace
from typing import Any, NoReturn
from uuid import UUID

import pytest
from lxml import etree

from dispatcher.domain.exchange import Answer, ErrorWord
from dispatcher.domain.soap.built_in import BUILT_IN, LISTS
from dispatcher.domain.soap.bundle import Bundle
from dispatcher.domain.soap.description import SimpleType
from dispatcher.domain.soap.lexical import lexical
from dispatcher.domain.soap.reply import Fault
from dispatcher.domain.soap.samples import sample
from dispatcher.ports import RenderError
from tests.unit.soap_house import ADDRESS, CRM, ENVELOPES, RPC, WORKSPACE, SoapHouse, inner
from tests.unit.template_house import BREAKOUT, CONTEXT

LEAST = {"CallId": "{{ call.id }}", "Seconds": "{{ call.duration_seconds }}"}
OPEN = '<ns0:LogCall xmlns:ns0="urn:crm"><ns0:CallId>7f9c</ns0:CallId><ns0:Seconds>200</ns0:Seconds>'


@pytest.fixture(scope="module")
def house() -> SoapHouse:
    return SoapHouse()


def call(**fields: Any) -> dict[str, Any]:
    return {**CONTEXT, "call": {**CONTEXT["call"], **fields}}


def refusal(house: SoapHouse, context: Any, **parameters: Any) -> tuple[str, str, ErrorWord]:
    with pytest.raises(RenderError) as refused:
        house.render(context, parameters={**LEAST, **parameters})
    return refused.value.field, refused.value.reason, refused.value.word


def test_a_call_of_soap_1_1_has_its_address_action_and_content_type(house: SoapHouse):
    rendered = house.render(CONTEXT, parameters=LEAST)
    assert (rendered.method, rendered.url) == ("POST", "https://crm.example/soap11")
    assert rendered.headers == [("Content-Type", "text/xml; charset=utf-8"), ("SOAPAction", '"urn:crm/LogCall"')]
    assert rendered.body.startswith(b"<?xml version='1.0' encoding='utf-8'?>\n<soap-env:Envelope")
    assert ENVELOPES["1.1"].encode() in rendered.body
    assert inner(rendered.body, "Body") == OPEN + "</ns0:LogCall>"


def test_a_call_of_soap_1_2_names_its_action_in_the_content_type(house: SoapHouse):
    rendered = house.render(CONTEXT, soap_version="1.2", parameters=LEAST)
    assert rendered.url == "https://crm.example/soap12"
    assert rendered.headers == [("Content-Type", 'application/soap+xml; charset=utf-8; action="urn:crm/LogCall"')]
    assert ENVELOPES["1.2"].encode() in rendered.body


def test_an_operation_without_an_action_says_so_in_either_version(house: SoapHouse):
    notify = {"parameters": {"CallId": "x"}}
    assert house.render(CONTEXT, "Notify", **notify).headers[1] == ("SOAPAction", '""')
    second = house.render(CONTEXT, "Notify", soap_version="1.2", **notify)
    assert second.headers == [("Content-Type", "application/soap+xml; charset=utf-8")]
    own = house.render(CONTEXT, "Notify", soap_action="urn:own", **notify)
    assert own.headers[1] == ("SOAPAction", '"urn:own"')


def test_values_are_written_as_their_types_want_them(house: SoapHouse):
    given = {
        **LEAST,
        "Day": "2026-11-20",
        "Ended": "{{ occurred_at }}",
        "Vip": "{{ call.custom.flag }}",
        "Score": "{{ call.custom.score }}",
        "Note": "{{ call.caller_name }}",
        "Outcome": "answered",
    }
    assert house.body(CONTEXT, parameters=given) == (
        OPEN + "<ns0:Day>2026-11-20</ns0:Day><ns0:Ended>2026-11-20T10:03:20Z</ns0:Ended><ns0:Vip>true</ns0:Vip>"
        "<ns0:Score>4.5</ns0:Score><ns0:Note>SmFuZSBSb2U=</ns0:Note><ns0:Outcome>answered</ns0:Outcome></ns0:LogCall>"
    )


def test_binary_data_is_encoded_unless_it_is_said_to_be_encoded(house: SoapHouse):
    plain = house.body(call(custom={"wav": "AP9S"}), parameters={**LEAST, "Note": "{{ call.custom.wav }}"})
    assert "<ns0:Note>QVA5Uw==</ns0:Note>" in plain
    encoded = {**LEAST, "Note": {"$base64": "{{ call.custom.wav }}"}}
    assert "<ns0:Note>AP9S</ns0:Note>" in house.body(call(custom={"wav": "AP9S"}), parameters=encoded)
    assert "Note" not in house.body(call(custom={}), parameters=encoded)
    field, reason, word = refusal(house, call(custom={"wav": "not base64!"}), Note=encoded["Note"])
    assert (field, word) == ("request.parameters.Note.$base64", ErrorWord.BAD_VALUE)
    assert "base64" in reason
    assert "not base64!" not in reason
    assert house.faults(parameters={**LEAST, "CallId": {"$base64": "AA=="}}) == {
        "request.parameters.CallId.$base64": "a plain value: the type is not a binary one"
    }
    assert list(house.faults(parameters={**LEAST, "Note": {"$base64": "A"}})) == ["request.parameters.Note.$base64"]


BUILT_INS = [name for name in (*BUILT_IN, *LISTS) if name != "anySimpleType"]


def test_every_built_in_type_is_written_as_its_lexical_form_in_elements_and_in_attributes():
    elements = "".join(f'<xsd:element name="e{name}" type="xsd:{name}" minOccurs="0"/>' for name in BUILT_INS)
    attributes = "".join(f'<xsd:attribute name="a{name}" type="xsd:{name}"/>' for name in BUILT_INS)
    own = (
        '<xsd:simpleType name="Ints"><xsd:list itemType="xsd:int"/></xsd:simpleType>'
        '<xsd:simpleType name="Either"><xsd:union memberTypes="xsd:int tns:Ints"/></xsd:simpleType>'
    )
    more = "".join(
        f'<xsd:element name="{name.lower()}" type="tns:{name}" minOccurs="0"/>' for name in ("Ints", "Either")
    )
    inner_type = f"<xsd:complexType><xsd:sequence>{elements}{more}</xsd:sequence>{attributes}</xsd:complexType>"
    text = CRM.replace("</xsd:schema>", f'{own}<xsd:element name="All">{inner_type}</xsd:element></xsd:schema>')
    house = SoapHouse(text.replace('element="tns:Notify"', 'element="tns:All"'))
    values = {name: sample(SimpleType(f"xsd:{name}", name)) for name in BUILT_INS}
    given = {f"{place}{name}": value for name, value in values.items() for place in "ea"}
    body = etree.fromstring(house.body(CONTEXT, "Notify", parameters={**given, "ints": [1, 22], "either": "3 4"}))
    written = {etree.QName(child).localname: child.text for child in body} | dict(body.attrib)
    forms = {name: lexical(value, SimpleType(name, name)) for name, value in values.items()}
    expected = {f"{place}{name}": form for name, form in forms.items() for place in "ea"}
    assert written == {**expected, "ints": "1 22", "either": "3 4"}
    assert ">NaN<" in house.body(CONTEXT, "Notify", parameters={"efloat": "NaN"})


def test_objects_with_attributes_and_lists_of_both_kinds(house: SoapHouse):
    given = {
        **LEAST,
        "Agent": {"Name": "{{ call.agent.name }}", "site": "{{ source.name }}"},
        "Code": "{{ call.account_codes }}",
        "Line": {
            "$for": "call.account_codes",
            "$as": "code",
            "$each": {"Code": "c{{ code }}", "Price": "{{ loop.index }}"},
        },
    }
    assert house.body(CONTEXT, parameters=given) == (
        OPEN + '<ns0:Agent site="pbx"><ns0:Name>John Doe</ns0:Name></ns0:Agent>'
        "<ns0:Code>1001</ns0:Code><ns0:Code>1002</ns0:Code>"
        "<ns0:Line><ns0:Code>c1001</ns0:Code><ns0:Price>1</ns0:Price></ns0:Line>"
        "<ns0:Line><ns0:Code>c1002</ns0:Code><ns0:Price>2</ns0:Price></ns0:Line></ns0:LogCall>"
    )


def test_what_the_call_does_not_have_is_left_out_where_it_may_be(house: SoapHouse):
    given = {
        **LEAST,
        "Ended": "{{ call.ended_at }}",
        "Score": "{{ call.custom.nothing }}",
        "Agent": {"Name": "{{ call.custom.nothing }}"},
        "Code": "{{ call.tags }}",
        "Line": {"$for": "call.tags", "$each": {"Code": "{{ item }}"}},
    }
    assert house.body(CONTEXT, parameters=given) == OPEN + "</ns0:LogCall>"


def test_a_derived_type_a_nil_and_xml_of_the_authors_own(house: SoapHouse):
    given = {
        **LEAST,
        "Agent": {"$type": "Supervisor", "Name": "Jane", "Team": "{{ call.caller_name }}"},
        "Lead": {"$nil": True},
        "Extra": "{{ call.duration_seconds }}",
        "_value_1": '<x:Own xmlns:x="urn:x">{{ call.caller_name }}</x:Own>',
    }
    body = house.body(call(caller_name=BREAKOUT), parameters=given)
    assert 'xsi:type="ns0:Supervisor"' in body
    assert "<ns0:Lead xmlns:xsi=" in body
    assert 'xsi:nil="true"' in body
    assert '<x:Own xmlns:x="urn:x">"; DROP&lt;/x&gt;&amp;&#xD;\nX: y</x:Own>' in body
    assert ">200</ns0:Extra>" in body


def test_no_value_breaks_out_of_its_element_or_its_attribute(house: SoapHouse):
    given = {**LEAST, "CallId": "{{ call.caller_name }}", "Agent": {"Name": "x", "site": "{{ call.caller_name }}"}}
    body = house.body(call(caller_name=BREAKOUT), parameters=given)
    assert '<ns0:CallId>"; DROP&lt;/x&gt;&amp;&#xD;\nX: y</ns0:CallId>' in body
    assert 'site="&quot;; DROP&lt;/x>&amp;&#xD;&#xA;X: y"' in body


def test_declared_headers_and_blocks_of_the_authors_own(house: SoapHouse):
    rendered = house.render(
        CONTEXT,
        parameters=LEAST,
        headers={"Session": {"Id": "{{ call.agent.name }}"}},
        header_xml='<t:Trace xmlns:t="urn:t" id="{{ delivery.id }}"/>',
    )
    assert inner(rendered.body, "Header") == (
        '<ns0:Session xmlns:ns0="urn:crm"><ns0:Id>John Doe</ns0:Id></ns0:Session>'
        '<t:Trace xmlns:t="urn:t" id="0193-1"></t:Trace>'
    )


def test_headers_of_http_are_templates_as_those_of_rest(house: SoapHouse):
    rendered = house.render(
        call(caller_name=BREAKOUT),
        parameters=LEAST,
        http_headers=[{"name": "X-Caller", "value": "{{ call.caller_name }}"}],
    )
    assert rendered.headers[0] == ("X-Caller", '"; DROP</x>&  X: y')


def test_an_address_of_the_profile_goes_before_that_of_the_wsdl(house: SoapHouse):
    assert house.render(CONTEXT, address="https://other.example/x", parameters=LEAST).url == "https://other.example/x"


@pytest.mark.parametrize("use", ["literal", "encoded"])
def test_an_rpc_operation_is_wrapped_in_its_name_and_encoded_has_types(use: str):
    house = SoapHouse(RPC.format(use=use, address=ADDRESS))
    body = house.body(CONTEXT, "add", parameters={"session": "s<1", "seconds": "{{ call.duration_seconds }}"})
    if use == "literal":
        assert body == ('<ns0:add xmlns:ns0="urn:old"><session>s&lt;1</session><seconds>200</seconds></ns0:add>')
        return
    assert 'encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"' in body
    assert ':string">s&lt;1</session>' in body
    assert ':int">200</seconds>' in body


# --- what does not fit


@pytest.mark.parametrize(
    ("parameters", "path", "expected"),
    [
        ({"Seconds": "{{ call.caller_name }}"}, "request.parameters.Seconds", "whole number"),
        ({"Day": "{{ occurred_at }}"}, "request.parameters.Day", "date"),
        ({"Score": "{{ call.caller_name }}"}, "request.parameters.Score", "number"),
        ({"Vip": "{{ call.duration_seconds }}"}, "request.parameters.Vip", "true"),
        ({"Outcome": "{{ call.caller_name }}"}, "request.parameters.Outcome", "answered"),
        (
            {"Agent": {"Name": "x", "Extension": "{{ call.caller_name }}"}},
            "request.parameters.Agent.Extension",
            "whole number",
        ),
        (
            {"Line": [{"Code": "a"}, {"Code": "b", "Price": "{{ call.id }}"}]},
            "request.parameters.Line[1].Price",
            "number",
        ),
    ],
)
def test_a_value_that_does_not_fit_fails_with_its_path_and_without_its_value(
    house: SoapHouse, parameters: dict[str, Any], path: str, expected: str
):
    field, reason, word = refusal(house, CONTEXT, **parameters)
    assert (field, word) == (path, ErrorWord.BAD_VALUE)
    assert expected in reason
    assert not any(value in reason for value in ("Jane", "7f9c", "2026-11-20T10"))


def test_a_required_value_that_the_call_does_not_have_fails(house: SoapHouse):
    field, reason, word = refusal(house, CONTEXT, Seconds="{{ call.custom.nothing }}")
    assert (field, word) == ("request.parameters.Seconds", ErrorWord.BAD_VALUE)
    assert "required" in reason


def test_more_items_than_the_schema_takes_fail(house: SoapHouse):
    lines = {"$for": "call.account_codes", "$each": {"Code": "{{ item }}"}}
    with pytest.raises(RenderError) as refused:
        house.render(call(account_codes=[str(n) for n in range(6)]), parameters={**LEAST, "Line": lines})
    assert (refused.value.field, refused.value.word) == ("request.parameters.Line", ErrorWord.BAD_VALUE)


# --- what is refused when it is saved


def test_a_profile_that_fits_its_wsdl_has_no_faults(house: SoapHouse):
    assert house.faults(parameters=LEAST) == {}


@pytest.mark.parametrize(
    ("request_", "field", "expected"),
    [
        ({"parameters": {**LEAST, "Secnds": 1}}, "request.parameters.Secnds", "did you mean Seconds?"),
        ({"parameters": {"CallId": "x"}}, "request.parameters.Seconds", "xsd:int"),
        ({"parameters": {**LEAST, "Seconds": "ten"}}, "request.parameters.Seconds", "whole number"),
        ({"parameters": {**LEAST, "Outcome": "late"}}, "request.parameters.Outcome", "answered"),
        ({"parameters": {**LEAST, "Agent": "John"}}, "request.parameters.Agent", "object"),
        ({"parameters": {**LEAST, "CallId": "{{ call.idd }}"}}, "request.parameters.CallId", "call.id"),
        ({"parameters": {**LEAST, "CallId": "{{ call.id"}}, "request.parameters.CallId", "parsed"),
        ({"parameters": {**LEAST, "_value_1": "<a>"}}, "request.parameters._value_1", "well-formed"),
        (
            {"parameters": {**LEAST, "Code": {"$for": "call.agents", "$each": "x"}}},
            "request.parameters.Code.$for",
            "call.account_codes",
        ),
        (
            {"parameters": {**LEAST, "Code": {"$for": "call.tags", "$as": "call", "$each": "x"}}},
            "request.parameters.Code.$as",
            "",
        ),
        ({"parameters": LEAST, "headers": {"Sesion": {}}}, "request.headers.Sesion", "did you mean Session?"),
        ({"parameters": LEAST, "headers": {"Session": {}}}, "request.headers.Session.Id", "xsd:string"),
        ({"parameters": LEAST, "header_xml": "<a"}, "request.header_xml", "well-formed"),
        ({"parameters": LEAST, "service": "Crn"}, "request.service", "did you mean Crm?"),
        ({"parameters": LEAST, "port": "Soap13"}, "request.port", "Soap11"),
        ({"parameters": LEAST, "port": "Soap12"}, "request.soap_version", "1.2, which the WSDL's ports speak"),
    ],
)
def test_what_the_wsdl_does_not_offer_is_refused_with_what_it_does(
    house: SoapHouse, request_: dict[str, Any], field: str, expected: str
):
    faults = house.faults(**request_)
    assert list(faults) == [field]
    assert expected in faults[field]


def test_an_operation_that_is_not_there_is_refused_with_those_that_are(house: SoapHouse):
    assert house.faults("LogCal") == {
        "request.operation": "the name of an operation (did you mean LogCall?); there are LogCall, Notify"
    }


def test_a_wsdl_that_the_workspace_does_not_keep_is_refused(house: SoapHouse):
    spec = house.spec(parameters=LEAST)
    from uuid import UUID

    (fault,) = house.templates.check(spec, workspace_id=UUID(int=2))
    assert fault["field"] == "request.wsdl"


def test_a_wsdl_without_an_address_needs_one_of_the_profile():
    house = SoapHouse(RPC.format(use="literal", address=""))
    parameters = {"session": "x", "seconds": 1}
    assert list(house.faults("add", parameters=parameters)) == ["request.address"]
    assert house.faults("add", parameters=parameters, address="https://old.example/") == {}


@pytest.mark.parametrize("location", ["localhost:8080/api", "jms:queue", "http://user:pw@old.example/", "http://a b/"])
def test_an_address_of_the_wsdl_that_is_none_is_refused_with_what_to_do(location: str):
    house = SoapHouse(RPC.format(use="literal", address=ADDRESS.replace("http://old.example/soap.php", location)))
    faults = house.faults("add", parameters={"session": "x", "seconds": 1})
    assert list(faults) == ["request.address"]
    assert "give one here" in faults["request.address"]


def test_a_loop_in_a_loop_is_refused(house: SoapHouse):
    inner_loop = {"$for": "call.tags", "$each": "{{ item }}"}
    looped = {"$for": "call.tags", "$as": "tag", "$each": {"Code": inner_loop}}
    assert "request.parameters.Line.$each.Code" in house.faults(parameters={**LEAST, "Line": looped})


# --- an envelope of one's own

OWN = (
    f'<s:Envelope xmlns:s="{ENVELOPES["1.1"]}"><s:Body>'
    '<a:Log xmlns:a="urn:a">{{ call.caller_name }}</a:Log></s:Body></s:Envelope>'
)


def test_an_envelope_of_ones_own_is_sent_as_it_is_with_its_values_escaped(house: SoapHouse):
    rendered = house.render(
        call(caller_name=BREAKOUT), envelope=OWN, address="https://crm.example/x", soap_action="urn:a#Log"
    )
    assert rendered.url == "https://crm.example/x"
    assert rendered.headers == [("Content-Type", "text/xml; charset=utf-8"), ("SOAPAction", '"urn:a#Log"')]
    assert b'<a:Log xmlns:a="urn:a">&quot;; DROP&lt;/x&gt;&amp;&#13;&#10;X: y</a:Log>' in rendered.body


def test_an_envelope_of_the_other_version_or_of_nothing_is_refused(house: SoapHouse):
    own = {"address": "https://crm.example/x"}
    assert list(house.faults(envelope=OWN, soap_version="1.2", **own)) == ["request.envelope"]
    assert list(house.faults(envelope="<Log>{{ call.id }}</Log>", **own)) == ["request.envelope"]
    assert house.faults(envelope=OWN, **own) == {}


# --- how its answer is read


def answer(inner_xml: str, version: str = "1.1") -> Answer:
    text = f'<s:Envelope xmlns:s="{ENVELOPES[version]}"><s:Body>{inner_xml}</s:Body></s:Envelope>'
    return Answer(200, [("content-type", "text/xml")], text.encode())


RESULT = (
    '<LogCallResponse xmlns="urn:crm"><LogCallResult><LeadId>17</LeadId><Fee>1.50</Fee>'
    "<At>2026-11-20T10:03:20Z</At></LogCallResult></LogCallResponse>"
)


def test_the_fields_of_a_reply_have_the_types_of_the_wsdl(house: SoapHouse):
    reply = house.render(CONTEXT, parameters=LEAST).read_reply(answer(RESULT))
    assert reply.fields() == {"LogCallResult": {"LeadId": 17, "Fee": "1.50", "At": "2026-11-20T10:03:20+00:00"}}


def test_a_reply_that_zeep_cannot_read_still_has_its_fields_as_texts(house: SoapHouse):
    odd = RESULT.replace("<LeadId>17</LeadId>", "<Surprise>1</Surprise><LeadId>17</LeadId>")
    reply = house.render(CONTEXT, parameters=LEAST).read_reply(answer(odd))
    assert reply.unreadable is None
    assert reply.fields()["LogCallResponse"]["LogCallResult"]["LeadId"] == "17"


def test_a_one_way_operation_expects_nothing_unless_the_profile_says_otherwise(house: SoapHouse):
    notify = {"parameters": {"CallId": "x"}}
    assert house.render(CONTEXT, "Notify", **notify).read_reply(Answer(200, [], b"")).one_way
    assert not house.render(CONTEXT, "Notify", one_way=False, **notify).read_reply(Answer(200, [], b"")).one_way
    assert not house.render(CONTEXT, parameters=LEAST).read_reply(Answer(200, [], b"")).one_way


def test_a_fault_and_the_other_version_are_told_apart(house: SoapHouse):
    read = house.render(CONTEXT, parameters=LEAST).read_reply
    fault = "<s:Fault><faultcode>s:Server</faultcode><faultstring>busy</faultstring></s:Fault>"
    assert read(answer(fault)).fault == Fault("Server", "busy")
    assert read(answer(RESULT, "1.2")).unreadable == "a reply of SOAP 1.2 to a request of SOAP 1.1"


# --- what is slow


def test_a_wsdl_is_parsed_once_however_many_profiles_use_it():
    house = SoapHouse()
    spec = house.spec(parameters=LEAST)
    assert not house.templates.is_at_hand(spec)
    house.templates.prepare(spec, workspace_id=WORKSPACE)
    assert house.templates.is_at_hand(spec)
    for name in ("LogCall", "Notify"):
        house.render(CONTEXT, name, parameters=LEAST if name == "LogCall" else {"CallId": "x"})
    assert house.kept.reads == 1


def test_an_envelope_of_ones_own_is_always_at_hand(house: SoapHouse):
    assert house.templates.is_at_hand(house.spec(envelope=OWN, address="https://crm.example/x"))


def test_an_envelope_of_ones_own_rests_on_no_wsdl_whatever_hash_is_left_in_it():
    house = SoapHouse()
    spec = house.spec(envelope=OWN, address="https://crm.example/x", wsdl_hash=house.hash)
    assert house.templates.is_at_hand(spec)
    # In a workspace without that WSDL it would have been found missing, for all workspaces of the process.
    house.templates.prepare(spec, workspace_id=UUID(int=2))
    assert not house.templates.is_at_hand(house.spec(parameters=LEAST))
    assert spec.document["request"]["wsdl_hash"] is None


def test_a_wsdl_that_is_kept_no_more_is_found_out_once_and_told_to_each_delivery():
    house = SoapHouse()
    spec = house.spec(parameters=LEAST)
    template = house.templates.compile(spec, workspace_id=WORKSPACE)
    house.kept.wsdls.clear()
    house.templates.prepare(spec, workspace_id=WORKSPACE)
    assert house.templates.is_at_hand(spec)
    with pytest.raises(RenderError) as refused:
        template.render(CONTEXT)
    assert (refused.value.field, refused.value.word) == ("request.wsdl", ErrorWord.WSDL)
    assert house.kept.reads == 1


@pytest.mark.parametrize("unforeseen", [MemoryError(), KeyError("a member of the row")])
def test_a_wsdl_that_cannot_be_read_now_is_not_read_again_and_again_and_ends_no_delivery(unforeseen: Exception):
    house = SoapHouse()
    spec = house.spec(parameters=LEAST)

    def fail(*_: object) -> NoReturn:
        house.kept.reads += 1
        raise unforeseen

    house.library._load = house.library._read_description = fail
    house.templates.prepare(spec, workspace_id=WORKSPACE)
    assert house.templates.is_at_hand(spec)
    with pytest.raises(RenderError) as refused:
        house.templates.compile(spec, workspace_id=WORKSPACE)
    assert (refused.value.word, refused.value.passing) == (ErrorWord.WSDL, True)
    assert house.kept.reads == 1


def test_the_wsdl_that_was_not_used_for_longest_leaves_first_when_there_is_no_room():
    house = SoapHouse()
    small = house.kept.keep(RPC.format(use="literal", address=ADDRESS))
    house.library._max_parsed_bytes = len(CRM) + 10
    house.library.parsed(WORKSPACE, house.hash)
    house.library.parsed(WORKSPACE, small)
    assert (house.library.is_at_hand(house.hash), house.library.is_at_hand(small)) == (False, True)


def test_a_wsdl_that_left_for_others_between_two_looks_is_asked_for_again_and_spends_nothing():
    house = SoapHouse()
    spec = house.spec(parameters=LEAST)
    template = house.templates.compile(spec, workspace_id=WORKSPACE)
    with pytest.raises(RenderError) as refused:
        template.render(CONTEXT)
    assert (refused.value.word, refused.value.passing) == (ErrorWord.WSDL, True)
    assert house.kept.reads == 0
    house.templates.prepare(spec, workspace_id=WORKSPACE)
    assert b"LogCall" in template.render(CONTEXT).body


def test_no_url_of_a_wsdl_stands_in_a_deliverys_reason():
    house = SoapHouse()
    kept = house.kept.wsdls[WORKSPACE, house.hash]
    secret = Bundle("https://crm.example/?key=canary", {"https://crm.example/?key=canary": b"<no wsdl"})
    house.kept.wsdls[WORKSPACE, house.hash] = replace(kept, bundle=secret)
    spec = house.spec(parameters=LEAST)
    house.templates.prepare(spec, workspace_id=WORKSPACE)
    with pytest.raises(RenderError) as refused:
        house.templates.compile(spec, workspace_id=WORKSPACE)
    assert str(refused.value) == (
        "a WSDL that this release cannot read: refresh it (onhook wsdl inspect --refresh) in request.wsdl"
    )


def test_descriptions_that_are_many_leave_one_after_another(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("dispatcher.adapters.soap.library.MAX_DESCRIBED_PARAMETERS", 30)
    house = SoapHouse()
    other = house.kept.keep(RPC.format(use="literal", address=ADDRESS))
    assert house.library.description(WORKSPACE, house.hash) is not None
    assert house.library.description(WORKSPACE, other) is not None
    assert list(house.library._described) == [(WORKSPACE, other)]


def test_a_value_that_does_not_fit_its_schema_is_a_text_in_the_reply(house: SoapHouse):
    odd = RESULT.replace("<LeadId>17</LeadId>", "<LeadId>L-17</LeadId>").replace("<Fee>1.50</Fee>", "<Fee>free</Fee>")
    reply = house.render(CONTEXT, parameters=LEAST).read_reply(answer(odd))
    assert reply.fields() == {"LogCallResult": {"LeadId": "L-17", "Fee": "free", "At": "2026-11-20T10:03:20+00:00"}}


@pytest.mark.parametrize("path", ["LeadId", "LogCallResult.LeadId", "LogCallResult.*"])
def test_an_output_may_name_a_field_of_the_reply_with_or_without_what_wraps_it(house: SoapHouse, path: str):
    assert house.faults(parameters=LEAST, profile={"outputs": [{"name": "x", "field": path}]}) == {}


def test_a_field_that_no_reply_can_have_is_refused_with_those_that_there_are(house: SoapHouse):
    wanted = {
        "outputs": [{"name": "x", "field": "LeadIds"}, {"name": "y", "field": "LogCallResult.Fees"}],
        "success": {"body": {"field": "Status", "equals": "OK"}},
    }
    expected = "a field of the operation's reply{}; there are LeadId, Fee, At"
    assert house.faults(parameters=LEAST, profile=wanted) == {
        "outputs[0].field": expected.format(" (did you mean LeadId?)"),
        "outputs[1].field": expected.format(""),
        "success.body.field": expected.format(""),
    }
