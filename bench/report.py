"""The report: a table for people, JSON for machines, both of the same run."""

import json
import re
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import micro
from bench.accounting import Spread, ratio
from bench.measurement import Measurement
from bench.processes import Spent

COLUMNS = (
    "scenario",
    "system",
    "events",
    "delivered/s",
    "x naive",
    "accept p50/p95/p99 ms",
    "due to target p50/p95/p99 ms",
    "lost",
    "repeats",
    "CPU s/1,000",
    "disturbed",
)
SHOWN_CPU_SECONDS = 0.05
SINK_MARGIN = 5.0
"""The sink must take so many times what is measured."""


def _three(latency: Spread | None) -> str:
    return "-" if latency is None else f"{latency.p50:.1f} / {latency.p95:.1f} / {latency.p99:.1f}"


def _number(value: float | None, digits: int = 0) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"


def baseline(measurements: Sequence[Measurement]) -> float | None:
    """The best that the baseline delivered per second in this run, posted one by one; None without it."""
    rates = [m.delivered_per_second or 0.0 for m in measurements if m.system == "naive" and m.scenario == "one by one"]
    return max(rates, default=None)


def _disturbed(m: Measurement) -> str:
    """What the rest of the machine took, in CPU seconds; a good run has hardly any."""
    return f"{m.others_cpu_seconds:.1f} s, steal {m.steal_seconds:.1f} s"


def row(m: Measurement, naive: float | None) -> list[str]:
    """One line of the table."""
    # At a fixed rate the generator decides what is delivered: a ratio would say nothing.
    comparable = m.system != "naive" and m.generator["rate"] is None
    times = ratio(m.delivered_per_second, naive) if comparable else None
    return [
        m.scenario,
        m.system,
        f"{m.events:,}",
        _number(m.delivered_per_second),
        _number(times, 1),
        _three(m.accept),
        _three(m.arrival),
        str(m.balance.lost),
        str(m.balance.repeats),
        _number(m.cpu_per_1000, 2),
        _disturbed(m),
    ]


def problems(m: Measurement) -> list[str]:
    """What one must know before believing a line: refusals, losses, doubled deliveries, a run that did not end."""
    refused = int(m.generator["refused_posts"]) + int(m.generator["unanswered_posts"])
    doubtful = {
        "posts were refused or not answered": refused,
        "accepted events did not arrive: the rate is of those that did": m.balance.lost,
        "deliveries were never recorded as delivered": m.unrecorded,
        "events arrived again under another webhook-id": m.balance.doubled,
    }
    return [f"{count:,} {what}" for what, count in doubtful.items() if count]


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return ["| " + " | ".join(line) + " |" for line in (columns, ["---"] * len(columns), *rows)]


def _short(command: str) -> str:
    """A command line without the interpreter's path, for a table."""
    return re.sub(r"^\S*/", "", command).replace("|", "/")[:80]


def _process_rows(m: Measurement) -> list[list[str]]:
    """Processes of one command are one row: their number, the sum of their CPU, the memory of the biggest."""
    alike: dict[str, list[Spent]] = {}
    for process in m.processes:
        alike.setdefault(_short(process.name), []).append(process)
    rows = [(name, len(p), sum(x.cpu_seconds for x in p), max(x.peak_rss_mb for x in p)) for name, p in alike.items()]
    return [
        [m.scenario, m.system, name if count == 1 else f"{name} ({count} of them)", f"{cpu:.2f}", f"{peak:.0f}"]
        for name, count, cpu, peak in rows
        if cpu >= SHOWN_CPU_SECONDS
    ]


def _heading(run: dict[str, Any]) -> list[str]:
    machine = run["machine"]
    versions = {**machine["versions"], **run["servers"]}
    return [
        f"# Bench of {run['at']}, {run['store']}, {run['form']} form",
        "",
        "{cores} cores ({processor}), {memory_gb} GB, Linux {kernel}, Python {python}.".format(**machine),
        f"Load average before: {machine['load_average'][0]}.",
        f"Versions: {', '.join(f'{name} {version}' for name, version in versions.items())}.",
        "",
    ]


def _proof(proof: dict[str, float], fastest: float) -> str:
    return (
        f"The sink takes {proof['capacity_per_second']:,} requests a second on one core "
        f"({proof['sink_cpu_microseconds']} us of CPU each), the generator spends "
        f"{proof['generator_cpu_microseconds']} us per post; with nothing between them they exchange "
        f"{proof['together_per_second']:,.0f}/s here. The fastest arrival measured was {fastest:,.0f}/s: the sink is "
        f"{ratio(proof['capacity_per_second'], fastest) or '-'} times faster ({SINK_MARGIN:.0f} wanted)."
    )


LEGEND = """\
Delivered/s counts from the first post (a backlog: from when all was due) to the last delivery recorded in the database;
x naive is against the baseline's best here. Latencies count from the moment a post was due. CPU is of the system,
its database and its broker. Lost: accepted, never arrived. Repeats: the same webhook-id again. Disturbed: what the rest
of the machine used meanwhile, in CPU seconds, and what its host took away; believe a run that has little of either."""
PROCESS_COLUMNS = ("scenario", "system", "process", "CPU s", "peak RSS MB")


STEPS_HEADING = "Steps of a worker, alone and without servers, in CPU of one thread:"


def _steps(figures: Sequence[micro.Figure]) -> list[str]:
    if not figures:
        return []
    return [STEPS_HEADING, "", *_table(micro.COLUMNS, [micro.row(figure) for figure in figures]), ""]


def markdown(run: dict[str, Any], measurements: Sequence[Measurement], figures: Sequence[micro.Figure] = ()) -> str:
    """The whole report."""
    naive = baseline(measurements)
    fastest = max((m.arrived_per_second or 0.0 for m in measurements), default=0.0)
    lines = [*_heading(run), _proof(run["sink"], fastest), ""]
    if measurements:
        lines += [*_table(COLUMNS, [row(m, naive) for m in measurements]), "", LEGEND, ""]
    lines += _steps(figures)
    lines += [f"* broken: {what}" for what in run["broken"]]
    lines += [f"* {m.scenario} ({m.system}): {note}" for m in measurements for note in [*m.notes, *problems(m)]]
    lines += ["", *_table(PROCESS_COLUMNS, [r for m in measurements for r in _process_rows(m)])]
    lines += ["", "Effective configuration:", "", "```json", json.dumps(run["configuration"], indent=2), "```", ""]
    return "\n".join(lines)


def write(
    folder: Path, run: dict[str, Any], measurements: Sequence[Measurement], figures: Sequence[micro.Figure] = ()
) -> Path:
    """Writes `<name>.md` and `<name>.json`; the path of the former."""
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{run['store']}"
    (folder / f"{name}.json").write_text(
        json.dumps(
            {**run, "measurements": [asdict(m) for m in measurements], "steps": [asdict(each) for each in figures]},
            indent=1,
        )
    )
    path = folder / f"{name}.md"
    path.write_text(markdown(run, measurements, figures))
    return path
