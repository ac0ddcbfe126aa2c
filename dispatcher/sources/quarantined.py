"""A post in quarantine as people are shown it."""

import re
from typing import Any
from urllib.parse import unquote_plus

from dispatcher.domain.card_numbers import without_cards
from dispatcher.domain.scrub import is_keypad, scrub_call
from dispatcher.ports import HeldPost
from dispatcher.sources.authentication import MASK

EXCERPT_CHARACTERS = 2_000
_SECRET = re.compile(r"auth|cookie|key|passw|secret|signature|token", re.IGNORECASE)
"""In a name of a header or a member: its value may be a secret, or made with one."""
_BEYOND = 200
"""Characters that are looked at behind the excerpt, and not shown: a card number that the end cuts in two is none any
more, and would stay. Nineteen digits with three percent-encoded gaps between them are as long."""
_MEMBER = re.compile(
    r"""([A-Za-z_][\w.\-]{0,63})(\]?\\?["']?\s{0,8}[:=>]\s{0,8}\\?["']?)(\[[^\]]{0,4096}\]?|[^"'&<>\]}\r\n\\]{1,16384})"""
)
"""A name and its value as JSON, a form, XML or a line of text writes them."""


def shown_post(held: HeldPost) -> dict[str, Any]:
    """What says nothing of any call: size, reason, the names of its headers."""
    return {
        "id": held.id,
        "source": held.source,
        "received_at": held.received_at,
        "reason": held.reason,
        "size_bytes": len(held.body),
        "method": held.method,
        "content_type": held.headers.get("content-type", "").partition(";")[0] or None,
        "header_names": sorted(held.headers),
        "query_names": sorted({name for name, _ in held.query}),
    }


def shown_contents(held: HeldPost) -> dict[str, Any]:
    """Its headers, secrets masked, and the beginning of its body, without card numbers, keypad digits and secrets.

    A form is shown as it was sent, unless its encoding hides one of these: then it is shown decoded.
    """
    headers = {name: MASK if _SECRET.search(name) else value for name, value in sorted(held.headers.items())}
    looked_at = EXCERPT_CHARACTERS + _BEYOND
    whole = held.body[: looked_at * 4 + 4].decode("utf-8", "replace")
    clean = _clean(whole[:looked_at])
    decoded = unquote_plus(clean)
    if without_cards(decoded) != decoded:
        clean = _clean(decoded)
    beyond = len(whole) > looked_at
    return {"headers": headers, "excerpt": clean[: min(EXCERPT_CHARACTERS, len(clean) - _BEYOND * beyond)]}


def _clean(text: str) -> str:
    scrubbed = scrub_call({"custom": {"notes": _MEMBER.sub(_masked, text)}})
    return str(scrubbed["custom"]["notes"])


def _masked(member: re.Match[str]) -> str:
    name, between, _ = member.groups()
    return f"{name}{between}{MASK}" if is_keypad(name) or _SECRET.search(name) else member[0]
