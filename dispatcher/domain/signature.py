"""Signatures of the Standard Webhooks specification, version 1.0 (symmetric, `v1`)."""

import hmac
from base64 import b64decode, b64encode
from collections.abc import Sequence

PREFIX = "whsec_"
SECRET_BYTES = 32
_SIZES = range(24, 65)
"""Of a key, in bytes, as the specification has it."""


def new_secret(random_bytes: bytes) -> str:
    """The serialised form of a signing secret of 24 to 64 bytes: `whsec_` and base64. Another size is a ValueError."""
    if len(random_bytes) not in _SIZES:
        raise ValueError("a signing secret has 24 to 64 bytes")
    return PREFIX + b64encode(random_bytes).decode()


def key_of(secret: str) -> bytes:
    """The key inside a serialised secret."""
    return b64decode(secret.removeprefix(PREFIX))


def sign(keys: Sequence[bytes], message_id: str, timestamp: int, body: bytes) -> str:
    """The value of `webhook-signature`: one `v1` signature for each key, separated by spaces."""
    content = b"%b.%d.%b" % (message_id.encode(), timestamp, body)
    return " ".join("v1," + b64encode(hmac.digest(key, content, "sha256")).decode() for key in keys)
