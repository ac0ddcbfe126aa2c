"""What is kept and shown of a private profile's exchange: sizes and keyed hashes to compare bodies by."""

import hmac

from dispatcher.domain.exchange import Answer, Request


def private_view(request: Request, answer: Answer | None, hash_key: bytes) -> dict[str, object]:
    """Sizes in bytes of the bodies, and their HMAC-SHA256 under the workspace's key; None for what was not there.

    A hash without a key could be undone by trying telephone numbers; without one, none is made.
    """
    return {
        "private": True,
        "request_bytes": len(request.body or b""),
        "response_bytes": None if answer is None else len(answer.body),
        "body_hash": keyed_hash(hash_key, request.body),
        "response_hash": None if answer is None else keyed_hash(hash_key, answer.body),
    }


def keyed_hash(key: bytes, body: bytes | None) -> str | None:
    """HMAC-SHA256 (RFC 2104) in hexadecimal; None where there is no key or nothing to hash."""
    return hmac.digest(key, body, "sha256").hex() if key and body else None
