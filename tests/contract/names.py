"""Names that resolve to what a test says, for both senders; everything else resolves as it always does."""

import socket
from collections.abc import Callable
from typing import Any

import pycurl
import pytest

from dispatcher.adapters.curl.sender import CurlSender
from dispatcher.adapters.curl.transfer import Transfer
from dispatcher.adapters.requests_sender import RequestsSender

Sender = CurlSender | RequestsSender


class Names:
    """Addresses by name, to be changed at any time; `looked_up` counts the look-ups of the requests sender."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.addresses: dict[str, list[str]] = {}
        self.looked_up: list[str] = []
        self.hold: Callable[[], object] | None = None
        """Called before a made-up name is resolved: to make that slow."""
        real_look_up, real_load = socket.getaddrinfo, Transfer.load

        def look_up(host: Any, port: Any, *rest: Any, **options: Any) -> Any:
            if host not in self.addresses:
                return real_look_up(host, port, *rest, **options)
            self.looked_up.append(host)
            if self.hold is not None:
                self.hold()
            return [found for each in self.addresses[host] for found in real_look_up(each, port, *rest, **options)]

        def load(transfer: Transfer, request: Any, done: Any) -> None:
            real_load(transfer, request, done)
            port = request.url.partition("://")[2].partition("/")[0].rpartition(":")[2]
            # Replaces what libcurl's cache holds, as a second look-up with another answer would.
            entries = [f"{name}:{port}:{','.join(found)}" for name, found in self.addresses.items()]
            transfer.curl.setopt(pycurl.RESOLVE, entries)

        monkeypatch.setattr(socket, "getaddrinfo", look_up)
        monkeypatch.setattr(Transfer, "load", load)


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    """No made-up names yet."""
    return Names(monkeypatch)
