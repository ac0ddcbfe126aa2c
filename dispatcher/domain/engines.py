"""What a profile's document needs to be read and is no business of the domain's: engines, handed in."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

CompilePattern = Callable[[str], Callable[[str], bool]]
"""Gives a search for a pattern in linear time; raises `PatternRefused` with the engine's reason."""

Extract = Callable[[bytes], str | None]
"""What a pattern finds first: its first group if it has one, else the whole match. Never raises."""
CompileExtract = Callable[[str], Extract]
"""Gives the search for a pattern, linear in time; raises `PatternRefused` with the reason."""

Xpath = Callable[[bytes], list[str]]
"""The texts that a path finds in a document, without the white space around them; none where it is no XML, too large,
or has a DTD. Never raises."""
CompileXpath = Callable[[str, Mapping[str, str]], Xpath]
"""Gives the search for an XPath with namespaces by prefix; raises `PathRefused` with the reason."""


class PatternRefused(ValueError):
    """A pattern that cannot be compiled; the text is the engine's reason."""


class PathRefused(ValueError):
    """A path that cannot be compiled, or whose cost has no bound; the text is the reason."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """Telephone numbers in the form of E.164, `+` and digits, by the numbering plan of a country (ISO 3166, or None).

    Neither raises nor guesses: None for a number (a beginning) of which the text does not say enough.
    """

    e164: Callable[[str, str | None], str | None]
    """Of a whole number, however it is written."""
    beginning: Callable[[str, str | None], str | None]
    """Of the first digits of numbers; without `+` or `00` they are read as they are dialled in the country."""


@dataclass(frozen=True, slots=True)
class Xml:
    """XPath in two steps, for documents that several paths look into."""

    parse: Callable[[bytes], Any]
    """The tree, in the engine's own form; None where it is no XML, too large, or has a DTD. Never raises."""
    path: Callable[[str, Mapping[str, str]], Callable[[Any], list[str]]]
    """As `CompileXpath`, for a search in such a tree."""


@dataclass(frozen=True, slots=True)
class Engines:
    """`pattern` and `extract` are linear in time (RE2), `xml` is bounded in what it may cost."""

    pattern: CompilePattern
    extract: CompileExtract
    xml: Xml
    numbers: Numbers
