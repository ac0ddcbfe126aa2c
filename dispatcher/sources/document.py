"""A source as a document: what an administrator writes, read and checked."""

import re
from collections.abc import Mapping
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dispatcher.domain.shape import Fault, Reading
from dispatcher.ports import Source
from dispatcher.sources import FORMATS
from dispatcher.sources.authentication import check_auth
from dispatcher.sources.normal.number_rules import read_number_rules

MASK = "********"
"""Shown for a secret. Sent back, it means the secret that is stored."""
_SHOWN_AUTH = frozenset({"kind", "username"})
_MEMBERS = ("name", "format", "auth", "time_zone", "country", "config")
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_COUNTRY = re.compile(r"[A-Z]{2}")


class SourceRefused(ValueError):
    """A document that is no source. The text holds no value; `faults` lists what to mend."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__(f"the source is refused for {len(faults)} fault(s)")
        self.faults = faults


def parse_source(raw: object, identifier: UUID, workspace_id: UUID, stored: Mapping[str, Any] | None = None) -> Source:
    """The source of decoded JSON or YAML, under this id; masked secrets are the `stored`. Raises `SourceRefused`."""
    reading = Reading()
    given = reading.members(reading.plain(raw), "", _MEMBERS)
    name, country, config = given.get("name"), given.get("country"), given.get("config")
    config = {} if config is None else config
    if type(name) is not str or not _NAME.fullmatch(name):
        reading.note("name", "1 to 64 of a-z, 0-9 and . _ -, the first a letter or digit", name)
    if country is not None and (type(country) is not str or not _COUNTRY.fullmatch(country)):
        reading.note("country", "two capital letters of ISO 3166-1, or null", country)
    if type(config) is not dict:
        reading.note("config", "an object", config)
    elif type(config.get("scrub", True)) is not bool:
        reading.note("config.scrub", "true, or false to keep card numbers and keypad digits", config["scrub"])
    if type(config) is dict:
        read_number_rules(reading, config.get("numbers"), "config.numbers")
    spoken = reading.word(given.get("format"), "format", tuple(FORMATS))
    zone = _zone(reading, given.get("time_zone"))
    auth = _auth(reading, given.get("auth"), spoken, stored or {})
    if reading.faults:
        raise SourceRefused(reading.faults)
    return Source(identifier, workspace_id, str(name), spoken, auth, zone, country, config)


def shown_source(source: Source) -> dict[str, Any]:
    """The source as a document, its secrets masked."""
    return {
        "name": source.name,
        "format": source.format,
        "auth": None if source.auth is None else _masked(source.auth),
        "time_zone": source.time_zone,
        "country": source.country,
        "config": dict(source.config),
    }


def _masked(auth: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value if name in _SHOWN_AUTH else MASK for name, value in auth.items()}


def _zone(reading: Reading, raw: object) -> str:
    if raw is None:
        return "UTC"
    try:
        return ZoneInfo(raw).key  # type: ignore[arg-type]
    except (ZoneInfoNotFoundError, ValueError, TypeError, OSError):
        reading.note("time_zone", "a name of the IANA time zone database, such as Europe/Berlin", raw)
        return "UTC"


def _auth(reading: Reading, raw: object, spoken: str, stored: Mapping[str, Any]) -> dict[str, Any] | None:
    if raw is None:
        return None
    if isinstance(raw, dict) and raw.get("kind") == stored.get("kind"):
        raw = {name: stored.get(name, value) if value == MASK else value for name, value in raw.items()}
    for problem in check_auth(raw):
        # The sentence says the field and what is expected of it; what came instead may be a secret.
        reading.note_got(problem.split(" ", 1)[0], problem, "not that")
    if not isinstance(raw, dict):
        return None
    if not reading.faults and raw["kind"] not in FORMATS[spoken].auth_kinds:
        kinds = ", ".join(sorted(FORMATS[spoken].auth_kinds))
        reading.note("auth.kind", f"one of {kinds}, which {spoken} can satisfy", raw["kind"])
    if MASK in raw.values():
        reading.note_got("auth", "the secret itself", "its mask, with no secret stored for this kind")
    return raw
