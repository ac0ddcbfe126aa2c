"""How the demonstration looks: a live table on a terminal, plain lines anywhere else."""

from collections import deque
from typing import Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.table import Column, Table
from rich.text import Text

from dispatcher.demo.calls import DemoCall
from dispatcher.demo.watch import Watch

LAST_CALLS = 8
MARKS = {"delivered": ("✓", "green"), "retrying": ("↻", "yellow"), "dead": ("✗", "red"), "discarded": ("⊘", "red")}
SENDING = ("…", "cyan")
STATES = (("delivered",), ("retrying",), ("dead", "discarded"), ("sending", "pending"))


class Screen(Protocol):
    """Where the demonstration is seen."""

    def note(self, line: str) -> None:
        """Says something once."""
        ...

    def posted(self, call: DemoCall) -> None:
        """A call was posted."""
        ...

    def show(self, watch: Watch, stats: dict[str, int]) -> None:
        """What became of everything so far."""
        ...

    def close(self) -> None:
        """The last look stays."""
        ...


class LiveScreen:
    """A table that is drawn over itself."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._last: deque[DemoCall] = deque(maxlen=LAST_CALLS)
        # Drawn by whoever calls, never by a thread of Rich's: two of them would be one too many.
        self._live = Live(Text("Starting…"), console=console, auto_refresh=False)
        self._live.start(refresh=True)

    def note(self, line: str) -> None:
        self._live.console.print(line, markup=False, highlight=False)

    def posted(self, call: DemoCall) -> None:
        self._last.append(call)

    def show(self, watch: Watch, stats: dict[str, int]) -> None:
        self._live.update(
            Group(_profile_table(watch), _call_table(self._last, watch), _totals(watch, stats)), refresh=True
        )

    def close(self) -> None:
        self._live.stop()


class PlainScreen:
    """A line whenever something changed, for logs and pipes."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._before = ""

    def note(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)

    def posted(self, call: DemoCall) -> None:
        self.note(f"call {call.id}: {call.summary}")

    def show(self, watch: Watch, stats: dict[str, int]) -> None:
        line = _totals(watch, stats).plain
        if line != self._before:
            self._before = line
            self.note(line)

    def close(self) -> None:
        return


def summary_lines(watch: Watch) -> list[str]:
    """What each profile's deliveries came to, a line each."""
    lines = []
    for profile, counts in sorted(watch.counts.items()):
        words = ", ".join(f"{count} {state}" for state, count in sorted(counts.items()) if count)
        reason = f" ({watch.reasons[profile]})" if counts["dead"] and profile in watch.reasons else ""
        lines.append(f"  {profile:<20} {words}{reason}")
    return lines


def _profile_table(watch: Watch) -> Table:
    numbers = [Column(name, justify="right") for name in ("delivered", "retrying", "given up", "on their way")]
    table = Table("profile", *numbers, "last trouble")
    for profile, counts in sorted(watch.counts.items()):
        shown = [str(sum(counts[state] for state in states) or "") for states in STATES]
        table.add_row(profile, *shown, Text(watch.reasons.get(profile, ""), overflow="ellipsis", no_wrap=True))
    return table


def _call_table(calls: deque[DemoCall], watch: Watch) -> Table:
    table = Table("the last calls", "what became of them", box=None)
    for call in calls:
        table.add_row(Text(call.summary, no_wrap=True, overflow="ellipsis"), _fates(watch.by_call.get(call.id, {})))
    return table


def _fates(states: dict[str, str]) -> Text:
    text = Text()
    for profile, state in sorted(states.items()):
        mark, style = MARKS.get(state, SENDING)
        text.append(f"{mark} {profile}  ", style)
    return text or Text("no profile fired yet", "dim")


def _totals(watch: Watch, stats: dict[str, int]) -> Text:
    counts = {state: watch.total(state) for state in ("delivered", "retrying", "dead", "sending", "pending")}
    said = ", ".join(f"{count} {state}" for state, count in counts.items())
    return Text(f"{stats['calls']} calls, {stats['accepted']} events: {said}")
