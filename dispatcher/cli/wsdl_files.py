"""A WSDL in a file, and what it imports from below its folder: never from anywhere else."""

from pathlib import Path
from typing import TYPE_CHECKING

from dispatcher.cli.documents import STANDARD_INPUT, read_bytes
from dispatcher.cli.failures import CommandFailed

if TYPE_CHECKING:
    from dispatcher.wsdl_inspection import Upload

MAX_FILE_BYTES = 16 * 1024 * 1024
"""No WSDL that can be used is larger, and what is named by a stranger's import may be anything."""


def upload(path: Path) -> "Upload":
    """The file as it is handed in. Raises CommandFailed where it cannot be read."""
    from dispatcher.wsdl_inspection import Upload

    if path == STANDARD_INPUT:
        return Upload("uploaded.wsdl", read_bytes(path), lambda _: None)
    if path.is_dir():
        raise CommandFailed(f"{path} is a folder: name the WSDL in it.")
    folder = path.absolute().parent
    return Upload(path.name, read_bytes(path), lambda name: _beside(folder, name))


def _beside(folder: Path, name: str) -> bytes | None:
    """What stands below the folder under a relative name; None for what is not there or leads out of it, by `..`, as an
    absolute path, or by a symbolic link."""
    try:
        found = (folder / name).resolve()
        if not found.is_relative_to(folder.resolve()) or not found.is_file():
            return None
        if found.stat().st_size > MAX_FILE_BYTES:
            raise CommandFailed(f"{found} is larger than {MAX_FILE_BYTES} bytes: no WSDL is.")
        return found.read_bytes()
    except (OSError, ValueError):  # a name that no file can have, or one that may not be read
        return None
