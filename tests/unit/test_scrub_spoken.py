"""Card numbers and security codes that were spoken are not stored; telephone numbers and counts are."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dispatcher.domain.scrub import scrub_call
from dispatcher.domain.spoken_cards import without_spoken_cards
from tests.unit.test_scrub import CARDS

ENGLISH = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
GERMAN = ["null", "eins", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun"]
SPANISH = ["cero", "uno", "dos", "tres", "cuatro", "cinco", "seis", "siete", "ocho", "nueve"]
FRENCH = ["zéro", "un", "deux", "trois", "quatre", "cinq", "six", "sept", "huit", "neuf"]
SPOKEN_VISA = "four " + " ".join(["one"] * 15)


@given(
    CARDS, st.sampled_from([ENGLISH, GERMAN, SPANISH, FRENCH]), st.sampled_from([" ", ", ", "-", " - ", ". ", " uh "])
)
def test_a_card_number_is_masked_in_the_words_of_each_language(digits: str, words: list[str], gap: str):
    spoken = gap.join(words[int(digit)] for digit in digits)
    assert without_spoken_cards(f"my card is {spoken}, thanks") == f"my card is ****{digits[-4:]}, thanks"


@given(CARDS, st.lists(st.booleans(), min_size=19, max_size=19))
def test_speech_recognition_mixes_words_and_digits(digits: str, written: list[bool]):
    mixed = " ".join(d if w else ENGLISH[int(d)] for d, w in zip(digits, [False, *written], strict=False))
    assert without_spoken_cards(f"it is {mixed} ok") == f"it is ****{digits[-4:]} ok"


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        (SPOKEN_VISA, "****1111"),
        (SPOKEN_VISA.title(), "****1111"),
        (f"Oh, {SPOKEN_VISA}.", "Oh, ****1111."),
        ("four triple one, double one double one, triple one one, triple one one", "****1111"),
        ("so that is 4111 one one one one 1111 one one one one yes", "so that is ****1111 yes"),
        (f"agent: go on\ncaller: {SPOKEN_VISA}, cvv is one two three", "agent: go on\ncaller: ****1111, cvv is ***"),
        ("the security code is four five six", "the security code is ***"),
        ("CVV: nine double eight", "CVV: ***"),
        ("die Prüfnummer ist eins zwei drei", "die Prüfnummer ist ***"),
    ],
)  # fmt: skip
def test_what_is_masked(text: str, clean: str):
    assert without_spoken_cards(text) == clean


@pytest.mark.parametrize(
    "text",
    [
        "call me on plus four nine one seven zero one two three four five six seven five",
        "call zero zero four nine one seven zero one two three four five six seven five",
        "call oh one seven zero one two three four five six seven",
        "four one five five five five zero one zero zero",
        "one two three four five six seven eight nine ten eleven twelve is how he counts",
        "null Fehler, eins nach dem anderen, acht Leute und neun Stühle waren da",
        "someone stood alone for one or two hours, then three",
        "the security code was not asked for, one of them said",
        "",
    ],
)
def test_what_is_left(text: str):
    assert without_spoken_cards(text) is text


@given(st.lists(st.sampled_from([*ENGLISH, *GERMAN, "double", "triple", "uh", "and", "plus", "4111", ",", "x"])))
@example(["triple", "4111", "three", "three", "zero", "triple", "4111"])
def test_scrubbing_twice_is_scrubbing_once(words: list[str]):
    once = without_spoken_cards(" ".join(words))
    assert without_spoken_cards(once) == once


@given(st.text())
def test_no_text_is_too_strange(text: str):
    clean = without_spoken_cards(text)
    assert clean is text or clean != text


def test_a_transcript_is_scrubbed_of_what_was_written_and_of_what_was_said():
    transcript = [{"speaker": "customer", "text": f"it is {SPOKEN_VISA}"}, {"text": "or 4111 1111 1111 1111"}]
    assert scrub_call({"custom": {"transcript": transcript, "keypress": "one four"}})["custom"] == {
        "transcript": [{"speaker": "customer", "text": "it is ****1111"}, {"text": "or ****1111"}],
        "keypress": "****",
    }


def test_a_text_of_megabytes_costs_time_in_proportion_only():
    """Each is as bad as it gets for one of the expressions; a quadratic one would need hours for them."""
    for text in (
        "one " * 300_000,
        "one " * 3 + "x " * 300_000,
        "double " * 100_000,
        "cvv " * 100_000,
        "cvv one " * 100_000,
    ):
        without_spoken_cards(text)


def test_beyond_a_hundred_thousand_characters_of_digits_every_long_run_is_masked_whole():
    assert without_spoken_cards("one " * 30_000 + "x " + SPOKEN_VISA).endswith("x ****")
