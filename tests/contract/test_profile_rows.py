"""Profiles, their revisions, the catalogue that workers read, and signing secrets."""

from base64 import b64encode
from dataclasses import replace
from uuid import UUID

import pytest

from dispatcher.adapters.sql.store import AdminRows, open_store
from dispatcher.adapters.sql.tables import profiles
from dispatcher.adapters.vault import Vault
from dispatcher.domain.signature import new_secret
from dispatcher.ports import Conflict
from tests.contract.conftest import MASTER_KEY, Opened, parse
from tests.contract.flow import at_once
from tests.unit.doubles import NOON, WORKSPACE, document, seconds, spec

ELSEWHERE = UUID("00000000-0000-4000-8000-00000000e15e")
LATER = NOON + seconds(300)


# --- the catalogue, in memory too


def test_an_empty_catalogue_has_a_version(store: Opened):
    catalogue = store.admin.load_catalogue()
    assert catalogue.version == store.hot.catalogue_version() == 0
    assert (dict(catalogue.profiles), dict(catalogue.by_type)) == ({}, {})


def test_the_catalogue_holds_every_profile_and_offers_the_enabled_ones_by_type(store: Opened):
    finished = store.admin.create_profile(WORKSPACE, spec("a"), NOON).profile
    both = spec("b", trigger={"events": ["call.finished", "call.recorded"]})
    every = store.admin.create_profile(WORKSPACE, spec("c", trigger={"events": ["*"]}), NOON).profile
    both = store.admin.create_profile(WORKSPACE, both, NOON).profile
    off = store.admin.create_profile(WORKSPACE, spec("d", enabled=False), NOON).profile
    stranger = store.admin.create_profile(ELSEWHERE, spec("a"), NOON).profile
    catalogue = store.admin.load_catalogue()
    assert catalogue.version == store.hot.catalogue_version()
    assert set(catalogue.profiles) == {finished.id, both.id, every.id, off.id, stranger.id}
    offered = {key: sorted(each.spec.name for each in found) for key, found in catalogue.by_type.items()}
    assert offered == {
        (WORKSPACE, "call.finished"): ["a", "b"],
        (WORKSPACE, "call.recorded"): ["b"],
        (WORKSPACE, "*"): ["c"],
        (ELSEWHERE, "call.finished"): ["a"],
    }
    hash_key = store.admin.hash_key(WORKSPACE)
    assert catalogue.profiles[finished.id] == replace(finished, hash_key=hash_key)


def test_a_workspace_keeps_the_hash_key_that_it_was_first_given(database: Opened):
    hash_key = database.admin.hash_key(WORKSPACE)
    assert len(hash_key) == 32
    again = open_store(database.url, Vault([MASTER_KEY]), parse)
    assert again.admin.hash_key(WORKSPACE) == hash_key
    again.engine.dispose()


def test_every_change_of_any_profile_is_a_new_version(store: Opened):
    versions = [store.hot.catalogue_version()]

    def note() -> None:
        versions.append(store.hot.catalogue_version())

    profile = store.admin.create_profile(WORKSPACE, spec(), NOON).profile
    note()
    store.admin.update_profile(WORKSPACE, "crm", spec(timeout_seconds=30), NOON)
    note()
    store.admin.update_profile(WORKSPACE, "crm", spec(timeout_seconds=30), NOON)
    note()
    store.admin.disable_profile(profile.id, profile.revision + 1, "the target answered 410 Gone", NOON)
    note()
    store.admin.disable_profile(profile.id, profile.revision + 1, "again", NOON)
    note()
    store.admin.delete_profile(WORKSPACE, "crm", NOON)
    note()
    store.admin.disable_profile(profile.id, profile.revision + 1, "too late", NOON)
    note()
    assert versions == [0, 1, 2, 2, 3, 3, 4, 4]


def test_a_410_of_an_older_revision_leaves_the_mended_profile_on(store: Opened):
    sent = store.admin.create_profile(WORKSPACE, spec(), NOON).profile
    store.admin.update_profile(WORKSPACE, "crm", spec(timeout_seconds=30), NOON)
    store.admin.disable_profile(sent.id, sent.revision, "the target answered 410 Gone", LATER)
    (kept,) = store.admin.load_catalogue().profiles.values()
    assert (kept.revision, kept.enabled) == (2, True)


def test_a_profile_that_has_another_revision_than_the_named_one_is_left_as_it_is(store: Opened):
    store.admin.create_profile(WORKSPACE, spec(), NOON)
    changed = store.admin.update_profile(WORKSPACE, "crm", spec(timeout_seconds=30), LATER, 1)
    assert changed.profile.revision == 2
    assert store.admin.update_profile(WORKSPACE, "crm", spec(timeout_seconds=20), LATER, 1) is None
    assert store.admin.profile(WORKSPACE, "crm") == changed


def test_a_changed_profile_is_a_new_revision_and_the_same_document_is_none(store: Opened):
    first = store.admin.create_profile(WORKSPACE, spec(), NOON)
    second = store.admin.update_profile(WORKSPACE, "crm", spec(timeout_seconds=30), LATER)
    same = store.admin.update_profile(WORKSPACE, "crm", spec(timeout_seconds=30), LATER + seconds(60))
    assert (first.profile.revision, second.profile.revision) == (1, 2)
    assert (first.profile.id, first.profile.signing_key) == (second.profile.id, second.profile.signing_key)
    assert (second.created_at, second.updated_at) == (NOON, LATER)
    assert same == second == store.admin.profile(WORKSPACE, "crm")


def test_a_profile_that_is_switched_off_says_why_until_it_is_switched_on(store: Opened):
    profile = store.admin.create_profile(WORKSPACE, spec(), NOON).profile
    store.admin.disable_profile(profile.id, profile.revision, "the target answered 410 Gone", LATER)
    off = store.admin.profile(WORKSPACE, "crm")
    assert (off.profile.enabled, off.profile.revision, off.disabled_reason) == (
        False,
        2,
        "the target answered 410 Gone",
    )
    assert (off.profile.spec.enabled, off.profile.spec.document["enabled"], off.updated_at) == (False, False, LATER)
    assert store.admin.load_catalogue().by_type == {}
    on = store.admin.update_profile(WORKSPACE, "crm", spec(), LATER)
    assert (on.profile.enabled, on.profile.revision, on.disabled_reason) == (True, 3, None)


def test_a_name_is_given_once_in_a_workspace_and_is_free_again_after_deletion(store: Opened):
    store.admin.create_profile(WORKSPACE, spec(), NOON)
    with pytest.raises(Conflict):
        store.admin.create_profile(WORKSPACE, spec(timeout_seconds=30), NOON)
    assert store.admin.create_profile(ELSEWHERE, spec(), NOON).profile.revision == 1
    assert store.admin.delete_profile(WORKSPACE, "crm", NOON) is True
    assert store.admin.delete_profile(WORKSPACE, "crm", NOON) is False
    assert store.admin.create_profile(WORKSPACE, spec(), NOON).profile.revision == 1
    assert len(store.admin.load_catalogue().profiles) == 2


def test_a_profile_is_renamed_but_not_onto_another(store: Opened):
    store.admin.create_profile(WORKSPACE, spec("crm"), NOON)
    store.admin.create_profile(WORKSPACE, spec("erp"), NOON)
    with pytest.raises(Conflict):
        store.admin.update_profile(WORKSPACE, "crm", spec("erp"), NOON)
    assert store.admin.update_profile(WORKSPACE, "crm", spec("crm-2"), NOON).profile.spec.name == "crm-2"
    assert store.admin.profile(WORKSPACE, "crm") is None


def test_what_does_not_exist_is_none(store: Opened):
    store.admin.create_profile(ELSEWHERE, spec(), NOON)
    assert store.admin.profile(WORKSPACE, "crm") is None
    assert store.admin.update_profile(WORKSPACE, "crm", spec(), NOON) is None
    assert store.admin.delete_profile(WORKSPACE, "crm", NOON) is False


def test_of_two_who_create_the_same_profile_at_once_one_is_refused(store: Opened):
    def create() -> str:
        try:
            store.admin.create_profile(WORKSPACE, spec(), NOON)
        except Conflict:
            return "refused"
        return "created"

    assert sorted(at_once(store, create, create)) == ["created", "refused"]


def test_two_changes_at_once_are_two_revisions_and_two_versions(store: Opened):
    store.admin.create_profile(WORKSPACE, spec(), NOON)
    saved = at_once(
        store,
        *(
            lambda timeout=timeout: store.admin.update_profile(WORKSPACE, "crm", spec(timeout_seconds=timeout), LATER)
            for timeout in (20, 30, 40)
        ),
    )
    assert sorted(each.profile.revision for each in saved) == [2, 3, 4]
    assert store.hot.catalogue_version() == 4


# --- what only the databases keep


def test_profiles_are_listed_by_name_without_the_deleted(admin: AdminRows):
    for name in ("erp", "crm", "bi"):
        admin.create_profile(WORKSPACE, spec(name), NOON)
    admin.create_profile(ELSEWHERE, spec("aaa"), NOON)
    admin.delete_profile(WORKSPACE, "crm", NOON)
    assert [each.profile.spec.name for each in admin.profiles(WORKSPACE)] == ["bi", "erp"]


def test_a_profile_comes_back_as_it_was_saved(admin: AdminRows):
    full = spec(
        description='Says "hello" — and möre',
        limits={"per_second": 20, "concurrency": 10},
        retry={"delays_seconds": [1, 2.5], "jitter": 0},
        trigger={
            "events": ["call.finished"],
            "criteria": {"all": [{"field": "call.dnis", "op": "starts_with", "value": "+1800"}]},
        },
    )
    admin.create_profile(WORKSPACE, full, NOON)
    found = admin.profile(WORKSPACE, "crm").profile.spec
    assert found.document == full.document
    assert (found.limits, found.retry) == (full.limits, full.retry)


def test_revisions_are_listed_newest_first_with_their_documents(admin: AdminRows):
    saved = admin.create_profile(WORKSPACE, spec(), NOON)
    admin.update_profile(WORKSPACE, "crm", spec(timeout_seconds=30), LATER)
    admin.disable_profile(saved.profile.id, saved.profile.revision + 1, "the target answered 410 Gone", LATER)
    first, second = spec().document, spec(timeout_seconds=30).document
    assert admin.revisions(WORKSPACE, "crm") == [
        {"revision": 3, "created_at": LATER, "document": {**second, "enabled": False}},
        {"revision": 2, "created_at": LATER, "document": second},
        {"revision": 1, "created_at": NOON, "document": first},
    ]
    assert admin.revisions(WORKSPACE, "nobody") == []


def test_the_catalogue_of_a_past_version_is_reproduced(admin: AdminRows):
    crm = admin.create_profile(WORKSPACE, spec("crm"), NOON).profile
    admin.create_profile(WORKSPACE, spec("erp"), NOON)
    admin.update_profile(WORKSPACE, "crm", spec("crm", timeout_seconds=30), NOON)
    admin.disable_profile(crm.id, crm.revision + 1, "the target answered 410 Gone", NOON)
    admin.delete_profile(WORKSPACE, "erp", NOON)
    admin.create_profile(ELSEWHERE, spec("stranger"), NOON)

    def stood(version: int) -> list[tuple[str, int, bool, float]]:
        found = admin.catalogue_at(WORKSPACE, version)
        return sorted((each.spec.name, each.revision, each.enabled, each.spec.timeout_seconds) for each in found)

    assert [stood(version) for version in range(7)] == [
        [],
        [("crm", 1, True, 10)],
        [("crm", 1, True, 10), ("erp", 1, True, 10)],
        [("crm", 2, True, 30), ("erp", 1, True, 10)],
        [("crm", 3, False, 30), ("erp", 1, True, 10)],
        [("crm", 3, False, 30)],
        [("crm", 3, False, 30)],
    ]


def test_a_rotated_signing_secret_stays_valid_while_the_overlap_lasts(admin: AdminRows):
    profile = admin.create_profile(WORKSPACE, spec(), NOON).profile
    old, nothing = admin.signing_secrets(WORKSPACE, "crm", NOON)
    assert nothing is None
    new = new_secret(b"n" * 32)
    assert admin.rotate_signing_secret(WORKSPACE, "crm", new, LATER, NOON) is True
    assert admin.signing_secrets(WORKSPACE, "crm", LATER - seconds(1)) == (new, old)
    assert admin.signing_secrets(WORKSPACE, "crm", LATER) == (new, None)
    rotated = admin.load_catalogue().profiles[profile.id]
    assert rotated.signing_keys(LATER - seconds(1)) == (b"n" * 32, profile.signing_key)
    assert rotated.signing_keys(LATER) == (b"n" * 32,)
    assert "whsec_" + b64encode(profile.signing_key).decode() == old


def test_a_rotation_is_a_new_version_so_that_workers_sign_with_it(admin: AdminRows):
    admin.create_profile(WORKSPACE, spec(), NOON)
    before = admin.load_catalogue().version
    admin.rotate_signing_secret(WORKSPACE, "crm", new_secret(b"n" * 32), LATER, NOON)
    assert admin.load_catalogue().version == before + 1
    assert [each.revision for each in admin.catalogue_at(WORKSPACE, before + 1)] == [1]


def test_nobodys_secret_is_neither_shown_nor_rotated(admin: AdminRows):
    admin.create_profile(ELSEWHERE, spec(), NOON)
    assert admin.signing_secrets(WORKSPACE, "crm", NOON) is None
    assert admin.rotate_signing_secret(WORKSPACE, "crm", new_secret(b"n" * 32), LATER, NOON) is False


def test_each_profile_has_a_signing_secret_of_its_own(admin: AdminRows):
    keys = {admin.create_profile(WORKSPACE, spec(name), NOON).profile.signing_key for name in ("crm", "erp")}
    assert [len(key) for key in keys] == [32, 32]


def test_a_document_that_says_nothing_of_a_member_is_kept_with_its_defaults(admin: AdminRows):
    saved = admin.create_profile(WORKSPACE, spec(), NOON).profile.spec.document
    assert saved["limits"] == {"per_second": None, "concurrency": None}
    assert set(document()) < set(saved)


def test_a_profile_that_cannot_be_read_any_more_does_not_stop_the_others(
    admin: AdminRows, caplog: pytest.LogCaptureFixture
):
    admin.create_profile(WORKSPACE, spec("crm"), NOON)
    broken = admin.create_profile(WORKSPACE, spec("erp"), NOON).profile
    with admin._database.writing() as connection:
        connection.execute(
            profiles.update().where(profiles.c.id == broken.id).values(document=b"\x01moved here by hand")
        )
    admin._specs.clear()  # as in a process that starts now
    assert [each.spec.name for each in admin.load_catalogue().profiles.values()] == ["crm"]
    assert [record.message for record in caplog.records] == ["profile.cannot_be_used"]
