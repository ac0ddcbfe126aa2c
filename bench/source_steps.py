"""What reading a post costs inside the API, without servers: each format's `parse` on a typical body."""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from statistics import median
from typing import Any

from bench import micro
from bench.accounting import percentile
from bench.events import EventBodies
from bench.measurement import Measurement
from bench.source_posts import PAYLOADS, path_of, payload
from dispatcher.sources import FORMATS, Posted, SourceSettings
from dispatcher.sources.format import Parsed
from dispatcher.sources.normal import numbering

Parse = Callable[[Posted, SourceSettings], Sequence[Parsed]]

CONFIGS: dict[str, dict[str, Any]] = {
    "freeswitch": {"legs": True},
    "mapped": {
        "items": "$.calls[*]",
        "when": [{"path": "$.state", "is": ["ended", "missed"]}],
        "event": {
            "type": {"path": "$.state", "map": {"ended": "call.finished", "missed": "call.missed"}},
            "id": {"join": [{"path": "$.uuid"}, {"path": "$.state"}], "separator": ":"},
            "call": {
                "id": {"path": "$.uuid"},
                "direction": {"path": "$.dir", "map": {"in": "inbound"}, "otherwise": "outbound"},
                "started_at": {"path": "$.begin", "time": "epoch_ms"},
                "ended_at": {"join": [{"path": "$.day"}, {"path": "$.hour"}], "time": "%d.%m.%Y %H:%M:%S"},
                "duration_seconds": {"path": "$.len", "duration": "hh:mm:ss"},
                "external_number": {"first_of": [{"path": "$.peer"}, {"path": "$.from"}]},
                "agent": {"name": {"path": "$.who['full name']"}},
                "account_codes": {"path": "$.codes", "split": ","},
                "recording": {"state": "expected"},
            },
        },
    },
}
"""What the sources of these formats are configured with; those of all others with nothing."""
_WARM, _POSTS = 100, 300
_CALLER = b"4155550100"
_AREAS = (b"212", b"305", b"312", b"415")


def measured_formats() -> list[str]:
    """Formats that have a body here: `generic`, whose events the generator makes, and those of `bench/payloads`."""
    return sorted({"generic", *(path.stem for path in PAYLOADS.iterdir())} & FORMATS.keys())


def posts_of(name: str) -> list[Posted]:
    """Posts of a format, each of another caller where the body has the usual one: numbers that were looked up are
    remembered, and a parse must not live on that."""
    made = EventBodies("micro")
    callers = [b"%b55501%02d" % (area, number) for area in _AREAS for number in range((_WARM + _POSTS) // len(_AREAS))]
    bodies = [
        made.one(n) if name == "generic" else payload(name).replace(_CALLER, caller) for n, caller in enumerate(callers)
    ]
    url, now = f"http://127.0.0.1{path_of(name)}", datetime.now(UTC)
    return [Posted("POST", url, [], {}, body, now, "127.0.0.1") for body in bodies]


def parsing(_: Sequence[Measurement]) -> list[micro.Figure]:
    """One line for each format, with the size of its body."""
    return [_figure(name) for name in measured_formats()]


def _figure(name: str) -> micro.Figure:
    _forget_numbers()
    posts, settings = posts_of(name), SourceSettings("America/Los_Angeles", "US", CONFIGS.get(name, {}))
    spent = cpu_of_first_reading(FORMATS[name].parse, posts, settings)
    what = f"{name}, {len(posts[0].body):,} bytes"
    return micro.Figure("parsing", what, median(spent), percentile(sorted(spent), 95), "-", None)


def _forget_numbers() -> None:
    """The callers are the same for every format, and those of the last one were looked up."""
    for each in vars(numbering).values():
        if hasattr(each, "cache_clear"):
            each.cache_clear()


def cpu_of_first_reading(parse: Parse, posts: Sequence[Posted], settings: SourceSettings) -> list[float]:
    """Milliseconds of CPU of each post but those that warm up. Every post is read once; one that says nothing would
    be measured as a cheap one, and raises ValueError."""
    spent = []
    for post in posts:
        began = time.thread_time_ns()
        found = parse(post, settings)
        spent.append((time.thread_time_ns() - began) / 1e6)
        if not found:
            raise ValueError("a post without an event")
    return spent[_WARM:]
