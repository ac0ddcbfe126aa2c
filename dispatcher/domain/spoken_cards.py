"""Card numbers and security codes that were spoken: digit words in a transcript or a note, found, and masked.

The words are the digits of English, German, Spanish and French, English `double` and `triple`, and written digits among
them, as speech recognition mixes them. Pairs (`forty-one eleven`) are not understood: people read cards digit by digit.
As with written numbers the check of ISO/IEC 7812-1 must pass; what begins with `plus` or a zero is a telephone number.
The time is linear in the text.
"""

import re

from dispatcher.domain.card_numbers import CODE_WORD, MASKED_CODE, MAX_LOOKED_AT, MIN_DIGITS, card_spans, masked

_DIGITS = {
    word: str(digit)
    for digit, words in enumerate(
        (
            "zero oh o null cero zéro",
            "one eins ein uno un une",
            "two zwei zwo dos deux",
            "three drei tres trois",
            "four vier cuatro quatre",
            "five fünf fuenf cinco cinq",
            "six sechs seis",
            "seven sieben siete sept",
            "eight acht ocho huit",
            "nine neun nueve neuf",
        )
    )
    for word in words.split()
}
_TIMES = {"double": 2, "triple": 3, "treble": 3}
_INTERJECTIONS = frozenset({"oh", "o"})
"""Also said before a number that begins with something else."""
_WORDS = "|".join(sorted(_DIGITS, key=len, reverse=True))
_TOKEN = rf"(?:(?:double|triple|treble)[\s\-]{{1,3}})?(?:{_WORDS}|\d{{1,4}})(?!\w)"
_GAP = r"[\s,.;\-\u2010-\u2013]{1,4}(?:(?:uhm?|umm?|erm?|äh|ähm|euh|ehm?|and|und|then|dann)(?!\w)[\s,.;\-]{1,4}){0,2}"
_RUN = re.compile(rf"(?<![\w*])(?P<plus>plus[\s,]{{1,3}})?(?P<run>{_TOKEN}(?:{_GAP}{_TOKEN})+)", re.IGNORECASE)
_PART = re.compile(rf"(?<!\w)(?:(double|triple|treble)[\s\-]{{1,3}})?({_WORDS}|\d{{1,4}})(?!\w)", re.IGNORECASE)
_CODE_WORD_BEFORE = re.compile(rf"(?<!\w)(?:{CODE_WORD})(?!\w)[^\d*]{{0,20}}$", re.IGNORECASE)
_LOOKED_BACK = 60
"""Characters: the longest word for a code, and twenty more."""
_CODE_DIGITS = (3, 4)
_WORD = re.compile(rf"(?<!\w)(?:{_WORDS})(?!\w)", re.IGNORECASE)


def has_digit_word(text: str) -> bool:
    """Whether a digit is said anywhere in the text."""
    return _WORD.search(text) is not None


def without_spoken_cards(text: str) -> str:
    """The text without card numbers and security codes in words; the same object where it holds none."""
    left = [MAX_LOOKED_AT]

    def mask(found: re.Match[str]) -> str:
        left[0] -= len(found[0])
        if left[0] < 0 and len(found[0]) >= MIN_DIGITS:
            return masked("")  # more than anybody says: each digit costs, on the loop that takes everybody's posts
        parts = list(_PART.finditer(found["run"]))
        digits = sum(len(_digits(part)) for part in parts)
        if found["plus"] or all(part[2].isdigit() and not part[1] for part in parts):
            return found[0]  # written digits alone have been looked at
        if digits in _CODE_DIGITS:
            before = text[max(0, found.start() - _LOOKED_BACK) : found.start()]
            return MASKED_CODE if _CODE_WORD_BEFORE.search(before) else found[0]
        if digits < MIN_DIGITS:
            return found[0]
        return _mask_run(found["run"], parts)

    clean = _RUN.sub(mask, text)
    return text if clean == text else clean


def _mask_run(run: str, parts: list[re.Match[str]]) -> str:
    """The run with every card number masked, unless it is a telephone number."""
    groups = [_digits(part) for part in parts]
    first = next((place for place, part in enumerate(parts) if part[2].lower() not in _INTERJECTIONS), 0)
    if groups[first].startswith("0"):
        return run
    clean, done = [], 0
    for start, end in card_spans(groups, first):
        clean += [run[done : parts[start].start()], masked("".join(groups[start:end]))]
        done = parts[end - 1].end()
    return "".join([*clean, run[done:]])


def _digits(part: re.Match[str]) -> str:
    digits = _DIGITS.get(part[2].lower(), part[2])
    return digits * _TIMES[part[1].lower()] if part[1] else digits
