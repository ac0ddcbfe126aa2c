"""Prometheus is told of the books, of posts that were refused or not understood, of calls that wait for parts."""

from dispatcher.adapters.metrics import make_metrics
from dispatcher.api.refused_posts import RefusedPosts
from dispatcher.domain.delivery import State
from dispatcher.ports import StoreUnavailable

BOOKS = {"default": {"accepted": 3, "evaluated": 2, "made": 1, **dict.fromkeys((each.value for each in State), 0)}}
UNFINISHED = {"default": {"quarantined": 4, "open_calls": 5}}


def test_what_is_in_quarantine_and_what_waits_for_parts_is_counted_by_workspace():
    told = make_metrics(lambda: BOOKS, unfinished=lambda: UNFINISHED)().decode()
    assert 'onhook_quarantined_posts{workspace="default"} 4.0' in told
    assert 'onhook_open_calls{workspace="default"} 5.0' in told
    assert 'onhook_events{step="accepted",workspace="default"} 3.0' in told
    assert "onhook_database_up 1.0" in told


def test_while_the_database_is_away_the_metrics_say_so_and_nothing_else_of_it():
    def away():
        raise StoreUnavailable("away")

    told = make_metrics(lambda: BOOKS, unfinished=away)().decode()
    assert "onhook_database_up 0.0" in told
    assert "onhook_quarantined_posts{" not in told


def test_posts_that_are_not_let_in_are_counted_by_source_and_reason() -> None:
    refused = RefusedPosts()
    text = make_metrics(dict, refused.counted)
    assert b"onhook_source_posts_refused_total{" not in text()
    for _ in range(2):
        refused.count("pbx-berlin", "signature")
    refused.count("pbx-berlin", "stale")
    lines = text().decode().splitlines()
    assert [line for line in lines if line.startswith("onhook_source_posts_refused_total{")] == [
        'onhook_source_posts_refused_total{reason="signature",source="pbx-berlin"} 2.0',
        'onhook_source_posts_refused_total{reason="stale",source="pbx-berlin"} 1.0',
    ]
