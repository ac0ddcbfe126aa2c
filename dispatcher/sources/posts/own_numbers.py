"""What must be known besides of the numbers of some posters: whose they are, and that they are international."""

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from dispatcher.domain.shape import Reading
from dispatcher.sources.format import SourceSettings
from dispatcher.sources.normal.directions import direction_between

MEMBER = "own_numbers"
_MOST = 10_000


def direction_by_numbers(settings: SourceSettings, caller: str | None, dialled: str | None) -> str | None:
    """The direction by which end of the call is the business's own; None where neither is, or none are configured."""
    given = settings.config.get(MEMBER)
    own = _own(tuple(each for each in given if isinstance(each, str))) if isinstance(given, list) else frozenset()
    return direction_between(caller_is_ours=_digits(caller) in own, dialled_is_ours=_digits(dialled) in own)


def with_country_codes(settings: SourceSettings) -> SourceSettings:
    """The settings for a poster that documents that it writes every number with its country's code, but no `+`.

    What an administrator says of it in `config.numbers` counts more.
    """
    given = settings.config.get("numbers")
    rules = {"assume_international": True} | (given if isinstance(given, dict) else {})
    return replace(settings, config={**settings.config, "numbers": rules})


def read_own_numbers(reading: Reading, config: Mapping[str, Any], path: str) -> None:
    """Notes what is wrong with the `own_numbers` of a source's `config`."""
    given = config.get(MEMBER)
    if given is None:
        return
    if type(given) is not list or len(given) > _MOST or not all(type(each) is str and _digits(each) for each in given):
        reading.note(f"{path}.{MEMBER}", f"a list of at most {_MOST} telephone numbers, each a text with digits", given)


@lru_cache(maxsize=64)
def _own(numbers: tuple[str, ...]) -> frozenset[str]:
    """Thousands of numbers cost milliseconds to read, and a source's are the same at every post."""
    return frozenset(_digits(each) for each in numbers) - {""}


def _digits(number: str | None) -> str:
    """What two ways of writing an international number have in common; nothing for an address of SIP."""
    text = number or ""
    return "" if "@" in text else "".join(each for each in text if each in "0123456789")
