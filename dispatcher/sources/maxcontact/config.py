"""What a source of format `maxcontact` is told: where the API is, whose calls to watch, what numbers mean. Pure."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from dispatcher.domain.call_fields import DIRECTIONS
from dispatcher.domain.shape import Reading, joined

MAX_USERS = 2_000
MAX_WORDS = 100
MEMBERS = (
    "url", "credential", "users", "interval_seconds", "idle_seconds", "per_second",
    "call_states", "call_statuses", "recording_states", "recording_words", "directions",
)  # fmt: skip
_WORDS = ("call_states", "call_statuses", "recording_words")
_NUMBER = re.compile(r"-?[0-9]{1,9}")
_USER = re.compile(r"[0-9]{1,15}")
BOUNDS: Mapping[str, tuple[float, float]] = {
    "interval_seconds": (0.5, 60),
    "idle_seconds": (0.5, 600),
    "per_second": (0.1, 100),
}


def read_config(reading: Reading, config: Mapping[str, Any], at: str) -> None:
    """Notes the faults."""
    _url(reading, config.get("url"), joined(at, "url"))
    if type(config.get("credential")) is not str:
        reading.note(joined(at, "credential"), "the name of a credential of kind token_login", config.get("credential"))
    _users(reading, config.get("users"), joined(at, "users"))
    for name, bounds in BOUNDS.items():
        if config.get(name) is not None:
            reading.number(config[name], joined(at, name), bounds)
    for name in _WORDS:
        _words(reading, config.get(name), joined(at, name), None)
    _words(reading, config.get("recording_states"), joined(at, "recording_states"), ("started", "stopped"))
    _words(reading, config.get("directions"), joined(at, "directions"), DIRECTIONS)


def users_of(config: Mapping[str, Any]) -> list[str]:
    """The ids of the watched agents, each once."""
    return list(dict.fromkeys(str(each) for each in config.get("users") or ()))


def _url(reading: Reading, raw: object, at: str) -> None:
    try:
        parts = urlsplit(raw) if type(raw) is str else urlsplit("")
        fit = parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.query and "@" not in parts.netloc
    except ValueError:
        fit = False
    if not fit:
        reading.note(at, "http:// or https:// and the dialler's host, such as https://acme.maxcontact.com", raw)


def _users(reading: Reading, raw: object, at: str) -> None:
    if type(raw) is dict:
        names = raw.values()
        if any(type(name) is not str or len(name) > 200 for name in names):
            reading.note(at, "agents' names by their ids", raw)
    elif type(raw) is not list:
        reading.note(at, "a list of agents' ids, or an object of their names by their ids", raw)
        return
    listed = list(raw)
    if not 1 <= len(listed) <= MAX_USERS or not all(_USER.fullmatch(str(each)) for each in listed):
        reading.note(at, f"1 to {MAX_USERS} ids of agents, which are whole numbers", raw)


def _words(reading: Reading, raw: object, at: str, known: tuple[str, ...] | None) -> None:
    if raw is None:
        return
    if type(raw) is not dict or len(raw) > MAX_WORDS:
        reading.note(at, f"an object of at most {MAX_WORDS} words by numbers", raw)
        return
    for number, word in raw.items():
        if not _NUMBER.fullmatch(number):
            reading.note(joined(at, number), "a number that the API gives, as text", number)
        elif known is not None:
            reading.word(word, joined(at, number), known)
        else:
            reading.text(word, joined(at, number), 100)
