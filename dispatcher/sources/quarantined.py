"""A post in quarantine as people are shown it."""

import re
from typing import Any

from dispatcher.domain.scrub import scrub_call
from dispatcher.ports import HeldPost
from dispatcher.sources.authentication import MASK

EXCERPT_CHARACTERS = 2_000
_SECRET = re.compile(r"auth|cookie|key|passw|secret|signature|token", re.IGNORECASE)
"""In a header's name: its value may be a secret, or made with one."""


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
    """Its headers, secrets masked, and the beginning of its body, card numbers and keypad digits scrubbed."""
    headers = {name: MASK if _SECRET.search(name) else value for name, value in sorted(held.headers.items())}
    text = held.body[: EXCERPT_CHARACTERS * 4].decode("utf-8", "replace")[:EXCERPT_CHARACTERS]
    return {"headers": headers, "excerpt": scrub_call({"custom": {"notes": text}})["custom"]["notes"]}
