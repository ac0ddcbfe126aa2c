"""The bare ASGI side: bodies read with a cap, answers sent whole."""

from collections.abc import Iterable, Mapping

from starlette.types import Receive, Scope, Send

from dispatcher.api.problems import PROBLEM_JSON, Problem, too_large

JSON = "application/json"


class Disconnected(Exception):
    """The client went away before its body was there: nobody waits for an answer."""


def header_of(scope: Scope, name: bytes) -> bytes | None:
    """The first header of that lower-case name."""
    for each, value in scope["headers"]:
        if each == name:
            return value  # type: ignore[no-any-return]
    return None


async def read_body(scope: Scope, receive: Receive, limit: int) -> bytes:
    """The whole body. Raises a 413 problem as soon as it is known to be larger than the limit, or `Disconnected`."""
    declared = header_of(scope, b"content-length")
    if declared is not None and declared.isdigit() and int(declared) > limit:
        raise too_large(limit)
    message = await receive()
    body: bytes = message.get("body", b"")
    if message["type"] == "http.request" and not message.get("more_body", False) and len(body) <= limit:
        return body
    return await _read_rest(message, body, receive, limit)


async def _read_rest(message: Mapping[str, object], first: bytes, receive: Receive, limit: int) -> bytes:
    parts, size = [first], len(first)
    while True:
        if message["type"] == "http.disconnect":
            raise Disconnected
        if size > limit:
            raise too_large(limit)
        if not message.get("more_body", False):
            return b"".join(parts)
        message = await receive()
        part: bytes = message.get("body", b"")
        parts.append(part)
        size += len(part)


async def send_answer(
    send: Send, status: int, body: bytes, content_type: str | None = JSON, headers: Iterable[tuple[str, str]] = ()
) -> None:
    """One whole answer. A 204 carries no body and no length (RFC 9110, 8.6)."""
    fields = [(name.encode(), value.encode("latin-1")) for name, value in headers]
    if content_type is not None and body:
        fields.append((b"content-type", content_type.encode()))
    if status != 204:
        fields.append((b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.start", "status": status, "headers": fields})
    await send({"type": "http.response.body", "body": b"" if status == 204 else body})


async def send_problem(send: Send, problem: Problem) -> None:
    """A problem as the answer."""
    await send_answer(send, problem.status, problem.body(), PROBLEM_JSON, problem.headers.items())
