"""Loops: over lists of the call, one deep, bounded; and what else a template might try."""

import json
import time
from typing import Any

import pytest

from dispatcher.adapters.templates.request import RenderError, check_request
from tests.unit.template_house import CONTEXT, faults, raw, render, said, spec, text

CODES = "{% for code in call.account_codes %}{{ code }}{% if not loop.last %}; {% endif %}{% endfor %}"
SAID = "call.custom.said"


@pytest.mark.parametrize(
    ("template", "value", "expected"),
    [
        (CODES, None, "1001; 1002"),
        ("{% for c in call.tags %}{{ c }}{% else %}none{% endfor %}", None, "none"),
        ("{% for c in call.custom.said %}{{ c.name | upper }}={{ c['n'] }} {% endfor %}",
         [{"name": "a", "n": 1}, {"name": "b"}], "A=1 B= "),
        ("{% for c in call.custom.said %}{{ loop.index }}{{ loop.index0 }}{{ loop.first }}{{ loop.last }} {% endfor %}",
         ["x", "y"], "10truefalse 21falsetrue "),
        ("{% for c in call.custom.said %}{{ c }}{% endfor %}", None, ""),
        ("{% for c in call.custom.missing.altogether %}{{ c }}{% endfor %}", None, ""),
        ("{% for c in call.custom.said[1] %}{{ c }}{% endfor %}", [1, ["a", "b"]], "ab"),
        ("{% for c in call.account_codes %}{{ c[:2] }}{{ call.id }}{% endfor %}", None, "107f9c107f9c"),
        ("{% for c in call.account_codes %}{{ c }}{% endfor %}{% for c in call.tags %}{{ c }}{% endfor %}",
         None, "10011002"),
    ],
)  # fmt: skip
def test_a_loop_goes_over_a_list_of_the_call(template: str, value: Any, expected: str) -> None:
    context = CONTEXT if value is None else said(value)
    assert text(template, context) == expected


def test_a_loop_may_stand_in_every_place() -> None:
    loop = "{% for code in call.account_codes %}{{ code }}-{% endfor %}"
    rendered = render(
        url=f"https://crm.example/{loop}",
        query=[{"name": "codes", "value": loop}],
        headers=[{"name": "X-Codes", "value": loop}],
        body={"kind": "json", "value": {"codes": loop}},
    )
    assert rendered.url == "https://crm.example/1001-1002-?codes=1001-1002-"
    assert rendered.headers[0] == ("X-Codes", "1001-1002-")
    assert json.loads(rendered.body or b"") == {"codes": "1001-1002-"}


def test_a_loop_writes_raw_json() -> None:
    template = (
        '[{% for c in call.custom.said %}{"code": {{ c }}, "text": "<{{ c }}>", "j": {{ c | json }}}'
        "{% if not loop.last %},{% endif %}{% endfor %}]"
    )
    read = json.loads(render(said(['a"', 2]), body=raw(template, "application/json")).body or b"")
    assert read == [{"code": 'a"', "text": '<a">', "j": 'a"'}, {"code": 2, "text": "<2>", "j": 2}]


def test_a_loop_in_raw_json_that_leaves_a_quote_open_is_refused() -> None:
    (fault,) = faults(body=raw('{% for c in call.tags %}"{{ c }}{% endfor %}', "application/json"))
    assert fault == ("request.body.value", "a quote open in it")


@pytest.mark.parametrize(
    ("template", "got"),
    [
        ("{% for a in [1, 2] %}{% endfor %}", "a loop over something else"),
        ("{% for a in 'text' %}{% endfor %}", "a loop over something else"),
        ("{% for a in call %}{% endfor %}", "a loop over something else"),
        ("{% for a in call.agent %}{% endfor %}", "a loop over something else"),
        ("{% for a in call.custom %}{% endfor %}", "a loop over something else"),
        ("{% for a in call.account_codes | map('queues') %}{% endfor %}", "a loop over something else"),
        ("{% for a in followed.list %}{% endfor %}", "a loop over something else"),
        ("{% for a in range(10) %}{% endfor %}", "a call"),
        ("{% for a in call.tags %}{% for b in call.tags %}{% endfor %}{% endfor %}", "a loop inside a loop"),
        ("{% for a in call.tags %}{% if a %}{% for b in call.tags %}{% endfor %}{% endif %}{% endfor %}",
         "a loop inside a loop"),
        ("{% for a in call.tags recursive %}{% endfor %}", "a recursive loop"),
        ("{% for a in call.tags if a %}{% endfor %}", "a loop with a condition"),
        ("{% for a, b in call.tags %}{% endfor %}", "a loop with several variables"),
        ("{% for call in call.tags %}{% endfor %}", "a loop with the variable call"),
        ("{% for loop in call.tags %}{% endfor %}", "a loop with the variable loop"),
        ("{% for a in call.tags %}{{ a.name }}{% endfor %}", "a member of a"),
        ("{% for a in call.tags %}{{ loop.length }}{% endfor %}", "another member of loop"),
        ("{% for a in call.tags %}{{ loop }}{% endfor %}", "another member of loop"),
        ("{% for a in call.tags %}{{ loop.cycle('a') }}{% endfor %}", "a call"),
        ("{% for a in call.tags %}{% else %}{{ a }}{% endfor %}", "unknown variable a"),
        ("{% for a in call.tags %}{% endfor %}{{ a }}", "unknown variable a"),
        ("{{ loop.index }}", "unknown variable loop.index"),
        ("{% for a in call.tag %}{% endfor %}", "unknown variable call.tag"),
    ],
)  # fmt: skip
def test_any_other_loop_is_refused_when_it_is_saved(template: str, got: str) -> None:
    assert ("request.body.value", got) in faults(body=raw(template))


def test_a_refused_loop_says_what_may_be_looped_over() -> None:
    (fault,) = check_request(spec(body=raw("{% for a in call.agent %}{% endfor %}")))
    assert fault["expected"] == "a loop over call.account_codes, call.tags or a list below call.custom"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("text", "calculation with a value of the wrong type"),
        ({"a": 1}, "calculation with a value of the wrong type"),
        (5, "calculation with a value of the wrong type"),
        ([1] * 1001, "a loop over more than 1000 items, or one that takes too long"),
    ],
)
def test_what_is_no_list_or_too_long_a_one_fails_that_delivery(value: Any, reason: str) -> None:
    template = "{% for c in call.custom.said %}{{ loop.index }}{% endfor %}"
    with pytest.raises(RenderError) as error:
        text(template, said(value))
    assert error.value.reason == reason
    assert text(template, said([1] * 1000)).endswith("9991000")


def test_the_output_of_a_loop_is_bounded_too() -> None:
    with pytest.raises(RenderError, match="output over 1048576 bytes"):
        text("{% for c in call.custom.said %}{{ call.custom.said }}{% endfor %}", said(["x" * 2_000] * 1_000))


def test_the_dearest_loops_end_soon() -> None:
    dear = "{% if " + f"({SAID}.text | upper | lower | trim | upper | lower) == 'x'" + " %}y{% endif %}"
    loop = "{% for c in " + SAID + ".items %}" + dear * 20 + "{% endfor %}"
    headers = [{"name": f"X-{n}", "value": loop} for n in range(50)]
    for characters, reason in (
        (4_000, "a loop over more than 1000 items, or one that takes"),
        (500_000, "to go through"),
    ):
        began = time.process_time()
        with pytest.raises(RenderError, match=reason):
            render(said({"text": "x" * characters, "items": [1] * 1_000}), headers=headers)
        assert time.process_time() - began < 3
    assert text("{% for c in call.custom.said %}{{ c }}{% endfor %}", said(["a", "b"])) == "ab"


ESCAPES = [
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ call.__class__ }}",
    "{{ call['__class__'] }}",
    "{{ call.custom.__init__.__globals__['os'].popen('id').read() }}",
    "{{ self.__init__.__globals__ }}",
    "{{ self._TemplateReference__context }}",
    "{{ cycler.__init__.__globals__.os }}",
    "{{ joiner.__init__.__globals__ }}",
    "{{ namespace.__init__.__globals__ }}",
    "{{ lipsum.__globals__['os'] }}",
    "{{ config }}",
    "{{ request.application.__globals__ }}",
    "{{ get_flashed_messages.__globals__ }}",
    "{{ url_for.__globals__ }}",
    "{{ (1).__class__ }}",
    "{{ [].__class__.__base__ }}",
    "{{ '{0.__class__}'.format(call) }}",
    "{{ '%s'.__mod__(call) }}",
    "{{ call | attr('__class__') }}",
    "{{ call.custom | attr('__init__') }}",
    "{{ [call] | map(attribute='__class__') | list }}",
    "{{ call.tags | map('attr', '__class__') | join }}",
    "{{ call | xmlattr }}",
    "{{ call.tags | selectattr('__class__') | list }}",
    "{{ '{.__class__}' | format(call) }}",
    "{{ call | pprint }}",
    "{{ call | urlize }}",
    "{{ call.tags.append('x') }}",
    "{{ call.update({'id': 1}) }}",
    "{{ dict(a=1) }}",
    "{{ debug() }}",
    "{% debug %}",
    "{% do call.update() %}",
    "{% set x = call.__class__ %}{{ x }}",
    "{% with x = call %}{{ x.__class__ }}{% endwith %}",
    "{% import 'os' as os %}{{ os }}",
    "{% include '/etc/passwd' %}",
    "{% extends '/etc/passwd' %}",
    "{% from 'a' import b %}",
    "{% block x %}{{ super.__class__ }}{% endblock %}",
    "{% macro x() %}{{ caller.__globals__ }}{% endmacro %}",
    "{% call x() %}{% endcall %}",
    "{% filter attr('__class__') %}x{% endfilter %}",
    "{% autoescape false %}{{ call }}{% endautoescape %}",
    "{% trans %}x{% endtrans %}",
    "{{ varargs }}",
    "{{ kwargs }}",
    "{{ ctx() }}",
    "{{ environment }}",
    "{{ context }}",
    "{{ '' if call is filter('upper') else environment }}",
    "{{ source.__class__ }}",
    "{{ delivery.__dict__ }}",
    "{{ 10 ** 10 ** 10 }}",
    "{{ 'x' * 10 ** 9 }}",
    "{{ range(10 ** 9) | list }}",
    "{{ '%0999999999d' % 1 }}",
    "{{ 'x' | center(999999999) }}",
    "{{ 'x' | indent(999999999) }}",
    "{{ call.tags | batch(1) }}",
    "{{ lipsum(9999999) }}",
]


@pytest.mark.parametrize("template", ESCAPES)
def test_a_known_way_out_of_the_sandbox_or_to_a_huge_text_is_refused_when_it_is_saved(template: str) -> None:
    for request in (
        {"headers": [{"name": "X", "value": template}]},
        {"body": raw(template)},
        {"body": {"kind": "json", "value": [template]}},
        {"body": {"kind": "xml", "value": f"<a>{template}</a>"}},
        {"body": {"kind": "multipart", "value": [{"name": "a", "value": template, "filename": template}]}},
        {"body": {"kind": "cloudevent", "subject": template}},
    ):
        assert faults(**request) != []


@pytest.mark.parametrize(
    "template",
    [
        "{{ call.custom.__class__ }}",
        "{{ call.custom.said.__class__.__mro__ }}",
        "{{ call.custom.said['__globals__'] }}",
        "{{ followed }}{{ call.custom.keys }}{{ call.custom.said.format }}",
    ],
)
def test_below_custom_every_name_is_a_key_and_never_an_attribute(template: str) -> None:
    assert text(template, {**said("canary"), "followed": None}) == ""
