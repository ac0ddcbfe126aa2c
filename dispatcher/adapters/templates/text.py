"""A call's value as text, and that text made safe for the place where it goes.

Every function takes a JSON value (or what an expression came to) and is total for values of calls; an expression
that came to something else raises TypeError.
"""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import quote, quote_plus

import orjson
from jinja2 import Undefined

from dispatcher.adapters.templates.costs import LONG_CHARACTERS, count

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]+")
_XML_SPECIAL = re.compile("[&<>\"'\t\n\r\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_XML_REPLACED = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&apos;"}
# A literal tab or line break would be normalised to a space in an attribute (XML 1.0, 3.3.3); a reference is kept.
_XML_REPLACED |= {"\t": "&#9;", "\n": "&#10;", "\r": "&#13;"}
_NONCHARACTERS = re.compile("[\ufdd0-\ufdef\ufffe\uffff]")
_NOT_IN_FILE_NAMES = re.compile(r"[\x00-\x1f\x7f-\x9f/\\]")
_BINARY_SAFE = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in '"%')
_URL_LITERAL_SAFE = "!$&'()*+,;=:@/?%[]-._~"


def text_of(value: Any) -> str:
    """A value in text: absent and null are empty, a list is comma-joined, an object is compact JSON."""
    kind = type(value)
    if kind is str:
        if len(value) > LONG_CHARACTERS:
            count(len(value))
        return value  # type: ignore[no-any-return]
    if value is None or isinstance(value, Undefined):
        return ""
    if kind is bool:
        return "true" if value else "false"
    if kind is int or kind is float:
        return str(value)
    if kind is list or kind is tuple:
        return ",".join([json_of(item).decode() if type(item) in (list, dict) else text_of(item) for item in value])
    return json_of(value).decode()


def json_of(value: Any) -> bytes:
    """A value as compact JSON with its type; absent is null."""
    encoded = orjson.dumps(value, default=_absent_as_null)
    if len(encoded) > LONG_CHARACTERS:
        count(len(encoded))
    return encoded


def _absent_as_null(value: Any) -> None:
    if not isinstance(value, Undefined):
        raise TypeError("no JSON value")


def url_part(value: Any) -> str:
    """Percent-encoded whole, so that it stays one path segment or one query value (RFC 3986, 2.1)."""
    return quote(text_of(value), safe="")


class EmptySegment(ValueError):
    """A value that is a whole segment of a path is empty."""


def segment(value: Any) -> str:
    """A value that is a whole segment of a path, as text. Raises `EmptySegment`: `DELETE /leads/` is another request
    than `DELETE /leads/17`, and most servers take it for one to the whole list."""
    return text_of(value) or _empty()


def _empty() -> str:
    raise EmptySegment


def form_part(value: Any) -> str:
    """As application/x-www-form-urlencoded wants it (WHATWG URL, 5.2)."""
    return quote_plus(text_of(value))


def header_text(value: Any) -> str:
    """Printable ASCII: a control character becomes a space, any other character percent-encoded UTF-8.

    So no value can begin a line of its own, and every sender and receiver agrees on the bytes. A receiver that
    unquotes gets the text back, unless it held a `%` of its own, which stays as it is.
    """
    text = text_of(value)
    if text.isascii() and text.isprintable():
        return text
    return _NOT_ASCII.sub(lambda match: quote(match[0], safe=""), _CONTROL.sub(" ", text))


def xml_text(value: Any) -> str:
    """For an element or an attribute; characters that XML 1.0 has no way to carry become U+FFFD."""
    return _XML_SPECIAL.sub(lambda match: _XML_REPLACED.get(match[0], "\ufffd"), text_of(value))


def json_in_string(value: Any) -> str:
    """For a place between the quotes of a JSON string."""
    return orjson.dumps(text_of(value)).decode()[1:-1]


def json_value(value: Any) -> str:
    """For a place outside of any JSON string: a whole JSON value, quotes included."""
    return json_of(value).decode()


def attribute(value: Any) -> str:
    """A String of CloudEvents 1.0 (3.2): control characters become spaces, noncharacters U+FFFD."""
    text = text_of(value)
    if text.isascii() and text.isprintable():
        return text
    return _NONCHARACTERS.sub("\ufffd", _CONTROL.sub(" ", text))


def attribute_header(text: str) -> str:
    """A CloudEvents attribute as a header's value (HTTP binding, 3.1.3.2): in UTF-8, everything but printable ASCII
    percent-encoded, and space, double quote and percent sign too."""
    return quote(text, safe=_BINARY_SAFE)


def file_name(value: Any) -> str:
    """A name without a path and without control characters, of which each becomes `_`, between double quotes as in a
    form's part (WHATWG HTML, 4.10.21.8)."""
    return form_name(_NOT_IN_FILE_NAMES.sub("_", text_of(value)))


def form_name(text: str) -> str:
    """A name between double quotes, as in a form's part (WHATWG HTML, 4.10.21.8)."""
    return text.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")


def url_literal(text: str) -> str:
    """What a URL's author wrote, in ASCII."""
    return text if text.isascii() else quote(text, safe=_URL_LITERAL_SAFE)


ESCAPES: Mapping[str, Callable[[Any], str]] = MappingProxyType(
    {
        "_text": text_of,
        "_url": url_part,
        "_form": form_part,
        "_header": header_text,
        "_xml": xml_text,
        "_json_in_string": json_in_string,
        "_json_value": json_value,
        "_attribute": attribute,
        "_file_name": file_name,
    }
)
"""By the names under which compiled templates call them; no template can name them itself."""
