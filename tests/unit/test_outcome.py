"""What an exchange comes to, and whose fault it was."""

from datetime import UTC, datetime

import pytest

from dispatcher.adapters.engines import ENGINES
from dispatcher.domain.answers.success import SuccessRule, read_success
from dispatcher.domain.exchange import ErrorWord, Exchange
from dispatcher.domain.outcome import Delivered, OurFault, Rejected, RetryLater, outcome_of
from dispatcher.domain.shape import Reading
from tests.unit.doubles import answered

NOW = datetime(2026, 11, 20, 12, 0, 0, tzinfo=UTC)
RULE = SuccessRule()
MONTH = 31 * 86_400.0


def wait_of(status: int, value: str) -> float | None:
    outcome = outcome_of(answered(status, ("retry-after", value)), RULE, NOW)
    assert isinstance(outcome, RetryLater)
    return outcome.wait_seconds


def test_a_2xx_is_delivered():
    assert outcome_of(answered(204), RULE, NOW) == Delivered()


def test_a_server_error_is_retried_later():
    assert outcome_of(answered(500), RULE, NOW) == RetryLater(ErrorWord.STATUS, "answered 500")


def test_a_client_error_is_refused_for_good():
    assert outcome_of(answered(404), RULE, NOW) == Rejected(ErrorWord.STATUS, "answered 404")


def test_a_redirect_is_refused_under_a_word_of_its_own():
    assert outcome_of(answered(302), RULE, NOW) == Rejected(ErrorWord.REDIRECT, "answered 302")


def test_410_says_that_the_target_is_gone():
    assert outcome_of(answered(410), RULE, NOW) == Rejected(ErrorWord.STATUS, "answered 410", gone=True)


def test_410_that_the_profile_wants_retried_is_not_gone():
    rule = SuccessRule(retry_status=(410,))
    assert outcome_of(answered(410), rule, NOW) == RetryLater(ErrorWord.STATUS, "answered 410")


def test_410_that_the_profile_takes_for_success_is_delivered():
    assert outcome_of(answered(410), SuccessRule(status=("2xx", 410)), NOW) == Delivered()


@pytest.mark.parametrize("word", ["dns", "connect_refused", "connect_timeout", "timeout", "tls", "reset", "protocol"])
def test_every_transport_error_is_retried_later(word: str):
    outcome = outcome_of(Exchange(error=ErrorWord(word), detail="a sentence"), RULE, NOW)
    assert outcome == RetryLater(ErrorWord(word), "a sentence", wait_seconds=None)


def test_our_own_shutdown_is_our_fault_and_not_final():
    outcome = outcome_of(Exchange(error=ErrorWord.SHUTDOWN, detail="stopping"), RULE, NOW)
    assert outcome == OurFault(ErrorWord.SHUTDOWN, "stopping", final=False)


def test_a_token_that_could_not_be_had_is_no_fault_of_the_targets():
    exchange = Exchange(error=ErrorWord.STATUS, detail="the token service answered 401", unsent=True)
    assert outcome_of(exchange, RULE, NOW) == OurFault(ErrorWord.STATUS, "the token service answered 401", lasting=True)


def test_a_proxy_that_fails_is_our_fault_and_likely_to_last():
    outcome = outcome_of(Exchange(error=ErrorWord.PROXY, detail="no connection to the proxy"), RULE, NOW)
    assert outcome == OurFault(ErrorWord.PROXY, "no connection to the proxy", final=False, lasting=True)


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("value", "wait"),
    [
        ("120", 120.0),
        (" 7 ", 7.0),
        ("Fri, 20 Nov 2026 12:05:00 GMT", 300.0),
        ("Fri, 20 Nov 2026 13:05:00 +0100", 300.0),
        ("Friday, 20-Nov-26 12:05:00 GMT", 300.0),
        ("Fri Nov 20 12:05:00 2026", 300.0),
        ("99999999", MONTH),
        ("9" * 400, MONTH),
        ("0000000000000120", 120.0),
        ("Fri, 20 Nov 2066 12:00:00 GMT", MONTH),
    ],
)
def test_retry_after_is_obeyed_as_seconds_or_as_a_date(status: int, value: str, wait: float):
    assert wait_of(status, value) == wait


@pytest.mark.parametrize(
    "value",
    [
        "",
        "soon",
        "-5",
        "1.5",
        "1e3",
        "٣",
        "²",
        "Fri, 99 Nov 2026 12:05:00 GMT",
        "0x10",
        "1" + "\x00",
        "Fri, 20 Nov 2026 25:00:00 GMT",
        "2026-11-20T12:05:00Z",
        "Mon, 01 Jan 2027 00:00:00 +9999999999999",
    ],
)
def test_a_retry_after_that_says_nothing_is_an_ordinary_failure(value: str):
    assert wait_of(429, value) is None


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("value", ["0", "000", "Fri, 20 Nov 2026 11:00:00 GMT", "Fri, 20 Nov 2026 12:00:00 GMT"])
def test_a_retry_after_that_is_over_already_is_a_second_and_spends_no_attempt(status: int, value: str):
    # The target says that it may be asked again at once. Not quite at once, lest it be asked without a pause for days.
    assert wait_of(status, value) == 1.0


@pytest.mark.parametrize(
    ("date", "wait"),
    [
        ("Fri, 20 Nov 2026 13:00:00 GMT", 60.0),  # its clock is an hour fast
        ("Fri, 20 Nov 2026 11:00:00 GMT", 7260.0),  # an hour slow
        ("Thu, 01 Jan 1970 00:00:13 GMT", 3660.0),  # it has no clock: ours counts
        ("yesterday", 3660.0),
    ],
)
def test_a_retry_after_date_is_measured_by_the_clock_of_who_says_it(date: str, wait: float):
    exchange = answered(503, ("date", date), ("retry-after", "Fri, 20 Nov 2026 13:01:00 GMT"))
    assert outcome_of(exchange, RULE, NOW) == RetryLater(ErrorWord.STATUS, "answered 503", wait)


def test_a_retry_body_on_a_503_obeys_its_retry_after_too():
    reading = Reading()
    rule = read_success(reading, {"retry_body": {"regex": "busy"}}, "success", ENGINES)
    assert reading.faults == []
    outcome = outcome_of(answered(503, ("retry-after", "30"), body=b"busy"), rule, NOW)
    assert outcome == RetryLater(ErrorWord.BODY_RULE, "answered 503, and retry_body holds", 30.0)


def test_without_the_header_429_is_an_ordinary_failure():
    assert outcome_of(answered(429), RULE, NOW) == RetryLater(ErrorWord.STATUS, "answered 429", None)


@pytest.mark.parametrize("status", [500, 502, 408, 425])
def test_retry_after_on_other_statuses_is_not_obeyed(status: int):
    assert wait_of(status, "120") is None


def test_the_last_of_several_retry_after_headers_counts():
    exchange = answered(429, ("retry-after", "10"), ("retry-after", "20"))
    assert outcome_of(exchange, RULE, NOW) == RetryLater(ErrorWord.STATUS, "answered 429", 20.0)


def test_429_that_the_profile_rejects_is_refused_whatever_it_asks_for():
    rule = SuccessRule(reject_status=(429,))
    assert outcome_of(answered(429, ("retry-after", "10")), rule, NOW) == Rejected(ErrorWord.STATUS, "answered 429")
