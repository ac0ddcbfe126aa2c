"""One exchange with a target: the request that was built and what came back.

These types are made thousands of times a second; they are slotted and not frozen because a frozen
dataclass costs three times as much to make. Nobody changes them after they are made.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from dispatcher.domain.credentials.credential import Credential
from dispatcher.domain.soap.reply import Reply


class ErrorWord(StrEnum):
    """Why an exchange failed, in the word that API, console, logs and metrics all use."""

    DNS = "dns"
    CONNECT_REFUSED = "connect_refused"
    CONNECT_TIMEOUT = "connect_timeout"
    TIMEOUT = "timeout"
    TLS = "tls"
    RESET = "reset"
    PROTOCOL = "protocol"
    STATUS = "status"
    REDIRECT = "redirect"
    TOO_LARGE = "too_large"
    BODY_RULE = "body_rule"
    EGRESS_DENIED = "egress_denied"
    PROXY = "proxy"
    RENDER_ERROR = "render_error"
    SOAP_FAULT = "soap_fault"
    WSDL = "wsdl"
    BAD_VALUE = "bad_value"
    SHUTDOWN = "shutdown"


@dataclass(frozen=True, slots=True)
class Tls:
    """What a connection needs beyond the usual trust: PEM texts. Connections are shared only under the same one.

    `certificate` (with its chain) and `private_key` are the client's, `ca` is trusted instead of the system's bundle.
    """

    ca: str | None = None
    certificate: str | None = None
    private_key: str | None = field(default=None, repr=False)


@dataclass(slots=True)
class Request:
    """An HTTP request, ready to send: every template rendered, every header final."""

    method: str
    url: str = field(repr=False)
    headers: list[tuple[str, str]] = field(repr=False)
    body: bytes | None = field(repr=False)
    connect_timeout_seconds: float
    deadline_seconds: float
    """For the whole exchange: name resolution to the last byte of the answer."""
    credential: Credential | None = None
    """How the target is to be told who asks; applied by the sender that knows how, never seen in a log."""
    tls: Tls | None = None
    proxy: str | None = None
    """The URL of the workspace's egress proxy, through which every connection is tunnelled."""
    max_response_bytes: int | None = None
    """Of this answer, where the sender's own bound is not the right one."""
    signing_keys: tuple[bytes, ...] = field(default=(), repr=False)
    """What the body was signed with, for whoever changes it on its way and has to sign it again."""
    read_reply: "Callable[[Answer], Reply] | None" = field(default=None, repr=False, compare=False)
    """Reads the answer to a SOAP request as what it is; None for REST. Never raises."""


@dataclass(slots=True)
class Answer:
    """What the target said. Header names are lower case; the body is decoded (gzip, deflate, br)."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        """The last value of a header (name in lower case), or None."""
        for key, value in reversed(self.headers):
            if key == name:
                return value
        return None


@dataclass(slots=True)
class Timings:
    """Milliseconds from the start of the exchange; None for a phase that was not reached or not needed."""

    dns_ms: float | None = None
    connect_ms: float | None = None
    tls_ms: float | None = None
    first_byte_ms: float | None = None
    total_ms: float = 0.0


@dataclass(slots=True)
class Exchange:
    """The end of an exchange: an answer, or an error word with a sentence.

    Exactly one of `answer` and `error` is set by a sender. `detail` is a short sentence for people and
    holds nothing of the request or the answer: no URL, no host name, no header, no value.
    """

    answer: Answer | None = None
    error: ErrorWord | None = None
    detail: str = ""
    timings: Timings = field(default_factory=Timings)
    connection_reused: bool = False
    unsent: bool = False
    """It failed before anything went to the target: no access token could be had."""
    secrets: tuple[str, ...] = field(default=(), repr=False)
    """What the credential put on the wire, for whoever keeps an excerpt of the answer to mask it there."""
