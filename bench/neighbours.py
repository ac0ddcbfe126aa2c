"""Whether a sick target harms the others."""

import time
from collections.abc import Sequence
from dataclasses import replace

from bench.accounting import first_arrivals
from bench.measurement import Measurement, load, new_prefix, open_window
from bench.product import Onhook, profile
from bench.rig import Rig
from bench.scale import Scale

SLOW_SECONDS = 2.0
TARGETS, HANGING = 20, 2
RATE = 200
TIMEOUT_SECONDS = 5
PATIENCE_SECONDS = 15.0
"""How long the last events of an open loop may take before they count as lost."""


def _beside(rig: Rig, system: Onhook, scenario: str, events: int, options: Sequence[str]) -> Measurement:
    """An open loop whose latencies count, whatever else goes on; no rate and no cost, since those would mix the two."""
    window = open_window(rig, system, scenario)
    loaded = load(rig, system, events, *options)
    window.began, window.ended = float(loaded.summary["first_post_at"]), time.time()
    ids = loaded.accepted()
    while ids - first_arrivals(rig.sink.arrivals()).keys() and time.time() < window.ended + PATIENCE_SECONDS:
        time.sleep(0.5)
    measured = window.close(loaded, rig.sink.arrivals())
    return replace(measured, delivered_per_second=None, arrived_per_second=None, cpu_per_1000=None)


def _rise(before: Measurement, after: Measurement) -> str:
    if before.arrival is None or after.arrival is None:
        return "nothing arrived"
    rise = 100 * (after.arrival.p95 / before.arrival.p95 - 1)
    return f"p95 from due to target {rise:+.0f} % ({before.arrival.p95:.1f} to {after.arrival.p95:.1f} ms)"


def slow_targets(rig: Rig, scale: Scale) -> list[Measurement]:
    """One target answers after 2 s and is flooded; another gets 200 events a second and should not notice."""
    profiles = [profile("slow", rig.sink.url + "/slow", "slow"), profile("fast", rig.sink.url + "/fast", "fast")]
    options = ["--campaigns", "fast", "--rate", str(RATE), "--connections", "256"]
    with rig.onhook(profiles) as system:
        rig.warm_up(system, 600, *options)
        rig.sink.behave(slow={"delay_seconds": SLOW_SECONDS})
        alone = _beside(rig, system, f"{RATE}/s alone", RATE * scale.open_seconds, options)
        rig.sink.reset()
        flood = rig.load(system, new_prefix(), scale.slow, "--campaigns", "slow", "--batch", "50", "--connections", "2")
        beside = _beside(rig, system, f"{RATE}/s beside a slow target", RATE * scale.open_seconds, options)
        flood.finish()
        peak = int(rig.sink.counts()["peak_in_flight"])
        beside.notes.append(f"{peak:,} requests in flight at the sink at most, by {rig.workers} worker process(es)")
    beside.notes.append(_rise(alone, beside))
    return [alone, beside]


def isolation(rig: Rig, scale: Scale) -> list[Measurement]:
    """200 events a second over 20 targets, then the same while 2 never answer. Latencies are those of the other 18."""
    names = [f"t{n}" for n in range(TARGETS)]
    sick, healthy = names[:HANGING], names[HANGING:]
    rate, sick_rate = RATE * len(healthy) // TARGETS, RATE * HANGING // TARGETS
    options = ["--campaigns", ",".join(healthy), "--rate", str(rate), "--connections", "256"]
    sick_options = ["--campaigns", ",".join(sick), "--rate", str(sick_rate), "--connections", "16"]
    measured = []
    with rig.onhook([profile(n, f"{rig.sink.url}/{n}", n, timeout_seconds=TIMEOUT_SECONDS) for n in names]) as system:
        rig.warm_up(system, 600, *options)
        for hang in (False, True):
            rig.sink.behave(**({name: {"hang": True} for name in sick} if hang else {}))
            rig.sink.reset()
            sick_load = rig.load(system, new_prefix(), sick_rate * scale.isolation_seconds, *sick_options)
            scenario = f"18 of 20 targets, 2 {'hang' if hang else 'healthy'}"
            measured.append(_beside(rig, system, scenario, rate * scale.isolation_seconds, options))
            sick_load.finish()
    measured[1].notes.append(_rise(*measured))
    return measured
