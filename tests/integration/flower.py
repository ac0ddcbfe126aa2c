"""Flower beside a running house, as an operator starts it."""

import base64
import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from dispatcher.adapters.supervisor import die_with
from dispatcher.cli.children import free_port
from tests.integration.cli_house import environment, get, until
from tests.integration.house import House

Page = Callable[[str], str]
"""A page by its path, for the operator."""


@contextmanager
def flower(house: House, log: Path) -> Iterator[Page]:
    """A Flower that has heard of the house's worker; what it writes goes into `log`."""
    port, tests = free_port("127.0.0.1"), os.getpid()
    words = ["--app", "dispatcher_workers.app", "flower", "--address=127.0.0.1", f"--port={port}"]
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "celery", *words, "--basic-auth=ops:wicked"], stdout=out, stderr=out,
            cwd=log.parent, env=environment(**house.settings()), preexec_fn=lambda: die_with(tests, signal.SIGTERM),
            start_new_session=True,
        )  # fmt: skip
    url = f"http://127.0.0.1:{port}"

    def page(path: str) -> str:
        authorization = "Basic " + base64.b64encode(b"ops:wicked").decode()
        request = urllib.request.Request(url + path, headers={"authorization": authorization})
        with urllib.request.urlopen(request, timeout=10) as response:
            return str(response.read().decode())

    try:
        assert until(lambda: get(url + "/healthcheck") == 200), log.read_text()
        # Closed to whoever has not the password: Flower can stop workers.
        assert [get(url + path) for path in ("/", "/api/tasks", "/api/workers")] == [401, 401, 401]
        # What came before it listened is not shown: wait until it has heard of the worker.
        assert until(lambda: json.loads(page("/workers?json=1"))["data"])
        yield page
    finally:
        process.kill()
        process.wait(10)


def every_page(page: Page) -> dict[str, str]:
    """What there is to see of tasks and workers, by path."""
    tasks = json.loads(page("/api/tasks?limit=1000"))
    paths = ["/", "/workers", "/tasks", "/broker", "/api/tasks?limit=1000", "/api/workers?refresh=1", "/metrics"]
    return {path: page(path) for path in [*paths, *(f"/task/{task}" for task in tasks)]}
