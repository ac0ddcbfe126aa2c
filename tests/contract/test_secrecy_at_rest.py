"""What lies in the database's files: look-up keys in the clear, everything else sealed (DESIGN 7)."""

from pathlib import Path
from uuid import UUID

import psycopg
import pytest

from dispatcher.adapters.sql.assemblies import AssemblyRows
from dispatcher.adapters.sql.database import Database
from dispatcher.adapters.sql.store import open_store
from dispatcher.adapters.vault import CannotOpen, Vault
from dispatcher.ports import Source
from tests.contract.conftest import MASTER_KEY, Opened, parse
from tests.contract.flow import CLAIM, LEASE, WAKE, delivered, evaluate, made_of
from tests.contract.test_assembly_store import new
from tests.unit.doubles import NOON, WORKSPACE, Events, spec
from tests.unit.wsdl_doubles import kept

CANARIES = {
    "a caller's number": "+14155550100",
    "a caller's name": "Jane Canary Roe",
    "a source's secret": "canary-auth-token",
    "a quarantined body": "canary-quarantined",
    "a quarantined header": "canary-header",
    "a profile's URL": "canary-crm.example",
    "a signing secret": "whsec_Y2FuYXJ5Y2FuYXJ5Y2FuYXJ5Y2FuYXJ5Y2FuYXJ5",
    "an excerpt": "canary-excerpt",
    "a part of a call": "canary-part",
    "a WSDL's address": "canary-wsdl.example",
    "an operation": "CanaryOperation",
}
OTHER_KEY = b"another key, of 32 bytes as well"


def plant(store: Opened) -> UUID:
    """Each canary goes where it would in life; the event's id."""
    admin = store.admin
    source = Source(
        UUID(int=21), WORKSPACE, "pbx", "twilio", {"kind": "twilio", "auth_token": "canary-auth-token"}, "UTC", None, {}
    )
    admin.save_source(source, NOON)
    admin.quarantine(UUID(int=22), source, b"canary-quarantined", {"x-note": "canary-header"}, "not understood", NOON)
    request = {**spec().document["request"], "url": "https://canary-crm.example/calls"}
    profile = admin.create_profile(WORKSPACE, spec(request=request), NOON).profile
    secret = CANARIES["a signing secret"]
    admin.rotate_signing_secret(WORKSPACE, "crm", secret, NOON, NOON)
    admin.rotate_signing_secret(WORKSPACE, "crm", secret, NOON, NOON)
    wsdl_url = "https://canary-wsdl.example/?wsdl"
    admin.keep_wsdl(WORKSPACE, kept(b"CanaryOperation", wsdl_url), wsdl_url, None, NOON)
    part = new("1", "7f9c")
    part.body = b'{"number": "canary-part"}'
    AssemblyRows(Database(store.engine), Vault([MASTER_KEY])).add_parts([part], NOON)
    event = Events().new()
    event.body = event.body.replace(b'"Jane Roe"', b'"Jane Canary Roe","external_number":"+14155550100"')
    store.hot.add_events([event], NOON, WAKE)
    evaluate(store, [event], profile)
    (made,) = made_of([event], profile, None)
    (claim,) = store.hot.claim(profile, [made.id], CLAIM, NOON, LEASE)
    assert claim.context["call"]["caller_name"] == "Jane Canary Roe"
    result = delivered(claim)
    result.attempt.excerpt = b'{"request": {"body": "canary-excerpt"}}'
    store.hot.record([result], NOON)
    assert admin.attempts(WORKSPACE, claim.id)[0]["request"] == {"body": "canary-excerpt"}
    return event.id


def raw_bytes(store: Opened) -> bytes:
    """All that is stored, as it is stored: the file and its journal, or every table by COPY (bytea in hexadecimal)."""
    if store.url.startswith("sqlite"):
        path = Path(store.url.removeprefix("sqlite:///"))
        return b"".join(each.read_bytes() for each in path.parent.glob("onhook.db*"))
    with psycopg.connect(store.url.replace("+psycopg", "")) as connection:
        tables = [row[0] for row in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
        parts = []
        for table in tables:
            with connection.cursor().copy(f"COPY {table} TO STDOUT") as copy:
                parts += [bytes(each) for each in copy]
    return b"".join(parts)


def test_nothing_personal_and_no_secret_is_readable_in_the_database(database: Opened):
    event_id = plant(database)
    stored = raw_bytes(database)
    # The call's id, a look-up key, proves that the search looks where the data is.
    assert b"7f9c" in stored
    found = [what for what, canary in CANARIES.items() if found_in(canary.encode(), stored)]
    assert (event_id.version, found) == (7, [])


def found_in(canary: bytes, stored: bytes) -> bool:
    return canary in stored or canary.hex().encode() in stored


def test_without_the_master_key_nothing_is_read(database: Opened):
    plant(database)
    stranger = open_store(database.url, Vault([OTHER_KEY]), parse)
    try:
        with pytest.raises(CannotOpen, match="ONHOOK_MASTER_KEY"):
            stranger.admin.call(WORKSPACE, "7f9c")
        with pytest.raises(CannotOpen):
            stranger.admin.source("pbx")
    finally:
        stranger.engine.dispose()


def test_after_a_rotation_of_the_master_key_old_and_new_rows_are_read(database: Opened):
    plant(database)
    rotated = open_store(database.url, Vault([OTHER_KEY, MASTER_KEY]), parse)
    try:
        events = Events()
        events.new()
        new = events.new()
        rotated.hot.add_events([new], NOON, WAKE)
        names = [each.context["call"]["caller_name"] for each in rotated.admin.call(WORKSPACE, "7f9c")]
    finally:
        rotated.hot.close()
        rotated.engine.dispose()
    assert names == ["Jane Canary Roe", "Jane Roe"]
