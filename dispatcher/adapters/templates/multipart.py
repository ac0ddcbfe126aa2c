"""A form in parts (multipart/form-data, RFC 7578)."""

import hashlib
from collections.abc import Callable, Sequence

from dispatcher.adapters.templates.filters import MAX_OUTPUT_BYTES
from dispatcher.domain.context import Context
from dispatcher.ports import RenderError

Envelope = Callable[[Context], tuple[list[tuple[str, str]], bytes]]
"""Gives headers and body for a call; raises `RenderError`."""
Section = Callable[[Context], bytes]
"""Gives a part's head or content."""


def multipart(sections: Sequence[tuple[Section, Section]], field: str) -> Envelope:
    """The envelope of parts, each a head and a content."""

    def envelope(context: Context) -> tuple[list[tuple[str, str]], bytes]:
        parts = []
        size = 0
        for head, content in sections:
            part = b"\r\n".join((head(context), b"", content(context), b""))
            size += len(part)
            if size > MAX_OUTPUT_BYTES:
                raise RenderError(field, f"output over {MAX_OUTPUT_BYTES} bytes")
            parts.append(part)
        boundary = _boundary(parts)
        delimiter = b"--" + boundary
        body = b"".join(b"".join((delimiter, b"\r\n", part)) for part in parts) + delimiter + b"--\r\n"
        return [("Content-Type", f"multipart/form-data; boundary={boundary.decode()}")], body

    return envelope


def _boundary(parts: Sequence[bytes]) -> bytes:
    """Made of the content, so that the same call gives the same body on every attempt; in none of the parts."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    while True:
        boundary = b"onhook-" + digest.hexdigest()[:32].encode()
        if not any(boundary in part for part in parts):
            return boundary
        digest.update(boundary)
