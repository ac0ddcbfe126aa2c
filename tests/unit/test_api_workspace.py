"""`/v1/workspace`, with everything behind it in memory."""

from collections.abc import Iterator
from typing import Any

import pytest

from dispatcher.tokens import Scope
from tests.unit.api_house import WORKSPACE, House, problem

PATH = "/v1/workspace"
PROXY = "http://jane:hunter2@proxy.example:3128"
MASKED = "http://jane:********@proxy.example:3128"


@pytest.fixture
def house() -> Iterator[House]:
    with House() as house:
        yield house


def stored(house: House) -> str | None:
    return house.store.workspace(WORKSPACE).egress_proxy


def test_a_workspace_is_shown_with_its_name_and_no_proxy(house: House) -> None:
    answer = house.call("GET", PATH, Scope.READ)
    assert (answer.status_code, answer.json()) == (200, {"name": "default", "egress_proxy": None})


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_a_proxy_is_set_its_password_is_never_shown_and_the_audit_log_tells(house: House, method: str) -> None:
    answer = house.call(method, PATH, json={"egress_proxy": PROXY})
    assert (answer.status_code, answer.json()) == (200, {"name": "default", "egress_proxy": MASKED})
    assert stored(house) == PROXY
    assert house.call("GET", PATH, Scope.READ).json() == {"name": "default", "egress_proxy": MASKED}
    assert [entry[1:] for entry in house.store.audit_log] == [("workspace.saved", "default")]


def test_null_takes_the_proxy_away(house: House) -> None:
    house.call("PUT", PATH, json={"egress_proxy": PROXY})
    assert house.call("PUT", PATH, json={"egress_proxy": None}).json() == {"name": "default", "egress_proxy": None}
    assert stored(house) is None


def test_what_was_read_can_be_put_back_and_changes_nothing(house: House) -> None:
    house.call("PUT", PATH, json={"egress_proxy": PROXY})
    answer = house.call("PUT", PATH, json=house.call("GET", PATH).json())
    assert (answer.status_code, stored(house), len(house.store.audit_log)) == (200, PROXY, 1)


def test_a_patch_without_the_proxy_leaves_it_and_a_put_without_it_takes_it_away(house: House) -> None:
    house.call("PUT", PATH, json={"egress_proxy": PROXY})
    house.call("PATCH", PATH, json={})
    assert stored(house) == PROXY
    house.call("PUT", PATH, json={})
    assert stored(house) is None


@pytest.mark.parametrize(
    ("given", "field", "got"),
    [
        ({"egress_proxy": 3128}, "egress_proxy", "number 3128"),
        ({"egress_proxy": "socks5://jane:hunter2@proxy:1"}, "egress_proxy", "a URL whose scheme is not http"),
        ({"egress_proxy": "http://jane:hunter2@proxy"}, "egress_proxy", "a URL without a port"),
        ({"egress_proxy": MASKED}, "egress_proxy", "a masked password of a proxy that is not the stored one"),
        ({"name": "other"}, "name", 'string "other"'),
        ({"proxy": PROXY}, "proxy", "a member that a workspace does not have"),
    ],
)
def test_what_cannot_be_is_422_with_its_field_and_without_the_password(
    house: House, given: dict[str, Any], field: str, got: str
) -> None:
    answer = house.call("PATCH", PATH, json=given)
    [error] = answer.json()["errors"]
    assert (answer.status_code, error["field"], error["got"]) == (422, field, got)
    assert "hunter2" not in answer.text
    assert (stored(house), house.store.audit_log) == (None, [])


@pytest.mark.parametrize("scope", [Scope.INGEST, Scope.READ, Scope.WRITE])
def test_only_an_administrator_may_change_it(house: House, scope: Scope) -> None:
    assert house.call("PUT", PATH, scope, json={"egress_proxy": PROXY}).status_code == 403
    assert stored(house) is None


def test_another_method_is_405_with_those_that_there_are(house: House) -> None:
    answer = house.call("DELETE", PATH)
    assert answer.json() == problem(405, "Method Not Allowed", "This address does not take that method.")
    assert answer.headers["allow"] == "GET, PATCH, PUT"
