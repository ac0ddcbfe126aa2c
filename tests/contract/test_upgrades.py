"""A database of an earlier revision, with profiles in it: it is brought up to date, and goes on as it was."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson
import pytest
from alembic import command
from sqlalchemy import Engine, insert, inspect, select, update

from dispatcher.adapters.sql.database import make_engine
from dispatcher.adapters.sql.schema import _config, current, head, upgrade
from dispatcher.adapters.sql.store import open_store
from dispatcher.adapters.sql.tables import access_tokens, credentials, profiles
from dispatcher.adapters.vault import Vault
from tests.contract.conftest import MASTER_KEY, POSTGRESQL, Opened, parse, psycopg_url
from tests.contract.flow import CLAIM, LEASE, pending, saved
from tests.unit.doubles import NOON, WORKSPACE, Events
from tests.unit.wsdl_doubles import URL, kept, soap_profile

BEFORE_WSDLS = "0002"
VAULT = Vault([MASTER_KEY])
PROFILE: dict[str, Any] = {
    "name": "crm",
    "enabled": True,
    "description": "",
    "trigger": {"events": ["call.finished"], "criteria": None, "wait_for": None},
    "follow": None,
    "lookups": {},
    "request": {
        "kind": "rest",
        "method": "POST",
        "url": "https://crm.example/{{ call.id }}",
        "query": [],
        "headers": [{"name": "SOAPAction", "value": '"urn:a"'}],
        "body": {"kind": "xml", "content_type": "application/xml", "value": "<a>{{ call.caller_name }}</a>"},
    },
    "credential": "crm",
    "timeout_seconds": 10,
    "private": True,
    "retry": {"delays_seconds": [5, 300], "jitter": 0.1, "give_up_after_seconds": 259200},
    "limits": {"per_second": None, "concurrency": None},
    "success": {
        "status": ["2xx"],
        "body": None,
        "on_mismatch": "retry",
        "reject_body": None,
        "retry_body": None,
        "reject_status": [],
        "retry_status": [],
    },
    "outputs": [{"name": "lead", "xpath": "//Lead", "required": False}],
    "sign": True,
}
"""As that revision wrote one: it knew neither SOAP, nor faults, nor fields."""
CREDENTIAL = {"name": "crm", "kind": "basic", "username": "jane", "password": "one", "password_2": None, "tls": None}


@pytest.fixture(params=["sqlite", POSTGRESQL])
def engine(request: pytest.FixtureRequest, tmp_path: Any) -> Iterator[Engine]:
    """A database of the revision before WSDLs were kept, of either kind, with a profile and a credential in it."""
    url = f"sqlite:///{tmp_path / 'old.db'}"
    if request.param == "postgresql":
        url = psycopg_url(request.getfixturevalue("postgresql_database"))
    made = make_engine(url)
    with made.begin() as connection:
        command.upgrade(_config(connection), BEFORE_WSDLS)
    with _opened(made) as store:
        profile = store.admin.create_profile(WORKSPACE, parse(PROFILE), NOON).profile
    with made.begin() as connection:
        document = VAULT.seal(orjson.dumps(PROFILE), profile.id.bytes)
        connection.execute(update(profiles).values(document=document))
        sealed = VAULT.seal(orjson.dumps(CREDENTIAL), CLAIM.bytes)
        connection.execute(
            insert(credentials).values(
                id=CLAIM, workspace_id=WORKSPACE, name="crm", kind="basic", revision=1, document=sealed,
                created_at=NOON, updated_at=NOON,
            )
        )  # fmt: skip
        connection.execute(insert(access_tokens).values(credential_id=CLAIM, revision=1, token=sealed))
    yield made
    made.dispose()


@contextmanager
def _opened(engine: Engine) -> Iterator[Opened]:
    url = engine.url.render_as_string(hide_password=False)
    store = open_store(url, VAULT, parse)
    yield Opened(store.hot, store.admin, store.waiting, url, store.engine)
    store.hot.close()
    store.engine.dispose()


def test_a_database_with_profiles_of_before_there_were_wsdls_goes_on_as_it_was(engine: Engine):
    assert "wsdl_contents" not in inspect(engine).get_table_names()
    assert upgrade(engine) == (BEFORE_WSDLS, head())
    with _opened(engine) as store:
        (profile,) = store.admin.load_catalogue().profiles.values()
        assert (profile.revision, profile.spec.document) == (1, PROFILE)
        (claimed,) = store.hot.claim(profile, pending(store, profile, [Events().new()]), CLAIM, NOON, LEASE)
        assert claimed.number == 1
        (credential,) = store.admin.load_catalogue().credentials.values()
        assert credential.spec.secret(1) == "one"
    with engine.connect() as connection:
        assert len(connection.execute(select(access_tokens)).all()) == 1


def test_after_the_upgrade_it_keeps_wsdls_and_profiles_that_use_them(engine: Engine):
    upgrade(engine)
    wsdl = kept()
    with _opened(engine) as store:
        store.admin.keep_wsdl(WORKSPACE, wsdl, URL, None, NOON)
        assert store.admin.wsdl(WORKSPACE, wsdl.content_hash) == wsdl
        request = soap_profile(wsdl_hash=wsdl.content_hash)["request"]
        saved(store, "soap", request=request)
        assert [each.profile.spec.name for each in store.admin.profiles(WORKSPACE)] == ["crm", "soap"]


def test_the_upgrade_is_whole_or_not_at_all(engine: Engine, monkeypatch: pytest.MonkeyPatch):
    def breaks(*_: object, **__: object) -> None:
        raise RuntimeError("the disk is full")

    with monkeypatch.context() as broken:
        broken.setattr("alembic.runtime.migration.HeadMaintainer.update_to_step", breaks)
        with pytest.raises(RuntimeError):
            upgrade(engine)
    assert current(engine) == BEFORE_WSDLS
    assert upgrade(engine) == (BEFORE_WSDLS, head())
