"""What became of a call, by what became of each of its legs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

_LEAST_LIKELY_FIRST = ("failed", "busy", "rejected", "cancelled", "missed", "abandoned")
_RINGING_ENDED = frozenset({"missed", "cancelled", "rejected", "busy", "failed"})


@dataclass(frozen=True, slots=True)
class Ended:
    """The legs of a call, those that began first in front; `left_voicemail`: a part says that a message was left."""

    legs: Sequence[dict[str, Any]]
    left_voicemail: bool = False


def answering(ended: Ended) -> list[dict[str, Any]]:
    """The legs in which the other party answered, those that began first in front.

    The first leg may be the caller's own channel: it names no agent, or one that has a leg of his own. That a queue, an
    announcement or a mailbox picked it up is no answer, where others rang and none of them answered; once one did, it
    does not count either, since it may have been picked up long before.
    """
    answered = [each for each in ended.legs if _is_answered(each)]
    others = [each for each in answered if each is not ended.legs[0]]
    if len(others) == len(answered):
        return answered
    first = answered[0]
    if others:
        own = not first.get("agent") or any(_same_agent(first["agent"], each.get("agent", {})) for each in others)
        return others if own else answered
    rang_in_vain = any(each.get("outcome") in _RINGING_ENDED for each in ended.legs)
    if ended.left_voicemail or (rang_in_vain and not first.get("agent")):
        return []
    return answered


def _same_agent(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return any(name in other and other[name] == value for name, value in one.items())


def outcome_of(ended: Ended) -> str | None:
    """One of the canonical outcomes; None where no leg says any.

    `answered` if the other party answered in any leg; else `voicemail` if a message was left or a leg ended in a
    mailbox; else `abandoned` if the caller's leg, or any, says so, or if the caller's leg had been picked up by a queue
    and none of those that rang answered. Else an inbound call has the outcome of the caller's leg, or the best one of
    those that rang, and any other that of the last leg: a dialler's attempts follow each other.
    """
    if answering(ended):
        return "answered"
    said: list[str] = [each["outcome"] for each in ended.legs if "outcome" in each]
    if ended.left_voicemail or "voicemail" in said:
        return "voicemail"
    if "abandoned" in said:
        return "abandoned"
    if not said:
        return None
    first = ended.legs[0]
    picked_up = _is_answered(first)
    if picked_up and any(each.get("group") for each in ended.legs):
        return "abandoned"
    rest = [word for word in said if word in _RINGING_ENDED]
    if not rest:
        return said[0]
    if first.get("direction") != "inbound":
        return rest[-1]
    own = first.get("outcome")
    if own in _RINGING_ENDED and not first.get("agent"):
        return str(own)
    return max(rest, key=_LEAST_LIKELY_FIRST.index)


def _is_answered(leg: dict[str, Any]) -> bool:
    said = leg.get("outcome")
    return bool(said == "answered" or (said is None and leg.get("answered_at")))
