"""What counts as delivered: the judgement of a target's answer under a profile's success rule."""

import re
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import Any

from dispatcher.domain.answers.conditions import Condition, conditions_document, read_conditions
from dispatcher.domain.answers.fault_patterns import FaultPattern, read_fault_patterns, searches_in
from dispatcher.domain.answers.outputs import Output, captured_from
from dispatcher.domain.answers.view import AnswerView, ReadReply
from dispatcher.domain.engines import Engines
from dispatcher.domain.exchange import Answer, ErrorWord
from dispatcher.domain.shape import Reading
from dispatcher.domain.soap.reply import Fault, Reply

_MAX_PATTERNS = 50
_RETRIED = frozenset({408, 425, 429, *range(500, 600)})
_BUSY = _RETRIED - {500}
"""Those of them that SOAP itself has no use for: a fault's own status is 500, of SOAP 1.2 also 400."""
_REDIRECTS = range(300, 400)
_FAMILY = re.compile(r"[1-5]xx")
_CODE = re.compile(r"[1-5][0-9]{2}")
FAULT_MEMBERS = ("reject_fault", "retry_fault")
"""Those that only the answer to a SOAP request can fit."""
_MEMBERS = ("status", "body", "on_mismatch", "reject_body", "retry_body", "reject_status", "retry_status")
_NO_CONTENT = frozenset({202, 204})
"""They say that the message was taken, whatever else was to be expected (RFC 9110, 15.3)."""

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
    5. the answer to a SOAP request is a fault: refused where it fits one of `reject_fault`, retried where it fits one
       of `retry_fault`; else refused where its code blames the message (`Client`, `Sender`, `VersionMismatch`,
       `MustUnderstand`, `DataEncodingUnknown`) and the status is none of a busy server, and retried where not;
    6. the status is in `status`: delivered, if every condition of `body` holds and every required output is there, and
       if the answer to a SOAP request is the reply to it, or an empty one where that is all there will be; else a
       mismatch;
    7. 408, 425, 429 and 5xx are retried; another 2xx is a mismatch; all else is refused.

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
    reject_fault: tuple[FaultPattern, ...] = ()
    retry_fault: tuple[FaultPattern, ...] = ()
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
            **{
                name: [each.as_document() for each in getattr(self, name)]
                for name in FAULT_MEMBERS
                if getattr(self, name)
            },
        }

    @property
    def fault_searches(self) -> int:
        """How many patterns of RE2 are searched in a fault."""
        return searches_in(self.reject_fault) + searches_in(self.retry_fault)


def judge(answer: Answer, rule: SuccessRule, read_reply: ReadReply | None = None) -> _Judged:
    """The judgement, the error word (None if delivered), and a sentence that names nothing but the status, a fault code
    of the standards, and what of the profile decided. `read_reply` is there for the answer to a SOAP request."""
    status = answer.status
    sentence = f"answered {status}"
    view = AnswerView(answer, read_reply) if rule.looks_inside or read_reply is not None else None
    if view is not None:
        overruled = _overruled(view, rule, sentence)
        if overruled is not None:
            return overruled
    if status in rule.rejected:
        return Judgement.REJECT, _word(status), sentence
    if status in rule.retried:
        return Judgement.RETRY, _word(status), sentence
    reply = None if view is None else view.reply()
    if reply is not None and reply.fault is not None:
        return _of_fault(reply.fault, rule, status, sentence)
    if status in rule.fitting:
        return _of_fitting(view, reply, rule, status, sentence)
    if status in _RETRIED:
        return Judgement.RETRY, _word(status), sentence
    if 200 <= status < 300:
        return _mismatch(rule), _word(status), sentence
    return Judgement.REJECT, _word(status), sentence


def _of_fault(fault: Fault, rule: SuccessRule, status: int, sentence: str) -> _Judged:
    sentence = f"{sentence} with a SOAP fault ({fault.standard_code or 'a code of its own'})"
    if any(pattern.fits(fault) for pattern in rule.reject_fault):
        return Judgement.REJECT, ErrorWord.SOAP_FAULT, f"{sentence}, which reject_fault describes"
    if any(pattern.fits(fault) for pattern in rule.retry_fault):
        return Judgement.RETRY, ErrorWord.SOAP_FAULT, f"{sentence}, which retry_fault describes"
    # A gateway that is busy may put its word into a fault that blames the message: its status is what counts then.
    refused = fault.blames_sender and status not in _BUSY
    return (Judgement.REJECT if refused else Judgement.RETRY), ErrorWord.SOAP_FAULT, sentence


def _of_fitting(view: AnswerView | None, reply: Reply | None, rule: SuccessRule, status: int, sentence: str) -> _Judged:
    wrong = None if reply is None else _wrong_reply(reply, status)
    if wrong is not None:
        return _mismatch(rule), ErrorWord.PROTOCOL, f"{sentence} with {wrong}"
    lacking = _lacking(view, rule) if view is not None and rule.looks_inside else None
    if lacking is None:
        return Judgement.DELIVERED, None, sentence
    return _mismatch(rule), ErrorWord.BODY_RULE, f"{sentence}, but {lacking}"


def _wrong_reply(reply: Reply, status: int) -> str | None:
    if status in _NO_CONTENT:
        return None
    if reply.empty:
        return None if reply.one_way else "nothing, where a reply was to be expected"
    return reply.unreadable


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
    given = reading.members(raw, at, (*_MEMBERS, *FAULT_MEMBERS))
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
        reject_fault=read_fault_patterns(reading, given.get("reject_fault"), f"{at}.reject_fault", engines),
        retry_fault=read_fault_patterns(reading, given.get("retry_fault"), f"{at}.retry_fault", engines),
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
