"""`onhook keys`: listed, rotated and pruned, with the key file and with the environment."""

import json
import os
import stat
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dispatcher.adapters.sql.schema import DEFAULT_WORKSPACE
from dispatcher.adapters.vault import LOOK_SECONDS, Vault, key_name
from dispatcher.cli import app
from dispatcher.cli.first_run import prepare
from dispatcher.listener_wiring import build_spool
from dispatcher.master_key import decode_keys, read_key_file
from dispatcher.settings import load_settings
from dispatcher.wiring import build_store
from tests.integration.cli_house import CommandLine, event
from tests.unit.listener_doubles import source_of
from tests.wsdls.written import service


@pytest.fixture
def onhook(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """A data directory with a profile in it."""
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    prepare(load_settings(data_dir=folder))
    command = CommandLine(folder, capsys, monkeypatch)
    profile = tmp_path / "crm.yaml"
    profile.write_text(
        "name: crm\ntrigger: {events: [call.finished]}\n"
        "request: {kind: rest, method: POST, url: 'https://crm.example/', body: {kind: none}}\n"
    )
    assert command("profile", "apply", profile).code == 0
    return command


def new_key() -> str:
    return CliRunner().invoke(app, ["keys", "new"]).output.strip()


def keys(folder: Path) -> list[str]:
    return [key_name(key) for key in read_key_file(folder)]


def test_a_rotation_makes_a_key_seals_everything_with_it_and_keeps_the_old_one(onhook: CommandLine) -> None:
    (old,) = keys(onhook.data_dir)
    before = onhook("keys", "list", "--json").json
    assert [(row["key"], row["place"], row["in"]["profiles.document"]) for row in before] == [(old, "encrypts", 1)]
    done = onhook("keys", "rotate", "--json")
    new, kept = keys(onhook.data_dir)
    assert (done.code, done.json) == (0, {"key": new, "new": True, "sealed": before[0]["values"], "left": 0})
    assert kept == old
    assert stat.S_IMODE((onhook.data_dir / "master.key").stat().st_mode) == 0o600
    after = onhook("keys", "list", "--json").json
    assert after == [before[0] | {"key": new}, {"key": old, "place": "decrypts", "values": 0, "in": {}}]
    assert onhook("profile", "show", "crm").code == 0


def test_a_rotation_that_was_cut_short_is_finished_before_a_new_key_is_made(
    onhook: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dispatcher.adapters.sql.rekey.KeyRows.reseal", lambda _: iter(()))
    monkeypatch.setattr("dispatcher.adapters.vault.LOOK_SECONDS", 0)
    cut = onhook("keys", "rotate")
    assert cut.code == 1
    assert "values are sealed with other keys still" in cut.err
    monkeypatch.undo()
    two = keys(onhook.data_dir)
    done = onhook("keys", "rotate", "--json").json
    assert (done["new"], done["left"], keys(onhook.data_dir)) == (False, 0, two)


def test_a_store_that_was_open_before_goes_on_reading_and_then_seals_with_the_new_key(onhook: CommandLine) -> None:
    running = build_store(load_settings(data_dir=onhook.data_dir))
    try:
        assert onhook("keys", "rotate").code == 0
        profile = running.admin.profiles(DEFAULT_WORKSPACE)[0]
        assert profile.profile.spec.name == "crm"
        running.admin.disable_profile(profile.profile.id, 1, "test", profile.created_at)
        by_key = {row["key"]: row["values"] for row in onhook("keys", "list", "--json").json}
        assert by_key[keys(onhook.data_dir)[1]] == 0
    finally:
        running.engine.dispose()


def test_a_key_that_seals_nothing_is_pruned_once_every_process_knows_the_new_one(onhook: CommandLine) -> None:
    onhook("keys", "rotate")
    new, old = keys(onhook.data_dir)
    early = onhook("keys", "prune")
    assert (early.code, keys(onhook.data_dir)) == (1, [new, old])
    assert "Running processes may not know the new key yet" in early.err
    past = time.time() - 3 * LOOK_SECONDS
    os.utime(onhook.data_dir / "master.key", (past, past))
    assert onhook("keys", "prune", "--json").json == {"removed": [old]}
    assert keys(onhook.data_dir) == [new]
    assert onhook("keys", "prune").out == "There is no key that seals nothing.\n"
    found = {each["check"]: each["found"] for each in onhook("doctor", "--json").json}
    assert found["sealed values"] == "1 of 1 keys in use"


def test_a_key_that_seals_what_waits_in_a_spool_is_not_pruned(
    onhook: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dispatcher.adapters.vault.LOOK_SECONDS", 0)
    settings = load_settings(data_dir=onhook.data_dir)
    with build_spool(settings, source_of(), 1000) as spool:
        spool.append([b"stored", b"waiting"])
        spool.taken(spool.first(1)[0][1])
    onhook("keys", "rotate")
    new, old = keys(onhook.data_dir)
    refused = onhook("keys", "prune")
    assert (refused.code, keys(onhook.data_dir)) == (1, [new, old])
    assert "seals what waits in the spool of pbx" in refused.err
    with build_spool(settings, source_of(), 1000) as spool:
        assert [entry for entry, _ in spool.first(9)] == [b"waiting"]
        spool.taken(spool.first(9)[-1][1])
    assert onhook("keys", "prune", "--json").json == {"removed": [old]}


def test_a_key_that_seals_something_is_not_pruned(onhook: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dispatcher.adapters.sql.rekey.KeyRows.reseal", lambda _: iter(()))
    monkeypatch.setattr("dispatcher.adapters.vault.LOOK_SECONDS", 0)
    onhook("keys", "rotate")
    before = keys(onhook.data_dir)
    refused = onhook("keys", "prune")
    assert (refused.code, keys(onhook.data_dir)) == (1, before)
    assert "run `onhook keys rotate` first" in refused.err


@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def test_kept_wsdls_and_where_they_were_found_go_along_to_the_new_key(
    database: str, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    command: CommandLine = request.getfixturevalue("onhook")
    if database == "postgresql":
        url = request.getfixturevalue("postgresql_database")
        monkeypatch.setenv("ONHOOK_DATABASE_URL", url)
        prepare(load_settings(data_dir=command.data_dir, database_url=url))
    wsdl, profile, call = tmp_path / "crm.wsdl", tmp_path / "soap.yaml", tmp_path / "event.json"
    wsdl.write_bytes(service(3))
    kept = command("wsdl", "inspect", wsdl, "--json").json
    profile.write_text(
        "name: soap\ntrigger: {events: [call.finished]}\nrequest: {kind: soap, operation: do2, "
        f"wsdl: '{kept['content_hash']}', parameters: {{record: {{field0: '{{{{ call.id }}}}'}}}}}}\n"
    )
    assert command("profile", "apply", profile).code == 0
    call.write_text(json.dumps(event()))
    before = command("wsdl", "list").out, command("profile", "test", "soap", call, "--json").json["request"]
    assert b"field0>c1</" in before[1]["body"].encode()
    sealed = command("keys", "list", "--json").json[0]["in"]
    places = ("wsdl_contents.bundle", "wsdl_contents.description", "wsdl_versions.location")
    assert [sealed[place] for place in places] == [1, 1, 1]

    assert command("keys", "rotate").code == 0
    past = time.time() - 3 * LOOK_SECONDS
    os.utime(command.data_dir / "master.key", (past, past))
    (_, old) = keys(command.data_dir)
    assert command("keys", "prune", "--json").json == {"removed": [old]}
    assert [row["in"] for row in command("keys", "list", "--json").json] == [sealed]
    after = command("wsdl", "list").out, command("profile", "test", "soap", call, "--json").json["request"]
    assert (after[0], after[1]["body"]) == (before[0], before[1]["body"])


def test_with_keys_in_the_environment_it_says_what_to_do_and_then_does_its_part(
    onhook: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = (onhook.data_dir / "master.key").read_text().strip()
    new = new_key()
    assert len(decode_keys([new], "a test")[0]) == 32
    monkeypatch.setenv("ONHOOK_MASTER_KEY", old)
    told = onhook("keys", "rotate")
    assert (told.code, "ONHOOK_MASTER_KEY" in told.out) == (0, True)
    monkeypatch.setenv("ONHOOK_MASTER_KEY", f"{new},{old}")
    assert onhook("keys", "rotate", "--json").json["left"] == 0
    monkeypatch.setenv("ONHOOK_MASTER_KEY", new)
    assert onhook("profile", "show", "crm").code == 0
    assert onhook("keys", "prune").out == "There is no key that seals nothing.\n"


def test_doctor_notices_a_key_that_is_missing(onhook: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    (old,) = keys(onhook.data_dir)
    monkeypatch.setenv("ONHOOK_MASTER_KEY", new_key())
    found = {each["check"]: each for each in onhook("doctor", "--json").json}["sealed values"]
    assert (found["ok"], old in found["found"]) == (False, True)
    listed = onhook("keys", "list", "--json").json
    assert [(row["key"], row["place"]) for row in listed][1] == (old, "missing")
    stuck = onhook("keys", "rotate")
    assert (stuck.code, "Put a key that is missing" in stuck.err) == (1, True)


def test_a_vault_has_the_names_of_its_keys() -> None:
    assert Vault([b"a" * 32, b"b" * 32]).key_names() == [key_name(b"a" * 32), key_name(b"b" * 32)]
