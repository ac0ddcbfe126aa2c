"""The built-in simple types of XML Schema (Part 2: Datatypes, second edition): their forms, and what to say of them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from dispatcher.domain.soap.moments import FORMS


class DoesNotFit(ValueError):
    """A value that its type cannot take. `expected` says to a person what would fit, and holds nothing of the value."""

    def __init__(self, expected: str) -> None:
        super().__init__(expected)
        self.expected = expected


class Family(StrEnum):
    """Types whose values are read, compared and bounded alike."""

    TEXT = "text"
    BOOLEAN = "boolean"
    DECIMAL = "decimal"
    """`integer` and what is derived from it, too."""
    FLOAT = "float"
    MOMENT = "moment"
    DURATION = "duration"
    BASE64 = "base64"
    HEX = "hex"


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """A built-in type. `form` is judged after white space was treated; None: any text."""

    family: Family
    expected: str
    form: re.Pattern[str] | None = None
    white_space: str = "collapse"
    least: int | None = None
    most: int | None = None


_INTEGER = re.compile(r"[+-]?[0-9]+")
_DECIMAL = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)")
_FLOAT = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|-?INF|NaN")
# At most eight digits for each part, because zeep adds days to seconds and overflows at 999,999,999 days; and at most
# six of a fraction, because it drops more.
_DURATION = re.compile(
    r"-?P(?=[0-9T])(?:[0-9]{1,8}Y)?(?:[0-9]{1,8}M)?(?:[0-9]{1,8}D)?"
    r"(?:T(?=[0-9])(?:[0-9]{1,8}H)?(?:[0-9]{1,8}M)?(?:[0-9]{1,8}(?:\.[0-9]{1,6})?S)?)?"
)
_LANGUAGE = re.compile(r"[a-zA-Z]{1,8}(?:-[a-zA-Z0-9]{1,8})*")
# Characters of names: XML 1.0, fifth edition, [4] and [4a], without the colon.
_START = (
    "A-Z_a-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u02ff\u0370-\u037d\u037f-\u1fff\u200c\u200d\u2070-\u218f\u2c00-\u2fef"
    "\u3001-\ud7ff\uf900-\ufdcf\ufdf0-\ufffd\U00010000-\U000effff"
)
_MORE = _START + "\\-.0-9\u00b7\u0300-\u036f\u203f\u2040"
_NC_NAME = re.compile(f"[{_START}][{_MORE}]*")
_NAME = re.compile(f"[:{_START}][:{_MORE}]*")
_NM_TOKEN = re.compile(f"[:{_MORE}]+")
_Q_NAME = re.compile(f"(?:[{_START}][{_MORE}]*:)?[{_START}][{_MORE}]*")

_NAME_EXPECTED = "a name: letters, digits, '.', '-' and '_', no spaces, and a letter or '_' first"
_TO_LOCAL = "a moment becomes one by the filter local, because which it is depends on the zone"


def _integer(least: int | None, most: int | None) -> BuiltIn:
    if least is not None and most is not None:
        expected = f"a whole number from {least} to {most}"
    elif least is not None:
        expected = f"a whole number, {least} or more"
    elif most is not None:
        expected = f"a whole number, {most} or less"
    else:
        expected = "a whole number"
    return BuiltIn(Family.DECIMAL, f"{expected}, in digits", _INTEGER, least=least, most=most)


def _moment(name: str, expected: str) -> BuiltIn:
    return BuiltIn(Family.MOMENT, expected, FORMS[name])


def _name(form: re.Pattern[str], expected: str = _NAME_EXPECTED) -> BuiltIn:
    return BuiltIn(Family.TEXT, expected, form)


ANY = BuiltIn(Family.TEXT, "text, a number or a boolean", white_space="preserve")
"""Also for a base that has no entry."""
BUILT_IN: Mapping[str, BuiltIn] = MappingProxyType(
    {
        "anySimpleType": ANY,
        "string": BuiltIn(Family.TEXT, "text", white_space="preserve"),
        "normalizedString": BuiltIn(Family.TEXT, "text", white_space="replace"),
        "token": BuiltIn(Family.TEXT, "text"),
        "anyURI": BuiltIn(Family.TEXT, "a URI"),
        "language": _name(_LANGUAGE, "a language tag such as en or de-CH"),
        "Name": _name(_NAME),
        "NCName": _name(_NC_NAME),
        "ID": _name(_NC_NAME),
        "IDREF": _name(_NC_NAME),
        "ENTITY": _name(_NC_NAME),
        "NMTOKEN": _name(_NM_TOKEN, "letters, digits, '.', '-', '_' and ':', no spaces"),
        "QName": _name(_Q_NAME, "a name, with or without a prefix such as in p:name"),
        "NOTATION": _name(_Q_NAME, "a name, with or without a prefix such as in p:name"),
        "boolean": BuiltIn(Family.BOOLEAN, "true or false"),
        "decimal": BuiltIn(Family.DECIMAL, "a number such as 12.50, without exponent or unit", _DECIMAL),
        "float": BuiltIn(Family.FLOAT, "a number such as 12.5 or 1.25E1, INF, -INF or NaN", _FLOAT),
        "double": BuiltIn(Family.FLOAT, "a number such as 12.5 or 1.25E1, INF, -INF or NaN", _FLOAT),
        "integer": _integer(None, None),
        "nonPositiveInteger": _integer(None, 0),
        "negativeInteger": _integer(None, -1),
        "nonNegativeInteger": _integer(0, None),
        "positiveInteger": _integer(1, None),
        "long": _integer(-(2**63), 2**63 - 1),
        "int": _integer(-(2**31), 2**31 - 1),
        "short": _integer(-(2**15), 2**15 - 1),
        "byte": _integer(-(2**7), 2**7 - 1),
        "unsignedLong": _integer(0, 2**64 - 1),
        "unsignedInt": _integer(0, 2**32 - 1),
        "unsignedShort": _integer(0, 2**16 - 1),
        "unsignedByte": _integer(0, 2**8 - 1),
        "dateTime": _moment("dateTime", "a date and time such as 2026-11-20T10:03:20Z"),
        "date": _moment("date", f"a date such as 2026-11-20 ({_TO_LOCAL})"),
        "time": _moment("time", f"a time of day such as 10:03:20 ({_TO_LOCAL})"),
        "gYear": _moment("gYear", f"a year such as 2026 ({_TO_LOCAL})"),
        "gYearMonth": _moment("gYearMonth", f"a month of a year such as 2026-11 ({_TO_LOCAL})"),
        "gMonth": _moment("gMonth", f"a month such as --11 ({_TO_LOCAL})"),
        "gMonthDay": _moment("gMonthDay", f"a day of a month such as --11-20 ({_TO_LOCAL})"),
        "gDay": _moment("gDay", f"a day such as ---20 ({_TO_LOCAL})"),
        "duration": BuiltIn(Family.DURATION, "a duration such as PT3M20S, or a number of seconds", _DURATION),
        "base64Binary": BuiltIn(Family.BASE64, "text (it is encoded in base64)", white_space="preserve"),
        "hexBinary": BuiltIn(Family.HEX, "text (it is encoded in hexadecimal digits)", white_space="preserve"),
    }
)
LISTS: Mapping[str, str] = MappingProxyType({"NMTOKENS": "NMTOKEN", "IDREFS": "IDREF", "ENTITIES": "ENTITY"})
"""The built-in list types, each with the type of its items."""
