"""What it takes to bring everything out after a target was away."""

import time
from dataclasses import replace

from bench.measurement import Loaded, Measurement, Window, load, open_window
from bench.product import profile
from bench.rig import Rig
from bench.scale import Scale

BATCHED = ("--batch", "50", "--connections", "8")
SLOWEST_FIRST_ATTEMPTS = 1_500
"""First attempts a second that a backlog is planned with: all must have failed before the target is back."""


def _drained(window: Window, loaded: Loaded, note: str) -> Measurement:
    """A backlog has no latencies of its own: they would be those of the posts and first attempts before the window."""
    measured = window.close(replace(loaded, cpu_seconds=0), window.rig.sink.arrivals(), note)
    return replace(measured, accept=None, arrival=None)


def after_outage(rig: Rig, scale: Scale) -> list[Measurement]:
    """A CRM is back from an outage: it answered 503 and `Retry-After: <T>`, all failed once, at T all are due.

    Measured from T to the last delivery recorded: posting, evaluating and the failed first attempts are over by then
    (a note says how many had failed), and the sweeper's part, finding what is due, is in the figure.
    """
    count = scale.backlog
    with rig.onhook([profile("crm", rig.sink.url + "/hook")]) as system:
        rig.warm_up(system, 300)
        back_at = float(int(time.time() + 6 + count / SLOWEST_FIRST_ATTEMPTS))
        rig.sink.behave(others={"status": 503, "back_at": back_at})
        base = system.delivered()
        loaded = load(rig, system, count, *BATCHED)
        while time.time() < back_at - 0.5 and rig.sink.counts()["requests"] < count:
            time.sleep(0.2)
        failed = int(rig.sink.counts()["requests"])
        time.sleep(max(back_at - time.time() - 0.2, 0))
        window = open_window(rig, system, "backlog after 503")
        window.began = back_at
        window.until_recorded(base, len(loaded.accepted()))
        note = f"{failed:,} first attempts had failed when the target came back"
        return [_drained(window, loaded, note)]


def replayed(rig: Rig, scale: Scale) -> list[Measurement]:
    """The other way back: one attempt each, all dead, a person replays them by filter. Measured from that request."""
    count = scale.backlog
    with rig.onhook([profile("crm", rig.sink.url + "/hook")]) as system:
        rig.warm_up(system, 300)
        system.ask("PATCH", "/v1/profiles/crm", {"retry": {"delays_seconds": []}})
        rig.sink.behave(others={"status": 503})
        base = system.delivered()
        loaded = load(rig, system, count, *BATCHED)
        give_up = time.time() + 60 + count / 500
        while system.by_state().get("dead", 0) < count and time.time() < give_up:
            time.sleep(0.5)
        rig.sink.behave()
        window = open_window(rig, system, "backlog replayed")
        window.began = time.time()
        answer = system.ask("POST", "/v1/deliveries/replay", {"filter": {"state": "dead"}, "dry_run": False})
        note = f"the replay of {answer['count']:,} was answered after {time.time() - window.began:.1f} s"
        window.until_recorded(base, len(loaded.accepted()))
        return [_drained(window, loaded, note)]


def naive_queue(rig: Rig, scale: Scale) -> list[Measurement]:
    """The baseline's kindest backlog: all is queued while its worker is stopped. Measured from the first arrival on."""
    with rig.naive() as system:
        rig.warm_up(system)
        system.stop_worker()
        base = system.delivered()
        loaded = load(rig, system, scale.naive)
        window = open_window(rig, system, "backlog")
        system.start_worker()
        window.before.trees["worker"] = {}
        window.until_recorded(base, len(loaded.accepted()))
        window.began = min(a.at for a in rig.sink.arrivals())
        return [_drained(window, loaded, "its CPU has the worker's start in it")]
