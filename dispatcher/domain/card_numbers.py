"""Card numbers and their security codes in free text: found, and masked.

A card number is 13 to 19 digits that pass the check of ISO/IEC 7812-1 (Luhn), written in one piece or in groups. One
number in ten passes by chance, so that URLs, UUIDs, what follows a plus sign and what is written as a moment are left
alone. A security code is three or four digits beside a word for it, or behind a card number.

The time is linear in the text, whatever it is: a source may post megabytes.
"""

import re
from collections.abc import Iterator, Sequence

MASK = "****"
"""Of a card number the last four digits are kept behind it, which PCI DSS 3.4 lets anybody see."""
MIN_DIGITS, MAX_DIGITS = 13, 19
MAX_LOOKED_AT = 100_000
"""Characters in long runs of digits of one text: each costs 2 us, on the loop that takes everybody's posts. Beyond
these every long run is masked whole, whatever it is."""

_GAP = r"(?:[\s.\-\u2010-\u2013]|,\s){0,3}"
CODE_WORD = (
    r"cvv2?|cvc2?|csc|cvn2?|cav2?|(?:security|verification|card)[ \-]?(?:code|value|number)"
    r"|sicherheitscode|pr(?:ü|ue)f(?:ziffer|nummer)|kartenpr(?:ü|ue)fnummer"
)
_DIGIT = re.compile(r"\d")
_SUSPECT = re.compile(rf"\d(?:{_GAP}\d){{12}}|(?:{CODE_WORD})", re.IGNORECASE)
"""Whether a text with digits is worth a closer look: most are not, and this is all that they cost."""
_PIECE = re.compile(
    r"(?P<kept>(?<![a-z0-9+.\-])[a-z][a-z0-9+.\-]{0,15}://\S+"
    r"|(?<![0-9a-f])[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}(?![0-9a-f]))"
    rf"|(?P<plus>\+\s?)?(?P<digits>\d(?:{_GAP}\d)*)",
    re.IGNORECASE,
)
_GROUP = re.compile(r"\d+")
_CODE_AFTER_WORD = re.compile(rf"\b((?:{CODE_WORD})\b[^\d*]{{0,20}})(\d{{3,4}})(?!\d)", re.IGNORECASE)
_CODE_BEFORE_WORD = re.compile(rf"(?<!\d)(\d{{3,4}})(\s(?:(?:is|as)\s)?(?:the\s)?(?:{CODE_WORD})\b)", re.IGNORECASE)
_CODE_AFTER_CARD = re.compile(
    r"(\*{4}\d{4}[^\d*]{1,12}(?:\d{2}\s?[/\-.]\s?(?:20)?\d{2}[^\d*]{1,12})?)(\d{3,4})(?![\d/])"
)
MASKED_CODE = "***"

_MOMENT = re.compile(r"20\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:[01]\d|2[0-3])[0-5]\d[0-5]\d\d{0,5}")
_SINCE_1970 = {13: 22 * 10**11, 16: 22 * 10**14, 19: 22 * 10**17}
"""Milli-, micro- and nanoseconds since 1970, up to the year 2039, by their length. No scheme's cards begin so."""


def is_card_number(digits: str) -> bool:
    """Whether digits without gaps are a card number and no moment; none begins with 0 (ISO/IEC 7812-1)."""
    sums = _Sums(digits)
    return MIN_DIGITS <= len(digits) <= MAX_DIGITS and _longest_card(sums, [0, len(digits)], 0) is not None


def masked(digits: str) -> str:
    """What is shown of a card number."""
    return MASK + digits[-4:]


def without_cards(text: str) -> str:
    """The text without card numbers and security codes; the same object where it holds none."""
    if _DIGIT.search(text) is None or _SUSPECT.search(text) is None:
        return text
    clean = _PIECE.sub(_Careful().without_cards, text)
    if clean != text:
        clean = _CODE_AFTER_CARD.sub(rf"\1{MASKED_CODE}", clean)
    clean = _CODE_AFTER_WORD.sub(rf"\1{MASKED_CODE}", clean)
    clean = _CODE_BEFORE_WORD.sub(rf"{MASKED_CODE}\2", clean)
    return text if clean == text else clean


class _Careful:
    """Looks at the runs of digits of one text, as long as there are not more than anybody writes."""

    def __init__(self) -> None:
        self._left = MAX_LOOKED_AT

    def without_cards(self, found: re.Match[str]) -> str:
        run: str | None = found["digits"]
        if run is None or len(run) < MIN_DIGITS:
            return found[0]
        self._left -= len(run)
        if self._left < 0:
            return (found["plus"] or "") + MASK
        return (found["plus"] or "") + _mask_groups(run, is_telephone=found["plus"] is not None)


def card_spans(groups: Sequence[str], first: int = 0) -> Iterator[tuple[int, int]]:
    """The runs of groups of digits that are card numbers, from the group `first` on: where each begins, and its end.

    A card number begins and ends where a group does, and of those that begin with one group the longest counts.
    """
    sums, starts = _Sums("".join(groups)), [0]
    for group in groups:
        starts.append(starts[-1] + len(group))
    place = first
    while place < len(groups):
        end = _longest_card(sums, starts, place)
        if end is None:
            place += 1
            continue
        yield place, end
        place = end


def _mask_groups(run: str, *, is_telephone: bool) -> str:
    """The run with every card number masked.

    Of a run behind a plus sign the first group begins no card number, but a card number may follow it.
    """
    groups = list(_GROUP.finditer(run))
    digits = [group[0] for group in groups]
    parts, done = [], 0
    for place, end in card_spans(digits, 1 if is_telephone else 0):
        parts += [run[done : groups[place].start()], masked("".join(digits[place:end]))]
        done = groups[end - 1].end()
    return "".join([*parts, run[done:]])


def _longest_card(sums: "_Sums", starts: list[int], place: int) -> int | None:
    """Behind which group the longest card number ends that begins with this one. `starts`: where each group begins."""
    first, best = starts[place], None
    if sums.digits[first] == "0":
        return None
    for end in range(place + 1, len(starts)):
        length = starts[end] - first
        if length > MAX_DIGITS:
            break
        if length >= MIN_DIGITS and sums.check(first, starts[end]):
            in_one_piece = end == place + 1
            if not in_one_piece or not _is_moment(sums.digits[first : starts[end]]):
                best = end
    return best


def _is_moment(digits: str) -> bool:
    limit = _SINCE_1970.get(len(digits))
    return (limit is not None and int(digits) < limit) or _MOMENT.fullmatch(digits) is not None


class _Sums:
    """Sums of digits from the start of a run, so that each part of it is checked at once, however long the run is."""

    def __init__(self, digits: str) -> None:
        self.digits = digits
        self._even, self._odd = _running(digits, 0), _running(digits, 1)

    def check(self, start: int, end: int) -> bool:
        """Luhn's check of the digits from `start` to before `end`: seen from the last, every second counts twice."""
        sums = self._odd if end % 2 else self._even
        return (sums[end] - sums[start]) % 10 == 0


def _running(digits: str, doubled: int) -> list[int]:
    """The sums up to each place; a digit at a place of the parity `doubled` counts twice."""
    sums, total = [0], 0
    for place, digit in enumerate(digits):
        value = int(digit)
        total += value if place % 2 != doubled else value * 2 - 9 * (value > 4)
        sums.append(total)
    return sums
