"""Realistic calls: an endless day of a small company's telephone system, the same for the same seed."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

Event = dict[str, Any]

CALLERS = (
    ("Jane Roe", "+14155550100", "San Francisco, CA"),
    ("Richard Miles", "+12125550142", "New York, NY"),
    ("Mary Major", "+13125550177", "Chicago, IL"),
    ("Erika Mustermann", "+493023125012", "Berlin"),
    ("Jean Dupont", "+33199005512", "Paris"),
    (None, "+442079460123", "London"),
)
AGENTS = (("17", "John Doe", "154"), ("21", "Alice Smith", "160"), ("34", "Bob Jones", "171"))
QUEUES = ("Sales", "Support", "Billing")
NUMBERS = ("+18005551212", "+18005550199")
CAUSES = {"answered": ("NORMAL_CLEARING", 16), "missed": ("NO_ANSWER", 19), "abandoned": ("ORIGINATOR_CANCEL", 487),
          "busy": ("USER_BUSY", 17), "voicemail": ("NORMAL_CLEARING", 16)}  # fmt: skip


@dataclass(frozen=True)
class DemoCall:
    """A call: the event at its end, and the one that brings a late recording, if it has one."""

    id: str
    summary: str
    finished: Event
    recorded: Event | None

    @property
    def events(self) -> int:
        """How many events it makes."""
        return 1 if self.recorded is None else 2


def day_of_calls(prefix: str, seed: int, now: datetime) -> Iterator[DemoCall]:
    """Calls without end, with ids that begin with the prefix; the first few show every kind."""
    chance = random.Random(seed)  # noqa: S311 - a play's dice
    number = 0
    while True:
        for kind in _kinds(chance, number):
            number += 1
            yield _call(chance, f"{prefix}-{number:05d}", kind, now)


def _kinds(chance: random.Random, number: int) -> list[str]:
    kinds = ["answered", "outbound", "missed", "late-recording", "vip", "abandoned"]
    if number:
        kinds += ["answered", "outbound", "outbound-busy", "voicemail"]
        chance.shuffle(kinds)
    return kinds


def _call(chance: random.Random, call_id: str, kind: str, now: datetime) -> DemoCall:
    outcome = {"outbound-busy": "busy", "missed": "missed", "abandoned": "abandoned", "voicemail": "voicemail"}
    return _Draft(chance, call_id, kind, outcome.get(kind, "answered"), now).call()


class _Draft:
    """One call while it is being made up."""

    def __init__(self, chance: random.Random, call_id: str, kind: str, outcome: str, now: datetime) -> None:
        self.chance, self.id, self.kind, self.outcome, self.now = chance, call_id, kind, outcome, now
        caller: tuple[str | None, str, str] = chance.choice(CALLERS)
        self.name, self.number, self.place = caller
        self.agent = chance.choice(AGENTS)
        self.talk = chance.randint(65, 900) if outcome == "answered" else 0
        self.ring = chance.randint(3, 24)
        self.direction = "outbound" if kind.startswith("outbound") else "inbound"

    def call(self) -> DemoCall:
        fields = self._fields()
        type_ = "call.missed" if self.outcome == "missed" else "call.finished"
        finished = {"id": f"{self.id}-end", "type": type_, "occurred_at": self._moment(0), "call": fields}
        who = self.name or self.number
        route = f"{who} → {fields['group']}" if self.direction == "inbound" else f"{self.agent[1]} → {who}"
        length = f"{self.talk // 60}:{self.talk % 60:02d}" if self.talk else self.outcome
        return DemoCall(self.id, f"{self.direction:<8} {route}, {length}", finished, self._recorded())

    def _fields(self) -> Event:
        cause, code = CAUSES[self.outcome]
        agent_id, agent_name, extension = self.agent
        seconds = self.ring + self.talk
        fields: Event = {
            "id": self.id,
            "direction": self.direction,
            "caller_name": self.name,
            "external_number": self.number,
            "location": self.place,
            "dnis": self.chance.choice(NUMBERS) if self.direction == "inbound" else self.number,
            "group": self.chance.choice(QUEUES),
            "tags": ["vip"] if self.kind == "vip" else [],
            "account_codes": [str(self.chance.randint(1000, 1099))] if self.talk else [],
            "started_at": self._moment(seconds),
            "ended_at": self._moment(0),
            "duration_seconds": seconds,
            "talk_seconds": self.talk,
            "ring_seconds": self.ring,
            "outcome": self.outcome,
            "ended_by": self.chance.choice(("caller", "callee")),
            "hangup_cause": cause,
            "q850" if code < 128 else "sip_code": code,
            "recording": self._recording(),
        }
        if self.talk:
            fields["answered_at"] = self._moment(self.talk)
            fields["agent"] = {"id": agent_id, "name": agent_name, "extension": extension}
        return fields

    def _recording(self) -> Event:
        if self.kind == "late-recording":
            return {"state": "pending"}
        if self.kind in {"answered", "vip"}:
            return {"state": "available", "url": self._url(), "duration_seconds": self.talk}
        return {"state": "none"}

    def _recorded(self) -> Event | None:
        if self.kind != "late-recording":
            return None
        recording = {"state": "available", "url": self._url(), "duration_seconds": self.talk}
        call = {"id": self.id, "direction": self.direction, "external_number": self.number, "recording": recording}
        return {"id": f"{self.id}-recorded", "type": "call.recorded", "occurred_at": self._moment(0), "call": call}

    def _url(self) -> str:
        return f"https://pbx.example/recordings/{self.id}.wav"

    def _moment(self, seconds_before: int) -> str:
        return (self.now - timedelta(seconds=seconds_before)).isoformat(timespec="seconds").replace("+00:00", "Z")
