"""Templates: what a call's values become in each place of a request, and what a template may not be."""

import copy
import json
import time
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.adapters.templates.request import Rendered, RenderError, check_request, compile_request
from tests.unit.template_house import BREAKOUT, CONTEXT, URL, faults, raw, render, said, spec, text, typed


def test_the_request_of_the_design_is_rendered_to_the_byte() -> None:
    rendered = render(
        url="https://crm.example/api/calls/{{ call.id }}",
        query=[{"name": "dnis", "value": "{{ call.dnis }}"}],
        headers=[{"name": "X-Agent", "value": "{{ call.agent.name }}"}],
        body={
            "kind": "json",
            "value": {
                "recording": "{{ call.recording.url }}",
                "seconds": "{{ call.duration_seconds }}",
                "codes": "{{ call.account_codes }}",
            },
        },
    )
    assert rendered == Rendered(
        "POST",
        "https://crm.example/api/calls/7f9c?dnis=%2B18005551212",
        [("X-Agent", "John Doe"), ("Content-Type", "application/json")],
        b'{"recording":"https://pbx.example/rec/7f9c.wav","seconds":200,"codes":["1001","1002"]}',
    )


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{ call.duration_seconds }}", 200),
        ("{{call.custom.score}}", 4.5),
        ("{{ call.custom.flag }}", True),
        ("{{ call.custom.nothing }}", None),
        ("{{ call.custom.missing.altogether }}", None),
        ("{{ call.group }}", None),
        ("{{ id }}", None),
        ("{{ type }}", "call.finished"),
        ("{{ call.account_codes }}", ["1001", "1002"]),
        ("{{ call.account_codes[1] }}", "1002"),
        ("{{ call.account_codes[9] }}", None),
        ("{{ call.account_codes[-1] }}", "1002"),
        ("{{ call.custom.deep }}", {"x": [1, {"y": None}]}),
        ("{{ call.custom['a.b'] }}", "dotted"),
        ("{{ call.custom.items }}", "three"),
        ("{{ call.custom.keys }}", None),
        ("{{ call.agent.email | default('none') }}", "none"),
        ("{{ call.custom.nothing | default(7) }}", 7),
        ("{{ call.custom.zero | default(7) }}", 0),
        ("{{ call.duration_seconds / 60 }}", 200 / 60),
        ("{{ (call.duration_seconds / 60) | round(1) }}", 3.3),
        ("{{ call.duration_seconds // 60 }}", 3),
        ("{{ call.duration_seconds > 60 }}", True),
        ("{{ call.talk_seconds | default(0) + 1 }}", 1),
        ("{{ call.account_codes | length }}", 2),
        ("{{ call.account_codes | first }}", "1001"),
        ("{{ call.tags | last }}", None),
        ("{{ '12.7' | int }}", 12),
        ("{{ 'x' | int(5) }}", 5),
        ("{{ 'inf' | float | int }}", 0),
        ("{{ [call.id, call.group] }}", ["7f9c", None]),
        ("{{ call.id ~ '-' ~ call.duration_seconds }}", "7f9c-200"),
        ("{{ 'long' if call.duration_seconds > 60 else 'short' }}", "long"),
        ("{{ call.id }} ", "7f9c "),
        ("{{ call.duration_seconds }} s", "200 s"),
        ("{{ call.id }}{{ call.group }}", "7f9c"),
        ("no template", "no template"),
        ("", ""),
        (5, 5),
        (None, None),
        ([], []),
        ({}, {}),
        ([1, ["{{ call.id }}", {"a": "{{ call.custom.flag }}", "b": []}]], [1, ["7f9c", {"a": True, "b": []}]]),
    ],
)
def test_in_json_a_single_variable_keeps_its_type_and_a_mixture_is_text(template: Any, expected: Any) -> None:
    result = typed(template)
    assert result == expected
    assert type(result) is type(expected)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{ call.group }}", ""),
        ("[{{ call.custom.nothing }}]", "[]"),
        ("{{ call.custom.flag }}", "true"),
        ("{{ call.custom.score }}", "4.5"),
        ("{{ call.account_codes }}", "1001,1002"),
        ("{{ call.tags }}", ""),
        ("{{ call.custom.deep }}", '{"x":[1,{"y":null}]}'),
        ("{{ call.custom.mixed }}", 'a,1,true,,{"b":2}'),
        ("{{ call.account_codes | join(' / ') }}", "1001 / 1002"),
        ("{{ call.caller_name | upper }}|{{ call.caller_name | lower }}", "JANE ROE|jane roe"),
        ("{{ call.group | upper }}", ""),
        ("{{ call.custom.items | upper }}{{ call.custom.keys | upper }}", "THREE"),
        ("{{ '  x ' | trim }}", "x"),
        ("{{ call.caller_name | replace('Roe', 'Doe') }}", "Jane Doe"),
        ("{{ call.caller_name | truncate(5, true, '', 0) }}", "Jane "),
        ("{{ call.caller_name[:4] }}", "Jane"),
        ("{{ call.group[:4] }}", ""),
        (
            "{% if call.group %}{{ call.group }}{% elif call.dnis %}{{ call.dnis }}{% else %}-{% endif %}",
            "+18005551212",
        ),
        ("a{# a note #}b", "ab"),
        ("{% raw %}{{ call.id }}{% endraw %}", "{{ call.id }}"),
        ("one\r\ntwo {{ call.id }}\rthree\n", "one\r\ntwo 7f9c\rthree\n"),
        ("{{ call.id\r\n}}", "7f9c"),
        ("caf\u00e9 {{ call.id }}", "caf\u00e9 7f9c"),
    ],
)
def test_in_text_lists_are_joined_absence_is_empty_and_objects_are_compact_json(template: str, expected: str) -> None:
    assert text(template) == expected


HOSTILE = st.text() | st.sampled_from(
    [BREAKOUT, "..", "%2e", "]]>", "{{ call.id }}", "a\\", '"', "\\u0022", "&amp;", "?#/"]
)
PLACES = {"plain": "{{ call.custom.said }}", "by Jinja": "{{ call.custom.said | default('') }}"}


@pytest.mark.parametrize("template", PLACES.values(), ids=PLACES)
@given(value=HOSTILE)
def test_no_value_leaves_its_segment_of_a_url(template: str, value: str) -> None:
    url = render(said(value), url=f"https://crm.example/a/x{template}/b").url
    assert url.isascii()
    parts = urlsplit(url)
    assert (parts.scheme, parts.netloc, parts.query, parts.fragment) == ("https", "crm.example", "", "")
    assert [unquote(part) for part in parts.path.split("/")] == ["", "a", f"x{value}", "b"]


@pytest.mark.parametrize("value", [".", ".."])
def test_a_value_that_would_climb_out_of_its_segment_is_refused(value: str) -> None:
    with pytest.raises(RenderError, match=r"a path segment that is \. or \.\. in request\.url"):
        render(said(value), url="https://crm.example/a/{{ call.custom.said }}")
    assert render(said(value), url="https://crm.example/a/v{{ call.custom.said }}").url.endswith(f"/a/v{value}")
    assert render(said(f"/{value}/"), url=URL + "?a={{ call.custom.said }}").url == f"{URL}?a=%2F{value}%2F"


SEGMENT = "{{ call.custom.said }}"


@pytest.mark.parametrize("value", ["", None, []])
@pytest.mark.parametrize(
    "url",
    [
        f"{URL}/{SEGMENT}",
        f"{URL}/{SEGMENT}/notes",
        f"{URL}/{SEGMENT}?a=b",
        f"{URL}/{{{{ call.id }}}}/{{{{ call.custom.said | trim }}}}/x",
    ],
)
def test_a_segment_that_would_be_empty_is_refused_since_it_names_another_resource(url: str, value: Any) -> None:
    with pytest.raises(RenderError, match=r"a path segment that is empty in request\.url"):
        render(said(value if "trim" not in url else ""), url=url)


@pytest.mark.parametrize(
    ("url", "path"),
    [
        (f"{URL}/lead-{SEGMENT}", "/api/lead-"),
        (f"{URL}//x/", "/api//x/"),
        (f"{URL}/{SEGMENT}{{{{ call.id }}}}", "/api/7f9c"),
        (f"{URL}/{{% if call.custom.said %}}{SEGMENT}/{{% endif %}}x", "/api/x"),
    ],
)
def test_an_empty_value_beside_others_or_in_an_if_is_empty(url: str, path: str) -> None:
    assert urlsplit(render(said(""), url=url).url).path == path
    assert render(said(""), url=f"{URL}?a={SEGMENT}/{SEGMENT}").url == f"{URL}?a=/"


@pytest.mark.parametrize("template", PLACES.values(), ids=PLACES)
@given(value=HOSTILE)
def test_no_value_leaves_its_place_in_a_query(template: str, value: str) -> None:
    query = [{"name": "a&b", "value": template}, {"name": "last", "value": "1 + {{ call.custom.said }}"}]
    url = render(said(value), url=f"{URL}?first={template}", query=query).url
    assert url.isascii()
    assert parse_qsl(urlsplit(url).query, keep_blank_values=True, strict_parsing=True) == [
        ("first", value),
        ("a&b", value),
        ("last", f"1 + {value}"),
    ]


@pytest.mark.parametrize("template", PLACES.values(), ids=PLACES)
@given(value=HOSTILE)
def test_no_value_leaves_its_field_of_a_form(template: str, value: str) -> None:
    form = [{"name": "a b", "value": template}, {"name": "c", "value": "d&e {{ call.custom.said }}"}]
    rendered = render(said(value), body={"kind": "form", "value": form})
    assert rendered.headers == [("Content-Type", "application/x-www-form-urlencoded")]
    assert parse_qsl((rendered.body or b"").decode("ascii"), keep_blank_values=True, strict_parsing=True) == [
        ("a b", value),
        ("c", f"d&e {value}"),
    ]


@pytest.mark.parametrize("template", PLACES.values(), ids=PLACES)
@given(value=HOSTILE)
def test_no_value_leaves_its_header(template: str, value: str) -> None:
    ((name, text),) = render(said(value), headers=[{"name": "X-Said", "value": f"<{template}>"}]).headers
    assert name == "X-Said"
    assert text.isascii()
    assert text.isprintable()
    expected = "".join(" " if ord(each) < 32 or 127 <= ord(each) < 160 else each for each in value)
    assert unquote(text) == unquote(f"<{expected}>")


@pytest.mark.parametrize("template", PLACES.values(), ids=PLACES)
@given(value=HOSTILE)
def test_no_value_leaves_its_place_in_json(template: str, value: str) -> None:
    assert typed({"a": template, "b": [f"({template})"]}, said(value)) == {"a": value, "b": [f"({value})"]}


@pytest.mark.parametrize("template", PLACES.values(), ids=PLACES)
@given(value=HOSTILE | st.integers(-(2**63), 2**64 - 1) | st.booleans() | st.lists(st.text(), max_size=3))
def test_no_value_leaves_its_place_in_raw_json(template: str, value: Any) -> None:
    body = raw(f'{{"a": "<{template}>", "b": {template}, "c\\"": [{template}]}}', "application/vnd.crm+json; v=1")
    read = json.loads(render(said(value), body=body).body or b"")
    assert read == {"a": f"<{text('{{ call.custom.said }}', said(value))}>", "b": value, 'c"': [value]}


XML_CHARACTERS = st.characters(
    codec="utf-8", exclude_characters="\x7f\ufffe\uffff", min_codepoint=32
) | st.sampled_from("\t\n\r")


@pytest.mark.parametrize("template", PLACES.values(), ids=PLACES)
@given(value=st.text(XML_CHARACTERS) | st.just(BREAKOUT))
def test_no_value_leaves_its_place_in_raw_xml(template: str, value: str) -> None:
    body = raw(f"<call said='{template}' more=\"{template}\"><name>{template}</name></call>", "application/soap+xml")
    root = ET.fromstring(render(said(value), body=body).body or b"")
    assert root.attrib == {"said": value, "more": value}
    assert [(child.tag, child.text or "") for child in root] == [("name", value)]


@given(value=st.text())
def test_what_xml_cannot_carry_still_leaves_a_document_that_can_be_read(value: str) -> None:
    body = raw("<name>{{ call.custom.said }}</name>", "text/xml; charset=utf-8")
    assert ET.fromstring(render(said(value), body=body).body or b"").tag == "name"


@given(value=HOSTILE)
def test_raw_text_is_sent_as_it_is_and_a_raw_form_is_encoded(value: str) -> None:
    assert text("<{{ call.custom.said }}>", said(value)) == f"<{value}>"
    body = raw("a={{ call.custom.said }}&b=c", "application/x-www-form-urlencoded")
    read = parse_qsl((render(said(value), body=body).body or b"").decode(), keep_blank_values=True)
    assert read == [("a", value), ("b", "c")]


def test_a_header_is_ascii_without_blanks_around_it() -> None:
    context = said("  Jos\u00e9\t100%\x85 \U0001f600 ")
    (header,) = render(context, headers=[{"name": "X", "value": " {{ call.custom.said }}"}]).headers
    assert header == ("X", "Jos%C3%A9 100%  %F0%9F%98%80")


def test_a_literal_header_and_url_in_other_letters_are_encoded_too() -> None:
    rendered = render(url="https://crm.example/caf\u00e9?q=\u00fc&a=%20", headers=[{"name": "X", "value": "\u00fc"}])
    assert rendered.url == "https://crm.example/caf%C3%A9?q=%C3%BC&a=%20"
    assert rendered.headers == [("X", "%C3%BC")]


def test_a_content_type_of_the_profile_s_own_replaces_that_of_the_json_body() -> None:
    headers = [{"name": "content-type", "value": "application/vnd.api+json"}]
    rendered = render(headers=headers, body={"kind": "json", "value": {}})
    assert rendered.headers == [("content-type", "application/vnd.api+json")]


def test_no_body_brings_neither_bytes_nor_a_content_type() -> None:
    assert render() == Rendered("POST", URL, [], None)


def test_a_raw_json_body_may_have_branches_that_keep_their_quotes() -> None:
    body = raw('{"a": "{% if call.group %}{{ call.group }}{% else %}-{{ call.dnis }}{% endif %}"}', "application/json")
    assert json.loads(render(body=body).body or b"") == {"a": "-+18005551212"}


@pytest.mark.parametrize(
    ("template", "expected", "got"),
    [
        ('{"a": "\\{{ call.id }}"}', "no backslash right before a value", "a backslash"),
        (
            '{"a": {% if id %}"{% endif %}1}',
            "branches of if that open and close the same quotes",
            "a quote open in one",
        ),
    ],
)
def test_a_raw_json_template_whose_quotes_cannot_be_told_is_refused(template: str, expected: str, got: str) -> None:
    (fault,) = check_request(spec(body=raw(template, "application/json")))
    assert fault == {"field": "request.body.value", "expected": expected, "got": got}


@pytest.mark.parametrize(
    ("template", "got"),
    [
        ("{{ call.id() }}", "a call"),
        ("{{ range(9) }}", "a call"),
        ("{{ 'a' * 1000000000 }}", "the operator *"),
        ("{{ 9 ** 9 ** 9 }}", "the operator **"),
        ("{{ '%1000000000d' % 1 }}", "the operator %"),
        ("{% for a in [1, 2] %}{% endfor %}", "a loop over something else"),
        ("{% set a = 1 %}", "set"),
        ("{% set a %}x{% endset %}", "set"),
        ("{% macro a() %}{% endmacro %}", "a macro"),
        ("{% include 'a' %}", "an include"),
        ("{% import 'a' as b %}", "an import"),
        ("{% from 'a' import b %}", "an import"),
        ("{% extends 'a' %}", "extends"),
        ("{{ {'a': 1} }}", "dict"),
        ("{% filter upper %}x{% endfilter %}", "filterblock"),
        ("{% block a %}{% endblock %}", "block"),
        ("{{ call.id | pprint }}", "the filter pprint"),
        ("{{ call.id | _xml }}", "the filter _xml"),
        ("{{ call.tags | join(*call.tags) }}", "the filter join"),
        ("{{ call.id is callable }}", "the test callable"),
    ],
)
def test_what_could_run_for_long_or_reach_out_is_refused_when_it_is_saved(template: str, got: str) -> None:
    assert ("request.body.value", got) in faults(body=raw(template))


@pytest.mark.parametrize("template", ["{{ call.id", "{{ }}", "{% if call.id %}", "{% nonsense %}", "{{ call..id }}"])
def test_a_template_that_cannot_be_parsed_is_refused(template: str) -> None:
    ((field, got),) = faults(body=raw(template))
    assert field == "request.body.value"
    assert got.startswith("line 1: ")


@pytest.mark.parametrize(
    "template",
    [
        "{{ " + "(" * 20_000 + "1" + ")" * 20_000 + " }}",
        "{{ " + "-" * 20_000 + "1 }}",
        "{{ " + "+".join(["call.id"] * 5_000) + " }}",
        "{{ call.id }}" * 5_000,
        "{{ " + "9" * 5_000 + " }}",
    ],
    ids=["brackets", "signs", "sum", "many", "digits"],
)
def test_a_template_that_is_too_big_an_expression_is_refused(template: str) -> None:
    (fault,) = faults(body=raw(template))
    assert fault[1] in ("too many or too deeply nested expressions", "too deep or too long an expression")


@pytest.mark.parametrize(
    ("template", "got", "near"),
    [
        ("{{ call.duration_second }}", "unknown variable call.duration_second", "call.duration_seconds"),
        ("{{ call.agent.nam | upper }}", "unknown variable call.agent.nam", "call.agent.name"),
        ("{{ call['agent']['nam'] }}", "unknown variable call.agent.nam", "call.agent.name"),
        ("{{ duration_seconds }}", "unknown variable duration_seconds", "call.duration_seconds"),
        ("{{ call.id.upper }}", "unknown variable call.id.upper", "call.id"),
        ("{{ call.id.__class__ }}", "unknown variable call.id.__class__", ""),
        ("{{ self }}", "unknown variable self", ""),
        ("{{ 1 if event else 2 }}", "unknown variable event", ""),
        ("{{ call[call.id] }}", "a computed key of call", ""),
        ("{{ call.tags[nonsense] }}", "unknown variable nonsense", ""),
    ],
)
def test_an_unknown_variable_is_refused_with_the_nearest_field(template: str, got: str, near: str) -> None:
    (fault,) = check_request(spec(headers=[{"name": "A", "value": "x"}, {"name": "B", "value": template}]))
    assert (fault["field"], fault["got"]) == ("request.headers[1].value", got)
    assert near in fault["expected"]


def test_every_fault_of_every_template_is_told_at_once_and_a_faulty_request_cannot_be_compiled() -> None:
    request: dict[str, Any] = {
        "url": URL + "/{{ call.idd }}",
        "query": [{"name": "a", "value": "{{ b }}{{ c }}"}],
        "body": {"kind": "json", "value": {"x": ["{{ call.id() }}", "{{ call.id }}"]}},
    }
    assert faults(**request) == [
        ("request.url", "unknown variable call.idd"),
        ("request.query[0].value", "unknown variable c"),
        ("request.query[0].value", "unknown variable b"),
        ("request.body.value.x[0]", "a call"),
    ]
    with pytest.raises(RenderError, match=r"not allowed: unknown variable call\.idd in request\.url"):
        compile_request(spec(**request))


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("{{ 1 / (call.custom.said | length) }}", "division by zero"),
        ("{{ call.custom.said + 1 }}", "calculation with a value of the wrong type"),
        ("{{ call.group + 1 }}", "calculation with an absent value"),
        ("{{ call.custom.said | round }}", "calculation with a value of the wrong type"),
        ("{{ 1 | round(1000000000) }}", "calculation with a value of the wrong type"),
        ("{{ call.custom.said | replace('', 'x') }}", "a value that cannot be calculated with"),
        ("{{ call.id | truncate(1) }}", "a value that cannot be calculated with"),
    ],
)
def test_what_cannot_be_calculated_is_a_sentence_without_the_value(template: str, reason: str) -> None:
    context = said([])
    for request in ({"url": URL + "/x" + template}, {"body": {"kind": "json", "value": {"url": template}}}):
        with pytest.raises(RenderError) as error:
            render(context, **request)
        assert error.value.reason == reason
        assert str(error.value) == f"{reason} in {error.value.field}"
        assert error.value.field in ("request.url", "request.body.value.url")
        assert (error.value.__suppress_context__, error.value.__cause__) == (True, None)


def test_a_value_that_cannot_be_encoded_is_a_render_error() -> None:
    template = "{{ call.custom.said }}"
    for request in (
        {"url": URL + "/" + template},
        {"headers": [{"name": "X", "value": template}]},
        {"body": raw(template)},
        {"body": {"kind": "json", "value": template}},
    ):
        with pytest.raises(RenderError, match=r"^a value that cannot be|^calculation with"):
            render(said("4155550100\ud800"), **request)


LONG = "x" * 600_000


@pytest.mark.parametrize(
    "template",
    [
        "{{ (call.custom.said | upper) | length }}" * 20,
        "{{ call.custom.said[1:] | length }}" * 20,
        "{% if call.custom.said in call.custom.said | lower %}a{% endif %}" * 20,
        "{{ [" + ", ".join(["call.custom.said"] * 40) + "] | json | length }}",
        "{{ [" + ", ".join(["call.custom"] * 40) + "] | length }}",
        "{{ (call.custom.said | json) | length }}" * 20,
    ],
)
def test_what_a_request_may_go_through_has_an_end_though_it_sends_little(template: str) -> None:
    with pytest.raises(RenderError, match=r"^more than 8388608 characters of text to go through in"):
        render(said(LONG), body=raw(template))
    with pytest.raises(RenderError, match="characters of text to go through"):
        render(said(LONG), body={"kind": "json", "value": [template] * 2})


def test_lists_do_not_grow_by_sums() -> None:
    with pytest.raises(RenderError, match="output over"):
        render(said([0] * 600_000), body=raw("{{ (call.custom.said + call.custom.said) | length }}"))


def test_every_request_may_go_through_as_much_as_any_other() -> None:
    template = "{{ (call.custom.said | upper) | length }}" * 6
    for _ in range(3):
        assert render(said(LONG), body=raw(template)).body == b"600000" * 6


@pytest.mark.parametrize(
    "request_",
    [
        {"body": {"kind": "json", "value": ["{{ call.custom.said }}"] * 2}},
        {"body": {"kind": "json", "value": "{{ call.custom.said }}-{{ call.custom.said }}"}},
        {"body": {"kind": "json", "value": "{{ call.custom.said + call.custom.said }}"}},
        {"body": {"kind": "form", "value": [{"name": "a", "value": "{{ call.custom.said }}"}] * 2}},
        {"body": raw("{{ call.custom.said }}{{ call.custom.said }}")},
        {"body": raw("{{ (call.custom.said ~ call.custom.said) | length }}")},
        {"body": raw("{{ (call.custom.said + call.custom.said) | length }}")},
        {"body": raw("{{ 1 if (call.custom.said ~ call.custom.said) == 'x' }}")},
        {"body": raw("{{ [call.custom.said, call.id] | join(call.custom.said) }}")},
        {"body": raw("{{ call.custom.said | replace('x', 'xx') | length }}")},
        {"body": raw("\u00e9\u00e9{{ call.custom.said | replace('x', '\u00e9') }}")},
        {"headers": [{"name": "X", "value": "{{ call.custom.said }}"}] * 2},
        {"query": [{"name": "x", "value": "{{ call.custom.said }}"}] * 2},
        {"url": URL + "/{{ call.custom.said }}{{ call.custom.said }}"},
    ],
)
def test_output_over_a_mebibyte_is_a_render_error(request_: dict[str, Any]) -> None:
    with pytest.raises(RenderError, match="output over 1048576 bytes"):
        render(said(LONG), **request_)


def test_the_dearest_templates_that_can_be_saved_end_within_a_second() -> None:
    chain = "{{ call.custom.said" + " | replace('x', 'xx')" * 50 + " }}"
    doubled = "{{ " + " ~ ".join(["call.custom.said"] * 500) + " }}"
    for template in (chain, doubled, "{{ call.custom.said | upper | lower | trim | replace('x', 'yyyyyyyyy') }}" * 100):
        began = time.process_time()
        with pytest.raises(RenderError, match=r"output over|to go through"):
            text(template, said("x" * 100_000))
        assert time.process_time() - began < 1


def test_rendering_changes_nothing_in_the_call() -> None:
    context = copy.deepcopy(CONTEXT)
    render(context, body={"kind": "json", "value": ["{{ call.custom.deep }}", "{{ call.account_codes + ['x'] }}"]})
    assert context == CONTEXT
