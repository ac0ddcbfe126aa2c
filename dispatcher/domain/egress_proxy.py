"""The proxy that a workspace's requests leave through, as administrators write it: `http://[user:password@]host:port`."""

import re
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import quote, unquote, urlsplit

EXPECTED = "http://[user:password@]host:port, or null"
MASK = "********"
MAX_URL_LENGTH = 2_048

_HOST = re.compile(r"[A-Za-z0-9._-]{1,253}|[0-9A-Fa-f:.]{2,45}")
_UNSAFE = re.compile(r"[^\x21-\x7e]")  # urlsplit drops line breaks without a word, and a blank is no part of a URL.
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class ProxyRefused(ValueError):
    """A text that names no proxy. Its own text says why and quotes nothing: there may be a password in it."""


@dataclass(frozen=True, slots=True)
class EgressProxy:
    """An HTTP proxy that is asked to CONNECT (RFC 9110, 9.3.6). Its `repr` shows no password."""

    host: str
    """A name, or an address without brackets."""
    port: int
    username: str | None = None
    password: str | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        """The URL again, whole."""
        return self._url(None if self.password is None else quote(self.password, safe=""))

    @property
    def masked_url(self) -> str:
        """The URL as people are shown it: asterisks in place of the password."""
        return self._url(None if self.password is None else MASK)

    @property
    def authority(self) -> str:
        """`host:port`, an IPv6 address in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def _url(self, password: str | None) -> str:
        if self.username is None:
            return f"http://{self.authority}"
        secret = "" if password is None else f":{password}"
        return f"http://{quote(self.username, safe='')}{secret}@{self.authority}"


@lru_cache(maxsize=256)
def parse_proxy(url: str) -> EgressProxy:
    """The proxy of a URL. Raises ProxyRefused.

    Nothing but plain HTTP to the proxy itself: what is in the tunnel has TLS of its own. The port is not optional,
    since clients differ in which one they take a missing one for.
    """
    if len(url) > MAX_URL_LENGTH or _UNSAFE.search(url):
        raise ProxyRefused("a text that is too long or holds a blank, a line break or a letter beyond ASCII")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ProxyRefused("an address that is no URL") from None
    if parts.scheme != "http":
        raise ProxyRefused("a URL whose scheme is not http")
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ProxyRefused("a URL with more than host and port")
    if not host or not _HOST.fullmatch(host):
        raise ProxyRefused("a URL without a host")
    if not port:
        raise ProxyRefused("a URL without a port")
    return EgressProxy(host, port, *_login(parts.username, parts.password))


def _login(username: str | None, password: str | None) -> tuple[str | None, str | None]:
    if username is None:
        return None, None
    plain = unquote(username), None if password is None else unquote(password)
    if ":" in plain[0] or any(each is not None and _CONTROL.search(each) for each in plain):
        raise ProxyRefused("a user or password that HTTP Basic cannot carry")  # RFC 7617, 2
    return plain


def masked(url: str | None) -> str | None:
    """A stored URL as people are shown it."""
    return None if url is None else parse_proxy(url).masked_url


def read_proxy(given: str | None, stored: str | None) -> str | None:
    """What to store for what an administrator gave. A masked password stays what it is. Raises ProxyRefused."""
    if given is None:
        return None
    proxy = parse_proxy(given)
    if proxy.password != MASK:
        return proxy.url
    if stored is not None and parse_proxy(stored).masked_url == proxy.masked_url:
        return stored
    raise ProxyRefused("a masked password of a proxy that is not the stored one")
