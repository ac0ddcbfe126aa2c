"""Which answers count as delivered, which are worth another attempt, which are final; and when the next attempt is."""

from datetime import timedelta
from typing import Any

import pytest

from dispatcher.domain.exchange import Answer, ErrorWord
from dispatcher.domain.retry_policy import RetryPolicy
from dispatcher.domain.shape import Reading
from dispatcher.domain.success import BodyRule, Judgement, SuccessRule, json_path, judge, read_success

DELIVERED, RETRY, REJECT = Judgement.DELIVERED, Judgement.RETRY, Judgement.REJECT


def answer(status: int, body: bytes = b"") -> Answer:
    return Answer(status, [], body)


def rule(**raw: Any) -> SuccessRule:
    reading = Reading()
    read = read_success(reading, raw, "success")
    assert reading.faults == []
    return read


def faults(**raw: Any) -> dict[str, str]:
    reading = Reading()
    read_success(reading, raw, "success")
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
        (b'{"ok": true, "pad": "' + b"x" * 1_048_576 + b'"}', RETRY),
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


def test_the_body_of_a_refusal_is_not_asked() -> None:
    assert judge(answer(500, b'{"ok": true}'), rule(body={"json": "$.ok", "equals": True}))[0] is RETRY


@pytest.mark.parametrize(
    ("path", "steps"),
    [
        ("$", ()),
        ("$.ok", ("ok",)),
        ("$.items[0].id", ("items", 0, "id")),
        ("$['a.b'][\"c d\"]", ("a.b", "c d")),
    ],
)
def test_a_path_of_the_subset_is_read(path: str, steps: tuple[str | int, ...]) -> None:
    assert json_path(path) == steps


@pytest.mark.parametrize("path", ["", "ok", "$.", "$..ok", "$[*]", "$[-1]", "$.a[?(@.b)]", "$ok", "$['a]"])
def test_a_path_beyond_the_subset_is_refused(path: str) -> None:
    assert list(faults(body={"json": path, "equals": 1})) == ["success.body.json"]


def test_a_path_is_followed_through_lists_and_objects() -> None:
    deep = BodyRule("$.items[1]['x y']", [1, {"a": None}])
    assert deep.holds(b'{"items": [0, {"x y": [1.0, {"a": null}]}]}') is True
    assert deep.holds(b'{"items": [0]}') is False
    assert deep.holds(b'{"items": {"1": {"x y": [1, {"a": null}]}}}') is False


def test_null_in_the_body_is_not_the_same_as_absence() -> None:
    null = BodyRule("$.error", None)
    assert null.holds(b'{"error": null}') is True
    assert null.holds(b"{}") is False


def test_every_fault_of_a_success_rule_is_told() -> None:
    assert faults(
        status=[], reject_status=["6xx", 404, 99], retry_status="5xx", body={"json": 1}, on_mismatch="maybe", more=1
    ) == {
        "success.more": "number 1",
        "success.body.equals": "nothing",
        "success.body.json": "number 1",
        "success.status": "array of 0",
        "success.on_mismatch": 'string "maybe"',
        "success.reject_status[0]": 'string "6xx"',
        "success.reject_status[2]": "number 99",
        "success.retry_status": 'string "5xx"',
    }


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
