"""Credentials as tests build them, and an executor and a store of tokens that do at once what they are asked."""

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from dispatcher.adapters.client_certificates import read_tls
from dispatcher.adapters.token_store import Refusal, TokenState
from dispatcher.domain.credentials.access_token import AccessToken
from dispatcher.domain.credentials.credential import Credential
from dispatcher.domain.credentials.spec import CredentialEngines, CredentialSpec, parse_credential
from dispatcher.domain.exchange import Request
from dispatcher.ports import StoreUnavailable
from dispatcher.xml_reading.paths import compile_xpath
from tests.unit.doubles import WORKSPACE

ENGINES = CredentialEngines(compile_xpath, read_tls)
CREDENTIAL = UUID("00000000-0000-4000-8000-00000000c4ed")

DOCUMENTS: dict[str, dict[str, Any]] = {
    "none": {},
    "basic": {"username": "jane", "password": "pass word-1"},
    "token_secret": {"token": "tok-77", "secret": "secret-one"},
    "bearer": {"token": "bearer-token-1"},
    "api_key": {"send": {"in": "header", "name": "X-Api-Key"}, "value": "key-value-1"},
    "oauth2_client_credentials": {
        "token_url": "https://id.example/token",
        "client_id": "client",
        "client_secret": "client-secret-1",
    },
    "token_login": {
        "username": "dialler",
        "password": "login-password-1",
        "login": {"url": "https://acme.example/webservices/services/apitoken/login/{username}"},
        "token_in": {"json": "$.Data.TokenKey"},
    },
    "hmac": {"secret": "signing-secret-1"},
    "wsse": {"username": "jane", "password": "wsse-password-1"},
}
"""The least that each kind needs."""


def credential_document(kind: str, **changes: Any) -> dict[str, Any]:
    return {"name": "crm", "kind": kind, **DOCUMENTS[kind], **changes}


def credential_spec(kind: str, **changes: Any) -> CredentialSpec:
    return parse_credential(credential_document(kind, **changes), ENGINES)


def credential(kind: str, revision: int = 1, **changes: Any) -> Credential:
    return Credential(CREDENTIAL, WORKSPACE, "crm", revision, credential_spec(kind, **changes))


def request_with(given: Credential | None, url: str = "https://crm.example/calls", **changes: Any) -> Request:
    headers = [("Content-Type", "application/json"), ("webhook-id", "id-1"), ("User-Agent", "Onhook/1.2.3")]
    plain = Request("POST", url, headers, b'{"id":"7f9c"}', 5, 10, given)
    return replace(plain, **changes)


class AtOnce(Executor):
    """Runs what it is given on the spot."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        fn(*args, **kwargs)


@dataclass
class MemoryTokens:
    """A `TokenStore` for one process, without a database. While `away` is set it answers as one that is down."""

    states: dict[UUID, TokenState] = field(default_factory=dict)
    away: bool = False
    asked: int = 0

    def token_state(
        self, credential: Credential, stale: str | None, renewer: UUID, now: datetime, lease_until: datetime
    ) -> TokenState:
        self._reach()
        self.asked += 1
        state = self.states.get(credential.id, TokenState())
        if not state.wants_renewal(stale, now) or (state.renewing_until is not None and state.renewing_until > now):
            return state
        self.states[credential.id] = replace(state, renewing_until=lease_until)
        return state.leased_by_caller()

    def force_lease(self, credential: Credential, renewer: UUID, now: datetime, lease_until: datetime) -> TokenState:
        self._reach()
        return self.states.get(credential.id, TokenState()).leased_by_caller()

    def keep_token(self, credential: Credential, renewer: UUID, token: AccessToken) -> None:
        self._reach()
        self.states[credential.id] = TokenState(token)

    def keep_refusal(self, credential: Credential, renewer: UUID, refusal: Refusal) -> None:
        self._reach()
        self.states[credential.id] = TokenState(self.states[credential.id].token, refusal)

    def give_back_lease(self, credential: Credential, renewer: UUID) -> None:
        self._reach()
        self.states[credential.id] = replace(self.states[credential.id], renewing_until=None)

    def _reach(self) -> None:
        if self.away:
            raise StoreUnavailable("away")
