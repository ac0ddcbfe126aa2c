"""The ways in which a secret may be written, so that it can be found and masked wherever somebody repeats it."""

import html
import json
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Sequence
from urllib.parse import quote, quote_plus

MASK = "***"
"""Shown for a secret. Sent back where a secret is expected, it means the one that is stored."""
_LEAST_CHARACTERS = 4
"""Shorter texts are left alone: masked wherever they occur, they would make an answer unreadable."""


def forms_of(*secrets: str) -> tuple[str, ...]:
    """Each secret as it is, in Base64, percent-encoded, and escaped as JSON and XML have it; the longest first."""
    forms: set[str] = set()
    for secret in secrets:
        data = secret.encode()
        escaped = json.dumps(secret)[1:-1]
        forms |= {secret, escaped, escaped.replace("/", "\\/"), json.dumps(secret, ensure_ascii=False)[1:-1]}
        forms |= {quote(secret, safe=""), quote_plus(secret), quote(secret), html.escape(secret)}
        forms |= {html.escape(secret, quote=False), html.escape(secret).replace("&#x27;", "&apos;")}
        forms.add(html.escape(secret).encode("ascii", "xmlcharrefreplace").decode())
        forms |= {b64encode(data).decode().rstrip("="), urlsafe_b64encode(data).decode().rstrip("=")}
    return tuple(
        sorted((each for each in forms if len(each) >= _LEAST_CHARACTERS), key=lambda each: (-len(each), each))
    )


def masked(text: str, forms: Sequence[str]) -> str:
    """The text with every one of the forms replaced by the mask."""
    for form in forms:
        if form in text:
            text = text.replace(form, MASK)
    return text
