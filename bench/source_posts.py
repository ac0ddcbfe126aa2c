"""What call systems post, made by number: whole HTTP requests with an id of their own for every call.

The bodies are those of `bench/payloads`, which the bench's authors wrote, with ids and times of the run put in.
"""

import base64
import hmac
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from bench.events import EventBodies, event_id

PAYLOADS = Path(__file__).resolve().parent / "payloads"
SECRET = "a-long-secret-of-the-bench"
QUIET_SECONDS = 2.0
"""Of every source here whose calls come in parts: shorter than usual, so that the run need not wait for long."""
LEGS = 3
_CALL_SECONDS = 200
_MORE_VARIABLES = 150
"""Of a switch's record: a real one has so many channel variables beside those that anybody reads, about 8 KB."""
_CREDENTIALS = base64.b64encode(f"pbx:{SECRET}".encode()).decode()

Headers = dict[str, str]
Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Slot:
    """One post of a run: of which source, of which call, and which of its records; `repeat`: for the second time."""

    source: str
    call: int
    step: int
    repeat: bool = False


SOURCES: Mapping[str, Document] = {
    "generic": {"format": "generic", "auth": {"kind": "bearer", "token": SECRET}},
    "freeswitch": {"format": "freeswitch", "auth": {"kind": "basic", "username": "pbx", "password": SECRET}},
    "legs": {
        "format": "freeswitch",
        "auth": {"kind": "basic", "username": "pbx", "password": SECRET},
        "config": {"legs": True, "quiet_seconds": QUIET_SECONDS},
    },
    "ringcentral": {
        "format": "ringcentral",
        "auth": {"kind": "header_token", "header": "Verification-Token", "token": SECRET},
        "config": {"quiet_seconds": QUIET_SECONDS},
    },
    "twilio": {
        "format": "twilio",
        "auth": {"kind": "twilio", "auth_token": SECRET},
        "config": {"quiet_seconds": QUIET_SECONDS},
    },
}
"""The sources by name, as `POST /v1/sources` takes them; numbers are of the US."""

_CYCLE = (("ringcentral", 0, 0), ("freeswitch", 1, 0), ("ringcentral", 0, 1), ("twilio", 2, 0), ("ringcentral", 0, 2),
          ("generic", 3, 0))  # fmt: skip
"""Source, call of the cycle, record of the call: RingCentral tells of every state that a party comes to."""
_CALLS_OF_A_CYCLE = 4


def mixed(posts: int) -> Iterator[Slot]:
    """Posts of four formats in turns; every call is complete when the number of posts is one of whole cycles."""
    for number in range(posts):
        cycle, place = divmod(number, len(_CYCLE))
        source, call, step = _CYCLE[place]
        yield Slot(source, cycle * _CALLS_OF_A_CYCLE + call, step)


def whole_cycles(posts: int) -> int:
    """The nearest number of posts, not fewer, after which no call is left half told."""
    return -(-posts // len(_CYCLE)) * len(_CYCLE)


def legs(calls: int, later: int, apart: int = 10) -> list[Slot]:
    """The legs of calls, the caller's last, `apart` calls between them; every tenth is posted twice.

    The repeats follow in turns soon, while their call waits, and `later` parts afterwards, when it has been told.
    """
    steps = [(turn - step * apart, step) for turn in range(calls + apart * LEGS) for step in range(LEGS)]
    parts = [Slot("legs", call, step) for call, step in steps if 0 <= call < calls]
    keyed = [(float(place), slot) for place, slot in enumerate(parts)]
    for number, place in enumerate(range(9, len(parts), 10)):
        first = parts[place]
        again = place + 0.5 + (later if number % 2 else 5)
        keyed.append((again, Slot(first.source, first.call, first.step, repeat=True)))
    return [slot for _, slot in sorted(keyed, key=lambda each: each[0])]


class SourcePosts:
    """The requests of one run to the API at `base`. A repeat has the very bytes of what it repeats."""

    def __init__(self, base: str, prefix: str) -> None:
        self._base, self._prefix, self._host = base, prefix, urlsplit(base).netloc
        self._generic = EventBodies(prefix)
        self._began = int(time.time())
        self._make: dict[str, Callable[[Slot], tuple[Headers, bytes]]] = {
            "generic": self._event,
            "freeswitch": self._record,
            "legs": self._leg,
            "ringcentral": self._notification,
            "twilio": self._callback,
        }

    def request(self, slot: Slot) -> bytes:
        """The whole request."""
        headers, body = self._make[slot.source](slot)
        lines = [
            f"POST {path_of(slot.source)} HTTP/1.1",
            f"Host: {self._host}",
            *(f"{name}: {value}" for name, value in headers.items()),
            f"Content-Length: {len(body)}",
        ]
        return ("\r\n".join(lines) + "\r\n\r\n").encode() + body

    def _event(self, slot: Slot) -> tuple[Headers, bytes]:
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {SECRET}"}
        return headers, self._generic.one(slot.call)

    def _record(self, slot: Slot, **variables: str) -> tuple[Headers, bytes]:
        record = json.loads(payload("freeswitch"))
        own = {"uuid": self._id(slot), "call_uuid": self._id(slot), **_epochs(self._began), **variables}
        record["variables"] = {**record["variables"], **own}
        headers = {"Content-Type": "application/json", "Authorization": f"Basic {_CREDENTIALS}"}
        return headers, json.dumps(record).encode()

    def _leg(self, slot: Slot) -> tuple[Headers, bytes]:
        """Two telephones that were called, and last the caller's own, which talked to the second."""
        caller = self._id(slot)
        if slot.step < LEGS - 1:
            return self._record(slot, uuid=f"{caller}-b{slot.step}", originator=caller)
        return self._record(slot, bridge_uuid=f"{caller}-b{LEGS - 2}")

    def _notification(self, slot: Slot) -> tuple[Headers, bytes]:
        notice = json.loads(payload("ringcentral"))
        body, state = notice["body"], ("Proceeding", "Answered", "Disconnected")[slot.step]
        at = datetime.fromtimestamp(self._began - _CALL_SECONDS + 90 * slot.step, UTC)
        body |= {"telephonySessionId": self._id(slot), "sessionId": f"{self._id(slot)}-s", "sequence": slot.step + 1}
        body["eventTime"] = f"{at:%Y-%m-%dT%H:%M:%S}.000Z"
        body["parties"][0]["status"] = {"code": state}
        headers = {"Content-Type": "application/json", "Verification-Token": SECRET}
        return headers, json.dumps(notice).encode()

    def _callback(self, slot: Slot) -> tuple[Headers, bytes]:
        fields = {**dict(parse_qsl(payload("twilio").decode())), "CallSid": self._id(slot)}
        signed = self._base + path_of(slot.source) + "".join(name + fields[name] for name in sorted(fields))
        signature = base64.b64encode(hmac.digest(SECRET.encode(), signed.encode(), "sha1")).decode()
        headers = {"Content-Type": "application/x-www-form-urlencoded", "X-Twilio-Signature": signature}
        return headers, urlencode(fields).encode()

    def _id(self, slot: Slot) -> str:
        return event_id(self._prefix, slot.call)


def path_of(source: str) -> str:
    """Where a source posts to."""
    return f"/v1/sources/{source}/events"


@cache
def payload(name: str) -> bytes:
    """The body of a format's typical post."""
    [path] = PAYLOADS.glob(f"{name}.*")
    body = path.read_bytes().strip()
    return _with_all_variables(body) if name == "freeswitch" else body


def _with_all_variables(body: bytes) -> bytes:
    record = json.loads(body)
    record["variables"] |= {f"sip_h_x_note_{n}": f"value%20of%20variable%20{n:04d}" for n in range(_MORE_VARIABLES)}
    return json.dumps(record).encode()


def _epochs(ended: int) -> dict[str, str]:
    seconds = {"start": ended - _CALL_SECONDS, "answer": ended - _CALL_SECONDS + 9, "end": ended}
    return {f"{name}_uepoch": f"{at}000000" for name, at in seconds.items()}
