"""A request with what tells the target who asks."""

import hmac
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256
from typing import assert_never
from urllib.parse import quote, urlsplit

from dispatcher.domain.credentials.cookies import EVERY_COOKIE, forms_of_each
from dispatcher.domain.credentials.kinds import PLACEHOLDER, Place, Put, Signature, User
from dispatcher.domain.credentials.secret_forms import MASK
from dispatcher.domain.credentials.soap_envelope import Envelope, read_envelope
from dispatcher.domain.credentials.soap_header import header_with
from dispatcher.domain.credentials.spec import CredentialSpec, key_bytes
from dispatcher.domain.credentials.token_service import placed_value
from dispatcher.domain.credentials.username_token import UsernameToken, own_forms, security_block, shown_block
from dispatcher.domain.exchange import Request
from dispatcher.domain.requests.own_headers import SIGNATURE, signed_again


@dataclass(frozen=True, slots=True)
class Addition:
    """What is put into a request, and what a person sees of it."""

    place: Place
    name: str
    value: str = field(repr=False)
    shown: str


def authenticated(request: Request, spec: CredentialSpec, secret: str, now: datetime, nonce: bytes = b"") -> Request:
    """A copy with the secret, or the access token, where the target expects it; the request itself stays as it is.

    A header of the profile's by the same name gives way; a cookie is added to the profile's own. `nonce` are 16 random
    bytes, never the same, for a `wsse`. Where the body is changed, its signature is made anew. Raises ValueError:
    `NoEnvelope`, whose text may be told, or another, whose text may quote the request.
    """
    additions = additions_of(request, spec, secret, now)
    copy = _copy(request, spec, [(each.place, each.name, each.value) for each in additions])
    block = _block_of(spec, secret, now, nonce)
    if block is not None:
        copy.body = _with_block(copy.body, block)
        if copy.signing_keys:
            copy.headers = signed_again(copy.headers, copy.signing_keys, copy.body)
    return copy


def shown_authenticated(request: Request, spec: CredentialSpec, now: datetime) -> Request:
    """The same for people: the mask stands for each secret, for a token and for a signature."""
    additions = additions_of(request, spec, "", now)
    copy = _copy(request, spec, [(each.place, each.name, each.shown) for each in additions])
    block = _block_of(spec, None, now, b"")
    if block is not None:
        copy.body = _with_block(copy.body, block)
        # The signature that goes out is over the secret, too; one over the mask would be nobody's.
        masked = (SIGNATURE, f"v1,{MASK}")
        copy.headers = [masked if name == SIGNATURE else (name, value) for name, value in copy.headers]
    return copy


def echoes_of(spec: CredentialSpec, secret: str, now: datetime, nonce: bytes) -> tuple[str, ...]:
    """What a target may repeat of this request, beside the forms of its secret or token: what was made of them."""
    match spec.means:
        case UsernameToken():
            return own_forms(spec.means, secret, now, nonce)
        case None | User() | Put() | Signature():
            return ()
        case service:
            return forms_of_each(secret) if service.send.every_cookie else ()
    assert_never(spec.means)


def _block_of(
    spec: CredentialSpec, secret: str | None, now: datetime, nonce: bytes
) -> Callable[[Envelope], str] | None:
    """What gives the element that goes into an envelope, with the mask where there is no secret; None where a
    credential goes elsewhere."""
    match spec.means:
        case UsernameToken() as token:
            if secret is None:
                return lambda envelope: shown_block(token, envelope, now)
            return lambda envelope: security_block(token, envelope, secret, now, nonce)
        case None | User() | Signature():
            return None
        case Put() as put:
            pass
        case service:
            put = service.send
    if put.place is not Place.SOAP_HEADER:
        return None
    return lambda _: header_with(put.xml, MASK if secret is None else secret)


def _with_block(body: bytes | None, block: Callable[[Envelope], str]) -> bytes:
    envelope = read_envelope(body)
    return envelope.with_block(block(envelope))


def additions_of(request: Request, spec: CredentialSpec, secret: str, now: datetime) -> list[Addition]:
    """What a credential puts beside a request's body. A signature comes last in the way of a request, over all else."""
    match spec.means:
        case None | UsernameToken():
            return []
        case User(name):
            basic = b64encode(f"{name}:{secret}".encode()).decode()
            return [Addition(Place.HEADER, "Authorization", f"Basic {basic}", f"Basic {MASK}")]
        case Put():
            return _addition(spec.means, secret)
        case Signature():
            return _signature(request, spec.means, secret, now)
        case service:
            return _addition(service.send, secret)
    assert_never(spec.means)


def _addition(put: Put, text: str) -> list[Addition]:
    if put.place is Place.SOAP_HEADER:
        return []
    return [Addition(put.place, put.name, placed_value(put, text), put.prefix + MASK)]


def _copy(request: Request, spec: CredentialSpec, additions: list[tuple[Place, str, str]]) -> Request:
    url, headers = request.url, list(request.headers)
    for place, name, value in additions:
        if place is Place.QUERY:
            url = _with_query(url, name, value)
        elif place is Place.COOKIE:
            headers = _with_cookie(headers, value if name == EVERY_COOKIE else f"{name}={value}")
        else:
            headers = [each for each in headers if each[0].lower() != name.lower()]
            headers.append((name, value))
    return replace(request, url=url, headers=headers, credential=None, tls=spec.tls or request.tls)


def _with_query(url: str, name: str, value: str) -> str:
    before, hash_sign, fragment = url.partition("#")
    joint = "" if before.endswith(("?", "&")) else "&" if "?" in before else "?"
    return f"{before}{joint}{quote(name, safe='')}={quote(value, safe='')}{hash_sign}{fragment}"


def _with_cookie(headers: list[tuple[str, str]], pair: str) -> list[tuple[str, str]]:
    """One header with every cookie (RFC 6265, 5.4: a client sends no more than one)."""
    own = [value for name, value in headers if name.lower() == "cookie" and value]
    rest = [each for each in headers if each[0].lower() != "cookie"]
    return [*rest, ("Cookie", "; ".join([*own, pair]))]


def _signature(request: Request, means: Signature, secret: str, now: datetime) -> list[Addition]:
    signed = _filled(means.signs, request, now)
    digest = hmac.digest(key_bytes(secret, means.secret_encoding), signed, means.algorithm)
    text = digest.hex() if means.encoding == "hex" else b64encode(digest).decode()
    prefix = _filled(means.prefix, request, now).decode()
    additions = [Addition(Place.HEADER, means.header, prefix + text, prefix + MASK)]
    if means.timestamp_header is not None:
        moment = _part("timestamp_ms" if "{timestamp_ms}" in means.signs else "timestamp", request, now).decode()
        additions.insert(0, Addition(Place.HEADER, means.timestamp_header, moment, moment))
    return additions


def _filled(text: str, request: Request, now: datetime) -> bytes:
    """Bytes, since a body need not be text."""
    pieces, at = [], 0
    for found in PLACEHOLDER.finditer(text):
        pieces += [text[at : found.start()].encode(), _part(found[1], request, now)]
        at = found.end()
    return b"".join([*pieces, text[at:].encode()])


def _part(name: str, request: Request, now: datetime) -> bytes:
    """As `SIGNED_PARTS` describes it."""
    body = request.body or b""
    match name:
        case "body":
            return body
        case "body_sha256":
            return sha256(body).hexdigest().encode()
        case "body_sha256_base64":
            return b64encode(sha256(body).digest())
        case "timestamp":
            return str(int(now.timestamp())).encode()
        case "timestamp_ms":
            return str(int(now.timestamp() * 1000)).encode()
        case "method":
            return request.method.encode()
        case "id":
            return _header(request, "webhook-id")
        case "content_type":
            return _header(request, "content-type")
        case _:
            return _url_part(name, request.url).encode()


def _url_part(name: str, url: str) -> str:
    parts = urlsplit(url)
    path = parts.path or "/"
    match name:
        case "host":
            return parts.netloc
        case "path":
            return path
        case "query":
            return parts.query
        case "target":
            return f"{path}?{parts.query}" if parts.query else path
        case _:
            return url


def _header(request: Request, wanted: str) -> bytes:
    return next((value.encode() for name, value in request.headers if name.lower() == wanted), b"")
