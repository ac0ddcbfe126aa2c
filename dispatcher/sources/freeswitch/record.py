"""The record inside a post of FreeSWITCH, unwrapped from whatever it travels in.

Read in mod_json_cdr.c, mod_xml_cdr.c and switch_url_encode(): the Content-Type cannot be trusted (with
disable-100-continue libcurl falls back to a form's even for raw JSON or XML), so the body itself is asked.
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, unquote_plus

from dispatcher.sources.format import NotUnderstood, Posted
from dispatcher.sources.freeswitch.event import document_of_event, headers_of_text
from dispatcher.sources.freeswitch.xml import document_of_xml
from dispatcher.sources.posts.said import count, said

_NOT_JSON = "The body is not JSON as of mod_json_cdr."
_ENCODED_VALUE = re.compile(r"(?:[!$'()*,\-./0-9A-Z_a-z~]|%[0-9A-Fa-f]{2})*")
"""What switch_url_encode() can write: it escapes everything else."""


@dataclass(slots=True)
class Record:
    """One leg's record: its channel variables, decoded, and its caller profiles, the newest first."""

    uuid: str
    variables: Mapping[str, str]
    profiles: list[dict[str, Any]]
    channel_direction: str | None
    switch: str | None

    def var(self, *names: str) -> str | None:
        """The first of these variables that says something."""
        for name in names:
            value = said(self.variables.get(name))
            if value is not None:
                return value
        return None


def read_record(posted: Posted) -> Record | None:
    """The record of a post; None for an event of the switch that ends no leg. Raises `NotUnderstood`."""
    document = _document(_unwrap(posted.body.strip()))
    if document is None:
        return None
    given = document.get("variables")
    if not isinstance(given, dict):
        raise NotUnderstood("The body has no object `variables`, so it is no record of mod_json_cdr.")
    variables = {name: value for name, value in given.items() if isinstance(value, str)}
    uuid = said(variables.get("uuid")) or _uuid_of_query(posted)
    if uuid is None:
        raise NotUnderstood("Neither the record nor the address names the call's uuid.")
    channel = document.get("channel_data")
    direction = said(channel.get("direction")) if isinstance(channel, dict) else None
    return Record(uuid, variables, _profiles(document.get("callflow")), direction, said(document.get("switchname")))


def _document(body: bytes) -> dict[str, Any] | None:
    """The record in mod_json_cdr's shape, its variables decoded, from JSON, XML or an event's lines."""
    if body.startswith(b"{"):
        decoded = _decode(body)
        if isinstance(decoded.get("Event-Name"), str):
            return document_of_event(decoded)
        given = decoded.get("variables")
        if isinstance(given, dict):
            decoded["variables"] = _decoded_values({n: value for n, value in given.items() if isinstance(value, str)})
        return decoded
    text = body.decode("utf-8", "replace")
    return document_of_xml(text) if text.startswith("<") else document_of_event(headers_of_text(text))


def _unwrap(body: bytes) -> bytes:
    """The record itself: as it is, or as form field `cdr`, plain, percent-encoded or in base64."""
    if body.startswith(b"cdr="):
        return _unwrap_field(body[4:].strip())
    return body.removeprefix(b"\xef\xbb\xbf")


def _unwrap_field(value: bytes) -> bytes:
    if value[:1] in (b"{", b"<"):
        return value
    text = value.decode("ascii", "replace")
    if text[:3].upper() in ("%7B", "%3C"):
        # The switch writes no raw plus sign; one in here is a space that another program encoded.
        return unquote_plus(text, errors="replace").encode()
    # The switch does not percent-encode its base64: `+` and `=` travel raw, and a proxy may have made spaces of `+`.
    text = unquote(text).replace(" ", "+").replace("\r", "").replace("\n", "")
    try:
        return base64.b64decode(text, validate=True).strip()
    except (binascii.Error, ValueError):
        raise NotUnderstood("The form field `cdr` holds neither JSON, XML nor base64.") from None


def _decode(text: bytes) -> dict[str, Any]:
    try:
        decoded: dict[str, Any] = json.loads(text.decode("utf-8", "replace"), object_pairs_hook=_object, strict=False)
    except (ValueError, RecursionError):
        raise NotUnderstood(_NOT_JSON) from None
    return decoded


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object in which the first of repeated names counts; older switches repeat `callflow`, newest first."""
    members = dict(reversed(pairs))
    if len(members) != len(pairs) and "callflow" in members:
        members["callflow"] = [value for name, value in pairs if name == "callflow"]
    return members


def _decoded_values(variables: dict[str, str]) -> dict[str, str]:
    """The variables without the encoding of `encode-values`, which is the switch's default and marked nowhere.

    It shows: an encoded record has no character that the encoder escapes, while in a plain one at least the
    time stamps have spaces and colons. So a plain record's literal `%41` stays what it is.
    """
    if not all(_ENCODED_VALUE.fullmatch(value) for value in variables.values()):
        return variables
    return {name: unquote(value) if "%" in value else value for name, value in variables.items()}


def _profiles(callflow: object) -> list[dict[str, Any]]:
    given = callflow if isinstance(callflow, list) else [callflow]
    flows = [flow for flow in given if isinstance(flow, dict) and isinstance(flow.get("caller_profile"), dict)]
    flows.sort(key=lambda flow: count(flow.get("profile_index")) or 0, reverse=True)
    return [flow["caller_profile"] for flow in flows]


def _uuid_of_query(posted: Posted) -> str | None:
    """The uuid that mod_json_cdr glues to every URL as `?uuid=`, even behind a query that is there already."""
    for name, value in reversed(posted.query):
        if name == "uuid" or "?uuid=" in value:
            uuid = said(value.rpartition("?uuid=")[2])
            return uuid.removeprefix("a_") if uuid else None
    return None
