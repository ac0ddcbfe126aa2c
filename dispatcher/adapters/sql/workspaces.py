"""Workspaces: what is set for all of a tenant's requests at once."""

import logging
from uuid import UUID

from sqlalchemy import Connection, select, update

from dispatcher.adapters.sql.database import Database
from dispatcher.adapters.sql.tables import catalogue, workspaces
from dispatcher.adapters.vault import CannotOpen, Vault
from dispatcher.ports import Workspace

logger = logging.getLogger(__name__)

NOWHERE = "http://egress-proxy.invalid:1"
"""In place of a proxy that cannot be read. A name that resolves nowhere (RFC 6761, 6.4): requests wait as if the proxy
were away, and none goes past it."""


class WorkspaceRows:
    """As `ports.WorkspaceStore`. The proxy's URL is sealed, since there may be a password in it."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database, self._vault = database, vault

    def workspace(self, workspace_id: UUID) -> Workspace:
        query = select(workspaces.c.name, workspaces.c.egress_proxy).where(workspaces.c.id == workspace_id)
        with self._database.reading() as connection:
            name, sealed = connection.execute(query).one()
        return Workspace(workspace_id, name, _opened(self._vault, workspace_id, sealed))

    def set_egress_proxy(self, workspace_id: UUID, url: str | None) -> None:
        sealed = None if url is None else self._vault.seal(url.encode(), workspace_id.bytes)
        with self._database.writing() as connection:
            mine = workspaces.c.id == workspace_id
            connection.execute(update(workspaces).where(mine).values(egress_proxy=sealed))
            connection.execute(update(catalogue).values(version=catalogue.c.version + 1))


def egress_proxies(connection: Connection, vault: Vault) -> dict[UUID, str]:
    """The proxies of the workspaces that have one."""
    query = select(workspaces.c.id, workspaces.c.egress_proxy).where(workspaces.c.egress_proxy.is_not(None))
    found = {}
    for workspace_id, sealed in connection.execute(query):
        try:
            found[workspace_id] = _opened(vault, workspace_id, sealed) or NOWHERE
        except CannotOpen as reason:
            fields = {"workspace_id": str(workspace_id), "reason": str(reason)}
            logger.error("workspace.proxy_cannot_be_read", extra={"fields": fields})  # noqa: TRY400 - the fields say it
            found[workspace_id] = NOWHERE
    return found


def _opened(vault: Vault, workspace_id: UUID, sealed: bytes | None) -> str | None:
    return None if sealed is None else vault.open(sealed, workspace_id.bytes).decode()
