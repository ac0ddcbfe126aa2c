"""Answers that a format makes itself: to a handshake, or to a post that it took in."""

from starlette.types import Send

from dispatcher.api.problems import Problem
from dispatcher.api.wire import send_answer
from dispatcher.sources.format import HandshakeReply

MAX_REPLY_BYTES = 1024
"""Headers and body together: RingCentral drops a subscription whose endpoint answers more."""


async def send_reply(send: Send, reply: HandshakeReply) -> None:
    """The reply as the answer. What would be longer than posters take, or no header's text, is a 400 problem: it
    repeats what a stranger sent."""
    try:
        headers = [(name.lower(), value) for name, value in reply.headers.items()]
        size = len(reply.body) + sum(len(name) + len(value.encode("latin-1")) for name, value in headers)
    except UnicodeEncodeError:
        raise Problem(400, "The handshake holds text that no answer's header can.") from None
    if size > MAX_REPLY_BYTES:
        raise Problem(400, f"The answer would be longer than {MAX_REPLY_BYTES} bytes.")
    await send_answer(send, reply.status, reply.body, None, headers)
