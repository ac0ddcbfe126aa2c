"""The Celery app's settings, and hints that never hold up who gives them."""

import time
from threading import Event
from uuid import UUID

import pytest

from dispatcher.adapters.celery_queue import BackgroundHints, CeleryHints, make_app
from dispatcher.adapters.memory.hints import MemoryHints
from dispatcher.ports import BrokerUnavailable, Depth

EVENTS = [UUID(int=1), UUID(int=2)]
PROFILE = UUID(int=9)
SOON = 5.0


class Slow(MemoryHints):
    """A broker that takes a hint when the gate is open."""

    def __init__(self) -> None:
        super().__init__()
        self.opened, self.entered = Event(), Event()

    def evaluate(self, event_ids) -> None:
        self.entered.set()
        assert self.opened.wait(SOON)
        super().evaluate(event_ids)


def test_messages_are_acknowledged_on_receipt_and_leave_no_result():
    conf = make_app("memory://", threads=3).conf
    assert (conf.task_acks_late, conf.task_ignore_result, conf.result_backend) == (False, True, None)
    assert (conf.worker_pool, conf.worker_concurrency, conf.worker_prefetch_multiplier) == ("threads", 3, 4)


def test_nothing_but_json_is_sent_or_taken():
    conf = make_app("memory://").conf
    assert (conf.task_serializer, conf.accept_content) == ("json", ["json"])


def test_first_attempts_and_retries_have_a_lane_each():
    conf = make_app("memory://").conf
    assert [queue.name for queue in conf.task_queues] == ["onhook.first", "onhook.retry"]


def test_a_broker_that_cannot_be_reached_is_unavailable_and_its_text_holds_no_address(tmp_path):
    app = make_app(f"redis+socket://{tmp_path}/nobody.sock?virtual_host=0")
    hints = CeleryHints(app)
    with pytest.raises(BrokerUnavailable) as caught:
        hints.evaluate(EVENTS)
    assert "nobody.sock" not in str(caught.value)
    app.close()


def test_background_hints_arrive_in_order_by_the_time_they_are_stopped():
    hints = MemoryHints()
    background = BackgroundHints(hints)
    background.evaluate(EVENTS)
    background.evaluate(EVENTS[:1])
    background.deliver(PROFILE, EVENTS)
    background.stop(SOON)
    assert (hints.evaluations, hints.deliveries) == ([EVENTS, EVENTS[:1]], [(PROFILE, EVENTS)])


def test_a_slow_broker_holds_up_nobody_and_what_does_not_fit_is_dropped(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("dispatcher.adapters.celery_queue.WAITING_HINTS", 3)
    hints = Slow()
    background = BackgroundHints(hints)
    background.evaluate(EVENTS)
    assert hints.entered.wait(SOON)
    started = time.monotonic()
    for _ in range(50):
        background.evaluate(EVENTS[:1])
    assert time.monotonic() - started < SOON
    hints.opened.set()
    while len(hints.evaluations) < 4:
        time.sleep(0.001)
    background.stop(SOON)
    assert hints.evaluations == [EVENTS] + [EVENTS[:1]] * 3


def test_a_broker_that_is_away_is_said_once_and_hints_go_on_when_it_is_back(caplog: pytest.LogCaptureFixture):
    hints = MemoryHints()
    hints.away = True
    tried = Event()
    take = hints.evaluate

    def note(event_ids) -> None:
        try:
            take(event_ids)
        finally:
            if event_ids == EVENTS[:1]:
                tried.set()

    hints.evaluate = note
    background = BackgroundHints(hints)
    for _ in range(5):
        background.evaluate(EVENTS)
    background.evaluate(EVENTS[:1])
    assert tried.wait(SOON)
    hints.away = False
    background.evaluate(EVENTS)
    background.stop(SOON)
    assert hints.evaluations == [EVENTS]
    assert [record.message for record in caplog.records] == ["hints.broker_unavailable"]


def test_a_fault_of_ours_loses_a_hint_and_not_the_publisher(caplog: pytest.LogCaptureFixture):
    hints = MemoryHints()
    hints.evaluate = lambda event_ids: 1 / 0
    background = BackgroundHints(hints)
    background.evaluate(EVENTS)
    background.deliver(PROFILE, EVENTS)
    background.stop(SOON)
    assert hints.deliveries == [(PROFILE, EVENTS)]
    assert [record.message for record in caplog.records] == ["hints.failed"]


def test_the_depth_is_the_brokers_own():
    hints = MemoryHints()
    hints.evaluate(EVENTS)
    background = BackgroundHints(hints)
    assert background.depth() == Depth(1, 0)
    background.stop(SOON)
