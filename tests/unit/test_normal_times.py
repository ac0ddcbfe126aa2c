"""Times of call systems: every shape that they write, the hours that clocks skip and repeat, and what is no time."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.sources.normal.layouts import layout_fault
from dispatcher.sources.normal.times import (
    DAY_FIRST,
    MONTH_AND_DAY,
    MONTH_FIRST,
    YEAR_FIRST,
    date_and_time,
    duration,
    epoch_microseconds,
    epoch_milliseconds,
    epoch_seconds,
    gregorian_seconds,
    is_zone,
    iso,
    local,
    milliseconds,
    rfc2822,
    without_year,
)

MOMENT = datetime(2026, 11, 20, 10, 3, 20, tzinfo=UTC)
NEAR = datetime(2026, 1, 1, 12, tzinfo=UTC)
BERLIN, NEW_YORK, LORD_HOWE = "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"
ZONES = st.sampled_from(["UTC", BERLIN, NEW_YORK, LORD_HOWE, "Asia/Kolkata", "Mars/Olympus", "", "../etc/passwd"])
FIRST_MOMENT, LAST_MOMENT = datetime(1970, 1, 3, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)
MOMENTS = st.timedeltas(timedelta(), LAST_MOMENT - FIRST_MOMENT).map(FIRST_MOMENT.__add__)
CLOCKISH = st.text("0123456789-/:.TZ+ APMapm,") | st.text() | st.from_regex(r"[0-9]{1,30}\.?[0-9]*", fullmatch=True)
ANYTHING = CLOCKISH | st.none() | st.booleans() | st.integers() | st.floats() | st.binary() | st.lists(st.integers())


def text_of(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")


@pytest.mark.parametrize(
    ("read", "value"),
    [
        (epoch_seconds, 1795169000),
        (epoch_seconds, "1795169000"),
        (epoch_seconds, " 1795169000.000000 "),
        (epoch_seconds, 1795169000.0),
        (epoch_milliseconds, 1795169000000),
        (epoch_milliseconds, "1795169000000"),
        (epoch_microseconds, 1795169000000000),
        (epoch_microseconds, "1795169000000000"),
        (gregorian_seconds, 63962388200),
        (gregorian_seconds, "63962388200"),
    ],
)
def test_a_clock_s_count_is_a_moment_as_a_number_and_as_text(read: Any, value: object):
    assert read(value) == MOMENT


def test_a_fraction_of_a_second_stays():
    assert text_of(epoch_seconds("1795169000.25")) == "2026-11-20T10:03:20.250000Z"
    assert text_of(epoch_seconds(1795169000.25)) == "2026-11-20T10:03:20.250000Z"


@given(MOMENTS)
def test_every_moment_comes_back_from_its_count(moment: datetime):
    ticks = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    assert epoch_microseconds(ticks) == epoch_microseconds(str(ticks)) == moment
    whole = moment.replace(microsecond=0)
    assert epoch_milliseconds(ticks // 1000) == moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    assert epoch_seconds(ticks // 10**6) == gregorian_seconds(ticks // 10**6 + 62_167_219_200) == whole
    assert epoch_seconds(f"{ticks // 10**6}.{ticks % 10**6:06}") == moment


@given(MOMENTS, st.sampled_from([BERLIN, NEW_YORK, LORD_HOWE]))
def test_every_moment_comes_back_from_its_iso_text_with_an_offset(moment: datetime, zone: str):
    there = moment.astimezone(ZoneInfo(zone))
    assert iso(moment.isoformat(), zone) == moment
    assert iso(there.strftime("%Y-%m-%d %H:%M:%S.%f%z").rjust(31, "0"), "UTC") == moment


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-20T10:03:20Z",
        "2026-11-20t10:03:20z",
        "2026-11-20T10:03:20.000Z",
        "2026-11-20T05:03:20-0500",
        "2026-11-20T05:03:20.000-0500",
        "2026-11-20 15:33:20+05:30",
        "2026-11-20 11:03:20 +01",
        "2026-11-20 10:03:20.000000Z",
        "2026-11-20 10:03:20 UTC",
        "20261120T100320Z",
        "2026-11-20T11:03:20",
        "2026-11-20 11:03:20",
        "2026-11-20 11:03:20,000",
        "2026-11-20T11:03:20.00000000000000000000",
    ],
)
def test_iso_with_an_offset_or_in_the_source_s_zone(text: str):
    assert iso(text, BERLIN) == MOMENT


def test_a_published_shape_with_a_space_and_a_z_is_read_to_the_microsecond():
    assert text_of(iso("2021-04-28 21:51:18.731479Z", BERLIN)) == "2021-04-28T21:51:18.731479Z"


def test_a_leap_second_is_the_first_second_after_it():
    assert text_of(iso("2016-12-31T23:59:60Z", "UTC")) == "2017-01-01T00:00:00Z"


@pytest.mark.parametrize(
    "text",
    [
        "Fri, 20 Nov 2026 10:03:20 +0000",
        "Fri, 20 Nov 2026 10:03:20 -0000",
        "20 Nov 2026 10:03:20 GMT",
        "Fri, 20 Nov 2026 05:03:20 EST",
        "Fri, 20 Nov 2026 11:03:20 +0100 (CET)",
    ],
)
def test_the_date_of_an_e_mail(text: str):
    assert rfc2822(text) == MOMENT


@pytest.mark.parametrize(
    "text", ["20 Nov 2026", "Fri, 20 Nov 2026 10:03:20", "Fri, 32 Nov 2026 10:03:20 +0000", "1 2 3"]
)
def test_what_is_no_date_of_an_e_mail(text: str):
    assert rfc2822(text) is None


@pytest.mark.parametrize(
    ("text", "layouts"),
    [
        ("2026/11/20 11:03:20", YEAR_FIRST),
        ("2026-11-20 11:03:20.000", YEAR_FIRST),
        ("20/11/2026 11:03:20", DAY_FIRST),
        ("20.11.2026 11:03:20", DAY_FIRST),
        ("11/20/2026 11:03:20 AM", MONTH_FIRST),
        ("11/20/2026 11:03:20\u202fam", MONTH_FIRST),
        ("11/20/2026  11:03:20 a.m.", MONTH_FIRST),
        ("11/20/2026 11:03:20AM", MONTH_FIRST),
        ("11/20/2026 11:03:20", MONTH_FIRST),
        ("20-Nov-26 11:03:20", ("%d-%b-%y %H:%M:%S",)),
        ("Fri, 20 Nov 2026 11:03:20", ("%a, %d %b %Y %H:%M:%S",)),
        ("11202026 110320", ("%m%d%Y %H%M%S",)),
        ("11/20/2026 11:03:20A", MONTH_FIRST),
        ("Friday, November 20 2026 11:03:20", ("%A, %B %d %Y %H:%M:%S",)),
        ("2026-11-20 05:03:20 -0500", ("%Y-%m-%d %H:%M:%S %z",)),
    ],
)
def test_local_layouts(text: str, layouts: tuple[str, ...]):
    assert local(text, BERLIN, layouts) == MOMENT


@pytest.mark.parametrize(
    ("text", "hour"),
    [("12:05 AM", 0), ("1:05 AM", 1), ("11:05 AM", 11), ("12:05 PM", 12), ("1:05 pm", 13), ("11:05 P.M.", 23)],
)
def test_noon_and_midnight_are_where_the_marker_puts_them(text: str, hour: int):
    assert local(f"11/20/2026 {text}", "UTC", MONTH_FIRST) == datetime(2026, 11, 20, hour, 5, tzinfo=UTC)


def test_numbers_without_a_separator_have_all_of_their_digits():
    assert local("1112026 110320", BERLIN, ("%m%d%Y %H%M%S",)) is None


def test_without_its_marker_an_hour_up_to_12_is_not_read_as_one():
    assert local("11/20/2026 3:05", "UTC", ("%m/%d/%Y %I:%M %p",)) is None
    assert local("11/20/2026 13:05 PM", "UTC", MONTH_FIRST) is None
    with pytest.raises(ValueError, match=r"^%I and %p together"):
        local("11/20/2026 3:05", "UTC", ("%m/%d/%Y %I:%M",))


@pytest.mark.parametrize(
    ("layout", "fault"),
    [
        ("%Y-%m-%d %H:%M", None),
        ("%d.%b.%y %I:%M %p", None),
        ("%Y-%m-%d %I:%M", "%I and %p together: hours up to 12 need their marker"),
        ("%Y-%m-%d %H:%M %p", "%I and %p together: hours up to 12 need their marker"),
        ("%m-%d %H:%M", "a layout with %Y or %y"),
        ("%Y-%m-%d", "a layout with %H or %I"),
        ("%Y-%m-%d %H:%M %Z", "a layout of %Y %y %m %d %H %I %M %S %f %p %z %b %B %a %A, each once"),
        ("%Y-%m-%d %H:%M %Y", "a layout of %Y %y %m %d %H %I %M %S %f %p %z %b %B %a %A, each once"),
        ("%Y-%m-%d %H:%M %", "a layout of %Y %y %m %d %H %I %M %S %f %p %z %b %B %a %A, each once"),
    ],
)
def test_what_is_wrong_with_a_layout(layout: str, fault: str | None):
    assert layout_fault(layout) == fault


@pytest.mark.parametrize(
    ("zone", "text", "expected"),
    [
        (BERLIN, "2026-03-29 02:30:00", "2026-03-29T01:30:00Z"),
        (NEW_YORK, "2026-03-08 02:30:00", "2026-03-08T07:30:00Z"),
        (LORD_HOWE, "2026-10-04 02:15:00", "2026-10-03T15:45:00Z"),
    ],
)
def test_a_time_that_the_clocks_skip_is_read_as_if_they_had_not_been_put_forward(zone: str, text: str, expected: str):
    assert text_of(local(text, zone, YEAR_FIRST)) == text_of(iso(text, zone)) == expected


@pytest.mark.parametrize(
    ("zone", "text", "first", "second"),
    [
        (BERLIN, "2026-10-25 02:30:00", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"),
        (NEW_YORK, "2026-11-01 01:30:00", "2026-11-01T05:30:00Z", "2026-11-01T06:30:00Z"),
        (LORD_HOWE, "2026-04-05 01:45:00", "2026-04-04T14:45:00Z", "2026-04-04T15:15:00Z"),
    ],
)
def test_a_time_that_the_clocks_repeat_is_the_first_unless_it_is_known_to_be_later(
    zone: str, text: str, first: str, second: str
):
    started = iso(first, "UTC")
    assert started is not None
    assert text_of(local(text, zone, YEAR_FIRST)) == text_of(local(text, zone, YEAR_FIRST, after=started)) == first
    later = started + timedelta(seconds=1)
    assert text_of(local(text, zone, YEAR_FIRST, after=later)) == text_of(iso(text, zone, after=later)) == second


def test_a_time_before_what_is_known_stays_as_it_is_when_no_clock_was_changed():
    assert text_of(local("2026-11-20 10:00:00", BERLIN, YEAR_FIRST, after=MOMENT)) == "2026-11-20T09:00:00Z"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("12/31 23:59:00", "2025-12-31T22:59:00Z"),
        ("01/01 00:05", "2025-12-31T23:05:00Z"),
        ("01/02 03:05P", "2026-01-02T14:05:00Z"),
        ("06/30 12:00", "2026-06-30T10:00:00Z"),
        ("07/15 12:00", "2025-07-15T10:00:00Z"),
        ("02/29 12:00", None),
        ("13/01 12:00", None),
    ],
)
def test_a_date_without_a_year_is_the_one_nearest_to_the_receipt(text: str, expected: str | None):
    assert text_of(without_year(text, BERLIN, NEAR, MONTH_AND_DAY)) == expected


def test_a_29_february_without_a_year_is_one_of_a_leap_year():
    near = datetime(2028, 3, 1, tzinfo=UTC)
    assert text_of(without_year("02/29 12:00", "UTC", near, MONTH_AND_DAY)) == "2028-02-29T12:00:00Z"


def test_at_either_end_of_the_calendar_there_is_only_the_year_on_this_side():
    for year in (1, 9999):
        near = datetime(year, 1, 1, tzinfo=UTC)
        assert without_year("01/01 12:00", "UTC", near, MONTH_AND_DAY) == (near.replace(hour=12) if year > 1 else None)


@pytest.mark.parametrize(
    ("date", "time", "expected"),
    [
        ("2026-11-20", "11:03:20", MOMENT),
        ("2026/11/20", " 11:03:20 ", MOMENT),
        ("2026-11-20", "", None),
        (None, "11:03:20", None),
        ("2026-11-20", "25:00:00", None),
    ],
)
def test_a_date_and_a_time_of_two_fields(date: object, time: object, expected: datetime | None):
    assert date_and_time(date, time, BERLIN) == expected


@pytest.mark.parametrize(
    "nothing", [None, "", " ", "0", 0, 0.0, "0.000000", "null", "(null)", "_undef_", "-1", -1, True, [], float("nan")]
)
def test_what_stands_for_nothing_is_no_time(nothing: object):
    readers = (epoch_seconds, epoch_milliseconds, epoch_microseconds, gregorian_seconds, rfc2822)
    assert [read(nothing) for read in readers] == [None] * 5
    assert iso(nothing, BERLIN) is None
    assert local(nothing, BERLIN, YEAR_FIRST) is None


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("1970-01-01 05:30:00", "Asia/Kolkata"),
        ("1970-01-01 05:30:00", "UTC"),
        ("1970-01-01 00:00:00", "UTC"),
        ("1970-01-01 14:00:00", "Etc/GMT+12"),
        ("1969-12-31 12:00:00", "Etc/GMT-14"),
        ("1969-12-31 19:00:00", NEW_YORK),
        ("1900-01-01 00:00:00", BERLIN),
        ("0001-01-01 00:00:00", BERLIN),
        ("0001-01-01 00:00:00", LORD_HOWE),
        ("0000-00-00 00:00:00", BERLIN),
    ],
)
def test_the_zero_of_a_clock_in_any_zone_is_no_time(text: str, zone: str):
    assert iso(text, zone) is None
    assert local(text, zone, YEAR_FIRST) is None


def test_a_year_out_of_range_is_no_time():
    assert epoch_seconds(1795169000000) is None
    assert epoch_microseconds("9" * 20) is None
    assert iso("9999-12-31T23:59:59-2359", "UTC") is None
    assert iso("9999-12-31T23:59:60Z", "UTC") is None


def test_in_a_zone_that_nobody_knows_only_an_offset_helps():
    assert iso("2026-11-20T10:03:20", "Mars/Olympus") is None
    assert iso("2026-11-20T10:03:20Z", "Mars/Olympus") == MOMENT
    assert local("2026-11-20 10:03:20", "", YEAR_FIRST) is None
    assert [is_zone(name) for name in ("Europe/Berlin", "Mars/Olympus", "", "../etc/passwd")] == [
        True,
        False,
        False,
        False,
    ]


@given(ANYTHING, ANYTHING, ZONES)
def test_nothing_that_a_source_sends_makes_a_reader_of_times_raise(value: object, other: object, zone: str):
    moments = [
        *(read(value) for read in (epoch_seconds, epoch_milliseconds, epoch_microseconds, gregorian_seconds, rfc2822)),
        iso(value, zone),
        *(local(value, zone, layouts, after=MOMENT) for layouts in (YEAR_FIRST, DAY_FIRST, MONTH_FIRST)),
        without_year(value, zone, NEAR, MONTH_AND_DAY),
        date_and_time(value, other, zone),
    ]
    assert all(moment is None or moment.tzinfo is UTC for moment in moments)


@given(st.integers(-9999, 9999).map(str), st.integers(0, 99), st.integers(0, 99), ZONES)
def test_no_year_month_or_day_makes_a_reader_of_times_raise(year: str, month: int, day: int, zone: str):
    for text in (f"{year:0>4}-{month:02}-{day:02} 23:59:59", f"{year:0>4}-{month:02}-{day:02}T23:59:59-23:59"):
        assert iso(text, zone) is None or iso(text, zone) == iso(text, zone, after=NEAR)


def test_a_text_of_megabytes_is_not_looked_at():
    for text in ("9" * 5_000_000, "2026-11-20T10:03:20" + " " * 5_000_000, "Fri, " * 1_000_000, "1:" * 2_000_000):
        assert [iso(text, "UTC"), local(text, "UTC", YEAR_FIRST), rfc2822(text), epoch_seconds(text)] == [None] * 4
        assert duration(text) is None


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (200, 200),
        ("200", 200),
        (200.9, 200),
        ("200.9", 200),
        (0, 0),
        ("0", 0),
        ("00:00:00", 0),
        ("00:03:20", 200),
        ("3:20", 200),
        ("03:20.999", 200),
        ("100:00:00", 360_000),
        ("1.02:03:04", 93_784),
        ("00:03:20.1234567", 200),
        ("PT3M20S", 200),
        ("pt200s", 200),
        ("PT3M20.5S", 200),
        ("P1DT1H", 90_000),
        ("P1D", 86_400),
        ("PT0S", 0),
        ("", None),
        (None, None),
        ("null", None),
        (-1, None),
        ("-1", None),
        (True, None),
        (float("inf"), None),
        ("00:61", None),
        ("PT", None),
        ("P", None),
        ("P1M", None),
        ("soon", None),
        (2**80, None),
        ("9" * 20, None),
    ],
)
def test_a_duration_is_whole_seconds(value: object, seconds: int | None):
    assert duration(value) == seconds


@pytest.mark.parametrize(
    ("value", "seconds"),
    [(345100, 345), ("345100.00000", 345), (999, 0), (0, 0), ("", None), ("00:03", None), (-1, None)],
)
def test_milliseconds_are_cut_to_seconds(value: object, seconds: int | None):
    assert milliseconds(value) == seconds


@given(ANYTHING)
def test_no_duration_is_negative_or_raises(value: object):
    for found in (duration(value), milliseconds(value)):
        assert found is None or 0 <= found < 2**53


@given(st.integers(0, 10**6))
def test_every_duration_comes_back_from_its_texts(seconds: int):
    hours, minutes = seconds // 3600, seconds // 60 % 60
    assert duration(f"{hours:02}:{minutes:02}:{seconds % 60:02}") == seconds
    assert duration(f"PT{hours}H{minutes}M{seconds % 60}S") == milliseconds(seconds * 1000 + 999) == seconds
