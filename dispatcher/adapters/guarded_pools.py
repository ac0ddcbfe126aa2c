"""Pools of guarded connections for the requests sender: one for all, others where sharing would lend an identity."""

import ssl
import threading
from collections import OrderedDict

import requests.adapters
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager

from dispatcher.adapters.client_tls import make_context
from dispatcher.adapters.guarded_connection import GuardedConnection, GuardedTlsConnection
from dispatcher.domain.exchange import Request, Tls

# Idle connections kept, by host: more hosts than a busy site has targets.
_POOLED_HOSTS = 256
_MAX_SPECIAL_POOLS = 64
"""Of credentials with certificates and of proxies, those used last. A context with a bundle takes up to 2 MB."""


class _Pool(HTTPConnectionPool):
    ConnectionCls = GuardedConnection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = GuardedTlsConnection


class GuardedAdapter(requests.adapters.HTTPAdapter):
    """requests' adapter on guarded connections, with one TLS context for all (loading a bundle takes 30 ms)."""

    def __init__(self, threads: int, context: ssl.SSLContext) -> None:
        self._context = context
        super().__init__(pool_connections=_POOLED_HOSTS, pool_maxsize=threads, max_retries=0)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **_: object) -> None:
        """Called by the constructor of requests' adapter."""
        self.poolmanager = PoolManager(num_pools=connections, maxsize=maxsize, block=block, ssl_context=self._context)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}

    def cert_verify(self, *_: object) -> None:
        """Nothing: the context has been told whom to trust; requests would load a bundle for every connection."""


class GuardedPools:
    """Pools of connections, of which no two share one: each certificate and each proxy has a pool of its own."""

    def __init__(self, threads: int, ca_file: str) -> None:
        self._threads, self._ca_file = threads, ca_file
        self._plain = GuardedAdapter(threads, make_context(ca_file))
        self._special: OrderedDict[tuple[Tls | None, str | None], GuardedAdapter] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, request: Request) -> GuardedAdapter:
        """The adapter for a request. Raises TlsUnusable."""
        if request.tls is None and request.proxy is None:
            return self._plain
        key = (request.tls, request.proxy)
        with self._lock:
            adapter = self._special.get(key)
            if adapter is None:
                adapter = self._special[key] = GuardedAdapter(self._threads, make_context(self._ca_file, request.tls))
            self._special.move_to_end(key)
            if len(self._special) > _MAX_SPECIAL_POOLS:
                # Not closed here: a thread may be about to use it, and the last to let go of it closes its connections.
                self._special.popitem(last=False)
        return adapter

    def close(self) -> None:
        """Closes every connection that nobody uses."""
        for adapter in (self._plain, *self._special.values()):
            adapter.close()
