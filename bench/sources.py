"""What posters and the assembler of calls may count on: posts in call systems' own formats, at a fixed rate."""

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

from bench.accounting import Post, Spread, first_arrivals, spread
from bench.events import event_id
from bench.measurement import Loaded, Measurement, new_prefix, open_window
from bench.processes import Spent
from bench.product import Onhook, profile
from bench.proof import Load
from bench.rig import Rig
from bench.scale import Scale
from bench.source_load import slots_of
from bench.source_posts import LEGS, QUIET_SECONDS, SOURCES, Slot, whole_cycles
from bench.told_calls import told_calls

RATE = 200
MAX_ANSWER_MS = 50.0
"""What 95 of 100 posters may have to wait: RingCentral, for one, gives up on whoever is slow."""
MAX_ANSWER_BYTES = 1_024
"""What RingCentral takes of an answer; here the head counts too."""
_REPEATS = 0.1
_LATE_SECONDS = QUIET_SECONDS + 1.5
"""After its first post a late repeat comes: when the call has been told."""
_WARM_UP = 600


def sources(rig: Rig, scale: Scale) -> list[Measurement]:
    """First formats in turns, by which posters are judged; then calls of three legs, by which the assembler is."""
    with _running(rig) as system:
        return [_posters(rig, system, scale), _assembled(rig, system, scale)]


@contextlib.contextmanager
def _running(rig: Rig) -> Iterator[Onhook]:
    """The product with its sources, warm; every call.finished goes to the sink."""
    wanted = profile("crm", rig.sink.url + "/hook")
    wanted["trigger"]["criteria"] = {"all": []}
    with rig.onhook([wanted]) as system:
        for name, source in SOURCES.items():
            system.ask("POST", "/v1/sources", {"name": name, "country": "US", **source})
        for kind, count in (("mixed", whole_cycles(_WARM_UP)), ("legs", _WARM_UP // LEGS)):
            base, warm = system.delivered(), _load(system, kind, count, rate=RATE)
            rig.until_recorded(system, base, len(warm.accepted()))
            rig.sink.reset()
        yield system


def _load(system: Onhook, kind: str, count: int, *, rate: float, later: int = 0) -> Loaded:
    prefix = new_prefix()
    options = ["--kind", kind, "--count", str(count), "--prefix", prefix, "--rate", str(rate), "--later", str(later)]
    summary, posts = Load(system.base, options, module="bench.source_load").finish()
    return Loaded(prefix, posts, summary, summary["process_cpu_seconds"])


def _posters(rig: Rig, system: Onhook, scale: Scale) -> Measurement:
    count = whole_cycles(RATE * scale.open_seconds)
    measured, loaded, _ = _run(rig, system, f"sources, 4 formats, {RATE}/s", "mixed", count, rate=RATE)
    slots = slots_of("mixed", count, 0)
    measured.notes.append(limits_kept(measured.accept, loaded.posts))
    measured.notes.append(by_format(slots, loaded.posts))
    measured.notes.append(cpu_by_role(measured.processes, measured.cpu_by_part, count, "posts"))
    return measured


def _assembled(rig: Rig, system: Onhook, scale: Scale) -> Measurement:
    calls = RATE * scale.open_seconds // LEGS
    rate, later = RATE * (1 + _REPEATS), int(RATE * _LATE_SECONDS)
    scenario = f"calls of {LEGS} legs, {RATE} legs/s"
    measured, loaded, arrivals = _run(rig, system, scenario, "legs", calls, rate=rate, later=later)
    slots, parts = slots_of("legs", calls, later), calls * LEGS
    told = told_calls(system.engine, loaded.prefix, QUIET_SECONDS)
    repeats = sum(slot.repeat for slot in slots)
    measured.notes += [
        limits_kept(measured.accept, loaded.posts),
        f"{told.verdict(loaded.accepted(), parts)}; {repeats:,} of the posts were repeats",
        told_late(told.late, after_quiet(loaded, slots, arrivals)),
        cpu_by_role(measured.processes, measured.cpu_by_part, parts, "legs"),
    ]
    return measured


def _run(
    rig: Rig, system: Onhook, scenario: str, kind: str, count: int, *, rate: float, later: int = 0
) -> tuple[Measurement, Loaded, dict[str, float]]:
    """One window, to the last call delivered and whatever a late repeat may bring; then when each call arrived.

    No rate and no way from due to target: both would measure quiet periods.
    """
    rig.sink.reset()
    base = system.delivered()
    window = open_window(rig, system, scenario)
    loaded = _load(system, kind, count, rate=rate, later=later)
    window.began = float(loaded.summary["first_post_at"])
    window.until_recorded(base, len(loaded.accepted()))
    time.sleep(QUIET_SECONDS + 1)
    arrivals = rig.sink.arrivals()
    measured = window.close(loaded, arrivals)
    measured = replace(measured, delivered_per_second=None, arrived_per_second=None, arrival=None, cpu_per_1000=None)
    return measured, loaded, first_arrivals(arrivals)


def after_quiet(loaded: Loaded, slots: Sequence[Slot], arrived: dict[str, float]) -> Spread | None:
    """From the end of a call's quiet period, counted from the answer to its last leg, to its arrival at the sink."""
    last: dict[str, float] = {}
    for slot, post in zip(slots, loaded.posts, strict=False):
        if not slot.repeat:
            call = event_id(loaded.prefix, slot.call)
            last[call] = max(last.get(call, 0.0), post.done)
    return spread(arrived[call] - done - QUIET_SECONDS for call, done in last.items() if call in arrived)


def told_late(told: Spread | None, arrived: Spread | None) -> str:
    """How long after its quiet period a call was told, as a sentence of the report."""
    quiet = f"after its quiet period of {QUIET_SECONDS:g} s"
    return f"{quiet} a call was told {_spread(told)}, at the target {_spread(arrived)}"


def limits_kept(accept: Spread | None, posts: Sequence[Post]) -> str:
    """Whether posters got what they may count on, as a sentence of the report."""
    largest = max((post.answer_bytes for post in posts), default=0)
    refused, silent = sum(not post.accepted for post in posts), sum(not post.status for post in posts)
    kept = accept is not None and accept.p95 <= MAX_ANSWER_MS and largest <= MAX_ANSWER_BYTES and not refused
    return (
        f"poster limits {'kept' if kept else 'NOT KEPT'}: answers p50/p95/p99 {_spread(accept)} (p95 <= "
        f"{MAX_ANSWER_MS:g} ms), the largest {largest:,} bytes with its head (<= {MAX_ANSWER_BYTES:,}), "
        f"{refused:,} of {len(posts):,} not 2xx ({silent:,} without an answer)"
    )


def by_format(slots: Sequence[Slot], posts: Sequence[Post]) -> str:
    """How long each source's answers took."""
    names = list(dict.fromkeys(slot.source for slot in slots))
    pairs = list(zip(slots, posts, strict=False))
    spreads = {n: spread(post.done - post.due for slot, post in pairs if slot.source == n) for n in names}
    return "by format: " + "; ".join(f"{name} {_spread(each)}" for name, each in spreads.items())


def cpu_by_role(lines: Sequence[Spent], parts: dict[str, float], count: int, what: str) -> str:
    """CPU for each 1,000 posts of the processes that take part; the sweeper is the one that assembles."""
    roles = {"API": "api", "sweeper (assembles)": "sweeper", "workers": "worker"}
    spent = {name: sum(x.cpu_seconds for x in lines if x.name.split()[-1:] == [word]) for name, word in roles.items()}
    spent |= {name: parts[name.lower()] for name in ("PostgreSQL", "Redis") if name.lower() in parts}
    return f"CPU s per 1,000 {what}: " + ", ".join(f"{n} {1000 * s / max(count, 1):.2f}" for n, s in spent.items())


def _spread(latency: Spread | None) -> str:
    return "-" if latency is None else f"{latency.p50:.1f} / {latency.p95:.1f} / {latency.p99:.1f} ms"
