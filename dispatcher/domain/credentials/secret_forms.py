"""The ways in which a secret may be written, so that it can be found and masked wherever somebody repeats it."""

import json
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Sequence
from urllib.parse import quote, quote_plus

MASK = "***"
"""Shown for a secret. Sent back where a secret is expected, it means the one that is stored."""
_LEAST_CHARACTERS = 4
"""Shorter texts are left alone: masked wherever they occur, they would make an answer unreadable."""
_ESCAPED_BY_SOME = {">": ("&gt;",), '"': ("&quot;", "&#34;"), "'": ("&apos;", "&#39;", "&#x27;")}


def forms_of(*secrets: str) -> tuple[str, ...]:
    """Each secret as it is, in Base64, percent-encoded, and escaped as JSON and XML have it; the longest first."""
    forms: set[str] = set()
    for secret in secrets:
        data = secret.encode()
        escaped = json.dumps(secret)[1:-1]
        forms |= {secret, escaped, escaped.replace("/", "\\/"), json.dumps(secret, ensure_ascii=False)[1:-1]}
        forms |= {quote(secret, safe=""), quote_plus(secret), quote(secret)} | _escaped(secret)
        forms |= {b64encode(data).decode().rstrip("="), urlsafe_b64encode(data).decode().rstrip("=")}
    return tuple(
        sorted((each for each in forms if len(each) >= _LEAST_CHARACTERS), key=lambda each: (-len(each), each))
    )


def _escaped(secret: str) -> set[str]:
    """As XML and HTML have it: what else than `&` and `<` is escaped, and how, every writer decides for itself."""
    texts = {secret.replace("&", "&amp;").replace("<", "&lt;")}
    for character, references in _ESCAPED_BY_SOME.items():
        texts |= {text.replace(character, reference) for text in texts for reference in references}
    return texts | {text.encode("ascii", "xmlcharrefreplace").decode() for text in texts}


def masked_cut(text: str, forms: Sequence[str]) -> str:
    """As `masked`, of a text that was cut: what may be the beginning of a form at its end is masked too."""
    text = masked(text, forms)
    begun = max((_begun(text, form) for form in forms), default=0)
    return text[: len(text) - begun] + MASK if begun else text


def _begun(text: str, form: str) -> int:
    """How many characters at the end of a text are the first ones of a form; 0 for a few, which tell little."""
    longest = min(len(form), len(text))
    return next((size for size in range(longest, _LEAST_CHARACTERS - 1, -1) if text.endswith(form[:size])), 0)


def masked(text: str, forms: Sequence[str]) -> str:
    """The text with every one of the forms replaced by the mask."""
    for form in forms:
        if form in text:
            text = text.replace(form, MASK)
    return text
