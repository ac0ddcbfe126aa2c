"""The headers that Onhook adds to every request: who it is, and which delivery this is (Standard Webhooks)."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from dispatcher.domain.signature import sign

SIGNATURE = "webhook-signature"


def user_agent(version: str) -> str:
    """What Onhook calls itself to targets."""
    return f"Onhook/{version}"


def own_headers(
    delivery_id: UUID, keys: Sequence[bytes], body: bytes | None, now: datetime, user_agent: str
) -> list[tuple[str, str]]:
    """In the order in which they are sent; the signature comes last, and only where there are keys to sign with."""
    identifier, timestamp = str(delivery_id), int(now.timestamp())
    headers = [
        ("webhook-id", identifier),
        ("webhook-timestamp", str(timestamp)),
        ("Idempotency-Key", identifier),
        ("User-Agent", user_agent),
    ]
    if keys:
        headers.append((SIGNATURE, sign(keys, identifier, timestamp, body or b"")))
    return headers


def signed_again(
    headers: Sequence[tuple[str, str]], keys: Sequence[bytes], body: bytes | None
) -> list[tuple[str, str]]:
    """The headers of a signed request with the signature of another body, for the same delivery at the same moment."""
    told = dict(headers)
    signature = sign(keys, told["webhook-id"], int(told["webhook-timestamp"]), body or b"")
    return [(name, signature if name == SIGNATURE else value) for name, value in headers]
