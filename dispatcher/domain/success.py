"""What counts as delivered: the judgement of a target's answer under a profile's success rule."""

import json
import re
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import Any

from dispatcher.domain.exchange import Answer, ErrorWord
from dispatcher.domain.operators import same
from dispatcher.domain.shape import Reading

MAX_RULED_BODY_BYTES = 1_048_576
"""A longer body fails a body rule unread: parsing it would hold up the recording of other answers."""
_MAX_PATTERNS = 50
_MAX_PATH_CHARACTERS = 500
_RETRIED = frozenset({408, 425, 429, *range(500, 600)})
_REDIRECTS = range(300, 400)
_FAMILY = re.compile(r"[1-5]xx")
_CODE = re.compile(r"[1-5][0-9]{2}")
_STEP = re.compile(r"""\.(?P<name>[A-Za-z_][A-Za-z0-9_-]*)|\[(?P<index>[0-9]{1,9})\]|\['(?P<single>[^']*)'\]|\["(?P<double>[^"]*)"\]""")  # fmt: skip  # noqa: E501
_MEMBERS = ("status", "body", "on_mismatch", "reject_status", "retry_status")

StatusPattern = str | int
"""A status, or a family such as `2xx`."""
_ABSENT = object()


class Judgement(StrEnum):
    """What is to be done after an answer."""

    DELIVERED = "delivered"
    RETRY = "retry"
    REJECT = "reject"


@dataclass(frozen=True, slots=True)
class BodyRule:
    """The value at `json` in the answer must equal `equals`, as JSON values do (1 equals 1.0, true is no 1).

    `json` is a path of the subset `$`, `.name`, `[0]`, `['name']` of JSONPath (RFC 9535).
    """

    json: str
    equals: Any
    steps: tuple[str | int, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "steps", json_path(self.json))

    def holds(self, body: bytes) -> bool:
        """Whether a body satisfies the rule; one that is not JSON or over 1 MiB does not."""
        if len(body) > MAX_RULED_BODY_BYTES:
            return False
        try:
            value = json.loads(body)
        except (ValueError, RecursionError):
            return False
        for step in self.steps:
            value = _member(value, step)
        return value is not _ABSENT and same(value, self.equals)


@dataclass(frozen=True, slots=True)
class SuccessRule:
    """A profile's `success`. The defaults are those of a profile that says nothing.

    `reject_status` and `retry_status` overrule all else; a status in both is rejected. An answer that is a 2xx
    beyond `status`, or one that fails the body rule, is retried, and rejected if `reject_on_mismatch`.
    """

    status: tuple[StatusPattern, ...] = ("2xx",)
    body: BodyRule | None = None
    reject_on_mismatch: bool = False
    reject_status: tuple[StatusPattern, ...] = ()
    retry_status: tuple[StatusPattern, ...] = ()

    def as_document(self) -> dict[str, Any]:
        """As a profile's `success` shows it."""
        return {
            "status": list(self.status),
            "body": {"json": self.body.json, "equals": self.body.equals} if self.body else None,
            "on_mismatch": "reject" if self.reject_on_mismatch else "retry",
            "reject_status": list(self.reject_status),
            "retry_status": list(self.retry_status),
        }


def judge(answer: Answer, rule: SuccessRule) -> tuple[Judgement, ErrorWord | None, str]:
    """The judgement, the error word (None if delivered), and a sentence that names nothing but the status."""
    status = answer.status
    sentence = f"answered {status}"
    word = ErrorWord.REDIRECT if status in _REDIRECTS else ErrorWord.STATUS
    mismatch = Judgement.REJECT if rule.reject_on_mismatch else Judgement.RETRY
    if status in _statuses(rule.reject_status):
        return Judgement.REJECT, word, sentence
    if status in _statuses(rule.retry_status):
        return Judgement.RETRY, word, sentence
    if status in _statuses(rule.status):
        if rule.body is None or rule.body.holds(answer.body):
            return Judgement.DELIVERED, None, sentence
        return mismatch, ErrorWord.BODY_RULE, f"{sentence}, but the body rule does not hold"
    if status in _RETRIED:
        return Judgement.RETRY, word, sentence
    if 200 <= status < 300:
        return mismatch, word, sentence
    return Judgement.REJECT, word, sentence


def json_path(text: str) -> tuple[str | int, ...]:
    """The steps of a path. Raises ValueError for what lies outside the subset."""
    if not text.startswith("$"):
        raise ValueError("a path begins with $")
    steps: list[str | int] = []
    at = 1
    while at < len(text):
        match = _STEP.match(text, at)
        if match is None:
            raise ValueError(f"no step of a path at character {at}")
        at = match.end()
        kind = match.lastgroup or "name"
        steps.append(int(match[kind]) if kind == "index" else match[kind])
    return tuple(steps)


def read_success(reading: Reading, raw: object, at: str) -> SuccessRule:
    """A profile's `success`. `on_mismatch` may stand beside the body rule or inside it, where it counts first."""
    given = reading.members(raw, at, _MEMBERS)
    body, inner = _read_body(reading, given.get("body"), f"{at}.body")
    mismatch = inner if inner is not None else given.get("on_mismatch", "retry")
    mismatch_at = f"{at}.body.on_mismatch" if inner is not None else f"{at}.on_mismatch"
    status = _read_patterns(reading, given.get("status", ["2xx"]), f"{at}.status")
    if not status:
        reading.note(f"{at}.status", "at least one status", given.get("status"))
    return SuccessRule(
        status,
        body,
        reading.word(mismatch, mismatch_at, ("retry", "reject")) == "reject",
        _read_patterns(reading, given.get("reject_status", []), f"{at}.reject_status"),
        _read_patterns(reading, given.get("retry_status", []), f"{at}.retry_status"),
    )


def _read_body(reading: Reading, raw: object, at: str) -> tuple[BodyRule | None, object]:
    if raw is None:
        return None, None
    given = reading.members(raw, at, ("json", "equals", "on_mismatch"))
    if type(raw) is dict and "equals" not in given:
        reading.note_got(f"{at}.equals", "a JSON value", "nothing")
    path = given.get("json")
    try:
        if type(path) is str and len(path) <= _MAX_PATH_CHARACTERS:
            return BodyRule(path, given.get("equals")), given.get("on_mismatch")
        reason = "text"
    except ValueError as refused:
        reason = str(refused)
    reading.note(f"{at}.json", f"a path of $, .name, [0], ['name'] ({reason})", path)
    return None, given.get("on_mismatch")


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
    """Every status that the patterns cover; there are few distinct ones, and each answer is asked thrice."""
    return frozenset(status for pattern in patterns for status in _range(pattern))


def _range(pattern: StatusPattern) -> range:
    if isinstance(pattern, int):
        return range(pattern, pattern + 1)
    hundreds = int(pattern[0]) * 100
    return range(hundreds, hundreds + 100)


def _member(value: Any, step: str | int) -> Any:
    if type(value) is dict and type(step) is str:
        return value.get(step, _ABSENT)
    if type(value) is list and type(step) is int and step < len(value):
        return value[step]
    return _ABSENT
