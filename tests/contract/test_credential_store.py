"""Credentials and their access tokens in both databases."""

from datetime import datetime
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from dispatcher.adapters.sql.store import AdminRows, open_store
from dispatcher.adapters.sql.tables import access_tokens, credentials
from dispatcher.adapters.token_store import Refusal
from dispatcher.adapters.vault import Vault
from dispatcher.domain.credentials.access_token import AccessToken
from dispatcher.domain.credentials.spec import CredentialRefused, CredentialSpec, parse_credential
from dispatcher.ports import Conflict
from tests.contract.conftest import Opened, parse
from tests.contract.flow import at_once
from tests.unit.credential_doubles import ENGINES, credential_spec
from tests.unit.doubles import NOON, WORKSPACE, seconds, spec

ELSEWHERE = UUID("00000000-0000-4000-8000-00000000e15e")
LATER = NOON + seconds(300)
LEASE = NOON + seconds(12)
TOKEN = AccessToken("token-1", NOON, NOON + seconds(100))


def named(name: str) -> CredentialSpec:
    return credential_spec("basic", name=name)


def test_credentials_are_kept_by_workspace_and_name(admin: AdminRows) -> None:
    for name in ("b", "a"):
        admin.create_credential(WORKSPACE, named(name), NOON)
    theirs = admin.create_credential(ELSEWHERE, named("a"), NOON)
    assert [each.credential.name for each in admin.credentials(WORKSPACE)] == ["a", "b"]
    assert admin.credential_names(WORKSPACE) == ["a", "b"]
    assert admin.credential(ELSEWHERE, "a") == theirs
    assert admin.credential(ELSEWHERE, "b") is None
    with pytest.raises(Conflict, match="'a'"):
        admin.create_credential(WORKSPACE, named("a"), NOON)


def test_every_change_is_a_revision_and_a_version_of_the_catalogue_which_holds_it(database: Opened) -> None:
    admin, hot = database.admin, database.hot
    admin.create_credential(WORKSPACE, named("crm"), NOON)
    assert hot.catalogue_version() == 1
    same = admin.change_credential(WORKSPACE, "crm", lambda _: named("crm"), LATER)
    assert (same.credential.revision, same.updated_at, hot.catalogue_version()) == (1, NOON, 1)
    changed = admin.change_credential(WORKSPACE, "crm", lambda _: credential_spec("basic", password="another"), LATER)
    assert (changed.credential.revision, changed.created_at, changed.updated_at) == (2, NOON, LATER)
    catalogue = admin.load_catalogue()
    assert catalogue.version == 2
    assert catalogue.credentials == {(WORKSPACE, "crm"): changed.credential}
    assert catalogue.credentials[WORKSPACE, "crm"].spec.secrets == ("another", None)
    assert admin.delete_credential(WORKSPACE, "crm")
    assert (hot.catalogue_version(), dict(admin.load_catalogue().credentials)) == (3, {})
    assert admin.change_credential(WORKSPACE, "crm", lambda _: named("crm"), LATER) is None
    assert not admin.delete_credential(WORKSPACE, "crm")


def test_a_change_that_is_refused_changes_nothing(database: Opened) -> None:
    database.admin.create_credential(WORKSPACE, named("crm"), NOON)

    def refuse(_: CredentialSpec) -> CredentialSpec:
        raise CredentialRefused([])

    with pytest.raises(CredentialRefused):
        database.admin.change_credential(WORKSPACE, "crm", refuse, LATER)
    assert database.hot.catalogue_version() == 1


def test_two_rotations_at_once_both_count(admin: AdminRows, database: Opened) -> None:
    admin.create_credential(WORKSPACE, named("crm"), NOON)

    def rotate(member: str) -> None:
        admin.change_credential(
            WORKSPACE, "crm", lambda stored: parse_credential({**stored.document, member: "new"}, ENGINES), LATER
        )

    at_once(database, lambda: rotate("password"), lambda: rotate("password_2"))
    saved = admin.credential(WORKSPACE, "crm")
    assert saved is not None
    assert (saved.credential.spec.secrets, saved.credential.revision) == (("new", "new"), 3)


def test_a_credential_that_profiles_use_is_not_deleted(admin: AdminRows) -> None:
    admin.create_credential(WORKSPACE, named("crm"), NOON)
    for name in ("b", "a", "gone"):
        admin.create_profile(WORKSPACE, spec(name, credential="crm"), NOON)
    admin.create_profile(WORKSPACE, spec("other"), NOON)
    admin.create_profile(ELSEWHERE, spec("theirs", credential="crm"), NOON)
    admin.delete_profile(WORKSPACE, "gone", NOON)
    with pytest.raises(Conflict, match="used by a, b: "):
        admin.delete_credential(WORKSPACE, "crm")
    assert admin.credential_names(WORKSPACE) == ["crm"]


def test_a_credential_under_a_lost_key_stops_no_other(database: Opened, caplog: pytest.LogCaptureFixture) -> None:
    database.admin.create_credential(WORKSPACE, named("sealed"), NOON)
    other = open_store(database.url, Vault([b"another key, of 32 bytes as well"]), parse)
    other.admin.create_credential(ELSEWHERE, named("open"), NOON)
    with database.engine.connect() as connection:  # type: ignore[union-attr]
        found = database.admin._credential_reader.usable(connection)
    assert [each.name for each in found] == ["sealed"]
    assert "pass word-1" not in caplog.text
    other.engine.dispose()


def test_no_secret_and_no_token_lies_in_the_open(database: Opened) -> None:
    admin = database.admin
    saved = admin.create_credential(WORKSPACE, credential_spec("oauth2_client_credentials"), NOON).credential
    renewer = uuid4()
    admin.token_state(saved, None, renewer, NOON, LEASE)
    admin.keep_token(saved, renewer, TOKEN)
    with database.engine.connect() as connection:  # type: ignore[union-attr]
        rows = repr(connection.execute(select(credentials)).all()) + repr(
            connection.execute(select(access_tokens)).all()
        )
    assert "client-secret-1" not in rows
    assert "token-1" not in rows


# --- access tokens


def lease(admin: AdminRows, revision: int = 1, now: datetime = NOON, stale: str | None = None) -> tuple[bool, UUID]:
    """Whether a new worker that asks now is the one to fetch."""
    saved = admin.credential(WORKSPACE, "crm")
    assert saved is not None
    renewer = uuid4()
    given = type(saved.credential)(saved.credential.id, WORKSPACE, "crm", revision, saved.credential.spec)
    return admin.token_state(given, stale, renewer, now, now + seconds(12)).leased, renewer


@pytest.fixture
def kept(admin: AdminRows) -> AdminRows:
    admin.create_credential(WORKSPACE, credential_spec("oauth2_client_credentials"), NOON)
    return admin


def test_one_worker_fetches_and_the_next_one_when_its_lease_has_ended(kept: AdminRows) -> None:
    assert lease(kept)[0]
    assert not lease(kept)[0]
    assert not lease(kept, now=NOON + seconds(11))[0]
    assert lease(kept, now=NOON + seconds(12))[0]


def test_of_many_that_ask_at_once_one_fetches(kept: AdminRows, database: Opened) -> None:
    leased: list[bool] = []
    at_once(database, *[lambda: leased.append(lease(kept)[0])] * 8)
    assert sorted(leased) == [False] * 7 + [True]


def test_a_token_is_shared_and_renewed_when_it_is_due_or_stale(kept: AdminRows) -> None:
    credential = kept.credential(WORKSPACE, "crm").credential  # type: ignore[union-attr]
    _, renewer = lease(kept)
    kept.keep_token(credential, renewer, TOKEN)
    state = kept.token_state(credential, None, uuid4(), NOON + seconds(79), LEASE)
    assert (state.token, state.leased, state.renewing_until) == (TOKEN, False, None)
    assert not lease(kept, stale="an older one")[0]
    assert lease(kept, stale="token-1")[0]
    kept.give_back_lease(credential, renewer)  # no longer its own
    assert not lease(kept, now=NOON + seconds(11))[0]
    assert lease(kept, now=NOON + seconds(80))[0]


def test_who_lost_the_lease_keeps_nothing(kept: AdminRows) -> None:
    credential = kept.credential(WORKSPACE, "crm").credential  # type: ignore[union-attr]
    _, slow = lease(kept)
    _, quick = lease(kept, now=NOON + seconds(12))
    kept.keep_token(credential, slow, AccessToken("slow", NOON, LATER))
    kept.keep_token(credential, quick, AccessToken("quick", NOON, LATER))
    state = kept.token_state(credential, None, uuid4(), NOON, LEASE)
    assert state.token == AccessToken("quick", NOON, LATER)


def test_after_a_refusal_nobody_fetches_until_it_is_over_but_by_force(kept: AdminRows) -> None:
    credential = kept.credential(WORKSPACE, "crm").credential  # type: ignore[union-attr]
    _, renewer = lease(kept)
    refusal = Refusal(LATER, "the token service answered 401", 3)
    kept.keep_refusal(credential, renewer, refusal)
    assert kept.token_state(credential, None, uuid4(), NOON, LEASE).refusal == refusal
    assert not lease(kept, now=NOON + seconds(299))[0]
    assert kept.force_lease(credential, uuid4(), NOON, LEASE).leased
    assert not kept.force_lease(credential, uuid4(), NOON, LEASE).leased
    assert lease(kept, now=LATER)[0]


def test_a_new_revision_knows_nothing_of_the_old_ones_token_and_refusal(kept: AdminRows) -> None:
    credential = kept.credential(WORKSPACE, "crm").credential  # type: ignore[union-attr]
    _, renewer = lease(kept)
    kept.keep_refusal(credential, renewer, Refusal(LATER, "the token service answered 401", 3))
    won, renewer = lease(kept, revision=2)
    assert won
    # Whoever still has the old secret says nothing of the new one.
    kept.keep_refusal(credential, renewer, Refusal(LATER, "the token service answered 401", 4))
    assert kept.token_state(credential, None, uuid4(), NOON, LEASE).refusal is None


def test_deleting_a_credential_takes_its_token_along(kept: AdminRows, database: Opened) -> None:
    lease(kept)
    kept.delete_credential(WORKSPACE, "crm")
    with database.engine.connect() as connection:  # type: ignore[union-attr]
        assert connection.execute(select(access_tokens)).all() == []
