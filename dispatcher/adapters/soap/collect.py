"""Collects a WSDL with every document that it imports, within bounds, so that it can be parsed without any network."""

import re
import time
from collections import deque
from collections.abc import Callable, Mapping
from urllib.parse import urljoin, urlsplit

from dispatcher.adapters.soap.imports import Kind, Unfit, imports_of
from dispatcher.adapters.soap.known_schemas import KNOWN_SCHEMAS
from dispatcher.domain.soap.bundle import UPLOAD_BASE, Bundle, WsdlRefused
from dispatcher.ports.wsdl import Fetch

MIB = 1_048_576
MAX_DOCUMENTS = 200
"""NetSuite's, the largest set known, is of 40."""
MAX_DOCUMENT_BYTES = 8 * MIB
"""The largest public WSDL known has 4.1 MB."""
MAX_BUNDLE_BYTES = 16 * MIB
MAX_DEPTH = 20
MAX_SECONDS = 60.0
MAX_URL_CHARACTERS = 2_048
_SHOWN_CHARACTERS = 200
_SCHEMES = ("http", "https")
FOLDER_BASE = "http://folder.invalid/"
"""What stands for a folder of WSDLs; no such host can exist (RFC 2606)."""
_NO_HOST = re.compile(f"^(?:{re.escape(UPLOAD_BASE)}|{re.escape(FOLDER_BASE)})")
_USER = re.compile(r"//[^/?#]*@")


def collect(root: str, given: Mapping[str, bytes], fetch: Fetch, clock: Callable[[], float] = time.monotonic) -> Bundle:
    """The WSDL at `root` with everything that it imports, breadth first, each once, under the URL that zeep asks for.

    A document is taken from `given`, else from the schemas that we carry, else it is fetched. Imports without a
    location are passed over, as zeep does. Raises `WsdlRefused`. Blocks for a minute at most, and one `fetch` more.
    """
    return _Collecting(given, fetch, clock).run(root)


def shown(url: str) -> str:
    """A document's URL in a sentence: a file by its name, no user and password, not endlessly long."""
    name = _NO_HOST.sub("", _USER.sub("//", url[: 2 * MAX_URL_CHARACTERS]))
    name = "".join(each if each.isprintable() else "?" for each in name)
    return name if len(name) <= _SHOWN_CHARACTERS else name[:_SHOWN_CHARACTERS] + "..."


class _Collecting:
    """One collection: what is there, and what is still to be got."""

    def __init__(self, given: Mapping[str, bytes], fetch: Fetch, clock: Callable[[], float]) -> None:
        self._given, self._fetch, self._clock = given, fetch, clock
        self._ends_at = clock() + MAX_SECONDS
        self._documents: dict[str, bytes] = {}
        self._seen: set[str] = set()
        self._waiting: deque[tuple[str, int]] = deque()
        self._bytes = 0

    def run(self, root: str) -> Bundle:
        self._want(root, 0)
        while self._waiting:
            url, depth = self._waiting.popleft()
            document = self._get(url)
            try:
                found = imports_of(document)
            except Unfit as unfit:
                raise WsdlRefused(f"{shown(url)} {unfit}.") from unfit
            if not depth and found.kind is not Kind.WSDL:
                raise WsdlRefused(f"{shown(url)} is an XML schema and no WSDL.")
            self._documents[url] = document
            for location in found.locations:
                self._want(_absolute(location, url), depth + 1)
        return Bundle(root, self._documents)

    def _want(self, url: str, depth: int) -> None:
        if url in self._seen:
            return
        if depth > MAX_DEPTH:
            raise WsdlRefused(f"{shown(url)} is imported through more than {MAX_DEPTH} other documents.")
        if len(self._seen) >= MAX_DOCUMENTS:
            raise WsdlRefused(f"{shown(url)} is one document too many: a WSDL may consist of {MAX_DOCUMENTS}.")
        if url not in self._given:
            _check(url)
        self._seen.add(url)
        self._waiting.append((url, depth))

    def _get(self, url: str) -> bytes:
        document = self._given.get(url)
        if document is None:
            document = KNOWN_SCHEMAS.get(url)
        if document is None:
            document = self._fetched(url)
        self._bytes += len(document)
        if len(document) > MAX_DOCUMENT_BYTES:
            raise WsdlRefused(f"{shown(url)} is larger than {MAX_DOCUMENT_BYTES // MIB} MiB.")
        if self._bytes > MAX_BUNDLE_BYTES:
            raise WsdlRefused(f"With {shown(url)}, the WSDL and its imports exceed {MAX_BUNDLE_BYTES // MIB} MiB.")
        return document

    def _fetched(self, url: str) -> bytes:
        if url.startswith(UPLOAD_BASE):
            raise WsdlRefused(f"The WSDL imports a file that is not among the uploaded files: {shown(url)}.")
        document = self._fetch(url) if self._clock() < self._ends_at else None
        if document is None or self._clock() >= self._ends_at:
            raise WsdlRefused(f"Getting the WSDL and its imports takes more than {MAX_SECONDS:.0f} s ({shown(url)}).")
        return document


def _absolute(location: str, named_by: str) -> str:
    """The URL of an import exactly as zeep has it (`zeep.loader.absolute_location`, for bases of http and https).

    Not zeep's own: to import that costs a process that only collects 0.2 s and 40 MB.
    """
    try:
        if location == named_by or urlsplit(location).scheme in (*_SCHEMES, "file"):
            return location
        return urljoin(named_by, location)
    except ValueError as error:
        raise _no_url(location) from error


def _check(url: str) -> None:
    """Refuses what is not to be got from a server."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
        # Read for its check alone: what is no number between 0 and 65535 raises.
        parts.port  # noqa: B018
    except ValueError as error:
        raise _no_url(url) from error
    if parts.scheme not in _SCHEMES:
        raise WsdlRefused(f"{shown(url)} is not imported: only http and https are.")
    if not host or len(url) > MAX_URL_CHARACTERS:
        raise _no_url(url)
    if "@" in parts.netloc:
        raise WsdlRefused(f"{shown(url)} has a user in it: name a credential instead.")


def _no_url(location: str) -> WsdlRefused:
    return WsdlRefused(f"{shown(location)} is no URL of a document.")
