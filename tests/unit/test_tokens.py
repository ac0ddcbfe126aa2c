from uuid import UUID

import pytest

from dispatcher.ports import Token
from dispatcher.tokens import Scope, TokenRefused, Tokens, digest_of, opens, permits
from tests.unit.api_house import NOON, HandClock, NotRandom
from tests.unit.memory_admin import MemoryAdmin

WORKSPACE = UUID(int=1)
ELSEWHERE = UUID(int=2)


@pytest.fixture
def store() -> MemoryAdmin:
    return MemoryAdmin()


@pytest.fixture
def tokens(store: MemoryAdmin) -> Tokens:
    return Tokens(store, HandClock(), NotRandom())


def test_a_new_token_shows_its_two_secrets_once_and_keeps_their_digests(store: MemoryAdmin, tokens: Tokens) -> None:
    minted = tokens.create(WORKSPACE, "pbx", ["ingest"])
    assert minted.token.id == "ok_aaaaaaaaaaaaaaab"
    assert minted.secret_1 == "os_" + "A" * 42 + "I"
    assert minted.secret_2 == "os_" + "A" * 42 + "M"
    assert store.saved_tokens == {
        minted.token.id: Token(
            id=minted.token.id,
            workspace_id=WORKSPACE,
            name="pbx",
            scopes=frozenset({"ingest"}),
            secret_digests=(digest_of(minted.secret_1), digest_of(minted.secret_2)),
            created_at=NOON,
        )
    }


def test_either_secret_opens_a_token_and_no_other_text_does(tokens: Tokens) -> None:
    minted = tokens.create(WORKSPACE, "pbx", ["ingest"])
    given = [minted.secret_1, minted.secret_2, minted.secret_1[:-1], "", "\ud800"]
    assert [opens(minted.token, each) for each in given] == [True, True, False, False, False]


def test_rotating_secret_2_voids_the_old_one_and_leaves_secret_1(store: MemoryAdmin, tokens: Tokens) -> None:
    minted = tokens.create(WORKSPACE, "pbx", ["ingest"])
    renewed = tokens.rotate(WORKSPACE, minted.token.id, 2)
    assert renewed is not None
    token = store.saved_tokens[minted.token.id]
    assert [opens(token, each) for each in (minted.secret_1, minted.secret_2, renewed)] == [True, False, True]


def test_a_revoked_token_opens_no_more_and_cannot_be_rotated(store: MemoryAdmin, tokens: Tokens) -> None:
    minted = tokens.create(WORKSPACE, "pbx", ["ingest"])
    assert tokens.revoke(WORKSPACE, minted.token.id)
    assert not opens(store.saved_tokens[minted.token.id], minted.secret_1)
    assert tokens.rotate(WORKSPACE, minted.token.id, 1) is None
    assert not tokens.revoke(WORKSPACE, minted.token.id)


def test_another_workspace_can_neither_rotate_nor_revoke(store: MemoryAdmin, tokens: Tokens) -> None:
    minted = tokens.create(WORKSPACE, "pbx", ["ingest"])
    assert tokens.rotate(ELSEWHERE, minted.token.id, 1) is None
    assert not tokens.revoke(ELSEWHERE, minted.token.id)
    assert opens(store.saved_tokens[minted.token.id], minted.secret_1)


def test_admin_includes_every_scope_and_the_others_only_themselves(tokens: Tokens) -> None:
    granted = {
        each: [scope for scope in Scope if permits(tokens.create(WORKSPACE, "t", [each]).token, scope)]
        for each in Scope
    }
    assert granted == {
        Scope.INGEST: [Scope.INGEST],
        Scope.READ: [Scope.READ],
        Scope.WRITE: [Scope.WRITE],
        Scope.ADMIN: list(Scope),
    }


@pytest.mark.parametrize(
    ("name", "scopes", "faults"),
    [
        (
            "",
            ["root"],
            [
                {
                    "field": "scopes[0]",
                    "expected": "one of ingest, read, write, admin",
                    "got": 'string "root"',
                },
                {"field": "name", "expected": "printable text of 1 to 200 characters", "got": 'string ""'},
            ],
        ),
        (
            "pbx",
            [],
            [{"field": "scopes", "expected": "at least one of ingest, read, write, admin", "got": "array of 0"}],
        ),
        (
            "pbx",
            "ingest",
            [{"field": "scopes", "expected": "a list of at most 4 items", "got": 'string "ingest"'}],
        ),
    ],
)
def test_a_token_that_cannot_be_is_refused_with_every_fault_and_not_stored(
    store: MemoryAdmin, tokens: Tokens, name: str, scopes: object, faults: list[dict[str, str]]
) -> None:
    with pytest.raises(TokenRefused) as refused:
        tokens.create(WORKSPACE, name, scopes)
    assert refused.value.faults == faults
    assert store.saved_tokens == {}
