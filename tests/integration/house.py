"""A running Onhook of separate processes (api, workers, sweepers), as on machines of their own, for tests to break."""

import base64
import http.client
import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from dispatcher.cli.children import free_port
from dispatcher.cli.first_run import prepare
from dispatcher.settings import load_settings
from tests.integration.cli_house import event, get, start, until
from tests.integration.target import Target
from tests.support.redis import RedisServer

LONG = 10 if os.environ.get("ONHOOK_LONG") == "1" else 1
"""The long form has ten times the events: `docs/chaos.md`."""
WITHIN_SECONDS = 60.0
"""Generous: the machine that runs the tests may do much else meanwhile. What must be prompt is asserted in numbers."""


@dataclass(frozen=True)
class Answered:
    """What the API said, and how long it took."""

    status: int
    body: Any
    headers: dict[str, str]
    seconds: float


@dataclass
class House:
    """`with House(folder, broker) as house`: everything runs and is ready. Settings go by `environment`."""

    folder: Path
    broker: RedisServer
    database_url: str | None = None
    workers: int = 1
    sweepers: int = 1
    environment: dict[str, str] = field(default_factory=dict)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def __enter__(self) -> Self:
        self.data_dir = self.folder / "data"
        self.data_dir.mkdir(mode=0o700)
        minted = prepare(load_settings(data_dir=self.data_dir, database_url=self.database_url))
        assert minted is not None
        secret = f"{minted.token.id}:{minted.secret_1}"
        self.authorization = "Basic " + base64.b64encode(secret.encode()).decode()
        self.port = free_port("127.0.0.1")
        self.url = f"http://127.0.0.1:{self.port}"
        try:
            for name in self.names():
                self.start(name)
            assert until(lambda: get(self.url + "/readyz") == 200), self.log("api")
            assert until(lambda: self.consumers() >= self.workers), self.log("worker-1")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.processes.values():
            process.send_signal(signal.SIGCONT)
            process.kill()
        for process in self.processes.values():
            process.wait(10)

    def names(self) -> list[str]:
        workers = [f"worker-{number}" for number in range(1, self.workers + 1)]
        return ["api", *workers, *(f"sweeper-{number}" for number in range(1, self.sweepers + 1))]

    def start(self, name: str) -> None:
        """Starts the process of that name, or starts it again."""
        command = name.partition("-")[0]
        words = [command, "--data-dir", str(self.data_dir), "--broker-url", self.broker.url]
        if self.database_url is not None:
            words += ["--database-url", self.database_url]
        if command == "api":
            words += ["--host", "127.0.0.1", "--port", str(self.port)]
        extra = {"ONHOOK_LOG_FORMAT": "json", **self.environment}
        self.processes[name] = start(*words, out=self.folder / f"{name}.log", **extra)

    def settings(self) -> dict[str, str]:
        """As variables, for whatever else is to work with this house."""
        given = {"ONHOOK_DATA_DIR": str(self.data_dir), "ONHOOK_BROKER_URL": self.broker.url, **self.environment}
        return given | ({"ONHOOK_DATABASE_URL": self.database_url} if self.database_url else {})

    def kill(self, name: str) -> None:
        """SIGKILL, and its end."""
        self.processes[name].kill()
        self.processes[name].wait(10)

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def consumers(self) -> int:
        """How many workers wait for hints at the broker."""
        with self.broker.client() as client:
            return sum(each["cmd"] == "brpop" for each in client.client_list())

    def ended(self) -> dict[str, int]:
        """Exit codes of what runs no more: a bad day must end nothing."""
        return {name: code for name, process in self.processes.items() if (code := process.poll()) is not None}

    # --- the API

    def call(self, method: str, path: str, body: Any = None, timeout: float = 30.0) -> Answered:
        """One request; status 0 where nobody answered."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"content-type": "application/json", "authorization": self.authorization}
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        began = time.monotonic()
        try:
            try:
                answer = urllib.request.urlopen(request, timeout=timeout)
            except urllib.error.HTTPError as refused:
                answer = refused
            with answer:
                return _answered(answer, began)
        except (OSError, http.client.HTTPException):  # nobody there, or killed in the middle of its answer
            return Answered(0, None, {}, time.monotonic() - began)

    def ok(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.call(method, path, body)
        assert answer.status < 300, (method, path, answer)
        return answer.body

    def add_profile(self, name: str, url: str, **over: Any) -> None:
        self.ok("POST", "/v1/profiles", profile(name, url, **over))

    def post(self, numbers: Sequence[int], **call: Any) -> list[str]:
        """Posts events of these numbers in one batch, all of them new; our ids."""
        answered = self.ok("POST", "/v1/events", {"events": [event(number, **call) for number in numbers]})
        assert not any(each["duplicate"] for each in answered["events"])
        return [each["id"] for each in answered["events"]]

    def deliveries(self, **chosen: Any) -> list[dict[str, Any]]:
        """All of them."""
        query = "&".join(f"{name}={value}" for name, value in chosen.items())
        found: list[dict[str, Any]] = []
        cursor = ""
        while True:
            page = self.ok("GET", f"/v1/deliveries?limit=1000&{query}{cursor}")
            found += page["items"]
            if page["next"] is None:
                return found
            cursor = f"&cursor={page['next']}"

    def attempts(self, delivery_id: str) -> list[dict[str, Any]]:
        return list(self.ok("GET", f"/v1/deliveries/{delivery_id}/attempts")["items"])

    def books(self) -> dict[str, Any]:
        return dict(self.ok("GET", "/v1/stats"))

    def settled(self, count: int, **state: int) -> bool:
        """Whether the books show `count` deliveries and no other than final ones, these many by state."""
        books = self.books()
        by_state = {name: number for name, number in books["by_state"].items() if number}
        return bool(books["made"] == count and by_state == state and books["accepted"] == books["evaluated"])

    def await_settled(self, count: int, seconds: float = WITHIN_SECONDS, **state: int) -> None:
        """Fails with the books where that does not come to be in time."""
        assert until(lambda: self.settled(count, **state), seconds), self.books()


def profile(name: str, url: str, **over: Any) -> dict[str, Any]:
    """A profile that posts the call's id, for finished calls whose `custom.for` names it, or no one."""
    body = {"kind": "json", "value": {"call": "{{ call.id }}"}}
    request = {"kind": "rest", "method": "POST", "url": url, "body": body}
    return {"name": name, "trigger": {"events": ["call.finished"]}, "request": request, "timeout_seconds": 5, **over}


def only_for(name: str) -> dict[str, Any]:
    """A trigger for events that carry this word."""
    return {"events": ["call.finished"], "criteria": {"all": [{"field": "call.group", "op": "eq", "value": name}]}}


def everything(target: Target, count: int, seconds: float = WITHIN_SECONDS) -> set[str]:
    """Waits until so many different deliveries have reached the target, and returns their ids."""
    until(lambda: len(set(target.ids())) >= count, seconds)
    ids = set(target.ids())
    assert len(ids) == count
    return ids


def seconds_until(there: Callable[[], Any], at_most: float = WITHIN_SECONDS) -> float:
    """How long it takes; fails where it never comes."""
    began = time.monotonic()
    assert until(there, at_most)
    return time.monotonic() - began


def _answered(response: Any, began: float) -> Answered:
    text = response.read()
    body: Any = text
    with suppress(ValueError):
        body = json.loads(text)
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Answered(int(response.status), body, headers, time.monotonic() - began)
