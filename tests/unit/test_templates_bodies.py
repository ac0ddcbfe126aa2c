"""Bodies of every kind: what arrives, read back by its own rules, whatever the values are."""

import json
import re
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.adapters.engines import ENGINES
from dispatcher.adapters.templates import multipart as template_multipart
from dispatcher.adapters.templates.request import RenderError, check_request, compile_request
from dispatcher.domain.profile import ProfileRefused, parse_profile
from tests.unit.template_house import BREAKOUT, CONTEXT, URL, compiled, faults, render, said, spec

SAID = "{{ call.custom.said }}"
HOSTILE = st.text() | st.sampled_from(
    [BREAKOUT, "]]>", "-->", "?>", "&lt;", "&", '"', "'", "<!DOCTYPE a>", "\r\n--onhook-", "--", "\\", "%", "%22"]
)
XML_CHARACTERS = st.characters(
    codec="utf-8", exclude_characters="\x7f\ufffe\uffff", min_codepoint=32
) | st.sampled_from("\t\n\r")


def xml(value: str, **more: Any) -> dict[str, Any]:
    return {"kind": "xml", "value": value, **more}


def body_of(body: dict[str, Any], context: dict[str, Any] = CONTEXT) -> bytes:
    return render(context, body=body).body or b""


# --- xml


@given(value=st.text(XML_CHARACTERS) | st.just(BREAKOUT) | st.just("]]>&amp;"))
def test_no_value_leaves_its_place_in_xml(value: str) -> None:
    template = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<call a="{{ call.custom.said }}" b=\'x{{ call.custom.said }}\'>'
        "<name>]]{{ call.custom.said }}</name>{% if call.id %}<if>{{ call.custom.said }}</if>{% endif %}</call>"
    )
    root = ET.fromstring(body_of(xml(template), said(value)))
    assert root.attrib == {"a": value, "b": f"x{value}"}
    assert [(child.tag, child.text or "") for child in root] == [("name", f"]]{value}"), ("if", value)]


@given(value=HOSTILE)
def test_what_xml_cannot_carry_still_leaves_a_well_formed_document(value: str) -> None:
    ET.fromstring(body_of(xml(f'<a b="{SAID}">{SAID}</a>'), said(value)))


def test_an_xml_body_brings_its_content_type_or_takes_the_profile_s() -> None:
    assert render(body=xml("<a/>")).headers == [("Content-Type", "application/xml")]
    soap = xml("<a/>", content_type="application/soap+xml; charset=utf-8")
    assert render(body=soap).headers == [("Content-Type", "application/soap+xml; charset=utf-8")]


LOOP = '<calls>{% for c in call.account_codes %}<code n="{{ loop.index }}">{{ c }}</code>{% else %}<none/>{% endfor %}</calls>'  # fmt: skip  # noqa: E501


def test_xml_may_have_branches_and_loops_of_whole_elements() -> None:
    assert body_of(xml(LOOP)) == b'<calls><code n="1">1001</code><code n="2">1002</code></calls>'
    assert body_of(xml(LOOP.replace("call.account_codes", "call.tags"))) == b"<calls><none/></calls>"
    either = "{% if call.group %}<a/>{% elif call.dnis %}<b>{{ call.dnis }}</b>{% else %}<c/>{% endif %}"
    assert body_of(xml(either)) == b"<b>+18005551212</b>"
    assert body_of(xml('<a b="{% if call.group %}{{ call.group }}{% else %}-{% endif %}"/>')) == b'<a b="-"/>'
    assert body_of(xml("<!-- > ' --><a><![CDATA[<b>\"]]>{{ call.id }}<?x y='\"?></a>")).endswith(b"7f9c<?x y='\"?></a>")


@pytest.mark.parametrize(
    ("template", "got"),
    [
        ("<{{ call.id }}/>", "a value in a tag"),
        ("<a {{ call.id }}/>", "a value in a tag"),
        ("<a b={{ call.id }}/>", "a value in a tag"),
        ("<a></{{ call.id }}>", "a value in a tag"),
        ("<a><!-- {{ call.id }} --></a>", "a value in a comment"),
        ("<a><![CDATA[{{ call.id }}]]></a>", "a value in CDATA"),
        ("<a><?x {{ call.id }}?></a>", "a value in a processing instruction"),
        ("<a{% if call.id %} b=''{% endif %}/>", "one in a tag"),
        ("<a><!--{% if call.id %}-{% endif %}--></a>", "one in a comment"),
        ('<a xmlns="{{ call.id }}"/>', "a value in xmlns"),
        ("<a:b xmlns:a = 'x{{ call.id }}'/>", "a value in xmlns"),
        ("<a>{{ call.id }}>", "a > right behind a value, an if or a loop"),
        ("{% if call.id %}<a>{% endif %}</a>", "line 1: not well-formed (invalid token)"),
        ("{% if call.id %}<a {% endif %}/>", "a tag open in one"),
        ("<a>{% for c in call.tags %}<b {% endfor %}/></a>", "a tag open in it"),
        ("{% if call.id %}{% else %}<a/>{% endif %}<b/>", "line 1: junk after document element"),
        ("{% if call.id %}<a/>{% endif %}", "line 1: no element found"),
        ("<a>{% for c in call.tags %}</a><a>{% endfor %}</a>", "line 1: junk after document element"),
        ("{% for c in call.tags %}<a/>{% endfor %}", "line 1: junk after document element"),
        ("<a>{% if call.id %}{% for c in call.tags %}<b>{% endfor %}{% endif %}</a>", "line 1: mismatched tag"),
        ("<a>{% if call.id %}x{% elif call.dnis %}<b>{% endif %}</a>", "line 1: mismatched tag"),
        ("<a b='{% if call.id %}' c='{% endif %}'/>", "one that ends it"),
        ("<a>&{{ call.id }};</a>", "line 1: undefined entity"),
        ("<a>&#{{ call.id }};</a>", "line 1: not well-formed (invalid token)"),
        ("<a>&nbsp;</a>", "line 1: undefined entity"),
        ("<a:b/>", "line 1: unbound prefix"),
        ("{{ call.id }}", "line 1: syntax error"),
        ("<a/>{{ call.id }}", "line 1: junk after document element"),
        ("<a>", "line 1: no element found"),
        ("", "line 1: no element found"),
        ("<a b='1' b='2'/>", "line 1: duplicate attribute"),
        ("<!DOCTYPE a><a/>", "a DOCTYPE"),
        ("<!doctype a><a/>", "line 1: syntax error"),
        ('<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>', "a DOCTYPE"),
        ("{% if call.id %}<a/>{% else %}<!DOCTYPE a><a/>{% endif %}", "a DOCTYPE"),
        ('<?xml version="1.0" encoding="iso-8859-1"?><a/>', "another declaration"),
        (" <?xml version='1.0'?><a/>", "line 1: XML or text declaration not at start of entity"),
        ("<a>" + "{% if call.id %}x{% endif %}" * 300 + "</a>", "more if and for"),
        ("<a>\x0b</a>", "line 1: not well-formed (invalid token)"),
    ],
)
def test_xml_that_could_come_out_broken_is_refused_when_it_is_saved(template: str, got: str) -> None:
    assert ("request.body.value", got) in faults(body=xml(template))


FRAGMENTS = st.sampled_from(
    [
        *("<a>", "</a>", "<b c='", "'>", "'/>", "</b>", "<a/>", "x", "]", "]]", ">", "&lt;", "&", "<", " ", '"'),
        *("{{ call.id }}", "{{ call.custom.said }}", "{% if call.id %}", "{% if call.group %}", "{% else %}"),
        *("{% endif %}", "{% for c in call.account_codes %}", "{% endfor %}", "{{ c }}", "<!--", "-->", "<?x ", "?>"),
        *("<![CDATA[", "]]>", "xmlns='", "xmlns:a='u'", "<a:d/>", "{% elif call.dnis %}"),
    ]
)


@given(fragments=st.lists(FRAGMENTS, max_size=12), value=HOSTILE, codes=st.lists(st.text(max_size=3), max_size=3))
def test_whatever_xml_template_can_be_saved_gives_well_formed_documents(
    fragments: list[str], value: str, codes: list[str]
) -> None:
    body = xml(f"<r>{''.join(fragments)}</r>")
    if faults(body=body):
        return
    template = compile_request(spec(body=body))
    for group in ("Sales", None):
        call = {"id": value, "group": group, "account_codes": codes, "custom": {"said": value}, "dnis": value}
        ET.fromstring(template.render({**CONTEXT, "call": call}).body or b"")


# --- multipart


def parts_of(content_type: str, body: bytes) -> list[tuple[dict[str, str], bytes]]:
    """A form's parts, split as RFC 2046 has it: at line break, two hyphens, boundary."""
    boundary = re.fullmatch(r"multipart/form-data; boundary=([0-9a-zA-Z-]{1,70})", content_type)
    assert boundary is not None
    first, *parts, last = (b"\r\n" + body).split(b"\r\n--" + boundary[1].encode())
    assert (first, last) == (b"", b"--\r\n")
    found = []
    for part in parts:
        head, _, content = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        found.append((dict(line.split(": ", 1) for line in head.decode().split("\r\n")), content))
    return found


@given(value=HOSTILE, name=st.text(min_size=1).filter(lambda text: text.isprintable() and "{" not in text))
def test_no_value_name_or_file_name_leaves_its_part(value: str, name: str) -> None:
    parts = [
        {"name": name, "value": SAID},
        {"name": "file", "value": f"<{SAID}>", "filename": f"{SAID}.txt", "content_type": "text/plain"},
        {"name": "json", "value": f'{{"a": {SAID}, "b": "{SAID}"}}', "content_type": "application/json"},
        {"name": "xml", "value": f"<a b='{SAID}'/>", "content_type": "text/xml"},
        {"name": "empty", "value": ""},
    ]
    if not spec_is_fit(parts):
        return
    rendered = render(said(value), body={"kind": "multipart", "value": parts})
    ((_, content_type),) = rendered.headers
    plain, file, as_json, as_xml, empty = parts_of(content_type, rendered.body or b"")
    quoted = name.replace('"', "%22")
    assert plain == ({"Content-Disposition": f'form-data; name="{quoted}"'}, value.encode())
    shown = re.sub(r"[\x00-\x1f\x7f-\x9f/\\]", "_", value).replace('"', "%22")
    assert file == (
        {"Content-Disposition": f'form-data; name="file"; filename="{shown}.txt"', "Content-Type": "text/plain"},
        f"<{value}>".encode(),
    )
    assert json.loads(as_json[1]) == {"a": value, "b": value}
    assert ET.fromstring(as_xml[1]).tag == "a"
    assert empty[1] == b""


def spec_is_fit(parts: list[dict[str, str]]) -> bool:
    try:
        return check_request(spec(body={"kind": "multipart", "value": parts})) == []
    except ProfileRefused:
        return False


def test_the_same_call_gives_the_same_multipart_body() -> None:
    body = {"kind": "multipart", "value": [{"name": "a", "value": "{{ call.id }}"}]}
    first, again, other = render(body=body), render(body=body), render(said("x"), body=body)
    assert first == again
    assert first.body is not None
    assert b"\r\n\r\n7f9c\r\n--onhook-" in first.body
    assert other == first
    changed = render({**CONTEXT, "call": {"id": "x"}}, body=body)
    assert changed.headers != first.headers


class _Digest:
    """A hash that says what the content holds, and something else once more has gone into it."""

    rounds = 0

    def update(self, data: bytes) -> None:
        self.rounds += 1

    def hexdigest(self) -> str:
        return "0123456789abcdef"[self.rounds] * 64


def test_a_boundary_that_occurs_in_the_content_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(template_multipart.hashlib, "sha256", _Digest)
    body = {"kind": "multipart", "value": [{"name": "a", "value": SAID}]}
    ((_, content_type),) = render(said("\r\n--onhook-" + "1" * 32), body=body).headers
    assert content_type == "multipart/form-data; boundary=onhook-" + "2" * 32


@pytest.mark.parametrize(
    ("parts", "field"),
    [
        ([], "value"),
        (None, "value"),
        ({"a": "b"}, "value"),
        ([{"name": "", "value": "x"}], "value[0].name"),
        ([{"name": "a\r\nX: y", "value": "x"}], "value[0].name"),
        ([{"name": "{{ call.id }}", "value": "x"}], "value[0].name"),
        ([{"name": "a", "value": 1}], "value[0].value"),
        ([{"name": "a", "value": "x", "file": "y"}], "value[0].file"),
        ([{"name": "a", "value": "x", "content_type": "x\r\ny"}], "value[0].content_type"),
        ([{"name": "a", "value": "x", "filename": 1}], "value[0].filename"),
    ],
)
def test_a_part_that_is_none_is_refused(parts: Any, field: str) -> None:
    with pytest.raises(ProfileRefused) as refused:
        spec(body={"kind": "multipart", "value": parts})
    assert [fault["field"] for fault in refused.value.faults] == [f"request.body.{field}"]


# --- cloudevent


def test_a_structured_cloudevent_holds_everything_in_its_body() -> None:
    rendered = render(body={"kind": "cloudevent"})
    assert rendered.headers == [("Content-Type", "application/cloudevents+json")]
    assert json.loads(rendered.body or b"") == {
        "specversion": "1.0",
        "id": "0193-1",
        "source": "/sources/pbx",
        "type": "call.finished",
        "subject": "7f9c",
        "time": "2026-11-20T10:03:20Z",
        "datacontenttype": "application/json",
        "data": CONTEXT["call"],
    }


def test_a_binary_cloudevent_has_its_attributes_in_headers_and_its_data_as_body() -> None:
    body = {
        "kind": "cloudevent",
        "mode": "binary",
        "type": "com.example.call",
        "data": {"id": "{{ call.id }}", "n": 1},
        "extensions": {"agent": "{{ call.agent.name }}", "partitionkey": "{{ call.group }}"},
    }
    rendered = render(headers=[{"name": "X-A", "value": "b"}], body=body)
    assert rendered.headers == [
        ("X-A", "b"),
        ("ce-id", "0193-1"),
        ("ce-source", "/sources/pbx"),
        ("ce-specversion", "1.0"),
        ("ce-type", "com.example.call"),
        ("ce-subject", "7f9c"),
        ("ce-time", "2026-11-20T10:03:20Z"),
        ("ce-agent", "John%20Doe"),
        ("Content-Type", "application/json"),
    ]
    assert rendered.body == b'{"id":"7f9c","n":1}'


def test_the_id_of_a_cloudevent_is_the_delivery_s_and_the_same_on_every_attempt() -> None:
    template = compiled(json.dumps({"body": {"kind": "cloudevent"}}))
    bodies = [
        template.render({**CONTEXT, "delivery": {**CONTEXT["delivery"], "attempt": attempt}}).body for attempt in (1, 2)
    ]
    assert bodies[0] == bodies[1]
    with pytest.raises(RenderError, match=r"an empty attribute, which every event must have, in request\.body\.id"):
        template.render({**CONTEXT, "delivery": {}})


@given(value=HOSTILE)
def test_no_value_leaves_its_attribute_or_the_data(value: str) -> None:
    clean = re.sub("[\ufdd0-\ufdef\ufffe\uffff]", "\ufffd", re.sub(r"[\x00-\x1f\x7f-\x9f]", " ", value))
    body = {
        "kind": "cloudevent",
        "type": f"t{SAID}",
        "subject": SAID,
        "source": f"//example/{SAID}",
        "extensions": {"said": SAID},
        "data": {"a": SAID},
    }
    event = json.loads(body_of(body, said(value)))
    assert (event["type"], event.get("subject", ""), event.get("said", "")) == (f"t{clean}", clean, clean)
    assert event["source"].isascii()
    assert unquote(event["source"]) == f"//example/{value}"
    assert event["data"] == {"a": value}
    rendered = render(said(value), body={**body, "mode": "binary"})
    headers = dict(rendered.headers)
    assert all(re.fullmatch(r"[\x21-\x7e]+", text) and '"' not in text for text in headers.values())
    assert unquote(headers["ce-type"], errors="strict") == f"t{clean}"
    assert unquote(headers.get("ce-subject", "")) == clean
    assert unquote(headers["ce-source"]) == event["source"]
    assert json.loads(rendered.body or b"") == {"a": value}


def test_data_that_is_no_json_is_text() -> None:
    body = {"kind": "cloudevent", "datacontenttype": "application/xml", "data": "<a>{{ call.caller_name }}&amp;</a>"}
    assert json.loads(body_of(body))["data"] == "<a>Jane Roe&amp;</a>"
    assert json.loads(body_of(body, said(1)))["data"] == "<a>&amp;</a>"
    assert render(body={**body, "mode": "binary"}).body == b"<a>Jane Roe&amp;</a>"


@pytest.mark.parametrize(("time", "sent"), [("{{ call.custom.said }}", None), ("2026-11-20T10:00:00+01:00", True)])
def test_an_absent_attribute_is_left_out_and_a_time_must_be_one(time: str, sent: bool | None) -> None:
    body = {"kind": "cloudevent", "time": time, "subject": "{{ call.group }}"}
    event = json.loads(body_of(body, said(None)))
    assert "subject" not in event
    assert ("time" in event) is bool(sent)


def test_what_is_no_time_fails_the_delivery_without_its_value() -> None:
    with pytest.raises(RenderError) as error:
        body_of({"kind": "cloudevent", "time": SAID}, said("canary"))
    assert str(error.value) == "a text that is no time of RFC 3339 in request.body.time"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"mode": "batch"}, "body.mode"),
        ({"id": "x"}, "body.id"),
        ({"source": ""}, "body.source"),
        ({"source": "a b"}, "body.source"),
        ({"extensions": {"Agent": "x"}}, "body.extensions.Agent"),
        ({"extensions": {"call-id": "x"}}, "body.extensions.call-id"),
        ({"extensions": {"id": "x"}}, "body.extensions.id"),
        ({"extensions": {"data": "x"}}, "body.extensions.data"),
        ({"extensions": {"a" * 21: "x"}}, f"body.extensions.{'a' * 21}"),
        ({"extensions": {"a": 1}}, "body.extensions.a"),
        ({"extensions": []}, "body.extensions"),
        ({"datacontenttype": "text"}, "body.datacontenttype"),
        ({"datacontenttype": "text/plain", "data": {}}, "body.data"),
        ({"data": {"{{ call.id }}": 1}}, "body.data"),
        ({"headers": [{"name": "Content-Type", "value": "a/b"}]}, "headers[0].name"),
        ({"mode": "binary", "headers": [{"name": "CE-Agent", "value": "x"}]}, "headers[0].name"),
    ],
)
def test_a_cloudevent_that_breaks_the_specification_is_refused(body: dict[str, Any], field: str) -> None:
    headers = body.pop("headers", [])
    with pytest.raises(ProfileRefused) as refused:
        spec(headers=headers, body={"kind": "cloudevent", **body})
    assert [fault["field"] for fault in refused.value.faults] == [f"request.{field}"]


def test_a_structured_cloudevent_leaves_the_headers_ce_to_the_profile() -> None:
    rendered = render(headers=[{"name": "ce-x", "value": "y"}], body={"kind": "cloudevent"})
    assert rendered.headers[0] == ("ce-x", "y")


# --- all


@pytest.mark.parametrize(
    "body",
    [
        xml(f"<a>{SAID}</a>"),
        {"kind": "multipart", "value": [{"name": "a", "value": SAID}]},
        {"kind": "multipart", "value": [{"name": "a", "value": "", "filename": SAID}]},
        {"kind": "cloudevent"},
        {"kind": "cloudevent", "mode": "binary"},
        {"kind": "cloudevent", "mode": "binary", "data": 1, "subject": SAID},
        {"kind": "cloudevent", "data": 1, "subject": SAID},
        {"kind": "vcon"},
    ],
)
def test_neither_too_much_nor_what_cannot_be_encoded_is_sent(body: dict[str, Any]) -> None:
    template = compile_request(spec(body=body))
    if "subject" not in body:
        with pytest.raises(RenderError, match=r"^output over 1048576 bytes in request\.body"):
            template.render(said("canary" * 200_000))
    with pytest.raises(RenderError, match=r"^a value that cannot be|^calculation with") as error:
        template.render(said("canary\ud800"))
    assert "canary" not in str(error.value)
    assert (error.value.__suppress_context__, error.value.__cause__) == (True, None)


@pytest.mark.parametrize(
    "body",
    [
        xml("<a/>", content_type="application/xml"),
        {"kind": "multipart", "value": [{"name": "a", "value": "b", "filename": "c", "content_type": "text/plain"}]},
        {"kind": "vcon", "redacted": True},
        {
            "kind": "cloudevent",
            "mode": "binary",
            "source": "/x",
            "type": "t",
            "subject": "",
            "time": "",
            "datacontenttype": "application/json",
            "data": [1],
            "extensions": {"a": "b"},
        },
    ],
)
def test_a_body_is_shown_as_it_was_given(body: dict[str, Any]) -> None:
    document = spec(body=body).document
    assert document["request"]["body"] == body
    assert parse_profile(document, ENGINES).document == document


@pytest.mark.parametrize("kind", ["xml", "multipart", "cloudevent"])
def test_a_content_type_beside_the_body_s_own_is_refused(kind: str) -> None:
    value = {"xml": "<a/>", "multipart": [{"name": "a", "value": "b"}]}.get(kind)
    body = {"kind": kind} if value is None else {"kind": kind, "value": value}
    with pytest.raises(ProfileRefused) as refused:
        spec(headers=[{"name": "content-type", "value": "a/b"}], body=body)
    (fault,) = refused.value.faults
    assert fault["expected"] == f"no Content-Type beside that of the {kind} body"


@pytest.mark.parametrize("kind", ["xml", "multipart", "cloudevent", "vcon"])
def test_a_get_takes_none_of_them(kind: str) -> None:
    body = {"xml": xml("<a/>"), "multipart": {"kind": kind, "value": [{"name": "a", "value": "b"}]}}.get(kind)
    with pytest.raises(ProfileRefused) as refused:
        spec(method="GET", url=URL, body=body or {"kind": kind})
    assert [fault["field"] for fault in refused.value.faults] == ["request.body.kind"]
