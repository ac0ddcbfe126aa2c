"""Encryption at rest."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.adapters.vault import CannotOpen, Vault

OLD, NEW = b"o" * 32, b"n" * 32
ROW, OTHER_ROW = b"row-1", b"row-2"


@given(st.binary(max_size=5_000), st.binary(max_size=50))
def test_what_was_sealed_opens_to_the_same_bytes(value: bytes, row: bytes):
    vault = Vault([OLD])
    assert vault.open(vault.seal(value, row), row) == value


def test_a_sealed_value_shows_nothing_and_is_never_the_same_twice():
    vault = Vault([OLD])
    one, two = vault.seal(b"+14155550100", ROW), vault.seal(b"+14155550100", ROW)
    assert b"4155550100" not in one
    assert one != two
    assert len(one) == len(b"+14155550100") + 33


def test_a_value_moved_to_another_row_does_not_open():
    vault = Vault([OLD])
    with pytest.raises(CannotOpen, match="moved"):
        vault.open(vault.seal(b"secret", ROW), OTHER_ROW)


def test_a_value_with_any_byte_changed_does_not_open():
    vault = Vault([OLD])
    sealed = vault.seal(b"secret", ROW)
    for place in range(1, len(sealed)):
        changed = bytearray(sealed)
        changed[place] ^= 1
        with pytest.raises(CannotOpen):
            vault.open(bytes(changed), ROW)


def test_a_value_of_an_unknown_key_says_which_setting_to_look_at():
    with pytest.raises(CannotOpen, match="ONHOOK_MASTER_KEY"):
        Vault([NEW]).open(Vault([OLD]).seal(b"secret", ROW), ROW)


@pytest.mark.parametrize("sealed", [b"", b"\x01", b"\x01abcd", b"\x01" * 33])
def test_what_was_never_sealed_does_not_open(sealed: bytes):
    with pytest.raises(CannotOpen):
        Vault([OLD]).open(sealed, ROW)


def test_after_a_rotation_the_first_key_seals_and_all_open():
    old, rotated = Vault([OLD]), Vault([NEW, OLD])
    assert rotated.open(old.seal(b"before", ROW), ROW) == b"before"
    assert Vault([NEW]).open(rotated.seal(b"after", ROW), ROW) == b"after"


def test_a_memoryview_as_drivers_give_it_opens_too():
    vault = Vault([OLD])
    assert vault.open(memoryview(vault.seal(b"secret", ROW)), ROW) == b"secret"


@pytest.mark.parametrize("keys", [[], [b"short"], [OLD, b"short"], [b"k" * 33]])
def test_keys_of_another_length_or_none_are_refused(keys: list[bytes]):
    with pytest.raises(ValueError, match="32 bytes"):
        Vault(keys)


def test_the_refusal_of_a_key_does_not_show_it():
    with pytest.raises(ValueError, match="master keys") as caught:
        Vault([b"a secret that is too short"])
    assert "secret" not in str(caught.value)


def test_a_vault_whose_keys_may_change_takes_a_new_one_when_it_meets_it():
    keys = [OLD]
    running = Vault([OLD], lambda: keys)
    keys.insert(0, NEW)
    assert running.open(Vault([NEW]).seal(b"secret", ROW), ROW) == b"secret"
    assert Vault([NEW]).open(running.seal(b"later", ROW), ROW) == b"later"
    assert running.open(Vault([OLD]).seal(b"before", ROW), ROW) == b"before"


def test_a_vault_that_only_seals_takes_a_new_key_within_half_a_minute(monkeypatch: pytest.MonkeyPatch):
    now, keys = [1000.0], [OLD]
    monkeypatch.setattr("dispatcher.adapters.vault.monotonic", lambda: now[0])
    running = Vault([OLD], lambda: keys)
    keys.insert(0, NEW)
    now[0] += 29
    assert Vault([OLD]).open(running.seal(b"x", ROW), ROW) == b"x"
    now[0] += 1
    assert Vault([NEW]).open(running.seal(b"x", ROW), ROW) == b"x"


def test_keys_that_cannot_be_read_now_are_the_keys_there_were():
    def unreadable() -> list[bytes]:
        raise OSError("gone")

    running = Vault([OLD], unreadable)
    with pytest.raises(CannotOpen, match="does not list"):
        running.open(Vault([NEW]).seal(b"x", ROW), ROW)
    assert running.open(running.seal(b"x", ROW), ROW) == b"x"
