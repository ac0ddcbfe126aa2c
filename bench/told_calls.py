"""What the database says of a run's calls that came in parts: what was told of each, and how long after its quiet."""

from collections import Counter
from dataclasses import dataclass

from sqlalchemy import Engine, func, select

from bench.accounting import Spread, spread
from dispatcher.adapters.sql.tables import assemblies, call_parts, events


@dataclass(frozen=True)
class Told:
    """Counted over the calls of one prefix."""

    parts: int
    finished: Counter[str]
    """How many call.finished each call has, by its id."""
    other_events: int
    late: Spread | None
    """From the end of a call's quiet period to the moment it was told."""

    def verdict(self, calls: set[str], parts: int) -> str:
        """Whether every call is told once and every part is kept once, as a sentence of the report."""
        never, again = len(calls - self.finished.keys()), sum(count > 1 for count in self.finished.values())
        strange = len(self.finished.keys() - calls)
        faults = {
            "calls without a call.finished": never,
            "calls with several": again,
            "that nobody posted": strange,
            "other events": self.other_events,
            "parts too few or too many": abs(self.parts - parts),
        }
        named = "; ".join(f"{count:,} {what}" for what, count in faults.items() if count)
        told = f"{len(calls):,} calls of {parts:,} parts: "
        return told + (f"NOT one call.finished each: {named}" if named else "exactly one call.finished each")


def told_calls(engine: Engine, prefix: str, quiet_seconds: float) -> Told:
    """Asks once the run is over; it would load what is being measured."""
    mine = assemblies.c.call_id.like(f"{prefix}-%")
    by_type = (
        select(events.c.call_id, events.c.type, func.count())
        .where(events.c.call_id.like(f"{prefix}-%"))
        .group_by(events.c.call_id, events.c.type)
    )
    of_each = (
        select(
            assemblies.c.told_at, func.max(call_parts.c.received_at, type_=call_parts.c.received_at.type), func.count()
        )
        .join_from(assemblies, call_parts, call_parts.c.assembly_id == assemblies.c.id)
        .where(mine)
        .group_by(assemblies.c.id, assemblies.c.told_at)
    )
    with engine.connect() as connection:
        counted = connection.execute(by_type).all()
        rows = connection.execute(of_each).all()
    late = spread((told - last).total_seconds() - quiet_seconds for told, last, _ in rows if told is not None)
    finished = Counter({call: count for call, kind, count in counted if kind == "call.finished"})
    others = sum(count for _, kind, count in counted if kind != "call.finished")
    return Told(sum(row[2] for row in rows), finished, others, late)
