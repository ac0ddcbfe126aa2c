"""Master keys: the 32-byte keys that encrypt events and secrets at rest, and the file that keeps them."""

import base64
import binascii
import contextlib
import os
import secrets
from collections.abc import Callable, Iterable
from pathlib import Path

KEY_BYTES = 32
FILE_NAME = "master.key"


class MasterKeyError(Exception):
    """There is no usable master key. The text says what to do, and holds nothing of a key."""


def decode_keys(texts: Iterable[str], origin: str) -> tuple[bytes, ...]:
    """Keys from base64url (RFC 4648, 5), padded or not; `origin` says in an error where they came from."""
    keys = []
    for number, text in enumerate(texts, 1):
        try:
            key = base64.b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError) as error:
            raise MasterKeyError(f"Key {number} of {origin} is not base64url.") from error
        if len(key) != KEY_BYTES:
            raise MasterKeyError(f"Key {number} of {origin} has {len(key)} bytes; a master key has {KEY_BYTES}.")
        keys.append(key)
    return tuple(keys)


def read_key_file(data_dir: Path) -> tuple[bytes, ...]:
    """The keys of `<data_dir>/master.key`, one a line, the encrypting one first.

    Raises `MasterKeyError` where there is no such file, it cannot be read, or others than its owner may read it.
    """
    path = data_dir / FILE_NAME
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="ascii")
    except FileNotFoundError as error:
        raise MasterKeyError(
            f"There is no master key. Run `onhook up` once with this data directory, which makes {path}, "
            f"or set ONHOOK_MASTER_KEY to the key that this database was written with."
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise MasterKeyError(
            f"{path} cannot be read by this user, or is no text; check its owner and content."
        ) from error
    if mode & 0o077:
        raise MasterKeyError(f"{path} may be read by others than its owner; run: chmod 600 {path}")
    keys = decode_keys(text.split(), str(path))
    if not keys:
        raise MasterKeyError(f"{path} is empty; restore it from a backup.")
    return keys


def generate_master_key(data_dir: Path) -> Path:
    """Make `<data_dir>/master.key` (mode 0600, in a folder of mode 0700) unless it is there, and return its path.

    The file appears whole or not at all, and of several processes that do this at once one wins, for all of them.
    """
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = data_dir / FILE_NAME
    draft = data_dir / f".{FILE_NAME}.{secrets.token_hex(8)}"
    try:
        _write_durably(draft, base64.urlsafe_b64encode(secrets.token_bytes(KEY_BYTES)) + b"\n")
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    return path


def add_key(data_dir: Path, key: bytes) -> None:
    """Puts a key before those of `<data_dir>/master.key`: it encrypts from now on, and the others go on decrypting.

    Raises `MasterKeyError` where the file cannot be read. The file is replaced as a whole, or not at all.
    """
    _replace(data_dir, (key, *read_key_file(data_dir)))


def keep_keys(data_dir: Path, wanted: Callable[[bytes], bool]) -> None:
    """Takes the other keys out of `<data_dir>/master.key`; the encrypting one stays whatever is wanted."""
    first, *others = read_key_file(data_dir)
    _replace(data_dir, (first, *filter(wanted, others)))


def _replace(data_dir: Path, keys: Iterable[bytes]) -> None:
    draft = data_dir / f".{FILE_NAME}.{secrets.token_hex(8)}"
    try:
        _write_durably(draft, b"".join(base64.urlsafe_b64encode(key) + b"\n" for key in keys))
        draft.replace(data_dir / FILE_NAME)
    finally:
        draft.unlink(missing_ok=True)
    folder = os.open(data_dir, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _write_durably(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor, so that the mode is right from the first moment
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
