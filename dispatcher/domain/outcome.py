"""What an attempt came to, and whose fault it was: that decides who pays."""

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from dispatcher.domain.exchange import Answer, ErrorWord, Exchange
from dispatcher.domain.success import Judgement, SuccessRule, judge

GONE = 410
_OBEYS_RETRY_AFTER = frozenset({429, 503})
_MANY_DIGITS = 12
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
    """We failed, so no attempt of the target's is spent. `final`: only a person can mend it (a template)."""

    error: ErrorWord
    detail: str
    final: bool = False
    name = "our_fault"


Outcome = Delivered | RetryLater | Rejected | OurFault


def outcome_of(exchange: Exchange, rule: SuccessRule, now: datetime) -> Outcome:
    """The outcome of an exchange under a profile's success rule. `now` judges a Retry-After date."""
    if exchange.answer is None:
        error = exchange.error or ErrorWord.PROTOCOL
        if error is ErrorWord.SHUTDOWN:
            return OurFault(error, exchange.detail)
        return RetryLater(error, exchange.detail)
    answer = exchange.answer
    judgement, word, sentence = judge(answer, rule)
    if judgement is Judgement.DELIVERED:
        return Delivered()
    error = word or ErrorWord.STATUS
    if answer.status == GONE and judgement is Judgement.REJECT:
        return Rejected(error, sentence, gone=True)
    if judgement is Judgement.REJECT:
        return Rejected(error, sentence)
    return RetryLater(error, sentence, _retry_after(answer, now))


def _retry_after(answer: Answer, now: datetime) -> float | None:
    """Seconds of a Retry-After header, as a number or an HTTP date (RFC 9110, 10.2.3), where it is obeyed."""
    if answer.status not in _OBEYS_RETRY_AFTER:
        return None
    value = (answer.header("retry-after") or "").strip()
    if value.isdecimal() and value.isascii():
        # Compared by length first: a longer string of digits is more than the most, whatever it says.
        digits = value.lstrip("0")
        return _positive(float(digits or "0") if len(digits) < _MANY_DIGITS else _MAX_RETRY_AFTER_SECONDS)
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    try:
        return _positive((moment - now).total_seconds())
    except OverflowError:  # a time zone that takes the date out of the calendar
        return None


def _positive(seconds: float) -> float | None:
    """A wait that is one: `Retry-After: 0` names none, and is retried as if it were not there."""
    return min(seconds, _MAX_RETRY_AFTER_SECONDS) if seconds > 0 else None
