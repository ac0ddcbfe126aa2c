"""`onhook credential`, each command run whole in this process on a SQLite database of its own."""

import io
import json
import sys
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
import yaml

from dispatcher.adapters.sql.store import open_store
from dispatcher.adapters.vault import Vault
from dispatcher.cli.first_run import locked, prepare
from dispatcher.settings import load_settings
from dispatcher.wiring import parse
from tests.contract.targets import Connection, Received, Target, answer
from tests.integration.cli_house import CommandLine, profile

DOCUMENT = {"name": "crm", "kind": "basic", "username": "jane", "password": "canary-1"}


@pytest.fixture
def onhook(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """The command line on a data directory as `onhook up` makes it, with loopback open."""
    for name in ("ONHOOK_DATA_DIR", "ONHOOK_DATABASE_URL", "ONHOOK_BROKER_URL", "ONHOOK_MASTER_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ONHOOK_EGRESS_ALLOW", "127.0.0.0/8")
    found = CommandLine(tmp_path / "data", capsys, monkeypatch)
    with locked(found.data_dir):
        prepare(load_settings(data_dir=found.data_dir))
    return found


def written(path: Path, document: Any) -> Path:
    path.write_text(yaml.safe_dump(document))
    return path


def secrets_of(onhook: CommandLine, name: str = "crm") -> tuple[str | None, str | None]:
    settings = load_settings(data_dir=onhook.data_dir)
    store = open_store(settings.sqlalchemy_url, Vault(settings.load_master_keys()), parse)
    (found,) = [each for each in store.admin.load_catalogue().credentials.values() if each.name == name]
    store.engine.dispose()
    return found.spec.secrets


def test_a_credential_is_applied_shown_and_listed_without_its_secret(onhook: CommandLine, tmp_path: Path) -> None:
    path = written(tmp_path / "crm.yaml", DOCUMENT)
    assert onhook("credential", "apply", path).out == "crm: created\n"
    assert onhook("credential", "apply", path).out == "crm: unchanged\n"
    shown = onhook("credential", "show", "crm", "--json").json
    assert (shown["username"], shown["password"], shown["revision"]) == ("jane", "***", 1)
    assert onhook("credential", "list", "--json").json == [shown]
    for words in (("list",), ("show", "crm"), ("list", "--json")):
        assert "canary" not in onhook("credential", *words).out
    changed = {key: value for key, value in shown.items() if key != "description"} | {"username": "john"}
    assert onhook("credential", "apply", written(path, changed)).out == "crm: updated\n"
    assert secrets_of(onhook) == ("canary-1", None)
    assert onhook("credential", "show", "none").err.startswith("onhook: There is no credential none")


def test_secrets_of_documents_come_from_files_and_variables(
    onhook: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secret").write_text("from-file\n")
    monkeypatch.setenv("CRM_SECRET", "from-variable")
    document = {**DOCUMENT, "password": {"file": str(tmp_path / "secret")}, "password_2": {"env": "CRM_SECRET"}}
    assert onhook("credential", "apply", written(tmp_path / "crm.yaml", document)).code == 0
    assert secrets_of(onhook) == ("from-file", "from-variable")
    document["password"] = {"env": "CRM_MISSING"}
    said = onhook("credential", "apply", written(tmp_path / "crm.yaml", document))
    assert (said.code, said.err) == (1, "onhook: The variable CRM_MISSING is not set.\n")


def test_a_document_that_is_refused_saves_nothing_of_the_others(onhook: CommandLine, tmp_path: Path) -> None:
    path = tmp_path / "several.yaml"
    path.write_text(yaml.safe_dump_all([DOCUMENT, {**DOCUMENT, "name": "b", "password": "canary\n2"}]))
    said = onhook("credential", "apply", path)
    assert (said.code, "canary" in said.err, "password: expected" in said.err) == (1, False, True)
    assert onhook("credential", "list", "--json").json == []


def test_a_secret_is_rotated_from_a_file_a_variable_and_standard_input(
    onhook: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    onhook("credential", "apply", written(tmp_path / "crm.yaml", DOCUMENT))
    (tmp_path / "secret").write_text("second\n")
    said = onhook("credential", "rotate", "crm", "--secret", 2, "--secret-file", tmp_path / "secret")
    assert (said.code, said.out) == (0, "crm: secret 2 set and preferred\n")
    assert secrets_of(onhook) == ("canary-1", "second")
    assert onhook("credential", "show", "crm", "--json").json["preferred"] == 2
    monkeypatch.setenv("CRM_SECRET", "third")
    onhook("credential", "rotate", "crm", "--secret", 1, "--secret-env", "CRM_SECRET")
    assert secrets_of(onhook) == ("third", "second")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"fourth\n")))
    onhook("credential", "rotate", "crm", "--secret", 1)
    assert secrets_of(onhook) == ("fourth", "second")
    assert onhook("credential", "rotate", "crm", "--secret", 2, "--retire").code == 0
    said = onhook("credential", "rotate", "crm", "--secret", 1, "--retire")
    assert (said.code, secrets_of(onhook)) == (1, ("fourth", None))


def test_a_credential_is_deleted_once_no_profile_uses_it(onhook: CommandLine, tmp_path: Path) -> None:
    profile_file = written(tmp_path / "calls.yaml", profile("calls", "https://crm.example/calls", credential="crm"))
    refused = onhook("profile", "apply", profile_file)
    assert (refused.code, "credential: expected" in refused.err) == (1, True)
    onhook("credential", "apply", written(tmp_path / "crm.yaml", DOCUMENT))
    assert onhook("profile", "apply", profile_file).code == 0
    kept = onhook("credential", "delete", "crm")
    assert (kept.code, "used by calls" in kept.err) == (1, True)
    assert "canary" not in onhook("profile", "export", "calls").out
    onhook("profile", "delete", "calls")
    assert onhook("credential", "delete", "crm").out == "crm: deleted\n"


def test_a_credential_is_tried_on_a_token_service_and_a_target(onhook: CommandLine, tmp_path: Path) -> None:
    def behave(connection: Connection, received: Received) -> None:
        authorization = dict(received.headers).get("Authorization")
        if received.path == "/token":
            good = authorization == "Basic " + b64encode(b"client:canary-1").decode()
            connection.send(answer(200 if good else 401, b'{"access_token":"canary-token","expires_in":600}'))
        else:
            connection.send(answer(200 if authorization == "Bearer canary-token" else 401, b"canary-body"))

    target = Target(behave)
    document = {"name": "crm", "kind": "oauth2_client_credentials", "token_url": f"{target.url}/token",
                "client_id": "client", "client_secret": "canary-1"}  # fmt: skip
    onhook("credential", "apply", written(tmp_path / "crm.yaml", document))
    said = onhook("credential", "test", "crm", "--url", f"{target.url}/me")
    assert (said.code, "canary" in said.out + said.err) == (0, False)
    assert "a token was obtained" in said.out
    assert "the target answered 200" in said.out
    told = json.loads(onhook("credential", "test", "crm", "--json").out)
    assert (told["ok"], told["token"]["obtained"], told["answer"]) == (True, True, None)
    (tmp_path / "secret").write_text("wrong")
    onhook("credential", "rotate", "crm", "--secret", 1, "--secret-file", tmp_path / "secret")
    failed = onhook("credential", "test", "crm")
    assert (failed.code, failed.out) == (1, "crm: no token (status: the token service answered 401)\n")
    target.stop()
