"""What an attempt came to, and whose fault it was: that decides who pays."""

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from dispatcher.domain.answers.success import Judgement, SuccessRule, judge
from dispatcher.domain.answers.view import ReadReply
from dispatcher.domain.exchange import Answer, ErrorWord, Exchange

GONE = 410
_OBEYS_RETRY_AFTER = frozenset({429, 503})
_MANY_DIGITS = 12
MIN_RETRY_AFTER_SECONDS = 1.0
"""`Retry-After: 0`, and a date that is past, say that it may be at once. It spends no attempt, as any other wait does;
but a target that says so for ever must not be asked for ever without a pause."""
_TRUSTED_CLOCK_SECONDS = 86_400.0
_MAX_RETRY_AFTER_SECONDS = 31 * 86_400.0
"""A target that asks for more than a month is taken to have asked for a month; give-up time ends it anyway."""


@dataclass(slots=True)
class Delivered:
    """The target has it."""

    name = "delivered"


@dataclass(slots=True)
class RetryLater:
    """The target may take it another time. With `wait_seconds` it said when, and no attempt is spent."""

    error: ErrorWord
    detail: str
    wait_seconds: float | None = None
    name = "retry_later"


@dataclass(slots=True)
class Rejected:
    """The target refused for good. `gone`: it said 410, so its profile is switched off."""

    error: ErrorWord
    detail: str
    gone: bool = False
    name = "rejected"


@dataclass(slots=True)
class OurFault:
    """We failed, so no attempt of the target's is spent. `final`: only a person can mend it (a template); `lasting`: it
    is no use to try again at once (a proxy)."""

    error: ErrorWord
    detail: str
    final: bool = False
    lasting: bool = False
    name = "our_fault"


Outcome = Delivered | RetryLater | Rejected | OurFault


def outcome_of(exchange: Exchange, rule: SuccessRule, now: datetime, read_reply: ReadReply | None = None) -> Outcome:
    """The outcome of an exchange under a profile's success rule. `now` judges a Retry-After date; `read_reply` is there
    for the answer to a SOAP request."""
    if exchange.answer is None:
        error = exchange.error or ErrorWord.PROTOCOL
        if error is ErrorWord.SHUTDOWN:
            return OurFault(error, exchange.detail)
        if error is ErrorWord.PROXY or exchange.unsent:
            return OurFault(error, exchange.detail, lasting=True)
        return RetryLater(error, exchange.detail)
    answer = exchange.answer
    judgement, word, sentence = judge(answer, rule, read_reply)
    if judgement is Judgement.DELIVERED:
        return Delivered()
    error = word or ErrorWord.STATUS
    if answer.status == GONE and judgement is Judgement.REJECT:
        return Rejected(error, sentence, gone=True)
    if judgement is Judgement.REJECT:
        return Rejected(error, sentence)
    return RetryLater(error, sentence, _retry_after(answer, now))


def _retry_after(answer: Answer, now: datetime) -> float | None:
    """Seconds of a Retry-After header, as a number or an HTTP date in any of its three forms (RFC 9110, 5.6.7 and
    10.2.3), where it is obeyed."""
    if answer.status not in _OBEYS_RETRY_AFTER:
        return None
    value = (answer.header("retry-after") or "").strip()
    if value.isdecimal() and value.isascii():
        # Compared by length first: a longer string of digits is more than the most, whatever it says.
        digits = value.lstrip("0")
        return _bounded(float(digits or "0") if len(digits) < _MANY_DIGITS else _MAX_RETRY_AFTER_SECONDS)
    until = _http_date(value)
    if until is None:
        return None
    return _bounded((until - _told_at(answer, now)).total_seconds())


def _told_at(answer: Answer, now: datetime) -> datetime:
    """The moment by the target's own clock, which is the one that its Retry-After was read off; ours where it says
    none, or one so far off that it is none."""
    told = _http_date(answer.header("date") or "")
    if told is None or abs((told - now).total_seconds()) > _TRUSTED_CLOCK_SECONDS:
        return now
    return told


def _http_date(value: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(value)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):  # no date, or a time zone that takes it out of the calendar
        return None


def _bounded(seconds: float) -> float:
    return min(max(seconds, MIN_RETRY_AFTER_SECONDS), _MAX_RETRY_AFTER_SECONDS)
