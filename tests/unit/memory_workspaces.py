"""A workspace in memory, as the tests of the API use it."""

from dataclasses import replace
from uuid import UUID

from dispatcher.ports import Workspace


class MemoryWorkspaces:
    """Implements WorkspaceStore; every workspace is called `default`."""

    def __init__(self) -> None:
        super().__init__()
        self.saved_workspaces: dict[UUID, Workspace] = {}

    def workspace(self, workspace_id: UUID) -> Workspace:
        return self.saved_workspaces.get(workspace_id, Workspace(workspace_id, "default", None))

    def set_egress_proxy(self, workspace_id: UUID, url: str | None) -> None:
        self.saved_workspaces[workspace_id] = replace(self.workspace(workspace_id), egress_proxy=url)
