"""The filters, one by one: what integrators have been hurt by, and what a misused one is refused with."""

import copy
import hashlib
import hmac
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.adapters.engines import ENGINES
from dispatcher.adapters.templates.request import RenderError, check_request, compile_request
from dispatcher.domain.profile import parse_profile
from tests.unit.template_house import CONTEXT, faults, raw, said, spec, text, typed

SAID = "call.custom.said"


def of(value: Any, filters: str, country: str | None = "US", time_zone: str = "America/New_York") -> Any:
    context = said(value)
    context["source"] = {"name": "pbx", "country": country, "time_zone": time_zone}
    return typed(f"{{{{ {SAID} | {filters} }}}}", context)


@pytest.mark.parametrize(
    ("value", "filters", "country", "expected"),
    [
        ("(415) 555-2671", "e164", "US", "+14155552671"),
        ("14155552671", "e164", "US", "+14155552671"),
        ("+1 415-555-2671", "e164", None, "+14155552671"),
        ("4155552671", "e164", None, None),
        ("34945945945", "e164", "ES", "+34945945945"),
        ("+44 (0) 20 7946 0000", "e164", None, "+442079460000"),
        ("020 7946 0000", "e164", "GB", "+442079460000"),
        ("030 901820", "e164('DE')", "US", "+4930901820"),
        ("030 901820", "e164('de')", "US", "+4930901820"),
        ("06 698 1", "e164", "US", None),
        ("0049 30 901820", "e164", "DE", "+4930901820"),
        ("anonymous", "e164", "US", None),
        ("Restricted", "e164", "US", None),
        ("154", "e164", "US", None),
        ("", "e164", "US", None),
        ("anonymous", "e164 | default('unknown')", "US", "unknown"),
        (None, "e164", "US", None),
        ("+14155552671", "national", "US", "(415) 555-2671"),
        ("+14155552671", "national", None, "(415) 555-2671"),
        ("+14155552671", "national | digits", "US", "4155552671"),
        ("+4930901820", "national", "US", None),
        ("+4930901820", "national('DE')", "US", "030 901820"),
        ("0049 30 901820", "national", "DE", "030 901820"),
        ("anonymous", "national", "US", None),
    ],
)
def test_a_number_is_read_by_the_country_s_plan_and_never_guessed(
    value: Any, filters: str, country: str | None, expected: Any
) -> None:
    assert of(value, filters, country) == expected


@given(value=st.text())
def test_no_text_makes_the_number_filters_fail(value: str) -> None:
    for filters in ("e164", "national", "digits", "mask", "hash"):
        of(value, filters)


@pytest.mark.parametrize(
    ("value", "filters", "expected"),
    [
        ("+1 (415) 555-0100", "digits", "14155550100"),
        ("\u0664\u0662", "digits", "42"),
        ("anonymous", "digits | default('-')", "-"),
        ("+14155550100", "last(4)", "0100"),
        ("abc", "last(9)", "abc"),
        (["a", "b", "c"], "last(2)", ["b", "c"]),
        (["a", "b", "c"], "last", "c"),
        ("abc", "first(2)", "ab"),
        (12345, "last(2)", "45"),
        ("+14155550100", "mask", "+*******0100"),
        ("+1 (415) 555-0100", "mask(2)", "+* (***) ***-**00"),
        ("0100", "mask", "****"),
        ("abc", "mask(0)", "***"),
        (None, "mask", None),
        (None, "length", 0),
        (None, "truncate(3) | upper", ""),
        ({"a": [1]}, "json", '{"a":[1]}'),
        (None, "json", "null"),
        ("Sales", "map('queues')", 12),
        ("Test", "map('queues')", None),
        ("Test", "map('queues', 'other')", "other"),
        ("Test", "map('queues') | default(7)", 7),
        ("Test", "map(table='queues', fallback=7)", 7),
        (["Sales", "1001", "x"], "map('queues', 0)", [12, "one", 0]),
        (None, "map('queues')", "none"),
        (True, "map('odd', 1)", None),
        ("inbound CALL", "capitalize", "Inbound call"),
    ],
)
def test_texts_lists_and_tables(value: Any, filters: str, expected: Any) -> None:
    assert of(value, filters) == expected


def test_a_hash_is_keyed_and_of_the_normal_form() -> None:
    expected = hmac.new(b"example", b"jane roe", hashlib.sha256).hexdigest()
    assert of("Jane Roe", "hash") == expected
    assert of(" JANE\u00a0ROE ", "hash") == expected
    assert of(None, "hash") is None
    assert of("(415) 555-2671", "e164 | hash") == of("+1 415 555 2671", "e164 | hash")
    other = compile_request(spec(body=raw("{{ call.id | hash }}")), b"another").render(CONTEXT).body
    assert other == hmac.new(b"another", b"7f9c", hashlib.sha256).hexdigest().encode()
    constant = compile_request(spec(body=raw("{{ 'x' | hash }}")), b"another").render(CONTEXT).body
    assert constant == hmac.new(b"another", b"x", hashlib.sha256).hexdigest().encode()


def test_nothing_is_hashed_without_a_key() -> None:
    with pytest.raises(RenderError, match="a value that cannot be calculated with in request"):
        compile_request(spec(body=raw("{{ call.id | hash }}"))).render(CONTEXT)


@pytest.mark.parametrize(
    ("value", "filters", "expected"),
    [
        ("2026-11-20T10:00:00Z", "local", "2026-11-20T05:00:00-05:00"),
        ("2026-11-20T10:00:00.5Z", "local('UTC')", "2026-11-20T10:00:00.500000+00:00"),
        ("2026-11-20T10:00:00Z", "local('Europe/Berlin', '%d.%m.%Y %H:%M')", "20.11.2026 11:00"),
        ("2026-11-20T00:05:09Z", "local('UTC', '%I:%M:%S %p')", "12:05:09 AM"),
        ("2026-11-20T12:05:00Z", "local('UTC', '%I:%M %p')", "12:05 PM"),
        ("2026-11-20T10:00:00Z", "local('Asia/Kolkata', '%a %A %b %B %y %j %u %f %z %:z %Z %%')",
         "Fri Friday Nov November 26 324 5 000000 +0530 +05:30 IST %"),
        ("2026-11-20T10:00:00Z", "local(format='%z')", "-0500"),
        # The hour that does not exist and the hour that comes twice (daylight saving, 2026 in New York).
        ("2026-03-08T06:59:59Z", "local", "2026-03-08T01:59:59-05:00"),
        ("2026-03-08T07:00:00Z", "local", "2026-03-08T03:00:00-04:00"),
        ("2026-11-01T05:30:00Z", "local", "2026-11-01T01:30:00-04:00"),
        ("2026-11-01T06:30:00Z", "local", "2026-11-01T01:30:00-05:00"),
        ("2026-11-20T11:00:00+01:00", "local('UTC')", "2026-11-20T10:00:00+00:00"),
        ("20 Nov 2026", "local", None),
        ("2026-11-20 10:00:00", "local", None),
        (1795168800, "local", None),
        (None, "local", None),
        ("2026-11-20T10:00:00.1239Z", "epoch_ms", 1795168800123),
        ("1969-12-31T23:59:59Z", "epoch_ms", -1000),
        ("2026-11-20T10:00:00.9Z", "epoch_s", 1795168800),
        ("soon", "epoch_s", None),
        (200, "duration", "00:03:20"),
        (200, "duration('mm:ss')", "03:20"),
        (7325, "duration('mm:ss')", "122:05"),
        (7325, "duration('h:mm:ss')", "2:02:05"),
        (360_000, "duration", "100:00:00"),
        (59.9, "duration", "00:00:59"),
        ("200", "duration", "00:03:20"),
        (0, "duration('iso')", "PT0S"),
        (3605, "duration(form='iso')", "PT1H5S"),
        (-1, "duration", None),
        (True, "duration", None),
        ("3 min", "duration", None),
        (None, "duration | default('-')", "-"),
    ],
)  # fmt: skip
def test_times_and_durations(value: Any, filters: str, expected: Any) -> None:
    assert of(value, filters) == expected


def test_a_time_falls_back_on_the_source_s_zone_and_then_on_utc() -> None:
    value = "2026-07-01T10:00:00Z"
    assert of(value, "local", time_zone="Asia/Kolkata") == "2026-07-01T15:30:00+05:30"
    assert typed(f"{{{{ {SAID} | local }}}}", {**said(value), "source": None}) == "2026-07-01T10:00:00+00:00"


@pytest.mark.parametrize("filters", ["e164", "last(4)", "mask(keep=2)", "local('UTC')", "truncate(5, true, '', 0)"])
def test_a_filter_gives_the_same_with_jinja_and_without(filters: str) -> None:
    for value in ("+14155552671", "2026-11-20T10:00:00Z", None, ""):
        direct = text(f"{{{{ {SAID} | {filters} }}}}", said(value))
        assert text(f"{{% if true %}}{{{{ {SAID} | {filters} }}}}{{% endif %}}", said(value)) == direct


@pytest.mark.parametrize(
    ("filters", "expected", "got"),
    [
        ("e614", "did you mean e164?", "the filter e614"),
        ("e164('Germany')", "a country by its two letters", "the filter e164 with other arguments"),
        ("e164('US', 'DE')", "e164(country)", "the filter e164 with other arguments"),
        ("e164(land='DE')", "e164(country)", "the filter e164 with other arguments"),
        ("local('Mars/Olympus')", "a time zone of the IANA database", "the filter local with other arguments"),
        ("local('Europe')", "a time zone of the IANA database", "the filter local with other arguments"),
        ("local('../etc/passwd')", "a time zone of the IANA database", "the filter local with other arguments"),
        ("local('UTC', '%I:%M')", "%p beside %I", "the filter local with other arguments"),
        ("local('UTC', '%c')", "directives of %Y", "the filter local with other arguments"),
        ("local('UTC', '%')", "directives of %Y", "the filter local with other arguments"),
        ("local('UTC', 5)", "a format", "the filter local with other arguments"),
        ("duration('ss')", "one of 'hh:mm:ss'", "the filter duration with other arguments"),
        ("epoch_ms(1)", "epoch_ms()", "the filter epoch_ms with other arguments"),
        ("replace('a')", "replace(old, new)", "the filter replace with other arguments"),
        ("map", "the literal name of a table", "the filter map without one"),
        ("map(call.group)", "the literal name of a table", "the filter map without one"),
        ("map('queue')", "one of the tables queues, odd (did you mean queues?)", "unknown table queue"),
        ("map('queues', 1, 2)", "map(table, fallback)", "the filter map with other arguments"),
    ],
)
def test_a_filter_that_cannot_work_is_refused_when_it_is_saved(filters: str, expected: str, got: str) -> None:
    (fault,) = check_request(spec(body=raw(f"{{{{ {SAID} | {filters} }}}}")))
    assert fault["got"] == got
    assert expected in fault["expected"]


def test_a_table_is_refused_where_the_profile_has_none() -> None:
    document = copy.deepcopy(spec(body=raw("{{ call.group | map('queues') }}")).document)
    document["lookups"] = {}
    (fault,) = check_request(parse_profile(document, ENGINES))
    assert fault["expected"] == "a table (the profile has no lookups)"


@pytest.mark.parametrize(
    "filters", [f"local({SAID})", f"local('UTC', {SAID})", f"duration({SAID})", f"last({SAID})", f"e164({SAID})"]
)
def test_a_computed_argument_that_does_not_fit_fails_the_delivery_without_its_value(filters: str) -> None:
    assert faults(body=raw(f"{{{{ '2026-11-20T10:00:00Z' | {filters} }}}}")) == []
    given = "'200'" if "duration" in filters else "occurred_at"
    for value in ({"canary": 1}, ["canary"], -1):
        with pytest.raises(RenderError) as error:
            text(f"{{{{ {given} | {filters} }}}}", said(value))
        assert "canary" not in str(error.value)
