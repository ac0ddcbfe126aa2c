"""A JSON value in the lexical form of its simple type (XML Schema Part 2), or a sentence about what would fit."""

import re
from base64 import b64decode
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dispatcher.domain.soap.built_in import BUILT_IN, LISTS, DoesNotFit, Family
from dispatcher.domain.soap.description import SimpleType
from dispatcher.domain.soap.lexical import lexical, takes_empty
from dispatcher.domain.soap.samples import sample

ALL = sorted({*BUILT_IN, *LISTS})
TO_LOCAL = "(a moment becomes one by the filter local, because which it is depends on the zone)"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
TEXTS = st.from_regex(re.compile(r"[-+]?[0-9:.TZPYMDHSEINFa\- ]{0,24}"), fullmatch=True)
# Written from the recommendation, apart from the code: 3.2.3, 3.2.4, 3.2.6 to 3.2.14, 3.3.13.
ZONE = r"(Z|[+-]\d\d:\d\d)?"
RECOMMENDED = {
    "decimal": r"[+-]?(\d+(\.\d*)?|\.\d+)",
    "integer": r"[+-]?\d+",
    "double": r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?|-?INF|NaN",
    "dateTime": r"-?\d{4,}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?" + ZONE,
    "date": r"-?\d{4,}-\d\d-\d\d" + ZONE,
    "time": r"\d\d:\d\d:\d\d(\.\d+)?" + ZONE,
    "gYear": r"-?\d{4,}" + ZONE,
    "gYearMonth": r"-?\d{4,}-\d\d" + ZONE,
    "gMonth": r"--\d\d" + ZONE,
    "gMonthDay": r"--\d\d-\d\d" + ZONE,
    "gDay": r"---\d\d" + ZONE,
    "duration": r"-?P(?!$)(\d+Y)?(\d+M)?(\d+D)?(T(?!$)(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?",
    "boolean": r"true|false|1|0",
    "hexBinary": r"([0-9a-fA-F]{2})*",
    "base64Binary": r"([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?",
}


def of(base: str, *enumeration: str, **facets: str) -> SimpleType:
    return SimpleType(base, base, enumeration, facets)


def refused(value: Any, simple: SimpleType) -> str:
    with pytest.raises(DoesNotFit) as caught:
        lexical(value, simple)
    assert str(caught.value) == caught.value.expected
    return caught.value.expected


@pytest.mark.parametrize(
    ("base", "value", "text"),
    [
        ("string", " two\n words ", " two\n words "),
        ("string", 17, "17"),
        ("string", 5.0, "5.0"),
        ("string", 1e22, "10000000000000000000000"),
        ("string", True, "true"),
        ("string", "a\x00b\ud800", "a\ufffdb\ufffd"),
        ("anySimpleType", " x ", " x "),
        ("normalizedString", "a\tb\n", "a b "),
        ("token", "  a \t b\n", "a b"),
        ("language", " de-CH ", "de-CH"),
        ("Name", "p:x", "p:x"),
        ("NCName", "_ü.1", "_ü.1"),
        ("NMTOKEN", "1-a:b", "1-a:b"),
        ("NMTOKENS", ["a", "b"], "a b"),
        ("IDREFS", " a  b ", "a b"),
        ("QName", "p:x", "p:x"),
        ("anyURI", " https://example.com/a b ", "https://example.com/a b"),
        ("boolean", True, "true"),
        ("boolean", " FALSE ", "false"),
        ("boolean", "1", "true"),
        ("boolean", 0, "false"),
        ("decimal", "12.50", "12.50"),
        ("decimal", ".5", ".5"),
        ("decimal", 1e-7, "0.0000001"),
        ("decimal", 5.0, "5"),
        ("integer", 2**200, str(2**200)),
        ("integer", "+0017", "+0017"),
        ("int", 5.0, "5"),
        ("long", -(2**63), "-9223372036854775808"),
        ("double", 1e22, "1e+22"),
        ("double", "-INF", "-INF"),
        ("float", float("inf"), "INF"),
        ("float", float("nan"), "NaN"),
        ("dateTime", "2026-11-20T10:03:20Z", "2026-11-20T10:03:20Z"),
        ("dateTime", " 2026-11-20T10:03:20.125+01:00\n", "2026-11-20T10:03:20.125+01:00"),
        ("dateTime", "2026-11-20T24:00:00", "2026-11-20T24:00:00"),
        ("date", "2024-02-29", "2024-02-29"),
        ("date", "2026-11-20+14:00", "2026-11-20+14:00"),
        ("time", "10:03:20", "10:03:20"),
        ("gYear", 2026, "2026"),
        ("gYearMonth", "2026-11", "2026-11"),
        ("gMonth", "--11", "--11"),
        ("gMonthDay", "--02-29", "--02-29"),
        ("gDay", "---31", "---31"),
        ("duration", "P1Y2M3DT4H5M6.5S", "P1Y2M3DT4H5M6.5S"),
        ("duration", 200, "PT200S"),
        ("duration", "200", "PT200S"),
        ("duration", -1.50, "-PT1.5S"),
        ("duration", 0.1 + 0.2, "PT0.3S"),
        ("base64Binary", "Jürgen", "SsO8cmdlbg=="),
        ("base64Binary", "aGk=", "YUdrPQ=="),
        ("base64Binary", "", ""),
        ("hexBinary", "Jü\x00", "4AC3BC00"),
    ],
)
def test_a_value_has_the_form_of_its_type(base: str, value: Any, text: str) -> None:
    assert lexical(value, of(base)) == text


@pytest.mark.parametrize(
    ("base", "value", "expected"),
    [
        ("string", None, "text"),
        ("string", ["a"], "text"),
        ("string", {"a": 1}, "text"),
        ("string", 10**1000, "text"),
        ("string", float("nan"), "text"),
        ("language", "de_CH", "a language tag such as en or de-CH"),
        ("NCName", "p:x", "a name: letters, digits, '.', '-' and '_', no spaces, and a letter or '_' first"),
        ("NMTOKENS", "a b,c", "a list whose every item is letters, digits, '.', '-', '_' and ':', no spaces"),
        ("boolean", "yes", "true or false"),
        ("boolean", 2, "true or false"),
        ("boolean", "", "true or false"),
        ("decimal", "12,50", "a number such as 12.50, without exponent or unit"),
        ("decimal", "1e3", "a number such as 12.50, without exponent or unit"),
        ("decimal", "1_000", "a number such as 12.50, without exponent or unit"),
        ("decimal", "١٢", "a number such as 12.50, without exponent or unit"),
        ("decimal", "NaN", "a number such as 12.50, without exponent or unit"),
        ("decimal", True, "a number such as 12.50, without exponent or unit"),
        ("decimal", "1" * 1001, "a number such as 12.50, without exponent or unit"),
        ("integer", 5.5, "a whole number, in digits"),
        ("integer", "5.0", "a whole number, in digits"),
        ("integer", "5\u00a0", "a whole number, in digits"),
        ("int", 2**31, "a whole number from -2147483648 to 2147483647, in digits"),
        ("unsignedByte", -1, "a whole number from 0 to 255, in digits"),
        ("positiveInteger", 0, "a whole number, 1 or more, in digits"),
        ("negativeInteger", "0", "a whole number, -1 or less, in digits"),
        ("double", "nan", "a number such as 12.5 or 1.25E1, INF, -INF or NaN"),
        ("double", "0x1", "a number such as 12.5 or 1.25E1, INF, -INF or NaN"),
        ("dateTime", "2026-11-20", "a date and time such as 2026-11-20T10:03:20Z"),
        ("dateTime", "2026-11-20 10:03:20Z", "a date and time such as 2026-11-20T10:03:20Z"),
        ("dateTime", "2026-11-20T10:03:60Z", "a date and time such as 2026-11-20T10:03:20Z"),
        ("dateTime", "2026-11-31T10:03:20Z", "a date and time such as 2026-11-20T10:03:20Z"),
        ("dateTime", 1795168800, "a date and time such as 2026-11-20T10:03:20Z"),
        ("date", "2026-11-20T10:03:20Z", f"a date such as 2026-11-20 {TO_LOCAL}"),
        ("date", "2026-02-29", f"a date such as 2026-11-20 {TO_LOCAL}"),
        ("date", "1900-02-29", f"a date such as 2026-11-20 {TO_LOCAL}"),
        ("date", "0000-01-01", f"a date such as 2026-11-20 {TO_LOCAL}"),
        ("date", "20 Nov 2026", f"a date such as 2026-11-20 {TO_LOCAL}"),
        ("time", "10:03", f"a time of day such as 10:03:20 {TO_LOCAL}"),
        ("gMonthDay", "--02-30", f"a day of a month such as --11-20 {TO_LOCAL}"),
        ("duration", "P", "a duration such as PT3M20S, or a number of seconds"),
        ("duration", "P1YT", "a duration such as PT3M20S, or a number of seconds"),
        ("duration", "03:20", "a duration such as PT3M20S, or a number of seconds"),
        ("duration", "P999999999D", "a duration such as PT3M20S, or a number of seconds"),
        ("duration", 10**9, "a duration such as PT3M20S, or a number of seconds"),
        ("duration", True, "a duration such as PT3M20S, or a number of seconds"),
    ],
)
def test_what_does_not_fit_is_told_without_the_value(base: str, value: Any, expected: str) -> None:
    assert refused(value, of(base)) == expected


@pytest.mark.parametrize(
    ("simple", "fits", "does_not", "expected"),
    [
        (of("string", maxLength="3"), "äöü", "four", "at most 3 characters (the filter first(n) cuts a text)"),
        (of("string", minLength="2"), "ab", "a", "at least 2 characters"),
        (of("token", length="2"), " ab ", "abc", "exactly 2 characters"),
        (of("base64Binary", maxLength="2"), "ü", "üa", "at most 2 octets"),
        (of("NMTOKENS", minLength="2"), "a b", "a", "at least 2 items"),
        (of("string", whiteSpace="collapse", maxLength="3"), " a  b ", "a b c", "at most 3 characters"),
        (of("int", minInclusive="1", maxExclusive="10"), 9, 10, "less than 10"),
        (of("decimal", minExclusive="0.5"), "0.51", "0.50", "more than 0.5"),
        (of("double", maxInclusive="1E2"), "100", "NaN", "1E2 or less"),
        (of("date", minInclusive="2026-01-01"), "2026-01-01Z", "2025-12-31", "2026-01-01 or more"),
        (
            of("dateTime", maxInclusive="2026-01-01T00:00:00Z"),
            "2026-01-01T01:00:00+01:00",
            "2026-01-01T00:00:00-00:01",
            "2026-01-01T00:00:00Z or less",
        ),
        (
            of("dateTime", maxInclusive="2028-02-29T23:45:00Z"),
            "2028-03-01T00:30:00+01:00",
            "2028-03-01T00:00:00Z",
            "2028-02-29T23:45:00Z or less",
        ),
        (of("time", maxExclusive="12:00:00"), "11:59:59.9", "12:00:00", "less than 12:00:00"),
        (of("decimal", fractionDigits="2"), "1.500", "1.505", "at most 2 digits after the point"),
        (of("decimal", totalDigits="3"), "0012.30", "1234", "at most 3 digits"),
        (of("string", "Inbound", "Outbound"), "Outbound", "inbound", "one of Inbound, Outbound"),
        (of("int", "1", "2"), 2, 3, "one of 1, 2"),
        (of("decimal", "1.0"), "1", "x", "one of 1.0"),
        (of("string", *map(str, range(12))), "11", "12", "one of 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more"),
    ],
)
def test_facets_narrow_a_type(simple: SimpleType, fits: Any, does_not: Any, expected: str) -> None:
    lexical(fits, simple)
    assert expected in refused(does_not, simple)


def test_a_moment_without_a_zone_is_compared_as_on_the_wall() -> None:
    noon = of("dateTime", maxInclusive="2026-01-01T12:00:00+01:00")
    assert lexical("2026-01-01T12:00:00", noon) == "2026-01-01T12:00:00"
    assert refused("2026-01-01T12:00:00Z", noon).endswith("; 2026-01-01T12:00:00+01:00 or less")


ZONES = st.integers(-840, 840).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MOMENTS = st.datetimes(timezones=ZONES)


@given(MOMENTS, MOMENTS, st.timedeltas(timedelta(days=-2), timedelta(days=2)))
def test_moments_are_in_the_order_of_the_calendar(one: datetime, other: datetime, near: timedelta) -> None:
    assume(2 < one.year < 9998)
    for limit in (other, one + near):
        simple = of("dateTime", maxExclusive=limit.isoformat())
        if one < limit:
            assert lexical(one.isoformat(), simple) == one.isoformat()
        else:
            refused(one.isoformat(), simple)


def test_a_listed_number_is_sent_as_the_enumeration_writes_it() -> None:
    assert lexical(1, of("decimal", "1.0", "2.0")) == "1.0"


def test_items_of_a_list_fit_the_item_s_type() -> None:
    numbers = SimpleType("Codes", "anySimpleType", item=of("int"), facets={"maxLength": "2"})
    assert lexical([1, "2", None], numbers) == "1 2"
    assert lexical("1  2", numbers) == "1 2"
    assert refused([1, 2, 3], numbers) == "at most 2 items"
    assert refused("1 x", numbers).startswith("a list whose every item is a whole number")
    assert refused(["a b"], SimpleType("L", "string", item=of("string"))) == "a list whose items have no spaces in them"


def test_the_first_member_of_a_union_that_fits_is_taken() -> None:
    union = SimpleType("U", "anySimpleType", members=(of("int"), of("boolean"), of("string", "unknown")))
    assert [lexical(value, union) for value in ("1", "TRUE", "unknown")] == ["1", "true", "unknown"]
    assert refused("x", union) == (
        "a whole number from -2147483648 to 2147483647, in digits; or true or false; or one of unknown"
    )


def test_a_facet_that_cannot_be_read_is_none() -> None:
    simple = of("int", minInclusive="many", maxLength="-1", totalDigits="9" * 5000, fractionDigits="x")
    assert lexical(5, simple) == "5"
    assert lexical("2026-01-01", of("date", maxInclusive="0001-02-30")) == "2026-01-01"


def test_the_empty_text_is_a_value_of_texts_and_lists_only() -> None:
    texts = {"anySimpleType", "anyURI", "base64Binary", "hexBinary", "normalizedString", "string", "token"}
    assert {base for base in ALL if takes_empty(of(base))} == texts | {"ENTITIES", "IDREFS", "NMTOKENS"}
    assert not takes_empty(of("string", minLength="1"))


@given(JSON | TEXTS, st.sampled_from(ALL))
def test_any_value_fits_or_is_refused_and_what_fits_has_the_recommended_form(value: Any, base: str) -> None:
    try:
        text = lexical(value, of(base))
    except DoesNotFit:
        return
    assert not re.search("[\x00-\x08\ud800-\udfff\uffff]", text)
    if base in RECOMMENDED:
        assert re.fullmatch(RECOMMENDED[base], text, re.ASCII)


@given(st.integers(), st.sampled_from([name for name, each in BUILT_IN.items() if each.family is Family.DECIMAL]))
def test_an_integer_fits_exactly_the_types_whose_bounds_it_lies_in(value: int, base: str) -> None:
    least, most = BUILT_IN[base].least, BUILT_IN[base].most
    inside = (least is None or value >= least) and (most is None or value <= most)
    for written in (value, str(value)):
        if inside:
            assert lexical(written, of(base)) == str(value)
        else:
            refused(written, of(base))


@given(st.text())
def test_a_binary_text_is_what_the_target_decodes(text: str) -> None:
    octets = text.encode()
    assert b64decode(lexical(text, of("base64Binary"))) == octets
    assert bytes.fromhex(lexical(text, of("hexBinary"))) == octets


@pytest.mark.parametrize("base", ALL)
def test_the_sample_of_a_built_in_type_fits(base: str) -> None:
    assert lexical(sample(of(base)), of(base))


@pytest.mark.parametrize(
    ("simple", "value"),
    [
        (of("string", "B", "A"), "B"),
        (of("string", maxLength="2"), "te"),
        (of("string", minLength="6"), "textxx"),
        (of("string", maxLength="0"), ""),
        (of("int", minInclusive="5", maxInclusive="7"), "5"),
        (of("int", maxExclusive="-5"), "-6"),
        (of("decimal", minExclusive="0.5", maxExclusive="0.7"), "0.6"),
        (of("decimal", fractionDigits="0"), 1),
        (of("date", minInclusive="2030-01-01"), "2030-01-01"),
        (SimpleType("L", "NMTOKENS", facets={"minLength": "2"}), "text text"),
        (SimpleType("U", "anySimpleType", members=(of("date"), of("int"))), "2026-11-20"),
        (SimpleType("E", "string", ("", "x")), "x"),
    ],
)
def test_a_sample_lies_within_the_facets(simple: SimpleType, value: Any) -> None:
    assert sample(simple) == value
    lexical(value, simple)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=3), st.integers(0, 4), st.integers(1, 12))
def test_digits_are_counted_as_the_recommendation_counts_them(number: Decimal, fraction: int, total: int) -> None:
    text = f"{number:f}"
    scaled = abs(number.normalize())
    places = max(-int(scaled.as_tuple().exponent), 0)
    digits = len(f"{scaled:f}".replace(".", "").lstrip("0"))
    simple = of("decimal", fractionDigits=str(fraction), totalDigits=str(total))
    if places <= fraction and digits <= total and len(text) <= 1000:
        assert lexical(text, simple) == text
    else:
        refused(text, simple)
