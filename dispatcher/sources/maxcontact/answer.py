"""An answer of MaxContact's telephony API to `getcalls`: the calls that an agent has now, or no information. Pure.

The API answers in JSON or XML, `CallActionResponse` of Success, Data, ResponseCode and ResponseDetail. That it
succeeded is said in the body alone; whatever else comes (a login page, an empty body) says nothing of any call.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lxml import etree

from dispatcher.sources.format import NotUnderstood
from dispatcher.sources.generic import decode_json
from dispatcher.sources.normal.times import epoch_milliseconds, iso
from dispatcher.sources.posts.said import said

MAX_CALLS = 1_000
MAX_ANSWER_BYTES = 4 * 1024 * 1024
_MAX_TEXT = 500
_TRUE = frozenset({"true", "1"})
_MICROSOFT_DATE = re.compile(r"/Date\(([0-9]{1,15})(?:[+-][0-9]{4})?\)/")
_CALL_ID = "CallId"
_XML_NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"


class NoInformation(Exception):
    """The answer says nothing of calls: neither that there are some, nor that there are none."""


@dataclass(frozen=True, slots=True)
class SeenCall:
    """One active call. `start` is the text of its CallStartTime, `started_at` the moment, where it can be read.

    `call_state`, `call_status` and `recording_state` are the numbers as they came; no document says what they mean.
    """

    call_id: int
    start: str
    started_at: datetime | None
    number: str | None = None
    name: str | None = None
    call_state: int | None = None
    call_status: int | None = None
    recording_state: int | None = None


def calls_in(status: int, body: bytes, time_zone: str) -> list[SeenCall]:
    """The calls of a successful answer. Raises `NoInformation`."""
    if status != 200 or len(body) > MAX_ANSWER_BYTES:
        raise NoInformation
    text = body.removeprefix(b"\xef\xbb\xbf").strip()
    answer = _of_xml(text) if text[:1] == b"<" else _of_json(text)
    if str(answer.get("Success")).lower() not in _TRUE:
        raise NoInformation
    data = answer.get("Data")
    if data is None or data == "":
        return []
    listed = data if isinstance(data, list) else [data]
    if len(listed) > MAX_CALLS:
        raise NoInformation
    return [_call(each, time_zone) for each in listed]


def _of_json(text: bytes) -> Mapping[str, Any]:
    try:
        answer = decode_json(text)
    except NotUnderstood:
        raise NoInformation from None
    if not isinstance(answer, dict):
        raise NoInformation
    return answer


def _of_xml(text: bytes) -> Mapping[str, Any]:
    """The same members; `Data` is a list of calls, or of nothing."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(text, parser)
    except (etree.XMLSyntaxError, ValueError):
        raise NoInformation from None
    if root.getroottree().docinfo.doctype:
        raise NoInformation  # the API writes none: it is a page of HTML, or an attack
    answer: dict[str, Any] = {}
    for member in root.iterchildren(tag=etree.Element):
        answer[etree.QName(member).localname] = _data(member) if _name(member) == "Data" else member.text
    return answer


def _data(element: Any) -> list[dict[str, Any]] | dict[str, Any] | None:
    if element.get(_XML_NIL) in _TRUE or not len(element):
        return None
    children = list(element.iterchildren(tag=etree.Element))
    if any(_name(child) == _CALL_ID for child in children):
        return _members(element)
    return [_members(child) for child in children]


def _members(element: Any) -> dict[str, Any]:
    return {_name(child): child.text for child in element.iterchildren(tag=etree.Element)}


def _name(element: Any) -> str:
    return str(etree.QName(element).localname)


def _call(raw: object, time_zone: str) -> SeenCall:
    """A call without an id could not be told from another: then the answer is none."""
    if not isinstance(raw, dict) or (call_id := _integer(raw.get(_CALL_ID))) is None:
        raise NoInformation
    start = str(raw.get("CallStartTime") or "")[:_MAX_TEXT]
    names = [said(raw.get(name)) for name in ("CustomerName", "CustomerName2")]
    return SeenCall(
        call_id,
        start,
        _moment(start, time_zone),
        _text(raw.get("PhoneNumber")),
        _text(" ".join(name for name in names if name)),
        _integer(raw.get("CallState")),
        _integer(raw.get("CallStatus")),
        _integer(raw.get("RecordingState")),
    )


def _moment(text: str, time_zone: str) -> datetime | None:
    found = _MICROSOFT_DATE.fullmatch(text)
    return epoch_milliseconds(found[1]) if found else iso(text, time_zone)


def _integer(value: object) -> int | None:
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,15}", value.strip()):
        return int(value)
    return value if type(value) is int and abs(value) < 10**15 else None


def _text(value: object) -> str | None:
    text = said(value)
    return None if text is None else text[:_MAX_TEXT]
