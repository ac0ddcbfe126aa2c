"""A body of SMDR lines, as a file of them is posted: each line by itself, and the whole refused if one is no record."""

from collections.abc import Callable, Sequence
from datetime import datetime

from dispatcher.sources.format import NotUnderstood, Parsed, Posted, SourceSettings
from dispatcher.sources.posts.records import MAX_RECORDS

MAX_LINE_BYTES = 4_096
"""The longest line of any of these switches has some 300 characters."""
ReadLine = Callable[[bytes, SourceSettings, datetime], Sequence[Parsed]]


def parse_lines(read: ReadLine, posted: Posted, settings: SourceSettings) -> list[Parsed]:
    """What the lines of a body give. Raises `NotUnderstood`."""
    lines = posted.body.splitlines()
    if len(lines) > MAX_RECORDS:
        raise NotUnderstood(f"The body has more than {MAX_RECORDS} lines.")
    return [each for line in lines for each in read(line, settings, posted.received_at)]


def text_of(line: bytes) -> str:
    """The line's text without its end; switches pad with NUL and send names in their own code page."""
    if len(line) > MAX_LINE_BYTES:
        raise NotUnderstood("The line is longer than any of the switch.")
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        text = line.decode("cp1252", "replace")
    return text.strip("\r\n\0")
