"""A credential: a reusable way to authenticate to a target."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from dispatcher.domain.credentials.spec import CredentialSpec


@dataclass(frozen=True)
class Credential:
    """A saved credential in its current revision. Its `repr` shows no secret."""

    id: UUID
    workspace_id: UUID
    name: str
    revision: int
    spec: "CredentialSpec" = field(repr=False)
