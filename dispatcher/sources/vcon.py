"""A vCon (draft-ietf-vcon-vcon-container): a conversation as an unsigned JSON container, read as one finished call."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from dispatcher.domain.event import CallEvent
from dispatcher.domain.field_values import time_text
from dispatcher.sources.format import Format, NotUnderstood, Posted, SourceSettings, canonical
from dispatcher.sources.generic import decode_json
from dispatcher.sources.normal.times import iso
from dispatcher.sources.posts.records import SCRIPTED_KINDS, kept
from dispatcher.sources.posts.said import identity, present, said

_SIGNED = "The vCon is signed (JWS), and nobody here checks its signature: post it unsigned to an authenticated source."
_ENCRYPTED = "The vCon is encrypted (JWE), and there is no key for it here: post it decrypted."
_OUTCOMES = {
    "no-answer": "missed",
    "congestion": "failed",
    "failed": "failed",
    "busy": "busy",
    "hung-up": "cancelled",
    "voicemail-no-message": "voicemail",
}
"""The dispositions of a dialog of the type `incomplete`."""
_MAX_DIALOGS = 1000
_LONGEST = timedelta(days=365)
_Dialog = Mapping[str, Any]


def parse(posted: Posted, settings: SourceSettings) -> Sequence[CallEvent]:
    """The conversation as one `call.finished`. Raises `NotUnderstood`, also for a signed or an encrypted container.

    Its id is the container's uuid, with `updated_at` where the container was changed since it was made.
    """
    container = decode_json(posted.body)
    if not isinstance(container, dict) or "vcon" not in container:
        raise NotUnderstood(_what_it_is(container))
    uuid = said(container.get("uuid"))
    if uuid is None:
        raise NotUnderstood("The vCon has no uuid.")
    parties = [each if isinstance(each, dict) else {} for each in _items(container, "parties")]
    dialogs = [each for each in _items(container, "dialog") if isinstance(each, dict)]
    if not dialogs:
        raise NotUnderstood("The vCon has no dialog, so that it tells of no call.")
    times = _times(dialogs, settings)
    updated = iso(container.get("updated_at"), settings.time_zone)
    raw = {
        "id": f"{uuid}:{time_text(updated)}" if updated else uuid,
        "type": "call.finished",
        "occurred_at": time_text(times.get("ended_at") or times.get("started_at") or posted.received_at),
        "call": present(
            {
                "id": uuid,
                **_sides(parties, dialogs),
                **{name: time_text(each) for name, each in times.items()},
                "duration_seconds": _seconds_between(times),
                "outcome": _outcome(dialogs),
                "recording": _recording(dialogs),
                "custom": _custom(container, dialogs),
            }
        ),
    }
    return [canonical(raw, posted.received_at, settings)]


def _what_it_is(container: object) -> str:
    if isinstance(container, dict) and ("signatures" in container or "signature" in container):
        return _SIGNED
    if isinstance(container, dict) and "ciphertext" in container:
        return _ENCRYPTED
    return "The body is no vCon: it has no member vcon."


def _items(container: Mapping[str, Any], name: str) -> list[Any]:
    given = container.get(name)
    if not isinstance(given, list):
        return []
    if len(given) > _MAX_DIALOGS:
        raise NotUnderstood(f"The vCon has more than {_MAX_DIALOGS} members in {name}.")
    return given


def _times(dialogs: Sequence[_Dialog], settings: SourceSettings) -> dict[str, datetime]:
    starts, ends = [], []
    for dialog in dialogs:
        start, length = iso(dialog.get("start"), settings.time_zone), _length(dialog)
        if start is not None:
            starts.append(start)
            try:
                ends.append(start + (length or timedelta()))
            except OverflowError:
                ends.append(start)
    return {"started_at": min(starts), "ended_at": max(ends)} if starts else {}


def _length(dialog: _Dialog) -> timedelta | None:
    seconds = dialog.get("duration")
    if not isinstance(seconds, int | float) or isinstance(seconds, bool):
        return None
    return timedelta(seconds=seconds) if 0 <= seconds <= _LONGEST.total_seconds() else None


def _seconds_between(times: Mapping[str, datetime]) -> int | None:
    if "started_at" not in times or times["ended_at"] == times["started_at"]:
        return None
    return int((times["ended_at"] - times["started_at"]).total_seconds())


def _sides(parties: Sequence[Mapping[str, Any]], dialogs: Sequence[_Dialog]) -> dict[str, object]:
    """By the roles: a party that is an agent stands for the business. Without one the direction stays unknown.

    The originator is the one that a dialog names, else the first of its parties.
    """
    first = dialogs[0]
    listed = first.get("parties") if isinstance(first.get("parties"), list) else list(range(len(parties)))
    numbers = [each for each in listed or () if type(each) is int and 0 <= each < len(parties)]
    named = first.get("originator")
    origin = named if type(named) is int and 0 <= named < len(parties) else next(iter(numbers), None)
    if origin is None:
        return {}
    others = [each for each in numbers if each != origin]
    agents = [each for each in numbers if _is_agent(parties[each])]
    direction = None
    if agents:
        outside = [each for each in numbers if each not in agents]
        direction = "internal" if not outside else "outbound" if origin in agents else "inbound"
    external = {"inbound": origin, "outbound": next(iter(others), None)}.get(direction or "")
    dialled = parties[others[0]] if others else {}
    return {
        "direction": direction,
        "caller_name": identity(parties[origin].get("name")),
        "external_number": _address(parties[external]) if external is not None else None,
        "dnis": said(dialled.get("did")) or _address(dialled),
        "agent": _agent(parties[agents[-1]]) if agents else None,
    }


def _is_agent(party: Mapping[str, Any]) -> bool:
    return (said(party.get("role")) or "").lower() in ("agent", "employee", "representative")


def _address(party: Mapping[str, Any]) -> str | None:
    return said(party.get("tel")) or said(party.get("sip"))


def _agent(party: Mapping[str, Any]) -> dict[str, object]:
    mail = said(party.get("mailto"))
    return present(
        {
            "id": said(party.get("uuid")),
            "name": identity(party.get("name")),
            "email": mail.removeprefix("mailto:") if mail else None,
        }
    )


def _outcome(dialogs: Sequence[_Dialog]) -> str | None:
    """Whoever was recorded has talked; otherwise by the last dialog that is incomplete."""
    if any(dialog.get("type") in ("recording", "text", "video") for dialog in dialogs):
        return "answered"
    failed = [said(each.get("disposition")) for each in dialogs if each.get("type") == "incomplete"]
    return _OUTCOMES.get(failed[-1] or "", "failed") if failed else None


def _recording(dialogs: Sequence[_Dialog]) -> dict[str, object]:
    """The first recording with an address. One that lies inside the container is not kept, so it is only expected."""
    recordings = [each for each in dialogs if each.get("type") == "recording"]
    for each in recordings:
        url, length = said(each.get("url")), _length(each)
        if url is not None:
            seconds = int(length.total_seconds()) if length is not None else None
            return present({"state": "available", "url": url, "duration_seconds": seconds})
    return {"state": "expected" if recordings else "none"}


def _custom(container: Mapping[str, Any], dialogs: Sequence[_Dialog]) -> dict[str, Any]:
    """The container's own texts, and what describes the recording. Transcripts and attachments are not kept."""
    recording = next((each for each in dialogs if each.get("type") == "recording"), {})
    described = {name: recording.get(name) for name in ("mediatype", "filename", "content_hash")}
    return {**kept({name: container.get(name) for name in ("vcon", "subject", "created_at")}), **kept(described)}


FORMAT = Format(
    name="vcon",
    parse=parse,
    auth_kinds=SCRIPTED_KINDS,
    success_status=202,
)
