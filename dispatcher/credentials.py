"""Keep credentials: the one way, for the API and for the command line."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from dispatcher.domain.credentials.spec import (
    CredentialEngines,
    CredentialRefused,
    CredentialSpec,
    TlsRefused,
    parse_credential,
    rotated,
)
from dispatcher.domain.field_values import described
from dispatcher.ports import Clock, CredentialStore, SavedCredential

Document = dict[str, Any]

READ_ONLY = frozenset({"revision", "created_at", "updated_at", "tls_details"})
"""Members that are shown and not saved, so that what is shown can be edited and sent back."""


@dataclass(frozen=True)
class Credentials:
    """The credentials of every workspace. What comes back holds secrets: `shown` gives what people may see."""

    store: CredentialStore
    engines: CredentialEngines
    clock: Clock

    def create(self, workspace_id: UUID, document: object) -> SavedCredential:
        """A new credential. Raises `CredentialRefused`, and `Conflict` where the name is taken."""
        spec = parse_credential(saved_part(document), self.engines)
        return self.store.create_credential(workspace_id, spec, self.clock())

    def change(self, workspace_id: UUID, name: str, make: Callable[[Document], object]) -> SavedCredential | None:
        """Saves what `make` makes of the stored document; a mask in it stands for the stored secret.

        None where there is no credential of that name. Raises `CredentialRefused`.
        """

        def change(stored: CredentialSpec) -> CredentialSpec:
            spec = parse_credential(saved_part(make(dict(stored.document))), self.engines, stored)
            if spec.name != name:
                expected = "the name that it has: a credential is not renamed"
                raise CredentialRefused([{"field": "name", "expected": expected, "got": described(spec.name)}])
            return spec

        return self.store.change_credential(workspace_id, name, change, self.clock())

    def rotate(self, workspace_id: UUID, name: str, slot: int, secret: object) -> SavedCredential | None:
        """Puts a secret into slot 1 or 2 and prefers it; the other one stays good. None retires the slot.

        None where there is no credential of that name. Raises `CredentialRefused`, also for the last secret.
        """
        return self.store.change_credential(
            workspace_id, name, lambda stored: rotated(stored, slot, secret, self.engines), self.clock()
        )

    def shown(self, saved: SavedCredential) -> Document:
        """The credential as a document, its secrets masked, its certificates described."""
        spec = saved.credential.spec
        try:
            details = None if spec.tls is None else self.engines.read_tls(spec.tls)
        except TlsRefused:  # saved under other rules
            details = None
        return {
            **spec.shown(),
            "tls_details": details,
            "revision": saved.credential.revision,
            "created_at": saved.created_at,
            "updated_at": saved.updated_at,
        }


def saved_part(document: object) -> object:
    """The document without what is shown and not saved."""
    if not isinstance(document, Mapping):
        return document
    return {key: value for key, value in document.items() if key not in READ_ONLY}
