"""A profile: which events trigger it, under which criteria, which request it sends, and how."""

import re
from dataclasses import dataclass, replace
from typing import Any

from dispatcher.domain.answers.outputs import Output, read_outputs
from dispatcher.domain.answers.success import FAULT_MEMBERS, SuccessRule, read_success
from dispatcher.domain.call_fields import EVENT_TYPES
from dispatcher.domain.criteria.tree import Criteria, read_criteria
from dispatcher.domain.engines import Engines
from dispatcher.domain.lookups import Lookups, read_lookups
from dispatcher.domain.requests.rest_request import RestRequest
from dispatcher.domain.requests.web_service import WebServiceRequest, read_request
from dispatcher.domain.retry_policy import RetryPolicy, read_retry
from dispatcher.domain.shape import Fault, Reading, nearest
from dispatcher.domain.waiting import Follow, WaitFor, read_follow, read_wait_for

EVERY_EVENT = "*"
MAX_TIMEOUT_SECONDS = 300
DEFAULT_TIMEOUT_SECONDS = 10
MAX_ANSWER_PATTERNS = 10
"""Over one answer, by the thread that records everybody's: a hostile one can cost each of them 0.1 s."""
_MAX_DESCRIPTION_CHARACTERS = 2_000
_MAX_EVENT_TYPES = 100
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_OWN_TYPE = re.compile(r"x\.[a-z0-9._-]{1,253}")
_MEMBERS = (
    "name",
    "enabled",
    "description",
    "trigger",
    "follow",
    "lookups",
    "request",
    "credential",
    "timeout_seconds",
    "private",
    "retry",
    "limits",
    "success",
    "outputs",
    "sign",
)


_PLAIN = ("name", "description", "enabled", "credential", "timeout_seconds", "private", "sign")


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
    wait_for: WaitFor | None
    follow: Follow | None
    lookups: Lookups
    request: WebServiceRequest
    credential: str | None
    timeout_seconds: float
    private: bool
    retry: RetryPolicy
    limits: Limits
    success: SuccessRule
    outputs: tuple[Output, ...]
    sign: bool
    document: dict[str, Any]

    def takes(self, event_type: str) -> bool:
        """Whether events of this type are put to the criteria at all."""
        return event_type in self.events or EVERY_EVENT in self.events

    @property
    def waits(self) -> bool:
        """Whether its deliveries wait for something before their first attempt."""
        return self.wait_for is not None or self.follow is not None


def parse_profile(raw: object, engines: Engines) -> ProfileSpec:
    """The profile of decoded JSON or YAML. Raises `ProfileRefused` with every fault (the first hundred).

    The syntax of templates is not judged here but by the adapter that renders them.
    """
    reading = Reading()
    given = reading.members(reading.plain(raw), "", _MEMBERS)
    events, criteria, wait_for = _read_trigger(reading, given.get("trigger"), engines)
    follow = read_follow(reading, given.get("follow"), "follow", given.get("name"))
    lookups = read_lookups(reading, given.get("lookups"), "lookups")
    request = read_request(reading, given.get("request"), "request")
    retry = read_retry(reading, given.get("retry", {}), "retry")
    limits = _read_limits(reading, given.get("limits"))
    success = read_success(reading, given.get("success", {}), "success", engines)
    outputs = read_outputs(reading, given.get("outputs"), "outputs", engines)
    success = replace(success, required=tuple(output for output in outputs if output.required))
    if isinstance(request, RestRequest):
        _refuse_soap_alone(reading, success, outputs)
    searched = _patterns_in([success.as_document(), *(output.as_document() for output in outputs)])
    if searched + success.fault_searches > MAX_ANSWER_PATTERNS:
        reading.note_got("success", f"at most {MAX_ANSWER_PATTERNS} patterns in success and outputs together", "more")
    document: dict[str, Any] = {
        "name": _read_name(reading, given.get("name")),
        "enabled": reading.flag(given.get("enabled", True), "enabled"),
        "description": reading.text(given.get("description") or "", "description", _MAX_DESCRIPTION_CHARACTERS),
        "trigger": {
            "events": events,
            "criteria": criteria.as_document() if criteria else None,
            "wait_for": wait_for.as_document() if wait_for else None,
        },
        "follow": follow.as_document() if follow else None,
        "lookups": lookups,
        "request": request.as_document(),
        "credential": _read_credential(reading, given.get("credential")),
        "timeout_seconds": _read_timeout(reading, given.get("timeout_seconds", DEFAULT_TIMEOUT_SECONDS)),
        "private": reading.flag(given.get("private", False), "private"),
        "retry": retry.as_document(),
        "limits": limits.as_document(),
        "success": success.as_document(),
        "outputs": [output.as_document() for output in outputs],
        "sign": reading.flag(given.get("sign", True), "sign"),
    }
    if reading.faults:
        raise ProfileRefused(reading.faults)
    return ProfileSpec(
        **{key: document[key] for key in _PLAIN},
        events=frozenset(events),
        criteria=criteria,
        wait_for=wait_for,
        follow=follow,
        lookups=lookups,
        request=request,
        retry=retry,
        limits=limits,
        success=success,
        outputs=outputs,
        document=document,
    )


def _refuse_soap_alone(reading: Reading, success: SuccessRule, outputs: tuple[Output, ...]) -> None:
    """Notes what only the answer to a SOAP request can have."""
    for name in FAULT_MEMBERS:
        if getattr(success, name):
            reading.note_got(f"success.{name}", "nothing: only a request of kind soap is answered with a fault", "some")
    for index, output in enumerate(outputs):
        if "field" in output.document:
            expected = "json, xpath, header or regex: only the reply to a request of kind soap has fields"
            reading.note_got(f"outputs[{index}].field", expected, "a field")


def _patterns_in(value: Any) -> int:
    """How many patterns a document asks of an answer."""
    if type(value) is list:
        return sum(map(_patterns_in, value))
    if type(value) is not dict:
        return 0
    asked = sum(value.get(word) is not None for word in ("regex", "matches"))
    return asked + sum(_patterns_in(item) for item in value.values() if type(item) in (dict, list))


def _read_name(reading: Reading, raw: object) -> str:
    if type(raw) is str and _NAME.fullmatch(raw):
        return raw
    reading.note("name", "1 to 64 of a-z, 0-9 and . _ -, the first a letter or digit", raw)
    return ""


def _read_credential(reading: Reading, raw: object) -> str | None:
    if raw is None or (type(raw) is str and _NAME.fullmatch(raw)):
        return raw
    reading.note("credential", "the name of a credential", raw)
    return None


def _read_trigger(reading: Reading, raw: object, engines: Engines) -> tuple[list[str], Criteria | None, WaitFor | None]:
    given = reading.members(raw, "trigger", ("events", "criteria", "wait_for"))
    if type(raw) is not dict:
        return [], None, None
    events = reading.items(given.get("events"), "trigger.events", _MAX_EVENT_TYPES)
    if not events:
        reading.note("trigger.events", "at least one event type, or *", given.get("events"))
    for index, each in enumerate(events):
        if type(each) is not str or not (each in EVENT_TYPES or each == EVERY_EVENT or _OWN_TYPE.fullmatch(each)):
            hint = nearest(each, EVENT_TYPES) if type(each) is str else ""
            reading.note(f"trigger.events[{index}]", f"an event type, an own one (x. ...), or *{hint}", each)
    raw_criteria, at = given.get("criteria"), "trigger.criteria"
    criteria = None if raw_criteria is None else read_criteria(reading, raw_criteria, at, engines)
    return events, criteria, read_wait_for(reading, given.get("wait_for"), "trigger.wait_for")


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
