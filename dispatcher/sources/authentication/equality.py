"""Comparing secrets."""

from collections.abc import Iterable, Sequence
from hmac import compare_digest


def any_equal(expected: Iterable[bytes], given: Sequence[bytes]) -> bool:
    """Whether one of the given is one of the expected. All are compared: the time says neither how near any came to
    the secret, nor which of two secrets it was."""
    equal = False
    for one in expected:
        for each in given:
            equal |= compare_digest(one, each)
    return equal
