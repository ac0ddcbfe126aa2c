"""Encryption at rest: AES-256-GCM (NIST SP 800-38D) under one of several master keys.

The first key encrypts, all decrypt, so that keys can be rotated. A sealed value is: version byte,
four bytes that name the key, twelve random bytes of nonce, ciphertext and tag. The row it belongs to
is bound as associated data, so that values cannot be swapped between rows.
"""

import os
from collections.abc import Callable, Sequence
from hashlib import sha256
from threading import Lock
from time import monotonic

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
LOOK_SECONDS = 30.0
"""How often a vault looks whether its keys were changed, where it can: a key that is new is used within this time."""
_VERSION = b"\x01"
_KEY_NAME = slice(1, 5)
_NONCE = slice(5, 17)
_SEALED = slice(17, None)

Keys = Sequence[bytes]


class CannotOpen(Exception):
    """A sealed value that none of the master keys opens."""


class Vault:
    """Seals and opens values. Safe to use from several threads."""

    def __init__(self, keys: Keys, reread: Callable[[], Keys] | None = None) -> None:
        """`keys`: 32 bytes each, the first one encrypts. Raises ValueError on an empty list or a wrong length.

        `reread` gives the keys as they are now, where they can change while the process runs; what it raises is as if
        they had not changed.
        """
        self._reread, self._lock = reread, Lock()
        self._look_at = monotonic() + LOOK_SECONDS
        self._use(keys)

    def _use(self, keys: Keys) -> None:
        if not keys or any(len(key) != KEY_BYTES for key in keys):
            raise ValueError(f"master keys: one or more of {KEY_BYTES} bytes each are needed")
        self._keys = tuple(keys)
        self._ciphers = {_name(key): AESGCM(key) for key in reversed(keys)}
        first = _name(keys[0])
        # One assignment, so that a thread that seals meanwhile never writes one key's name over another's text.
        self._first = (self._ciphers[first], _VERSION + first)

    def seal(self, value: bytes, belongs_to: bytes) -> bytes:
        """The value, encrypted and bound to what it belongs to (a row's id)."""
        if self._reread is not None and monotonic() >= self._look_at:
            self.look()
        cipher, prefix = self._first
        nonce = os.urandom(12)
        return prefix + nonce + cipher.encrypt(nonce, value, belongs_to)

    def open(self, sealed: bytes, belongs_to: bytes) -> bytes:
        """The value again; raises CannotOpen when the key is missing or the value was tampered with."""
        cipher = self._ciphers.get(bytes(sealed[_KEY_NAME]))
        if cipher is None:
            self.look()
            cipher = self._ciphers.get(bytes(sealed[_KEY_NAME]))
        if cipher is None:
            raise CannotOpen("sealed with a master key that ONHOOK_MASTER_KEY does not list")
        try:
            return cipher.decrypt(bytes(sealed[_NONCE]), bytes(sealed[_SEALED]), belongs_to)
        except InvalidTag as tampered:
            raise CannotOpen("damaged, or moved from the row it was sealed for") from tampered

    def resealed(self, sealed: bytes, belongs_to: bytes) -> bytes:
        """The same value under the first key. Raises CannotOpen."""
        return self.seal(self.open(sealed, belongs_to), belongs_to)

    def key_names(self) -> list[str]:
        """The names of the keys, the encrypting one first."""
        return [key_name(key) for key in self._keys]

    def look(self) -> None:
        """Takes the keys as they are now, where they can be read."""
        if self._reread is None:
            return
        with self._lock:
            self._look_at = monotonic() + LOOK_SECONDS
            try:
                keys = tuple(self._reread())
            except Exception:  # noqa: BLE001 - a key file that is being put right must not stop a running process
                return
            if keys and keys != self._keys:
                self._use(keys)


def key_name(key: bytes) -> str:
    """The name of a key as it stands in what it sealed: eight hexadecimal digits, which tell nothing of the key."""
    return _name(key).hex()


def key_name_of(sealed: bytes) -> str:
    """The name of the key that sealed a value, as `key_name` gives it."""
    return sealed[_KEY_NAME].hex()


def _name(key: bytes) -> bytes:
    return sha256(key).digest()[:4]
