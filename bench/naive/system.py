"""Starts the baseline: uvicorn with one process, a Celery prefork worker with four."""

import contextlib
import os
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import sqlalchemy

from bench.proof import ROOT
from bench.servers import START_SECONDS, end
from bench.sockets import free_port

PREFORK_PROCESSES = 4
"""What the comparison is stated with: two per core of the machine it was chosen on, where 2 delivered fewer."""


class Naive:
    """The running baseline."""

    name = "naive"

    def __init__(self, database_url: str, broker_url: str, target_url: str, folder: Path) -> None:
        self.database_url = database_url.replace("postgresql://", "postgresql+psycopg://")
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/v1/events"
        self.authorization = ""
        self._environment = {
            **os.environ,
            "DATABASE_URL": self.database_url,
            "BROKER_URL": broker_url,
            "TARGET_URL": target_url,
        }
        self._log = (folder / "naive.log").open("ab")
        subprocess.run(
            [sys.executable, "-c", "from bench.naive.app import create_schema; create_schema()"],
            check=True,
            cwd=ROOT,
            env=self._environment,
        )
        self.processes = {
            "api": self._start("-m", "uvicorn", "bench.naive.app:api", "--port", str(self.port), "--no-access-log")
        }
        self._engine = sqlalchemy.create_engine(self.database_url)
        self.start_worker()
        self._wait()

    def _start(self, *command: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, *command],
            cwd=ROOT,
            env=self._environment,
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,
        )

    def start_worker(self) -> None:
        """Starts the Celery worker."""
        options = [
            "--pool",
            "prefork",
            "--concurrency",
            str(PREFORK_PROCESSES),
            "--without-gossip",
            "--without-mingle",
            "--loglevel",
            "WARNING",
        ]
        self.processes["worker"] = self._start("-m", "celery", "-A", "bench.naive.app:celery", "worker", *options)

    def stop_worker(self) -> None:
        """Ends the Celery worker; its queue stays in the broker."""
        end(self.processes.pop("worker"))

    def _wait(self) -> None:
        give_up = time.monotonic() + START_SECONDS
        while time.monotonic() < give_up:
            with (
                contextlib.suppress(OSError),
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=1),
            ):
                return
            time.sleep(0.1)
        raise TimeoutError("the baseline was not ready in time")

    def roots(self) -> dict[str, int]:
        """Process ids whose trees are the baseline."""
        return {name: p.pid for name, p in self.processes.items()}

    def delivered(self) -> int:
        """Deliveries recorded as delivered."""
        with self._engine.connect() as connection:
            return int(
                connection.execute(
                    sqlalchemy.text("SELECT count(*) FROM deliveries WHERE state = 'delivered'")
                ).scalar_one()
            )

    def stop(self) -> None:
        """Ends everything it started."""
        for process in self.processes.values():
            end(process)
        self._engine.dispose()
        self._log.close()
