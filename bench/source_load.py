"""The load generator for sources as a command: posts of several formats in turns, or the legs of calls."""

import argparse
import sys
from array import array
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bench.accounting import Post
from bench.generator import Connection, Generator, Plan
from bench.load import carry_out
from bench.source_posts import Slot, SourcePosts, legs, mixed


def slots_of(kind: str, count: int, later: int) -> list[Slot]:
    """The posts of a run: so many of several formats, or those of so many calls."""
    return list(mixed(count)) if kind == "mixed" else legs(count, later)


class SourceGenerator(Generator):
    """Carries out one plan. All requests are made before the first is due."""

    def __init__(self, plan: Plan, slots: Sequence[Slot]) -> None:
        super().__init__(plan)
        made = SourcePosts(plan.url, plan.prefix)
        self.requests = [made.request(slot) for slot in slots]
        self.calls = array("l", [slot.call for slot in slots])

    def request(self, post: int) -> bytes:
        return self.requests[post]

    def next_idle(self) -> Connection:
        """The one that waited longest. The API closes what was idle for 5 s, and a post that crosses with that would
        stay unanswered, for which nobody but the poster's way of keeping connections is to blame."""
        return self.idle.pop(0)

    def posts(self) -> list[Post]:
        """Every post that was started, in order; `first` is the number of its call."""
        return [replace(post, first=call) for post, call in zip(super().posts(), self.calls, strict=False)]


def main(argv: Sequence[str] | None = None) -> int:
    """Prints the summary as JSON. Status 1 where a post was refused or not answered."""
    parser = argparse.ArgumentParser(prog="python -m bench.source_load", description=__doc__)
    parser.add_argument("--url", required=True, help="the API, without a path")
    parser.add_argument("--kind", choices=["mixed", "legs"], required=True)
    parser.add_argument("--count", type=int, required=True, help="posts, or calls where they come in legs")
    parser.add_argument("--later", type=int, default=0, help="legs between a late repeat and its first post")
    parser.add_argument("--prefix", required=True, help="start of every call's id; choose another for every run")
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--rate", type=float, help="posts per second; without it, as fast as they are accepted")
    parser.add_argument("--posts-file", type=Path)
    a = parser.parse_args(argv)
    slots = slots_of(a.kind, a.count, a.later)
    plan = Plan(a.url, len(slots), a.prefix, connections=a.connections, rate=a.rate)
    return carry_out(SourceGenerator(plan, slots), a.posts_file)


if __name__ == "__main__":
    sys.exit(main())
