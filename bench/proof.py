"""Starts the sink and the load generator as processes, and shows that neither is what is being measured."""

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench import processes
from bench.accounting import Arrival, Post
from bench.load import AUTHORIZATION_VARIABLE, read_posts
from bench.sink import read_arrivals

ROOT = Path(__file__).resolve().parent.parent


class Sink:
    """A running sink."""

    def __init__(self, *options: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bench.sink", *options], stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        assert self.process.stdout is not None
        self.url = f"http://127.0.0.1:{int(self.process.stdout.readline())}"

    def _ask(self, what: str, body: Any = None) -> dict[str, float]:
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(
            urllib.request.Request(f"{self.url}/_sink/{what}", data=data), timeout=60
        ) as answer:
            counts: dict[str, float] = json.load(answer)
            return counts

    def counts(self) -> dict[str, float]:
        """See `Book.counts`."""
        return self._ask("counts")

    def reset(self) -> None:
        """Forgets what arrived."""
        self._ask("reset", {})

    def behave(self, **by_path: dict[str, Any]) -> None:
        """Sets how each path answers; keys are paths without their slash, `others` is all paths not named."""
        self._ask("behaviour", {("*" if path == "others" else f"/{path}"): fields for path, fields in by_path.items()})

    def arrivals(self) -> list[Arrival]:
        """Everything that arrived since the last reset."""
        with tempfile.TemporaryDirectory(prefix="onhook-bench-") as folder:
            path = Path(folder) / "arrivals"
            self._ask("dump", {"file": str(path)})
            return read_arrivals(path)

    def stop(self) -> None:
        """Ends the process."""
        self.process.terminate()
        self.process.communicate(timeout=10)


class Load:
    """A running load generator; `options` are those of `python -m <module>`."""

    def __init__(self, url: str, options: Sequence[str], authorization: str = "", module: str = "bench.load") -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="onhook-bench-")
        self._file = Path(self._folder.name) / "posts"
        command = [sys.executable, "-m", module, "--url", url, "--posts-file", str(self._file), *options]
        environment = {**os.environ, AUTHORIZATION_VARIABLE: authorization}
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment)

    def finish(self, timeout_seconds: float = 900) -> tuple[dict[str, Any], list[Post]]:
        """Waits for the end; the summary and every post. Raises RuntimeError where the generator broke down."""
        out, _ = self.process.communicate(timeout=timeout_seconds)
        if self.process.returncode not in (0, 1) or not out.strip():
            raise RuntimeError(f"the load generator ended with status {self.process.returncode}")
        posts = read_posts(self._file)
        self._folder.cleanup()
        summary: dict[str, Any] = json.loads(out)
        return summary, posts


def prove(requests: int = 40_000) -> dict[str, float]:
    """Generator against sink, nothing between: requests per second with both busy, and the CPU each spends on one.

    `capacity_per_second` is what the sink takes with a core of its own: five times what is measured, or more.
    """
    sink = Sink("--status", "202")
    try:
        before = processes.tree(sink.process.pid)
        options = ["--events", str(requests), "--prefix", f"prove{int(time.time()) % 100_000}", "--connections", "64"]
        options += [
            "--header",
            "webhook-id: 0198e7a4-0000-7000-8000-000000000000",
            "--header",
            "x-event: proof-00000000",
        ]
        summary, _ = Load(sink.url + "/hook", options).finish()
        after = processes.tree(sink.process.pid)
        cpu = processes.total_cpu_seconds(processes.spent(before, after))
        arrived = sink.counts()["requests"]
    finally:
        sink.stop()
    if arrived != requests:
        raise RuntimeError(f"the sink noted {arrived} of {requests} requests")
    micros = 1e6 * cpu / requests
    return {
        "together_per_second": summary["posts_per_second"],
        "sink_cpu_microseconds": round(micros, 1),
        "capacity_per_second": round(1e6 / micros),
        "generator_cpu_microseconds": summary["cpu_microseconds_per_post"],
    }
