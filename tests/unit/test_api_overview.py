import logging
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from dispatcher.adapters.engines import ENGINES
from dispatcher.api.services import ReadyReport
from dispatcher.domain.call_fields import FIELDS
from dispatcher.domain.criteria.operators import operators_for
from dispatcher.domain.filters import FILTERS
from dispatcher.domain.profile import parse_profile
from dispatcher.domain.variables import VARIABLES
from dispatcher.tokens import Scope
from tests.unit.api_house import PROFILE, House, problem


@pytest.fixture
def house() -> Iterator[House]:
    with House() as house:
        yield house


def test_the_process_lives(house: House) -> None:
    answer = house.call("GET", "/healthz", None)
    assert (answer.status_code, answer.json()) == (200, {"status": "alive"})


@pytest.mark.parametrize(
    ("database", "broker", "status", "body"),
    [
        (True, True, 200, {"status": "ready", "database": "ok", "broker": "ok"}),
        (True, False, 200, {"status": "ready", "database": "ok", "broker": "unavailable"}),
        (False, True, 503, {"status": "unavailable", "database": "unavailable", "broker": "ok"}),
    ],
)
def test_the_database_alone_decides_whether_the_api_is_ready(
    house: House, database: bool, broker: bool, status: int, body: dict[str, str]
) -> None:
    house.ready = ReadyReport(database=database, broker=broker)
    answer = house.call("GET", "/readyz", None)
    assert (answer.status_code, answer.json()) == (status, body)


def test_metrics_are_prometheus_text(house: House) -> None:
    answer = house.call("GET", "/metrics", None)
    assert (answer.text, answer.headers["content-type"]) == (
        "onhook_up 1\n",
        "text/plain; version=0.0.4; charset=utf-8",
    )


def test_the_books_balance_and_are_shown_by_state(house: House) -> None:
    house.add_profile()
    (one,) = house.evaluate(house.post_event("a"))
    house.evaluate(house.post_event("b"))
    house.post_event("c")
    house.settle([one])
    assert house.call("GET", "/v1/stats", Scope.READ).json() == {
        "accepted": 3,
        "evaluated": 2,
        "made": 2,
        "open": 1,
        "final": 1,
        "by_state": {"pending": 1, "sending": 0, "retrying": 0, "delivered": 0, "dead": 1, "discarded": 0},
        "balanced": True,
    }


def test_everything_that_templates_and_criteria_may_name_is_listed_for_pickers(house: House) -> None:
    items = house.call("GET", "/v1/variables", Scope.READ).json()["items"]
    assert [each["path"] for each in items] == list(VARIABLES)
    direction = VARIABLES["call.direction"]
    assert items[5] == {
        "path": "call.direction",
        "label": "Call Direction",
        "kind": "choice",
        "meaning": direction.meaning,
        "example": "inbound",
        "choices": ["inbound", "outbound", "internal", "intersite"],
        "template": "{{ call.direction }}",
        "operators": list(operators_for("call.direction")),
    }
    by_path = {each["path"]: each for each in items}
    assert by_path["call.group"]["label"] == "Group/Skill"
    assert by_path["delivery.attempt"]["operators"] == []


def test_presets_and_filters_are_listed_beside_the_variables(house: House) -> None:
    answer = house.call("GET", "/v1/variables", Scope.READ).json()
    assert answer["next"] is None
    (time,) = [each for each in answer["presets"] if each["label"] == "Time"]
    assert time == {
        "product": "Chronicall",
        "label": "Time",
        "template": "{{ call.started_at | epoch_ms }}",
        "meaning": "The start of the call in milliseconds since 1970-01-01T00:00:00Z.",
        "example": "1795168800000",
    }
    assert [each["name"] for each in answer["filters"]] == list(FILTERS)
    assert set(answer["filters"][0]) == {"name", "arguments", "meaning", "example", "result"}


@pytest.mark.parametrize("path", ["/v1/stats", "/v1/variables", "/v1/quarantine", "/v1/deliveries", "/v1/sources"])
def test_what_is_read_wants_a_token_with_the_scope_read(house: House, path: str) -> None:
    assert house.call("GET", path, None).status_code == 401
    assert house.call("GET", path, Scope.WRITE).status_code == 403
    assert house.call("GET", path, Scope.READ).status_code == 200


@pytest.mark.parametrize("path", ["/nowhere", "/v1", "/v1/events/", "/docs", "/redoc", "/v1/sources//events"])
def test_an_address_of_nothing_is_404_as_problem_details(house: House, path: str) -> None:
    answer = house.call("GET", path)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == problem(404, "Not Found", "There is nothing at this address.")


def test_a_method_that_an_address_does_not_take_is_405_with_allow(house: House) -> None:
    answer = house.call("PUT", "/v1/tokens")
    assert answer.headers["content-type"] == "application/problem+json"
    assert set(answer.headers["allow"].split(", ")) == {"GET", "POST"}
    assert answer.json() == problem(405, "Method Not Allowed", "This address does not take that method.")


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/v1/profiles"), ("PATCH", "/v1/profiles/crm"), ("POST", "/v1/deliveries/replay")]
)
def test_malformed_json_is_400_and_too_much_of_it_413_everywhere(house: House, method: str, path: str) -> None:
    assert house.call(method, path, content=b"{").json()["status"] == 400
    assert house.call(method, path, content=b" " * 65_537).json()["status"] == 413


@pytest.mark.parametrize("path", ["/v1/deliveries", "/v1/profiles", "/v1/stats", "/v1/calls/7f9c"])
def test_a_database_that_is_away_is_503_with_retry_after(house: House, path: str) -> None:
    house.call("GET", "/v1/profiles")
    house.store.away = True
    answer = house.call("GET", path)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(("method", "path"), [("GET", "/v1/stats"), ("POST", "/v1/events")])
def test_a_failure_of_ours_is_500_without_its_text_and_is_in_the_log(
    house: House, method: str, path: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> Any:
        raise RuntimeError("the number is +14155550100")

    monkeypatch.setattr(house.store, "books", fail)
    monkeypatch.setattr(house.services.ingestor, "submit", fail)
    with caplog.at_level(logging.ERROR):
        answer = house.call(method, path, json={"type": "x.a", "call": {"id": "1"}})
    detail = "Something went wrong here; it is in the log."
    assert answer.json() == problem(500, "Internal Server Error", detail)
    assert [each.message for each in caplog.records if each.name == "dispatcher.api.app"] == ["api.failed"]


def test_the_description_needs_no_token_and_names_every_address(house: House) -> None:
    described = house.call("GET", "/openapi.json", None).json()
    assert described["info"] | {"description": ""} == {"title": "Onhook", "version": "1.2.3", "description": ""}
    assert {path: sorted(operations) for path, operations in described["paths"].items()} == {
        "/healthz": ["get"],
        "/readyz": ["get"],
        "/metrics": ["get"],
        "/v1/stats": ["get"],
        "/v1/variables": ["get"],
        "/v1/workspace": ["get", "patch", "put"],
        "/v1/quarantine": ["get"],
        "/v1/events": ["get", "post"],
        "/v1/events/{event_id}": ["get"],
        "/v1/calls/{call_id}": ["get"],
        "/v1/deliveries": ["get"],
        "/v1/deliveries/replay": ["post"],
        "/v1/deliveries/{delivery_id}": ["get"],
        "/v1/deliveries/{delivery_id}/attempts": ["get"],
        "/v1/deliveries/{delivery_id}/replay": ["post"],
        "/v1/deliveries/{delivery_id}/discard": ["post"],
        "/v1/profiles": ["get", "post"],
        "/v1/profiles/{name}": ["delete", "get", "patch", "put"],
        "/v1/profiles/{name}/backtest": ["post"],
        "/v1/profiles/{name}/clone": ["post"],
        "/v1/profiles/{name}/enable": ["post"],
        "/v1/profiles/{name}/disable": ["post"],
        "/v1/profiles/{name}/revisions": ["get"],
        "/v1/profiles/{name}/test": ["post"],
        "/v1/profiles/{name}/signing-secret": ["get"],
        "/v1/profiles/{name}/signing-secret/rotate": ["post"],
        "/v1/credentials": ["get", "post"],
        "/v1/credentials/{name}": ["delete", "get", "patch", "put"],
        "/v1/credentials/{name}/test": ["post"],
        "/v1/credentials/{name}/secrets/{which}": ["delete"],
        "/v1/credentials/{name}/secrets/{which}/rotate": ["post"],
        "/v1/sources": ["get", "post"],
        "/v1/sources/preview": ["post"],
        "/v1/sources/{name}": ["delete", "get", "put"],
        "/v1/sources/{name}/events": ["get", "post"],
        "/v1/tokens": ["get", "post"],
        "/v1/wsdl": ["get"],
        "/v1/wsdl/inspect": ["post"],
        "/v1/tokens/{token_id}": ["delete"],
        "/v1/tokens/{token_id}/secrets/{which}/rotate": ["post"],
    }


def test_the_description_says_what_every_operation_takes_in_its_body(house: House) -> None:
    described = house.call("GET", "/openapi.json", None).json()
    without_body = {
        f"{method} {path}"
        for path, operations in described["paths"].items()
        for method, operation in operations.items()
        if method in ("post", "put", "patch") and "requestBody" not in operation
    }
    assert without_body == {
        "post /v1/deliveries/{delivery_id}/replay",
        "post /v1/profiles/{name}/enable",
        "post /v1/profiles/{name}/disable",
        "post /v1/sources/{name}/events",
        "post /v1/tokens/{token_id}/secrets/{which}/rotate",
    }


def test_the_description_of_a_profile_names_every_member_that_is_taken(house: House) -> None:
    schemas = house.call("GET", "/openapi.json", None).json()["components"]["schemas"]
    assert set(schemas["Profile"]["properties"]) == set(parse_profile(PROFILE, ENGINES).document)


def test_the_description_as_yaml_is_the_same(house: House) -> None:
    answer = house.call("GET", "/openapi.yaml", None)
    assert answer.headers["content-type"].startswith("application/yaml")
    assert yaml.safe_load(answer.text) == house.call("GET", "/openapi.json", None).json()


def test_the_description_holds_every_canonical_field_of_an_event(house: House) -> None:
    schemas = house.call("GET", "/openapi.json", None).json()["components"]["schemas"]
    for path in FIELDS:
        inside = schemas["Event"]
        for name in path.split("."):
            inside = inside["properties"][name]
        assert inside["description"] == FIELDS[path].meaning


@pytest.mark.parametrize(
    "path", ["/v1/calls/%00", "/v1/profiles/a%00b", "/v1/deliveries?call_id=%00", "/v1/sources/%00/events"]
)
def test_an_address_with_a_nul_names_nothing(house: House, path: str) -> None:
    answer = house.call("GET", path)
    assert (answer.status_code, answer.json()["status"]) == (404, 404)
