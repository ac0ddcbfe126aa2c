"""A PostgreSQL server of a test's own, that it may stop, start and hold up; commits are synchronous, as in use."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support import postgresql
from tests.support.needs import lacking


class DatabaseServer:
    """`stop` is PostgreSQL's immediate shutdown: what was committed is there after the next start, nothing else is."""

    def __init__(self, owner: int, binaries: Path, home: Path) -> None:
        self._owner, self._binaries, self._home = owner, binaries, home
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"postgresql://postgres@/postgres?host={home}"

    def start(self) -> None:
        self._process = postgresql._start(self._owner, self._binaries, self._home)
        postgresql._await_socket(self._process, self._home)

    def stop(self) -> None:
        if self._process is not None:
            self.go_on()
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(10)
            self._process = None

    def hold(self) -> None:
        """It listens, and answers nobody: SIGSTOP to the postmaster and to every backend."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        # The postmaster first: it would start new backends otherwise.
        os.kill(self._process.pid, number)
        for pid in _children(self._process.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, number)


def _children(parent: int) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]


@pytest.fixture
def database_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[DatabaseServer]:
    """Running, and empty."""
    binaries = postgresql.postgresql_bin()
    if binaries is None:
        lacking("PostgreSQL")
    # A commit is only as good as this: without it the last ones before a stop are lost.
    options = ["synchronous_commit=on" if each == "synchronous_commit=off" else each for each in postgresql.FAST]
    monkeypatch.setattr(postgresql, "FAST", options)
    owner = postgresql._owner()
    home = Path(tempfile.mkdtemp(prefix="onhook-pg-", dir="/tmp"))
    server = DatabaseServer(owner, binaries, home)
    try:
        os.chown(home, owner, -1)
        initdb: list[str | Path] = [binaries / "initdb", "-D", home / "data", "-U", "postgres", "-A", "trust"]
        postgresql._as(owner, [*initdb, "-E", "UTF8", "--locale=C", "--no-sync"])
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(home, ignore_errors=True)
