"""FreeSWITCH's mod_xml_cdr: the record as the switch writes it, also where that is no well-formed XML."""

import base64
import json
from datetime import UTC, datetime
from urllib.parse import quote, quote_plus
from xml.sax.saxutils import escape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatcher.sources import NotUnderstood, Posted, SourceSettings
from dispatcher.sources.freeswitch import parse
from dispatcher.sources.freeswitch.xml import document_of_xml
from tests.unit.switch_posts import told

NOW = datetime(2026, 11, 20, 10, 3, 21, tzinfo=UTC)
A = "0d9b8a70-5b11-4f0e-9c3a-000000000001"
B = "0d9b8a70-5b11-4f0e-9c3a-000000000002"
VARIABLES = {
    "direction": "inbound",
    "uuid": A,
    "hangup_cause": "NORMAL_CLEARING",
    "hangup_cause_q850": "16",
    "start_uepoch": "1795168800000000",
    "answer_uepoch": "1795168809000000",
    "end_uepoch": "1795169000000000",
    "duration": "200",
    "billsec": "191",
    "accountcode": "10 & 20%",
    "nolocal:req_uuid": A,
    "set api_hangup_hook": "lua bye.lua",
    "^^,crm_id": "L-20417",
    "7": "seven",
    "sip_full_from": '"Jane Roe" <sip:+14155550100@192.0.2.10>;tag=1',
}
PROFILE = (
    "<username></username>"
    "<caller_id_name>Jane &amp; Richard Roe</caller_id_name>"
    "<caller_id_number>+14155550100</caller_id_number>"
    "<destination_number>+18005551212</destination_number>"
    "<context>public</context>"
)
CALL = {
    "id": A,
    "direction": "inbound",
    "caller_name": "Jane & Richard Roe",
    "external_number": "+14155550100",
    "dnis": "+18005551212",
    "account_codes": ["10 & 20%"],
    "started_at": "2026-11-20T10:00:00Z",
    "answered_at": "2026-11-20T10:00:09Z",
    "ended_at": "2026-11-20T10:03:20Z",
    "duration_seconds": 200,
    "talk_seconds": 191,
    "ring_seconds": 9,
    "outcome": "answered",
    "hangup_cause": "NORMAL_CLEARING",
    "q850": 16,
    "recording": {"state": "none"},
    "custom": {
        "uuid": A,
        "leg": "a",
        "switch": "pbx1",
        "caller_id_number": "+14155550100",
        "context": "public",
    },
}
EVENT = (f"{A}:hangup", "call.finished", datetime(2026, 11, 20, 10, 3, 20, tzinfo=UTC), CALL)


def record(variables=VARIABLES, profile=PROFILE, encode=lambda text: quote(text, "!$'()*,-./_~")):
    """What switch_ivr_generate_xml_cdr() writes, with its names and its encoding."""
    inside = "".join(f"    <{name}>{encode(value)}</{name}>\n" for name, value in variables.items())
    return (
        f'<?xml version="1.0"?>\n<cdr core-uuid="eb8b" switchname="pbx1">\n  <channel_data>\n    '
        f"<state>CS_REPORTING</state>\n    <direction>inbound</direction>\n  </channel_data>\n"
        f"  <variables>\n{inside}  </variables>\n"
        '  <app_log><application app_name="set" app_data="a=&lt;variables&gt;" app_stamp="1"/></app_log>\n'
        f'  <callflow dialplan="XML" profile_index="1">\n'
        '    <extension name="public"><application app_name="answer" app_data=""></application></extension>\n'
        f"    <caller_profile>{profile}</caller_profile>\n"
        f"    <times><created_time>1</created_time></times>\n  </callflow>\n</cdr>\n"
    ).encode()


def posted(body, content_type="application/x-www-form-urlencoded"):
    url = "https://onhook.example/v1/sources/pbx1/events"
    return Posted("POST", url, [], {"content-type": content_type}, body, NOW, "192.0.2.10")


def read(body, source=None):
    [event] = parse(posted(body), source or SourceSettings())
    return event


@pytest.mark.parametrize(
    "wrap",
    [
        lambda text: text,
        lambda text: b"cdr=" + text,
        lambda text: b"cdr=" + quote(text, "").encode(),
        lambda text: b"cdr=" + quote_plus(text).encode(),
        lambda text: b"cdr=" + base64.b64encode(text),
        lambda text: b"cdr=" + quote(base64.b64encode(text)).encode(),
        lambda text: b"\xef\xbb\xbf" + text,
    ],
    ids=["text/xml", "plaintext", "form", "form with plus", "base64", "base64 encoded", "byte order mark"],
)
@pytest.mark.parametrize("content_type", ["text/xml", "application/x-www-form-urlencoded", "application/json"])
def test_a_record_is_the_same_in_whatever_it_travels(wrap, content_type):
    [event] = parse(posted(wrap(record()), content_type), SourceSettings())
    assert (event.source_event_id, event.type, event.occurred_at, told(event)) == EVENT


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("nolocal:req_uuid", A),
        ("req_uuid", A),
        ("set api_hangup_hook", "lua bye.lua"),
        ("crm_id", "L-20417"),
        ("7", "seven"),
    ],
)
def test_names_that_no_xml_has_are_read(name, value):
    source = SourceSettings(config={"variables": [name]})
    assert read(record(), source).call["custom"][name] == value


@pytest.mark.parametrize(
    "text", ["a < b > c", "<sip:1@pbx.example>", "</b>", "<!-- no comment", "x & y", "<hangup_cause>", "&lt;1&gt;"]
)
def test_bare_marks_in_a_value_are_text(text):
    body = record({"note": text, **VARIABLES}, encode=lambda each: each)
    expected = text.replace("&lt;1&gt;", "<1>")
    event = read(body, SourceSettings(config={"variables": ["note"]}))
    assert (event.call["custom"]["note"], event.call["hangup_cause"]) == (expected, "NORMAL_CLEARING")


def test_of_a_repeated_variable_the_first_counts():
    body = record().replace(b"<uuid>", b"<DP_MATCH>1</DP_MATCH><DP_MATCH>2</DP_MATCH><uuid>", 1)
    assert read(body, SourceSettings(config={"variables": ["DP_MATCH"]})).call["custom"]["DP_MATCH"] == "1"


def test_a_comment_is_no_element():
    body = record().replace(b"<callflow", b"<!-- <caller_profile><caller_id_number>1 --><?php <a> ?><callflow", 1)
    assert told(read(body)) == CALL


def test_a_value_is_decoded_once_however_often_it_travels_encoded():
    body = b"cdr=" + quote(record({**VARIABLES, "accountcode": "100%25"}), "").encode()
    assert read(body).call["account_codes"] == ["100%25"]


def test_a_b_leg_knows_its_originator():
    profile = (
        PROFILE + f"<originator><originator_caller_profile><uuid>{A}</uuid></originator_caller_profile></originator>"
    )
    event = read(record({**VARIABLES, "uuid": B}, profile))
    assert (event.type, event.call["id"], event.call["custom"]["leg"]) == ("x.leg.finished", A, "b")


@pytest.mark.parametrize(
    "body",
    [
        b'<!DOCTYPE cdr [<!ENTITY a "x">]>' + record(),
        b'<!doctype cdr SYSTEM "file:///etc/passwd">' + record(),
        record().replace(b"<uuid>", b'<!ENTITY a "x"><uuid>'),
    ],
)
def test_a_document_type_definition_is_refused(body):
    with pytest.raises(NotUnderstood, match=r"^The XML has a document type definition"):
        read(body)


def test_an_entity_that_xml_does_not_have_is_text():
    assert read(record({**VARIABLES, "accountcode": "&xxe;"}, encode=str)).call["account_codes"] == ["&xxe;"]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"<cdr><variables>" + b"<a>" * 50_001 + b"</variables></cdr>", "The XML has more than 50000 tags."),
        (record(profile="<a>" * 40), "The XML nests deeper than 32 elements."),
    ],
)
def test_a_record_is_bounded(body, reason):
    with pytest.raises(NotUnderstood) as refused:
        read(body)
    assert refused.value.reason == reason


TEXTS = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=20)
NAMES = st.from_regex(r"[a-z][a-z0-9_.-]{0,8}", fullmatch=True).filter(lambda name: name != "variables")


@given(st.dictionaries(NAMES, TEXTS, max_size=8), st.dictionaries(NAMES, TEXTS, max_size=8))
def test_what_is_well_formed_is_read_as_xml_says(variables, profile):
    leaves = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in profile.items())
    document = document_of_xml(record(variables, leaves, encode=lambda text: escape(quote(text, ""))).decode())
    assert document["variables"] == variables
    assert document["callflow"][0]["caller_profile"] == {name: text.strip() for name, text in profile.items()}


MARKUP = st.lists(
    st.sampled_from(
        ["<", ">", "</", "/>", "<a>", "</a>", '<a b="', "'", " ", "&", "&#0;", "<!--", "-->", "<?", "cdr", "x"]
    ),
    max_size=60,
).map("".join)


@settings(max_examples=300, deadline=None)
@given(MARKUP, MARKUP, st.binary(max_size=40))
def test_no_markup_raises_anything_but_the_refusal(inside, outside, noise):
    body = f"<cdr>{outside}<variables><uuid>{A}</uuid>{inside}</variables><callflow>{outside}".encode() + noise
    try:
        events = parse(posted(body), SourceSettings())
    except NotUnderstood:
        events = []
    assert len(events) <= 1


def test_json_and_xml_of_one_leg_are_one_event():
    flows = [{"profile_index": "1", "caller_profile": {"caller_id_number": "+14155550100", "context": "public"}}]
    as_json = {"variables": VARIABLES, "callflow": flows, "channel_data": {"direction": "inbound"}}
    assert read(json.dumps(as_json).encode()).source_event_id == read(record()).source_event_id
