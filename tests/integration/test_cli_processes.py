"""`onhook api`, `worker` and `sweeper`, each started alone as on machines of their own, with a broker by URL."""

import json
import signal
from pathlib import Path

import pytest

from dispatcher.cli.children import free_port
from dispatcher.master_key import generate_master_key
from tests.integration.cli_house import CommandLine, Sink, event, get, profile, start, until
from tests.support.redis import RedisServer

pytestmark = pytest.mark.slow


@pytest.fixture
def onhook(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, redis_server: RedisServer
) -> CommandLine:
    monkeypatch.setenv("ONHOOK_BROKER_URL", redis_server.url)
    made = CommandLine(tmp_path / "data", capsys, monkeypatch)
    generate_master_key(made.data_dir)
    assert made("db", "upgrade").code == 0
    return made


def test_each_runs_alone_with_options_and_ends_well_on_sigterm(
    onhook: CommandLine, redis_server: RedisServer, tmp_path: Path
) -> None:
    port = free_port("127.0.0.1")
    where = ("--data-dir", str(onhook.data_dir), "--broker-url", redis_server.url)
    processes = {
        name: start(name, *options, *where, out=tmp_path / f"{name}.log")
        for name, options in {
            "api": ("--host", "127.0.0.1", "--port", str(port)),
            "worker": ("--threads", "2"),
            "sweeper": (),
        }.items()
    }
    try:
        assert until(lambda: get(f"http://127.0.0.1:{port}/readyz") == 200), (tmp_path / "api.log").read_text()
        assert until(lambda: onhook("doctor").code == 0), onhook("doctor").out
        with Sink() as sink:
            (tmp_path / "p.json").write_text(json.dumps(profile("crm", sink.url + "/calls")))
            (tmp_path / "e.json").write_text(json.dumps(event()))
            assert onhook("profile", "apply", tmp_path / "p.json").code == 0
            assert onhook("event", "send", tmp_path / "e.json").code == 0
            assert until(lambda: len(sink.requests) == 1), (tmp_path / "worker.log").read_text()
        for process in processes.values():
            process.send_signal(signal.SIGTERM)
        assert {name: process.wait(15) for name, process in processes.items()} == {"api": 0, "worker": 0, "sweeper": 0}
    finally:
        for process in processes.values():
            process.kill()


def test_an_api_that_cannot_listen_says_so_and_ends_with_1(onhook: CommandLine, tmp_path: Path) -> None:
    with Sink() as sink:
        port = sink.url.rpartition(":")[2]
        words = ("api", "--port", port, "--data-dir", str(onhook.data_dir))
        assert start(*words, out=tmp_path / "api.log").wait(60) == 1
    said = (tmp_path / "api.log").read_text()
    assert said == (
        f"onhook: The API cannot listen on 127.0.0.1:{port}: Address already in use. "
        "Choose another with --host and --port.\n"
    )
