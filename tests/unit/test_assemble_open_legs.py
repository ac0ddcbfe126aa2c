"""Calls of formats that say when a leg is answered: nothing is told while one of their legs is under way."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson
import pytest

from dispatcher.domain.assembly import LONGEST
from dispatcher.ports import OpenCall, Source
from dispatcher.sources import FORMATS, SourceSettings
from tests.unit.call_parts import BUSINESS, JANE, at
from tests.unit.cpaas_house import posted
from tests.unit.doubles import NOON, SOURCE, WORKSPACE, seconds
from tests.unit.test_assemble import Office

GREGORIAN = 62_167_219_200 + 1_795_168_800
"""The second in which the calls begin, since the year 0."""


def telnyx(leg: str, what: str, begun: float, when: float) -> dict[str, Any]:
    cause = {"hangup": "normal_clearing", "in vain": "no_answer"}.get(what)
    kind = {"in vain": "hangup", "ringing": "initiated"}.get(what, what)
    payload = {"call_session_id": "call", "call_leg_id": leg, "from": JANE, "to": BUSINESS, "start_time": at(begun)}
    ends = {"end_time": at(when), "hangup_cause": cause} if cause else {}
    rings = {"direction": "incoming"} if what == "ringing" else {}
    data = {"id": f"{leg}:{what}", "event_type": f"call.{kind}", "occurred_at": at(when)}
    return {"data": {**data, "payload": {**payload, **ends, **rings}}}


def vonage(leg: str, what: str, begun: float, when: float) -> dict[str, Any]:
    status = {"hangup": "completed", "in vain": "unanswered"}.get(what, what)
    times = {"start_time": at(begun), "end_time": at(when), "duration": str(int(when - begun))}
    ends = times if what == "hangup" else {}
    common = {"conversation_uuid": "call", "from": JANE[1:], "to": BUSINESS[1:], "direction": "inbound"}
    return {**common, "uuid": leg, "status": status, "timestamp": at(when), **ends}


def kazoo(leg: str, what: str, begun: float, when: float) -> dict[str, Any]:
    event = {"answered": "channel_answer", "ringing": "channel_create"}.get(what, "channel_destroy")
    talked = int(when - begun) - 5 if what == "hangup" else 0
    ends = {"duration_seconds": int(when - begun), "billing_seconds": talked, "hangup_code": "sip:487"}
    sides = {"call_direction": "inbound" if leg == "call" else "outbound", "caller_id_number": JANE, "to": BUSINESS}
    joined = {"call_id": leg, "other_leg_call_id": "b1" if leg == "call" else "call"}
    common = {"hook_event": event, **joined, **sides, "timestamp": GREGORIAN + int(when)}
    return {**common, **ends} if event == "channel_destroy" else common


@dataclass
class Posts:
    """A source of one format, and an office that takes what it posts."""

    office: Office
    name: str
    say: Callable[[str, str, float, float], dict[str, Any]]

    def take(self, leg: str, what: str, begun: float, when: float) -> list[bool]:
        """Takes one webhook in; of each of its parts, whether it was a duplicate."""
        parsed = FORMATS[self.name].parse(posted(orjson.dumps(self.say(leg, what, begun, when))), SourceSettings())
        return [each.duplicate for each in self.office.take(*parsed, source=self.source)]

    @property
    def source(self) -> Source:
        return Source(SOURCE, WORKSPACE, "pbx", self.name, None, "UTC", None, {})

    @property
    def quiet(self) -> float:
        return float(FORMATS[self.name].quiet_seconds or 0)

    @property
    def due(self) -> object:
        found = self.office.open("call")
        return found and found.due_at

    def finished(self) -> dict[str, Any]:
        return dict(self.office.told("call:finished")["call"])


@pytest.fixture(params=[telnyx, vonage, kazoo], ids=lambda say: say.__name__)
def posts(request: pytest.FixtureRequest) -> Iterator[Posts]:
    office = Office()
    yield Posts(office, request.param.__name__, request.param)
    office.ingestor.stop()


FINISHED = [("call.finished", "call:finished")]


def test_an_agent_who_leaves_before_the_others_does_not_finish_the_call(posts: Posts):
    posts.take("call", "answered", 0, 5)
    posts.take("b1", "answered", 10, 15)
    posts.take("b2", "answered", 40, 45)
    posts.take("b1", "hangup", 10, 60)
    assert posts.office.after(3600) == []
    posts.take("call", "hangup", 0, 200)
    assert posts.office.after(posts.quiet) == []
    posts.take("b2", "hangup", 40, 200)
    assert posts.office.after(posts.quiet - 1) == []
    assert posts.office.after(1) == FINISHED
    call = posts.finished()
    assert (call["started_at"], call["ended_at"], call["duration_seconds"]) == (at(0), at(200), 200)
    assert (call["outcome"], call["answered_at"]) == ("answered", at(15))
    assert posts.office.after(LONGEST.total_seconds()) == []


def test_a_call_of_one_leg_is_told_as_quickly_as_without_its_answer(posts: Posts):
    posts.take("call", "ringing", 0, 0)
    posts.take("call", "answered", 0, 5)
    assert posts.due == NOON + LONGEST
    posts.take("call", "hangup", 0, 200)
    assert posts.due == NOON + seconds(posts.quiet)
    assert posts.office.after(posts.quiet) == FINISHED
    call = posts.finished()
    assert (call["answered_at"], call["talk_seconds"]) == (at(5), 200 if posts.name == "vonage" else 195)
    assert "legs" not in call.get("custom", {})


def test_an_answer_that_comes_after_the_leg_s_end_opens_nothing(posts: Posts):
    posts.take("call", "hangup", 0, 200)
    posts.take("call", "answered", 0, 5)
    assert posts.office.open("call") == OpenCall(2, NOON + seconds(posts.quiet))
    assert posts.office.after(posts.quiet) == FINISHED
    assert posts.take("call", "answered", 0, 5) == [True]
    assert posts.office.after(LONGEST.total_seconds()) == []


def test_a_leg_that_only_rang_opens_nothing(posts: Posts):
    posts.take("b1", "ringing", 10, 10)
    posts.take("call", "hangup", 0, 200)
    assert posts.due == NOON + seconds(posts.quiet)


def test_the_answer_of_the_caller_s_leg_is_not_taken_for_another_one_s(posts: Posts):
    """A menu picked up, and the agent's telephone rang in vain; of Kazoo the billed seconds say what it was."""
    posts.take("call", "answered", 0, 0)
    posts.take("b1", "in vain", 10, 30)
    posts.take("call", "hangup", 0, 40)
    assert FINISHED[0] in posts.office.after(posts.quiet)
    call = posts.finished()
    expected = ("answered", at(5)) if posts.name == "kazoo" else ("missed", None)
    assert (call["outcome"], call.get("answered_at")) == expected


def test_of_two_answers_of_one_leg_the_earlier_one_counts_in_whatever_order_they_come(posts: Posts):
    if posts.name == "telnyx":
        later = telnyx("call", "answered", 0, 9)
        later["data"]["id"] = "another"
        posts.office.take(*FORMATS["telnyx"].parse(posted(orjson.dumps(later)), SourceSettings()), source=posts.source)
    assert posts.take("call", "answered", 0, 5) == [False]
    assert posts.take("call", "answered", 0, 9) == [True]
    posts.take("call", "hangup", 0, 200)
    assert posts.office.after(posts.quiet) == FINISHED
    assert posts.finished()["answered_at"] == at(5)


def test_a_leg_that_was_answered_and_billed_nothing_is_closed_as_well(posts: Posts):
    posts.take("call", "answered", 0, 5)
    posts.take("b1", "answered", 10, 15)
    posts.take("b1", "in vain", 10, 15)
    posts.take("call", "hangup", 0, 200)
    assert posts.due == NOON + seconds(posts.quiet)


def test_a_call_with_a_leg_whose_end_is_lost_is_told_after_six_hours(posts: Posts):
    posts.take("call", "answered", 0, 5)
    posts.take("b1", "answered", 10, 15)
    posts.take("call", "hangup", 0, 200)
    assert posts.office.after(LONGEST.total_seconds() - 1) == []
    assert posts.office.after(1) == FINISHED
    assert (posts.finished()["ended_at"], posts.finished()["outcome"]) == (at(200), "answered")


def test_a_call_of_which_only_the_answer_came_says_that_it_was_answered(posts: Posts):
    posts.take("call", "answered", 0, 5)
    assert posts.office.after(LONGEST.total_seconds()) == FINISHED
    assert posts.finished() == {"id": "call", "outcome": "answered", "answered_at": at(5)}
