"""Credentials, sealed; and the access tokens that token services gave for them, shared by all workers."""

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import orjson
from sqlalchemy import ColumnElement, Connection, Row, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from dispatcher.adapters.sql.database import Database
from dispatcher.adapters.sql.tables import access_tokens, catalogue, credentials, profiles
from dispatcher.adapters.token_store import Refusal, TokenState
from dispatcher.adapters.vault import CannotOpen, Vault
from dispatcher.domain.credentials.access_token import AccessToken
from dispatcher.domain.credentials.credential import Credential
from dispatcher.domain.credentials.spec import CredentialEngines, CredentialSpec, parse_credential
from dispatcher.ports import Conflict, SavedCredential
from dispatcher.xml_reading.paths import compile_xpath

logger = logging.getLogger(__name__)

_STORED = CredentialEngines(compile_xpath, lambda _: {})
"""What is stored was checked when it was saved; a certificate that has ended since must not take its credential away
from the profiles: the handshake says so better."""


class CredentialReader:
    """Opens rows of credentials; each revision is parsed once."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._specs: dict[tuple[UUID, int], CredentialSpec] = {}

    def credential(self, row: Row[Any]) -> Credential:
        """The credential of a row. Raises CannotOpen and CredentialRefused."""
        key = (row.id, row.revision)
        spec = self._specs.get(key)
        if spec is None:
            document = orjson.loads(self._vault.open(row.document, row.id.bytes))
            spec = self._specs[key] = parse_credential(document, _STORED)
        return Credential(row.id, row.workspace_id, row.name, row.revision, spec)

    def usable(self, connection: Connection) -> list[Credential]:
        """Every credential that can be read. Another one must not stop the workers: deliveries that need it end with a
        reason, and the log says more."""
        found = []
        for row in connection.execute(select(credentials)):
            try:
                found.append(self.credential(row))
            except (ValueError, CannotOpen) as reason:
                fields = {"credential": row.name, "reason": type(reason).__name__}
                logger.error("credential.cannot_be_used", extra={"fields": fields})  # noqa: TRY400 - may quote a secret
        return found


class CredentialRows:
    """As `ports.CredentialStore`, and the `TokenStore` of `adapters/token_store`."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database, self._vault = database, vault
        self._credential_reader = CredentialReader(vault)

    def credentials(self, workspace_id: UUID) -> list[SavedCredential]:
        query = select(credentials).where(credentials.c.workspace_id == workspace_id).order_by(credentials.c.name)
        with self._database.reading() as connection:
            return [self._saved_credential(row) for row in connection.execute(query)]

    def credential(self, workspace_id: UUID, name: str) -> SavedCredential | None:
        with self._database.reading() as connection:
            row = _find(connection, workspace_id, name)
        return self._saved_credential(row) if row else None

    def create_credential(self, workspace_id: UUID, spec: CredentialSpec, now: datetime) -> SavedCredential:
        identifier = uuid4()
        values = {"id": identifier, "workspace_id": workspace_id, "revision": 1, "created_at": now}
        with self._database.writing() as connection:
            try:
                connection.execute(insert(credentials).values(**values, **self._columns(spec, identifier, now)))
            except IntegrityError as taken:
                raise Conflict(f"there is a credential {spec.name!r} already") from taken
            _next_version(connection)
        return SavedCredential(Credential(identifier, workspace_id, spec.name, 1, spec), now, now)

    def change_credential(
        self, workspace_id: UUID, name: str, change: Callable[[CredentialSpec], CredentialSpec], now: datetime
    ) -> SavedCredential | None:
        with self._database.writing() as connection:
            row = _find(connection, workspace_id, name, lock=True)
            if row is None:
                return None
            saved = self._saved_credential(row)
            spec = change(saved.credential.spec)
            if spec.document == saved.credential.spec.document:
                return saved
            values = {"revision": row.revision + 1, **self._columns(spec, row.id, now)}
            connection.execute(update(credentials).where(credentials.c.id == row.id).values(**values))
            _next_version(connection)
        credential = Credential(row.id, workspace_id, spec.name, row.revision + 1, spec)
        return SavedCredential(credential, row.created_at, now)

    def delete_credential(self, workspace_id: UUID, name: str) -> bool:
        with self._database.writing() as connection:
            row = _find(connection, workspace_id, name, lock=True)
            if row is None:
                return False
            if users := self._users(connection, workspace_id, name):
                raise Conflict(f"the credential {name!r} is used by {', '.join(users)}: take it out of these first")
            connection.execute(delete(credentials).where(credentials.c.id == row.id))
            connection.execute(delete(access_tokens).where(access_tokens.c.credential_id == row.id))
            _next_version(connection)
        return True

    def _users(self, connection: Connection, workspace_id: UUID, name: str) -> list[str]:
        """The profiles that name it: their documents are sealed, so each must be opened."""
        live = profiles.c.workspace_id == workspace_id, profiles.c.deleted_at.is_(None)
        rows = connection.execute(select(profiles).where(*live).order_by(profiles.c.name))
        documents = ((row.name, orjson.loads(self._vault.open(row.document, row.id.bytes))) for row in rows)
        return [user for user, document in documents if document.get("credential") == name]

    def _columns(self, spec: CredentialSpec, identifier: UUID, now: datetime) -> dict[str, Any]:
        sealed = self._vault.seal(orjson.dumps(spec.document), identifier.bytes)
        return {"name": spec.name, "kind": spec.kind.value, "document": sealed, "updated_at": now}

    def _saved_credential(self, row: Row[Any]) -> SavedCredential:
        return SavedCredential(self._credential_reader.credential(row), row.created_at, row.updated_at)

    # --- access tokens

    def token_state(
        self, credential: Credential, stale: str | None, renewer: UUID, now: datetime, lease_until: datetime
    ) -> TokenState:
        chosen = select(access_tokens).where(access_tokens.c.credential_id == credential.id)
        with self._database.reading() as connection:
            row = connection.execute(chosen).one_or_none()
        state = self._state(row, credential)
        if not state.wants_renewal(stale, now) or (state.renewing_until is not None and state.renewing_until > now):
            return state
        try:
            with self._database.writing() as connection:
                row = connection.execute(chosen.with_for_update()).one_or_none()
                return self._lease(connection, row, credential, stale, renewer, now, lease_until)
        except IntegrityError:  # another worker's first lease came in between
            return state

    def force_lease(self, credential: Credential, renewer: UUID, now: datetime, lease_until: datetime) -> TokenState:
        chosen = select(access_tokens).where(access_tokens.c.credential_id == credential.id)
        try:
            with self._database.writing() as connection:
                row = connection.execute(chosen.with_for_update()).one_or_none()
                state = self._state(row, credential)
                if state.renewing_until is not None and state.renewing_until > now:
                    return state
                _take(connection, row, credential, renewer, lease_until)
                return state.leased_by_caller()
        except IntegrityError:
            return TokenState()

    def keep_token(self, credential: Credential, renewer: UUID, token: AccessToken) -> None:
        values = {
            "token": self._vault.seal(token.text.encode(), credential.id.bytes),
            "obtained_at": token.obtained_at,
            "expires_at": token.expires_at,
            "refused_until": None,
            "refusal": None,
            "refusals": 0,
        }
        self._end_lease(credential, renewer, values)

    def keep_refusal(self, credential: Credential, renewer: UUID, refusal: Refusal) -> None:
        values = {"refused_until": refusal.until, "refusal": refusal.reason, "refusals": refusal.times}
        # Of an older revision than the stored one it says nothing: the secret may be another one by now.
        self._end_lease(credential, renewer, values, access_tokens.c.revision == credential.revision)

    def give_back_lease(self, credential: Credential, renewer: UUID) -> None:
        self._end_lease(credential, renewer, {})

    def _end_lease(
        self, credential: Credential, renewer: UUID, values: dict[str, Any], *also: ColumnElement[bool]
    ) -> None:
        mine = access_tokens.c.credential_id == credential.id, access_tokens.c.renewer == renewer, *also
        with self._database.writing() as connection:
            freed = {"renewing_until": None, "renewer": None, **values}
            connection.execute(update(access_tokens).where(*mine).values(**freed))

    def _lease(
        self,
        connection: Connection,
        row: Row[Any] | None,
        credential: Credential,
        stale: str | None,
        renewer: UUID,
        now: datetime,
        lease_until: datetime,
    ) -> TokenState:
        state = self._state(row, credential)
        taken = state.renewing_until is not None and state.renewing_until > now
        if taken or not state.wants_renewal(stale, now):
            return state
        _take(connection, row, credential, renewer, lease_until)
        return state.leased_by_caller()

    def _state(self, row: Row[Any] | None, credential: Credential) -> TokenState:
        """Of an older revision nothing counts; a newer one is what this worker is about to learn of."""
        if row is None or row.revision < credential.revision:
            return TokenState()
        token = None
        if row.token is not None:
            text = self._vault.open(row.token, credential.id.bytes).decode()
            token = AccessToken(text, row.obtained_at, row.expires_at)
        refusal = None
        if row.refused_until is not None:
            refusal = Refusal(row.refused_until, row.refusal or "", row.refusals or 1)
        return TokenState(token, refusal, row.renewing_until)


def _take(
    connection: Connection, row: Row[Any] | None, credential: Credential, renewer: UUID, lease_until: datetime
) -> None:
    lease: dict[str, Any] = {"renewing_until": lease_until, "renewer": renewer}
    if row is None:
        first = {"credential_id": credential.id, "revision": credential.revision}
        connection.execute(insert(access_tokens).values(**first, **lease))
        return
    if row.revision < credential.revision:
        forgotten = ("token", "obtained_at", "expires_at", "refused_until", "refusal", "refusals")
        lease |= {"revision": credential.revision, **dict.fromkeys(forgotten)}
    chosen = access_tokens.c.credential_id == credential.id
    connection.execute(update(access_tokens).where(chosen).values(**lease))


def _find(connection: Connection, workspace_id: UUID, name: str, *, lock: bool = False) -> Row[Any] | None:
    query = select(credentials).where(credentials.c.workspace_id == workspace_id, credentials.c.name == name)
    return connection.execute(query.with_for_update() if lock else query).one_or_none()


def _next_version(connection: Connection) -> None:
    connection.execute(update(catalogue).values(version=catalogue.c.version + 1))
