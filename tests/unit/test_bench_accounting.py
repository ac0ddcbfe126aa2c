"""The arithmetic behind the bench's figures: a wrong percentile or a loss not counted would flatter the product."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from bench import processes
from bench.accounting import Arrival, Balance, Post, balance, first_arrivals, percentile, ratio, spread
from bench.events import EventBodies, event_id
from bench.generator import Generator, Plan, complete_status
from bench.load import read_posts, summary, write_posts
from bench.processes import Spent, Usage
from bench.report import markdown
from bench.sink import Behaviour, Book, Conversation
from dispatcher.domain.event import parse_events


def arrival(event: str, webhook: str, at: float = 1.0, path: str = "/hook", status: int = 200) -> Arrival:
    return Arrival(at, webhook, event, path, status)


@pytest.mark.parametrize(("per_cent", "expected"), [(50, 5), (95, 10), (99, 10), (10, 1), (0.1, 1), (100, 10)])
def test_a_percentile_is_the_nearest_rank_and_always_a_value_that_occurred(per_cent, expected):
    assert percentile([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], per_cent) == expected


def test_the_percentile_of_nothing_is_refused():
    with pytest.raises(ValueError, match="no values"):
        percentile([], 50)


def test_a_spread_is_in_milliseconds_and_does_not_need_sorted_values():
    measured = spread(n / 1000 for n in reversed(range(1, 101)))
    assert measured is not None
    assert (measured.count, measured.p50, measured.p95, measured.p99, measured.longest) == (
        100,
        50.0,
        95.0,
        99.0,
        100.0,
    )


def test_nothing_has_no_spread_rather_than_zeros():
    assert spread([]) is None


def test_an_accepted_event_that_no_request_carried_is_lost():
    assert balance({"a", "b"}, [arrival("a", "w1")]) == Balance(2, 1, lost=1, repeats=0, doubled=0, unasked=0)


def test_a_request_that_the_sink_refused_is_no_arrival():
    assert balance({"a"}, [arrival("a", "w1", status=503)]) == Balance(1, 0, lost=1, repeats=0, doubled=0, unasked=0)


def test_the_same_webhook_id_again_is_a_repeat_and_another_one_is_a_doubled_delivery():
    arrivals = [arrival("a", "w1"), arrival("a", "w1"), arrival("b", "w2"), arrival("b", "w3")]
    assert balance({"a", "b"}, arrivals) == Balance(2, 2, lost=0, repeats=1, doubled=1, unasked=0)


def test_one_event_for_two_targets_is_neither_a_repeat_nor_doubled():
    arrivals = [arrival("a", "w1", path="/t1"), arrival("a", "w2", path="/t2")]
    assert balance({"a"}, arrivals) == Balance(1, 1, lost=0, repeats=0, doubled=0, unasked=0)


def test_an_event_that_arrives_though_its_post_was_not_accepted_is_named_unasked():
    assert balance(set(), [arrival("a", "w1")]) == Balance(0, 1, lost=0, repeats=0, doubled=0, unasked=1)


def test_an_events_first_arrival_counts_whatever_its_order_in_the_record():
    assert first_arrivals([arrival("a", "w", at=3.0), arrival("a", "w", at=2.0), arrival("b", "v", at=9.0)]) == {
        "a": 2.0,
        "b": 9.0,
    }


def test_a_ratio_to_what_was_not_measured_is_absent():
    assert (ratio(300.0, 100.0), ratio(None, 100.0), ratio(300.0, None), ratio(300.0, 0.0)) == (3.0, None, None, None)


def usage(pid: int, cpu: float, ended: float = 0.0, parent: int = 1) -> Usage:
    return Usage(pid, parent, 1, f"p{pid}", cpu, ended, 10.0)


def test_cpu_of_a_process_that_began_meanwhile_counts_whole():
    assert processes.spent({1: usage(1, 2.0)}, {1: usage(1, 5.0), 2: usage(2, 1.5)}) == [
        Spent("p1", 3.0, 10.0),
        Spent("p2", 1.5, 10.0),
    ]


def test_cpu_of_children_that_ended_is_kept_and_counted_once():
    # Child 2 had used 4 s before the window, ended at 6 s, and its parent waited for it.
    before, after = {1: usage(1, 1.0), 2: usage(2, 4.0, parent=1)}, {1: usage(1, 1.0, ended=6.0)}
    assert processes.spent(before, after) == [Spent("p1", 0.0, 10.0), Spent("(ended children)", 2.0, 0.0)]


def test_the_tree_of_a_process_holds_its_children_and_their_cpu():
    waits = "import sys; print(1, flush=True); sys.stdin.read()"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {waits!r}])"
    child = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()
    found = processes.tree(child.pid)
    child.communicate()
    assert len(found) == 2
    assert found[child.pid].parent == os.getpid()
    assert all(u.peak_rss_mb > 1 for u in found.values())


def test_every_event_is_a_canonical_one_with_an_id_of_its_own_and_round_robin_campaigns(now):
    bodies = EventBodies("run", campaigns=("a", "b", "c"))
    batch = json.loads(bodies.several(7, 5))
    assert [e["id"] for e in batch["events"]] == [event_id("run", n) for n in range(7, 12)]
    assert [e["call"]["campaign"] for e in batch["events"]] == ["b", "c", "a", "b", "c"]
    assert {e["call"]["id"] for e in batch["events"]} == {e["id"] for e in batch["events"]}
    assert len(parse_events(batch, now)) == 5


@pytest.fixture
def now():
    return datetime(2026, 11, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\n{}", 202),
        (b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\n{", 0),
        (b"HTTP/1.1 503 X\r\ncontent-length: 0\r\nx: y\r\n\r\n", 503),
        (b"HTTP/1.1 202 Accepted\r\nContent-Le", 0),
        (b"HTTP/1.1 202 X\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n", 0),
        (b"HTTP/1.1 202 X\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", 202),
    ],
)
def test_an_answer_counts_only_when_all_of_it_is_there(data, status):
    assert complete_status(data) == status


def test_posts_survive_their_file_and_the_summary_counts_from_the_due_moment(tmp_path):
    posts = [
        Post(0, 50, 10.0, 10.5, 11.0, 202, 217),
        Post(50, 30, 10.1, 10.6, 10.7, 503, 300),
        Post(80, 1, 10.2, 10.7, 0.0, 0),
    ]
    write_posts(tmp_path / "posts", posts)
    assert read_posts(tmp_path / "posts") == posts
    told = summary(posts, cpu_seconds=0.003)
    assert (told["accepted_events"], told["refused_posts"], told["unanswered_posts"]) == (50, 1, 1)
    assert told["accept"] == {"count": 2, "p50": 600.0, "p95": 1000.0, "p99": 1000.0, "longest": 1000.0}
    assert (told["cpu_microseconds_per_post"], told["largest_answer_bytes"]) == (1000.0, 300)


@pytest.mark.parametrize(("status", "accepted"), [(0, False), (199, False), (200, True), (204, True), (300, False)])
def test_any_2xx_is_a_post_that_was_accepted(status, accepted):
    assert Post(0, 1, 10.0, 10.5, 11.0, status).accepted is accepted


def test_the_last_post_of_a_plan_carries_what_is_left():
    generator = Generator(Plan("http://127.0.0.1:1/v1/events", events=120, batch=50))
    generator.next = 3
    assert [(p.first, p.count) for p in generator.posts()] == [(0, 50), (50, 50), (100, 20)]
    head, _, body = generator.request(2).partition(b"\r\n\r\n")
    assert len(json.loads(body)["events"]) == 20
    assert head.endswith(b"Content-Length: %d" % len(body))


class Wire:
    """What a conversation writes to."""

    def __init__(self) -> None:
        self.written = b""
        self.closed = False

    def write(self, data: bytes) -> None:
        self.written += data

    def close(self) -> None:
        self.closed = True


def talk(book: Book, *pieces: bytes) -> Wire:
    conversation, wire = Conversation(book), Wire()
    conversation.connection_made(wire)  # type: ignore[arg-type]
    for piece in pieces:
        conversation.data_received(piece)
    return wire


REQUEST = b"POST /t1 HTTP/1.1\r\nHost: x\r\nWebhook-Id: W-1\r\nX-Event: e-1\r\nContent-Length: 4\r\n\r\nbody"


def test_the_sink_understands_pipelined_requests_and_requests_in_pieces():
    book = Book(Behaviour())
    stream = REQUEST * 3
    wire = talk(book, *[stream[n : n + 7] for n in range(0, len(stream), 7)])
    assert [row[1:] for row in book.rows] == [(b"W-1", b"e-1", b"/t1", 200)] * 3
    assert wire.written.count(b"HTTP/1.1 200") == 3
    assert book.delivered == {(b"e-1", b"/t1")}


def test_the_sink_refuses_a_chunked_body_and_notes_nothing():
    book = Book(Behaviour())
    wire = talk(book, b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
    assert wire.written.startswith(b"HTTP/1.1 411")
    assert (wire.closed, book.rows) == (True, [])


def test_a_path_that_is_away_answers_503_with_the_moment_it_is_back_and_200_from_then_on():
    book = Book(Behaviour())
    book.set({"/t1": {"status": 503, "back_at": 4102444800.0}})
    assert b"HTTP/1.1 503 X" in talk(book, REQUEST).written
    assert b"retry-after: Fri, 01 Jan 2100 00:00:00 GMT" in talk(book, REQUEST).written
    book.set({"/t1": {"status": 503, "back_at": 1.0}})
    assert talk(book, REQUEST).written.startswith(b"HTTP/1.1 200")
    assert [row[4] for row in book.rows] == [503, 503, 200]


def test_a_path_that_hangs_is_counted_as_in_flight_until_its_connection_goes():
    book = Book(Behaviour())
    book.set({"/t1": {"hang": True}})
    conversation = Conversation(book)
    conversation.connection_made(Wire())  # type: ignore[arg-type]
    conversation.data_received(REQUEST)
    assert (book.in_flight, book.peak_in_flight) == (1, 1)
    conversation.connection_lost(None)
    assert (book.in_flight, book.peak_in_flight, book.delivered) == (0, 1, set())


def test_a_report_without_measurements_still_says_what_broke():
    run = {
        "at": "now",
        "store": "sqlite",
        "form": "short",
        "machine": {
            "cores": 2,
            "processor": "x",
            "memory_gb": 1,
            "kernel": "6",
            "python": "3.11",
            "load_average": [0.0],
            "versions": {},
        },
        "servers": {},
        "sink": {
            "capacity_per_second": 70_000,
            "sink_cpu_microseconds": 14,
            "generator_cpu_microseconds": 14,
            "together_per_second": 65_000.0,
        },
        "broken": ["one: RuntimeError: not ready"],
        "configuration": {},
    }
    assert "* broken: one: RuntimeError: not ready" in markdown(run, [])
