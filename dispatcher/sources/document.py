"""A source as a document: what an administrator writes, read and checked."""

import re
from collections.abc import Mapping
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dispatcher.domain.shape import Fault, Reading
from dispatcher.ports import Source
from dispatcher.sources import FORMATS
from dispatcher.sources.authentication import holds_mask, read_auth, shown_auth, unmasked
from dispatcher.sources.format import Format
from dispatcher.sources.normal.number_rules import read_number_rules

MAX_QUIET_SECONDS = 86_400.0
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
    name, country = given.get("name"), given.get("country")
    if type(name) is not str or not _NAME.fullmatch(name):
        reading.note("name", "1 to 64 of a-z, 0-9 and . _ -, the first a letter or digit", name)
    if country is not None and (type(country) is not str or not _COUNTRY.fullmatch(country)):
        reading.note("country", "two capital letters of ISO 3166-1, or null", country)
    spoken = reading.word(given.get("format"), "format", tuple(FORMATS))
    zone = _zone(reading, given.get("time_zone"))
    if given.get("format") != spoken:
        # By the members of another format nothing can be said of these.
        raise SourceRefused(reading.faults)
    config = _config(reading, given.get("config"), FORMATS[spoken])
    auth = _auth(reading, given.get("auth"), spoken, stored)
    if reading.faults:
        raise SourceRefused(reading.faults)
    return Source(identifier, workspace_id, str(name), spoken, auth, zone, country, config)


def shown_source(source: Source) -> dict[str, Any]:
    """The source as a document, its secrets masked."""
    return {
        "name": source.name,
        "format": source.format,
        "auth": shown_auth(source.auth),
        "time_zone": source.time_zone,
        "country": source.country,
        "config": dict(source.config),
    }


def _zone(reading: Reading, raw: object) -> str:
    if raw is None:
        return "UTC"
    try:
        return ZoneInfo(raw).key  # type: ignore[arg-type]
    except (ZoneInfoNotFoundError, ValueError, TypeError, OSError):
        reading.note("time_zone", "a name of the IANA time zone database, such as Europe/Berlin", raw)
        return "UTC"


def config_members(spoken: Format) -> tuple[str, ...]:
    """What the `config` of a source of this format may say: its own, then what every format takes."""
    quiet = () if spoken.quiet_seconds is None else ("quiet_seconds",)
    return (*spoken.config_members, *quiet, "numbers", "scrub")


def _config(reading: Reading, raw: object, spoken: Format) -> dict[str, Any]:
    """What every format takes, and what is the format's own. Nothing that is misspelt is let through unread."""
    config = reading.members({} if raw is None else raw, "config", config_members(spoken))
    if type(config.get("scrub", True)) is not bool:
        reading.note("config.scrub", "true, or false to keep card numbers and keypad digits", config["scrub"])
    if "quiet_seconds" in config:
        reading.number(config["quiet_seconds"], "config.quiet_seconds", (0, MAX_QUIET_SECONDS))
    read_number_rules(reading, config.get("numbers"), "config.numbers")
    if spoken.read_config is not None:
        spoken.read_config(reading, config, "config")
    return config


def _auth(reading: Reading, raw: object, spoken: str, stored: Mapping[str, Any] | None) -> dict[str, Any] | None:
    given: dict[str, Any] | None = unmasked(raw, stored)
    read_auth(reading, given, "auth", FORMATS[spoken].auth_kinds)
    if holds_mask(given):
        reading.note_got("auth", "the secret itself", "its mask, with no secret stored for this kind")
    return given
