"""Egress proxies from the setting to the target: the command line, and a whole worker in this process."""

import io
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from dispatcher.adapters.sql.schema import DEFAULT_SOURCE, DEFAULT_WORKSPACE
from dispatcher.adapters.sql.store import Store
from dispatcher.cli.first_run import locked, prepare
from dispatcher.clock import utc_now
from dispatcher.settings import load_settings
from dispatcher.wiring import WorkerRuntime, build_store, build_worker, parse
from tests.contract.proxies import OPEN, Proxy, refuses
from tests.contract.targets import Target, answer, free_port, says
from tests.integration.cli_house import CommandLine, profile, until
from tests.unit.doubles import Events


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


@dataclass
class Site:
    """A worker whose one profile posts to `target`."""

    store: Store
    worker: WorkerRuntime
    target: Target
    events: Events = field(default_factory=lambda: Events(DEFAULT_WORKSPACE, DEFAULT_SOURCE))

    def post(self) -> UUID:
        """Evaluates an event, and so sends it; the event's id."""
        event = self.events.new()
        self.store.hot.add_events([event], utc_now(), utc_now())
        self.worker.evaluate([event.id])
        return event.id

    def row(self, event_id: UUID, **expected: Any) -> dict[str, Any]:
        """The event's delivery, with its attempts, once it is as expected."""

        def there() -> dict[str, Any] | None:
            record = self.store.admin.event(DEFAULT_WORKSPACE, event_id)
            [row] = record.deliveries if record else [{}]
            log = self.store.admin.attempts(DEFAULT_WORKSPACE, row["id"])
            return {**row, "log": log} if log and expected.items() <= row.items() else None

        found = until(there, 15)
        assert found is not None
        return found


@pytest.fixture(params=["curl", "requests"])
def site(onhook: CommandLine, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[Site]:
    monkeypatch.setenv("ONHOOK_SENDER", request.param)
    settings = load_settings(data_dir=onhook.data_dir)
    worker, store, target = build_worker(settings), build_store(settings), Target(says(answer()))
    store.admin.create_profile(DEFAULT_WORKSPACE, parse(profile("calls", f"{target.url}/calls")), utc_now())
    yield Site(store, worker, target)
    worker.stop(2)
    target.stop()
    store.hot.close()
    store.engine.dispose()


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    made = Proxy()
    yield made
    made.stop()


def test_a_running_worker_takes_note_of_the_proxy_and_of_its_end(site: Site, proxy: Proxy, onhook: CommandLine) -> None:
    site.row(site.post(), state="delivered")
    assert proxy.asked == []
    assert onhook("workspace", "set", "--egress-proxy", proxy.with_login("jane", "hunter2")).code == 0
    site.row(site.post(), state="delivered")
    assert proxy.asked == [f"127.0.0.1:{site.target.port}"]
    assert onhook("workspace", "set", "--no-egress-proxy").code == 0
    site.row(site.post(), state="delivered")
    assert (len(proxy.asked), len(site.target.received)) == (1, 3)


def test_a_proxy_that_is_away_spends_no_attempt_of_the_target_and_pauses(site: Site, onhook: CommandLine) -> None:
    onhook("workspace", "set", "--egress-proxy", f"http://127.0.0.1:{free_port()}")
    before = utc_now()
    row = site.row(site.post(), state="retrying")
    assert (row["attempts"], row["reason"]) == (0, "proxy: no connection to the proxy")
    assert timedelta(seconds=7) < row["due_at"] - before < timedelta(seconds=14)
    [attempt] = row["log"]
    assert (attempt["error"], attempt["outcome"]) == ("proxy", "our_fault")
    assert site.target.connections == []


def test_what_a_proxy_refused_is_delivered_as_the_first_attempt_when_it_opens(
    site: Site, proxy: Proxy, onhook: CommandLine
) -> None:
    proxy.answers[:] = [refuses(407), OPEN]
    onhook("workspace", "set", "--egress-proxy", proxy.url)
    event_id = site.post()
    row = site.row(event_id, state="retrying")
    assert row["reason"] == "proxy: the proxy asks for another user and password"
    profile_id = next(iter(site.store.admin.load_catalogue().profiles))
    # The pause is not waited out: it is taken as due.
    with site.store.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE deliveries SET due_at = 0, wake_at = 0")
    site.worker.deliver(profile_id, [row["id"]])
    done = site.row(event_id, state="delivered")
    assert (done["attempts"], [each["outcome"] for each in done["log"]]) == (1, ["our_fault", "delivered"])


# --- the command line


def test_the_proxy_is_shown_with_its_password_masked(onhook: CommandLine) -> None:
    assert onhook("workspace", "show", "--json").json == {"name": "default", "egress_proxy": None}
    said = onhook("workspace", "set", "--egress-proxy", "http://jane:hunter2@proxy.example:3128")
    assert said.out == "name          default\negress_proxy  http://jane:********@proxy.example:3128\n"
    assert "hunter2" not in onhook("workspace", "show").out


def test_the_proxy_is_read_from_standard_input(onhook: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("http://proxy.example:3128\n"))
    said = onhook("workspace", "set", "--egress-proxy", "-", "--json")
    assert said.json == {"name": "default", "egress_proxy": "http://proxy.example:3128"}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "onhook: Say either --egress-proxy URL or --no-egress-proxy.\n"),
        (
            ["--egress-proxy", "http://proxy.example:3128", "--no-egress-proxy"],
            "onhook: Say either --egress-proxy URL or --no-egress-proxy.\n",
        ),
        (
            ["--egress-proxy", "socks5://jane:hunter2@proxy.example:1"],
            "onhook: expected http://[user:password@]host:port, got a URL whose scheme is not http.\n",
        ),
    ],
)
def test_what_cannot_be_set_is_a_sentence(onhook: CommandLine, words: list[str], sentence: str) -> None:
    said = onhook("workspace", "set", *words)
    assert (said.code, said.err) == (1, sentence)
    assert onhook("workspace", "show", "--json").json["egress_proxy"] is None
