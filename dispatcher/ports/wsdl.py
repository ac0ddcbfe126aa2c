"""Ports of WSDLs: how they are fetched, read and kept."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from dispatcher.domain.credentials.credential import Credential
from dispatcher.domain.soap.bundle import Bundle
from dispatcher.domain.soap.description import Description

Fetch = Callable[[str], bytes]
"""Gets one document by its absolute http or https URL, through the egress guard. Raises `WsdlRefused`."""

OpenFetch = Callable[[str, Credential | None, str | None], Fetch]
"""Makes the `Fetch` of one inspection: for the URL of its root, the credential that goes there, and the workspace's
egress proxy."""
ReadDescription = Callable[[UUID, str], Description | None]
"""As `WsdlStore.wsdl_description`."""


class WsdlEngine(Protocol):
    """Reads WSDLs: in time, memory, bytes, documents and depth that have bounds. Each call may block for a minute."""

    def collect(self, root: str, given: Mapping[str, bytes], fetch: Fetch) -> Bundle:
        """The WSDL at `root` with everything it imports, each document from `given` by its URL, else fetched.

        Raises `WsdlRefused`.
        """
        ...

    def describe(self, bundle: Bundle) -> Description:
        """What a collected WSDL offers; it was parsed in a process of its own, with limits. Raises `WsdlRefused`."""
        ...


@dataclass(frozen=True)
class KeptWsdl:
    """A WSDL as it is kept, by workspace and content hash."""

    content_hash: str
    bundle: Bundle
    description: Description


@dataclass(frozen=True, slots=True)
class WsdlVersion:
    """What was found at a location at some time. `location` is a URL, or the content hash itself of an upload."""

    location: str
    content_hash: str
    credential: str | None
    """The name of the credential that it was fetched with."""
    fetched_at: datetime
    size_bytes: int = 0
    """Of its documents together."""


class WsdlStore(Protocol):
    """WSDLs, kept by content hash, and the locations where they were found."""

    def keep_wsdl(
        self, workspace_id: UUID, wsdl: KeptWsdl, location: str, credential: str | None, now: datetime
    ) -> None:
        """Keeps a WSDL, once, and notes that it is what the location gives now. The same again changes `fetched_at`,
        and the description to the one that is given."""
        ...

    def wsdl(self, workspace_id: UUID, content_hash: str) -> KeptWsdl | None:
        """One by its hash."""
        ...

    def wsdl_description(self, workspace_id: UUID, content_hash: str) -> Description | None:
        """The description alone, which is all that checking a profile needs."""
        ...

    def forget_wsdls(self, workspace_id: UUID, location: str, hashes: Collection[str]) -> None:
        """Forgets that these contents were found at a location, and each of them that no location has any more."""
        ...

    def wsdl_versions(self, workspace_id: UUID, location: str | None = None) -> list[WsdlVersion]:
        """What was found at a location (None: at every one), newest first."""
        ...
