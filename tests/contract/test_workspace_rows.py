"""The settings of a workspace, and what workers learn of them."""

import logging
from typing import Any

import pytest
from sqlalchemy import Engine, select, update

from dispatcher.adapters.sql.store import AdminRows, open_store
from dispatcher.adapters.sql.tables import catalogue, workspaces
from dispatcher.adapters.sql.workspaces import NOWHERE
from dispatcher.adapters.vault import Vault
from dispatcher.ports import Workspace
from tests.contract.conftest import Opened, parse
from tests.unit.doubles import WORKSPACE

PROXY = "http://jane:canary-password@proxy.example:3128"


def sealed(engine: Engine | None) -> Any:
    assert engine is not None
    with engine.connect() as connection:
        return connection.execute(select(workspaces.c.egress_proxy)).scalar_one()


def test_a_workspace_has_no_proxy_until_it_is_given_one(admin: AdminRows) -> None:
    assert admin.workspace(WORKSPACE) == Workspace(WORKSPACE, "default", None)
    assert admin.load_catalogue().proxies == {}


def test_a_proxy_comes_back_as_it_was_set_and_is_sealed_where_it_lies(database: Opened) -> None:
    database.admin.set_egress_proxy(WORKSPACE, PROXY)
    assert database.admin.workspace(WORKSPACE) == Workspace(WORKSPACE, "default", PROXY)
    assert b"canary-password" not in bytes(sealed(database.engine))
    assert "canary-password" not in repr(database.admin.workspace(WORKSPACE))


def test_every_change_of_the_proxy_is_a_new_version_that_workers_read_it_with(admin: AdminRows) -> None:
    before = admin.load_catalogue().version
    admin.set_egress_proxy(WORKSPACE, PROXY)
    with_proxy = admin.load_catalogue()
    assert (with_proxy.version, with_proxy.proxies) == (before + 1, {WORKSPACE: PROXY})
    admin.set_egress_proxy(WORKSPACE, None)
    without = admin.load_catalogue()
    assert (without.version, without.proxies) == (before + 2, {})
    assert admin.workspace(WORKSPACE).egress_proxy is None


def test_a_proxy_that_cannot_be_read_lets_nothing_go_past_it(
    database: Opened, caplog: pytest.LogCaptureFixture
) -> None:
    stranger = Vault([b"another key of thirty-two bytes!"])
    assert database.engine is not None
    with database.engine.begin() as connection:
        foreign = stranger.seal(PROXY.encode(), WORKSPACE.bytes)
        connection.execute(update(workspaces).values(egress_proxy=foreign))
    with caplog.at_level(logging.ERROR):
        assert database.admin.load_catalogue().proxies == {WORKSPACE: NOWHERE}
    assert [record.message for record in caplog.records] == ["workspace.proxy_cannot_be_read"]


def test_another_process_reads_what_one_has_set(database: Opened) -> None:
    database.admin.set_egress_proxy(WORKSPACE, PROXY)
    other = open_store(database.url, Vault([b"a master key of thirty-two bytes"]), parse)
    assert other.admin.load_catalogue().proxies == {WORKSPACE: PROXY}
    other.hot.close()
    other.engine.dispose()
    assert database.engine is not None
    with database.engine.connect() as connection:
        assert connection.execute(select(catalogue.c.version)).scalar_one() == 1
