"""Profile documents: the defaults that are filled in, and what is refused with which words."""

import contextlib
import copy
import datetime as dt
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.adapters.engines import ENGINES
from dispatcher.adapters.templates.request import check_request
from dispatcher.domain.answers.success import SuccessRule
from dispatcher.domain.profile import Limits, ProfileRefused, ProfileSpec, parse_profile
from dispatcher.domain.requests.body import Body, BodyKind
from dispatcher.domain.requests.pairs import Pair
from dispatcher.domain.retry_policy import RetryPolicy

EXAMPLES = sorted((Path(__file__).parents[2] / "config" / "profiles").glob("*.yaml"))
URL = "https://crm.example/api"
LEAST: dict[str, Any] = {
    "name": "crm",
    "trigger": {"events": ["call.finished"]},
    "request": {"method": "POST", "url": URL},
}


def with_(path: str, value: Any) -> dict[str, Any]:
    """The least document with one member set; the path is dotted."""
    document = copy.deepcopy(LEAST)
    *parents, last = path.split(".")
    place = document
    for parent in parents:
        place = place.setdefault(parent, {})
    place[last] = value
    return document


def parsed(document: Any) -> ProfileSpec:
    return parse_profile(document, ENGINES)


def faults(document: Any) -> list[dict[str, str]]:
    with pytest.raises(ProfileRefused) as refused:
        parsed(document)
    return refused.value.faults


def test_what_is_not_said_is_filled_in_with_the_documented_defaults() -> None:
    spec = parsed(LEAST)
    assert spec.document == {
        "name": "crm",
        "enabled": True,
        "description": "",
        "trigger": {"events": ["call.finished"], "criteria": None, "wait_for": None},
        "follow": None,
        "lookups": {},
        "credential": None,
        "outputs": [],
        "request": {
            "kind": "rest",
            "method": "POST",
            "url": URL,
            "query": [],
            "headers": [],
            "body": {"kind": "none"},
        },
        "timeout_seconds": 10,
        "private": False,
        "retry": {
            "delays_seconds": [5, 300, 1800, 7200, 18000, 36000, 36000],
            "jitter": 0.1,
            "give_up_after_seconds": 259200,
        },
        "limits": {"per_second": None, "concurrency": None},
        "success": {
            "status": ["2xx"],
            "body": None,
            "on_mismatch": "retry",
            "reject_body": None,
            "retry_body": None,
            "reject_status": [],
            "retry_status": [],
        },
        "sign": True,
    }
    assert (spec.criteria, spec.retry, spec.limits, spec.success) == (None, RetryPolicy(), Limits(), SuccessRule())
    assert spec.request.body == Body(BodyKind.NONE)


FULL: dict[str, Any] = {
    "name": "crm-call-log",
    "enabled": False,
    "description": "Logs calls.",
    "trigger": {
        "events": ["call.finished", "x.wrap-up"],
        "criteria": {
            "all": [
                {"field": "call.direction", "op": "in", "value": ["inbound", "outbound"]},
                {"not": {"field": "call.group", "op": "eq", "value": "Test"}},
            ]
        },
        "wait_for": {"recording": {"up_to_seconds": 1200, "then": "skip"}},
    },
    "follow": {"profile": "create-lead", "up_to_seconds": 600, "then": "send"},
    "lookups": {"offices": {"San Francisco, CA": "sf", "": None}},
    "credential": "crm-basic",
    "outputs": [],
    "request": {
        "kind": "rest",
        "method": "PUT",
        "url": "https://crm.example:8443/api/calls/{{ call.id }}?v=2",
        "query": [{"name": "dnis", "value": "{{ call.dnis }}"}],
        "headers": [{"name": "X-Agent", "value": "{{ call.agent.name }}"}],
        "body": {"kind": "json", "value": {"seconds": "{{ call.duration_seconds }}", "n": [1, None, 0.5, True]}},
    },
    "timeout_seconds": 2.5,
    "private": True,
    "retry": {"delays_seconds": [0, 0.5], "jitter": 0, "give_up_after_seconds": 60},
    "limits": {"per_second": 20, "concurrency": 10},
    "success": {
        "status": ["2xx", 409],
        "body": {"json": "$.ok", "equals": True},
        "on_mismatch": "reject",
        "reject_body": {"regex": "(?i)<html"},
        "retry_body": [{"json": "$.code", "in": [5, 7]}, {"xpath": "//code", "equals": 5}],
        "reject_status": [400],
        "retry_status": [404],
    },
    "sign": False,
}


def test_a_full_document_is_shown_as_it_was_given() -> None:
    spec = parsed(FULL)
    assert spec.document == FULL
    assert spec.events == {"call.finished", "x.wrap-up"}
    assert spec.request.query == (Pair("dnis", "{{ call.dnis }}"),)
    assert spec.retry == RetryPolicy((0, 0.5), 0, 60)
    assert spec.limits == Limits(20, 10)
    assert spec.timeout_seconds == 2.5
    assert (spec.enabled, spec.private, spec.sign) == (False, True, False)


@pytest.mark.parametrize("document", [LEAST, FULL])
def test_the_stored_document_is_the_same_profile_again(document: dict[str, Any]) -> None:
    once = parsed(document)
    assert parsed(once.document).document == once.document


def test_the_stored_document_does_not_change_with_what_was_posted() -> None:
    given = copy.deepcopy(FULL)
    spec = parsed(given)
    given["request"]["body"]["value"]["seconds"] = "changed"
    assert spec.document == FULL


def test_types_of_events_are_matched_by_name_and_a_star_takes_all() -> None:
    assert parsed(LEAST).takes("call.finished") is True
    assert parsed(LEAST).takes("call.missed") is False
    assert parsed(with_("trigger.events", ["*"])).takes("x.anything") is True


@pytest.mark.parametrize(
    ("path", "value", "got"),
    [
        ("name", "Crm", 'string "Crm"'),
        ("name", "-crm", 'string "-crm"'),
        ("name", "c" * 65, "string of 65 characters"),
        ("name", "crm\n", 'string "crm\n"'),
        ("enabled", "yes", 'string "yes"'),
        ("enabled", 1, "number 1"),
        ("description", 5, "number 5"),
        ("trigger.events", [], "array of 0"),
        ("trigger.events", "call.finished", 'string "call.finished"'),
        ("timeout_seconds", 0, "number 0"),
        ("timeout_seconds", 301, "number 301"),
        ("timeout_seconds", True, "boolean true"),
        ("timeout_seconds", "10", 'string "10"'),
        ("private", None, "nothing"),
        ("sign", "true", 'string "true"'),
        ("retry", [], "array of 0"),
        ("retry.delays_seconds", [1] * 51, "array of 51"),
        ("retry.jitter", 1.5, "number 1.5"),
        ("retry.give_up_after_seconds", 0, "number 0"),
        ("limits.per_second", 0, "number 0"),
        ("limits.concurrency", 1.5, "number 1.5"),
        ("limits.concurrency", 0, "number 0"),
        ("request.method", "HEAD", 'string "HEAD"'),
        ("request.method", "post", 'string "post"'),
        ("request.url", "ftp://crm.example/", 'string "ftp://crm.example/"'),
        ("request.url", "crm.example/api", 'string "crm.example/api"'),
        ("request.url", None, "nothing"),
        ("request.query", {"a": "b"}, "object"),
        ("request.headers", [{}] * 101, "array of 101"),
        ("request.body", "x", 'string "x"'),
    ],
)
def test_a_value_out_of_place_is_refused_with_its_path_and_what_was_got(path: str, value: Any, got: str) -> None:
    assert [(fault["field"], fault["got"]) for fault in faults(with_(path, value))] == [(path, got)]


@pytest.mark.parametrize("value", ["call.finish", "x.", "x.Upper", 5, "call.*"])
def test_an_event_type_that_does_not_exist_is_refused(value: Any) -> None:
    assert [fault["field"] for fault in faults(with_("trigger.events", ["*", value]))] == ["trigger.events[1]"]


def test_unknown_members_are_refused_with_the_nearest_known_one() -> None:
    document = {**LEAST, "timeout_second": 5, "retry": {"delay_seconds": [1], "zzz": 1}}
    assert [(fault["field"], fault["expected"]) for fault in faults(document)] == [
        ("timeout_second", "no such member (did you mean timeout_seconds?)"),
        ("retry.delay_seconds", "no such member (did you mean delays_seconds?)"),
        ("retry.zzz", "no such member"),
    ]


@pytest.mark.parametrize(
    ("url", "because"),
    [
        ("https://{{ call.custom.host }}/api", "literal"),
        ("https://crm.{{ call.group }}.example/api", "literal"),
        ("https://crm.example:{{ call.custom.port }}/", "literal"),
        ("https://jane:secret@crm.example/", "without user name"),
        ("https://crm.example/api#part", "without a fragment"),
        ("https://crm.example/a b", "without spaces"),
        ("https://crm.example/a\nb", "without spaces"),
        ("https://crm.example/100%", "two hex digits"),
        ("https://crm.example/%2{{ call.id }}", "two hex digits"),
        ("https://crm.example/a/../b", "segments"),
        ("https://crm.example/%2E%2e/b", "segments"),
        ("https://", "host"),
        ("https://crm.example:0/", "port"),
        ("https://crm.example:65536/", "port"),
        ("https://crm.example:80:80/", "port"),
        ("https://m\u00fcller.example/", "ASCII"),
    ],
)
def test_a_url_that_is_not_a_plain_literal_origin_is_refused(url: str, because: str) -> None:
    (fault,) = faults(with_("request.url", url))
    assert fault["field"] == "request.url"
    assert because in fault["expected"]


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9000",
        "https://[::1]:8443/x",
        "HTTPS://crm.example?call={{ call.id }}",
        "https://crm_internal/{{ call.id | default('a#b c') }}",
        "https://crm.example/a%20b/caf\u00e9",
    ],
)
def test_a_url_with_a_literal_origin_is_taken(url: str) -> None:
    assert parsed(with_("request.url", url)).request.url == url


@pytest.mark.parametrize(
    "name",
    [
        *("webhook-id", "Webhook-Timestamp", "webhook-signature", "Idempotency-Key", "user-agent"),
        *("Content-Length", "Host", "transfer-encoding", "CONNECTION"),
    ],
)
def test_a_header_that_we_set_is_refused(name: str) -> None:
    (fault,) = faults(with_("request.headers", [{"name": name, "value": "x"}]))
    assert (fault["field"], fault["got"]) == ("request.headers[0].name", f'string "{name}"')


@pytest.mark.parametrize("name", ["X Agent", "X:Agent", "X\r\nY", "Agent\u00e9", "{{ call.id }}"])
def test_a_header_name_that_is_no_token_is_refused(name: str) -> None:
    assert [fault["field"] for fault in faults(with_("request.headers", [{"name": name, "value": "x"}]))] == [
        "request.headers[0].name"
    ]


def test_a_header_value_cannot_bring_a_line_of_its_own() -> None:
    (fault,) = faults(with_("request.headers", [{"name": "X", "value": "a\r\nY: b"}]))
    assert fault["field"] == "request.headers[0].value"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"kind": "raw", "value": "x"}, "content_type"),
        ({"kind": "raw", "value": "x", "content_type": "text"}, "content_type"),
        ({"kind": "raw", "value": "x", "content_type": "text/plain\r\nX: y"}, "content_type"),
        ({"kind": "raw", "value": "x", "content_type": "text/plain; charset=iso-8859-1"}, "content_type"),
        ({"kind": "raw", "value": {}, "content_type": "text/plain"}, "value"),
        ({"kind": "raw", "value": "x" * 65537, "content_type": "text/plain"}, "value"),
        ({"kind": "json"}, "value"),
        ({"kind": "json", "value": {"{{ call.id }}": 1}}, "value"),
        ({"kind": "json", "value": 1, "content_type": "text/plain"}, "content_type"),
        ({"kind": "none", "value": 1}, "value"),
        ({"kind": "form", "value": {"a": "b"}}, "value"),
        ({"kind": "form", "value": [{"name": "", "value": "x"}]}, "value[0].name"),
        ({"kind": "form", "value": [{"name": "a", "value": 5}]}, "value[0].value"),
        ({"kind": "form", "value": [{"name": "a"}]}, "value[0].value"),
        ({"kind": "html"}, "kind"),
        ({"kind": ["json"]}, "kind"),
        ({}, "kind"),
    ],
)
def test_a_body_that_is_not_of_its_kind_is_refused(body: dict[str, Any], field: str) -> None:
    assert [fault["field"] for fault in faults(with_("request.body", body))] == [f"request.body.{field}"]


def test_a_get_has_no_body_and_a_delete_may() -> None:
    body = {"kind": "json", "value": {}}
    (fault,) = faults({**LEAST, "request": {"method": "GET", "url": URL, "body": body}})
    assert (fault["field"], fault["got"]) == ("request.body.kind", "json")
    assert parsed({**LEAST, "request": {"method": "DELETE", "url": URL, "body": body}}).request.body.value == {}


def test_a_raw_body_names_its_type_once() -> None:
    request = {
        "method": "POST",
        "url": URL,
        "headers": [{"name": "Content-Type", "value": "text/xml"}],
        "body": {"kind": "raw", "content_type": "text/plain", "value": "x"},
    }
    assert [fault["field"] for fault in faults({**LEAST, "request": request})] == ["request.headers[0].name"]


def test_every_fault_of_a_document_is_told_at_once() -> None:
    document = {
        "name": "CRM",
        "trigger": {"events": [], "criteria": {"all": [{"field": "call.x", "op": "is", "value": 1}]}},
        "request": {"method": "GETT", "url": "x"},
        "timeout_seconds": -1,
        "success": {"status": ["9xx"]},
        "outputs": 5,
    }
    assert sorted(fault["field"] for fault in faults(document)) == [
        "name",
        "outputs",
        "request.method",
        "request.url",
        "success.status",
        "success.status[0]",
        "timeout_seconds",
        "trigger.criteria.all[0].field",
        "trigger.criteria.all[0].op",
        "trigger.events",
    ]


@pytest.mark.parametrize("value", [dt.date(2026, 11, 20), float("nan"), 2**64, "\ud800", b"x", {1: 2}])
def test_what_json_cannot_carry_is_refused_where_it_stands(value: Any) -> None:
    document = with_("request.body", {"kind": "json", "value": {"at": [0, value]}})
    assert [fault["field"] for fault in faults(document)] == ["request.body.value.at[1]"]


def test_a_document_without_bottom_is_refused() -> None:
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    assert "at most 64 levels of nesting" in [fault["expected"] for fault in faults(with_("description", deep))]


def test_a_document_full_of_faults_names_the_first_hundred() -> None:
    assert len(faults({f"wrong-{n}": n for n in range(1000)})) == 100


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
PATHS = [
    *("name", "enabled", "description", "trigger", "trigger.events", "trigger.criteria", "request", "request.method"),
    *("request.url", "request.query", "request.headers", "request.body", "timeout_seconds", "retry", "limits"),
    *("retry.delays_seconds", "success", "success.body", "success.status", "sign"),
]


@given(path=st.sampled_from(PATHS), value=ANY)
def test_no_document_makes_the_parser_raise_anything_but_its_refusal(path: str, value: Any) -> None:
    document = with_(path, value)
    with contextlib.suppress(ProfileRefused):
        document = parsed(document).document
        assert parsed(document).document == document


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_profile_is_one_and_its_templates_are_sound(path: Path) -> None:
    specs = [parsed(document) for document in yaml.safe_load_all(path.read_text())]
    outputs = [output.name for spec in specs for output in spec.outputs]
    for spec in specs:
        assert spec.name.startswith(path.stem.partition("-")[0])
        request = spec.document["request"]
        if request["kind"] == "soap":  # what its templates are checked against is the WSDL
            assert request["wsdl"] == "http://127.0.0.1:9000/soap/crm?wsdl"
            continue
        assert check_request(spec, outputs if spec.follow else ()) == []
        assert request["url"].startswith("http://127.0.0.1:9000/")


def test_the_example_profiles_are_those_that_the_demo_shows() -> None:
    assert [path.stem for path in EXAMPLES] == [
        "crm-call-log",
        "flaky-helpdesk",
        "lead-with-recording",
        "missed-call-alert",
        "recording-archive",
        "retired-crm",
        "soap-crm",
    ]


def test_a_profile_asks_at_most_ten_patterns_of_an_answer() -> None:
    outputs = [{"name": f"o{number}", "regex": "id=([0-9]+)"} for number in range(9)]
    one = {**LEAST, "outputs": outputs, "success": {"body": {"json": "$.ok", "matches": "^y"}}}
    assert len(parsed(one).outputs) == 9
    (fault,) = faults({**one, "success": {"body": [{"json": "$.ok", "matches": "^y"}, {"regex": "ok"}]}})
    assert (fault["field"], fault["expected"]) == ("success", "at most 10 patterns in success and outputs together")
