"""Which leg of its call a FreeSWITCH record is, and by which uuids the legs of one call find each other."""

from dispatcher.sources.freeswitch.record import Record
from dispatcher.sources.posts.said import said

_JOINING = (
    "call_uuid",
    "bridge_uuid",
    "last_bridge_to",
    "signal_bond",
    "originate_signal_bond",
    "originating_leg_uuid",
    "originator",
    "cc_member_session_uuid",
    "originated_legs",
)
"""Variables that name other legs. A list is `ARRAY::a|:b`; `originated_legs` has name and number behind each uuid."""
_MAX_KEYS = 64


def leg_of(record: Record) -> str:
    """`b` for a leg that another one originated: the module's own test for log-b-leg. A queue's call to an agent
    (mod_callcenter) has no originator, but says which side it is."""
    originated = any("originator" in profile for profile in record.profiles)
    called = record.var("originating_leg_uuid", "originator") is not None or record.var("cc_side") == "agent"
    return "b" if originated or called else "a"


def call_id(record: Record, leg: str) -> str:
    """The A leg's uuid, which every B leg knows as its originator's.

    Not `call_uuid`: FreeSWITCH rewrites it whenever a bridge ends or legs are joined anew.
    """
    if leg == "a":
        return record.uuid
    names = ("cc_member_session_uuid", "originating_leg_uuid", "originator", "call_uuid", "signal_bond", "bridge_uuid")
    originators = _others(record, "originator")[:1]
    candidates = [*(record.var(name) for name in names[:3]), *originators, *(record.var(n) for n in names[3:])]
    return next((each for each in candidates if each and each != record.uuid), record.uuid)


def keys_of(record: Record) -> tuple[str, ...]:
    """The leg's own uuid first, then those of every leg that it names."""
    named = [uuid for name in _JOINING for uuid in _uuids(record.var(name))]
    others = [*_others(record, "originator"), *_others(record, "originatee")]
    return tuple(dict.fromkeys([record.uuid, *named, *others]))[:_MAX_KEYS]


def is_alone(record: Record, keys: tuple[str, ...]) -> bool:
    """Whether no other leg can belong to it: it names none, and waited in no queue, which calls agents by itself."""
    return len(keys) == 1 and record.var("cc_side") is None


def _uuids(text: str | None) -> list[str]:
    given = text.removeprefix("ARRAY::").split("|:", _MAX_KEYS)[:_MAX_KEYS] if text else []
    uuids = [said(each.partition(";")[0]) for each in given]
    return [uuid for uuid in uuids if uuid]


def _others(record: Record, kind: str) -> list[str]:
    """The uuids of the legs that originated this one, or that it originated, newest first."""
    found = []
    for profile in record.profiles:
        match profile.get(kind):
            case dict() as legs if isinstance(legs.get(f"{kind}_caller_profiles"), list):
                each = legs[f"{kind}_caller_profiles"]
                found += [said(leg.get("uuid")) for leg in each if isinstance(leg, dict)]
            case _:
                pass
    return [uuid for uuid in found if uuid]
