"""One exchange's way through an egress proxy with libcurl: look the target up, judge it, ask for that very address.

A proxy that was told a name would look it up by itself, and nobody would judge what it found. So an exchange has two
stages on one handle. In the first libcurl looks the name up as it would for a direct connection (in its threads, with
its cache and time-outs, under the same gate) and shows each address at the moment it would open a socket, of which it
gets none. In the second the tunnel is asked for one of the addresses that may be reached; the name is left to TLS and
to the header `Host`.
"""

import pycurl

from dispatcher.adapters.proxy_tunnel import NO_TUNNEL_IN_TIME, NOT_CONNECTED, NOT_RESOLVED, answered
from dispatcher.domain.egress_proxy import EgressProxy
from dispatcher.domain.exchange import ErrorWord

_SUPPRESS_CONNECT_HEADERS = 265  # CURLOPT_SUPPRESS_CONNECT_HEADERS, which pycurl has no name for.
_MAX_ADDRESSES = 8
_GATEWAY_FAILED = range(500, 600)


class Tunnel:
    """Where one exchange with a proxy stands. The handle is never used for another one afterwards."""

    __slots__ = ("_addresses", "_curl", "_proxy", "asked_for")

    def __init__(self, curl: pycurl.Curl, proxy: EgressProxy) -> None:
        self._curl, self._proxy = curl, proxy
        self._addresses: list[str] = []
        self.asked_for: str | None = None
        """The address that is asked for; None while the target is looked up."""
        # Or a kept connection that goes to the target directly would be used at once.
        curl.setopt(pycurl.FRESH_CONNECT, 1)

    @property
    def gate_name(self) -> str:
        """What the gate knows the proxy's name by; a target may have the same one."""
        return f"proxy {self._proxy.host}"

    def note(self, address: str) -> None:
        """Remembers an address that may be reached."""
        if len(self._addresses) < _MAX_ADDRESSES:
            self._addresses.append(address)

    def next_stage(self, code: int) -> bool:
        """Readies the handle for what comes after the stage that ended with the code; False where nothing does."""
        looked_up = self.asked_for is None and code == pycurl.E_COULDNT_CONNECT
        unreached = self.asked_for is not None and self._curl.getinfo(pycurl.HTTP_CONNECTCODE) in _GATEWAY_FAILED
        if not self._addresses or not (looked_up or unreached):
            return False
        if looked_up:
            self._addresses.sort(key=_is_ipv6)  # A proxy may well have nothing but IPv4.
        self._ask_for(self._addresses.pop(0))
        return True

    def failure(self, code: int, *, opened: bool) -> tuple[ErrorWord, str] | None:
        """Why there is no tunnel; None where there is one, or was, or none was asked for yet.

        Whatever goes wrong before the tunnel stands is the proxy's, a silence too: what is behind it does not show.
        """
        timed_out = code == pycurl.E_OPERATION_TIMEDOUT
        if self.asked_for is None:
            return None
        if not opened:
            silent_name = timed_out and not self._curl.getinfo(pycurl.REQUEST_SIZE)
            return NOT_RESOLVED if silent_name or code == pycurl.E_COULDNT_RESOLVE_PROXY else None
        status = self._curl.getinfo(pycurl.HTTP_CONNECTCODE)
        if status:
            return None if status in range(200, 300) else answered(status)
        if timed_out:
            return NO_TUNNEL_IN_TIME
        return NOT_CONNECTED if code == pycurl.E_COULDNT_CONNECT else answered(0)

    def _ask_for(self, address: str) -> None:
        curl, proxy = self._curl, self._proxy
        if self.asked_for is None:
            curl.setopt(pycurl.FRESH_CONNECT, 0)
            curl.setopt(pycurl.PROXY, f"http://{proxy.authority}")
            curl.setopt(pycurl.NOPROXY, "")  # Nor may the environment name targets that go past the proxy.
            curl.setopt(pycurl.HTTPPROXYTUNNEL, 1)
            curl.setopt(pycurl.PROXYHEADER, ["User-Agent:"])
            curl.setopt(_SUPPRESS_CONNECT_HEADERS, 1)
            if proxy.username is not None:
                curl.setopt(pycurl.PROXYUSERNAME, proxy.username.encode())
                curl.setopt(pycurl.PROXYPASSWORD, (proxy.password or "").encode())
        self.asked_for = address
        target = f"[{address}]" if ":" in address else address
        curl.setopt(pycurl.CONNECT_TO, [f"::{target}:"])


def _is_ipv6(address: str) -> bool:
    return ":" in address
