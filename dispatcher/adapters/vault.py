"""Encryption at rest: AES-256-GCM (NIST SP 800-38D) under one of several master keys.

The first key encrypts, all decrypt, so that keys can be rotated. A sealed value is: version byte,
four bytes that name the key, twelve random bytes of nonce, ciphertext and tag. The row it belongs to
is bound as associated data, so that values cannot be swapped between rows.
"""

import os
from collections.abc import Sequence
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
_VERSION = b"\x01"
_KEY_NAME = slice(1, 5)
_NONCE = slice(5, 17)
_SEALED = slice(17, None)


class CannotOpen(Exception):
    """A sealed value that none of the master keys opens."""


class Vault:
    """Seals and opens values. Safe to use from several threads."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        """`keys`: 32 bytes each, the first one encrypts. Raises ValueError on an empty list or a wrong length."""
        if not keys or any(len(key) != KEY_BYTES for key in keys):
            raise ValueError(f"master keys: one or more of {KEY_BYTES} bytes each are needed")
        self._ciphers = {sha256(key).digest()[:4]: AESGCM(key) for key in reversed(keys)}
        first = sha256(keys[0]).digest()[:4]
        self._cipher, self._prefix = self._ciphers[first], _VERSION + first

    def seal(self, value: bytes, belongs_to: bytes) -> bytes:
        """The value, encrypted and bound to what it belongs to (a row's id)."""
        nonce = os.urandom(12)
        return self._prefix + nonce + self._cipher.encrypt(nonce, value, belongs_to)

    def open(self, sealed: bytes, belongs_to: bytes) -> bytes:
        """The value again; raises CannotOpen when the key is missing or the value was tampered with."""
        cipher = self._ciphers.get(bytes(sealed[_KEY_NAME]))
        if cipher is None:
            raise CannotOpen("sealed with a master key that ONHOOK_MASTER_KEY does not list")
        try:
            return cipher.decrypt(bytes(sealed[_NONCE]), bytes(sealed[_SEALED]), belongs_to)
        except InvalidTag as tampered:
            raise CannotOpen("damaged, or moved from the row it was sealed for") from tampered
