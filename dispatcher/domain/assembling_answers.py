"""Legs that were answered, told apart from their ends, which come later or earlier."""

from collections.abc import Sequence
from dataclasses import replace

from dispatcher.domain.call_part import LEG_ANSWERED, CallPart


def folded(parts: Sequence[CallPart]) -> list[CallPart]:
    """The parts, in order as they are, without notes that a leg was answered whose end is known: it stands for both.

    It takes over the first `answered_at`, unless it says one itself. Otherwise one leg would count twice, and a queue
    that picks the caller up would be taken for somebody who answered. A leg whose end was lost keeps its note.
    """
    ended = {each.leg for each in parts if each.event.type != LEG_ANSWERED and each.leg is not None}
    answers: dict[str | None, str] = {}
    for each in parts:
        if each.event.type == LEG_ANSWERED and "answered_at" in each.event.call:
            answers.setdefault(each.leg, each.event.call["answered_at"])
    kept = [each for each in parts if each.event.type != LEG_ANSWERED or each.leg not in ended]
    return [_answered(each, answers.get(each.leg)) if _takes(each) else each for each in kept]


def _takes(part: CallPart) -> bool:
    return part.leg is not None and not part.is_fact and "answered_at" not in part.event.call


def _answered(part: CallPart, at: str | None) -> CallPart:
    if at is None:
        return part
    return replace(part, event=replace(part.event, call={**part.event.call, "answered_at": at}))
