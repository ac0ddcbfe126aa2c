"""A profile: which events trigger it, under which criteria, which request it sends, and how."""

import re
from dataclasses import dataclass
from typing import Any

from dispatcher.domain.call_fields import EVENT_TYPES
from dispatcher.domain.criteria import Criteria, read_criteria
from dispatcher.domain.operators import CompilePattern
from dispatcher.domain.rest_request import RestRequest, read_request
from dispatcher.domain.retry_policy import RetryPolicy, read_retry
from dispatcher.domain.shape import Fault, Reading, nearest
from dispatcher.domain.success import SuccessRule, read_success

EVERY_EVENT = "*"
MAX_TIMEOUT_SECONDS = 300
DEFAULT_TIMEOUT_SECONDS = 10
_MAX_DESCRIPTION_CHARACTERS = 2_000
_MAX_EVENT_TYPES = 100
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_OWN_TYPE = re.compile(r"x\.[a-z0-9._-]{1,253}")
_MEMBERS = (
    "name",
    "enabled",
    "description",
    "trigger",
    "request",
    "timeout_seconds",
    "private",
    "retry",
    "limits",
    "success",
    "sign",
)
_LATER = frozenset({"credential", "outputs"})


class ProfileRefused(ValueError):
    """A document that is no profile. The text holds no value; `faults` lists what to mend."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__(f"the profile is refused for {len(faults)} fault(s)")
        self.faults = faults


@dataclass(frozen=True, slots=True)
class Limits:
    """What a target stands, over all workers: requests a second, and requests at once. None is no limit."""

    per_second: float | None = None
    concurrency: int | None = None

    def as_document(self) -> dict[str, Any]:
        """As a profile's `limits` shows it."""
        return {"per_second": self.per_second, "concurrency": self.concurrency}


@dataclass(frozen=True)
class ProfileSpec:
    """A profile, read and checked. `document` is the same as JSON with every default filled: what the API shows
    and what is stored; parsing it again gives the same profile."""

    name: str
    description: str
    enabled: bool
    events: frozenset[str]
    criteria: Criteria | None
    request: RestRequest
    timeout_seconds: float
    private: bool
    retry: RetryPolicy
    limits: Limits
    success: SuccessRule
    sign: bool
    document: dict[str, Any]

    def takes(self, event_type: str) -> bool:
        """Whether events of this type are put to the criteria at all."""
        return event_type in self.events or EVERY_EVENT in self.events


def parse_profile(raw: object, compile_pattern: CompilePattern) -> ProfileSpec:
    """The profile of decoded JSON or YAML. Raises `ProfileRefused` with every fault (the first hundred).

    The syntax of templates is not judged here but by the adapter that renders them.
    """
    reading = Reading()
    given = reading.members(reading.plain(raw), "", _MEMBERS, _LATER)
    events, criteria = _read_trigger(reading, given.get("trigger"), compile_pattern)
    request = read_request(reading, given.get("request"), "request")
    retry = read_retry(reading, given.get("retry", {}), "retry")
    limits = _read_limits(reading, given.get("limits"))
    success = read_success(reading, given.get("success", {}), "success")
    document: dict[str, Any] = {
        "name": _read_name(reading, given.get("name")),
        "enabled": reading.flag(given.get("enabled", True), "enabled"),
        "description": reading.text(given.get("description") or "", "description", _MAX_DESCRIPTION_CHARACTERS),
        "trigger": {"events": events, "criteria": criteria.as_document() if criteria else None},
        "request": request.as_document(),
        "timeout_seconds": _read_timeout(reading, given.get("timeout_seconds", DEFAULT_TIMEOUT_SECONDS)),
        "private": reading.flag(given.get("private", False), "private"),
        "retry": retry.as_document(),
        "limits": limits.as_document(),
        "success": success.as_document(),
        "sign": reading.flag(given.get("sign", True), "sign"),
    }
    if reading.faults:
        raise ProfileRefused(reading.faults)
    return ProfileSpec(
        **{key: document[key] for key in ("name", "description", "enabled", "timeout_seconds", "private", "sign")},
        events=frozenset(events),
        criteria=criteria,
        request=request,
        retry=retry,
        limits=limits,
        success=success,
        document=document,
    )


def _read_name(reading: Reading, raw: object) -> str:
    if type(raw) is str and _NAME.fullmatch(raw):
        return raw
    reading.note("name", "1 to 64 of a-z, 0-9 and . _ -, the first a letter or digit", raw)
    return ""


def _read_trigger(reading: Reading, raw: object, compile_pattern: CompilePattern) -> tuple[list[str], Criteria | None]:
    given = reading.members(raw, "trigger", ("events", "criteria"), ("wait_for",))
    if type(raw) is not dict:
        return [], None
    events = reading.items(given.get("events"), "trigger.events", _MAX_EVENT_TYPES)
    if not events:
        reading.note("trigger.events", "at least one event type, or *", given.get("events"))
    for index, each in enumerate(events):
        if type(each) is not str or not (each in EVENT_TYPES or each == EVERY_EVENT or _OWN_TYPE.fullmatch(each)):
            hint = nearest(each, EVENT_TYPES) if type(each) is str else ""
            reading.note(f"trigger.events[{index}]", f"an event type, an own one (x. ...), or *{hint}", each)
    raw_criteria = given.get("criteria")
    if raw_criteria is None:
        return events, None
    return events, read_criteria(reading, raw_criteria, "trigger.criteria", compile_pattern)


def _read_timeout(reading: Reading, raw: object) -> float:
    if type(raw) in (int, float) and 0 < raw <= MAX_TIMEOUT_SECONDS:  # type: ignore[operator]
        return raw  # type: ignore[return-value]
    reading.note("timeout_seconds", f"a number above 0, at most {MAX_TIMEOUT_SECONDS}", raw)
    return DEFAULT_TIMEOUT_SECONDS


def _read_limits(reading: Reading, raw: object) -> Limits:
    if raw is None:
        return Limits()
    given = reading.members(raw, "limits", ("per_second", "concurrency"))
    per_second, concurrency = given.get("per_second"), given.get("concurrency")
    if per_second is not None:
        reading.number(per_second, "limits.per_second", (0.001, 1_000_000))
    if concurrency is not None and (type(concurrency) is not int or not 1 <= concurrency <= 100_000):
        reading.note("limits.concurrency", "an integer from 1 to 100000", concurrency)
    return Limits(per_second, concurrency)
