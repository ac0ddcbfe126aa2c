"""`onhook up`: real processes on loopback, SQLite and the embedded broker in a data directory of the test's own."""

import json
import os
import re
import signal
import stat
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dispatcher.cli.children import free_port
from tests.integration.cli_house import CommandLine, Sink, event, get, profile, session_of, start, until

pytestmark = pytest.mark.slow

STOP_SECONDS = 15.0
"""What a person or a platform waits before it kills."""


@dataclass
class Up:
    """A running `onhook up`."""

    process: subprocess.Popen[bytes]
    data_dir: Path
    url: str
    log: Path
    token_was_there_when_ready: bool = False

    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def child(self, command: str) -> int | None:
        """The pid of the process of that command."""
        return next((pid for pid, line in session_of(self.process.pid).items() if f"cli {command}" in line), None)


def begin(folder: Path, **extra: str) -> Up:
    port = free_port("127.0.0.1")
    log = folder / "up.log"
    words = ("up", "--data-dir", str(folder / "data"), "--host", "127.0.0.1", "--port", str(port))
    return Up(start(*words, out=log, **extra), folder / "data", f"http://127.0.0.1:{port}", log)


def end(up: Up) -> None:
    up.process.terminate()
    with suppress(subprocess.TimeoutExpired):
        up.process.wait(STOP_SECONDS + 5)
    for pid in session_of(up.process.pid):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """One for the tests that leave it running."""
    running = begin(tmp_path_factory.mktemp("up"))
    try:
        assert until(lambda: get(running.url + "/readyz") == 200), running.said()
        running.token_was_there_when_ready = (running.data_dir / "admin-token.json").exists()
        assert until(lambda: running.child("worker")), running.said()
        yield running
    finally:
        end(running)


@pytest.fixture
def onhook(up: Up, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    return CommandLine(up.data_dir, capsys, monkeypatch)


def written(folder: Path, content: Any) -> Path:
    path = folder / f"{time.monotonic_ns()}.json"
    path.write_text(json.dumps(content))
    return path


def test_a_new_data_directory_has_its_token_before_the_api_is_ready_and_shows_it_once(up: Up) -> None:
    assert up.token_was_there_when_ready
    path = up.data_dir / "admin-token.json"
    token = json.loads(path.read_text())
    assert list(token) == ["token", "secret_1", "secret_2"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(up.data_dir.stat().st_mode) == 0o700
    assert up.said().count(token["secret_1"]) == 1


def test_its_address_is_said_when_it_is_ready(up: Up) -> None:
    assert until(lambda: f"onhook: ready at {up.url} " in up.said(), 10)


def test_a_second_one_on_the_same_data_directory_is_refused_in_words(up: Up, tmp_path: Path) -> None:
    second = start("up", "--data-dir", str(up.data_dir), "--port", "0", out=tmp_path / "second.log")
    assert second.wait(30) == 1
    assert (tmp_path / "second.log").read_text() == (
        f"onhook: Another Onhook runs with the data directory {up.data_dir}. "
        "Stop that one first, or name another folder with --data-dir.\n"
    )


def test_a_taken_port_is_refused_in_words_and_nothing_is_left(up: Up, tmp_path: Path) -> None:
    port = up.url.rpartition(":")[2]
    second = start("up", "--data-dir", str(tmp_path / "other"), "--port", port, out=tmp_path / "second.log")
    assert second.wait(30) == 1
    assert f"onhook: The API cannot listen on 127.0.0.1:{port}: " in (tmp_path / "second.log").read_text()
    assert session_of(second.pid) == {}


def test_doctor_finds_everything_well(onhook: CommandLine) -> None:
    assert until(lambda: onhook("doctor").code == 0), onhook("doctor").out
    assert "FAIL" not in onhook("doctor").out


def test_an_event_sent_by_command_reaches_the_target_and_can_be_followed_and_replayed(
    onhook: CommandLine, up: Up, tmp_path: Path
) -> None:
    with Sink() as sink:
        tail = start("delivery", "tail", "--data-dir", str(up.data_dir), out=tmp_path / "tail.log")
        assert onhook("profile", "apply", written(tmp_path, profile("crm", sink.url + "/calls"))).code == 0
        assert onhook("event", "send", written(tmp_path, event(1))).code == 0
        assert until(lambda: sink.requests)
        path, headers, body = sink.requests[0]
        assert (path, json.loads(body)) == ("/calls", {"call": "c1", "seconds": 200})

        rows = until(lambda: onhook("delivery", "list", "--state", "delivered", "--call", "c1", "--json").json)
        assert [(row["id"], row["profile"], row["attempts"]) for row in rows] == [(headers["webhook-id"], "crm", 1)]
        shown = onhook("delivery", "show", rows[0]["id"]).out
        assert "last request\n  POST " in shown
        assert '  | {"call":"c1","seconds":200}' in shown
        assert until(
            lambda: f"{rows[0]['id']}  crm                   delivered  call c1" in said(tmp_path / "tail.log")
        )
        tail.send_signal(signal.SIGINT)
        assert tail.wait(10) == 0

        open_again = onhook("delivery", "replay", "--state", "delivered", "--profile", "crm")
        assert open_again.out == "1 delivery will be sent again.\n"
        assert until(lambda: len(sink.requests) == 2)
        assert sink.requests[1][1]["webhook-id"] == headers["webhook-id"]
        onhook("profile", "delete", "crm")


def said(path: Path) -> str:
    return path.read_text(errors="replace")


@pytest.mark.parametrize(("command", "name"), [("worker", "worker-[12]"), ("sweeper", "sweeper"), ("api", "api")])
def test_a_killed_process_is_started_again_with_a_line_that_says_so(up: Up, command: str, name: str) -> None:
    first = until(lambda: up.child(command))
    os.kill(first, signal.SIGKILL)
    line = rf"^onhook: {name} was ended by SIGKILL; starting it again in [0-9.]+ s$"
    assert until(lambda: re.search(line, up.said(), re.MULTILINE)), up.said()
    assert until(lambda: (pid := up.child(command)) and pid != first), up.said()
    assert until(lambda: get(up.url + "/readyz") == 200)


def test_sigterm_ends_all_of_it_in_time_and_a_restart_makes_no_new_token(tmp_path: Path) -> None:
    up = begin(tmp_path)
    try:
        assert until(lambda: get(up.url + "/readyz") == 200 and up.child("worker") and up.child("sweeper")), up.said()
        token = (up.data_dir / "admin-token.json").read_bytes()
        began = time.monotonic()
        up.process.terminate()
        assert up.process.wait(STOP_SECONDS) == 0
        assert time.monotonic() - began < STOP_SECONDS
        assert session_of(up.process.pid) == {}
        assert up.said().endswith("onhook: stopped\n")

        again = begin(tmp_path)
        try:
            assert until(lambda: get(again.url + "/readyz") == 200), again.said()
            assert (up.data_dir / "admin-token.json").read_bytes() == token
            assert again.said().count("secret_1") == 1
        finally:
            end(again)
    finally:
        end(up)


def test_what_its_supervisor_leaves_behind_when_it_is_killed_ends_by_itself(tmp_path: Path) -> None:
    up = begin(tmp_path)
    try:
        assert until(lambda: get(up.url + "/readyz") == 200 and up.child("worker") and up.child("sweeper")), up.said()
        up.process.kill()
        up.process.wait()
        assert until(lambda: session_of(up.process.pid) == {}, STOP_SECONDS)
    finally:
        end(up)
