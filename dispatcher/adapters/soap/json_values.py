"""What a reply holds, as JSON values: from zeep's objects, or from the XML itself."""

from base64 import b64encode
from collections import deque
from collections.abc import Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from lxml import etree

from dispatcher.adapters.soap.namespaces import XSI

MAX_DEPTH = 64
MAX_DIGITS = 1_000
"""Of a decimal that is written out: `1E-500000000` in a reply would be half a gigabyte of zeros."""
_NIL = f"{{{XSI}}}nil"


def jsonable(value: Any, depth: int = MAX_DEPTH) -> Any:
    """zeep's values as JSON: moments in ISO 8601, decimals as their digits (no binary fraction is exact), binary data
    in Base64, XML that no type describes as its fields."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case _ if depth == 0:
            return None
        case Decimal():
            return _decimal(value)
        case datetime() | date() | time():
            return value.isoformat()
        case bytes():
            return b64encode(value).decode()
        case list() | tuple() | deque():
            return [jsonable(each, depth - 1) for each in value]
        case Mapping():
            return {str(name): jsonable(each, depth - 1) for name, each in value.items()}
        case _ if etree.iselement(value):
            return raw_fields(value, depth - 1)
        case _:
            return str(value)


def _decimal(value: Decimal) -> int | str:
    if not value.is_finite() or abs(value.adjusted()) > MAX_DIGITS:
        return str(value)
    return int(value) if value == value.to_integral_value() and abs(value) < 2**53 else f"{value:f}"


def raw_fields(element: Any, depth: int = MAX_DEPTH) -> Any:
    """An element's content by the local names of its children: texts, objects, and lists where a name repeats."""
    children = [child for child in element if isinstance(child.tag, str)]
    if not children:
        return None if element.get(_NIL) in ("true", "1") else (element.text or "")
    if depth == 0:
        return None
    found: dict[str, Any] = {}
    for child in children:
        name, value = etree.QName(child).localname, raw_fields(child, depth - 1)
        if name not in found:
            found[name] = value
        elif isinstance(found[name], _Repeated):
            found[name].append(value)
        else:
            found[name] = _Repeated([found[name], value])
    return {name: list(value) if isinstance(value, _Repeated) else value for name, value in found.items()}


class _Repeated(list[Any]):
    """The values of a name that came more than once, as opposed to one value that is a list."""
