"""A folder of WSDLs: which files are some, and their documents by URL, imports from within the folder alone."""

import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote, unquote_to_bytes

from dispatcher.adapters.soap.collect import FOLDER_BASE, MAX_DOCUMENT_BYTES, shown
from dispatcher.adapters.soap.imports import begins_as_wsdl
from dispatcher.domain.soap.bundle import WsdlRefused

_SNIFFED_BYTES = 65_536


class Folder(Mapping[str, bytes]):
    """Documents by URL: `FOLDER_BASE` and a path in the folder. They are read when they are asked for and not kept.

    Nothing outside the folder is read, neither by `..` nor through a symbolic link, and nothing but regular files.
    """

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()

    def wsdls(self) -> Iterator[Path]:
        """The paths, relative to the folder, of every `*.wsdl` and of other files that begin as a WSDL, in order.

        Of others, those are looked into that end in `.xml` or have no ending, and those with `wsdl` in their names.
        """
        unreadable: list[OSError] = []
        for folder, below, names in os.walk(self._root, onerror=unreadable.append):
            below.sort()
            for name in sorted(names):
                path = Path(folder, name)
                if path.suffix.lower() == ".wsdl" or (_may_be_wsdl(path) and self._begins_as_wsdl(path)):
                    yield path.relative_to(self._root)
        # A folder that cannot be looked into is named as well, lest somebody believe that all was seen.
        yield from (Path(error.filename).relative_to(self._root) for error in unreadable)

    def url(self, path: Path) -> str:
        """The URL of a path in the folder."""
        return FOLDER_BASE + quote(os.fsencode(path))

    def fetch(self, url: str) -> bytes:
        """The port `Fetch`, for what is imported and not here. Raises `WsdlRefused`."""
        raise WsdlRefused(f"It imports {shown(url)}, which is not below the folder.")

    def __getitem__(self, url: str) -> bytes:
        """The document, at most a byte more than is allowed. Raises WsdlRefused for one that cannot be read."""
        if not url.startswith(FOLDER_BASE):
            raise KeyError(url)
        try:
            return self._read(Path(_path(url)), MAX_DOCUMENT_BYTES + 1)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise KeyError(url) from error
        except OSError as error:
            raise WsdlRefused(f"{shown(url)} cannot be read: {error.strerror}.") from error

    def __iter__(self) -> Iterator[str]:
        return map(self.url, self.wsdls())

    def __len__(self) -> int:
        return sum(1 for _ in self.wsdls())

    def _read(self, path: Path, size: int) -> bytes:
        try:
            found = (self._root / path).resolve()
        except (RuntimeError, ValueError) as error:  # A link that leads to itself; a NUL.
            raise WsdlRefused(f"{shown(str(path))} leads nowhere.") from error
        if not found.is_relative_to(self._root):
            raise WsdlRefused(f"{shown(str(path))} leads out of the folder.")
        # Without waiting, because to open a pipe would wait for somebody to write.
        descriptor = os.open(found, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_NOFOLLOW)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise WsdlRefused(f"{shown(str(path))} is no regular file.")
            with open(descriptor, "rb", closefd=False) as file:
                return file.read(size)
        finally:
            os.close(descriptor)

    def _begins_as_wsdl(self, path: Path) -> bool:
        try:
            return begins_as_wsdl(self._read(path.relative_to(self._root), _SNIFFED_BYTES))
        except (OSError, WsdlRefused):
            return False


def _may_be_wsdl(path: Path) -> bool:
    return path.suffix.lower() in (".xml", "") or "wsdl" in path.name.lower()


def _path(url: str) -> str:
    return os.fsdecode(unquote_to_bytes(url.removeprefix(FOLDER_BASE)))
