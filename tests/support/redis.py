"""A private Redis (or Valkey) server on a unix socket that a test can stop, start and wipe."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from dispatcher.adapters.embedded_broker import BrokerUnavailable, answers, find_server
from dispatcher.adapters.supervisor import die_with
from tests.support.needs import lacking

START_SECONDS = 10.0


class RedisServer:
    """A server with nothing on disk: stopped and started again it is empty."""

    def __init__(self, binary: Path, home: Path) -> None:
        self.socket = home / "redis.sock"
        self.url = f"redis+socket://{self.socket}?virtual_host=0"
        """As kombu and Celery name it."""
        self.redis_url = f"unix://{self.socket}?db=0"
        """As redis-py names it."""
        self._argv = [binary, "--port", "0", "--unixsocket", self.socket, "--unixsocketperm", "700", "--dir", home]
        self._argv += ["--save", "", "--appendonly", "no", "--loglevel", "warning"]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        tests = os.getpid()
        self._process = subprocess.Popen(
            self._argv,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=lambda: die_with(tests, signal.SIGTERM),
        )
        deadline = time.monotonic() + START_SECONDS
        while not answers(self.socket):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the Redis server did not start")
            time.sleep(0.01)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            self._process = None

    def flush(self) -> None:
        with self.client() as client:
            client.flushall()

    def client(self) -> redis.Redis:
        return redis.Redis.from_url(self.redis_url)


@contextmanager
def running_redis() -> Iterator[RedisServer]:
    """A running, empty server: `redis-server` where it is installed, else the embedded Valkey."""
    installed = shutil.which("redis-server")
    try:
        binary = Path(installed) if installed else find_server()
    except BrokerUnavailable:
        lacking("redis-server, nor an embedded broker")
    home = Path(tempfile.mkdtemp(prefix="onhook-redis-", dir="/tmp"))
    server = RedisServer(binary, home)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    """A running, empty server of this test's own."""
    with running_redis() as server:
        yield server
