"""The command line as tests call it: in this process for single commands, as a process of its own for `up`."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

import pytest

from dispatcher.adapters.supervisor import die_with
from dispatcher.cli import main

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 60.0
"""Generous: the machine that runs the tests may do much else meanwhile."""


@dataclass
class Said:
    """What a command came to."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class CommandLine:
    """Runs commands against one data directory."""

    data_dir: Path
    capture: pytest.CaptureFixture[str]
    monkeypatch: pytest.MonkeyPatch

    def __call__(self, *words: object) -> Said:
        self.monkeypatch.setattr(sys, "argv", ["onhook", *map(str, words), "--data-dir", str(self.data_dir)])
        self.capture.readouterr()
        code = 0
        try:
            main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        said = self.capture.readouterr()
        return Said(code, said.out, said.err)


def environment(**extra: str) -> dict[str, str]:
    """Of a child process: this checkout's code, loopback open, nothing of the tester's own settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ONHOOK_")}
    paths = os.pathsep.join([str(ROOT), str(ROOT / "workers")])
    return {**kept, "PYTHONPATH": paths, "ONHOOK_EGRESS_ALLOW": "127.0.0.0/8", **extra}


def start(*words: str, out: Path, **extra: str) -> subprocess.Popen[bytes]:
    """A command in a session of its own, its output in a file; it ends with the tests at the latest."""
    tests = os.getpid()
    with out.open("ab") as file:
        return subprocess.Popen(
            [sys.executable, "-m", "dispatcher.cli", *words],
            stdout=file, stderr=file, env=environment(**extra), start_new_session=True,
            preexec_fn=lambda: die_with(tests, signal.SIGTERM),
        )  # fmt: skip


def until(there: Callable[[], Any], seconds: float = START_SECONDS) -> Any:
    """Polls until the answer is true, and returns it; the last answer where it never was."""
    deadline = time.monotonic() + seconds
    while not (answer := there()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return answer


def session_of(leader: int) -> dict[int, str]:
    """Every process of a session that lives, by pid, with its command line."""
    found = {}
    for folder in Path("/proc").iterdir():
        with suppress(OSError, ValueError):
            pid = int(folder.name)
            state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
            if os.getsid(pid) == leader and state != "Z":
                found[pid] = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
    return found


def get(url: str) -> int | None:
    """The status, None where nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=2) as response:
            return int(response.status)
    except urllib.error.HTTPError as answered:
        return answered.code
    except OSError:
        return None


@dataclass
class Sink:
    """A target on loopback that says 200 and keeps what it got: path, headers in lower case, body."""

    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)

    def __enter__(self) -> Self:
        requests = self.requests

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                requests.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()


def profile(name: str, url: str, **over: Any) -> dict[str, Any]:
    """A profile that posts the call's id and length."""
    body = {"kind": "json", "value": {"call": "{{ call.id }}", "seconds": "{{ call.duration_seconds }}"}}
    request = {"kind": "rest", "method": "POST", "url": url, "body": body}
    return {"name": name, "trigger": {"events": ["call.finished"]}, "request": request, **over}


def event(number: int = 1, **call: Any) -> dict[str, Any]:
    """A finished call."""
    fields = {"id": f"c{number}", "direction": "inbound", "external_number": "+14155550100", "duration_seconds": 200}
    return {"id": f"e{number}", "type": "call.finished", "call": {**fields, **call}}
