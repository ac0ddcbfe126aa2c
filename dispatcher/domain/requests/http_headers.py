"""Headers of HTTP that a profile adds to its requests (RFC 9110)."""

import re
from collections.abc import Collection

from dispatcher.domain.requests.pairs import Pair, read_pairs
from dispatcher.domain.shape import Reading

RESERVED_HEADERS = frozenset(
    {"webhook-id", "webhook-timestamp", "webhook-signature", "idempotency-key", "user-agent"}
    | {"content-length", "host", "expect", "transfer-encoding", "connection", "keep-alive", "upgrade", "te", "trailer"}
)
"""Headers that Onhook sets itself, or that belong to the connection (RFC 9110, 7.6.1)."""

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


def read_headers(reading: Reading, raw: object, at: str, taken: Collection[str] = ()) -> tuple[Pair, ...]:
    """A list of `{"name", "value"}`; faults are noted. `taken` are further names, in lower case, set already."""
    headers = read_pairs(reading, raw, at)
    for index, (name, value) in enumerate(headers):
        if not _TOKEN.fullmatch(name):
            reading.note(f"{at}[{index}].name", "a header name (a token of RFC 9110)", name)
        elif name.lower() in RESERVED_HEADERS or name.lower() in taken:
            reading.note(f"{at}[{index}].name", "a header that Onhook does not set itself", name)
        if _CONTROL.search(value):
            reading.note_got(f"{at}[{index}].value", "text without control characters", "a control character")
    return headers
