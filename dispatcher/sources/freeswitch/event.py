"""FreeSWITCH's event CHANNEL_HANGUP_COMPLETE, as a script between the event socket and us posts it on.

As text it is a line for each header, with percent-encoded values (`text/event-plain`); as JSON an object of the same
headers, not encoded. A channel variable travels as `variable_<name>`.
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from dispatcher.sources.format import NotUnderstood

END = "CHANNEL_HANGUP_COMPLETE"
"""The one event that comes after the switch has reckoned times and durations."""
_HEADER = re.compile(r"([A-Za-z][\w.:-]*): ?(.*)")
_MAX_HEADERS = 10_000
_VARIABLES = {
    "uuid": "Unique-ID",
    "hangup_cause": "Hangup-Cause",
    "direction": "Call-Direction",
    "start_uepoch": "Caller-Channel-Created-Time",
    "answer_uepoch": "Caller-Channel-Answered-Time",
    "end_uepoch": "Caller-Channel-Hangup-Time",
}
"""Headers that say what a variable would, where the variable is missing."""
_PROFILE = {
    "caller_id_name": "Caller-Caller-ID-Name",
    "caller_id_number": "Caller-Caller-ID-Number",
    "ani": "Caller-ANI",
    "destination_number": "Caller-Destination-Number",
    "rdnis": "Caller-RDNIS",
    "context": "Caller-Context",
    "uuid": "Caller-Unique-ID",
}


def headers_of_text(text: str) -> dict[str, str]:
    """The headers of an event as text, decoded; of a repeated one the first. Raises `NotUnderstood`."""
    lines = text.replace("\r", "").split("\n", _MAX_HEADERS)[:_MAX_HEADERS]
    pairs = [found.groups() for line in lines if (found := _HEADER.fullmatch(line))]
    headers = {name: unquote(value, errors="replace").strip() for name, value in reversed(pairs)}
    if "Event-Name" not in headers:
        raise NotUnderstood("The body is neither a record of mod_json_cdr or mod_xml_cdr nor an event of the switch.")
    return headers


def document_of_event(headers: Mapping[str, Any]) -> dict[str, Any] | None:
    """The event in the shape of mod_json_cdr's record; None for one that does not end a channel."""
    if headers["Event-Name"] != END:
        return None
    variables = {name[9:]: value for name, value in headers.items() if name.startswith("variable_")}
    for name, header in _VARIABLES.items():
        if header in headers:
            variables.setdefault(name, headers[header])
    profile: dict[str, Any] = {name: headers.get(header) for name, header in _PROFILE.items()}
    kind = headers.get("Other-Type")
    if kind in ("originator", "originatee"):
        other = {"uuid": headers.get("Other-Leg-Unique-ID")}
        profile[kind] = {f"{kind}_caller_profiles": [other]}
    return {
        "switchname": headers.get("FreeSWITCH-Switchname"),
        "channel_data": {"direction": variables.get("direction")},
        "variables": variables,
        "callflow": [{"caller_profile": profile}],
    }
