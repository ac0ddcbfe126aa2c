"""What requests, urllib3, http.client and the operating system raise, in Onhook's words, by type alone."""

import http.client
import ssl
from collections.abc import Iterator, Sequence

import requests
from urllib3 import exceptions as urllib3

from dispatcher.adapters import tls_failures
from dispatcher.domain.exchange import ErrorWord

TOO_LARGE = ErrorWord.TOO_LARGE, "the answer is larger than allowed"
TIMED_OUT = ErrorWord.TIMEOUT, "no complete answer within the time-out"
BAD_REQUEST = ErrorWord.BAD_VALUE, "the request cannot be put on the wire"

_TLS = ErrorWord.TLS, tls_failures.HANDSHAKE_FAILED

# The first row that matches an exception of the chain, read from the top of this table: a
# RemoteDisconnected is a BadStatusLine too, and an IncompleteRead arrives inside a ProtocolError.
_TYPES: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], tuple[ErrorWord, str]], ...] = (
    (ssl.SSLCertVerificationError, _TLS),
    ((http.client.RemoteDisconnected,), (ErrorWord.RESET, "the target closed the connection without an answer")),
    (
        (http.client.IncompleteRead, urllib3.IncompleteRead),
        (ErrorWord.RESET, "the target closed the connection half-way through its answer"),
    ),
    ((ConnectionError,), (ErrorWord.RESET, "the connection broke")),
    ((http.client.LineTooLong,), TOO_LARGE),
    ((urllib3.DecodeError,), (ErrorWord.PROTOCOL, "the answer's compression could not be decoded")),
    ((TimeoutError, urllib3.TimeoutError), TIMED_OUT),
    ((ssl.SSLError, urllib3.SSLError), _TLS),
    ((urllib3.ProxyError,), (ErrorWord.PROXY, "the proxy refused the connection")),
    ((http.client.InvalidURL, requests.exceptions.InvalidURL, urllib3.LocationValueError), BAD_REQUEST),
    ((http.client.HTTPException,), (ErrorWord.PROTOCOL, "the target's answer is not HTTP")),
    ((urllib3.HTTPError, OSError), (ErrorWord.PROTOCOL, "the exchange failed")),
    ((ValueError,), BAD_REQUEST),
)


def error_of(error: BaseException) -> tuple[ErrorWord, str]:
    """The word and the sentence for an exception of requests' adapter, judged with everything it wraps."""
    chain = list(_chain(error))
    for types, failure in _TYPES:
        if any(isinstance(link, types) for link in chain):
            return _told(chain) if failure is _TLS else failure
    return ErrorWord.PROTOCOL, "the exchange failed"


def _told(chain: Sequence[BaseException]) -> tuple[ErrorWord, str]:
    """TLS, with as much of the reason as is known."""
    told = next((link for link in chain if isinstance(link, ssl.SSLError)), None)
    return _TLS if told is None else (ErrorWord.TLS, tls_failures.by_exception(told))


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The exception and what it was made of: requests and urllib3 hand causes on in `args` and `reason`."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        link = waiting.pop(0)
        if id(link) in seen:
            continue
        seen.add(id(link))
        yield link
        inner = (link.__cause__, link.__context__, getattr(link, "reason", None), *link.args)
        waiting.extend(one for one in inner if isinstance(one, BaseException))
