"""The processes of one machine: a broker, the API, workers and a sweeper, as children for the supervisor."""

import errno
import socket
import time
from typing import TYPE_CHECKING

from dispatcher.cli.failures import CommandFailed
from dispatcher.cli.processes import SELF

if TYPE_CHECKING:
    from dispatcher.adapters.supervisor import Child
    from dispatcher.settings import Settings

STOP_MARGIN_SECONDS = 2.0
"""Beyond the grace in which a process finishes what it has in hand: it also has to record it, and to end."""
LEAVING_SECONDS = 6.0
"""A predecessor whose supervisor was killed may hold the port until it has finished its last requests."""


def children_of(settings: "Settings", workers: int) -> "list[Child]":
    """Everything that `onhook up` keeps alive. Raises the broker's BrokerUnavailable where it cannot be started."""
    from dispatcher.adapters.embedded_broker import broker_child

    environment = settings.environment()
    children = []
    if settings.embedded_broker:
        children.append(broker_child(settings.data_dir, settings.embedded_socket, environment))
    names = [("api", "api"), *((f"worker-{number}", "worker") for number in range(1, workers + 1)), ("sweeper",) * 2]
    return children + [_child(name, command, environment, settings) for name, command in names]


def free_port(host: str) -> int:
    """A port that nobody listens on now."""
    with _listening(host, 0) as listener:
        return int(listener.getsockname()[1])


def check_port(host: str, port: int) -> None:
    """Raises CommandFailed where the API could not listen there."""
    deadline = time.monotonic() + LEAVING_SECONDS
    while True:
        try:
            _listening(host, port).close()
            return
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() > deadline:
                raise CommandFailed(
                    f"The API cannot listen on {host}:{port}: {error.strerror}. Choose another with --host and --port."
                ) from error
            time.sleep(0.1)


def _listening(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(1)
    except OSError:
        listener.close()
        raise
    return listener


def _child(name: str, command: str, environment: dict[str, str], settings: "Settings") -> "Child":
    from dispatcher.adapters.supervisor import Child

    return Child(name, [*SELF, command], environment, stop_seconds=settings.stop_grace_seconds + STOP_MARGIN_SECONDS)
