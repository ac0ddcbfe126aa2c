"""SOAP servers that nobody here wrote: spyne's, and that of node's package `soap`; each a process of its own."""

import base64
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dispatcher.adapters.supervisor import die_with
from tests.support.needs import lacking

HERE = Path(__file__).resolve().parent
NODE_FOLDER = HERE / "node_soap"
INSTALL_SECONDS = 180.0
OLDEST_NODE = 18
"""What the package's dependencies ask for, and what Debian 12 has."""
NAMESPACE = "urn:example:calls"
NOWHERE = "http://127.0.0.1:1/"
"""The address in the WSDLs of `lost`: port 1 has nobody."""


@dataclass(frozen=True)
class Call:
    """A request that a server got: as it came, and as the server understood it.

    `operation` and `values` are None where it understood nothing; `session` is the id of the header `Session`.
    """

    path: str
    operation: str | None
    values: dict[str, Any] | None
    session: str | None
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class SoapServer:
    """A running server. It has the operations LogCall, Notify, RaiseFault and Wait, in both versions of SOAP."""

    name: str
    url: str

    def wsdl(self, version: str) -> str:
        """Where the WSDL of a version ("1.1" or "1.2") is."""
        return f"{self.address(version)}?wsdl"

    def lost(self, version: str) -> str:
        """Where a WSDL is whose `soap:address` leads nowhere."""
        return f"{self.url}/lost{version.replace('.', '')}?wsdl"

    def address(self, version: str) -> str:
        """Where a version is spoken."""
        return f"{self.url}/soap{version.replace('.', '')}"

    def received(self) -> list[Call]:
        """Every request since the test began."""
        with urllib.request.urlopen(f"{self.url}/received", timeout=30) as response:
            return [Call(**{**each, "body": base64.b64decode(each["body"])}) for each in json.load(response)]

    def forget(self) -> None:
        """Forgets requests, and how often each call was tried."""
        urllib.request.urlopen(urllib.request.Request(f"{self.url}/received", method="DELETE"), timeout=30).close()


def as_told(server: SoapServer, version: str, values: Any) -> Any:
    """How a server tells these values, given as Python has them.

    Of SOAP 1.2 node's `soap` knows no types: all is text there, and a list of one is the one.
    """
    if isinstance(values, dict):
        return {name: as_told(server, version, value) for name, value in values.items()}
    if isinstance(values, list):
        told = [as_told(server, version, each) for each in values]
        return told[0] if len(told) == 1 and (server.name, version) == ("node", "1.2") else told
    if isinstance(values, bytes):
        return base64.b64encode(values).decode()
    if server.name == "spyne":
        return _told_by_spyne(values)
    return _told_typed_by_node(values) if version == "1.1" else _told_as_sent(values)


def _told_by_spyne(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value


def _told_typed_by_node(value: Any) -> Any:
    """JavaScript's `Date` is a moment, and its only numbers are of floating point."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    if isinstance(value, date):
        return f"{value.isoformat()}T00:00:00.000Z"
    return float(value) if isinstance(value, Decimal) else value


def _told_as_sent(value: Any) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return str(value).lower() if isinstance(value, bool) else str(value)


@pytest.fixture(scope="session")
def running_spyne() -> Iterator[SoapServer]:
    """spyne's server, for the whole run."""
    if sys.version_info >= (3, 12):
        # Its copy of `six` has an import hook of a kind that Python 3.12 knows no more.
        pytest.skip("spyne 2.14 cannot be imported from Python 3.12 on")
    if importlib.util.find_spec("spyne") is None:
        lacking("package spyne")
    with _running("spyne", [sys.executable, "-W", "ignore", str(HERE / "spyne_server.py")]) as server:
        yield server


@pytest.fixture(scope="session")
def running_node() -> Iterator[SoapServer]:
    """The server of node's `soap`, for the whole run."""
    node = shutil.which("node")
    if node is None or _version(node) < OLDEST_NODE:
        lacking(f"node from version {OLDEST_NODE} on")
    folder = _installed()
    with _running("node", [node, str(NODE_FOLDER / "server.js"), str(folder)]) as server:
        yield server


@pytest.fixture
def spyne_server(running_spyne: SoapServer) -> SoapServer:
    """spyne's server, with nothing received."""
    running_spyne.forget()
    return running_spyne


@pytest.fixture
def node_server(running_node: SoapServer) -> SoapServer:
    """The server of node's `soap`, with nothing received."""
    running_node.forget()
    return running_node


@pytest.fixture(params=["spyne", pytest.param("node", marks=pytest.mark.node)])
def soap_server(request: pytest.FixtureRequest) -> SoapServer:
    """Each of the two in turn."""
    server: SoapServer = request.getfixturevalue(f"{request.param}_server")
    return server


def _version(node: str) -> int:
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    return int(said.lstrip("v").partition(".")[0])


def _installed() -> Path:
    """A folder of this user's with `soap` in it, filled once for each version that package.json names."""
    manifest = (NODE_FOLDER / "package.json").read_text()
    version = json.loads(manifest)["dependencies"]["soap"]
    folder = Path(tempfile.gettempdir()) / f"onhook-node-soap-{version}-{os.getuid()}"
    if not (folder / "node_modules" / "soap" / "package.json").exists():
        _install(folder, manifest)
    if folder.stat().st_uid != os.getuid():
        pytest.fail(f"{folder} is another user's")
    return folder


def _install(folder: Path, manifest: str) -> None:
    """Installs beside it and moves it there whole, so that a run that is ended half-way leaves nothing to trust."""
    npm = shutil.which("npm")
    if npm is None:
        lacking("npm")
    making = Path(tempfile.mkdtemp(prefix="onhook-node-soap-"))
    try:
        (making / "package.json").write_text(manifest)
        # No scripts: nothing that is installed here may run before the tests start it.
        words = ["install", "--no-audit", "--no-fund", "--ignore-scripts", "--no-package-lock", "--loglevel=error"]
        done = subprocess.run(
            [npm, *words], cwd=making, capture_output=True, text=True, check=False, timeout=INSTALL_SECONDS
        )
        if done.returncode:
            lacking(f"npm package soap: {done.stderr.strip()[-300:]}")
        shutil.rmtree(folder, ignore_errors=True)
        with suppress(OSError):  # another run was quicker
            making.rename(folder)
    finally:
        shutil.rmtree(making, ignore_errors=True)


@contextmanager
def _running(name: str, argv: Sequence[str]) -> Iterator[SoapServer]:
    """Runs until the session is over, or the test run killed."""
    tests = os.getpid()
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            argv,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            preexec_fn=lambda: die_with(tests, signal.SIGTERM),
        )
        try:
            assert process.stdout is not None
            port = process.stdout.readline().strip()
            if not port:
                errors.seek(0)
                raise RuntimeError(f"the SOAP server by {name} did not start: {errors.read()[-800:].decode()}")
            yield SoapServer(name, f"http://127.0.0.1:{port}")
        finally:
            process.kill()
            process.wait(10)
            if process.stdout is not None:
                process.stdout.close()
