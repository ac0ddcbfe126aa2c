"""The filters of the template language: what each is for, for the manual, pickers and error messages.

The adapter that renders has one for each name, and a test holds the examples to what it really does.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

EXAMPLE_LOOKUPS: Mapping[str, Mapping[str, Any]] = MappingProxyType({"queues": {"Sales": 12}})
"""The lookup tables that examples use."""
EXAMPLE_HASH_KEY = b"example"
"""The key of the example of `hash`; a workspace has a random one of its own."""


@dataclass(frozen=True, slots=True)
class Filter:
    """One filter. `result` is what `example` gives for the example call (every field with its example)."""

    name: str
    arguments: str
    meaning: str
    example: str
    result: Any


_TABLE = (
    Filter(
        "default",
        "fallback, boolean=false",
        "The fallback where the value is absent; with true as second argument also where it is empty, zero or false.",
        "{{ call.custom.ticket | default('none') }}",
        "none",
    ),
    Filter(
        "e164",
        "country",
        "A telephone number as `+` and digits. National ones are read by the plan of the country (ISO 3166; the "
        "source's if not given). Absent where the text is no number of it: no `+` is ever guessed.",
        "{{ '(415) 555-2671' | e164('US') }}",
        "+14155552671",
    ),
    Filter(
        "national",
        "country",
        "A telephone number as it is written in the country (as for e164; the number's own if none is known). Absent "
        "for a number of another country.",
        "{{ '+14155552671' | national }}",
        "(415) 555-2671",
    ),
    Filter(
        "digits",
        "",
        "The digits 0 to 9 of a text; absent where it has none.",
        "{{ call.dnis | digits }}",
        "18005551212",
    ),
    Filter(
        "first",
        "n",
        "The first item of a list or character of a text; with n the first n.",
        "{{ call.account_codes | first }}",
        "1001",
    ),
    Filter(
        "last",
        "n",
        "The last item of a list or character of a text; with n the last n.",
        "{{ call.external_number | last(4) }}",
        "0100",
    ),
    Filter(
        "mask",
        "keep=4",
        "Every letter and digit but the last `keep` as `*`; all of them where there are no more than that.",
        "{{ call.external_number | mask }}",
        "+*******0100",
    ),
    Filter(
        "hash",
        "",
        "HMAC-SHA256 in hex with the workspace's key (here: `example`) of the text's normal form (NFKC, folded case, "
        "no space around it): the same value gives the same hash. For numbers: `| e164 | hash`.",
        "{{ call.agent.email | hash }}",
        "17a377fe56d6947732f40ecc23c2a3b37e7febfe0ed54a484f7f90257fe296e7",
    ),
    Filter(
        "local",
        "zone, format",
        "A time in a time zone (IANA; the source's if not given): ISO 8601 with offset, or in a format of "
        "%Y %y %m %d %H %I %p %M %S %f %j %a %A %b %B %u %z %:z %Z %%; %I needs %p. Names are English.",
        "{{ call.started_at | local('America/New_York', '%d %b %Y %I:%M %p') }}",
        "20 Nov 2026 05:00 AM",
    ),
    Filter(
        "epoch_ms",
        "",
        "A time in milliseconds since 1970-01-01T00:00:00Z.",
        "{{ call.started_at | epoch_ms }}",
        1795168800000,
    ),
    Filter(
        "epoch_s",
        "",
        "A time in seconds since 1970-01-01T00:00:00Z.",
        "{{ call.started_at | epoch_s }}",
        1795168800,
    ),
    Filter(
        "duration",
        "form='hh:mm:ss'",
        "Seconds as 'hh:mm:ss', 'h:mm:ss', 'mm:ss' (minutes beyond 59 too) or 'iso' (ISO 8601).",
        "{{ call.duration_seconds | duration('mm:ss') }}",
        "03:20",
    ),
    Filter(
        "map",
        "table, fallback",
        "What the profile's lookup table says for the value (for each item of a list), else the fallback, else absent.",
        "{{ call.group | map('queues', 0) }}",
        12,
    ),
    Filter("json", "", "The value as JSON text.", "{{ call.tags | json }}", '["vip"]'),
    Filter(
        "join",
        "separator=','",
        "A list as one text.",
        "{{ call.account_codes | join(' / ') }}",
        "1001 / 1002",
    ),
    Filter("upper", "", "In upper case.", "{{ call.group | upper }}", "SALES"),
    Filter("lower", "", "In lower case.", "{{ call.hangup_cause | lower }}", "normal_clearing"),
    Filter(
        "capitalize",
        "",
        "The first letter in upper case, the others in lower.",
        "{{ call.direction | capitalize }}",
        "Inbound",
    ),
    Filter("trim", "", "Without space around it.", "{{ ' a ' | trim }}", "a"),
    Filter(
        "replace", "old, new", "Every `old` replaced by `new`.", "{{ call.dnis | replace('+', '00') }}", "0018005551212"
    ),
    Filter("length", "", "How many items or characters.", "{{ call.account_codes | length }}", 2),
    Filter("int", "default=0", "A whole number.", "{{ call.report_id | int }}", 10432),
    Filter("float", "default=0.0", "A number.", "{{ '4.5' | float }}", 4.5),
    Filter("round", "digits=0", "A number, rounded.", "{{ (call.duration_seconds / 60) | round(1) }}", 3.3),
    Filter(
        "truncate",
        "length=255, killwords=false, end='...', leeway",
        "At most that many characters, and up to five more where leeway is not 0.",
        "{{ call.location | truncate(13, true, '', 0) }}",
        "San Francisco",
    ),
)

FILTERS: Mapping[str, Filter] = MappingProxyType({each.name: each for each in _TABLE})
"""By name, in the manual's order."""
