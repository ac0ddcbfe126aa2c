"""The fields of a post, whichever way they were written."""

import pytest

from dispatcher.sources import NotUnderstood
from dispatcher.sources.posts.fields import bounded, fields_of, form_of, kept, keys_of
from tests.unit.cpaas_house import posted


@pytest.mark.parametrize("body", [b"a=1&b=", b" a=1&b=\r\n", b"a=1&b=&a=2"])
def test_a_form_s_fields_are_read_and_the_first_of_a_name_counts(body):
    assert form_of(posted(body)) == fields_of(posted(body)) == {"a": "1", "b": ""}


def test_without_a_body_the_query_has_the_fields():
    assert fields_of(posted(method="GET", query=[("a", "1"), ("a", "2")])) == {"a": "1"}


def test_what_begins_with_a_brace_is_json():
    assert fields_of(posted(b' \n{"a": 1, "b": [true]}', query=[("c", "1")])) == {"a": 1, "b": [True]}


def test_json_that_is_none_is_not_understood():
    with pytest.raises(NotUnderstood, match=r"^The body is not JSON \(line 1, column 5\)\.$"):
        fields_of(posted(b'{"a"'))


def test_a_form_of_more_fields_than_anybody_sends_is_not_understood():
    assert len(form_of(posted(b"&".join(b"a%d=1" % n for n in range(1000))))) == 1000
    with pytest.raises(NotUnderstood, match=r"^The form has more than 1000 fields\.$"):
        form_of(posted(b"a=1&" * 1000 + b"a=1"))


def test_the_first_64_fields_by_name_that_say_something_are_kept():
    said = {f"f{n:03}": str(n) for n in range(100)} | {"a": "", "b": None, "c": [], "d": {}, "e": "null", "e1": "0"}
    assert list(kept(said, {"f000"})) == ["e1", *(f"f{n:03}" for n in range(1, 64))]


def test_a_value_is_bounded_in_every_direction():
    deep = {"a": {"a": {"a": {"a": {"a": {"a": {"a": 1}}}}}}}
    assert bounded(deep) == {"a": {"a": {"a": {"a": {"a": {"a": None}}}}}}
    assert bounded(["x" * 3000, *range(100)]) == ["x" * 2000, *range(63)]
    assert bounded({str(n): n for n in range(100)}) == {str(n): n for n in sorted(range(100), key=str)[:64]}


@pytest.mark.parametrize("unfit", [None, "", "0", "k" * 256, "a\x00b", "a\nb", ["a"], True])
def test_what_can_be_no_id_joins_nothing(unfit):
    assert keys_of("one", unfit, 2, "one") == ("one", "2")


def test_half_a_character_joins_as_what_is_stored_of_it():
    assert keys_of("a\ud800") == ("a\ufffd",)
