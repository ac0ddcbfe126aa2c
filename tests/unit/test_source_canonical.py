"""What every format's events go through: the forms of their numbers, and the rules of canonical events."""

from datetime import UTC, datetime
from typing import Any

import pytest

from dispatcher.domain.call_part import CallPart
from dispatcher.sources import NotUnderstood, SourceSettings
from dispatcher.sources.format import canonical, part

NOW = datetime(2026, 11, 20, 10, 3, 21, tzinfo=UTC)
US = SourceSettings(country="US")
JANE = {
    "raw": "+14155550100",
    "e164": "+14155550100",
    "national": "(415) 555-0100",
    "digits": "14155550100",
    "anonymous": False,
}


def record(**call: Any) -> dict[str, Any]:
    return {"id": "e1", "type": "call.finished", "call": {"id": "c1", **call}}


def call_of(settings: SourceSettings | None = US, **call: Any) -> dict[str, Any]:
    return canonical(record(**call), NOW, settings).call


def test_the_numbers_of_a_call_are_there_in_all_their_forms():
    assert call_of(external_number="+14155550100", dnis="154") == {
        "id": "c1",
        "external_number": "+14155550100",
        "external": JANE,
        "dnis": "154",
        "dialled": {"raw": "154", "digits": "154", "extension": "154", "anonymous": False},
    }


def test_an_address_is_taken_off_and_kept_as_it_came():
    uri = "<sip:+14155550100@pbx.example>"
    assert call_of(external_number=uri) == {
        "id": "c1",
        "external_number": "+14155550100",
        "external": {**JANE, "raw": uri},
    }


def test_of_a_caller_who_hides_that_is_all_that_is_told():
    assert call_of(external_number="anonymous") == {"id": "c1", "external": {"raw": "anonymous", "anonymous": True}}


@pytest.mark.parametrize(("direction", "e164"), [("outbound", "+14155550100"), ("inbound", None)])
def test_an_outside_line_was_dialled_by_the_business_s_own_people_only(direction: str, e164: str | None):
    settings = SourceSettings(country="US", config={"numbers": {"outside_line": "9"}})
    call = call_of(settings, direction=direction, dnis="914155550100")
    assert call["dialled"].get("e164") == e164


def test_forms_that_a_format_gives_itself_are_final():
    assert call_of(external_number="4711", external={"e164": "+14155550100"})["external"] == {"e164": "+14155550100"}


@pytest.mark.parametrize("nothing", [None, "", "0"])
def test_a_number_that_is_none_has_no_forms(nothing: object):
    assert "external" not in call_of(external_number=nothing)


def test_without_settings_an_event_is_taken_as_it_is():
    assert call_of(None, external_number="sip:1@b") == {"id": "c1", "external_number": "sip:1@b"}


def test_the_record_that_was_put_together_is_not_changed():
    raw = record(external_number="anonymous")
    canonical(raw, NOW, US)
    assert raw == record(external_number="anonymous")


@pytest.mark.parametrize("call", [None, [], {"id": "c1", "q850": "16"}, {"id": "c1", "external_number": 17}])
def test_what_is_no_canonical_event_is_refused_without_its_values(call: object):
    with pytest.raises(NotUnderstood, match=r"^The record gives no usable call"):
        canonical({"type": "call.finished", "call": call}, NOW, US)


def test_a_part_has_each_of_its_keys_once():
    keys = ["7f9c", None, "", "leg-2", "7f9c"]
    read = part(record(external_number="+14155550100"), NOW, US, keys, ends_call=True)
    assert read == CallPart(canonical(record(external_number="+14155550100"), NOW, US), ("7f9c", "leg-2"), True, False)


def test_a_part_without_a_key_is_refused():
    with pytest.raises(NotUnderstood, match=r"^The record gives no id by which its call could be known\.$"):
        part(record(), NOW, US, [None, ""])
