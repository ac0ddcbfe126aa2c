"""Sources, tokens, quarantine, the audit log and the pages that people read."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from dispatcher.adapters.sql.schema import DEFAULT_SOURCE
from dispatcher.adapters.sql.store import AdminRows
from dispatcher.adapters.sql.tables import audit_log, quarantine
from dispatcher.adapters.vault import Vault
from dispatcher.domain.ids import unix_ms, uuid7
from dispatcher.ports import Conflict, DeliveryFilter, HeldFilter, HeldPost, Source, Token
from tests.contract.conftest import MASTER_KEY, Opened
from tests.contract.flow import CLAIM, claimed, delivered, evaluate, failed, post, saved
from tests.unit.doubles import NOON, WORKSPACE, Events, seconds

ELSEWHERE = UUID("00000000-0000-4000-8000-00000000e15e")
LATER = NOON + seconds(300)
SOURCE = Source(
    UUID(int=21), WORKSPACE, "pbx", "twilio", {"kind": "twilio", "auth_token": "hush"}, "Europe/Berlin", "DE", {"a": 1}
)
TOKEN = Token("ok_1", WORKSPACE, "ci", frozenset({"read", "ingest"}), (b"1" * 32, b"2" * 32), NOON)
NO_FILTER = DeliveryFilter()


# --- sources


def test_a_source_comes_back_as_it_was_saved(admin: AdminRows):
    admin.save_source(SOURCE, NOON)
    assert admin.source("pbx") == SOURCE
    assert admin.source("nobody") is None


def test_a_source_without_authentication_has_none(admin: AdminRows):
    admin.save_source(replace(SOURCE, auth=None, country=None), NOON)
    found = admin.source("pbx")
    assert (found.auth, found.country) == (None, None)


def test_saving_a_source_again_replaces_it_and_keeps_its_id(admin: AdminRows):
    admin.save_source(SOURCE, NOON)
    changed = replace(SOURCE, id=UUID(int=22), format="generic", auth={"kind": "token"}, time_zone="UTC")
    admin.save_source(changed, LATER)
    assert admin.source("pbx") == replace(changed, id=SOURCE.id)


def test_the_name_of_another_workspaces_source_is_taken(admin: AdminRows):
    admin.save_source(SOURCE, NOON)
    with pytest.raises(Conflict):
        admin.save_source(replace(SOURCE, id=UUID(int=22), workspace_id=ELSEWHERE), NOON)
    assert admin.source("pbx") == SOURCE


def test_sources_are_listed_by_name_and_the_default_one_is_there(admin: AdminRows):
    admin.save_source(SOURCE, NOON)
    admin.save_source(replace(SOURCE, id=UUID(int=22), name="aaa"), NOON)
    admin.save_source(replace(SOURCE, id=UUID(int=23), name="zzz", workspace_id=ELSEWHERE), NOON)
    assert [each.name for each in admin.sources(WORKSPACE)] == ["aaa", "default", "pbx"]
    default = admin.source("default")
    assert (default.id, default.workspace_id, default.format) == (DEFAULT_SOURCE, WORKSPACE, "generic")


def test_a_source_is_deleted_by_its_workspace_alone(admin: AdminRows):
    admin.save_source(SOURCE, NOON)
    assert admin.delete_source(ELSEWHERE, "pbx") is False
    assert admin.delete_source(WORKSPACE, "pbx") is True
    assert admin.delete_source(WORKSPACE, "pbx") is False
    assert admin.source("pbx") is None


# --- tokens


def test_a_token_comes_back_as_it_was_added(admin: AdminRows):
    admin.add_token(TOKEN)
    assert admin.token("ok_1") == TOKEN
    assert admin.token("ok_2") is None


def test_tokens_are_listed_in_the_order_of_their_making(admin: AdminRows):
    admin.add_token(replace(TOKEN, id="ok_2", created_at=LATER))
    admin.add_token(TOKEN)
    admin.add_token(replace(TOKEN, id="ok_3", workspace_id=ELSEWHERE))
    assert [each.id for each in admin.tokens(WORKSPACE)] == ["ok_1", "ok_2"]


def test_one_secret_is_replaced_and_the_other_stays(admin: AdminRows):
    admin.add_token(TOKEN)
    assert admin.set_secret(WORKSPACE, "ok_1", 2, b"3" * 32) is True
    assert admin.token("ok_1").secret_digests == (b"1" * 32, b"3" * 32)
    assert admin.set_secret(WORKSPACE, "ok_1", 1, b"4" * 32) is True
    assert admin.token("ok_1").secret_digests == (b"4" * 32, b"3" * 32)
    assert admin.set_secret(ELSEWHERE, "ok_1", 1, b"5" * 32) is False


def test_a_revoked_token_stays_revoked_and_gets_no_new_secret(admin: AdminRows):
    admin.add_token(TOKEN)
    assert admin.revoke_token(ELSEWHERE, "ok_1", LATER) is False
    assert admin.revoke_token(WORKSPACE, "ok_1", LATER) is True
    assert admin.revoke_token(WORKSPACE, "ok_1", LATER + seconds(1)) is False
    assert admin.set_secret(WORKSPACE, "ok_1", 1, b"5" * 32) is False
    assert admin.token("ok_1") == replace(TOKEN, revoked_at=LATER)


def test_uses_of_a_token_add_up_and_its_last_use_never_goes_back(admin: AdminRows):
    admin.add_token(TOKEN)
    admin.add_token(replace(TOKEN, id="ok_2"))
    admin.count_token_use({"ok_1": (3, LATER), "nobody": (9, LATER)})
    admin.count_token_use({"ok_1": (2, NOON)})
    assert admin.token("ok_1") == replace(TOKEN, requests=5, last_used_at=LATER)
    assert admin.token("ok_2") == replace(TOKEN, id="ok_2")
    admin.count_token_use({})


# --- quarantine and audit


def test_what_was_not_understood_is_kept_sealed_with_every_byte(database: Opened):
    body = bytes(range(256))
    database.admin.save_source(SOURCE, NOON)
    identifier = uuid7(unix_ms(NOON), b"q" * 10)
    database.admin.quarantine(identifier, SOURCE, body, {"content-type": "text/plain"}, "not understood", NOON)
    page = database.admin.quarantined(WORKSPACE, None, 10)
    assert page.items == [
        {"id": identifier, "source": "pbx", "received_at": NOON, "reason": "not understood", "size_bytes": 256}
    ]
    assert page.next is None
    with database.engine.connect() as connection:
        sealed = connection.execute(select(quarantine.c.posted)).scalar_one()
    posted = Vault([MASTER_KEY]).open(sealed, identifier.bytes)
    assert posted.startswith(b'{"headers":{"content-type":"text/plain"},"body":"')
    assert len(posted.decode()) > 256


def test_the_quarantine_is_paged_newest_first(admin: AdminRows):
    admin.save_source(SOURCE, NOON)
    ids = [uuid7(unix_ms(NOON) + number, b"q" * 10) for number in range(3)]
    for identifier in ids:
        admin.quarantine(identifier, SOURCE, b"?", {}, "not understood", NOON)
    first = admin.quarantined(WORKSPACE, None, 2)
    second = admin.quarantined(WORKSPACE, first.next, 2)
    assert [each["id"] for each in first.items + second.items] == ids[::-1]
    assert second.next is None
    assert admin.quarantined(ELSEWHERE, None, 2).items == []


def held_posts(admin: AdminRows, chosen: HeldFilter, after: UUID | None = None, limit: int = 10) -> list[UUID]:
    return [each.id for each in admin.held_posts(WORKSPACE, chosen, after, limit)]


def test_a_post_in_quarantine_is_had_back_as_it_was_posted(admin: AdminRows):
    admin.save_source(SOURCE, NOON)
    identifier, body = uuid7(unix_ms(NOON), b"q" * 10), bytes(range(256))
    admin.quarantine(identifier, SOURCE, body, {"x-leg": "a"}, "not understood", NOON, "GET", [("uuid", "7f9c")])
    (held,) = admin.held_posts(WORKSPACE, HeldFilter(), None, 10)
    assert held == HeldPost(identifier, "pbx", NOON, "not understood", "GET", [("uuid", "7f9c")], {"x-leg": "a"}, body)
    assert "7f9c" not in repr(held)
    admin.still_held(ELSEWHERE, identifier, "another's")
    admin.still_held(WORKSPACE, identifier, "still not")
    assert [each["reason"] for each in admin.quarantined(WORKSPACE, None, 10).items] == ["still not"]
    admin.delete_source(WORKSPACE, "pbx")
    assert admin.held_posts(WORKSPACE, HeldFilter(), None, 10)[0].source is None


def test_posts_in_quarantine_are_chosen_by_source_id_and_time_and_released(admin: AdminRows):
    other = replace(SOURCE, id=UUID(int=99), name="other")
    ids = [uuid7(unix_ms(NOON) + number, b"q" * 10) for number in range(4)]
    for number, identifier in enumerate(ids):
        source = other if number == 3 else SOURCE
        admin.save_source(source, NOON)
        admin.quarantine(identifier, source, b"?", {}, "not understood", NOON + timedelta(seconds=number))
    assert held_posts(admin, HeldFilter()) == ids
    assert held_posts(admin, HeldFilter(), ids[0], 2) == ids[1:3]
    assert held_posts(admin, HeldFilter(source="other")) == ids[3:]
    assert held_posts(admin, HeldFilter(ids=(ids[2], ids[0]))) == [ids[0], ids[2]]
    span = HeldFilter(since=NOON + timedelta(seconds=1), until=NOON + timedelta(seconds=3))
    assert held_posts(admin, span) == ids[1:3]
    assert admin.held_posts(ELSEWHERE, HeldFilter(), None, 10) == []
    assert (admin.release(ELSEWHERE, ids), admin.release(WORKSPACE, ids[:2])) == (0, 2)
    assert held_posts(admin, HeldFilter()) == ids[2:]
    assert admin.unfinished() == {"default": {"quarantined": 2, "open_calls": 0}}


def test_an_audit_entry_says_who_did_what_and_when(database: Opened):
    database.admin.audit(WORKSPACE, "ok_1", "signing_secret.shown", "crm", NOON)
    with database.engine.connect() as connection:
        row = connection.execute(select(audit_log)).one()
    assert row[1:] == (WORKSPACE, NOON, "ok_1", "signing_secret.shown", "crm")


# --- pages


def test_deliveries_are_paged_newest_first_without_a_gap_or_a_repeat(database: Opened):
    profile = saved(database)
    ids = [claim.id for claim in claimed(database, profile, Events().several(7))]
    seen, cursor, sizes = [], None, []
    while True:
        page = database.admin.deliveries(WORKSPACE, NO_FILTER, cursor, 3)
        seen += [each["id"] for each in page.items]
        sizes.append(len(page.items))
        if page.next is None:
            break
        cursor = page.next
    assert (seen, sizes) == (ids[::-1], [3, 3, 1])
    assert database.admin.deliveries(ELSEWHERE, NO_FILTER, None, 3).items == []


def test_deliveries_are_filtered(database: Opened):
    crm, erp = saved(database, "crm"), saved(database, "erp")
    events = Events()
    (sent,) = claimed(database, crm, [events.new(call_id="call-1")])
    (held,) = claimed(database, erp, [events.new(call_id="call-2")])
    database.hot.record([delivered(sent)], NOON)

    def chosen(**members) -> list[UUID]:
        found = database.admin.deliveries(WORKSPACE, DeliveryFilter(**members), None, 10)
        return [each["id"] for each in found.items]

    assert chosen(state="delivered") == [sent.id]
    assert chosen(state="sending") == [held.id]
    assert chosen(profile="erp") == [held.id]
    assert chosen(call_id="call-1") == [sent.id]
    assert chosen(since=NOON) == [held.id, sent.id]
    assert chosen(until=NOON) == []


def test_another_workspace_sees_neither_delivery_nor_attempts_nor_event(database: Opened):
    profile = saved(database)
    event = Events().new()
    (claim,) = claimed(database, profile, [event])
    database.hot.record([delivered(claim)], NOON)
    admin = database.admin
    assert (admin.delivery(ELSEWHERE, claim.id), admin.attempts(ELSEWHERE, claim.id)) == (None, [])
    assert (admin.event(ELSEWHERE, event.id), admin.call(ELSEWHERE, "7f9c")) == (None, [])
    assert admin.events(ELSEWHERE, None, 10).items == []


def test_events_are_paged_newest_first_with_what_became_of_them(database: Opened):
    profile = saved(database)
    events = Events()
    old, new = post(database, [events.new("a1"), events.new("a2", kind="call.recorded")])
    evaluate(database, [old], profile, now=LATER)
    page = database.admin.events(WORKSPACE, None, 1)
    assert page.items == [
        {
            "id": new.id,
            "source": "default",
            "source_event_id": "a2",
            "type": "call.recorded",
            "call_id": "7f9c",
            "occurred_at": NOON - seconds(60),
            "received_at": NOON,
            "evaluated_at": None,
            "deliveries_made": None,
            "private": False,
            "erased_at": None,
            "test": False,
        }
    ]
    rest = database.admin.events(WORKSPACE, page.next, 1)
    assert [(each["id"], each["evaluated_at"], each["deliveries_made"]) for each in rest.items] == [(old.id, LATER, 1)]
    assert rest.next is None


def test_a_calls_page_has_its_events_oldest_first_with_deliveries_and_attempts(database: Opened):
    profile = saved(database)
    events = Events()
    (first,) = claimed(database, profile, [events.new(call_id="call-1")])
    (second,) = claimed(database, profile, [events.new(call_id="call-1")])
    claimed(database, profile, [events.new(call_id="call-2")])
    database.hot.record([failed(first, due_at=LATER)], NOON)
    (again,) = database.hot.claim(profile, [first.id], CLAIM, LATER, LATER + seconds(15))
    database.hot.record([delivered(again, at=LATER)], LATER)
    one, two = database.admin.call(WORKSPACE, "call-1")
    assert [each["id"] for each in one.deliveries + two.deliveries] == [first.id, second.id]
    assert [each["outcome"] for each in one.deliveries[0]["attempts_log"]] == ["retry_later", "delivered"]
    assert two.deliveries[0]["attempts_log"] == []
    assert one.context["call"] == {"id": "call-1", "caller_name": "Jane Roe"}
    assert (one.workspace_id, one.version) == (WORKSPACE, 1)
    assert database.admin.event(WORKSPACE, one.event["id"]) == one
    assert database.admin.call(WORKSPACE, "call-3") == []


def test_a_call_that_was_not_evaluated_yet_has_no_version(database: Opened):
    (event,) = post(database, [Events().new()])
    record = database.admin.event(WORKSPACE, event.id)
    assert (record.version, record.deliveries) == (None, [])


def test_every_moment_that_comes_back_is_aware(database: Opened):
    profile = saved(database)
    event = Events().new()
    (claim,) = claimed(database, profile, [event])
    database.hot.record([failed(claim, due_at=LATER)], NOON)
    database.admin.add_token(TOKEN)
    database.admin.count_token_use({"ok_1": (1, LATER)})
    database.admin.revoke_token(WORKSPACE, "ok_1", LATER)
    database.admin.rotate_signing_secret(WORKSPACE, "crm", "whsec_" + "bg==" * 8, LATER, NOON)
    token, admin = database.admin.token("ok_1"), database.admin
    (again,) = database.hot.claim(profile, [claim.id], CLAIM, LATER, LATER)
    moments = [
        claim.opened_at,
        again.opened_at,
        admin.delivery(WORKSPACE, claim.id)["created_at"],
        admin.attempts(WORKSPACE, claim.id)[0]["started_at"],
        admin.event(WORKSPACE, event.id).event["received_at"],
        admin.profile(WORKSPACE, "crm").updated_at,
        admin.profile(WORKSPACE, "crm").profile.previous_key_until,
        admin.revisions(WORKSPACE, "crm")[0]["created_at"],
        token.created_at,
        token.revoked_at,
        token.last_used_at,
    ]
    assert [each.utcoffset() for each in moments] == [seconds(0)] * len(moments)


def test_the_last_moment_of_the_calendar_is_read_back_wherever_the_database_lives(database: Opened):
    if database.engine.dialect.name == "postgresql":
        with database.engine.begin() as connection:
            name = connection.exec_driver_sql("SELECT current_database()").scalar_one()
            connection.exec_driver_sql(f"ALTER DATABASE \"{name}\" SET timezone TO 'Europe/Berlin'")
        database.engine.dispose()
    last = datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
    event = replace(Events().new(), occurred_at=last)
    database.hot.add_events([event], NOON, NOON)
    (shown,) = database.admin.events(WORKSPACE, None, 10).items
    assert shown["occurred_at"] == last
