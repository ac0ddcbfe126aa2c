"""What a SOAP target answered: replies, faults of both versions, nothing, and what is no SOAP at all."""

import gzip
from typing import Any

import pytest

from dispatcher.adapters.soap.json_values import raw_fields
from dispatcher.adapters.soap.replies import MAX_DETAIL_CHARACTERS, MAX_REPLY_BYTES, ReplyReader
from dispatcher.domain.exchange import Answer
from dispatcher.domain.soap.description import SoapVersion
from dispatcher.domain.soap.reply import Fault, Reply

V11, V12 = "http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope"
ONE, TWO = SoapVersion.V1_1, SoapVersion.V1_2


def answer(body: str | bytes, status: int = 200, content_type: str = "text/xml; charset=utf-8") -> Answer:
    content = body.encode() if isinstance(body, str) else body
    return Answer(status, [("content-type", content_type)], content)


def envelope(inner: str, namespace: str = V11) -> str:
    return f'<?xml version="1.0"?><s:Envelope xmlns:s="{namespace}"><s:Header/><s:Body>{inner}</s:Body></s:Envelope>'


def read(body: str | bytes, version: SoapVersion = ONE, **how: Any) -> Reply:
    return ReplyReader(version, **{"one_way": False, "element": "LogCallResponse", **how}).read(answer(body))


def test_the_reply_to_the_operation_is_no_fault_and_readable():
    reply = read(envelope('<LogCallResponse xmlns="urn:crm"><LeadId>17</LeadId></LogCallResponse>'))
    assert (reply.fault, reply.unreadable, reply.empty) == (None, None, False)


def test_its_fields_are_read_only_when_they_are_asked_for():
    asked = []
    reply = read(envelope("<LogCallResponse/>"), read_fields=lambda body: asked.append(body.tag) or {"a": 1})
    assert asked == []
    assert reply.fields() == {"a": 1}
    assert asked == [f"{{{V11}}}Body"]


def test_a_fault_of_1_1_has_code_string_actor_and_detail():
    fault = (
        "<s:Fault><faultcode>s:Client.Auth</faultcode><faultstring xml:lang='en'> not you </faultstring>"
        "<faultactor>urn:gate</faultactor><detail><e:Why xmlns:e='urn:e'>17</e:Why></detail></s:Fault>"
    )
    reply = read(envelope(fault))
    assert reply.fault is not None
    assert (reply.fault.code, reply.fault.string, reply.fault.actor) == ("Client.Auth", "not you", "urn:gate")
    assert reply.fault.detail.endswith(">17</e:Why>")
    assert reply.fault.blames_sender


def test_a_fault_whose_children_are_in_a_namespace_is_read_all_the_same():
    reply = read(envelope("<s:Fault><s:faultcode>Server</s:faultcode><s:faultstring>busy</s:faultstring></s:Fault>"))
    assert reply.fault == Fault("Server", "busy")
    assert not reply.fault.blames_sender


def test_a_fault_of_1_2_has_its_subcodes_and_its_role():
    fault = (
        "<s:Fault><s:Code><s:Value>s:Sender</s:Value><s:Subcode><s:Value xmlns:m='urn:m'>m:MessageTimeout</s:Value>"
        "<s:Subcode><s:Value>m:Inner</s:Value></s:Subcode></s:Subcode></s:Code>"
        "<s:Reason><s:Text xml:lang='en'>too late</s:Text></s:Reason><s:Role>urn:role</s:Role>"
        "<s:Detail><MaxTime>P5M</MaxTime></s:Detail></s:Fault>"
    )
    reply = read(envelope(fault, V12), TWO)
    assert reply.fault is not None
    assert (reply.fault.code, reply.fault.subcodes, reply.fault.string, reply.fault.actor) == (
        "Sender",
        ("MessageTimeout", "Inner"),
        "too late",
        "urn:role",
    )
    assert "P5M" in reply.fault.detail
    assert reply.fault.standard_code == "Sender"


def test_a_fault_in_the_other_version_is_a_fault():
    fault = "<s:Fault><faultcode>s:VersionMismatch</faultcode><faultstring>1.1 only</faultstring></s:Fault>"
    reply = read(envelope(fault, V11), TWO)
    assert reply.fault == Fault("VersionMismatch", "1.1 only")
    assert reply.fault.blames_sender


def test_a_reply_in_the_other_version_is_named():
    assert read(envelope("<LogCallResponse/>", V12), ONE).unreadable == "a reply of SOAP 1.2 to a request of SOAP 1.1"


BOMB = '<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>' + envelope(
    "<LogCallResponse>&b;</LogCallResponse>"
).replace('<?xml version="1.0"?>', "")


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("<!DOCTYPE html><html><body>Sign in</body></html>", "a page of HTML"),
        ("<html><head><meta charset=utf-8></head></html>", "a page of HTML"),
        ("<html><head/><body/></html>", "a page of HTML"),
        (BOMB, "XML with a DTD"),
        (envelope("<LogCallResponse/>")[:-20], "no well-formed XML (cut short, perhaps), or XML nested too deep"),
        ('{"ok": true}', "something that is no XML"),
        (b"\x00\x01\x02", "something that is no XML"),
        ("<ok/>", "XML that is no SOAP envelope"),
        ("<Envelope xmlns='urn:other'><Body/></Envelope>", "XML that is no SOAP envelope"),
        (f"<s:Envelope xmlns:s='{V11}'><s:Header/></s:Envelope>", "an envelope without a body"),
        (envelope(""), "an empty body"),
        (envelope("<GetWeatherResponse/>"), "a reply to something else than this operation"),
        (envelope("<a>" * 300 + "</a>" * 300), "no well-formed XML (cut short, perhaps), or XML nested too deep"),
        (b"<" + b"x" * MAX_REPLY_BYTES, "more than 1048576 bytes of reply"),
    ],
)
def test_what_is_no_reply_to_the_request_has_a_sentence(body: str | bytes, why: str):
    reply = read(body)
    assert (reply.unreadable, reply.fault, reply.empty) == (why, None, False)
    assert reply.fields() is None


def test_an_empty_answer_is_empty_and_one_way_says_whether_that_was_all():
    assert read(b"") == Reply(empty=True, one_way=False)
    assert read(b" \r\n", one_way=True) == Reply(empty=True, one_way=True)


def test_any_element_will_do_where_none_is_expected():
    assert read(envelope("<AnythingAtAll/>"), element="").unreadable is None


def test_the_first_part_of_a_reply_with_attachments_is_the_envelope():
    parts = (
        "--b1\r\nContent-Type: application/xop+xml\r\n\r\n"
        + envelope("<LogCallResponse/>")
        + "\r\n--b1\r\nContent-Type: image/png\r\n\r\nxyz\r\n--b1--"
    )
    reader = ReplyReader(ONE, one_way=False, element="LogCallResponse")
    reply = reader.read(answer(parts, content_type='multipart/related; type="application/xop+xml"; boundary="b1"'))
    assert reply.unreadable is None


def test_the_part_that_start_names_is_the_envelope_wherever_it_stands_and_however_lines_end():
    parts = (
        "--b1\nContent-Type: image/png\nContent-ID: <img>\n\nxyz\n--b1\nContent-ID: <root>\n\n"
        + envelope("<LogCallResponse/>")
        + "\n--b1--\n"
    )
    reader = ReplyReader(ONE, one_way=False, element="LogCallResponse")
    reply = reader.read(answer(parts, content_type='multipart/related; start="<root>"; boundary=b1'))
    assert (reply.unreadable, reply.empty) == (None, False)


def test_long_texts_of_a_fault_are_cut():
    long = "<s:Fault><faultcode>Server</faultcode><faultstring>" + "x" * 5_000 + "</faultstring><detail><d>"
    reply = read(envelope(long + "y" * 100_000 + "</d></detail></s:Fault>"))
    assert reply.fault is not None
    assert (len(reply.fault.string), len(reply.fault.detail)) == (1_000, MAX_DETAIL_CHARACTERS)


def test_an_answer_is_read_once_for_one_exchange():
    asked = []

    class Counting(ReplyReader):
        def read(self, given: Answer) -> Reply:
            asked.append(given)
            return super().read(given)

    once = Counting(ONE, one_way=False).once()
    given = answer(envelope("<a/>"))
    assert once(given) is once(given)
    assert len(asked) == 1


def test_random_bytes_never_raise():
    for noise in (
        gzip.compress(b"x"),
        b"\xff\xfe<\x00",
        b"<?xml version='1.0' encoding='ebcdic'?><a/>",
        b"\xef\xbb\xbf",
    ):
        assert isinstance(read(noise), Reply)


def test_fields_by_local_names_are_texts_objects_and_lists():
    from lxml import etree

    body = etree.fromstring(
        "<b xmlns:x='urn:x' xmlns:i='http://www.w3.org/2001/XMLSchema-instance'><x:Id>1</x:Id><x:Tag>a</x:Tag>"
        "<x:Tag>b</x:Tag><x:No i:nil='true'/><x:Empty/><x:Who><x:Name>Jane</x:Name></x:Who></b>"
    )
    assert raw_fields(body) == {
        "Id": "1",
        "Tag": ["a", "b"],
        "No": None,
        "Empty": "",
        "Who": {"Name": "Jane"},
    }


OTHER = (
    f'<f:Fault xmlns:f="{V12}"><f:Code><f:Value>f:Server</f:Value></f:Code>'
    "<f:Reason><f:Text>busy</f:Text></f:Reason></f:Fault>"
)


@pytest.mark.parametrize(
    "fault", ["<Fault><faultcode>Server</faultcode><faultstring>busy</faultstring></Fault>", OTHER]
)
def test_a_fault_in_no_namespace_or_in_the_other_version_s_is_no_reply(fault: str):
    assert read(envelope(fault), element="").fault == Fault("Server", "busy")


def test_what_a_service_of_its_own_calls_a_fault_is_a_reply():
    assert read(envelope('<Fault xmlns="urn:lines"><Line>3</Line></Fault>'), element="").fault is None
