"""Lines out of a stream of bytes, as call systems write them. Pure."""

from dataclasses import dataclass

MAX_LINE_BYTES = 4096
"""The longest record of these protocols has some 300 characters, or 700 with every field of a 3CX."""
_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
"""Byte order marks (UTF-8, UTF-16) before the first line of a connection."""


@dataclass(frozen=True, slots=True)
class Line:
    """Without its end. `is_cut`: it was longer than a line may be. This is its beginning, one byte too long still, so
    that a format refuses it."""

    text: bytes
    is_cut: bool = False


class LineBuffer:
    """What has come of a stream and is no whole line yet.

    A line ends with CR, LF or CR LF. NULs and blank lines are left out, so that UTF-16 of plain letters is read too.
    Other bytes stay as they came: a format knows its system's code page.
    """

    def __init__(self, max_bytes: int = MAX_LINE_BYTES) -> None:
        self._max_bytes = max_bytes
        self._rest = b""
        self._is_first = True
        self._skips = False
        """Within the rest of a line that was cut."""

    @property
    def has_rest(self) -> bool:
        """Whether a line has begun and not ended."""
        return bool(self._rest)

    def feed(self, data: bytes) -> list[Line]:
        """The lines that are whole now."""
        if self._is_first and data:
            self._is_first = False
            data = next((data[len(mark) :] for mark in _MARKS if data.startswith(mark)), data)
        pieces = (self._rest + data.replace(b"\0", b"")).replace(b"\r", b"\n").split(b"\n")
        self._rest = pieces.pop()
        lines = [line for piece in pieces for line in self._ended(piece)]
        if len(self._rest) > self._max_bytes:
            if not self._skips:
                lines.append(Line(self._rest[: self._max_bytes + 1], is_cut=True))
            self._rest, self._skips = b"", True
        return lines

    def flush(self) -> list[Line]:
        """The rest as a line: the stream has ended, or nothing came for so long that the line's end will not."""
        rest, self._rest = self._rest, b""
        return self._ended(rest)

    def _ended(self, piece: bytes) -> list[Line]:
        if self._skips:
            self._skips = False
            return []
        if not piece.strip():
            return []
        return [Line(piece[: self._max_bytes + 1], is_cut=len(piece) > self._max_bytes)]


def is_record(line: Line) -> bool:
    """Whether it may be a call's record: banners, rules and keep-alives have no digit, and every record has a time."""
    return any(0x30 <= byte <= 0x39 for byte in line.text)
