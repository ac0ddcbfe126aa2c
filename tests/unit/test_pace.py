"""How many deliveries a profile's limits allow now, and when to look again."""

from hypothesis import given
from hypothesis import strategies as st

from dispatcher.domain.pace import allowance, is_limited
from dispatcher.domain.profile import Limits
from tests.unit.doubles import NOON, seconds


def test_a_profile_is_limited_by_either_limit():
    limits = [Limits(), Limits(per_second=1), Limits(concurrency=1)]
    assert [is_limited(each) for each in limits] == [False, True, True]


def test_without_limits_all_may_start():
    assert allowance(Limits(), None, NOON, 500, 9999) == (500, None, [])


def test_a_silent_profile_may_send_a_seconds_worth_at_once():
    granted, pace_at, later = allowance(Limits(per_second=4), None, NOON, 10, 0)
    assert (granted, pace_at) == (4, NOON + seconds(1))
    assert later == [NOON + seconds(0.25 * number) for number in range(1, 7)]


def test_a_pace_from_long_ago_saves_nothing_up():
    granted, pace_at, _ = allowance(Limits(per_second=4), NOON - seconds(3600), NOON, 10, 0)
    assert (granted, pace_at) == (4, NOON + seconds(1))


def test_a_used_up_second_comes_back_step_by_step():
    at = [
        allowance(Limits(per_second=4), NOON + seconds(1), NOON + seconds(after), 10, 0)[0]
        for after in (0, 0.25, 0.6, 1)
    ]
    assert at == [0, 1, 2, 4]


def test_less_than_one_a_second_is_one_at_a_time():
    limits = Limits(per_second=0.5)
    granted, pace_at, later = allowance(limits, None, NOON, 3, 0)
    assert (granted, pace_at, later) == (1, NOON + seconds(2), [NOON + seconds(2), NOON + seconds(4)])
    assert allowance(limits, pace_at, NOON + seconds(1.9), 3, 0)[0] == 0
    assert allowance(limits, pace_at, NOON + seconds(2), 3, 0)[0] == 1


def test_concurrency_leaves_what_is_not_being_sent():
    granted, pace_at, later = allowance(Limits(concurrency=10), None, NOON, 5, 7)
    assert (granted, pace_at) == (3, None)
    assert later == [NOON + seconds(0.2), NOON + seconds(0.22)]


def test_more_being_sent_than_allowed_grants_nothing():
    assert allowance(Limits(concurrency=2), None, NOON, 5, 7)[0] == 0


def test_the_tighter_of_two_limits_counts_and_paces_only_what_starts():
    granted, pace_at, _ = allowance(Limits(per_second=10, concurrency=3), None, NOON, 8, 1)
    assert (granted, pace_at) == (2, NOON + seconds(0.2))


def test_nothing_wanted_is_nothing_granted_and_leaves_the_pace():
    assert allowance(Limits(per_second=4), NOON + seconds(1), NOON, 0, 0) == (0, NOON + seconds(1), [])


rates = st.floats(0.1, 200)
demands = st.lists(st.tuples(st.floats(0, 2), st.integers(0, 300)), min_size=1, max_size=40)


@given(rates, demands)
def test_over_any_time_no_more_start_than_the_rate_and_one_burst(rate: float, demands):
    pace_at, now, started = None, NOON, 0
    for pause, wanted in demands:
        now += seconds(pause)
        granted, pace_at, later = allowance(Limits(per_second=rate), pace_at, now, wanted, 0)
        started += granted
        assert 0 <= granted <= wanted
        assert len(later) == wanted - granted
        assert all(moment > now for moment in later)
    # One more for the step that is being begun; a microsecond is lost to rounding at each step.
    assert started <= (now - NOON).total_seconds() * rate + max(rate, 1) + 1.01
