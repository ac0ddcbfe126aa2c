"""`onhook listen` and `onhook replay-dir` as people start them, on a database of their own."""

import json
import os
import re
import signal
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from threading import Event
from typing import Any
from uuid import UUID

import pytest

from dispatcher.adapters.listeners.record import packed
from dispatcher.adapters.listeners.smdr import Address
from dispatcher.adapters.sql.store import Store, open_store
from dispatcher.adapters.vault import Vault
from dispatcher.cli.first_run import locked, prepare
from dispatcher.cli.listen import _address
from dispatcher.listener_wiring import build_spool, find_source, listening
from dispatcher.ports import Depth, StoreUnavailable
from dispatcher.settings import load_settings
from dispatcher.wiring import parse
from tests.integration.cli_house import CommandLine, start, until
from tests.support.maxcontact import LOGIN, PASSWORD, running_dialler
from tests.unit.doubles import WORKSPACE
from tests.unit.listener_doubles import avaya, record


@pytest.fixture
def onhook(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """The command line on a data directory as `onhook up` makes it."""
    for name in ("ONHOOK_DATA_DIR", "ONHOOK_DATABASE_URL", "ONHOOK_BROKER_URL", "ONHOOK_MASTER_KEY"):
        monkeypatch.delenv(name, raising=False)
    line = CommandLine(tmp_path / "data", capsys, monkeypatch)
    with locked(line.data_dir):
        prepare(load_settings(data_dir=line.data_dir))
    return line


@pytest.fixture
def store(onhook: CommandLine) -> Iterator[Store]:
    settings = load_settings(data_dir=onhook.data_dir)
    opened = open_store(settings.sqlalchemy_url, Vault(settings.load_master_keys()), parse)
    with closing(opened.hot):
        yield opened
    opened.engine.dispose()


def add_source(onhook: CommandLine, tmp_path: Path, name: str, spoken: str, **members: Any) -> None:
    file = tmp_path / f"{name}.json"
    file.write_text(json.dumps({"name": name, "format": spoken, **members}))
    assert onhook("source", "apply", file).code == 0


def calls(store: Store) -> list[str]:
    with store.engine.connect() as connection:
        return sorted(row[0] for row in connection.exec_driver_sql("SELECT call_id FROM events"))


def taken(store: Store) -> int:
    """Records of calls, assembled or not yet."""
    with store.engine.connect() as connection:
        tables = {row[0] for row in connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'")}
        names = [each for each in ("events", "call_parts") if each in tables]
        return sum(connection.exec_driver_sql(f"SELECT count(*) FROM {each}").scalar_one() for each in names)


def ended(process: subprocess.Popen[bytes]) -> int:
    process.send_signal(signal.SIGTERM)
    return process.wait(30)


def test_smdr_lines_are_stored_and_the_listener_ends_when_it_is_told(onhook: CommandLine, store: Store, tmp_path: Path):
    add_source(onhook, tmp_path, "ipo", "smdr_avaya")
    out = tmp_path / "out"
    process = start(
        "listen", "smdr", "--source", "ipo", "--bind", "127.0.0.1:0", "--data-dir", str(onhook.data_dir), out=out
    )
    try:
        assert until(lambda: b"listener.listening" in out.read_bytes())
        port = int(re.search(rb'"port":\s*(\d+)', out.read_bytes())[1])  # type: ignore[index]
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(avaya(1) + b"\r\n" + avaya(2) + b"\r\n")
        assert until(lambda: taken(store) == 2)
        again = onhook("listen", "smdr", "--source", "ipo", "--bind", "127.0.0.1:0")
        assert (again.code, "Another listener of this source is running" in again.err) == (1, True)
    finally:
        code = ended(process)
    assert code == 0
    assert b"4155550100" not in out.read_bytes()
    spool = onhook.data_dir / "spool" / "ipo"
    assert all(b"4155550100" not in each.read_bytes() for each in spool.iterdir())


def test_a_killed_listener_loses_nothing_that_lay_in_its_spool(onhook: CommandLine, store: Store, tmp_path: Path):
    add_source(onhook, tmp_path, "ipo", "smdr_avaya")
    source = store.admin.source("ipo")
    assert source is not None
    with build_spool(load_settings(data_dir=onhook.data_dir), source, 1_000_000) as spool:
        spool.append([packed(record(avaya(7)))])
    out = tmp_path / "out"
    process = start(
        "listen", "smdr", "--source", "ipo", "--bind", "127.0.0.1:0", "--data-dir", str(onhook.data_dir), out=out
    )
    try:
        assert until(lambda: taken(store) == 1)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait(10)


def test_while_the_database_is_away_a_listener_starts_with_the_source_as_it_was_last_seen(
    onhook: CommandLine, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    add_source(onhook, tmp_path, "ipo", "smdr_avaya", time_zone="Europe/London")
    settings = load_settings(data_dir=onhook.data_dir)
    source = store.admin.source("ipo")
    assert source is not None

    def away(_: str) -> None:
        raise StoreUnavailable("away")

    with build_spool(settings, source, 1000):
        assert find_source(settings, store, "ipo") == source
    monkeypatch.setattr(store.admin, "source", away)
    assert find_source(settings, store, "ipo") == source
    with pytest.raises(StoreUnavailable):
        find_source(settings, store, "other")
    monkeypatch.setenv("ONHOOK_MASTER_KEY", "A" * 43 + "=")
    with pytest.raises(StoreUnavailable):
        find_source(load_settings(data_dir=onhook.data_dir), store, "ipo")


def test_a_broker_that_hangs_holds_up_nothing_and_what_is_stored_is_hinted_by_the_end(
    onhook: CommandLine, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    class Hanging:
        def __init__(self) -> None:
            self.answers, self.hinted = Event(), 0

        def depth(self) -> Depth:
            assert self.answers.wait(20)
            return Depth(0, 0)

        def evaluate(self, ids: Sequence[UUID]) -> None:
            assert self.answers.wait(20)
            self.hinted += len(ids)

    broker = Hanging()
    monkeypatch.setattr("dispatcher.listener_wiring.build_hints", lambda _: broker)
    add_source(onhook, tmp_path, "pbx", "generic")
    source = store.admin.source("pbx")
    assert source is not None
    with listening(load_settings(data_dir=onhook.data_dir), source, store) as listener:
        for number in (1, 2):
            body = json.dumps({"type": "call.finished", "call": {"id": f"c{number}"}}).encode()
            listener.intake.store([record(body, identity=f"file:{number}")])
            assert not broker.answers.is_set()
        assert calls(store) == ["c1", "c2"]
        broker.answers.set()
    assert broker.hinted == 2


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("smdr", "--source", "ipo"), "usually --bind HOST:PORT"),
        (("smdr", "--source", "nobody", "--bind", "127.0.0.1:0"), "There is no source nobody"),
        (("smdr", "--source", "ipo", "--bind", "9000"), "9000 is no HOST:PORT"),
        (("ari", "--source", "ipo", "--url", "ws://x", "--login-env", "NOT_SET_AT_ALL"), "NOT_SET_AT_ALL is not set"),
        (("ari", "--source", "ipo", "--url", "ws://x", "--credential", "none"), "There is no credential none"),
        (("ari", "--source", "ipo", "--url", "ws://u:p@x"), "belong into a credential"),
        (("redis-stream", "calls", "--source", "ipo"), "Name one of --url or --url-env"),
        (("maxcontact", "--source", "ipo"), "has the format smdr_avaya, not maxcontact"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(
    onhook: CommandLine, tmp_path: Path, words: tuple[str, ...], expected: str
):
    add_source(onhook, tmp_path, "ipo", "smdr_avaya")
    said = onhook("listen", *words)
    assert (said.code, expected in said.err) == (1, True)


def test_maxcontact_is_asked_and_a_call_that_is_gone_is_stored(onhook: CommandLine, store: Store, tmp_path: Path):
    with running_dialler() as dialler:
        config = {"url": dialler.url, "credential": "mc", "users": {"17": "John Doe"}, "interval_seconds": 0.5,
                  "idle_seconds": 0.5, "recording_states": {"1": "started", "0": "stopped"}}  # fmt: skip
        add_source(onhook, tmp_path, "dialler", "maxcontact", config=config)
        credential = tmp_path / "credential.json"
        login = {"url": dialler.url + "/webservices/services/apitoken/login/{username}"}
        credential.write_text(json.dumps(
            {"name": "mc", "kind": "token_login", "username": LOGIN, "password": PASSWORD, "login": login,
             "token_in": {"json": "$.TokenKey"}, "expires_in": {"json": "$.Expiry"}}
        ))  # fmt: skip
        assert onhook("credential", "apply", credential).code == 0
        number = dialler.call("17", "2026-11-20T10:00:00")
        out = tmp_path / "out"
        process = start("listen", "maxcontact", "--source", "dialler", "--data-dir", str(onhook.data_dir), out=out)
        try:
            assert until(lambda: len(dialler.asked) >= 2)
            dialler.change("17", number, RecordingState=1)
            assert until(lambda: len(calls(store)) == 1)
            for failure in ("status", "unsuccessful", "empty", "page", "hang_up"):
                dialler.fails_with = failure
                seen = len(dialler.asked)
                if failure != "hang_up":
                    assert until(lambda seen=seen: len(dialler.asked) > seen)
            dialler.fails_with, dialler.speaks_xml = None, True
            seen = len(dialler.asked)
            assert until(lambda: len(dialler.asked) > seen)
            assert len(calls(store)) == 1
            dialler.hang_up("17", number)
            assert until(lambda: len(calls(store)) == 2)
        finally:
            code = ended(process)
        assert (code, dialler.logins) == (0, 1)
    assert len(set(calls(store))) == 1
    page = store.admin.call(WORKSPACE, calls(store)[0])
    assert page is not None
    said = out.read_bytes()
    assert not any(secret in said for secret in (PASSWORD.encode(), b"token-1", b"4155550100", b"Jane"))


@pytest.mark.parametrize(
    ("bind", "connect", "spoken", "expected"),
    [
        ("0.0.0.0:9000", None, "smdr_avaya", Address("0.0.0.0", 9000)),
        ("[::1]:9000", None, "smdr_avaya", Address("::1", 9000)),
        (None, "10.0.0.7", "smdr_mitel", Address("10.0.0.7", 1752)),
        (None, "[2001:db8::7]", "smdr_esi", Address("2001:db8::7", 59_003)),
        (None, "pbx.example:2000", "smdr_mitel", Address("pbx.example", 2000)),
    ],
)
def test_an_address_is_read_with_the_port_that_is_usual(
    bind: str | None, connect: str | None, spoken: str, expected: Address
):
    assert _address(bind, connect, spoken) == expected


@pytest.fixture
def left(tmp_path: Path) -> Path:
    folder = tmp_path / "left"
    folder.mkdir()
    for number in (1, 2):
        (folder / f"{number}.json").write_text(json.dumps({"type": "call.finished", "call": {"id": f"c{number}"}}))
    return folder


def test_a_folder_is_stored_once_and_the_summary_says_what_became_of_it(
    onhook: CommandLine, store: Store, tmp_path: Path, left: Path
):
    add_source(onhook, tmp_path, "pbx", "generic")
    dry = onhook("replay-dir", left, "--source", "pbx", "--dry-run", "--json")
    assert (dry.code, dry.json["understood"], calls(store)) == (0, 2, [])
    first = onhook("replay-dir", left, "--source", "pbx")
    assert (first.code, calls(store)) == (0, ["c1", "c2"])
    assert first.out.splitlines()[0] == "2 files read, 0 stored by an earlier run, 0 moved."
    again = onhook("replay-dir", left, "--source", "pbx", "--move-done", "--json")
    assert again.json == {
        "files": 0, "files_before": 2, "files_left": [], "not_files": 0, "moved": 2, "understood": 0,
        "nothing_to_keep": 0, "quarantined": 0, "dry_run": False,
    }  # fmt: skip
    assert calls(store) == ["c1", "c2"]


def test_what_is_not_understood_or_no_file_is_said_and_the_exit_code_tells(
    onhook: CommandLine, tmp_path: Path, left: Path
):
    add_source(onhook, tmp_path, "pbx", "generic")
    (left / "3.json").write_text("what")
    (left / "4.json").symlink_to(left / "1.json")
    said = onhook("replay-dir", left, "--source", "pbx")
    assert said.code == 1
    assert "1 kept in quarantine because they are not understood" in said.out
    assert "1 links, pipes or devices were passed over." in said.out
    assert onhook("replay-dir", left / "no", "--source", "pbx").code == 1
    assert onhook("replay-dir", left, "--source", "pbx", "--layout", "odd").err.startswith("onhook: --layout is one of")
