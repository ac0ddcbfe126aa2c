"""CPU time and memory of a process and everything it started, read from /proc (Linux)."""

import os
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_STATE_FIELDS = 22
"""How many fields of /proc/<pid>/stat after the command are read; proc(5) numbers them from 3."""


@dataclass(frozen=True)
class Usage:
    """One process. `ended_cpu_seconds` is what children that ended and were waited for had used."""

    pid: int
    parent: int
    session: int
    name: str
    cpu_seconds: float
    ended_cpu_seconds: float
    peak_rss_mb: float


def _peak_rss_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return round(int(line.split()[1]) / 1024, 1)
    return 0.0  # a kernel thread or a zombie has no memory of its own


def read(pid: int) -> Usage | None:
    """One process as it is now; None where it has ended."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
        command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        peak = _peak_rss_mb(pid)
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = text[text.rindex(")") + 2 :].split()[:_STATE_FIELDS]
    user, system, ended_user, ended_system = (int(f) / _TICKS for f in fields[11:15])
    return Usage(
        pid,
        int(fields[1]),
        int(fields[3]),
        command or text[text.index("(") + 1 : text.rindex(")")],
        user + system,
        ended_user + ended_system,
        peak,
    )


def tree(root: int) -> dict[int, Usage]:
    """The process `root`, all its descendants, and all of the session it leads, by pid."""
    everyone = {u.pid: u for p in Path("/proc").iterdir() if p.name.isdigit() and (u := read(int(p.name))) is not None}
    wanted = {pid for pid, u in everyone.items() if root in (pid, u.session)}
    while more := {pid for pid, u in everyone.items() if u.parent in wanted and pid not in wanted}:
        wanted |= more
    return {pid: everyone[pid] for pid in wanted}


@dataclass(frozen=True)
class Spent:
    """What one process used between two looks."""

    name: str
    cpu_seconds: float
    peak_rss_mb: float
    """Since the process began, not only between the looks."""


def spent(before: dict[int, Usage], after: dict[int, Usage]) -> list[Spent]:
    """Every process of `after`, and a line for children that ended meanwhile (exact if waited for)."""
    lines = [
        Spent(u.name, round(u.cpu_seconds - (before[pid].cpu_seconds if pid in before else 0.0), 2), u.peak_rss_mb)
        for pid, u in sorted(after.items())
    ]
    gone = sum(u.cpu_seconds + u.ended_cpu_seconds for pid, u in before.items() if pid not in after)
    known = sum(before[pid].ended_cpu_seconds for pid in before if pid in after)
    ended = sum(u.ended_cpu_seconds for u in after.values()) - known - gone
    return [*lines, Spent("(ended children)", round(ended, 2), 0.0)] if ended >= 0.01 else lines


def total_cpu_seconds(lines: list[Spent]) -> float:
    """The sum over processes."""
    return round(sum(line.cpu_seconds for line in lines), 2)


def machine_seconds() -> tuple[float, float]:
    """CPU seconds since the machine started: used by all its processes, and taken away by its host (steal)."""
    fields = [int(f) / _TICKS for f in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    user, nice, system, _idle, _iowait, irq, softirq, steal = fields
    return user + nice + system + irq + softirq, steal
