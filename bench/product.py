"""Starts Onhook as a user would, `onhook up`, and talks to it by its public interface only."""

import base64
import contextlib
import json
import os
import shlex
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import sqlalchemy

from bench.proof import ROOT
from bench.servers import end
from bench.sockets import free_port

READY_SECONDS = 40
COMMAND_VARIABLE = "BENCH_ONHOOK"
"""How to call `onhook`, where it is neither beside this Python nor on the PATH."""


def command() -> list[str]:
    """The `onhook` of this virtual environment, else of the PATH, else the checkout's own."""
    if given := os.environ.get(COMMAND_VARIABLE):
        return shlex.split(given)
    beside = Path(sys.executable).with_name("onhook")
    found = str(beside) if beside.exists() else shutil.which("onhook")
    return [found] if found else [sys.executable, "-m", "dispatcher.cli"]


def profile(name: str, url: str, campaign: str | None = None, **over: Any) -> dict[str, Any]:
    """A profile that posts a small JSON and `X-Event`, the event's id; with a campaign, for its calls alone."""
    criteria = {"all": [{"field": "call.duration_seconds", "op": "ge", "value": 1}]}
    if campaign is not None:
        criteria["all"].append({"field": "call.campaign", "op": "eq", "value": campaign})
    value = {
        "call": "{{ call.id }}",
        "recording": "{{ call.recording.url }}",
        "agent": "{{ call.agent.name }}",
        "seconds": "{{ call.duration_seconds }}",
    }
    request = {
        "kind": "rest",
        "method": "POST",
        "url": url,
        "headers": [{"name": "X-Event", "value": "{{ call.id }}"}],
        "body": {"kind": "json", "value": value},
    }
    return {
        "name": name,
        "enabled": True,
        "trigger": {"events": ["call.finished"], "criteria": criteria},
        "request": request,
        **over,
    }


def _sql_url(database_url: str | None, data: Path) -> str:
    if database_url is not None:
        return database_url.replace("postgresql://", "postgresql+psycopg://")
    files = [p for p in data.rglob("*") if p.is_file() and p.open("rb").read(15) == b"SQLite format 3"]
    if len(files) != 1:
        raise RuntimeError(f"one SQLite database expected below {data}, found {len(files)}")
    return f"sqlite:///{files[0]}"


class Onhook:
    """A running `onhook up` on a new data directory."""

    name = "onhook"

    def __init__(
        self, folder: Path, options: Sequence[str] = (), database_url: str | None = None, **environment: str
    ) -> None:
        port = free_port()
        self.base = f"http://127.0.0.1:{port}"
        self.url = f"{self.base}/v1/events"
        self.command = [
            *command(),
            "up",
            "--data-dir",
            str(folder / "data"),
            "--host",
            "127.0.0.1",
            "--port",
            str(port),
            *options,
        ]
        if database_url is not None:
            self.command += ["--database-url", database_url]
        self.environment = {"ONHOOK_EGRESS_ALLOW": "127.0.0.0/8", **environment}
        path = os.pathsep.join([str(ROOT), str(ROOT / "workers"), *filter(None, [os.environ.get("PYTHONPATH")])])
        self.log = folder / "onhook.log"
        self._out = self.log.open("ab")
        began = time.monotonic()
        self.process = subprocess.Popen(
            self.command,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": path, **self.environment},
            stdout=self._out,
            stderr=self._out,
            start_new_session=True,
        )
        self._wait()
        self.start_seconds = round(time.monotonic() - began, 2)
        self._engine = sqlalchemy.create_engine(_sql_url(database_url, folder / "data"))
        token = json.loads((folder / "data" / "admin-token.json").read_text())
        self.authorization = "Basic " + base64.b64encode(f"{token['token']}:{token['secret_1']}".encode()).decode()

    def _wait(self) -> None:
        give_up = time.monotonic() + READY_SECONDS
        while time.monotonic() < give_up and self.process.poll() is None:
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{self.base}/readyz", timeout=1):
                return
            time.sleep(0.05)
        end(self.process)
        raise RuntimeError(
            f"onhook up was not ready in {READY_SECONDS} s:\n{self.log.read_text(errors='replace')[-2000:]}"
        )

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """One call of the interface; raises RuntimeError with the answer where it is refused."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": self.authorization, "Content-Type": "application/json"}
        try:
            with urllib.request.urlopen(
                urllib.request.Request(self.base + path, data=data, method=method, headers=headers), timeout=120
            ) as answer:
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as refused:
            raise RuntimeError(f"{method} {path}: {refused.code} {refused.read()[:300]!r}") from refused

    def add(self, wanted: dict[str, Any]) -> None:
        """Makes a profile."""
        self.ask("POST", "/v1/profiles", wanted)

    def roots(self) -> dict[str, int]:
        """The process whose tree is the product; an embedded broker is part of it."""
        return {"onhook": self.process.pid}

    @property
    def engine(self) -> sqlalchemy.Engine:
        """Its database, for what only counting there can show."""
        return self._engine

    def delivered(self) -> int:
        """Deliveries recorded as delivered, counted in the database: asking must not load the API that is measured."""
        with self._engine.connect() as connection:
            return int(
                connection.execute(
                    sqlalchemy.text("SELECT count(*) FROM deliveries WHERE state = 'delivered'")
                ).scalar_one()
            )

    def by_state(self) -> dict[str, int]:
        """Deliveries by state, for the report of a run that did not end."""
        with self._engine.connect() as connection:
            rows = connection.execute(sqlalchemy.text("SELECT state, count(*) FROM deliveries GROUP BY state"))
            return {str(state): int(count) for state, count in rows}

    def stop(self) -> None:
        """Ends it as an operator would, with SIGTERM."""
        end(self.process)
        self._engine.dispose()
        self._out.close()
