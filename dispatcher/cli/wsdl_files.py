"""A WSDL in a file, and what it imports from below its folder: never from anywhere else."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from dispatcher.cli.documents import STANDARD_INPUT, read_bytes
from dispatcher.cli.failures import CommandFailed

if TYPE_CHECKING:
    from dispatcher.wsdl_inspection import Upload


def upload(path: Path) -> "Upload":
    """The file as it is handed in. Raises CommandFailed where it cannot be read."""
    from dispatcher.wsdl_inspection import Upload

    if path == STANDARD_INPUT:
        return Upload("uploaded.wsdl", read_bytes(path), lambda _: None)
    if path.is_dir():
        raise CommandFailed(f"{path} is a folder: name the WSDL in it, or see `onhook wsdl check --help`.")
    return Upload(path.name, read_bytes(path), _below(path.absolute().parent))


def _below(root: Path) -> Callable[[str], bytes | None]:
    """What stands below a folder under a relative name, None for what is not there. Raises WsdlRefused for what leads
    out of it (by `..`, as an absolute path, or by a symbolic link), and for what is no regular file."""
    from dispatcher.adapters.soap.collect import FOLDER_BASE
    from dispatcher.adapters.soap.folder import Folder

    folder = Folder(root)
    return lambda name: folder.get(FOLDER_BASE + quote(name, errors="replace"))
