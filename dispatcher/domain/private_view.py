"""What is kept and shown of a private profile's exchange: sizes and keyed hashes to compare bodies by."""

import hmac

from dispatcher.domain.exchange import Answer, Request

_PURPOSE = b"Bodies of private profiles"


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
    """HMAC-SHA256 (RFC 2104) in hexadecimal; None where there is no key or nothing to hash.

    The key is derived: with the workspace's own, the filter `hash` of a draft would tell anybody who may read what a
    short body hashes to. No text of that filter can be the purpose, which has a capital letter and is not folded.
    """
    return hmac.digest(hmac.digest(key, _PURPOSE, "sha256"), body, "sha256").hex() if key and body else None
