"""WSDLs in memory, as the tests of the API and of the verb use them."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from dispatcher.domain.soap.description import Description
from dispatcher.ports.wsdl import KeptWsdl, WsdlVersion


class MemoryWsdls:
    """Implements WsdlStore."""

    def __init__(self) -> None:
        super().__init__()
        self.kept_wsdls: dict[tuple[UUID, str], KeptWsdl] = {}
        self.noted_versions: dict[tuple[UUID, str, str], WsdlVersion] = {}

    def keep_wsdl(
        self, workspace_id: UUID, wsdl: KeptWsdl, location: str, credential: str | None, now: datetime
    ) -> None:
        before = self.kept_wsdls.get((workspace_id, wsdl.content_hash), wsdl)
        self.kept_wsdls[workspace_id, wsdl.content_hash] = replace(before, description=wsdl.description)
        version = WsdlVersion(location, wsdl.content_hash, credential, now, before.bundle.size_bytes)
        self.noted_versions[workspace_id, location, wsdl.content_hash] = version

    def wsdl(self, workspace_id: UUID, content_hash: str) -> KeptWsdl | None:
        return self.kept_wsdls.get((workspace_id, content_hash))

    def wsdl_description(self, workspace_id: UUID, content_hash: str) -> Description | None:
        kept = self.wsdl(workspace_id, content_hash)
        return None if kept is None else kept.description

    def forget_wsdls(self, workspace_id: UUID, location: str, hashes: Collection[str]) -> None:
        for content_hash in hashes:
            self.noted_versions.pop((workspace_id, location, content_hash), None)
            if not any((owner, named) == (workspace_id, content_hash) for owner, _, named in self.noted_versions):
                self.kept_wsdls.pop((workspace_id, content_hash), None)

    def wsdl_versions(self, workspace_id: UUID, location: str | None = None) -> list[WsdlVersion]:
        mine = [
            version
            for (owner, where, _), version in self.noted_versions.items()
            if owner == workspace_id and location in (None, where)
        ]
        in_order = sorted(mine, key=lambda version: version.content_hash)
        return sorted(in_order, key=lambda version: version.fetched_at, reverse=True)
