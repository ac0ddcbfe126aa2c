"""Unit tests reach nobody outside this machine: a socket that tries is an error, whatever opened it."""

import ipaddress
import sys
from collections.abc import Iterator

import pytest

LOCAL_NAMES = {None, "", "localhost", "localhost.localdomain"}
# RFC 6761: names that no resolver may find, which tests of failing look-ups use.
NOWHERE = (".invalid", ".test")

_closed = False


class OutsideSocket(AssertionError):
    """A unit test tried to reach another machine, or asked a name server."""


def _is_local(host: object) -> bool:
    if isinstance(host, bytes):
        host = host.decode("ascii", "replace")
    if host in LOCAL_NAMES or str(host).endswith(NOWHERE):
        return True
    try:
        return ipaddress.ip_address(str(host)).is_loopback
    except ValueError:
        return False


def _is_literal(host: object) -> bool:
    try:
        ipaddress.ip_address(str(host))
    except ValueError:
        return False
    return True


def _hook(event: str, arguments: tuple[object, ...]) -> None:
    if not _closed:
        return
    if event == "socket.connect" and isinstance(arguments[1], tuple) and not _is_local(arguments[1][0]):
        raise OutsideSocket(f"a unit test may not connect to {arguments[1][0]}")
    if event == "socket.getaddrinfo" and not _is_local(arguments[0]) and not _is_literal(arguments[0]):
        raise OutsideSocket(f"a unit test may not look up {arguments[0]!r}")


sys.addaudithook(_hook)


@pytest.fixture(autouse=True)
def _closed_to_the_outside(request: pytest.FixtureRequest) -> Iterator[None]:
    global _closed  # noqa: PLW0603 - an audit hook cannot be removed, only told to look away
    _closed = "unit" in request.path.parts
    yield
    _closed = False
