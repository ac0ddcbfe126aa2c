"""The catalogue that pickers and the manual show: every example in it renders to what it says."""

import json
from typing import Any

import pytest

from dispatcher.adapters.engines import ENGINES
from dispatcher.adapters.templates.dialect import dialect
from dispatcher.adapters.templates.language import LANGUAGE
from dispatcher.adapters.templates.request import check_request, compile_request
from dispatcher.domain.call_fields import Kind
from dispatcher.domain.filters import EXAMPLE_HASH_KEY, EXAMPLE_LOOKUPS, FILTERS, Filter
from dispatcher.domain.presets import PRESETS, Preset
from dispatcher.domain.profile import ProfileSpec, parse_profile
from dispatcher.domain.variables import VARIABLES, label_of

CHRONICALL = [
    *("Empty Value", "Account Codes", "Agent", "Call Direction", "Caller Name", "DNIS", "Call ID", "External Number"),
    *("Group/Skill", "Location", "Time", "Tag", "Audio Recording Link", "Report Call ID"),
]


def example_call() -> dict[str, Any]:
    """The context in which every field has its example."""
    context: dict[str, Any] = {}
    for field in VARIABLES.values():
        *parents, name = field.path.split(".")
        inside = context
        for parent in parents:
            inside = inside.setdefault(parent, {})
        if field.kind is not Kind.OBJECT or field.path in ("call.custom", "followed"):
            inside[name] = field.example
    return context


def spec(body: dict[str, Any]) -> ProfileSpec:
    document = {
        "name": "crm",
        "trigger": {"events": ["*"]},
        "lookups": {name: dict(table) for name, table in EXAMPLE_LOOKUPS.items()},
        "request": {"method": "POST", "url": "https://crm.example/", "body": body},
    }
    return parse_profile(document, ENGINES)


def rendered(body: dict[str, Any]) -> bytes:
    parsed = spec(body)
    assert check_request(parsed) == []
    return compile_request(parsed, EXAMPLE_HASH_KEY).render(example_call()).body or b""


@pytest.mark.parametrize("path", VARIABLES)
def test_the_template_of_every_variable_renders_to_its_example(path: str) -> None:
    field = VARIABLES[path]
    value = json.loads(rendered({"kind": "json", "value": f"{{{{ {path} }}}}"}))
    if field.kind is Kind.OBJECT and field.example is not None and path not in ("call.custom", "followed"):
        value = {name: value[name] for name in field.example}  # type: ignore[attr-defined]
    assert value == field.example


def test_every_variable_has_a_label_of_its_own() -> None:
    labels = [label_of(field) for field in VARIABLES.values()]
    assert sorted(labels) == sorted(set(labels))
    assert label_of(VARIABLES["call.duration_seconds"]) == "Duration seconds"


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: f"{preset.product} {preset.label}")
def test_every_preset_renders_to_its_example(preset: Preset) -> None:
    body = {"kind": "raw", "content_type": "text/plain", "value": preset.template}
    assert rendered(body).decode() == preset.example


def test_every_variable_of_chronicall_is_a_preset() -> None:
    assert [preset.label for preset in PRESETS if preset.product == "Chronicall"] == CHRONICALL


@pytest.mark.parametrize("filter_", FILTERS.values(), ids=lambda each: each.name)
def test_the_example_of_every_filter_gives_its_result(filter_: Filter) -> None:
    result = json.loads(rendered({"kind": "json", "value": filter_.example}))
    assert result == filter_.result
    assert type(result) is type(filter_.result)


def test_the_catalogue_lists_the_filters_that_there_are_and_no_others() -> None:
    named = {name for name in dialect().environment.filters if name not in LANGUAGE.filters}
    assert named == set(FILTERS)
    assert all(name.startswith("_") for name in LANGUAGE.filters)
