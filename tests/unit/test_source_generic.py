"""The format `generic`: canonical events as JSON bytes."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.domain.event import CallEvent, EventRefused
from dispatcher.sources import FORMATS, NotUnderstood, Posted, SourceSettings

NOW = datetime(2026, 11, 20, 10, 3, 21, tzinfo=UTC)


def parse(body):
    posted = Posted("POST", "https://onhook.example/v1/events", [], {}, body, NOW, "192.0.2.1")
    return FORMATS["generic"].parse(posted, SourceSettings())


def test_every_format_is_found_by_its_name_and_listed_in_order():
    assert [each.name for each in FORMATS.values()] == sorted(FORMATS)


def test_an_event_is_read_whatever_its_content_type_says():
    body = b' {"id": "e1", "type": "call.finished", "call": {"id": "c1"}} '
    assert parse(body) == [CallEvent("e1", "call.finished", NOW, {"id": "c1"})]


def test_the_poster_is_answered_202_in_the_api_s_own_words():
    chosen = FORMATS["generic"]
    assert (chosen.success_status, chosen.success_body, chosen.refuses_events) == (202, None, True)
    kinds = {"token", "basic", "bearer", "header_token", "hmac", "jwt", "standard_webhooks"}
    assert (chosen.auth_kinds, chosen.methods) == (kinds, {"POST"})


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"type": "call.finished", "call": {"id": "c1", "q850": NaN}}',
        b'{"type": "\\ud800", "call": {"custom": Infinity}}',
        b'{"type": "caf\xe9"}',
        b'{"type": "caf\xe9\\ud800"}',
        b"[" * 100_000,
        b'"\\ud800"' + b"[" * 100_000,
        b'["\\ud800"' + b",[" * 100_000,
        b'["\\ud800", ' + b"9" * 5000 + b"]",
    ],
)
def test_what_is_no_json_is_not_understood(body):
    with pytest.raises(NotUnderstood, match=r"^The body is not JSON"):
        parse(body)


def test_the_reason_says_where_and_not_what():
    with pytest.raises(NotUnderstood) as refused:
        parse(b'{"type": "call.finished",\n "caller": Jane}')
    assert refused.value.reason == "The body is not JSON (line 2, column 12)."


def test_an_escaped_half_of_a_surrogate_pair_loses_no_call():
    body = b'{"type": "call.finished", "call": {"id": "c1", "caller_name": "Jane \\ud83d", "group": "\\ud83d\\ude00"}}'
    assert parse(body)[0].call == {"id": "c1", "caller_name": "Jane \ufffd", "group": "\U0001f600"}


def test_faults_are_raised_as_the_event_s_reader_raises_them():
    with pytest.raises(EventRefused) as refused:
        parse(json.dumps({"events": [{"type": "call.finished", "call": {"id": 1}}]}).encode())
    assert [(fault.index, fault.field) for fault in refused.value.faults] == [(0, "call.id")]


@given(st.binary() | st.text().map(lambda text: json.dumps({"type": text, "call": {"id": text}}).encode()))
def test_no_bytes_raise_anything_but_the_two_refusals(body):
    try:
        events = parse(body)
    except (NotUnderstood, EventRefused):
        return
    assert len(events) >= 1
