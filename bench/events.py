"""Canonical call events as bytes, made fast enough that making them does not disturb what is measured.

An event costs about one microsecond: a few hundred templates with differing values are rendered once, and
an event fills in only its id and its second. All ids have the same width, so a template's length is known.
"""

import json
import random
import time
from collections.abc import Sequence
from typing import Any

ID_DIGITS = 8
_ID, _SECOND, _STARTED = "@@@@ID@@@@", "@@SECOND@@", "@@STARTED@@"
_CALL_SECONDS = 300
_PLACES = ["San Francisco, CA", "Austin, TX", "Zürich", "Boston, MA", "Köln"]
_NAMES = ["Jane Roe", "John Doe", "Mary Major", "Richard Miles", "Zoë O'Neil", "Max Mustermann"]
_GROUPS = ["Sales", "Support", "Billing", "After Hours"]


def event_id(prefix: str, number: int) -> str:
    """The id of event `number` of a run. It is the event's id and the call's, so a target sees it in either."""
    return f"{prefix}-{number:0{ID_DIGITS}d}"


def example_call(rng: random.Random, campaign: str | None) -> dict[str, Any]:
    """A finished call with every field a PBX usually knows; about 750 bytes of JSON as an event."""
    ring = rng.randint(2, 30)
    talk = _CALL_SECONDS - ring
    extension = str(rng.randint(100, 999))
    agent = {
        "id": str(rng.randint(1, 400)),
        "name": rng.choice(_NAMES),
        "extension": extension,
        "email": f"a{extension}@example.com",
    }
    recording = {"state": "available", "url": f"https://pbx.example/rec/{_ID}.wav", "duration_seconds": talk}
    return {
        "id": _ID,
        "direction": rng.choice(["inbound", "outbound"]),
        "caller_name": rng.choice(_NAMES),
        "external_number": f"+1415555{rng.randint(100, 199):04d}",
        "dnis": f"+1800555{rng.randint(1200, 1260)}",
        "agent": agent,
        "group": rng.choice(_GROUPS),
        "campaign": campaign,
        "location": rng.choice(_PLACES),
        "account_codes": [str(rng.randint(1000, 1040))],
        "tags": ["vip"] if ring < 5 else [],
        "started_at": _STARTED,
        "ended_at": _SECOND,
        "duration_seconds": ring + talk,
        "talk_seconds": talk,
        "ring_seconds": ring,
        "outcome": "answered",
        "ended_by": rng.choice(["caller", "agent"]),
        "hangup_cause": "NORMAL_CLEARING",
        "q850": 16,
        "recording": recording,
        "custom": {"survey_score": rng.randint(1, 5)},
    }


def _utc(second: int) -> bytes:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(second)).encode()


def _template(rng: random.Random, campaign: str | None) -> bytes:
    event = {"id": _ID, "type": "call.finished", "occurred_at": _SECOND, "call": example_call(rng, campaign)}
    text = json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode().replace(b"%", b"%%")
    for mark, field in ((_ID, b"%(id)b"), (_SECOND, b"%(second)b"), (_STARTED, b"%(started)b")):
        text = text.replace(mark.encode(), field)
    return text


class EventBodies:
    """The events of one run. Event `n` is of the campaign `n % len(campaigns)`: so profiles are addressed evenly."""

    def __init__(self, prefix: str, campaigns: Sequence[str] = (), seed: int = 1, kinds: int = 240) -> None:
        rng = random.Random(seed)
        choices: Sequence[str | None] = campaigns or [None]
        count = max(kinds // len(choices), 1) * len(choices)
        self._templates = [_template(rng, choices[n % len(choices)]) for n in range(count)]
        self._id = prefix.encode() + b"-%0" + str(ID_DIGITS).encode() + b"d"
        self._second_number = 0
        self._values: dict[bytes, bytes] = {}

    def one(self, number: int) -> bytes:
        """Event `number` as a JSON document."""
        second = int(time.time())
        if second != self._second_number:
            self._second_number = second
            self._values = {b"second": _utc(second), b"started": _utc(second - _CALL_SECONDS)}
        self._values[b"id"] = self._id % number
        return self._templates[number % len(self._templates)] % self._values

    def several(self, first: int, count: int) -> bytes:
        """Events `first` to `first + count - 1` as one `{"events": [...]}`."""
        return b'{"events":[' + b",".join([self.one(n) for n in range(first, first + count)]) + b"]}"
