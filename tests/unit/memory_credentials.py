"""Credentials in memory, as the tests of the API use them."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from uuid import UUID, uuid4

from dispatcher.domain.credentials.credential import Credential
from dispatcher.domain.credentials.spec import CredentialSpec
from dispatcher.ports import Conflict, SavedCredential


class MemoryCredentials:
    """Implements CredentialStore."""

    def __init__(self) -> None:
        super().__init__()
        self.saved_credentials: dict[tuple[UUID, str], SavedCredential] = {}

    def credentials(self, workspace_id: UUID) -> list[SavedCredential]:
        mine = [saved for key, saved in self.saved_credentials.items() if key[0] == workspace_id]
        return sorted(mine, key=lambda saved: saved.credential.name)

    def credential(self, workspace_id: UUID, name: str) -> SavedCredential | None:
        return self.saved_credentials.get((workspace_id, name))

    def credential_names(self, workspace_id: UUID) -> list[str]:
        return [saved.credential.name for saved in self.credentials(workspace_id)]

    def create_credential(self, workspace_id: UUID, spec: CredentialSpec, now: datetime) -> SavedCredential:
        if (workspace_id, spec.name) in self.saved_credentials:
            raise Conflict(f"there is a credential {spec.name!r} already")
        saved = SavedCredential(Credential(uuid4(), workspace_id, spec.name, 1, spec), now, now)
        self.saved_credentials[workspace_id, spec.name] = saved
        return saved

    def change_credential(
        self, workspace_id: UUID, name: str, change: Callable[[CredentialSpec], CredentialSpec], now: datetime
    ) -> SavedCredential | None:
        saved = self.credential(workspace_id, name)
        if saved is None:
            return None
        spec = change(saved.credential.spec)
        if spec.document == saved.credential.spec.document:
            return saved
        credential = replace(saved.credential, revision=saved.credential.revision + 1, spec=spec)
        self.saved_credentials[workspace_id, name] = replace(saved, credential=credential, updated_at=now)
        return self.saved_credentials[workspace_id, name]

    def delete_credential(self, workspace_id: UUID, name: str) -> bool:
        users = [each.profile.spec.name for each in self.profiles(workspace_id)  # type: ignore[attr-defined]
                 if each.profile.spec.credential == name]  # fmt: skip
        if users:
            raise Conflict(f"the credential {name!r} is used by {', '.join(users)}: take it out of these first")
        return self.saved_credentials.pop((workspace_id, name), None) is not None
