"""A look into a spool that may be another process's: what waits in it, sealed as it is."""

from collections.abc import Iterator
from pathlib import Path

from dispatcher.adapters.listeners.spool import LENGTH_BYTES, SUFFIX, read_done


def sealed_in(folder: Path) -> Iterator[bytes]:
    """The entries that are not taken; one that is being written is left out.

    Raises OSError.
    """
    done = read_done(folder)
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        if path.stem.isdecimal() and int(path.stem) >= done.segment:
            yield from _entries(path, done.offset if int(path.stem) == done.segment else 0)


def _entries(path: Path, offset: int) -> Iterator[bytes]:
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return  # its listener has just taken it
    with file:
        file.seek(offset)
        while len(head := file.read(LENGTH_BYTES)) == LENGTH_BYTES:
            length = int.from_bytes(head, "big")
            sealed = file.read(length)
            if len(sealed) < length:
                return
            yield sealed
