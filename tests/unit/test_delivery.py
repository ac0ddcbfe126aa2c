"""What an outcome makes of a delivery: exact states, reasons, attempts and moments."""

from uuid import UUID

import pytest

from dispatcher.domain.delivery import FINAL_STATES, OPEN_STATES, Claim, NextState, State, next_state
from dispatcher.domain.exchange import ErrorWord
from dispatcher.domain.outcome import Delivered, OurFault, Rejected, RetryLater
from dispatcher.domain.retry_policy import RetryPolicy
from tests.unit.doubles import NOON, seconds

POLICY = RetryPolicy(delays_seconds=(5, 300), jitter=0.1, give_up_after_seconds=3600)
MIDDLE = 0.5
TIMEOUT = RetryLater(ErrorWord.TIMEOUT, "no answer in time")


def claim(attempts: int = 0, number: int | None = None) -> Claim:
    return Claim(UUID(int=1), UUID(int=2), UUID(int=3), 1, number or attempts + 1, attempts, NOON, {})


def asked_to_wait(wait: float) -> RetryLater:
    return RetryLater(ErrorWord.STATUS, "answered 429", wait)


def test_states_are_open_or_final_and_nothing_else():
    assert {"pending", "sending", "retrying"} == OPEN_STATES
    assert {"delivered", "dead", "discarded"} == FINAL_STATES


def test_delivered_is_final_and_spends_the_attempt():
    assert next_state(claim(1), Delivered(), POLICY, NOON, MIDDLE) == NextState(State.DELIVERED, None, 2, None)


def test_a_refusal_is_dead_with_its_reason():
    outcome = Rejected(ErrorWord.STATUS, "answered 404")
    following = next_state(claim(), outcome, POLICY, NOON, MIDDLE)
    assert following == NextState(State.DEAD, "refused: answered 404", 1, None)


def test_a_failure_is_retried_after_the_first_delay():
    following = next_state(claim(), TIMEOUT, POLICY, NOON, MIDDLE)
    assert following == NextState(State.RETRYING, "timeout: no answer in time", 1, NOON + seconds(5))


def test_each_failure_waits_for_the_next_delay():
    following = next_state(claim(1), TIMEOUT, POLICY, NOON, MIDDLE)
    assert following == NextState(State.RETRYING, "timeout: no answer in time", 2, NOON + seconds(300))


@pytest.mark.parametrize(("random", "pause"), [(0.0, 270.0), (0.25, 285.0), (0.5, 300.0), (0.75, 315.0)])
def test_jitter_spreads_a_delay_to_either_side(random: float, pause: float):
    following = next_state(claim(1), TIMEOUT, POLICY, NOON, random)
    assert following.due_at == NOON + seconds(pause)


def test_the_last_failure_gives_up_and_counts_the_attempts():
    following = next_state(claim(2), TIMEOUT, POLICY, NOON, MIDDLE)
    assert following == NextState(State.DEAD, "gave up after 3 attempts, last timeout: no answer in time", 3, None)


def test_a_profile_without_delays_gives_up_after_one_attempt():
    following = next_state(claim(), TIMEOUT, RetryPolicy(delays_seconds=()), NOON, MIDDLE)
    assert following == NextState(State.DEAD, "gave up after 1 attempt, last timeout: no answer in time", 1, None)


def test_a_retry_beyond_the_give_up_time_is_dead_at_once():
    late = NOON + seconds(3600 - 300) + seconds(0.001)
    following = next_state(claim(1), TIMEOUT, POLICY, late, MIDDLE)
    reason = "gave up: its time of 3600 s is used up, last timeout: no answer in time"
    assert following == NextState(State.DEAD, reason, 2, None)


def test_a_retry_at_the_very_end_of_its_time_is_still_made():
    last = NOON + seconds(3600 - 300)
    following = next_state(claim(1), TIMEOUT, POLICY, last, MIDDLE)
    assert (following.state, following.due_at) == (State.RETRYING, NOON + seconds(3600))


def test_a_429_postpones_by_retry_after_and_spends_no_attempt():
    following = next_state(claim(1, number=4), asked_to_wait(120.0), POLICY, NOON, MIDDLE)
    assert following == NextState(State.RETRYING, "status: answered 429", 1, NOON + seconds(120))


def test_a_wait_is_taken_without_jitter():
    moments = {next_state(claim(), asked_to_wait(120.0), POLICY, NOON, random).due_at for random in (0.0, 0.5, 0.99)}
    assert moments == {NOON + seconds(120)}


def test_a_429_is_obeyed_where_no_attempt_would_be_left():
    policy = RetryPolicy(delays_seconds=())
    assert next_state(claim(), asked_to_wait(60.0), policy, NOON, MIDDLE).state is State.RETRYING


def test_an_endless_429_ends_when_its_time_is_used_up():
    following = next_state(claim(), asked_to_wait(3601.0), POLICY, NOON, MIDDLE)
    asked = "the target asks to wait 3601 s"
    reason = f"gave up: {asked}, and its time of 3600 s is used up, last status: answered 429"
    assert following == NextState(State.DEAD, reason, 0, None)


def test_a_template_that_cannot_be_rendered_is_dead_and_spends_nothing():
    outcome = OurFault(ErrorWord.RENDER_ERROR, "no such filter in request.body", final=True)
    following = next_state(claim(1), outcome, POLICY, NOON, MIDDLE)
    assert following == NextState(State.DEAD, "render_error: no such filter in request.body", 1, None)


@pytest.mark.parametrize(("attempts", "state"), [(0, State.PENDING), (2, State.RETRYING)])
def test_a_shutdown_puts_the_delivery_back_as_it_was_due_at_once(attempts: int, state: State):
    outcome = OurFault(ErrorWord.SHUTDOWN, "stopping")
    following = next_state(claim(attempts), outcome, POLICY, NOON, MIDDLE)
    assert following == NextState(state, "shutdown: stopping", attempts, NOON)


def test_a_shutdown_never_uses_up_the_time():
    outcome = OurFault(ErrorWord.SHUTDOWN, "stopping")
    following = next_state(claim(), outcome, POLICY, NOON + seconds(99_999), MIDDLE)
    assert following.state is State.PENDING


def test_every_final_state_but_delivered_has_a_reason():
    outcomes = [Rejected(ErrorWord.STATUS, "x"), OurFault(ErrorWord.WSDL, "x", final=True), asked_to_wait(9e6), TIMEOUT]
    ends = [next_state(claim(9), outcome, POLICY, NOON, MIDDLE) for outcome in outcomes]
    assert [(end.state, bool(end.reason), end.due_at) for end in ends] == [(State.DEAD, True, None)] * 4


AWAY = OurFault(ErrorWord.PROXY, "no connection to the proxy", lasting=True)


def test_a_proxy_that_is_away_postpones_by_ten_seconds_and_spends_no_attempt():
    for attempts in (0, 2):
        following = next_state(claim(attempts), AWAY, POLICY, NOON, MIDDLE)
        reason = "proxy: no connection to the proxy"
        assert following == NextState(State.RETRYING, reason, attempts, NOON + seconds(10))


@pytest.mark.parametrize(("number", "pause"), [(1, 10), (2, 20), (3, 40), (5, 160), (6, 300), (400, 300)])
def test_a_proxy_that_stays_away_is_asked_ever_more_seldom_but_every_five_minutes(number: int, pause: int):
    following = next_state(claim(0, number=number), AWAY, POLICY, NOON, MIDDLE)
    assert following.due_at == NOON + seconds(pause)


@pytest.mark.parametrize(("random", "pause"), [(0.0, 8.0), (0.5, 10.0), (0.75, 11.0)])
def test_what_waits_for_a_proxy_does_not_come_back_all_at_once(random: float, pause: float):
    assert next_state(claim(), AWAY, POLICY, NOON, random).due_at == NOON + seconds(pause)


def test_a_proxy_that_never_comes_back_ends_when_the_time_is_used_up():
    following = next_state(claim(0, number=9), AWAY, POLICY, NOON + seconds(3301), MIDDLE)
    reason = "gave up: its time of 3600 s is used up, last proxy: no connection to the proxy"
    assert following == NextState(State.DEAD, reason, 0, None)


def test_a_test_does_not_wait_for_a_proxy():
    tried = claim()
    tried.test = True
    following = next_state(tried, AWAY, POLICY, NOON, MIDDLE)
    reason = "a test is one attempt: proxy: no connection to the proxy"
    assert following == NextState(State.DEAD, reason, 0, None)
