import asyncio
import json
from base64 import b64encode
from collections.abc import Iterator
from datetime import timedelta
from http import HTTPStatus
from typing import Any
from uuid import UUID

import pytest

from dispatcher.api.app import build_app
from dispatcher.api.intake import MAX_WAITING_EVENTS, Intake
from dispatcher.api.problems import Problem
from dispatcher.api.wire import read_body
from dispatcher.domain.event import parse_event
from dispatcher.domain.ids import moment_of
from dispatcher.ports import Accepted, StoreUnavailable
from dispatcher.tokens import Scope
from tests.unit.api_house import FINISHED, MAX_BODY_BYTES, NOON, WORKSPACE, House, problem

TOKEN_NEEDED = "A token is needed: HTTP Basic with token and secret, or a Bearer of both."
CHALLENGE = 'Basic realm="onhook", charset="UTF-8", Bearer realm="onhook"'


@pytest.fixture
def house() -> Iterator[House]:
    with House() as house:
        yield house


def post(house: House, body: Any, scope: Scope | None = Scope.INGEST, path: str = "/v1/events") -> Any:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return house.call("POST", path, scope, content=content)


def stored(house: House) -> int:
    return house.store.books(WORKSPACE)["accepted"]


# --- accepted


def test_an_event_is_stored_in_canonical_form_before_it_is_accepted_and_hinted_after(house: House) -> None:
    answer = post(house, {**FINISHED, "occurred_at": "2026-11-20T11:03:20+01:00"})
    assert answer.status_code == 202
    assert answer.headers["content-type"] == "application/json"
    event_id = UUID(answer.json()["id"])
    assert answer.json() == {"id": str(event_id), "source_event_id": "a1b2-hangup", "duplicate": False}
    assert moment_of(event_id) == NOON
    record = house.store.event(WORKSPACE, event_id)
    assert record is not None
    assert record.context == {**FINISHED, "source": {"name": "default", "country": None, "time_zone": "UTC"}}
    assert house.hints.evaluations == [[event_id]]


def test_an_event_without_time_and_id_gets_the_moment_of_receipt_and_is_never_a_duplicate(house: House) -> None:
    bare = {"type": "call.finished", "call": {"id": "7f9c"}}
    first, second = post(house, bare), post(house, bare)
    assert [each.json()["source_event_id"] for each in (first, second)] == [None, None]
    assert [each.json()["duplicate"] for each in (first, second)] == [False, False]
    record = house.store.event(WORKSPACE, UUID(first.json()["id"]))
    assert record is not None
    assert record.context["occurred_at"] == "2026-11-20T12:00:00Z"


def test_a_repeated_event_gets_the_id_of_the_first_and_is_not_hinted_again(house: House) -> None:
    first = post(house, FINISHED).json()
    assert post(house, FINISHED).json() == {**first, "duplicate": True}
    assert stored(house) == 1
    assert house.hints.evaluations == [[UUID(first["id"])]]


def test_a_batch_is_answered_in_order_even_when_it_holds_one_event(house: House) -> None:
    batch = {"events": [{**FINISHED, "id": each} for each in ("a", "b", "a")]}
    events = post(house, batch).json()["events"]
    assert [(each["source_event_id"], each["duplicate"]) for each in events] == [
        ("a", False),
        ("b", False),
        ("a", True),
    ]
    assert events[2]["id"] == events[0]["id"]
    assert list(post(house, {"events": [FINISHED]}).json()) == ["events"]


def test_an_event_belongs_to_the_source_that_the_query_names(house: House) -> None:
    house.add_source("branch", "generic", None)
    answers = [post(house, FINISHED, path=path).json() for path in ("/v1/events", "/v1/events?source=branch")]
    assert [each["duplicate"] for each in answers] == [False, False]
    record = house.store.event(WORKSPACE, UUID(answers[1]["id"]))
    assert record is not None
    assert record.event["source"] == "branch"


def test_a_content_type_is_not_asked_for(house: House) -> None:
    content, headers = json.dumps(FINISHED).encode(), {"content-type": "application/x-www-form-urlencoded"}
    assert house.call("POST", "/v1/events", content=content, headers=headers).status_code == 202


def test_an_event_is_accepted_while_the_broker_is_away_and_its_repeat_is_a_duplicate(house: House) -> None:
    house.hints.away = True
    first = post(house, FINISHED)
    assert (first.status_code, first.json()["duplicate"]) == (202, False)
    assert post(house, FINISHED).json() == {**first.json(), "duplicate": True}
    woken = house.store.wake_events(NOON + timedelta(seconds=5), NOON, 10)
    assert woken == [UUID(first.json()["id"])]


# --- refused


@pytest.mark.parametrize("body", [b"", b"{", b"{'id': 1}", b"\xff\xfe", b'{"type": NaN}', b"[" * 5000])
def test_what_is_no_json_is_400_and_stores_nothing(house: House, body: bytes) -> None:
    answer = post(house, body)
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    assert answer.json() == problem(400, "Bad Request", answer.json()["detail"])
    assert answer.json()["detail"].startswith("The body is not JSON")
    assert stored(house) == 0


def test_a_batch_with_bad_events_is_422_whole_with_index_and_field_of_every_fault(house: House) -> None:
    batch = {
        "events": [
            FINISHED,
            {"type": "call.finished", "call": {"id": "x", "duration_seconds": "soon"}},
            {"type": "call.finished", "call": {"id": "y"}, "colour": "red"},
        ]
    }
    answer = post(house, batch)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == problem(
        422,
        HTTPStatus(422).phrase,  # Python 3.13 has another one than 3.11
        "Nothing was stored: the events are refused.",
        [
            {
                "index": 1,
                "field": "call.duration_seconds",
                "expected": "an integer, 0 or more",
                "got": 'string "soon"',
            },
            {"index": 2, "field": "colour", "expected": "no such field", "got": 'string "red"'},
        ],
    )
    assert stored(house) == 0
    assert house.hints.evaluations == []


def test_a_single_bad_event_is_422_without_an_index(house: House) -> None:
    answer = post(house, {"type": "call.finished"})
    assert answer.status_code == 422
    assert answer.json()["errors"] == [
        {"index": None, "field": "call", "expected": "an object", "got": "nothing"},
    ]
    assert stored(house) == 0


def test_more_than_a_thousand_events_are_422(house: House) -> None:
    answer = post(house, {"events": [{"type": "x.a", "call": {"id": "1"}}] * 1001})
    assert answer.status_code == 422
    assert answer.json()["errors"] == [
        {"index": None, "field": "events", "expected": "a list of 1 to 1000 events", "got": "array of 1001"}
    ]


def test_a_body_of_the_limit_is_read_and_one_byte_more_is_413(house: House) -> None:
    body = json.dumps(FINISHED).encode()
    fits = body + b" " * (MAX_BODY_BYTES - len(body))
    assert post(house, fits).status_code == 202
    answer = post(house, fits + b" ")
    assert answer.status_code == 413
    assert answer.json()["detail"] == "The body is larger than 65536 bytes."


def test_a_body_over_the_limit_without_a_length_is_413_too(house: House) -> None:
    answer = house.call("POST", "/v1/events", content=iter([b" " * 1024] * 1000))
    assert answer.status_code == 413
    assert stored(house) == 0


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Basic",
        "Basic !!!",
        "Basic " + b64encode(b"no-colon").decode(),
        "Basic " + b64encode(b"\xff:\xff").decode(),
        "Bearer one-part",
        "Digest x",
    ],
)
def test_no_readable_token_is_401_with_a_challenge(house: House, authorization: str | None) -> None:
    headers = {} if authorization is None else {"authorization": authorization}
    answer = house.call("POST", "/v1/events", None, json=FINISHED, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == CHALLENGE
    assert answer.json() == problem(401, "Unauthorized", TOKEN_NEEDED)
    assert stored(house) == 0


@pytest.mark.parametrize("which", ["secret", "token"])
def test_a_wrong_token_and_a_wrong_secret_get_the_same_401(house: House, which: str) -> None:
    minted = house.minted[Scope.INGEST]
    token_id = minted.token.id if which == "secret" else "ok_aaaaaaaaaaaaaaaa"
    secret = "os_wrong" if which == "secret" else minted.secret_1
    answer = house.call("POST", "/v1/events", None, json=FINISHED, auth=(token_id, secret))
    assert answer.json() == problem(401, "Unauthorized", "Token or secret is wrong.")
    assert stored(house) == 0


def test_what_cannot_be_a_token_is_refused_without_asking_the_database(house: House) -> None:
    before = house.store.token_reads
    answer = house.call("POST", "/v1/events", None, json=FINISHED, auth=("admin", "admin"))
    assert (answer.status_code, house.store.token_reads) == (401, before)


def test_both_secrets_are_good_as_basic_and_as_bearer(house: House) -> None:
    minted = house.minted[Scope.INGEST]
    statuses = []
    for secret in (minted.secret_1, minted.secret_2):
        statuses.append(house.call("POST", "/v1/events", None, json=FINISHED, auth=(minted.token.id, secret)))
        bearer = {"authorization": f"Bearer {minted.token.id}.{secret}"}
        statuses.append(house.call("POST", "/v1/events", None, json=FINISHED, headers=bearer))
    assert [each.status_code for each in statuses] == [202, 202, 202, 202]


@pytest.mark.parametrize("scope", [Scope.READ, Scope.WRITE])
def test_a_token_without_the_scope_is_403_that_names_it(house: House, scope: Scope) -> None:
    answer = post(house, FINISHED, scope)
    assert answer.status_code == 403
    assert answer.json() == problem(403, "Forbidden", "The token has not the scope ingest.")
    assert stored(house) == 0


def test_a_source_that_does_not_exist_is_404_and_stores_nothing(house: House) -> None:
    answer = post(house, FINISHED, path="/v1/events?source=nowhere")
    assert answer.status_code == 404
    assert answer.json() == problem(404, "Not Found", "There is no such source.")
    assert stored(house) == 0


def test_the_source_of_another_workspace_does_not_exist(house: House) -> None:
    minted = house.mint("ingest", workspace_id=UUID(int=9))
    answer = house.call("POST", "/v1/events", None, json=FINISHED, auth=(minted.token.id, minted.secret_1))
    assert answer.status_code == 404


def test_a_database_that_is_away_is_503_with_retry_after(house: House) -> None:
    house.store.away = True
    answer = post(house, FINISHED)
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"
    detail = "The database cannot answer now; nothing was changed."
    assert answer.json() == problem(503, "Service Unavailable", detail)


def test_a_database_that_goes_away_at_the_commit_is_503_and_the_next_post_is_accepted(house: House) -> None:
    post(house, {**FINISHED, "id": "warms the caches"})
    add_events = house.store.add_events

    def away(*_: Any) -> Any:
        raise StoreUnavailable("gone")

    house.store.add_events = away  # type: ignore[method-assign]
    answer = post(house, FINISHED)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    house.store.add_events = add_events  # type: ignore[method-assign]
    assert post(house, FINISHED).json()["duplicate"] is False


def test_another_method_is_405_that_names_those_it_takes(house: House) -> None:
    answer = house.call("DELETE", "/v1/events")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, POST")


# --- bounds


class SilentIngestor:
    """Takes events and answers when it is told to."""

    def __init__(self) -> None:
        self.waiting: list[Any] = []

    def submit(self, events: Any, done: Any, _: object = ()) -> None:
        self.waiting.append((events, done))

    def answer(self) -> None:
        for events, done in self.waiting:
            done([Accepted(each.id, each.source_event_id, duplicate=False) for each in events])
        self.waiting.clear()


def test_beyond_so_many_waiting_events_the_next_is_503_until_they_are_stored(house: House) -> None:
    ingestor = SilentIngestor()
    source = house.store.saved_sources["default"]
    event = parse_event(FINISHED, NOON)

    async def story() -> int:
        intake = Intake(ingestor, house.clock)  # type: ignore[arg-type]
        full = asyncio.create_task(intake.store(source, [event] * MAX_WAITING_EVENTS))
        await asyncio.sleep(0)
        with pytest.raises(Problem) as refused:
            await intake.store(source, [event])
        assert refused.value.status == 503
        assert refused.value.headers == {"retry-after": "5"}
        ingestor.answer()
        await full
        again = asyncio.create_task(intake.store(source, [event]))
        await asyncio.sleep(0)
        ingestor.answer()
        return len(await again)

    assert asyncio.run(story()) == 1


def test_a_body_that_grows_over_the_limit_is_refused_before_the_rest_of_it_is_read() -> None:
    read: list[int] = []

    async def receive() -> dict[str, Any]:
        read.append(1024)
        return {"type": "http.request", "body": b" " * 1024, "more_body": True}

    with pytest.raises(Problem) as refused:
        asyncio.run(read_body({"headers": []}, receive, 10 * 1024))
    assert (refused.value.status, len(read)) == (413, 11)


def test_a_declared_length_over_the_limit_is_refused_before_anything_is_read() -> None:
    async def receive() -> dict[str, Any]:
        raise AssertionError

    with pytest.raises(Problem) as refused:
        asyncio.run(read_body({"headers": [(b"content-length", b"10241")]}, receive, 10 * 1024))
    assert refused.value.status == 413


def test_a_poster_that_goes_away_half_way_is_not_answered_and_nothing_is_stored(house: House) -> None:
    minted = house.minted[Scope.INGEST]
    messages = iter([{"type": "http.request", "body": b'{"ty', "more_body": True}, {"type": "http.disconnect"}])
    answers: list[Any] = []

    async def receive() -> dict[str, Any]:
        return next(messages)

    async def send(message: Any) -> None:
        answers.append(message)

    authorization = f"Bearer {minted.token.id}.{minted.secret_1}".encode()
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/events",
        "query_string": b"",
        "headers": [(b"authorization", authorization)],
    }
    asyncio.run(build_app(house.services)(scope, receive, send))
    assert answers == []
    assert stored(house) == 0
