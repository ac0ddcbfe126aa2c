"""A private PostgreSQL cluster on a unix socket, and a fresh database for each test that asks for one."""

import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from dispatcher.adapters.supervisor import die_with
from tests.support.needs import lacking

# For tests alone: nothing here needs to survive a power cut, and each fsync costs milliseconds.
FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "autovacuum=off", "shared_buffers=64MB")
START_SECONDS = 20.0

_numbers = itertools.count(1)


def postgresql_bin() -> Path | None:
    """The folder with initdb and postgres: the newest of Debian's, or the one on the PATH."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("initdb")
    found = [*([Path(on_path).resolve()] if on_path else []), *debian]
    return found[-1].parent if found else None


def _owner() -> int:
    """The user that the server runs as: PostgreSQL refuses to be root."""
    if os.geteuid() != 0:
        return os.geteuid()
    try:
        return pwd.getpwnam("postgres").pw_uid
    except KeyError:
        lacking("user postgres, as whom the server could run")


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    """A URL of the cluster's `postgres` database; the cluster ends with the session, or with a killed test run."""
    binaries = postgresql_bin()
    if binaries is None:
        lacking("PostgreSQL")
    owner = _owner()
    home = Path(tempfile.mkdtemp(prefix="onhook-pg-", dir="/tmp"))
    server: subprocess.Popen[bytes] | None = None
    try:
        os.chown(home, owner, -1)
        _as(
            owner,
            [binaries / "initdb", "-D", home / "data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C"],
        )
        server = _start(owner, binaries, home)
        _await_socket(server, home)
        yield f"postgresql://postgres@/postgres?host={home}"
    finally:
        if server is not None:
            server.send_signal(signal.SIGINT)  # "fast shutdown": does not wait for clients that a test forgot
            server.wait(10)
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def postgresql_database(postgresql_url: str) -> Iterator[str]:
    """The URL of an empty database of this test's own."""
    name = f"test_{next(_numbers)}"
    with psycopg.connect(postgresql_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield postgresql_url.replace("/postgres?", f"/{name}?")
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _as(owner: int, argv: list[str | Path]) -> None:
    user = {"user": owner} if os.geteuid() == 0 else {}
    done = subprocess.run(argv, cwd="/", capture_output=True, text=True, check=False, **user)
    if done.returncode:
        raise RuntimeError(f"{argv[0]} failed: {done.stderr[-500:]}")


def _start(owner: int, binaries: Path, home: Path) -> subprocess.Popen[bytes]:
    options = [f"-c{option}" for option in (*FAST, "listen_addresses=", f"unix_socket_directories={home}")]
    tests = os.getpid()
    user = {"user": owner} if os.geteuid() == 0 else {}
    with (home / "log").open("wb") as log:
        return subprocess.Popen(
            [binaries / "postgres", "-D", home / "data", *options],
            cwd="/", stdout=log, stderr=log, preexec_fn=lambda: die_with(tests, signal.SIGINT), **user,
        )  # fmt: skip


def _await_socket(server: subprocess.Popen[bytes], home: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            psycopg.connect(f"postgresql://postgres@/postgres?host={home}").close()
        except psycopg.OperationalError:
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("PostgreSQL did not start: " + (home / "log").read_text()[-500:]) from None
            time.sleep(0.05)
        else:
            return
