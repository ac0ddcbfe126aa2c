"""What must be there before the first process starts: folder, lock, master key, tables, a first token."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from dispatcher.cli.failures import CommandFailed
from dispatcher.cli.storage import disposing

if TYPE_CHECKING:
    from dispatcher.adapters.sql.store import Store
    from dispatcher.settings import Settings
    from dispatcher.tokens import Minted

TOKEN_FILE = "admin-token.json"  # noqa: S105 - a file's name
LOCK_FILE = "up.lock"


@contextmanager
def locked(data_dir: Path) -> Iterator[None]:
    """Makes the data directory (mode 0700) and keeps every other `onhook up` out of it, as long as this process lives.

    Raises CommandFailed where another one is in it.
    """
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(data_dir / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as busy:
        raise CommandFailed(
            f"Another Onhook runs with the data directory {data_dir}. "
            "Stop that one first, or name another folder with --data-dir."
        ) from busy
    finally:
        os.close(descriptor)


def prepare(settings: "Settings") -> "Minted | None":
    """Makes what is missing in a locked data directory; the admin token, where this run has made it.

    Raises MasterKeyError, StoreUnavailable, and CannotOpen where the database was written with another master key.
    """
    from dispatcher.adapters.sql import schema
    from dispatcher.settings import generate_master_key
    from dispatcher.wiring import build_store

    is_new = not any((settings.data_dir / name).exists() for name in ("master.key", "onhook.db", TOKEN_FILE))
    if not settings.master_key:
        generate_master_key(settings.data_dir)
    store = build_store(settings)
    with disposing(store.engine):
        schema.upgrade(store.engine)
        # Reads what is sealed: better to hear of a wrong key now than from every worker.
        store.admin.profiles(schema.DEFAULT_WORKSPACE)
        minted = _mint(store) if _wants_token(settings.data_dir, store, is_new=is_new) else None
    if minted is not None:
        _write_token(settings.data_dir / TOKEN_FILE, minted)
    return minted


def _wants_token(data_dir: Path, store: "Store", *, is_new: bool) -> bool:
    """A new directory gets a token; so does one whose first start was cut short before there was any."""
    from dispatcher.adapters.sql.schema import DEFAULT_WORKSPACE

    if (data_dir / TOKEN_FILE).exists():
        return False
    return is_new or not store.admin.tokens(DEFAULT_WORKSPACE)


def _mint(store: "Store") -> "Minted":
    from dispatcher.adapters.sql.schema import DEFAULT_WORKSPACE
    from dispatcher.clock import utc_now
    from dispatcher.tokens import Tokens

    return Tokens(store.admin, utc_now, os.urandom).create(DEFAULT_WORKSPACE, "admin", ["admin"])


def _write_token(path: Path, minted: "Minted") -> None:
    words = {"token": minted.token.id, "secret_1": minted.secret_1, "secret_2": minted.secret_2}
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w", encoding="ascii") as file:  # noqa: PTH123 - a descriptor, private from its first moment
        json.dump(words, file)
        file.flush()
        os.fsync(file.fileno())
