"""A credential from the document to the target and into the log: a whole worker in this process, without a broker."""

import threading
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from dispatcher.adapters.sql.schema import DEFAULT_SOURCE, DEFAULT_WORKSPACE
from dispatcher.adapters.sql.store import Store
from dispatcher.cli.first_run import locked, prepare
from dispatcher.clock import utc_now
from dispatcher.credentials import Credentials
from dispatcher.settings import load_settings
from dispatcher.wiring import CREDENTIAL_ENGINES, WorkerRuntime, build_store, build_worker, parse
from tests.contract.targets import Connection, Received, Target, answer
from tests.integration.cli_house import profile, until
from tests.unit.doubles import Events


@dataclass
class Site:
    """A worker, its store, and a target that takes one Authorization header and repeats what it got."""

    store: Store
    worker: WorkerRuntime
    taken: str
    events: Events = field(default_factory=lambda: Events(DEFAULT_WORKSPACE, DEFAULT_SOURCE))

    def __post_init__(self) -> None:
        self.target = Target(self.behave)
        self.ids: list[str] = []
        self.lock = threading.Lock()
        self.credentials = Credentials(self.store.admin, CREDENTIAL_ENGINES, utc_now)

    def behave(self, connection: Connection, received: Received) -> None:
        headers = dict(received.headers)
        with self.lock:
            self.ids.append(headers["webhook-id"])
        good = headers.get("Authorization") == self.taken
        echo = f"you are {headers.get('Authorization')}".encode()
        connection.send(answer(200 if good else 401, echo, (f"X-Echo: {headers.get('Authorization')}",)))

    def deliver(self) -> dict[str, Any]:
        """Posts an event and gives its delivery, with its attempts, once it is final."""
        event = self.events.new()
        self.store.hot.add_events([event], utc_now(), utc_now())
        self.worker.evaluate([event.id])

        def ended() -> dict[str, Any] | None:
            rows = self.store.admin.event(DEFAULT_WORKSPACE, event.id).deliveries  # type: ignore[union-attr]
            return rows[0] if rows and rows[0]["state"] in ("delivered", "dead") else None

        row = until(ended, 15)
        return {**row, "log": self.store.admin.attempts(DEFAULT_WORKSPACE, row["id"])}


def basic(secret: str) -> str:
    return "Basic " + b64encode(f"jane:{secret}".encode()).decode()


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("ONHOOK_EGRESS_ALLOW", "127.0.0.0/8")
    settings = load_settings(data_dir=tmp_path / "data")
    with locked(settings.data_dir):
        prepare(settings)
    worker, store = build_worker(settings), build_store(settings)
    made = Site(store, worker, basic("canary-1"))
    document = {"name": "crm", "kind": "basic", "username": "jane", "password": "canary-1"}
    made.credentials.create(DEFAULT_WORKSPACE, document)
    spec = parse(profile("calls", f"{made.target.url}/calls", credential="crm"))
    store.admin.create_profile(DEFAULT_WORKSPACE, spec, utc_now())
    yield made
    worker.stop(2)
    made.target.stop()
    store.hot.close()
    store.engine.dispose()


def test_a_delivery_carries_the_credential_and_its_log_shows_a_mask_in_its_place(site: Site) -> None:
    row = site.deliver()
    assert row["state"] == "delivered"
    [attempt] = row["log"]
    assert dict(attempt["request"]["headers"])["Authorization"] == "Basic ***"
    assert attempt["response"]["body"] == "you are Basic ***"
    assert dict(attempt["response"]["headers"])["x-echo"] == "Basic ***"
    assert "canary" not in repr(row)


def test_a_running_worker_goes_on_through_a_rotation_with_one_attempt_each(site: Site) -> None:
    assert site.deliver()["state"] == "delivered"
    site.credentials.rotate(DEFAULT_WORKSPACE, "crm", 2, "canary-2")
    row = site.deliver()
    assert (row["state"], row["attempts"], len(row["log"])) == ("delivered", 1, 1)
    assert len(site.ids) == 3
    assert site.ids[1] == site.ids[2] == str(row["id"])
    site.taken = basic("canary-2")
    row = site.deliver()
    assert (row["state"], row["attempts"], len(row["log"])) == ("delivered", 1, 1)
    site.credentials.rotate(DEFAULT_WORKSPACE, "crm", 1, None)
    assert site.deliver()["state"] == "delivered"


def test_a_credential_that_is_gone_ends_the_delivery_dead_and_nothing_is_sent(site: Site) -> None:
    with site.store.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM credentials")
        connection.exec_driver_sql("UPDATE catalogue SET version = version + 1")
    row = site.deliver()
    assert (row["state"], row["attempts"], site.ids) == ("dead", 0, [])
    assert "credential" in row["reason"]
