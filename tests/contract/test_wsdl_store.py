"""WSDLs as they are kept: one contract for both databases and the twin in memory."""

import os
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event, select

from dispatcher.adapters.sql.store import AdminRows
from dispatcher.adapters.sql.tables import wsdl_contents, wsdl_versions
from dispatcher.domain.soap.bundle import Bundle
from dispatcher.ports.wsdl import WsdlStore, WsdlVersion
from tests.contract.conftest import POSTGRESQL, Opened, opened
from tests.contract.flow import at_once
from tests.unit.doubles import NOON, WORKSPACE, seconds
from tests.unit.memory_wsdls import MemoryWsdls
from tests.unit.wsdl_doubles import URL, described, kept

ELSEWHERE = UUID("00000000-0000-4000-8000-00000000e15e")
LATER = NOON + seconds(60)
OTHER_URL = "https://erp.example/" + "x" * 7_900
"""Longer than PostgreSQL's index would take."""


@pytest.fixture(params=["memory", "sqlite", POSTGRESQL])
def wsdls(request: pytest.FixtureRequest) -> Iterator[WsdlStore]:
    """Each of the three stores in turn."""
    if request.param == "memory":
        yield MemoryWsdls()
        return
    for each in opened(request.param, request):
        yield each.admin


def noted(location: str, wsdl: Any, credential: str | None, moment: Any) -> WsdlVersion:
    return WsdlVersion(location, wsdl.content_hash, credential, moment, wsdl.bundle.size_bytes)


def test_a_wsdl_comes_back_as_it_was_kept(wsdls: WsdlStore) -> None:
    imported = "https://crm.example/types.xsd"
    bundle = Bundle(URL, {imported: bytes(range(256)), URL: b"LogCall"})
    given = kept(bundle=bundle, content_hash=bundle.content_hash)
    wsdls.keep_wsdl(WORKSPACE, given, URL, "crm", NOON)
    assert wsdls.wsdl(WORKSPACE, bundle.content_hash) == given
    assert wsdls.wsdl_description(WORKSPACE, bundle.content_hash) == described("LogCall")
    assert wsdls.wsdl_versions(WORKSPACE) == [noted(URL, given, "crm", NOON)]


def test_what_is_not_there_is_none(wsdls: WsdlStore) -> None:
    wsdls.keep_wsdl(WORKSPACE, kept(), URL, None, NOON)
    unknown = "sha256:" + 64 * "0"
    assert (wsdls.wsdl(WORKSPACE, unknown), wsdls.wsdl_description(WORKSPACE, unknown)) == (None, None)
    assert wsdls.wsdl_versions(WORKSPACE, OTHER_URL) == []


def test_workspaces_see_nothing_of_each_other(wsdls: WsdlStore) -> None:
    given = kept()
    wsdls.keep_wsdl(WORKSPACE, given, URL, None, NOON)
    assert wsdls.wsdl(ELSEWHERE, given.content_hash) is None
    assert wsdls.wsdl_description(ELSEWHERE, given.content_hash) is None
    assert wsdls.wsdl_versions(ELSEWHERE) == []
    wsdls.keep_wsdl(ELSEWHERE, given, URL, "theirs", LATER)
    assert wsdls.wsdl_versions(ELSEWHERE) == [noted(URL, given, "theirs", LATER)]
    assert wsdls.wsdl_versions(WORKSPACE) == [noted(URL, given, None, NOON)]


def test_what_is_forgotten_of_a_location_is_kept_while_another_one_has_it(wsdls: WsdlStore) -> None:
    first, second = kept(b"First"), kept(b"Second")
    for given, location in ((first, URL), (second, URL), (second, OTHER_URL)):
        wsdls.keep_wsdl(WORKSPACE, given, location, None, NOON)
    wsdls.keep_wsdl(ELSEWHERE, first, URL, None, NOON)
    wsdls.forget_wsdls(WORKSPACE, URL, [first.content_hash, second.content_hash])
    assert wsdls.wsdl_versions(WORKSPACE) == [noted(OTHER_URL, second, None, NOON)]
    assert wsdls.wsdl(WORKSPACE, first.content_hash) is None
    assert wsdls.wsdl(WORKSPACE, second.content_hash) is not None
    assert wsdls.wsdl(ELSEWHERE, first.content_hash) is not None


def test_the_versions_of_a_location_come_newest_first_also_when_an_old_one_returns(wsdls: WsdlStore) -> None:
    first, second = kept(b"LogCall"), kept(b"LogCall Lookup")
    wsdls.keep_wsdl(WORKSPACE, first, URL, "crm", NOON)
    wsdls.keep_wsdl(WORKSPACE, second, URL, "crm", NOON + seconds(1))
    assert wsdls.wsdl_versions(WORKSPACE, URL) == [
        noted(URL, second, "crm", NOON + seconds(1)),
        noted(URL, first, "crm", NOON),
    ]
    wsdls.keep_wsdl(WORKSPACE, first, URL, None, LATER)
    assert wsdls.wsdl_versions(WORKSPACE, URL) == [
        noted(URL, first, None, LATER),
        noted(URL, second, "crm", NOON + seconds(1)),
    ]


def test_one_content_may_be_found_at_several_locations_of_any_length(wsdls: WsdlStore) -> None:
    given = kept()
    wsdls.keep_wsdl(WORKSPACE, given, given.content_hash, None, NOON)
    wsdls.keep_wsdl(WORKSPACE, given, OTHER_URL, None, LATER)
    assert wsdls.wsdl_versions(WORKSPACE) == [
        noted(OTHER_URL, given, None, LATER),
        noted(given.content_hash, given, None, NOON),
    ]
    assert wsdls.wsdl_versions(WORKSPACE, OTHER_URL) == [noted(OTHER_URL, given, None, LATER)]


def test_the_same_content_again_is_described_anew_and_kept_once(wsdls: WsdlStore) -> None:
    given = kept()
    wsdls.keep_wsdl(WORKSPACE, given, URL, None, NOON)
    better = described("LogCall", notes=("One type was left out.",))
    wsdls.keep_wsdl(WORKSPACE, kept(description=better), URL, None, LATER)
    assert wsdls.wsdl_description(WORKSPACE, given.content_hash) == better
    assert wsdls.wsdl(WORKSPACE, given.content_hash) == kept(description=better)
    assert wsdls.wsdl_versions(WORKSPACE) == [noted(URL, given, None, LATER)]


def test_sixteen_mebibytes_that_do_not_compress_are_kept(wsdls: WsdlStore) -> None:
    bundle = Bundle(URL, {URL: os.urandom(1 << 24)})
    wsdls.keep_wsdl(WORKSPACE, kept(bundle=bundle, content_hash=bundle.content_hash), URL, None, NOON)
    found = wsdls.wsdl(WORKSPACE, bundle.content_hash)
    assert found is not None
    assert found.bundle == bundle
    assert wsdls.wsdl_versions(WORKSPACE)[0].size_bytes == 1 << 24


def test_of_many_that_keep_the_same_at_once_none_fails(database: Opened) -> None:
    admin, given = database.admin, kept()
    at_once(database, *[lambda: admin.keep_wsdl(WORKSPACE, given, URL, None, NOON)] * 8)
    assert admin.wsdl_versions(WORKSPACE) == [noted(URL, given, None, NOON)]
    with database.engine.connect() as connection:  # type: ignore[union-attr]
        assert len(connection.execute(select(wsdl_contents.c.id)).all()) == 1


def test_a_description_is_read_without_the_documents(database: Opened) -> None:
    given = kept()
    database.admin.keep_wsdl(WORKSPACE, given, URL, None, NOON)
    statements: list[str] = []
    event.listen(database.engine, "before_cursor_execute", lambda *said: statements.append(said[2]))
    database.admin.wsdl_description(WORKSPACE, given.content_hash)
    (read,) = [each for each in statements if "wsdl_contents" in each]
    assert ("description" in read, "bundle" in read) == (True, False)


def test_neither_a_location_nor_a_document_lies_in_the_open(admin: AdminRows, database: Opened) -> None:
    secret = "https://crm.example/calls?wsdl&key=canary"
    admin.keep_wsdl(WORKSPACE, kept(b"CanaryCall", secret), secret, None, NOON)
    with database.engine.connect() as connection:  # type: ignore[union-attr]
        rows = repr([connection.execute(select(table)).all() for table in (wsdl_contents, wsdl_versions)])
    assert [word for word in ("canary", "Canary", "crm.example") if word in rows] == []
