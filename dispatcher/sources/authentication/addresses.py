"""A list of networks that posts must come from, beside another check or alone."""

from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from dispatcher.domain.shape import Reading
from dispatcher.sources.authentication.members import Auth
from dispatcher.sources.authentication.refusals import Forbidden, Why
from dispatcher.sources.format import Posted

MAX_NETWORKS = 200


def read_networks(reading: Reading, raw: object, at: str) -> None:
    """1 to 200 networks; one that holds every address would be no check."""
    listed = reading.items(raw, at, MAX_NETWORKS)
    if type(raw) is list and not raw:
        reading.note(at, "at least one network", raw)
    for index, each in enumerate(listed):
        try:
            fit = type(each) is str and _network(each).prefixlen > 0
        except ValueError:
            fit = False
        if not fit:
            reading.note(f"{at}[{index}]", "a network such as 203.0.113.0/24, not that of all addresses", each)


def verify_address(auth: Auth, posted: Posted) -> None:
    """Raises `Forbidden` unless the client's address, as far as proxies are trusted to say it, is in a network."""
    address = normal_address(posted.remote)
    if address is None or not any(address in _network(each) for each in auth["networks"]):
        raise Forbidden(
            "The post comes from an address that the source does not list; behind a proxy, see ONHOOK_TRUSTED_PROXIES.",
            Why.ADDRESS,
        )


@lru_cache(maxsize=4096)
def _network(text: str) -> IPv4Network | IPv6Network:
    return ip_network(text)


def normal_address(text: str) -> IPv4Address | IPv6Address | None:
    """An address; that of an IPv4 client on an IPv6 socket (`::ffff:192.0.2.1`) as IPv4. None for anything else."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address
