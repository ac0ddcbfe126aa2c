"""A source's `auth` as a document: read and checked, shown with its secrets masked, and taken back with the masks."""

from collections.abc import Collection, Mapping
from typing import Any

from dispatcher.domain.shape import Reading
from dispatcher.sources.authentication.kinds import ALL, FOR_EVERY_FORMAT, KINDS, Kind
from dispatcher.sources.authentication.members import Auth

MASK = "********"
"""Shown for a secret. Sent back, it means the secret that is stored."""
MAX_CHECKS = 8
_NO_KIND = Kind("", (), lambda *_: None)


def read_auth(reading: Reading, raw: object, at: str = "auth", allowed: Collection[str] = tuple(KINDS)) -> None:
    """Notes what is wrong with an authentication; None (closed) is fine. `allowed` are the kinds that the source's
    poster can satisfy, besides those that any can."""
    if raw is None:
        return
    if type(raw) is not dict:
        reading.note_got(at, "an object with a kind, or null", "a value that is not shown")
        return
    kinds = [kind for kind in (*KINDS, ALL) if kind in allowed or kind in FOR_EVERY_FORMAT]
    kind = reading.word(raw.get("kind"), f"{at}.kind", kinds)
    if raw.get("kind") != kind:
        return
    if kind == ALL:
        _read_all(reading, raw, at, allowed)
    else:
        _read_members(reading, raw, at, KINDS[kind])


def _read_all(reading: Reading, raw: Mapping[str, Any], at: str, allowed: Collection[str]) -> None:
    given = reading.members(raw, at, ("kind", "of"))
    checks = reading.items(given.get("of"), f"{at}.of", MAX_CHECKS)
    if type(given.get("of")) is list and len(checks) < 2:
        reading.note(f"{at}.of", f"2 to {MAX_CHECKS} checks, which must all be passed", checks)
    for index, each in enumerate(checks):
        if type(each) is not dict or each.get("kind") == ALL:
            reading.note_got(f"{at}.of[{index}]", f"a check of any kind but {ALL}", "a value that is not shown")
        else:
            read_auth(reading, each, f"{at}.of[{index}]", allowed)


def _read_members(reading: Reading, raw: Mapping[str, Any], at: str, kind: Kind) -> None:
    for name in raw.keys() - {"kind"} - {each.name for each in kind.members}:
        # What came is not said: a secret may stand under a name that is misspelt.
        known = [each.name for each in kind.members]
        reading.note_got(f"{at}.{name}", f"no such member{_names(known)}", "a value that is not shown")
    before = len(reading.faults)
    for member in kind.members:
        value = raw.get(member.name)
        if value is not None or member.required:
            member.read(reading, value, f"{at}.{member.name}")
    if len(reading.faults) == before:
        kind.check(reading, raw, at)


def _names(known: list[str]) -> str:
    return f" (there are {', '.join(known)})" if known else ""


def check_auth(auth: object) -> list[str]:
    """What is wrong with an authentication, a sentence each; empty if posts can be judged by it."""
    reading = Reading()
    read_auth(reading, auth)
    return [f"{fault['field']}: expected {fault['expected']}, got {fault['got']}." for fault in reading.faults]


def checks_of(auth: Auth) -> list[Auth]:
    """The single checks of an authentication, in the order in which they are made: addresses first, they cost least."""
    checks = auth["of"] if auth["kind"] == ALL else [auth]
    return sorted(checks, key=lambda each: list(_ORDER).index(each["kind"]))


_ORDER = ("ip_allow", *(kind for kind in KINDS if kind != "ip_allow"))


def shown_auth(auth: Auth | None) -> dict[str, Any] | None:
    """The authentication with every secret masked."""
    if auth is None:
        return None
    if auth.get("kind") == ALL:
        return {**auth, "of": [shown_auth(each) for each in auth["of"]]}
    return {name: MASK if name in _secrets(auth) and value is not None else value for name, value in auth.items()}


def unmasked(raw: Any, stored: Auth | None) -> Any:
    """What was sent, with the stored secret for each mask; a mask that nothing is stored for stays."""
    if type(raw) is not dict or stored is None:
        return raw
    if raw.get("kind") == ALL and type(raw.get("of")) is list:
        left = list(stored["of"]) if stored.get("kind") == ALL else [stored]
        return {**raw, "of": [unmasked(each, _taken(left, each)) for each in raw["of"]]}
    if stored.get("kind") == ALL:
        return unmasked(raw, _taken(list(stored["of"]), raw))
    if raw.get("kind") != stored.get("kind"):
        return raw
    return {name: stored.get(name, value) if value == MASK else value for name, value in raw.items()}


def _taken(left: list[Auth], given: Any) -> Auth | None:
    """The stored check that is meant, and that no earlier one stands for: of the same kind, and where there are several
    the one that is shown so."""
    kind = given.get("kind") if type(given) is dict else None
    found = [each for each in left if each.get("kind") == kind]
    found.sort(key=lambda each: shown_auth(each) != given)
    if found:
        left.remove(found[0])
    return found[0] if found else None


def holds_mask(auth: Any) -> bool:
    """Whether a mask stands where a secret should."""
    if type(auth) is not dict:
        return False
    if auth.get("kind") == ALL:
        return type(auth.get("of")) is list and any(holds_mask(each) for each in auth["of"])
    return any(auth.get(name) == MASK for name in _secrets(auth))


def _secrets(auth: Auth) -> frozenset[str]:
    kind = auth.get("kind")
    members = (KINDS.get(kind, _NO_KIND) if isinstance(kind, str) else _NO_KIND).members
    known = {each.name for each in members}
    # A member that the kind does not know may be a secret of another version's.
    return frozenset({each.name for each in members if each.secret} | (auth.keys() - known - {"kind"}))
