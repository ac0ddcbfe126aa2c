"""A JSON value as its simple type writes it (XML Schema Part 2: Datatypes), or what would fit instead.

zeep sends whatever it is given, so this is all that stands between a field of a call and the parser of an old system.
Regular expressions go before Python's own number parsers, which also take `1_000`, Arabic digits and `nan`.
"""

import math
import re
from base64 import b64decode, b64encode
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from dispatcher.domain.field_values import well_formed
from dispatcher.domain.soap.built_in import ANY, BUILT_IN, LISTS, BuiltIn, DoesNotFit, Family
from dispatcher.domain.soap.description import SimpleType
from dispatcher.domain.soap.facets import one_of, refuse_bounds, refuse_digits, refuse_length, same_as
from dispatcher.domain.soap.moments import exists

MAX_NUMBER_CHARACTERS = 1_000
"""Of a number or moment in text: parsers of large numbers are quadratic, and no target takes one of this length."""
_MAX_INTEGER_BITS = 3_300
"""Of an integer in JSON: about as many digits. Python refuses to write one of more than 4,300 digits."""
_MAX_SECONDS = 99_999_999
_MICROSECOND = Decimal("0.000001")
_NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
_WHITE = re.compile("[\t\n\r]")
_SPACES = re.compile("[ \t\n\r]+")
_SECONDS = re.compile(r"-?[0-9]{1,8}(?:\.[0-9]{1,20})?")
_SHOWN_MEMBERS = 5


def xml_characters(text: str) -> str:
    """The text with U+FFFD for every character that XML 1.0 has no way to carry (2.2)."""
    return text if text.isascii() and text.isprintable() else _NOT_IN_XML.sub("\ufffd", text)


def lexical(value: Any, simple: SimpleType) -> str:
    """The value in the lexical form of its type; raises `DoesNotFit`, and nothing else for whatever value.

    Binary types are text too, already encoded: zeep would encode bytes for base64Binary, but not for hexBinary, and
    takes text for both as it is. A text is always what the target shall find after decoding, also one that looks
    encoded (`decoded` is for that). `pattern` is not judged.
    """
    try:
        text = _unlisted(value, simple)
    except DoesNotFit:
        if simple.enumeration:
            raise DoesNotFit(one_of(simple.enumeration)) from None
        raise
    return text if not simple.enumeration or text in simple.enumeration else _enumerated(text, simple)


def decoded(value: Any, simple: SimpleType) -> str:
    """A text in Base64 (RFC 4648, 4; white space is let pass) as a value of a binary type; raises `DoesNotFit` for
    another type, and for what is no Base64."""
    built_in = built_in_of(simple)
    if built_in.family not in (Family.BASE64, Family.HEX):
        raise DoesNotFit("a plain value: the type is not a binary one")
    try:
        octets = b64decode(_SPACES.sub("", value).encode("ascii"), validate=True) if type(value) is str else None
    except ValueError:
        octets = None
    if octets is None:
        raise DoesNotFit("text in base64, with its padding")
    return _of_bytes(octets, simple, built_in)


def takes_empty(simple: SimpleType) -> bool:
    """Whether the empty text is a value of the type."""
    try:
        lexical("", simple)
    except DoesNotFit:
        return False
    return True


def is_list(simple: SimpleType) -> bool:
    """Whether a value of the type is itself a list, of items with spaces between them."""
    return simple.item is not None or simple.base in LISTS


def item_type(simple: SimpleType) -> SimpleType:
    """What the items of a list type are."""
    if simple.item is not None:
        return simple.item
    name = LISTS.get(simple.base, "anySimpleType")
    return SimpleType(name, name)


def built_in_of(simple: SimpleType) -> BuiltIn:
    """The built-in type that a type goes back to."""
    return BUILT_IN.get(simple.base, ANY)


def _unlisted(value: Any, simple: SimpleType) -> str:
    """As `lexical`, without the enumeration."""
    if simple.members:
        return _of_union(value, simple)
    if is_list(simple):
        return _of_list(value, simple)
    return _of_atom(value, simple, built_in_of(simple))


def _enumerated(text: str, simple: SimpleType) -> str:
    listed = tuple(_treated(each, _white_space(simple, built_in_of(simple))) for each in simple.enumeration)
    found = same_as(built_in_of(simple), listed, text)
    if found is None:
        raise DoesNotFit(one_of(simple.enumeration))
    return found


def _of_union(value: Any, simple: SimpleType) -> str:
    expected: list[str] = []
    for member in simple.members:
        try:
            return lexical(value, member)
        except DoesNotFit as unfit:
            expected.append(unfit.expected)
    raise DoesNotFit("; or ".join(dict.fromkeys(expected[:_SHOWN_MEMBERS])))


def _of_list(value: Any, simple: SimpleType) -> str:
    items = value if type(value) is list else _treated(_text(value, "a list"), "collapse").split(" ")
    inner = item_type(simple)
    try:
        texts = [lexical(item, inner) for item in items if item not in (None, "")]
    except DoesNotFit as unfit:
        raise DoesNotFit(f"a list whose every item is {unfit.expected}") from None
    if any(_SPACES.search(text) for text in texts):
        raise DoesNotFit("a list whose items have no spaces in them")
    refuse_length(simple.facets, len(texts), "items")
    return " ".join(texts)


def _of_atom(value: Any, simple: SimpleType, built_in: BuiltIn) -> str:
    match built_in.family:
        case Family.TEXT:
            return _of_text(value, simple, built_in)
        case Family.BASE64 | Family.HEX:
            return _of_octets(value, simple, built_in)
        case Family.BOOLEAN:
            return _of_boolean(value, built_in)
        case Family.DURATION:
            return _of_duration(value, built_in)
        case Family.DECIMAL | Family.FLOAT | Family.MOMENT:
            return _of_ordered(value, simple, built_in)


def _of_text(value: Any, simple: SimpleType, built_in: BuiltIn) -> str:
    text = _treated(xml_characters(_text(value, built_in.expected)), _white_space(simple, built_in))
    if built_in.form is not None and not built_in.form.fullmatch(text):
        raise DoesNotFit(built_in.expected)
    # For names with a prefix, the length is no matter of the value (Part 2, 3.2.18).
    if simple.base not in ("QName", "NOTATION"):
        refuse_length(simple.facets, len(text), "characters")
    return text


def _of_octets(value: Any, simple: SimpleType, built_in: BuiltIn) -> str:
    return _of_bytes(well_formed(_text(value, built_in.expected)).encode(), simple, built_in)


def _of_bytes(octets: bytes, simple: SimpleType, built_in: BuiltIn) -> str:
    refuse_length(simple.facets, len(octets), "octets")
    return b64encode(octets).decode() if built_in.family is Family.BASE64 else octets.hex().upper()


def _of_boolean(value: Any, built_in: BuiltIn) -> str:
    match _treated(_text(value, built_in.expected), "collapse").lower():
        case "true" | "1":
            return "true"
        case "false" | "0":
            return "false"
        case _:
            raise DoesNotFit(built_in.expected)


def _of_duration(value: Any, built_in: BuiltIn) -> str:
    text = _treated(_text(value, built_in.expected), "collapse")
    if _SECONDS.fullmatch(text):
        seconds = Decimal(text).quantize(_MICROSECOND, ROUND_HALF_EVEN)
        if abs(seconds) <= _MAX_SECONDS:
            sign = "-" if seconds < 0 else ""
            return f"{sign}PT{_without_zeros(f'{abs(seconds):f}')}S"
    if built_in.form is None or not built_in.form.fullmatch(text):
        raise DoesNotFit(built_in.expected)
    return text


def _of_ordered(value: Any, simple: SimpleType, built_in: BuiltIn) -> str:
    if type(value) is float:
        text = _of_float(value, built_in)
    else:
        text = _treated(_text(value, built_in.expected), "collapse")
    found = built_in.form.fullmatch(text) if built_in.form is not None and len(text) <= MAX_NUMBER_CHARACTERS else None
    if found is None or (built_in.family is Family.MOMENT and not exists(found.groupdict())):
        raise DoesNotFit(built_in.expected)
    if built_in.family is Family.DECIMAL:
        _refuse_range(text, built_in)
        refuse_digits(simple.facets, text)
    refuse_bounds(built_in, simple.facets, text)
    return text


def _of_float(value: float, built_in: BuiltIn) -> str:
    if built_in.family is Family.FLOAT:
        return repr(value) if math.isfinite(value) else {"inf": "INF", "-inf": "-INF"}.get(repr(value), "NaN")
    text = _text(value, built_in.expected)
    return text.removesuffix(".0") if value.is_integer() else text


def _refuse_range(text: str, built_in: BuiltIn) -> None:
    if built_in.least is not None and Decimal(text) < built_in.least:
        raise DoesNotFit(built_in.expected)
    if built_in.most is not None and Decimal(text) > built_in.most:
        raise DoesNotFit(built_in.expected)


def _white_space(simple: SimpleType, built_in: BuiltIn) -> str:
    return "collapse" if is_list(simple) else simple.facets.get("whiteSpace", built_in.white_space)


def _treated(text: str, white_space: str) -> str:
    if white_space == "collapse":
        return _SPACES.sub(" ", text).strip(" ")
    return _WHITE.sub(" ", text) if white_space == "replace" else text


def _text(value: Any, expected: str) -> str:
    """A scalar as text: a float without an exponent, since few readers of text know what one is."""
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int() if value.bit_length() <= _MAX_INTEGER_BITS:
            return str(value)
        case float() if math.isfinite(value):
            text = repr(value)
            return f"{Decimal(text):f}" if "e" in text else text
        case _:
            raise DoesNotFit(expected)


def _without_zeros(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text
