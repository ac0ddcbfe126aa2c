"""Fetches the documents of a WSDL with the product's own sender: through its egress guard, proxy and credentials."""

import re
import time
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from urllib.parse import SplitResult, quote, urldefrag, urljoin, urlsplit

from dispatcher.adapters.soap.collect import MAX_DOCUMENT_BYTES, MAX_SECONDS, MIB, shown
from dispatcher.domain.credentials.credential import Credential
from dispatcher.domain.exchange import Answer, ErrorWord, Exchange, Request
from dispatcher.domain.soap.bundle import WsdlRefused
from dispatcher.ports.sending import AuthenticatedSender

DOCUMENT_SECONDS = 10.0
"""For one document, each redirect anew."""
CONNECT_SECONDS = 5.0
MAX_REDIRECTS = 3
_MARGIN_SECONDS = 3.0
"""The sender ends every exchange at its deadline; who waits for it waits so much longer."""
_ACCEPTED = "text/xml, application/xml, application/wsdl+xml, */*;q=0.5"
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PORTS = {"http": 80, "https": 443}
_NO_PART_OF_A_URL = re.compile(r"[^\x21-\x7e\x80-\U0010ffff]|[\"<>\\^`{|}]")

_SAYS: dict[ErrorWord, str] = {
    ErrorWord.DNS: "its host name is not found",
    ErrorWord.CONNECT_REFUSED: "nobody listens at that host and port",
    ErrorWord.CONNECT_TIMEOUT: f"its host does not answer within {CONNECT_SECONDS:.0f} s",
    ErrorWord.TIMEOUT: f"it takes more than {DOCUMENT_SECONDS:.0f} s",
    ErrorWord.RESET: "its server ended the connection",
    ErrorWord.PROTOCOL: "what answers there speaks no HTTP that is understood",
    ErrorWord.TOO_LARGE: f"it is larger than {MAX_DOCUMENT_BYTES // MIB} MiB",
    ErrorWord.EGRESS_DENIED: "its network is closed to Onhook; an administrator opens it with ONHOOK_EGRESS_ALLOW",
    ErrorWord.SHUTDOWN: "Onhook is being stopped; try again",
}


@dataclass
class SenderFetch:
    """The port `Fetch`, for the documents of one WSDL. Each call blocks until there is an answer.

    The credential is shown to the scheme, host and port of `root` alone, and to the same host's https where `root` is
    http; one that goes into a SOAP envelope is shown nowhere. Redirects are followed on the same host only, and never
    from https to http.
    """

    sender: AuthenticatedSender
    root: str
    """Where the WSDL itself is."""
    user_agent: str
    credential: Credential | None = None
    proxy: str | None = None
    """The URL of the workspace's egress proxy."""
    document_seconds: float = DOCUMENT_SECONDS
    _ends_at: float = field(default_factory=lambda: time.monotonic() + MAX_SECONDS, init=False)

    def __call__(self, url: str) -> bytes:
        """The document. Raises `WsdlRefused` with a sentence that says what to do."""
        at = _sendable(url)
        for _ in range(MAX_REDIRECTS + 1):
            answer = self._ask(at)
            if answer.status not in _REDIRECTS:
                return self._document(at, answer)
            at = _redirected(at, answer.header("location") or "")
        raise WsdlRefused(f"{shown(url)} is redirected more than {MAX_REDIRECTS} times.")

    def _ask(self, url: str) -> Answer:
        seconds = max(min(self.document_seconds, self._ends_at - time.monotonic()), 0.001)
        credential = self._credential_for(url)
        # A document is asked for without an envelope: what goes into one stays here, its client certificate alone goes.
        enveloped = credential is not None and credential.spec.goes_into_envelope
        request = Request(
            "GET",
            url,
            [("User-Agent", self.user_agent), ("Accept", _ACCEPTED)],
            None,
            min(CONNECT_SECONDS, seconds),
            seconds,
            None if enveloped else credential,
            credential.spec.tls if credential is not None and enveloped else None,
            proxy=self.proxy,
            max_response_bytes=MAX_DOCUMENT_BYTES,
        )
        ended: SimpleQueue[Exchange] = SimpleQueue()
        self.sender.send([(request, ended.put)])
        try:
            exchange = ended.get(timeout=seconds + _MARGIN_SECONDS)
        except Empty:
            exchange = Exchange(error=ErrorWord.TIMEOUT)
        if exchange.answer is None:
            raise WsdlRefused(f"{shown(url)} cannot be fetched: {_why(exchange)}.")
        return exchange.answer

    def _document(self, url: str, answer: Answer) -> bytes:
        match answer.status:
            case 200:
                return answer.body
            case 401 | 403:
                raise WsdlRefused(f"{shown(url)} answers {answer.status}: {self._about_credential(url)}.")
            case 404 | 410:
                raise WsdlRefused(f"{shown(url)} does not exist there (status {answer.status}).")
            case 407:
                raise WsdlRefused(f"{shown(url)} cannot be fetched: the proxy wants to know who asks (status 407).")
            case status:
                raise WsdlRefused(f"{shown(url)} cannot be fetched: its server answers with status {status}.")

    def _credential_for(self, url: str) -> Credential | None:
        return self.credential if self.credential is not None and _may_see_credential(self.root, url) else None

    def _about_credential(self, url: str) -> str:
        if self.credential is None:
            return "name a credential that may read it"
        if self._credential_for(url) is None:
            return "it is elsewhere than the WSDL itself, and so the credential is not shown there"
        if self.credential.spec.goes_into_envelope:
            without = "and a document is asked for without one: inspect it with another"
            return f"the credential {self.credential.name} goes into a SOAP envelope, {without}"
        return f"the credential {self.credential.name} may not read it"


def _why(exchange: Exchange) -> str:
    assert exchange.error is not None
    says = _SAYS.get(exchange.error)
    if says is not None:
        return says
    if exchange.error is ErrorWord.TLS:
        return f"no trusted TLS connection comes about ({exchange.detail})"
    return f"{exchange.detail} ({exchange.error})"


def _sendable(url: str) -> str:
    """As it goes on the wire: without a fragment, characters that are no part of a URL in percent signs."""
    return _NO_PART_OF_A_URL.sub(lambda found: quote(found[0], safe=""), urldefrag(url.strip()).url)


def _redirected(url: str, location: str) -> str:
    """Where a redirect leads. Raises `WsdlRefused` for one that is not followed."""
    try:
        target = _sendable(urljoin(url, location))
        was, will_be = urlsplit(url), urlsplit(target)
        same_host, _ = was.hostname == will_be.hostname, will_be.port
    except ValueError as error:
        raise WsdlRefused(f"{shown(url)} is redirected to what is no URL.") from error
    if not location or will_be.scheme not in _PORTS or "@" in will_be.netloc:
        raise WsdlRefused(f"{shown(url)} is redirected to what is no http or https URL.")
    if not same_host:
        host = shown(will_be.hostname or "")
        raise WsdlRefused(
            f"{shown(url)} is redirected to another host, {host}: name the URL there, if it is the right one."
        )
    if was.scheme == "https" and will_be.scheme == "http":
        raise WsdlRefused(f"{shown(url)} is redirected from https to http, which is not followed.")
    return target


def _may_see_credential(root: str, url: str) -> bool:
    home, there = urlsplit(_sendable(root)), urlsplit(url)
    if home.hostname != there.hostname:
        return False
    if home.scheme == there.scheme:
        return _port(home) == _port(there)
    return home.scheme == "http" and there.scheme == "https" and there.port in (None, 443, home.port)


def _port(parts: SplitResult) -> int:
    return _PORTS[parts.scheme] if parts.port is None else parts.port
