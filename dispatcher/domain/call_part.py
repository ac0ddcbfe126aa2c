"""One record of a call that comes in several: a leg, a segment, or a fact that is known later."""

from dataclasses import dataclass

from dispatcher.domain.event import CallEvent

LEG_ANSWERED = "x.leg.answered"
"""Type of a part that says only that its `leg` was answered and is under way; the leg's end says the rest."""


@dataclass(slots=True)
class CallPart:
    """What one record says, until the call that it belongs to is assembled.

    `event` is the record as if it were the whole call: `source_event_id` is the record's own id, by which a repeat is
    known for a duplicate; `call.id` is the id that the whole call should have, as far as this record knows it.
    """

    event: CallEvent
    keys: tuple[str, ...]
    """Ids by which the parts of a call find each other: parts that share one belong together. At least one."""
    ends_call: bool = False
    """Whether the source says that this was the last part of the call."""
    is_fact: bool = False
    """Whether it is no leg, but adds to the call: its recording, a disposition, a transcript."""
    leg: str | None = None
    """Which leg of its call it says something of, where the source tells of legs under way: the call is not complete
    before each of them has ended. None: the leg that bears the call's id, or of a fact none."""
