"""Which addresses Onhook may connect to: the public internet, and what a site opens by name of its network.

A profile's target is typed by a tenant, so every address that is really connected to is judged here: a
name may resolve to anything, and an address has many spellings. The two senders and the WSDL fetch ask
this one object.
"""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

# IANA IPv4 Special-Purpose Address Registry (RFC 6890), what is not for everybody to reach. Written out
# instead of `is_global`, whose answers changed between Python releases.
_CLOSED_V4 = tuple(
    IPv4Network(net)
    for net in (
        "0.0.0.0/8",  # this network; 0.0.0.0 reaches loopback on Linux (RFC 1122)
        "10.0.0.0/8",  # private (RFC 1918)
        "100.64.0.0/10",  # carrier-grade NAT (RFC 6598)
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # Azure's host agent, reachable from every virtual machine there
        "169.254.0.0/16",  # link-local: the metadata service of most clouds (RFC 3927)
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments; Oracle's metadata service
        "192.0.2.0/24",  # documentation (RFC 5737)
        "192.88.99.0/24",  # 6to4 relays, withdrawn (RFC 7526)
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarking (RFC 2544)
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and the broadcast address
    )
)

# Everything in IPv6 that is not global unicast is closed: loopback, unspecified, link-local, unique
# local, multicast, IPv4-compatible and the local NAT64 prefix fall out of it without being listed.
_GLOBAL_V6 = IPv6Network("2000::/3")
_CLOSED_V6 = tuple(
    IPv6Network(net)
    for net in (
        "2001::/23",  # protocol assignments: Teredo, benchmarking, ORCHID (RFC 2928)
        "2001:db8::/32",  # documentation (RFC 3849)
        "2002::/16",  # 6to4, withdrawn: a detour to any IPv4 address (RFC 7526)
        "3fff::/20",  # documentation (RFC 9637)
    )
)
_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052


class Egress:
    """The guard of outgoing connections. Immutable, so that every thread may ask it."""

    def __init__(self, allow: Sequence[IPv4Network | IPv6Network] = ()) -> None:
        """`allow` opens networks that are closed by default, such as the subnet of a site's own CRM."""
        self._allow = tuple(allow)

    def permits(self, ip: str) -> bool:
        """Whether a connection to this address (its literal, a zone may follow) may be opened.

        An IPv4-mapped address and one of the NAT64 prefix is judged as the IPv4 address that it reaches.
        What is not an address is not permitted.
        """
        try:
            address = ip_address(ip.partition("%")[0])
        except ValueError:
            return False
        judged = _reached(address)
        return self._allowed(address) or self._allowed(judged) or _is_public(judged)

    def _allowed(self, address: IPv4Address | IPv6Address) -> bool:
        return any(address in network for network in self._allow if network.version == address.version)


def _reached(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _CLOSED_V4)
    return address in _GLOBAL_V6 and not any(address in network for network in _CLOSED_V6)
