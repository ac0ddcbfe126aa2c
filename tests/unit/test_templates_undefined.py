"""Undefined variables: refused when a profile is saved where that can be known, told when it is tried out always."""

from typing import Any

import pytest

from dispatcher.adapters.engines import ENGINES
from dispatcher.adapters.templates.request import check_request, compile_request
from dispatcher.domain.profile import parse_profile
from tests.unit.template_house import CONTEXT, raw, spec

CAPTURED = "an output captured for this call, or given to the test as `followed`"
OTHERWISE = "or `| default(...)` where it may be absent"
EVENT: dict[str, Any] = {
    **CONTEXT,
    "call": {
        "id": "7f9c",
        "account_codes": ["1001"],
        "custom": {"ticket": "T-1", "nothing": None, "deep": {"a": {"b": 1}}, "items": [{"name": "x"}, {"n": 1}]},
    },
    "followed": {"lead_id": "L-1"},
}


def undefined(template: str, private: bool = False) -> list[str]:
    document = {**spec(body=raw(template)).document, "private": private}
    return [fault["got"] for fault in compile_request(parse_profile(document, ENGINES)).undefined(EVENT)]


@pytest.mark.parametrize(
    ("template", "missing"),
    [
        ("{{ call.custom.tickt }}", ["call.custom.tickt"]),
        ("{{ call.custom['tickt'] }}", ["call.custom.tickt"]),
        ("{{ call.custom.tickt | upper }}", ["call.custom.tickt"]),
        ("{{ call.custom.tickt }}{{ call.custom.tickt }}", ["call.custom.tickt"]),
        ("{{ call.custom.deep.a.c }}", ["call.custom.deep.a.c"]),
        ("{{ call.custom.ticket.name }}", ["call.custom.ticket.name"]),
        ("{{ call.custom.items[5].name }}", ["call.custom.items.5.name"]),
        ("{{ followed.lead }}", ["followed.lead"]),
        ("{{ 'x' if call.custom.tickt == 'a' else 'y' }}", ["call.custom.tickt"]),
        ("{% if call.custom.tickt == 'a' %}x{% endif %}", ["call.custom.tickt"]),
        ("{% if call.id %}{{ call.custom.tickt }}{% endif %}", ["call.custom.tickt"]),
        ("{{ call.id or call.custom.tickt }}", ["call.custom.tickt"]),
        ("{{ call.group | default(call.custom.tickt) }}", ["call.custom.tickt"]),
        ("{% for c in call.custom.itms %}{{ c }}{% endfor %}", ["call.custom.itms"]),
        ("{% for c in call.custom.items %}{{ c.nam }}{% endfor %}", ["call.custom.items[].nam"]),
        ("{{ call.custom.ticket[:2] }}{{ call.custom.tickt[:2] }}", ["call.custom.tickt"]),
    ],
)
def test_a_name_that_the_event_does_not_have_is_told(template: str, missing: list[str]) -> None:
    assert undefined(template) == [f"undefined variable {each}" for each in missing]


@pytest.mark.parametrize(
    "template",
    [
        "{{ call.custom.ticket }}{{ call.custom.nothing }}{{ call.custom.deep.a.b }}{{ followed.lead_id }}",
        "{{ call.group }}{{ call.agent.name }}{{ call.recording.url }}{{ id }}",
        "{{ call.custom }}{{ followed }}",
        "{{ call.custom.tickt | default('') }}",
        "{{ call.custom.tickt | upper | default('-') | lower }}",
        "{{ (call.custom.tickt ~ call.custom.b) | default('-') }}",
        "{{ call.custom.tickt is defined }}",
        "{% if call.custom.tickt %}{{ call.custom.tickt }}{% endif %}",
        "{% if call.custom.tickt is defined and call.custom.tickt.name %}{{ call.custom.tickt.name }}{% endif %}",
        "{% if not call.custom.tickt %}none{% else %}{{ call.custom.tickt }}{% endif %}",
        "{{ call.custom.tickt if call.custom.tickt else 'none' }}",
        "{{ call.custom.tickt or call.id }}",
        "{{ call.custom.deep and call.custom.deep.a }}",
        "{% for c in call.custom.items %}{{ c.name }}{{ c.n }}{{ c }}{% endfor %}",
        "{% for c in call.account_codes %}{{ c }}{% endfor %}",
        "{% if call.custom.itms %}{% for c in call.custom.itms %}{{ c }}{% endfor %}{% endif %}",
    ],
)
def test_what_may_be_absent_is_no_fault(template: str) -> None:
    assert undefined(template) == []


def test_a_fault_says_where_and_what_is_near() -> None:
    body = {"kind": "json", "value": {"a": ["{{ call.custom.tickt }}"]}}
    request = {"body": body, "headers": [{"name": "X", "value": "{{ followed.leadid }}"}]}
    faults = compile_request(spec(**request)).undefined(EVENT)
    assert faults == [
        {
            "field": "request.headers[0].value",
            "expected": f"{CAPTURED} (did you mean lead_id?), {OTHERWISE}",
            "got": "undefined variable followed.leadid",
        },
        {
            "field": "request.body.value.a[0]",
            "expected": f"a variable that this event has (did you mean ticket?), {OTHERWISE}",
            "got": "undefined variable call.custom.tickt",
        },
    ]


def test_a_private_profile_is_told_no_names_of_the_event() -> None:
    document = {**spec(body=raw("{{ call.custom.tickt }}")).document, "private": True}
    (fault,) = compile_request(parse_profile(document, ENGINES)).undefined(EVENT)
    assert "ticket" not in fault["expected"]


@pytest.mark.parametrize(
    ("template", "outputs", "got", "expected"),
    [
        (
            "{{ followed.lead }}",
            ["lead_id"],
            "unknown variable followed.lead",
            "outputs lead_id (did you mean lead_id?)",
        ),
        ("{{ followed.lead_id }}", [], "unknown variable followed.lead_id", "which has none"),
        ("{{ followed['lead'].x }}", ["lead_id"], "unknown variable followed.lead", "outputs lead_id"),
        ("{{ followed[call.id] }}", ["lead_id"], "a computed key of followed", "a literal key"),
        ("{{ source.nme }}", [], "unknown variable source.nme", "source.name"),
        ("{{ delivery.atempt }}", [], "unknown variable delivery.atempt", "delivery.attempt"),
    ],
)
def test_what_can_be_known_is_refused_when_it_is_saved(
    template: str, outputs: list[str], got: str, expected: str
) -> None:
    (fault,) = check_request(spec(body=raw(template)), outputs)
    assert fault["got"] == got
    assert expected in fault["expected"]


def test_outputs_that_the_followed_profile_has_are_taken_with_what_lies_below() -> None:
    assert (
        check_request(spec(body=raw("{{ followed.lead_id }}{{ followed.lead_id.x }}{{ followed }}")), ["lead_id"]) == []
    )


def test_a_stored_profile_is_rendered_whatever_the_followed_one_has_become() -> None:
    template = compile_request(spec(body=raw("{{ followed.lead_id }}|{{ source.name }}|{{ delivery.attempt }}")))
    assert template.render(EVENT).body == b"L-1|pbx|1"
    assert template.render({**EVENT, "followed": {}}).body == b"|pbx|1"
