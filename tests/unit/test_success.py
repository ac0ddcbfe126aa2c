"""Which answers count as delivered, which are worth another attempt, which are final; and when the next attempt is."""

from datetime import timedelta
from typing import Any

import pytest

from dispatcher.adapters.engines import ENGINES
from dispatcher.domain.answers.json_path import Every, json_path, values_at
from dispatcher.domain.answers.success import Judgement, SuccessRule, judge, read_success
from dispatcher.domain.exchange import Answer, ErrorWord
from dispatcher.domain.retry_policy import RetryPolicy
from dispatcher.domain.shape import Reading

DELIVERED, RETRY, REJECT = Judgement.DELIVERED, Judgement.RETRY, Judgement.REJECT


def answer(status: int, body: bytes = b"") -> Answer:
    return Answer(status, [], body)


def rule(**raw: Any) -> SuccessRule:
    reading = Reading()
    read = read_success(reading, raw, "success", ENGINES)
    assert reading.faults == []
    return read


def faults(**raw: Any) -> dict[str, str]:
    reading = Reading()
    read_success(reading, raw, "success", ENGINES)
    return {fault["field"]: fault["got"] for fault in reading.faults}


@pytest.mark.parametrize(
    ("status", "judgement", "word"),
    [
        (200, DELIVERED, None),
        (204, DELIVERED, None),
        (299, DELIVERED, None),
        (301, REJECT, ErrorWord.REDIRECT),
        (304, REJECT, ErrorWord.REDIRECT),
        (400, REJECT, ErrorWord.STATUS),
        (404, REJECT, ErrorWord.STATUS),
        (408, RETRY, ErrorWord.STATUS),
        (410, REJECT, ErrorWord.STATUS),
        (425, RETRY, ErrorWord.STATUS),
        (429, RETRY, ErrorWord.STATUS),
        (500, RETRY, ErrorWord.STATUS),
        (599, RETRY, ErrorWord.STATUS),
    ],
)
def test_a_profile_that_says_nothing_judges_by_status(
    status: int, judgement: Judgement, word: ErrorWord | None
) -> None:
    assert judge(answer(status), SuccessRule()) == (judgement, word, f"answered {status}")


def test_reject_status_and_retry_status_overrule_and_reject_wins() -> None:
    overruling = rule(status=["2xx", 409], reject_status=[503, "404"], retry_status=["4xx", 302, 503])
    judged = {status: judge(answer(status), overruling)[:2] for status in (200, 302, 404, 409, 410, 503, 500)}
    assert judged == {
        200: (DELIVERED, None),
        302: (RETRY, ErrorWord.REDIRECT),
        404: (REJECT, ErrorWord.STATUS),
        409: (RETRY, ErrorWord.STATUS),
        410: (RETRY, ErrorWord.STATUS),
        503: (REJECT, ErrorWord.STATUS),
        500: (RETRY, ErrorWord.STATUS),
    }


def test_a_status_named_as_success_is_one_whatever_its_family() -> None:
    assert judge(answer(409), rule(status=["2xx", "409"]))[0] is DELIVERED


def test_a_2xx_beyond_the_named_ones_is_a_mismatch() -> None:
    assert judge(answer(202), rule(status=[200]))[:2] == (RETRY, ErrorWord.STATUS)
    assert judge(answer(202), rule(status=[200], on_mismatch="reject"))[:2] == (REJECT, ErrorWord.STATUS)


@pytest.mark.parametrize(
    ("body", "judgement"),
    [
        (b'{"ok": true}', DELIVERED),
        (b'{"ok": false}', RETRY),
        (b'{"ok": 1}', RETRY),
        (b'{"ok": "true"}', RETRY),
        (b"{}", RETRY),
        (b"[]", RETRY),
        (b"", RETRY),
        (b"<html>", RETRY),
        (b"\xff\xfe", RETRY),
        (b"[" * 100_000, RETRY),
        (b'\xef\xbb\xbf {"ok": true}', DELIVERED),
        ('{"ok": true}'.encode("utf-16"), DELIVERED),
        (b'{"ok": false, "ok": true}', DELIVERED),
        (b'{"ok": true, "score": NaN}', DELIVERED),
        (b'{"ok": true, "name": "J\xf6rg"}', RETRY),
        (b'{"ok": true, "big": ' + b"9" * 5_000 + b"}", RETRY),
        (b'{"ok": true} trailing', RETRY),
        (b'{"ok": true' + b" " * 262_132 + b"}", DELIVERED),
        (b'{"ok": true' + b" " * 262_133 + b"}", RETRY),
    ],
)
def test_a_body_rule_wants_the_value_itself(body: bytes, judgement: Judgement) -> None:
    word = None if judgement is DELIVERED else ErrorWord.BODY_RULE
    sentence = "answered 200" if judgement is DELIVERED else "answered 200, but the body rule does not hold"
    assert judge(answer(200, body), rule(body={"json": "$.ok", "equals": True})) == (judgement, word, sentence)


@pytest.mark.parametrize(
    "raw",
    [
        {"body": {"json": "$.ok", "equals": True}, "on_mismatch": "reject"},
        {"body": {"json": "$.ok", "equals": True, "on_mismatch": "reject"}},
    ],
)
def test_on_mismatch_reject_makes_a_failed_body_rule_final(raw: dict[str, Any]) -> None:
    assert judge(answer(200, b"{}"), rule(**raw))[:2] == (REJECT, ErrorWord.BODY_RULE)
    assert rule(**raw).as_document()["on_mismatch"] == "reject"


def test_the_body_rule_is_not_asked_of_a_status_that_is_no_success() -> None:
    assert judge(answer(500, b'{"ok": true}'), rule(body={"json": "$.ok", "equals": True}))[0] is RETRY


@pytest.mark.parametrize(
    ("path", "steps"),
    [
        ("$", ()),
        ("$.ok", ("ok",)),
        ("$.größe", ("größe",)),
        ("$.items[0].id", ("items", 0, "id")),
        ("$.items[-1]", ("items", -1)),
        ("$['a.b'][\"c d\"]", ("a.b", "c d")),
        ("$.items[*].id", ("items", Every.EVERY, "id")),
        ("$.*", (Every.EVERY,)),
    ],
)
def test_a_path_of_the_subset_is_read(path: str, steps: tuple[str | int | Every, ...]) -> None:
    assert json_path(path) == steps


@pytest.mark.parametrize("path", ["", "ok", "$.", "$..ok", "$.1a", "$[1:2]", "$[a]", "$.a[?(@.b)]", "$ok", "$['a]"])
def test_a_path_beyond_the_subset_is_refused(path: str) -> None:
    assert list(faults(body={"json": path, "equals": 1})) == ["success.body.json"]


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("$.items[1]['x y']", [[1.0, {"a": None}]]),
        ("$.items[-1]['x y'][-2]", [1.0]),
        ("$.items[2]", []),
        ("$.items[-3]", []),
        ("$.items.x", []),
        ("$.items[*]", [0, {"x y": [1.0, {"a": None}]}]),
        ("$.*[1].*[0]", [1.0]),
        ("$.items[0].*", []),
        ("$.items['1']", []),
    ],
)
def test_a_path_is_followed_through_lists_and_objects(path: str, values: list[Any]) -> None:
    document = {"items": [0, {"x y": [1.0, {"a": None}]}]}
    assert values_at(document, json_path(path)) == values


def test_every_fault_of_a_success_rule_is_told() -> None:
    assert faults(
        status=[],
        reject_status=["6xx", 404, 99],
        retry_status="5xx",
        body={"json": 1},
        reject_body=[{"regex": "("}],
        retry_body="login",
        on_mismatch="maybe",
        more=1,
    ) == {
        "success.more": "number 1",
        "success.body.equals": "nothing",
        "success.body.json": "number 1",
        "success.status": "array of 0",
        "success.on_mismatch": 'string "maybe"',
        "success.reject_body[0].regex": 'string "("',
        "success.retry_body": 'string "login"',
        "success.reject_status[0]": 'string "6xx"',
        "success.reject_status[2]": "number 99",
        "success.retry_status": 'string "5xx"',
    }


# --- conditions that overrule the status


MAXCONTACT = {
    "body": {"json": "$.Success", "in": [True, "true", "True", 1]},
    "reject_body": {"json": "$.ResponseCode", "in": [12, 14]},
    "retry_body": [{"json": "$.ResponseCode", "equals": 99}, {"regex": "(?i)<html"}],
}


@pytest.mark.parametrize(
    ("status", "body", "judged"),
    [
        (200, b'{"Success": true, "ResponseCode": 0}', (DELIVERED, None, "answered 200")),
        (200, b'{"Success": "True", "ResponseCode": 0}', (DELIVERED, None, "answered 200")),
        (
            200,
            b'{"Success": false, "ResponseCode": 5}',
            (RETRY, ErrorWord.BODY_RULE, "answered 200, but the body rule does not hold"),
        ),
        (
            200,
            b'{"Success": false, "ResponseCode": 14}',
            (REJECT, ErrorWord.BODY_RULE, "answered 200, and reject_body holds"),
        ),
        (
            503,
            b'{"Success": true, "ResponseCode": 12}',
            (REJECT, ErrorWord.BODY_RULE, "answered 503, and reject_body holds"),
        ),
        (
            404,
            b'{"Success": false, "ResponseCode": 99}',
            (RETRY, ErrorWord.BODY_RULE, "answered 404, and retry_body holds"),
        ),
        (
            200,
            b"<!DOCTYPE html><HTML>Log in",
            (RETRY, ErrorWord.BODY_RULE, "answered 200, and retry_body holds"),
        ),
        (404, b"no such call", (REJECT, ErrorWord.STATUS, "answered 404")),
    ],
)
def test_an_answer_that_says_in_its_body_what_it_means_is_understood(
    status: int, body: bytes, judged: tuple[Judgement, ErrorWord | None, str]
) -> None:
    assert judge(answer(status, body), rule(**MAXCONTACT)) == judged


def test_the_body_overrules_the_status_and_refusing_overrules_retrying() -> None:
    both = rule(
        reject_body={"regex": "never"}, retry_body={"regex": "later"}, reject_status=[409], retry_status=[409, 400]
    )
    judged = {
        (status, body): judge(answer(status, body), both)[0]
        for status in (200, 400, 409)
        for body in (b"", b"later", b"later? never!")
    }
    assert judged == {
        (200, b""): DELIVERED,
        (200, b"later"): RETRY,
        (200, b"later? never!"): REJECT,
        (400, b""): RETRY,
        (400, b"later"): RETRY,
        (400, b"later? never!"): REJECT,
        (409, b""): REJECT,
        (409, b"later"): RETRY,
        (409, b"later? never!"): REJECT,
    }


def test_all_conditions_of_the_body_rule_must_hold_and_any_of_the_others() -> None:
    conditions = [{"json": "$.a", "equals": 1}, {"json": "$.b", "equals": 2}]
    assert judge(answer(200, b'{"a": 1, "b": 2}'), rule(body=conditions))[0] is DELIVERED
    assert judge(answer(200, b'{"a": 1, "b": 3}'), rule(body=conditions))[0] is RETRY
    assert judge(answer(200, b'{"a": 1, "b": 3}'), rule(reject_body=conditions))[0] is REJECT


def test_no_sentence_quotes_the_answer() -> None:
    quoting = rule(body={"regex": "canary"}, reject_body={"json": "$.canary", "exists": True})
    assert [judge(answer(status, b'{"canary": "canary"}'), quoting)[2] for status in (200, 500)] == [
        "answered 200, and reject_body holds",
        "answered 500, and reject_body holds",
    ]


def test_a_rule_shows_what_it_was_read_from_and_reads_the_same_again() -> None:
    document = {
        "status": ["2xx", 409],
        "body": [
            {"xpath": "/r/n:ok", "namespaces": {"n": "urn:x"}, "equals": True},
            {"json": "$.n", "matches": "^[0-9]+$"},
        ],
        "on_mismatch": "reject",
        "reject_body": {"json": "$.error", "equals": None},
        "retry_body": None,
        "reject_status": [404],
        "retry_status": ["3xx"],
    }
    assert rule(**document).as_document() == document
    assert rule(**document) == rule(**rule(**document).as_document())
    assert (
        SuccessRule().as_document()
        == rule().as_document()
        == {
            "status": ["2xx"],
            "body": None,
            "on_mismatch": "retry",
            "reject_body": None,
            "retry_body": None,
            "reject_status": [],
            "retry_status": [],
        }
    )


def test_a_body_is_parsed_once_for_all_conditions(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[bytes] = []
    monkeypatch.setattr(
        "dispatcher.domain.answers.view.json.loads", lambda body: parsed.append(body) or {"a": 1, "b": 2}
    )
    conditions = [{"json": "$.a", "equals": 1}, {"json": "$.b", "equals": 2}]
    assert judge(answer(200, b"x"), rule(body=conditions, reject_body={"json": "$.c", "exists": True}))[0] is DELIVERED
    assert parsed == [b"x"]


# --- pauses


def test_the_pause_before_the_nth_retry_is_the_nth_delay() -> None:
    policy = RetryPolicy((5, 300), jitter=0)
    assert [policy.delay(spent, 0.7) for spent in range(4)] == [
        timedelta(0),
        timedelta(seconds=5),
        timedelta(seconds=300),
        None,
    ]


def test_jitter_spreads_a_delay_to_both_sides_of_itself() -> None:
    policy = RetryPolicy((100,), jitter=0.1)
    assert [policy.delay(1, random) for random in (0.0, 0.5, 1.0)] == [
        timedelta(seconds=90),
        timedelta(seconds=100),
        timedelta(seconds=110),
    ]


def test_no_delays_are_one_attempt() -> None:
    assert RetryPolicy(()).delay(1, 0.5) is None


@pytest.mark.parametrize(
    "values", [((-1,),), ((1,) * 51,), ((1,), 1.1), ((1,), -0.1), ((1,), 0.1, 0), ((float("nan"),),)]
)
def test_a_policy_out_of_bounds_cannot_be_made(values: tuple[Any, ...]) -> None:
    with pytest.raises(ValueError, match=r"seconds|jitter"):
        RetryPolicy(*values)
