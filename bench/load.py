"""The load generator as a command: posts events as fast as they are accepted, or at a fixed rate."""

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from bench.accounting import Post, spread
from bench.generator import Generator, Plan

AUTHORIZATION_VARIABLE = "BENCH_AUTHORIZATION"


def summary(posts: Sequence[Post], cpu_seconds: float, rate: float | None = None) -> dict[str, object]:
    """What a person wants to know of a run; latencies in milliseconds from the moment a post was due."""
    answered = [p for p in posts if p.status]
    accepted = sum(p.count for p in posts if p.accepted)
    first, last = min(p.sent for p in posts), max(p.done for p in posts)
    accept, lag = spread(p.done - p.due for p in answered), spread(p.sent - p.due for p in posts)
    return {
        "rate": rate,
        "posts": len(posts),
        "accepted_events": accepted,
        "refused_posts": sum(not p.accepted for p in answered),
        "unanswered_posts": len(posts) - len(answered),
        "first_post_at": first,
        "last_answer_at": last,
        "posts_per_second": round(len(posts) / max(last - first, 1e-9), 1),
        "largest_answer_bytes": max((p.answer_bytes for p in answered), default=0),
        "cpu_microseconds_per_post": round(1e6 * cpu_seconds / len(posts), 1),
        "accept": asdict(accept) if accept else None,
        "generator_lag": asdict(lag) if lag else None,
    }


def write_posts(path: Path, posts: Sequence[Post]) -> None:
    """One line per post: first, count, due, sent, done, status, bytes of the answer; tab-separated."""
    path.write_text(
        "".join(
            f"{p.first}\t{p.count}\t{p.due:.6f}\t{p.sent:.6f}\t{p.done:.6f}\t{p.status}\t{p.answer_bytes}\n"
            for p in posts
        )
    )


def read_posts(path: Path) -> list[Post]:
    """What `write_posts` wrote."""
    rows = (line.split("\t") for line in path.read_text().splitlines())
    return [Post(int(a), int(b), float(c), float(d), float(e), int(f), int(g)) for a, b, c, d, e, f, g in rows]


def _plan(argv: Sequence[str] | None) -> tuple[Plan, Path | None]:
    parser = argparse.ArgumentParser(prog="python -m bench.load", description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--prefix", default="bench", help="start of every event's id; choose another for every run")
    parser.add_argument("--first", type=int, default=0, help="number of the first event")
    parser.add_argument("--batch", type=int, default=1, help="events per post")
    parser.add_argument("--connections", type=int, default=32, help="at most so many (at a rate, opened as needed)")
    parser.add_argument("--rate", type=float, help="posts per second; without it, as fast as they are accepted")
    parser.add_argument("--campaigns", default="", help="comma-separated; event n gets the n-th, round and round")
    parser.add_argument("--header", action="append", default=[], help="a further request header, 'Name: value'")
    parser.add_argument("--posts-file", type=Path, help="where to write a line per post")
    a = parser.parse_args(argv)
    authorization = os.environ.get(AUTHORIZATION_VARIABLE)
    headers = [*a.header, *([f"Authorization: {authorization}"] if authorization else [])]
    plan = Plan(
        url=a.url,
        events=a.events,
        prefix=a.prefix,
        batch=a.batch,
        connections=a.connections,
        rate=a.rate,
        campaigns=tuple(c for c in a.campaigns.split(",") if c),
        headers=tuple(headers),
        first=a.first,
    )
    return plan, a.posts_file


def carry_out(generator: Generator, posts_file: Path | None) -> int:
    """Runs one plan; prints its summary as JSON. Status 1 where a post was refused or not answered."""
    plan = generator.plan
    if plan.rate is None:
        generator.idle = [generator.connect() for _ in range(min(plan.connections, plan.posts))]
    before = time.process_time()
    generator.run()
    cpu = time.process_time() - before
    posts = generator.posts()
    # Making requests beforehand counts here, so that nobody takes it for a disturbance.
    report = summary(posts, cpu, plan.rate) | {"process_cpu_seconds": round(time.process_time(), 2)}
    if posts_file is not None:
        write_posts(posts_file, posts)
    print(json.dumps(report))
    return 0 if report["accepted_events"] == plan.events else 1


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one plan; see `carry_out`."""
    plan, posts_file = _plan(argv)
    return carry_out(Generator(plan), posts_file)


if __name__ == "__main__":
    sys.exit(main())
