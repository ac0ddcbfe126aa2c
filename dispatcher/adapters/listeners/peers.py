"""Who may connect where a protocol has no authentication: the networks that the source lists, else this machine."""

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

ADDRESSES = "ip_allow"
ALL = "all"


def networks_of(auth: Mapping[str, Any] | None) -> tuple[IPv4Network | IPv6Network, ...]:
    """The networks of a source's `auth` of kind `ip_allow`, alone or in `all`; none for any other."""
    if auth is None:
        return ()
    checks = auth.get("of", ()) if auth.get("kind") == ALL else (auth,)
    return tuple(
        ip_network(each) for check in checks if check.get("kind") == ADDRESSES for each in check.get("networks", ())
    )


def may_connect(remote: str, networks: tuple[IPv4Network | IPv6Network, ...]) -> bool:
    """Whether a peer is let in. Without networks nobody but this machine is."""
    try:
        address: IPv4Address | IPv6Address = ip_address(remote.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, IPv6Address):
        address = address.ipv4_mapped or address
    return any(address in each for each in networks) if networks else address.is_loopback
