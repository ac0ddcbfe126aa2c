"""A note that a leg was answered stands for the leg until its end is known, and is folded into that end then."""

from itertools import permutations
from typing import Any

import pytest

from dispatcher.domain.assembling import merged
from dispatcher.domain.assembling_answers import folded
from dispatcher.domain.call_part import LEG_ANSWERED, CallPart
from tests.unit.call_parts import ALICE, at, inbound, part, span


def answered(leg: str | None, when: float, call: dict[str, Any] | None = None) -> CallPart:
    said = {"answered_at": at(when)} if call is None else call
    return part(f"{leg}:answered", ["s"], {"id": "s", **said}, kind=LEG_ANSWERED, when=when, leg=leg)


def ended(leg: str | None, call: dict[str, Any], *, is_fact: bool = False) -> CallPart:
    return part(f"{leg}:ended", ["s"], {"id": "s", **call}, leg=leg, is_fact=is_fact)


CALLER = ended("A", {**inbound("answered"), **span(0, None, 200), "custom": {"a": 1}})
AGENT = ended("B", {"outcome": "answered", "agent": ALICE, **span(10, None, 190), "custom": {"b": 1}})


@pytest.mark.parametrize("order", list(permutations([answered("A", 2), answered("B", 20), CALLER, AGENT])))
def test_the_parts_give_the_same_call_in_any_order(order: list[CallPart]):
    call = merged(order, "s")
    assert (call["answered_at"], call["talk_seconds"], call["ring_seconds"]) == (at(20), 180, 20)
    assert (call["outcome"], call["agent"], call["duration_seconds"]) == ("answered", ALICE, 200)
    assert (call["custom"]["a"], call["custom"]["b"], len(call["custom"]["legs"])) == (1, 1, 2)


def test_an_end_that_says_when_the_leg_was_answered_is_left_as_it_is():
    end = ended("A", span(0, 5, 200))
    assert folded([answered("A", 4), end]) == [end]


def test_the_end_of_a_leg_that_is_a_fact_takes_nothing_over():
    end = ended("B", span(10, None, 30), is_fact=True)
    assert folded([answered("B", 12), end]) == [end]


def test_a_note_without_a_time_goes_as_well():
    assert folded([answered("A", 4, {}), CALLER]) == [CALLER]


def test_a_note_whose_leg_s_end_is_not_known_stays():
    note, other = answered("A", 2), ended("B", span(0, None, 9))
    assert folded([note, other]) == [note, other]


def test_what_names_no_leg_is_folded_into_nothing():
    note, whole = answered(None, 2), ended(None, span(0, None, 9))
    assert folded([note, whole]) == [note, whole]
