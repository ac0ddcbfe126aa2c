"""Who really asks, and by which address, where proxies that are trusted say so (RFC 7239, and its X- forerunners)."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from dispatcher.sources.authentication.addresses import normal_address

Networks = Sequence[IPv4Network | IPv6Network]

_NAMES = frozenset({b"host", b"forwarded", b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host"})
MAX_HOPS = 32
"""Of one request; more are nobody's proxies."""
_HOST = re.compile(r"[A-Za-z0-9._~%!$&'()*+,;=:\[\]-]{1,255}")
_PAIR = re.compile(r"""\s*([A-Za-z0-9!#$%&'*+.^_`|~-]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s;,"]*))\s*""")


@dataclass(frozen=True)
class Seen:
    """A request as the outermost trusted proxy saw it. `remote` is empty where nobody knows; `origin` has no path."""

    remote: str
    origin: str


@dataclass(frozen=True)
class _Hop:
    """What one proxy said: who asked it, by which scheme, for which host. None where it did not say."""

    client: str | None = None
    scheme: str | None = None
    host: str | None = None


def seen_by_proxies(peer: str, scheme: str, fields: Iterable[tuple[bytes, bytes]], trusted: Networks) -> Seen:
    """The request that a peer hands on, by its header fields. Unless the peer is trusted it is the peer's own, whatever
    these say.

    Hops are read from the right, for what stands on the left anybody may have written: the client is the first
    address that is no trusted proxy's. One that cannot be read is nobody's address, and so on no list.
    """
    headers = _joined(fields)
    host = headers.get("host", "")
    own = Seen(peer, f"{scheme}://{host}")
    if not _is_trusted(peer, trusted):
        return own
    old = _outermost(_forerunners(headers, peer), own, trusted)
    if "forwarded" not in headers:
        return old
    new = _outermost(_forwarded(headers["forwarded"]), own, trusted)
    if not any(name.startswith("x-forwarded-") for name in headers) or new == old:
        return new
    # A proxy that writes one kind lets a client's own through in the other. Nobody can tell which is which.
    return Seen(new.remote if new.remote == old.remote else "", own.origin)


def _outermost(hops: Sequence[_Hop], own: Seen, trusted: Networks) -> Seen:
    """The request as the leftmost hop saw it that can be believed; a request of the peer's own where there is none."""
    client, said = own.remote, _Hop()
    for hop in reversed(hops[-MAX_HOPS:]):
        said = _Hop(hop.client, hop.scheme or said.scheme, hop.host or said.host)
        client = hop.client or ""
        if not _is_trusted(client, trusted):
            break
    scheme, _, host = own.origin.partition("://")
    return Seen(client, f"{said.scheme or scheme}://{said.host or host}")


def _joined(fields: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """The headers that say it, each of them one list however many lines it has (RFC 9110, 5.3)."""
    joined: dict[str, str] = {}
    for name, value in fields:
        if name in _NAMES:
            key, text = name.decode(), value.decode("latin-1")
            joined[key] = f"{joined[key]}, {text}" if key in joined else text
    return joined


def _is_trusted(text: str, trusted: Networks) -> bool:
    address = normal_address(text)
    return address is not None and any(address in network for network in trusted)


def _forwarded(value: str) -> list[_Hop]:
    """The elements of a Forwarded header. From the first that is malformed on, leftwards, nothing can be told."""
    hops = []
    for element in _elements(value):
        pairs = {match[1].lower(): match[2] if match[2] is not None else match[3] for match in _PAIR.finditer(element)}
        hops.append(_Hop(_address(pairs.get("for", "")), _scheme(pairs.get("proto")), _host(pairs.get("host"))))
    return hops


def _elements(value: str) -> list[str]:
    """The text between commas that stand in no quotation marks."""
    return re.findall(r'(?:[^,"]|"(?:[^"\\]|\\.)*")+', value)


def _forerunners(headers: Mapping[str, str], peer: str) -> list[_Hop]:
    """X-Forwarded-For with -Proto and -Host beside it. These two often have one value whatever the number of hops."""
    clients = _listed(headers.get("x-forwarded-for")) or [peer]
    schemes, hosts = _listed(headers.get("x-forwarded-proto")), _listed(headers.get("x-forwarded-host"))
    return [
        _Hop(_address(client), _scheme(_beside(schemes, back)), _host(_beside(hosts, back)))
        for back, client in zip(range(len(clients), 0, -1), clients, strict=True)
    ]


def _beside(values: list[str], back: int) -> str | None:
    """The value of the hop that is so far from the right; the leftmost where there are fewer."""
    return values[max(len(values) - back, 0)] if values else None


def _listed(value: str | None) -> list[str]:
    return [part.strip() for part in (value or "").split(",") if part.strip()]


def _address(text: str) -> str | None:
    """The address in a node's name, without a port: `192.0.2.1:4711`, `[2001:db8::1]:4711`. None for `unknown`."""
    bracketed = re.fullmatch(r"\[([^\]]+)\](?::[0-9]+)?", text)
    bare = bracketed[1] if bracketed else text.rpartition(":")[0] if text.count(":") == 1 else text
    address: IPv4Address | IPv6Address | None = normal_address(bare)
    return None if address is None else str(address)


def _scheme(text: str | None) -> str | None:
    return text.lower() if text is not None and text.lower() in ("http", "https") else None


def _host(text: str | None) -> str | None:
    return text if text is not None and _HOST.fullmatch(text) else None
