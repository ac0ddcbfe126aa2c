"""How far a folder was handed in: a file in the data directory, so that a second run begins where one ended."""

import fcntl
import os
from hashlib import sha256
from pathlib import Path
from typing import Self

import orjson

from dispatcher.adapters.listeners.files import Layout
from dispatcher.adapters.listeners.folder import Found


class AlreadyRunning(Exception):
    """The same folder is being handed in by another process. The text is a sentence."""


class Progress:
    """The records of each file that are stored. Forgetting it costs time only: what is stored is known for it."""

    def __init__(self, data_dir: Path, source: str, folder: Path) -> None:
        """Raises `AlreadyRunning` and OSError."""
        digest = sha256(os.fsencode(folder.resolve())).hexdigest()[:16]
        home = data_dir / "replay"
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path = home / f"{source}-{digest}.jsonl"
        self._file = self.path.open("a+b")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as busy:
            self._file.close()
            raise AlreadyRunning(f"Another process is handing in {folder} for this source.") from busy
        self._known = self._read()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def done(self, file: Found, layout: Layout) -> tuple[int, bool]:
        """How many of a file's records are stored, and whether that is all of it.

        A file that changed since, or was read in another layout, begins anew: its records are known for duplicates.
        """
        size, mtime_ns, read_as, records, is_whole = self._known.get(file.shown, (0, 0, "", 0, False))
        same = (size, mtime_ns, read_as) == (file.size, file.mtime_ns, layout)
        return (records, is_whole) if same else (0, False)

    def note(self, file: Found, layout: Layout, records: int, *, is_whole: bool) -> None:
        """So many are stored now; on disk when it returns."""
        self._file.write(orjson.dumps([file.shown, file.size, file.mtime_ns, layout, records, is_whole]) + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def _read(self) -> dict[str, tuple[int, int, str, int, bool]]:
        self._file.seek(0)
        known: dict[str, tuple[int, int, str, int, bool]] = {}
        line = b"\n"
        for line in self._file:
            try:
                name, size, mtime_ns, layout, records, is_whole = orjson.loads(line)
            except ValueError:
                continue  # the end of a line was not written when the machine went down
            known[name] = (size, mtime_ns, layout, records, is_whole)
        if not line.endswith(b"\n"):
            self._file.write(b"\n")
        return known
