"""Parts of calls as formats of five kinds give them: what each kind of call system says of the same seven calls."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from dispatcher.domain.call_part import CallPart
from dispatcher.domain.event import CallEvent

BEGIN = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
JANE, BUSINESS = "+14155550100", "+18005551212"
ALICE, BOB, CARL = ({"name": name, "extension": extension} for name, extension in
                    (("Alice", "101"), ("Bob", "102"), ("Carl", "103")))  # fmt: skip


def at(seconds: float) -> str:
    """A moment so many seconds after the call began, as canonical text."""
    return (BEGIN + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


def part(
    name: str,
    keys: Sequence[str],
    call: dict[str, Any],
    *,
    kind: str = "call.finished",
    when: float | None = None,
    ends_call: bool = False,
    is_fact: bool = False,
    leg: str | None = None,
) -> CallPart:
    """A part of its own id; it happened when its leg ended, unless `when` says otherwise."""
    moment = BEGIN + timedelta(seconds=when) if when is not None else datetime.fromisoformat(call["ended_at"])
    return CallPart(CallEvent(name, kind, moment, call), tuple(keys), ends_call=ends_call, is_fact=is_fact, leg=leg)


def span(start: float, answer: float | None, end: float) -> dict[str, Any]:
    """The times of a leg."""
    times = {"started_at": at(start), "ended_at": at(end)}
    return times if answer is None else {**times, "answered_at": at(answer)}


def inbound(outcome: str, **said: Any) -> dict[str, Any]:
    """What a leg from outside says."""
    return {"direction": "inbound", "external_number": JANE, "dnis": BUSINESS, "outcome": outcome, **said}


# --- FreeSWITCH: a record for each channel, the caller's (A) and those that it had made (B)


def fs_a(outcome: str, times: dict[str, Any], **said: Any) -> CallPart:
    call = {"id": "A", **inbound(outcome, **said), **times}
    return part("A:hangup", ["A"], call)


def fs_b(name: str, agent: dict[str, Any], outcome: str, times: dict[str, Any], **said: Any) -> CallPart:
    dialled = {"dnis": agent["extension"]}
    call = {"id": "A", "agent": agent, "outcome": outcome, **dialled, **times, **said}
    return part(f"{name}:hangup", [name, "A"], call, kind="x.leg.finished")


CLEARED = {"hangup_cause": "NORMAL_CLEARING", "q850": 16}
CANCELLED = {"hangup_cause": "ORIGINATOR_CANCEL", "q850": 487}
FREESWITCH: dict[str, list[CallPart]] = {
    "blind transfer": [
        fs_a("answered", span(0, 9, 200), ended_by="caller", **CLEARED),
        fs_b("B1", ALICE, "answered", span(1, 9, 60), hangup_cause="BLIND_TRANSFER", ended_by="callee"),
        fs_b("B2", BOB, "answered", span(60, 66, 200), ended_by="caller", **CLEARED),
    ],
    "attended transfer": [
        fs_a("answered", span(0, 9, 200), ended_by="caller", **CLEARED),
        fs_b("B1", ALICE, "answered", span(1, 9, 90), hangup_cause="ATTENDED_TRANSFER"),
        fs_b("B2", BOB, "answered", span(60, 64, 200), **CLEARED),
    ],
    "conference": [
        fs_a("answered", span(0, 5, 300), ended_by="caller", **CLEARED),
        fs_b("B1", ALICE, "answered", span(0, 5, 280), **CLEARED),
        fs_b("B2", BOB, "answered", span(100, 108, 290), **CLEARED),
    ],
    "queue": [
        fs_a("answered", span(0, 2, 200), group="Sales", ended_by="caller", **CLEARED),
        fs_b("B1", ALICE, "missed", span(10, None, 20), hangup_cause="LOSE_RACE"),
        fs_b("B2", BOB, "missed", span(10, None, 20), hangup_cause="NO_ANSWER"),
        fs_b("B3", CARL, "answered", span(10, 20, 200), group="Sales", **CLEARED),
    ],
    "abandoned": [
        fs_a("abandoned", span(0, 2, 40), group="Sales", ended_by="caller", **CLEARED),
        fs_b("B1", ALICE, "cancelled", span(10, None, 40), **CANCELLED),
        fs_b("B2", BOB, "cancelled", span(10, None, 40), **CANCELLED),
    ],
    "voicemail": [
        fs_a("voicemail", span(0, 25, 70), ended_by="caller", **CLEARED),
        fs_b("B1", ALICE, "missed", span(1, None, 24), hangup_cause="NO_ANSWER", q850=19),
    ],
    "hang-up while ringing": [
        fs_a("missed", span(0, None, 12), ended_by="caller", **CANCELLED),
        fs_b("B1", ALICE, "cancelled", span(1, None, 12), **CANCELLED),
    ],
}

# --- Asterisk: a CDR for each pair of channels, joined by linkedid


def cdr(number: int, outcome: str, times: dict[str, Any], **said: Any) -> CallPart:
    return part(f"171.{number}", ["link:171.1"], {"id": "171.1", **inbound(outcome, **said), **times})


ASTERISK: dict[str, list[CallPart]] = {
    "blind transfer": [
        cdr(1, "answered", span(0, 9, 60), agent=ALICE, talk_seconds=51),
        cdr(2, "answered", span(60, 66, 200), agent=BOB, talk_seconds=134, hangup_cause="16", q850=16),
    ],
    "attended transfer": [
        cdr(1, "answered", span(0, 9, 90), agent=ALICE),
        part("171.5", ["link:171.1"], {"id": "171.1", "direction": "internal", "dnis": "102", "outcome": "answered",
             "agent": BOB, **span(60, 64, 200), "q850": 16}),
    ],
    "conference": [
        cdr(1, "answered", span(0, 5, 300), agent=ALICE, q850=16),
        cdr(2, "answered", span(100, 108, 290), agent=BOB),
    ],
    "queue": [
        cdr(1, "missed", span(0, None, 20), agent=ALICE, group="Sales"),
        cdr(2, "missed", span(0, None, 20), agent=BOB, group="Sales"),
        cdr(3, "answered", span(0, 20, 200), agent=CARL, group="Sales", q850=16),
    ],
    "abandoned": [
        cdr(1, "answered", span(0, 2, 40), group="Sales", ended_by="caller"),
        cdr(2, "missed", span(10, None, 40), agent=ALICE, group="Sales"),
        cdr(3, "missed", span(10, None, 40), agent=BOB, group="Sales"),
    ],
    "voicemail": [
        cdr(1, "missed", span(0, None, 24), agent=ALICE),
        cdr(2, "voicemail", span(24, 25, 70)),
    ],
    "hang-up while ringing": [cdr(1, "missed", span(0, None, 12), agent=ALICE, q850=16)],
}  # fmt: skip

# --- RingCentral: full snapshots of a session, one for each change, the last of them at its end


def snapshot(sequence: int, ended: bool, times: dict[str, Any], outcome: str | None = None, **said: Any) -> CallPart:
    call = {"id": "s-1", **inbound(outcome or "", **said), **times}
    if outcome is None:
        del call["outcome"]
    kind = "call.finished" if ended else "call.updated"
    return part(f"s-1:{sequence}", ["s-1"], call, kind=kind, when=sequence, ends_call=ended)


def _since(start: float, answer: float | None = None) -> dict[str, Any]:
    return {"started_at": at(start)} | ({"answered_at": at(answer)} if answer is not None else {})


RINGCENTRAL: dict[str, list[CallPart]] = {
    "blind transfer": [
        snapshot(9, False, _since(0, 9), "answered", agent=ALICE),
        snapshot(66, False, _since(0, 9), "answered", agent=BOB),
        snapshot(200, True, span(0, 9, 200), "answered", agent=BOB, ended_by="caller"),
    ],
    "attended transfer": [
        snapshot(9, False, _since(0, 9), "answered", agent=ALICE),
        snapshot(90, False, _since(0, 9), "answered", agent=BOB),
        snapshot(200, True, span(0, 9, 200), "answered", agent=BOB, hold_seconds=20),
    ],
    "conference": [
        snapshot(5, False, _since(0, 5), "answered", agent=ALICE),
        snapshot(300, True, span(0, 5, 300), "answered", agent=ALICE),
    ],
    "queue": [
        snapshot(10, False, _since(0), agent=ALICE, group="Sales"),
        snapshot(11, False, _since(0), agent=BOB, group="Sales"),
        snapshot(20, False, _since(0, 20), "answered", agent=CARL, group="Sales"),
        snapshot(200, True, span(0, 20, 200), "answered", agent=CARL, group="Sales"),
    ],
    "abandoned": [
        snapshot(10, False, _since(0), agent=ALICE, group="Sales"),
        snapshot(40, True, span(0, None, 40), "abandoned", group="Sales", ended_by="caller"),
    ],
    "voicemail": [
        snapshot(1, False, _since(0), agent=ALICE),
        snapshot(70, True, span(0, None, 70), "voicemail"),
    ],
    "hang-up while ringing": [
        snapshot(1, False, _since(0), agent=ALICE),
        snapshot(12, True, span(0, None, 12), "missed", agent=ALICE, ended_by="caller"),
    ],
}

# --- Avaya: a line for each segment, the next one announced by a continuation flag


def line(number: int, last: bool, outcome: str, times: dict[str, Any], **said: Any) -> CallPart:
    call = {"id": "1000017", **inbound(outcome, **said), **times}
    return part(f"2026-11-20:1000017:{number}", ["2026-11-20:1000017"], call, ends_call=last)


AVAYA: dict[str, list[CallPart]] = {
    "blind transfer": [
        line(1, False, "answered", span(0, 9, 60), agent=ALICE, talk_seconds=51, hold_seconds=0),
        line(2, True, "answered", span(60, 66, 200), agent=BOB, talk_seconds=134, hold_seconds=4),
    ],
    "attended transfer": [
        line(1, False, "answered", span(0, 9, 90), agent=ALICE, hold_seconds=30),
        line(2, True, "answered", span(90, 90, 200), agent=BOB, hold_seconds=5),
    ],
    "conference": [
        line(1, False, "answered", span(0, 5, 100), agent=ALICE),
        line(2, True, "answered", span(100, 100, 300), agent=BOB),
    ],
    "queue": [
        line(1, False, "missed", span(0, None, 10), agent=ALICE, group="Sales"),
        line(2, False, "missed", span(10, None, 15), agent=BOB, group="Sales"),
        line(3, True, "answered", span(15, 20, 200), agent=CARL, group="Sales"),
    ],
    "abandoned": [
        line(1, False, "missed", span(0, None, 20), agent=ALICE, group="Sales"),
        line(2, True, "abandoned", span(20, None, 40), agent=BOB, group="Sales"),
    ],
    "voicemail": [
        line(1, False, "missed", span(0, None, 24), agent=ALICE),
        line(2, True, "voicemail", span(24, 25, 70)),
    ],
    "hang-up while ringing": [line(1, True, "missed", span(0, None, 12), agent=ALICE, ended_by="caller")],
}

# --- Amazon Connect: a contact record for each contact of a chain, sent again when an attribute changes


def contact(name: str, outcome: str, times: dict[str, Any], update: int = 1, **said: Any) -> CallPart:
    call = {"id": "c-1", **inbound(outcome, **said), **times}
    return part(f"{name}:{update}", [name, "c-1"], call, when=datetime_of(times["ended_at"]) + update)


def datetime_of(text: str) -> float:
    return (datetime.fromisoformat(text) - BEGIN).total_seconds()


CONNECT: dict[str, list[CallPart]] = {
    "blind transfer": [
        contact("c-1", "answered", span(0, 9, 60), agent=ALICE, group="Front"),
        contact("c-2", "answered", span(60, 66, 200), agent=BOB, group="Sales"),
        contact("c-2", "answered", span(60, 66, 200), 2, agent=BOB, group="Sales", custom={"survey": 4}),
    ],
    "attended transfer": [
        contact("c-1", "answered", span(0, 9, 90), agent=ALICE),
        contact("c-2", "answered", span(60, 64, 200), agent=BOB),
    ],
    "conference": [
        contact("c-1", "answered", span(0, 5, 300), agent=ALICE),
        contact("c-2", "answered", span(100, 108, 290), agent=BOB),
    ],
    "queue": [contact("c-1", "answered", span(0, 20, 200), agent=CARL, group="Sales", custom={"attempts": 3})],
    "abandoned": [contact("c-1", "abandoned", span(0, None, 40), group="Sales", ended_by="caller")],
    "voicemail": [
        contact("c-1", "missed", span(0, None, 24), group="Sales"),
        contact("c-2", "voicemail", span(24, 25, 70)),
    ],
    "hang-up while ringing": [contact("c-1", "missed", span(0, None, 12), ended_by="caller")],
}

SYSTEMS = {
    "freeswitch": FREESWITCH,
    "asterisk": ASTERISK,
    "ringcentral": RINGCENTRAL,
    "avaya": AVAYA,
    "connect": CONNECT,
}
