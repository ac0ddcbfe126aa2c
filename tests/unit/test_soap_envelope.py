"""A block in the Header of an envelope, whoever wrote it: every byte beside it stays."""

from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.domain.credentials.soap_envelope import NAMESPACES, WSSE, NoEnvelope, read_envelope

V1_1, V1_2 = NAMESPACES
BLOCK = '<t:T xmlns:t="urn:t">x</t:T>'


BY_HAND = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<!-- <s:Header> > " -->\n<?pi a>b?>\n<s:Envelope\n a=">\'" b = \'/>\' '
    f'xmlns:s="{V1_2}" ><!-- > --><s:Header x="\'/>" y=\'>"\' >|<!-- " --></s:Header >\r\n'
    "<s:Body><![CDATA[<s:Header>]]>&amp;\u00e9</s:Body></s:Envelope>\n<!-- end -->"
)


def put(envelope: str) -> str:
    return read_envelope(envelope.encode()).with_block(BLOCK).decode()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f'<s:Envelope xmlns:s="{V1_1}">|<s:Body/></s:Envelope>', "<s:Header>{}</s:Header>"),
        (f"<Envelope xmlns='{V1_2}'>| <Body><a/></Body>\n</Envelope>", "<Header>{}</Header>"),
        (f'<s:Envelope xmlns:s="{V1_1}"><s:Header>|</s:Header><s:Body/></s:Envelope>', "{}"),
        (f'<s:Envelope xmlns:s="{V1_1}"><s:Header>|<a/></s:Header><s:Body/></s:Envelope>', "{}"),
        (f'<s:Envelope xmlns:s="{V1_1}"><s:Header>| text </s:Header><s:Body/></s:Envelope>', "{}"),
        (
            BY_HAND,
            "{}",
        ),
        (f'<ä:Envelope xmlns:ä="{V1_1}">|<ä:Body/></ä:Envelope>', "<ä:Header>{}</ä:Header>"),
        (f'\ufeff<s:Envelope xmlns:s="{V1_1}">|<!-- \u00e9 --><s:Body/></s:Envelope>', "<s:Header>{}</s:Header>"),
        (
            f'<s:Envelope xmlns:s="{V1_1}">|<Header xmlns="urn:mine"/><s:Body><s:Header/></s:Body></s:Envelope>',
            "<s:Header>{}</s:Header>",
        ),
        (f'<s:Envelope xmlns:s="{V1_1}"><h:Header xmlns:h="{V1_1}">|</h:Header><s:Body/></s:Envelope>', "{}"),
    ],
)  # fmt: skip
def test_a_block_is_the_first_of_the_header_and_nothing_else_changes(before: str, after: str) -> None:
    expected = before.replace("|", after.format(BLOCK))
    assert put(before.replace("|", "")) == expected
    ET.fromstring(expected.encode())


@pytest.mark.parametrize("tag", ["<s:Header/>", "<s:Header />", "<s:Header\n a='/'  />"])
def test_an_empty_header_is_opened(tag: str) -> None:
    sent = put(f'<s:Envelope xmlns:s="{V1_1}">{tag}<s:Body/></s:Envelope>')
    opened = tag.removesuffix("/>")
    assert sent == f'<s:Envelope xmlns:s="{V1_1}">{opened}>{BLOCK}</s:Header><s:Body/></s:Envelope>'


def test_in_another_encoding_a_block_has_references_for_what_is_not_ascii() -> None:
    text = (
        f'<?xml version="1.0" encoding="iso-8859-1"?><s:Envelope xmlns:s="{V1_1}"><s:Body>\u00e9</s:Body></s:Envelope>'
    )
    sent = read_envelope(text.encode("latin-1")).with_block("<a xmlns='urn:a'>\u00f6\u20ac\U0001f600</a>")
    root = ET.fromstring(sent)
    assert [each.text for each in root.iter() if each.text] == ["\u00f6\u20ac\U0001f600", "\u00e9"]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (None, "the credential goes into a SOAP envelope, and the request has no body"),
        (b"", "the credential goes into a SOAP envelope, and the request has no body"),
        (b'{"id":"canary"}', "the body is no well-formed XML, and the credential goes into a SOAP envelope"),
        (
            f'<s:Envelope xmlns:s="{V1_1}"><s:Body><canary></s:Body></s:Envelope>'.encode(),
            "the body is no well-formed XML, and the credential goes into a SOAP envelope",
        ),
        (b"<canary>", "the body is XML, and no SOAP envelope"),
        (b"<canary", "the body is no well-formed XML, and the credential goes into a SOAP envelope"),
        (b"<canary/>", "the body is XML, and no SOAP envelope"),
        (b'<s:Envelope xmlns:s="urn:canary"><s:Body/></s:Envelope>', "the body is XML, and no SOAP envelope"),
        (f'<s:Envelope xmlns:s="{V1_1}"/>'.encode(), "the envelope has no Body"),
        (f'<s:Envelope xmlns:s="{V1_1}"><Body/></s:Envelope>'.encode(), "the envelope has no Body"),
        (
            f'<!DOCTYPE x [<!ENTITY a "y">]><s:Envelope xmlns:s="{V1_1}"><s:Body>&a;</s:Body></s:Envelope>'.encode(),
            "the body has a DTD, which SOAP does not allow",
        ),
        (
            f'<s:Envelope xmlns:s="{V1_1}"><s:Body/></s:Envelope>'.encode("utf-16"),
            "the body is in UTF-16 or UTF-32, and an envelope must be in UTF-8 or another form of ASCII",
        ),
        (
            b'<?xml version="1.0" encoding="klingon"?><a/>',
            "the body is no well-formed XML, and the credential goes into a SOAP envelope",
        ),
        (
            b'<?xml version="1.0" encoding="shift_jis"?><a/>',
            "the body is no well-formed XML, and the credential goes into a SOAP envelope",
        ),
    ],
)
def test_what_is_no_envelope_is_refused_with_a_sentence_that_quotes_nothing(body: bytes | None, reason: str) -> None:
    with pytest.raises(NoEnvelope) as refused:
        read_envelope(body)
    assert str(refused.value) == reason


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [("", True), (' s:actor="urn:x"', False), (' s:role="urn:x"', False), (' actor="x"', True)],
)
def test_a_security_header_for_the_last_receiver_is_seen(attributes: str, expected: bool) -> None:
    own = f'<w:Security xmlns:w="{WSSE}"{attributes}/>'
    text = f'<s:Envelope xmlns:s="{V1_1}"><s:Header>{own}</s:Header><s:Body>{own}</s:Body></s:Envelope>'
    assert read_envelope(text.encode()).has_security is expected


TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff<&]/"), max_size=8)
COMMENT = TEXT.map(lambda text: f"<!-- {text.replace('-', '')} -->")
ATTRIBUTE = TEXT.map(lambda text: f""" a='{text.replace("'", '"')}'""")
HEADER = st.one_of(
    st.just(""),
    st.builds("<p:Header{}/>".format, ATTRIBUTE),
    st.builds("<p:Header{}>{}<x{}/>{}</p:Header>".format, ATTRIBUTE, COMMENT, ATTRIBUTE, TEXT),
)


@given(st.sampled_from(NAMESPACES), ATTRIBUTE, TEXT, COMMENT, HEADER, TEXT)
def test_any_envelope_stays_well_formed_with_the_block_in_front(
    namespace: str, attribute: str, text: str, comment: str, header: str, end: str
) -> None:
    inside = f"{text}{header}{comment}<p:Body>{end}</p:Body>"
    before = f'{comment}<p:Envelope{attribute} xmlns:p="{namespace}">{inside}</p:Envelope>'
    sent = put(before)
    assert sent.count(BLOCK) == 1
    root = ET.fromstring(sent)
    assert [each.tag for each in root] == [f"{{{namespace}}}Header", f"{{{namespace}}}Body"]
    assert root[0][0].tag == "{urn:t}T"
    first, last = sent.split(BLOCK)
    without = first + last
    assert without in (
        before,
        before.replace("/>", "></p:Header>", 1) if header.endswith("/>") else before,
        first.removesuffix("<p:Header>") + "<p:Header></p:Header>" + last.removeprefix("</p:Header>"),
    )
