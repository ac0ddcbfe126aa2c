"""A spool on disk: what came in once and is not stored yet. Encrypted, flushed to disk, bounded.

A folder with numbered segments. An entry is its length in four bytes, then the sealed bytes. The file `done` says how
far the entries were taken; it may be older than the truth after a crash, and then entries are given again.
"""

import fcntl
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from threading import Condition
from typing import Self

SEGMENT_BYTES = 1024 * 1024
"""A segment that has this many is not added to; it is deleted once all its entries are taken."""
MAX_ENTRY_BYTES = 64 * 1024 * 1024
LENGTH_BYTES = 4
SUFFIX = ".spool"
_UNREADABLE = "unreadable"

Seal = Callable[[bytes], bytes]


class SpoolFull(Exception):
    """Nothing more may be taken in until something is stored."""


class SpoolInUse(Exception):
    """Another process of this machine has the spool open. The text is a sentence."""


class Unreadable(Exception):
    """An entry cannot be opened: with none of the keys, or because it was tampered with."""


@dataclass(frozen=True, order=True, slots=True)
class Place:
    """Behind an entry: where the next one begins."""

    segment: int
    offset: int


class Spool:
    """One folder's spool, for one process. Safe to use from several threads.

    `open_entry` raises `Unreadable`.
    """

    def __init__(self, folder: Path, seal: Seal, open_entry: Seal, max_bytes: int) -> None:
        """Opens or makes the folder; an entry that a crash cut short is cut off. Raises `SpoolInUse` and OSError."""
        self._folder, self._seal, self._open, self._max_bytes = folder, seal, open_entry, max_bytes
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock_file = _locked(folder / "lock")
        self._changed = Condition()
        self._done = read_done(folder)
        numbers = self._numbers()
        self._last = max([*numbers, self._done.segment])
        self._sizes = {number: _mend(self._path(number)) for number in numbers}
        self._file = self._appending(self._last)
        if self._done.offset > self._sizes.get(self._done.segment, 0):
            # Somebody removed segments by hand: what is added from now on must not count as taken.
            self._done = Place(self._done.segment, 0)
        self._drop_taken()

    def close(self) -> None:
        """Lets go of the folder."""
        self._file.close()
        os.close(self._lock_file)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def waiting_bytes(self) -> int:
        """What is on disk and not taken."""
        with self._changed:
            return self._waiting()

    def append(self, entries: Sequence[bytes]) -> None:
        """Keeps entries; they are on disk when it returns. Raises `SpoolFull`, and then none of them is, or OSError."""
        sealed = [self._seal(entry) for entry in entries]
        framed = b"".join(len(each).to_bytes(LENGTH_BYTES, "big") + each for each in sealed)
        with self._changed:
            if self._waiting() + len(framed) > self._max_bytes and self._waiting() > 0:
                raise SpoolFull
            if self._sizes[self._last] >= SEGMENT_BYTES:
                self._begin_segment()
            self._write(framed)
            self._changed.notify_all()

    def first(self, count: int) -> list[tuple[bytes, Place]]:
        """The oldest entries that are not taken, at most so many, each with the place behind it.

        What cannot be opened is put aside into the file `unreadable` and left out.
        """
        with self._changed:
            start, end = self._done, Place(self._last, self._sizes[self._last])
        found: list[tuple[bytes, Place]] = []
        while len(found) < count and start < end:
            sealed, start = self._entry(start)
            if sealed is None:
                continue
            try:
                found.append((self._open(sealed), start))
            except Unreadable:
                if found:
                    break  # what comes before it is stored first, so that it is put aside but once
                self._put_aside(sealed)
                self.taken(start)
        return found

    def taken(self, place: Place) -> None:
        """Everything before this place is stored: it is not given again."""
        with self._changed:
            self._done = place
            beside = self._folder / "done.new"
            beside.write_text(f"{place.segment} {place.offset}")
            beside.replace(self._folder / "done")
            self._drop_taken()
            self._changed.notify_all()

    def wait(self, seconds: float) -> bool:
        """Waits until there is something to take; False where there is nothing after so long."""
        with self._changed:
            return self._changed.wait_for(lambda: self._waiting() > 0, seconds)

    def wake(self) -> None:
        """Has whoever waits look again."""
        with self._changed:
            self._changed.notify_all()

    def _waiting(self) -> int:
        return sum(self._sizes.values()) - (self._done.offset if self._done.segment in self._sizes else 0)

    def _write(self, framed: bytes) -> None:
        size = self._sizes[self._last]
        try:
            # A disk that fills up takes a part, and raises for the next one only.
            rest = memoryview(framed)
            while rest:
                rest = rest[self._file.write(rest) :]
            os.fsync(self._file.fileno())
        except OSError:
            # What was written of it, on a disk that is full, must not stand before the next entry.
            os.truncate(self._path(self._last), size)
            raise
        self._sizes[self._last] = size + len(framed)

    def _begin_segment(self) -> None:
        self._file.close()
        self._last += 1
        self._file = self._appending(self._last)

    def _appending(self, number: int) -> FileIO:
        file = self._path(number).open("ab", buffering=0)
        self._sizes.setdefault(number, 0)
        _flush_folder(self._folder)
        return file

    def _entry(self, at: Place) -> tuple[bytes | None, Place]:
        """The sealed entry at a place, and the place behind it; None at the end of a segment."""
        path = self._path(at.segment)
        if not path.exists() or at.offset >= self._sizes.get(at.segment, 0):
            return None, Place(at.segment + 1, 0)
        with path.open("rb") as file:
            file.seek(at.offset)
            length = int.from_bytes(file.read(LENGTH_BYTES), "big")
            return file.read(length), Place(at.segment, at.offset + LENGTH_BYTES + length)

    def _put_aside(self, sealed: bytes) -> None:
        with (self._folder / _UNREADABLE).open("ab") as file:
            file.write(len(sealed).to_bytes(LENGTH_BYTES, "big") + sealed)
            file.flush()
            os.fsync(file.fileno())

    def _drop_taken(self) -> None:
        for number in [each for each in self._sizes if each < self._done.segment]:
            self._path(number).unlink(missing_ok=True)
            del self._sizes[number]
        wholly = self._sizes.get(self._last, 0) and self._done == Place(self._last, self._sizes[self._last])
        if wholly and self._sizes[self._last] >= SEGMENT_BYTES:
            # So that what was taken does not lie on the disk until the next entry comes.
            self._begin_segment()

    def _numbers(self) -> list[int]:
        return sorted(int(each.stem) for each in self._folder.glob(f"*{SUFFIX}") if each.stem.isdecimal())

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:08}{SUFFIX}"


def read_done(folder: Path) -> Place:
    """How far a spool's entries were taken. Without the note everything is given again, and known for a duplicate."""
    try:
        segment, offset = (folder / "done").read_text().split()
        return Place(int(segment), int(offset))
    except (FileNotFoundError, ValueError):
        return Place(0, 0)


def _mend(path: Path) -> int:
    """The size of a segment up to its last whole entry; what is behind that is cut off."""
    end, size = 0, path.stat().st_size
    with path.open("rb") as file:
        while end + LENGTH_BYTES <= size:
            file.seek(end)
            after = end + LENGTH_BYTES + int.from_bytes(file.read(LENGTH_BYTES), "big")
            if after > size:
                break
            end = after
    if end < size:
        os.truncate(path, end)
    return end


def _locked(path: Path) -> int:
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as busy:
        os.close(handle)
        raise SpoolInUse(f"Another listener of this source is running: it holds {path.parent}.") from busy
    return handle


def _flush_folder(folder: Path) -> None:
    """Makes a new file's name durable: without it the flushed contents might belong to no name after a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
