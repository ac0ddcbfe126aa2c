"""A request as a person reads it: as HTTP/1.1 text (RFC 9112), and as a curl command for a POSIX shell."""

import base64
import shlex
from urllib.parse import urlsplit

from dispatcher.adapters.wire_form import wire_url
from dispatcher.domain.exchange import Request
from dispatcher.ports import ShownRequest

MAX_ARGUMENT_BYTES = 100_000
"""Linux takes 128 KiB in one argument of a command; a longer body reaches curl by a pipe."""

_DEFAULT_PORTS = {"http": 80, "https": 443}
_WITH_EMPTY_BODY = frozenset({"POST", "PUT", "PATCH"})
"""These say `Content-Length: 0` where there is no body (RFC 9110, 8.6)."""
_NEXT = " \\\n  "


def show_request(request: Request) -> ShownRequest:
    """The request in every form. Secrets are shown as they are in it: who masks them masks them before.

    `Accept-Encoding`, which names what the sender can unpack, is left out. Raises ValueError for a URL that is none.
    """
    url = wire_url(request.url)
    text = _text_of(request.body)
    return ShownRequest(
        request.method,
        url,
        list(request.headers),
        text if text is not None or request.body is None else base64.b64encode(request.body).decode(),
        "utf-8" if text is not None or request.body is None else "base64",
        http_text(request),
        curl_command(request),
    )


def http_text(request: Request) -> str:
    """Request line, headers and body, the lines of the head ended by CRLF. A body that is no text is in base64."""
    url = urlsplit(wire_url(request.url))
    target = f"{url.path or '/'}{f'?{url.query}' if url.query else ''}"
    headers = [("Host", _host(request.url)), *request.headers]
    if request.body is not None or request.method in _WITH_EMPTY_BODY:
        headers.append(("Content-Length", str(len(request.body or b""))))
    lines = [
        f"{request.method} {target} HTTP/1.1",
        *(f"{name}: {value}" if value else f"{name}:" for name, value in headers),
    ]
    body = request.body or b""
    text = _text_of(body)
    shown = text if text is not None else f"({len(body)} bytes in base64) {base64.b64encode(body).decode()}"
    return "\r\n".join([*lines, "", shown])


def curl_command(request: Request) -> str:
    """The same request by curl: method, URL, headers and body byte for byte, whatever they hold.

    Every word is quoted for a POSIX shell, and nothing in it is a control character that a terminal would obey. A
    body that is no plain text, or too long for an argument, is piped in; then `base64` is needed beside curl.
    """
    words = ["curl", f"--request {request.method} --globoff --url {_word(wire_url(request.url))}"]
    words += [f"--header {_word(f'{name}: {value}' if value else f'{name};')}" for name, value in request.headers]
    given = {name.lower() for name, _ in request.headers}
    # A name without a value keeps curl from adding its own.
    words += [f"--header '{name}:'" for name in ("Accept", "User-Agent") if name.lower() not in given]
    body = request.body
    if body is None and request.method not in _WITH_EMPTY_BODY:
        return _NEXT.join(words)
    words += [f"--header '{name}:'" for name in ("Content-Type",) if name.lower() not in given]
    words.append("--header 'Expect:'")
    text = _text_of(body or b"")
    if text is not None and len(body or b"") <= MAX_ARGUMENT_BYTES:
        # Not --data-binary, to which a leading @ would name a file.
        return _NEXT.join([*words, f"--data-raw {shlex.quote(text)}"])
    return _piped(body or b"", text) + _NEXT.join([*words, "--data-binary @-"])


def _piped(body: bytes, text: str | None) -> str:
    # printf is part of the shell: no limit of the system's holds for its arguments.
    if text is not None:
        return f"printf %s {shlex.quote(text)} | "
    return f"printf %s {base64.b64encode(body).decode()} | base64 -d | "


def _word(text: str) -> str:
    """One word for a POSIX shell. What is not printable is put in by printf, in octal."""
    if text.isprintable():
        return shlex.quote(text)
    inside = "".join(each if _plain(each) else "".join(f"\\{byte:03o}" for byte in each.encode()) for each in text)
    return f"\"$(printf '{inside}')\""


def _plain(character: str) -> bool:
    # printf reads \\, % and a leading -; an interactive bash looks for ! even here.
    return character.isprintable() and character not in "\\%'-!"


def _text_of(body: bytes | None) -> str | None:
    """The body as text: UTF-8, nothing but printable characters and line feeds. None for any other."""
    try:
        text = body.decode() if body is not None else None
    except UnicodeDecodeError:
        return None
    return text if text is not None and text.replace("\n", "").isprintable() else None


def _host(url: str) -> str:
    """The Host header's value: the port is named where it is not the scheme's own (RFC 9110, 7.2)."""
    parts = urlsplit(wire_url(url))
    authority = parts.netloc.rpartition("@")[2]
    if parts.port == _DEFAULT_PORTS[parts.scheme]:
        return authority.rpartition(":")[0]
    return authority
