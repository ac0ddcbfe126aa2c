"""`python -m bench`: runs the scenarios, prints the report and keeps it below `bench/results/`."""

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import machine, micro, report
from bench.measurement import Measurement
from bench.proof import prove
from bench.rig import Rig
from bench.scale import LONG, SHORT, Scale
from bench.scenarios import IN_LONG, IN_SHORT, SCENARIOS
from bench.servers import postgresql_binaries

RESULTS = Path(__file__).resolve().parent / "results"


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--short", action="store_true", help="about five minutes (the default)")
    form.add_argument("--long", action="store_true", help="everything, 100,000 at a time")
    parser.add_argument(
        "--only", action="append", choices=[*SCENARIOS, *micro.PARTS], help="only this; may be repeated"
    )
    parser.add_argument(
        "--store", choices=["postgresql", "sqlite"], help="PostgreSQL where its programs are installed, else SQLite"
    )
    parser.add_argument("--workers", type=int, default=2, help="worker processes of the product")
    return parser.parse_args(argv)


def _say(m: Measurement, naive: float | None) -> None:
    cells = zip(report.COLUMNS, report.row(m, naive), strict=True)
    print("  " + "; ".join(f"{name} {value}" for name, value in cells if value != "-"), flush=True)
    for note in [*m.notes, *report.problems(m)]:
        print(f"    {note}", flush=True)


def measure(rig: Rig, names: Sequence[str], scale: Scale) -> tuple[list[Measurement], list[str]]:
    """Runs scenarios one after another; a scenario that breaks down is named, and does not end the run."""
    measured: list[Measurement] = []
    broken = []
    for name in names:
        print(f"{name} ...", flush=True)
        try:
            new = SCENARIOS[name](rig, scale)
        # A scenario that cannot run (a missing feature, a crash of what is measured) must not cost the others' figures.
        except Exception as problem:  # noqa: BLE001
            broken.append(f"{name}: {type(problem).__name__}: {problem}")
            print(f"  broken: {broken[-1]}", flush=True)
            continue
        measured += new
        for m in new:
            _say(m, report.baseline(measured))
    return measured, broken


def _run_on_servers(run: dict[str, Any], a: argparse.Namespace, names: Sequence[str]) -> list[Measurement]:
    rig = Rig(run["store"], a.workers)
    try:
        measured, run["broken"] = measure(rig, names, LONG if a.long else SHORT)
        settings = rig.postgresql.settings() if rig.postgresql else {}
        run["servers"] = {
            "broker": f"{rig.redis.name} {rig.redis.version}",
            **({"PostgreSQL": settings["server_version"]} if settings else {}),
        }
        run["configuration"] = {**rig.effective, "postgresql": settings, "broker": "append-only file, unix socket"}
    finally:
        rig.stop()
    return measured


def _figures(parts: Sequence[str], measured: Sequence[Measurement]) -> list[micro.Figure]:
    figures = []
    for part in parts:
        print(f"{part} ...", flush=True)
        for figure in micro.PARTS[part](measured):
            figures.append(figure)
            cells = zip(micro.COLUMNS, micro.row(figure), strict=True)
            print("  " + "; ".join(f"{name} {value}" for name, value in cells), flush=True)
    return figures


def main(argv: Sequence[str] | None = None) -> int:
    """Status 1 where a scenario broke down, an accepted event was lost, or a step of a worker exceeds its bar."""
    a = _arguments(argv)
    chosen = a.only or [*(IN_LONG if a.long else IN_SHORT), *micro.PARTS]
    names = [name for name in chosen if name in SCENARIOS]
    run: dict[str, Any] = {
        "at": f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC",
        "store": a.store or ("postgresql" if postgresql_binaries() else "sqlite"),
        "form": "long" if a.long else "short",
        "machine": machine.describe(),
        "servers": {},
        "configuration": {},
        "broken": [],
    }
    run["sink"] = prove()
    measured = _run_on_servers(run, a, names) if names else []
    figures = _figures([part for part in chosen if part in micro.PARTS], measured)
    path = report.write(RESULTS, run, measured, figures)
    print()
    print(path.read_text())
    print(f"written to {path}")
    exceeded = any(figure.held is False for figure in figures)
    return 1 if exceeded or run["broken"] or any(m.balance.lost for m in measured) else 0


if __name__ == "__main__":
    sys.exit(main())
