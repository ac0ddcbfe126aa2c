"""Compiles the templates of one profile, and notes the faults of those that cannot be."""

from collections.abc import Callable, Sequence
from typing import Any

from dispatcher.adapters.templates.dialect import Dialect
from dispatcher.adapters.templates.filters import MAX_OUTPUT_BYTES
from dispatcher.adapters.templates.language import TemplateRefused
from dispatcher.adapters.templates.pieces import Bytes, Pieces, Text
from dispatcher.adapters.templates.rules import NO_LOOP, Scope
from dispatcher.domain.context import Context, Getter
from dispatcher.domain.requests.media_types import is_form, is_json, is_xml
from dispatcher.domain.requests.pairs import Pair
from dispatcher.domain.shape import Fault
from dispatcher.ports import RenderError

TextPair = tuple[str, str | Text]
_OPEN_NAMES = ("custom", "followed")


class Compiler:
    """One compilation. A template that is refused leaves its faults and becomes an empty text."""

    def __init__(self, dialect: Dialect) -> None:
        self._pieces = Pieces(dialect)
        self.faults: list[Fault] = []
        self.sources: list[tuple[str, str]] = []
        """The templates that may name what only a call can show to exist, after their fields."""

    @property
    def has_loops(self) -> bool:
        """Whether any template loops."""
        return self._pieces.has_loops

    def text(self, source: str, escape: str, field: str, literal: Callable[[str], str] = str) -> str | Text:
        """A text in which every value is escaped by the name of one of `ESCAPES`."""
        piece: str | Text = self._attempt(source, field, lambda: self._pieces.text(source, escape, field, literal))
        return piece

    def url(self, source: str, field: str, literal: Callable[[str], str]) -> str | Text:
        """A URL."""
        piece: str | Text = self._attempt(source, field, lambda: self._pieces.url(source, field, literal))
        return piece

    def pairs(self, pairs: Sequence[Pair], escape: str, field: str, literal: Callable[[str], str]) -> list[TextPair]:
        """Names with the texts of their values."""
        return [
            (
                pair.name if escape == "_header" else literal(pair.name),
                self.text(pair.value, escape, f"{field}[{index}].value", literal),
            )
            for index, pair in enumerate(pairs)
        ]

    def json(self, source: str, field: str) -> bytes | Bytes:
        """A JSON string that may keep the type of its one variable."""
        piece: bytes | Bytes = self._attempt(source, field, lambda: self._pieces.json(source, field))
        return piece or b'""'

    def value(self, source: str, field: str, scope: Scope = NO_LOOP) -> Getter:
        """A value that may keep the type of its one variable, in a loop whose variables `scope` names."""
        piece: Getter | str = self._attempt(source, field, lambda: self._pieces.value(source, field, scope))
        return piece if callable(piece) else lambda _: None

    def loop(self, path: str, variable: str, field: str) -> Callable[[Context], list[Context]]:
        """The contexts of a loop, one for each item of a list of the call."""
        piece: Any = self._attempt(path, field, lambda: self._pieces.loop(path, variable, field))
        return piece if callable(piece) else lambda _: []

    def xml(self, source: str, field: str) -> str | Text:
        """An XML document, always well-formed."""
        piece: str | Text = self._attempt(source, field, lambda: self._pieces.xml(source, field))
        return piece

    def raw(self, source: str, media_type: str, field: str) -> str | Text:
        """A text whose values are escaped as its media type wants it."""
        if is_json(media_type):
            piece: str | Text = self._attempt(source, field, lambda: self._pieces.raw_json(source, field))
            return piece
        escape = "_form" if is_form(media_type) else "_xml" if is_xml(media_type) else "_text"
        return self.text(source, escape, field)

    def _attempt(self, source: str, field: str, compiled: Callable[[], Any]) -> Any:
        if any(name in source for name in _OPEN_NAMES):
            self.sources.append((field, source))
        try:
            return compiled()
        except TemplateRefused as refused:
            self.faults += [{"field": field, "expected": expected, "got": got} for expected, got in refused.faults]
            return ""


def header_lines(pairs: Sequence[TextPair], context: Context, field: str) -> list[tuple[str, str]]:
    """Names and texts of headers. Raises `RenderError`."""
    lines = []
    size = 0
    for name, value in pairs:
        text = value if isinstance(value, str) else value(context)
        size += len(text)
        lines.append((name, text.strip()))
    if size > MAX_OUTPUT_BYTES:
        raise too_large(field)
    return lines


def joined_pairs(pairs: Sequence[TextPair], context: Context, field: str) -> str:
    """`name=value&...` of names and values that are encoded already. Raises `RenderError`."""
    out = []
    size = 0
    for name, value in pairs:
        text = value if isinstance(value, str) else value(context)
        size += len(text)
        if size > MAX_OUTPUT_BYTES:
            raise too_large(field)
        out.append(f"{name}={text}")
    return "&".join(out)


def too_large(field: str) -> RenderError:
    """What to raise for an output beyond the bound."""
    return RenderError(field, f"output over {MAX_OUTPUT_BYTES} bytes")
