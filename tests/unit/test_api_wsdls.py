"""`/v1/wsdl` from outside, and what it means for profiles that are saved."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from dispatcher.api.profiles import TOO_MANY
from dispatcher.api.wsdls import MAX_FILES
from dispatcher.domain.soap.bundle import UPLOAD_BASE, Bundle
from dispatcher.tokens import Scope
from dispatcher.wsdls import AT_ONCE, NOT_INSPECTED
from tests.unit.api_house import MAX_BODY_BYTES, PROFILE, House, problem
from tests.unit.wsdl_doubles import URL, soap_profile

OTHER = "https://erp.example/orders?wsdl"
REFUSED = "The inspection is refused; nothing was kept."
PROFILE_REFUSED = "The profile is refused; nothing was changed."


@pytest.fixture
def house() -> Iterator[House]:
    with House() as made:
        made.web.documents[URL] = b"LogCall"
        made.web.documents[OTHER] = b"LogCall"
        yield made


def hash_of(text: bytes, url: str = URL) -> str:
    return Bundle(url, {url: text}).content_hash


def inspect(house: House, scope: Scope = Scope.WRITE, **body: Any) -> Any:
    return house.call("POST", "/v1/wsdl/inspect", scope, json=body)


def add(house: House, **over: Any) -> None:
    answer = house.call("POST", "/v1/profiles", json=soap_profile(**over))
    assert answer.status_code == 201, answer.text


def pinned(house: House, name: str = "log") -> tuple[str, str]:
    request = house.call("GET", f"/v1/profiles/{name}").json()["request"]
    return request["wsdl"], request["wsdl_hash"]


def refusal(house: House, **body: Any) -> list[dict[str, str]]:
    """The faults of an inspection that is refused; nothing was fetched, nothing kept."""
    answer = inspect(house, **body)
    assert (answer.status_code, answer.json().get("detail")) == (422, REFUSED), answer.text
    assert (house.engine.collected, house.store.kept_wsdls) == ([], {})
    errors: list[dict[str, str]] = answer.json()["errors"]
    return errors


def test_an_inspection_is_answered_whole_kept_and_noted(house: House) -> None:
    answer = inspect(house, url=URL)
    assert answer.status_code == 200
    told = answer.json()
    (operation,) = told.pop("services")[0]["ports"][0]["operations"]
    assert (operation["name"], operation["parameter_count"]) == ("LogCall", 3)
    assert told == {
        "content_hash": hash_of(b"LogCall"),
        "location": URL,
        "fetched_at": "2026-11-20T12:00:00Z",
        "from_store": False,
        "credential": None,
        "documents": [{"url": URL, "bytes": 7}],
        "trees": True,
        "notes": [],
        "dry_run": False,
    }
    assert [action[1:] for action in house.store.audit_log] == [("wsdl.kept", hash_of(b"LogCall"))]
    house.clock.pass_seconds(60)
    again = inspect(house, url=URL).json()
    assert (again["from_store"], again["fetched_at"]) == (True, "2026-11-20T12:00:00Z")
    assert (house.web.fetched, len(house.store.audit_log)) == ([URL], 1)


def test_what_is_kept_is_listed_with_the_profiles_that_use_it(house: House) -> None:
    assert house.call("GET", "/v1/wsdl", Scope.READ).json() == {"items": [], "next": None}
    add(house)
    assert house.call("GET", "/v1/wsdl", Scope.READ).json()["items"] == [
        {
            "location": URL,
            "content_hash": hash_of(b"LogCall"),
            "fetched_at": "2026-11-20T12:00:00Z",
            "credential": None,
            "size_bytes": 7,
            "profiles": ["log"],
        }
    ]


@pytest.mark.parametrize("scope", [Scope.READ, Scope.INGEST])
def test_only_who_may_write_may_have_something_fetched(house: House, scope: Scope) -> None:
    assert inspect(house, scope, url=URL).status_code == 403
    assert house.web.fetched == []


def test_an_uploaded_text_is_read_with_its_files_whatever_encoding_it_once_had(house: House) -> None:
    text = f'<?xml version="1.0" encoding="ISO-8859-1"?> Grüße import={UPLOAD_BASE}wsdl/types.xsd'
    told = inspect(house, text=text, name="wsdl/calls.wsdl", files={"wsdl/types.xsd": "types"}).json()
    assert [each["url"] for each in told["documents"]] == [
        UPLOAD_BASE + "wsdl/calls.wsdl",
        UPLOAD_BASE + "wsdl/types.xsd",
    ]
    assert told["location"] == told["content_hash"]
    (kept,) = house.store.kept_wsdls.values()
    stored = kept.bundle.documents[UPLOAD_BASE + "wsdl/calls.wsdl"]
    assert stored == f'<?xml version="1.0"?> Grüße import={UPLOAD_BASE}wsdl/types.xsd'.encode()


def test_a_refresh_says_what_changed_what_was_moved_and_what_breaks(house: House) -> None:
    house.web.documents[URL] = b"LogCall Lookup"
    add(house)
    add(house, name="look", operation="Lookup")
    house.web.documents[URL] = b"LogCall"
    dry = inspect(house, url=URL, refresh=True, dry_run=True).json()
    assert pinned(house) == (URL, hash_of(b"LogCall Lookup"))
    told = inspect(house, url=URL, refresh=True).json()
    assert {**told, "dry_run": True} == dry
    assert {name: told[name] for name in ("unchanged", "breaking", "moved", "breaks")} == {
        "unchanged": False,
        "breaking": True,
        "moved": ["log"],
        "breaks": [
            {
                "profile": "look",
                "errors": [{"field": "request.operation", "expected": "an operation", "got": "Lookup"}],
            }
        ],
    }
    assert [each["place"] for each in told["changed"]] == ["Calls/CallsPort/Lookup"]
    assert (pinned(house), pinned(house, "look")) == ((URL, hash_of(b"LogCall")), (URL, hash_of(b"LogCall Lookup")))
    noted = [action[1:] for action in house.store.audit_log]
    assert noted == [("wsdl.kept", hash_of(b"LogCall")), ("profile.moved_to_wsdl", "log")]


def test_an_upload_replaces_another_one(house: House) -> None:
    old = inspect(house, text="LogCall").json()["content_hash"]
    add(house, url=old)
    told = inspect(house, text="LogCall Lookup", refresh=True, replaces=old).json()
    assert told["moved"] == ["log"]
    assert pinned(house) == (told["content_hash"], told["content_hash"])


def test_a_wsdl_that_cannot_be_read_is_a_sentence(house: House) -> None:
    house.web.documents[URL] = b"<broken>"
    error = {"field": "url", "expected": "a WSDL that can be had and read", "got": "The WSDL is no well-formed XML."}
    answer = inspect(house, url=URL)
    assert (answer.status_code, answer.json()["errors"]) == (422, [error])
    answer = inspect(house, text="<broken>")
    assert (answer.status_code, answer.json()["errors"]) == (422, [error | {"field": "text"}])
    assert (house.store.kept_wsdls, house.store.audit_log) == ({}, [])


def test_while_too_many_inspect_the_next_is_told_to_come_back(house: House) -> None:
    slots = house.services.wsdls._slots
    for _ in range(AT_ONCE):
        slots.acquire()
    answer = inspect(house, url=URL)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert answer.json() == problem(503, "Service Unavailable", TOO_MANY)
    answer = house.call("POST", "/v1/profiles", json=soap_profile())
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    slots.release()
    assert inspect(house, url=URL).status_code == 200


def test_while_one_inspects_others_are_answered(house: House) -> None:
    started, go_on = threading.Event(), threading.Event()

    def collect(root: str, given: object, fetch: object) -> Bundle:
        started.set()
        assert go_on.wait(20)
        return Bundle(root, {root: b"LogCall"})

    house.engine.collect = collect  # type: ignore[method-assign]
    answers: list[Any] = []
    inspecting = threading.Thread(target=lambda: answers.append(inspect(house, url=URL)))
    inspecting.start()
    assert started.wait(20)
    assert house.call("GET", "/v1/wsdl", Scope.READ).status_code == 200
    assert answers == []
    go_on.set()
    inspecting.join(20)
    assert [answer.status_code for answer in answers] == [200]


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, [""]),
        ({"url": URL, "text": "LogCall"}, [""]),
        ({"url": URL, "wsdl": URL}, ["wsdl"]),
        ({"url": "file:///etc/passwd"}, ["url"]),
        ({"url": "https://crm.example/{{ call.id }}"}, ["url"]),
        ({"url": 7}, ["url"]),
        ({"url": URL, "files": {}, "name": "a"}, ["name", "files"]),
        ({"url": URL, "refresh": True, "replaces": URL}, ["replaces"]),
        ({"text": "a", "replaces": URL}, ["replaces"]),
        ({"text": "a", "refresh": True}, ["replaces"]),
        ({"text": "a", "refresh": True, "replaces": "the old one"}, ["replaces"]),
        ({"text": "a", "refresh": True, "replaces": OTHER}, ["replaces"]),
        ({"text": ["LogCall"]}, ["text"]),
        ({"text": "a", "files": ["a"]}, ["files"]),
        ({"text": "a", "files": {"a": 7}}, ["files"]),
        ({"text": "a", "files": {"../a": "a"}}, ["files"]),
        ({"text": "a", "files": {"/etc/passwd": "a"}}, ["files"]),
        ({"text": "a", "files": {"a\\b": "a"}}, ["files"]),
        ({"text": "a", "files": {"a\nb": "a"}}, ["files"]),
        ({"text": "a", "files": {"": "a"}}, ["files"]),
        ({"text": "a", "files": {"x" * 501: "a"}}, ["files"]),
        ({"text": "a", "files": {f"{number}.xsd": "a" for number in range(MAX_FILES + 1)}}, ["files"]),
        ({"text": "a", "name": "../a"}, ["name"]),
        ({"url": URL, "depth": 0}, ["depth"]),
        ({"url": URL, "depth": True}, ["depth"]),
        ({"url": URL, "depth": 21}, ["depth"]),
        ({"url": URL, "refresh": "yes", "dry_run": 1}, ["refresh", "dry_run"]),
        ({"url": URL, "credential": "none"}, ["credential"]),
        ({"url": URL, "credential": 7, "operation": "x" * 501}, ["credential", "operation"]),
    ],
)
def test_what_is_asked_wrongly_is_refused_with_its_fields(
    house: House, body: dict[str, Any], fields: list[str]
) -> None:
    assert [fault["field"] for fault in refusal(house, **body)] == fields


def test_a_text_larger_than_a_body_may_be_is_refused(house: House) -> None:
    assert inspect(house, text="x" * MAX_BODY_BYTES).status_code == 413
    assert house.store.kept_wsdls == {}


def test_an_unknown_operation_is_refused_with_the_nearest_one(house: House) -> None:
    answer = inspect(house, url=URL, operation="LogCal")
    (fault,) = answer.json()["errors"]
    assert (answer.status_code, fault["field"], "did you mean LogCall?" in fault["expected"]) == (
        422,
        "operation",
        True,
    )
    assert house.store.kept_wsdls == {}


# --- profiles


def test_a_profile_is_saved_with_the_content_that_its_url_gives(house: House) -> None:
    add(house)
    assert pinned(house) == (URL, hash_of(b"LogCall"))
    house.web.documents[URL] = b"LogCall Lookup"
    inspect(house, url=URL, refresh=True, dry_run=True)
    assert house.call("PATCH", "/v1/profiles/log", json={"timeout_seconds": 20}).status_code == 200
    assert pinned(house) == (URL, hash_of(b"LogCall"))


def test_a_profile_that_is_given_another_url_does_not_keep_the_old_content(house: House) -> None:
    add(house)
    assert house.call("PATCH", "/v1/profiles/log", json={"request": {"wsdl": OTHER}}).status_code == 200
    assert pinned(house) == (OTHER, hash_of(b"LogCall", OTHER))


def test_a_profile_may_go_back_to_a_known_content(house: House) -> None:
    add(house)
    house.clock.pass_seconds(60)
    house.web.documents[URL] = b"LogCall Lookup"
    inspect(house, url=URL, refresh=True)
    assert pinned(house) == (URL, hash_of(b"LogCall Lookup"))
    house.call("PATCH", "/v1/profiles/log", json={"request": {"wsdl_hash": hash_of(b"LogCall")}})
    assert pinned(house) == (URL, hash_of(b"LogCall"))
    house.call("PATCH", "/v1/profiles/log", json={"request": {"wsdl_hash": None}})
    assert pinned(house) == (URL, hash_of(b"LogCall Lookup"))


def test_a_profile_whose_wsdl_cannot_be_had_is_not_saved(house: House) -> None:
    answer = house.call("POST", "/v1/profiles", json=soap_profile(url="https://crm.example/none"))
    error = {
        "field": "request.wsdl",
        "expected": "a WSDL that can be fetched and read",
        "got": "The WSDL cannot be fetched: the server answered 404.",
    }
    assert answer.json() == problem(422, "Unprocessable Entity", PROFILE_REFUSED, [error])
    assert house.call("GET", "/v1/profiles").json()["items"] == []


def test_a_profile_that_does_not_fit_its_wsdl_is_not_saved(house: House) -> None:
    answer = house.call("POST", "/v1/profiles", json=soap_profile(operation="Lookup"))
    assert answer.json()["errors"] == [{"field": "request.operation", "expected": "an operation", "got": "Lookup"}]
    assert house.call("GET", "/v1/profiles").json()["items"] == []


def test_a_clone_keeps_the_content_and_a_replaced_profile_may_name_none(house: House) -> None:
    add(house)
    assert house.call("POST", "/v1/profiles/log/clone", json={"name": "copy"}).status_code == 201
    assert house.call("PUT", "/v1/profiles/log", json=soap_profile()).status_code == 200
    assert pinned(house, "copy") == pinned(house) == (URL, hash_of(b"LogCall"))
    assert house.web.fetched == [URL]


@pytest.mark.parametrize(("path", "member"), [("test", "profile"), ("backtest", "profile")])
def test_a_draft_of_who_may_only_read_has_nothing_fetched(house: House, path: str, member: str) -> None:
    house.call("POST", "/v1/profiles", json=PROFILE)
    house.post_event()
    draft = {member: {key: value for key, value in soap_profile().items() if key != "name"}}
    answer = house.call("POST", f"/v1/profiles/crm/{path}", Scope.READ, json=draft)
    (fault,) = answer.json()["errors"]
    assert (answer.status_code, fault["field"], fault["expected"]) == (422, "request.wsdl", NOT_INSPECTED)
    assert house.web.fetched == []


def test_a_rest_profile_has_nothing_to_do_with_any_of_this(house: House) -> None:
    house.add_profile()
    assert (house.web.opened, house.store.noted_versions) == ([], {})


def test_the_description_says_what_an_inspection_takes(house: House) -> None:
    paths = house.call("GET", "/openapi.json", None).json()["paths"]
    body = paths["/v1/wsdl/inspect"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    every = {"url", "text", "name", "files", "credential", "refresh", "dry_run", "replaces", "operation", "depth"}
    assert set(body["properties"]) == every
    assert body["properties"]["files"]["maxProperties"] == MAX_FILES
