"""The files of one folder, opened without following a link and without waiting for anything that is no file."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import BinaryIO

DONE = "done"
"""The folder, in the folder, that files are moved to."""


@dataclass(frozen=True, slots=True)
class Found:
    """A regular file as it was when the folder was looked through."""

    name: str
    size: int
    mtime_ns: int

    @property
    def shown(self) -> str:
        """The name as text, also where it is no UTF-8."""
        return os.fsencode(self.name).decode("utf-8", "backslashreplace")


class Changed(Exception):
    """Something was added to a file meanwhile, or another has its name."""


class NotAFile(Exception):
    """A link, a pipe, a device, or a file that was exchanged meanwhile."""


def files_of(folder: Path, pattern: str) -> tuple[list[Found], int]:
    """The regular files whose names fit, sorted by name, and how many other things do: links, pipes, devices.

    Folders in it are not looked into. Names that begin with a dot are left out: they are being written. Raises OSError.
    """
    found, others = [], 0
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(".") or not fnmatchcase(entry.name, pattern) or entry.is_dir():
                continue
            known = entry.stat(follow_symlinks=False)
            if stat.S_ISREG(known.st_mode):
                found.append(Found(entry.name, known.st_size, known.st_mtime_ns))
            else:
                others += 1
    return sorted(found, key=lambda each: each.name), others


def opened(folder: Path, file: Found) -> BinaryIO:
    """The file, for reading. Raises `NotAFile` and OSError."""
    # A pipe that nobody writes to would hold us up for ever, and a link may lead anywhere.
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    handle = os.open(folder / file.name, flags)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise NotAFile
    return os.fdopen(handle, "rb")


def move_to_done(folder: Path, file: Found) -> None:
    """Moves a file into the folder `done`, under another name where it has one of that name.

    Raises `Changed`, `NotAFile` and OSError; then it is where it was.
    """
    known = (folder / file.name).lstat()
    if (known.st_size, known.st_mtime_ns) != (file.size, file.mtime_ns):
        raise Changed
    done = folder / DONE
    done.mkdir(exist_ok=True)
    if done.is_symlink():
        raise NotAFile
    for name in _names(file.name):
        if not (done / name).exists():
            (folder / file.name).rename(done / name)
            return


def _names(name: str) -> Iterator[str]:
    yield name
    number = 2
    while True:
        yield f"{name}.{number}"
        number += 1
