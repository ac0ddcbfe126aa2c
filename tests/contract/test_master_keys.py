"""Every sealed value is counted by its key and sealed anew under another one, beside whoever writes meanwhile."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import orjson
import pytest
from sqlalchemy import LargeBinary, insert, select, update

from dispatcher.adapters.sql.assemblies import AssemblyRows
from dispatcher.adapters.sql.database import Database
from dispatcher.adapters.sql.polled_agents import PolledAgentRows
from dispatcher.adapters.sql.rekey import BATCH_VALUES, BATCH_WSDLS, NOT_SEALED, SEALED, KeyUse
from dispatcher.adapters.sql.store import Store, open_store
from dispatcher.adapters.sql.tables import access_tokens, credentials, events, metadata, workspaces
from dispatcher.adapters.vault import CannotOpen, Vault, key_name
from dispatcher.ports import Source
from tests.contract.conftest import MASTER_KEY, Opened, parse
from tests.contract.flow import CLAIM, LEASE, delivered, pending, post, saved
from tests.contract.test_assembly_store import new
from tests.unit.doubles import NOON, WORKSPACE, Events
from tests.unit.wsdl_doubles import URL, kept

NEW_KEY = b"a newer key of thirty-two bytes."
OLD, NEW = key_name(MASTER_KEY), key_name(NEW_KEY)
SOMETHING = UUID(int=77)
COLUMNS = {sealed.name for sealed in SEALED}


def test_every_binary_column_is_known_to_be_sealed_or_not_to_need_it():
    binary = {
        column for table in metadata.sorted_tables for column in table.columns if isinstance(column.type, LargeBinary)
    }
    assert {sealed.column for sealed in SEALED} | NOT_SEALED == binary


def fill(database: Opened) -> None:
    """At least one value in every sealed column; several pages of events."""
    vault = Vault([MASTER_KEY])
    admin = database.admin
    source = Source(UUID(int=21), WORKSPACE, "pbx", "twilio", {"kind": "twilio", "auth_token": "t"}, "UTC", None, {})
    admin.save_source(source, NOON)
    admin.quarantine(UUID(int=22), source, b"what", {}, "not understood", NOON)
    profile = saved(database)
    admin.rotate_signing_secret(WORKSPACE, "crm", "whsec_MDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAw", NOON, NOON)
    calls = Events()
    (delivery_id,) = pending(database, profile, [calls.new()])
    (claim,) = database.hot.claim(profile, [delivery_id], CLAIM, NOON, LEASE)
    result = delivered(claim)
    result.attempt.excerpt = b'{"request": {"body": "said"}}'
    result.outputs = orjson.dumps({"private": False, "values": {"lead": 1}})
    database.hot.record([result], NOON)
    AssemblyRows(Database(database.engine), vault).add_parts([new("1", "7f9c")], NOON)
    post(database, [calls.new(call_id="many") for _ in range(BATCH_VALUES + 1)])
    agents = PolledAgentRows(Database(database.engine), vault)
    agents.claim_agents(source.id, ["17"], SOMETHING, NOON, LEASE)
    agents.save_agent(source.id, "17", SOMETHING, b"{}", NOON)
    for number in range(BATCH_WSDLS + 1):
        admin.keep_wsdl(WORKSPACE, kept(f"Call{number}".encode()), URL, None, NOON)
    with database.engine.begin() as connection:
        connection.execute(
            insert(credentials).values(
                id=SOMETHING, workspace_id=WORKSPACE, name="crm", kind="basic", revision=1,
                document=vault.seal(b"{}", SOMETHING.bytes), created_at=NOON, updated_at=NOON,
            )
        )  # fmt: skip
        token = vault.seal(b"token", SOMETHING.bytes)
        connection.execute(insert(access_tokens).values(credential_id=SOMETHING, revision=1, token=token))
        for row in connection.execute(select(workspaces.c.id)).all():
            sealed = vault.seal(b"value", row.id.bytes)
            values = {"hash_key": sealed, "egress_proxy": sealed}
            connection.execute(update(workspaces).where(workspaces.c.id == row.id).values(**values))


@pytest.fixture
def filled(database: Opened) -> Iterator[Opened]:
    fill(database)
    yield database
    with database.engine.begin() as connection:  # the rows that the suite keeps between its tests
        connection.execute(update(workspaces).values(hash_key=None, egress_proxy=None))


@pytest.fixture
def rotated(filled: Opened) -> Iterator[Store]:
    """The same database, opened with a new first key."""
    store = open_store(filled.url, Vault([NEW_KEY, MASTER_KEY]), parse)
    yield store
    store.hot.close()
    store.engine.dispose()


def columns_of(uses: list[KeyUse], key: str) -> set[str]:
    return {use.column for use in uses if use.key == key}


def test_the_values_of_each_key_are_counted_by_column(rotated: Store):
    assert columns_of(rotated.keys.uses(), OLD) == COLUMNS
    assert KeyUse(OLD, "events.body", BATCH_VALUES + 2) in rotated.keys.uses()
    assert rotated.keys.sampled_keys() == {OLD}


def test_everything_is_sealed_with_the_first_key_and_reads_as_before(filled: Opened, rotated: Store):
    before = {use.column: use.values for use in rotated.keys.uses()}
    batches = list(rotated.keys.reseal())
    assert sum(batches) == sum(before.values())
    assert max(batches) <= BATCH_VALUES
    assert {use.column: use.values for use in rotated.keys.uses() if use.key == NEW} == before
    assert rotated.keys.sampled_keys() == {NEW}
    assert list(rotated.keys.reseal()) == []
    only_new = open_store(filled.url, Vault([NEW_KEY]), parse)
    try:
        assert everything(only_new) == everything(rotated)
        with pytest.raises(CannotOpen):
            filled.admin.call(WORKSPACE, "7f9c")
    finally:
        only_new.engine.dispose()


def everything(store: Store) -> list[Any]:
    admin = store.admin
    (record,) = admin.call(WORKSPACE, "7f9c")
    source = admin.source("pbx")
    profile = admin.profile(WORKSPACE, "crm")
    (delivery,) = record.deliveries
    return [
        record.context, delivery["attempts_log"][0]["request"], source and source.auth, profile and profile.profile,
        admin.signing_secrets(WORKSPACE, "crm", NOON), admin.revisions(WORKSPACE, "crm"),
        admin.delivery(WORKSPACE, delivery["id"]), admin.hash_key(WORKSPACE),
        admin.wsdl_versions(WORKSPACE), admin.wsdl(WORKSPACE, kept(b"Call0").content_hash),
    ]  # fmt: skip


def test_a_rotation_that_was_cut_short_goes_on_where_it_was(rotated: Store):
    total = sum(use.values for use in rotated.keys.uses())
    first = next(rotated.keys.reseal())
    assert 0 < first < total
    assert sum(rotated.keys.reseal()) == total - first


def test_what_is_changed_in_between_stays_as_it_was_changed(filled: Opened, rotated: Store):
    steps = rotated.keys.reseal()
    next(steps)
    filled.admin.save_source(
        Source(UUID(int=21), WORKSPACE, "pbx", "twilio", {"kind": "twilio", "auth_token": "new"}, "UTC", None, {}), NOON
    )
    for _ in steps:
        pass
    source = rotated.admin.source("pbx")
    assert source is not None
    assert source.auth == {"kind": "twilio", "auth_token": "new"}
    assert columns_of(rotated.keys.uses(), OLD) == set()


def test_what_no_key_opens_is_left_and_holds_up_nothing(filled: Opened):
    stranger = open_store(filled.url, Vault([NEW_KEY]), parse)
    try:
        assert sum(stranger.keys.reseal()) == 0
        assert columns_of(stranger.keys.uses(), OLD) == COLUMNS
    finally:
        stranger.engine.dispose()


def test_an_erased_body_is_no_sealed_value(filled: Opened, rotated: Store):
    with rotated.engine.begin() as connection:
        connection.execute(update(events).values(body=b""))
    assert "events.body" not in columns_of(rotated.keys.uses(), OLD)
    list(rotated.keys.reseal())
    assert columns_of(rotated.keys.uses(), OLD) == set()
