"""What counts as delivered: the judgement of a target's answer under a profile's success rule."""

import re
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import Any

from dispatcher.domain.answers.conditions import Condition, conditions_document, read_conditions
from dispatcher.domain.answers.outputs import Output, captured_from
from dispatcher.domain.answers.view import AnswerView
from dispatcher.domain.engines import Engines
from dispatcher.domain.exchange import Answer, ErrorWord
from dispatcher.domain.shape import Reading

_MAX_PATTERNS = 50
_RETRIED = frozenset({408, 425, 429, *range(500, 600)})
_REDIRECTS = range(300, 400)
_FAMILY = re.compile(r"[1-5]xx")
_CODE = re.compile(r"[1-5][0-9]{2}")
_MEMBERS = ("status", "body", "on_mismatch", "reject_body", "retry_body", "reject_status", "retry_status")

StatusPattern = str | int
"""A status, or a family such as `2xx`."""


class Judgement(StrEnum):
    """What is to be done after an answer."""

    DELIVERED = "delivered"
    RETRY = "retry"
    REJECT = "reject"


_Judged = tuple[Judgement, ErrorWord | None, str]


@dataclass(frozen=True, slots=True)
class SuccessRule:
    """A profile's `success` and its required outputs. The defaults are those of a profile that says nothing.

    The first of these that applies decides:

    1. any condition of `reject_body` holds: refused, whatever the status;
    2. any condition of `retry_body` holds: retried, whatever the status;
    3. the status is in `reject_status`: refused; 4. in `retry_status`: retried;
    5. the status is in `status`: delivered, if every condition of `body` holds and every required output is there,
       else a mismatch;
    6. 408, 425, 429 and 5xx are retried; another 2xx is a mismatch; all else is refused.

    A mismatch is retried, and refused if `reject_on_mismatch`.
    """

    status: tuple[StatusPattern, ...] = ("2xx",)
    body: tuple[Condition, ...] = ()
    reject_on_mismatch: bool = False
    reject_status: tuple[StatusPattern, ...] = ()
    retry_status: tuple[StatusPattern, ...] = ()
    reject_body: tuple[Condition, ...] = ()
    retry_body: tuple[Condition, ...] = ()
    required: tuple[Output, ...] = ()
    fitting: frozenset[int] = field(init=False, compare=False, repr=False)
    rejected: frozenset[int] = field(init=False, compare=False, repr=False)
    retried: frozenset[int] = field(init=False, compare=False, repr=False)
    looks_inside: bool = field(init=False, compare=False, repr=False)
    """Whether anything but the status counts."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "fitting", _statuses(self.status))
        object.__setattr__(self, "rejected", _statuses(self.reject_status))
        object.__setattr__(self, "retried", _statuses(self.retry_status))
        inside = bool(self.body or self.reject_body or self.retry_body or self.required)
        object.__setattr__(self, "looks_inside", inside)

    def as_document(self) -> dict[str, Any]:
        """As a profile's `success` shows it."""
        return {
            "status": list(self.status),
            "body": conditions_document(self.body),
            "on_mismatch": "reject" if self.reject_on_mismatch else "retry",
            "reject_body": conditions_document(self.reject_body),
            "retry_body": conditions_document(self.retry_body),
            "reject_status": list(self.reject_status),
            "retry_status": list(self.retry_status),
        }


def judge(answer: Answer, rule: SuccessRule) -> _Judged:
    """The judgement, the error word (None if delivered), and a sentence that names nothing but the status and what of
    the profile decided."""
    status = answer.status
    sentence = f"answered {status}"
    view = None
    if rule.looks_inside:
        view = AnswerView(answer)
        overruled = _overruled(view, rule, sentence)
        if overruled is not None:
            return overruled
    if status in rule.rejected:
        return Judgement.REJECT, _word(status), sentence
    if status in rule.retried:
        return Judgement.RETRY, _word(status), sentence
    if status in rule.fitting:
        lacking = None if view is None else _lacking(view, rule)
        if lacking is None:
            return Judgement.DELIVERED, None, sentence
        return _mismatch(rule), ErrorWord.BODY_RULE, f"{sentence}, but {lacking}"
    if status in _RETRIED:
        return Judgement.RETRY, _word(status), sentence
    if 200 <= status < 300:
        return _mismatch(rule), _word(status), sentence
    return Judgement.REJECT, _word(status), sentence


def _overruled(view: AnswerView, rule: SuccessRule, sentence: str) -> _Judged | None:
    if any(condition.holds(view) for condition in rule.reject_body):
        return Judgement.REJECT, ErrorWord.BODY_RULE, f"{sentence}, and reject_body holds"
    if any(condition.holds(view) for condition in rule.retry_body):
        return Judgement.RETRY, ErrorWord.BODY_RULE, f"{sentence}, and retry_body holds"
    return None


def _lacking(view: AnswerView, rule: SuccessRule) -> str | None:
    if not all(condition.holds(view) for condition in rule.body):
        return "the body rule does not hold"
    if rule.required:
        captured = captured_from(rule.required, view)
        for output in rule.required:
            if output.name not in captured:
                return f"the required output {output.name} is not there"
    return None


def _mismatch(rule: SuccessRule) -> Judgement:
    return Judgement.REJECT if rule.reject_on_mismatch else Judgement.RETRY


def _word(status: int) -> ErrorWord:
    return ErrorWord.REDIRECT if status in _REDIRECTS else ErrorWord.STATUS


def read_success(reading: Reading, raw: object, at: str, engines: Engines) -> SuccessRule:
    """A profile's `success`; faults are noted. `on_mismatch` may stand beside the body rule or inside it, where it
    counts first."""
    given = reading.members(raw, at, _MEMBERS)
    body, mismatch, mismatch_at = given.get("body"), given.get("on_mismatch", "retry"), f"{at}.on_mismatch"
    if type(body) is dict and "on_mismatch" in body:
        mismatch, mismatch_at = body["on_mismatch"], f"{at}.body.on_mismatch"
        body = {key: value for key, value in body.items() if key != "on_mismatch"}
    status = _read_patterns(reading, given.get("status", ["2xx"]), f"{at}.status")
    if not status:
        reading.note(f"{at}.status", "at least one status", given.get("status"))
    return SuccessRule(
        status,
        read_conditions(reading, body, f"{at}.body", engines),
        reading.word(mismatch, mismatch_at, ("retry", "reject")) == "reject",
        _read_patterns(reading, given.get("reject_status", []), f"{at}.reject_status"),
        _read_patterns(reading, given.get("retry_status", []), f"{at}.retry_status"),
        read_conditions(reading, given.get("reject_body"), f"{at}.reject_body", engines),
        read_conditions(reading, given.get("retry_body"), f"{at}.retry_body", engines),
    )


def _read_patterns(reading: Reading, raw: object, at: str) -> tuple[StatusPattern, ...]:
    patterns: list[StatusPattern] = []
    for index, each in enumerate(reading.items(raw, at, _MAX_PATTERNS)):
        text = str(each).lower() if type(each) in (int, str) else ""
        if _FAMILY.fullmatch(text):
            patterns.append(text)
        elif _CODE.fullmatch(text):
            patterns.append(int(text))
        else:
            reading.note(f"{at}[{index}]", "a status from 100 to 599 or a family such as 2xx", each)
    return tuple(patterns)


@lru_cache(maxsize=1024)
def _statuses(patterns: tuple[StatusPattern, ...]) -> frozenset[int]:
    """Every status that the patterns cover; there are few distinct ones."""
    return frozenset(status for pattern in patterns for status in _range(pattern))


def _range(pattern: StatusPattern) -> range:
    if isinstance(pattern, int):
        return range(pattern, pattern + 1)
    hundreds = int(pattern[0]) * 100
    return range(hundreds, hundreds + 100)
