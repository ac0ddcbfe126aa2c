"""libcurl's error codes in Onhook's words, once, so that nobody else ever looks at a number of libcurl's."""

import errno

import pycurl

from dispatcher.adapters import tls_failures
from dispatcher.domain.exchange import ErrorWord

# Codes that pycurl has no name for, from libcurl-errors(3).
_BAD_FUNCTION_ARGUMENT, _HTTP2_STREAM, _PROXY, _SSL_CLIENTCERT, _TOO_LARGE = 43, 92, 97, 98, 100

_X509_V_OK, _X509_V_ERR_UNSPECIFIED = 0, 1

_PLAIN: dict[int, tuple[ErrorWord, str]] = {
    pycurl.E_COULDNT_RESOLVE_HOST: (ErrorWord.DNS, "the target's name could not be resolved"),
    pycurl.E_COULDNT_RESOLVE_PROXY: (ErrorWord.PROXY, "the proxy's name could not be resolved"),
    _PROXY: (ErrorWord.PROXY, "the proxy refused the connection"),
    pycurl.E_URL_MALFORMAT: (ErrorWord.BAD_VALUE, "the target's address is not a valid URL"),
    _BAD_FUNCTION_ARGUMENT: (ErrorWord.BAD_VALUE, "the request cannot be put on the wire"),
    # "HTTP/0.9 when not allowed": what came back did not begin like HTTP. The URL's scheme was checked before.
    pycurl.E_UNSUPPORTED_PROTOCOL: (ErrorWord.PROTOCOL, "the target's answer is not HTTP"),
    pycurl.E_GOT_NOTHING: (ErrorWord.RESET, "the target closed the connection without an answer"),
    pycurl.E_SEND_ERROR: (ErrorWord.RESET, "the connection broke while the request was sent"),
    pycurl.E_RECV_ERROR: (ErrorWord.RESET, "the connection broke while the answer was read"),
    pycurl.E_SEND_FAIL_REWIND: (ErrorWord.RESET, "the connection broke while the request was sent"),
    pycurl.E_PARTIAL_FILE: (ErrorWord.RESET, "the target closed the connection half-way through its answer"),
    pycurl.E_BAD_CONTENT_ENCODING: (ErrorWord.PROTOCOL, "the answer's compression could not be decoded"),
    pycurl.E_FILESIZE_EXCEEDED: (ErrorWord.TOO_LARGE, "the answer is larger than allowed"),
    _TOO_LARGE: (ErrorWord.TOO_LARGE, "the answer is larger than allowed"),
    pycurl.E_ABORTED_BY_CALLBACK: (ErrorWord.SHUTDOWN, "stopped before the exchange had ended"),
}
_TLS_CODES = {
    pycurl.E_SSL_CONNECT_ERROR,
    pycurl.E_SSL_ENGINE_NOTFOUND,
    pycurl.E_SSL_ENGINE_SETFAILED,
    pycurl.E_SSL_CERTPROBLEM,
    pycurl.E_SSL_CIPHER,
    pycurl.E_USE_SSL_FAILED,
    pycurl.E_SSL_ENGINE_INITFAILED,
    pycurl.E_SSL_CACERT_BADFILE,
    pycurl.E_SSL_SHUTDOWN_FAILED,
    pycurl.E_SSL_CRL_BADFILE,
    pycurl.E_SSL_ISSUER_ERROR,
    pycurl.E_SSL_PINNEDPUBKEYNOTMATCH,
    pycurl.E_SSL_INVALIDCERTSTATUS,
    _SSL_CLIENTCERT,
}

_CONNECTION_BROKE = {pycurl.E_SEND_ERROR, pycurl.E_RECV_ERROR}

# What a connection that died in the pool ends with (libcurl gives up after five of them). HTTP/2's framing
# error is among them because a shared connection that was cut shows as one.
DEAD_CONNECTION = frozenset(
    {
        pycurl.E_GOT_NOTHING,
        pycurl.E_SEND_ERROR,
        pycurl.E_RECV_ERROR,
        pycurl.E_SEND_FAIL_REWIND,
        pycurl.E_HTTP2,
        _HTTP2_STREAM,
    }
)


def error_of(code: int, curl: pycurl.Curl) -> tuple[ErrorWord, str]:
    """The word and the sentence for the code an exchange ended with; a code nobody foresaw is `protocol`.

    A host or network without a route counts as `connect_refused`: nobody there takes the connection, and
    it is known at once, unlike a time-out.
    """
    if code == pycurl.E_OPERATION_TIMEDOUT:
        return _timed_out(curl)
    if code == pycurl.E_COULDNT_CONNECT:
        return _not_connected(curl.getinfo(pycurl.OS_ERRNO))
    if code == pycurl.E_PEER_FAILED_VERIFICATION:
        return ErrorWord.TLS, _untrusted(curl.getinfo(pycurl.SSL_VERIFYRESULT))
    if code in _TLS_CODES:
        return ErrorWord.TLS, tls_failures.by_message(curl.errstr()) or tls_failures.HANDSHAKE_FAILED
    if code in _CONNECTION_BROKE and (refusal := tls_failures.by_message(curl.errstr())) is not None:
        # In TLS 1.3 the client speaks last: a server's refusal of it comes when the handshake is over.
        return ErrorWord.TLS, refusal
    return _PLAIN.get(code, (ErrorWord.PROTOCOL, f"the exchange failed (libcurl error {code})"))


def _untrusted(verify_result: int) -> str:
    """libcurl compares the host itself, once OpenSSL has found nothing wrong with the certificate."""
    if verify_result in (_X509_V_OK, _X509_V_ERR_UNSPECIFIED):
        return tls_failures.WRONG_HOST
    return tls_failures.by_verify_code(verify_result)


def _timed_out(curl: pycurl.Curl) -> tuple[ErrorWord, str]:
    """Told apart by what was done, since libcurl fills the times of phases that were not reached at the end."""
    if curl.getinfo(pycurl.REQUEST_SIZE):
        return ErrorWord.TIMEOUT, "no complete answer within the time-out"
    if curl.getinfo(pycurl.NAMELOOKUP_TIME_T):
        return ErrorWord.CONNECT_TIMEOUT, "no connection within the time-out"
    return ErrorWord.DNS, "the target's name was not resolved within the time-out"


def _not_connected(os_error: int) -> tuple[ErrorWord, str]:
    if os_error == errno.ETIMEDOUT:
        return ErrorWord.CONNECT_TIMEOUT, "no connection within the operating system's time-out"
    if os_error in (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EADDRNOTAVAIL):
        return ErrorWord.CONNECT_REFUSED, "there is no route to the target"
    return ErrorWord.CONNECT_REFUSED, "the target refused the connection"
