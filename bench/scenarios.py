"""What is measured. Every scenario starts its system on an empty store, warms it up and loads it."""

from collections.abc import Callable

from bench import backlogs, neighbours, soap, sources
from bench.measurement import Measurement, flow
from bench.naive.system import PREFORK_PROCESSES
from bench.product import profile
from bench.rig import Rig
from bench.scale import Scale

Scenario = Callable[[Rig, Scale], list[Measurement]]


def naive_one_by_one(rig: Rig, scale: Scale) -> list[Measurement]:
    """The baseline, events posted one by one."""
    with rig.naive() as system:
        rig.warm_up(system)
        measured = flow(rig, system, "one by one", scale.naive)
    measured.notes.append(f"Celery prefork {PREFORK_PROCESSES}, uvicorn 1")
    return [measured]


def one_by_one(rig: Rig, scale: Scale) -> list[Measurement]:
    """32 connections, each posting one event as soon as its last is accepted."""
    with rig.onhook([profile("crm", rig.sink.url + "/hook")]) as system:
        rig.warm_up(system, 300)
        measured = flow(rig, system, "one by one", scale.one_by_one)
        measured.notes.append(f"ready {system.start_seconds} s after its start")
    return [measured]


def batched(rig: Rig, scale: Scale) -> list[Measurement]:
    """The same with 50 events per post."""
    with rig.onhook([profile("crm", rig.sink.url + "/hook")]) as system:
        rig.warm_up(system, 300, *backlogs.BATCHED)
        return [flow(rig, system, "50 at a time", scale.batched, *backlogs.BATCHED)]


def open_loop(rig: Rig, scale: Scale) -> list[Measurement]:
    """A fixed rate, latencies from the moment each post was due."""
    measured = []
    for rate in (200, 1000):
        with rig.onhook([profile("crm", rig.sink.url + "/hook")]) as system:
            rig.warm_up(system, 600, "--rate", "200", "--connections", "64")
            options = ["--rate", str(rate), "--connections", "256"]
            measured.append(flow(rig, system, f"open loop {rate}/s", rate * scale.open_seconds, *options))
    return measured


def growth(rig: Rig, scale: Scale) -> list[Measurement]:
    """The same events with 1 and with 1,000 profiles, each event firing one of them."""
    measured = []
    for count in (1, 1000):
        names = [f"c{n}" for n in range(count)]
        campaigns = ["--campaigns", ",".join(names)]
        with rig.onhook([profile(name, rig.sink.url + "/hook", name) for name in names]) as system:
            rig.warm_up(system, 1000, *campaigns)
            measured.append(flow(rig, system, f"{count} profiles", scale.growth, *campaigns))
    return measured


SCENARIOS: dict[str, Scenario] = {
    "naive": naive_one_by_one,
    "one": one_by_one,
    "batched": batched,
    "backlog": backlogs.after_outage,
    "open": open_loop,
    "slow": neighbours.slow_targets,
    "isolation": neighbours.isolation,
    "replay": backlogs.replayed,
    "naive-backlog": backlogs.naive_queue,
    "growth": growth,
    "soap": soap.beside_rest,
    "sources": sources.sources,
}
IN_SHORT = ("naive", "one", "batched", "backlog", "open", "slow", "isolation", "soap", "sources", "naive")
"""The baseline is measured first and last: the better counts, and their difference shows how steady the machine is."""
IN_LONG = (*SCENARIOS, "naive")
