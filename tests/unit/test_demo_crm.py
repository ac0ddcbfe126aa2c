import asyncio
import json

from dispatcher.demo.crm import MAX_BODY_BYTES, Crm


def talk(*requests: bytes) -> list[tuple[int, dict]]:
    """What the CRM answers to these on one connection, one after the other."""

    async def converse() -> list[tuple[int, dict]]:
        server = await asyncio.start_server(Crm().serve, "127.0.0.1", 0)
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            answers = []
            for request in requests:
                writer.write(request)
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                answers.append((int(head.split()[1]), json.loads(await reader.readexactly(length))))
            writer.close()
            return answers

    return asyncio.run(converse())


def post(path: str, delivery: str, body: bytes = b"{}") -> bytes:
    return f"POST {path} HTTP/1.1\r\nWebhook-Id: {delivery}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def test_the_flaky_place_refuses_each_delivery_twice() -> None:
    answers = talk(*[post("/flaky/tickets", each) for each in ("a", "a", "b", "a", "b", "b", "a")])
    assert [status for status, _ in answers] == [503, 503, 503, 200, 503, 200, 200]


def test_any_other_place_is_well_and_answers_as_the_body_rule_wants() -> None:
    assert talk(post("/api/calls/1?x=1", "a")) == [(200, {"ok": True, "number": 1})]


def test_it_tells_requests_and_different_deliveries_by_place() -> None:
    asked = b"GET /received HTTP/1.1\r\n\r\n"
    answers = talk(post("/api/calls/1", "a"), post("/api/calls/1", "a"), post("/archive/2", "b"), asked)
    assert answers[-1] == (
        200, {"api": {"requests": 2, "deliveries": 1}, "archive": {"requests": 1, "deliveries": 1}},
    )  # fmt: skip


def test_what_is_no_http_or_too_large_closes_the_connection() -> None:
    async def converse(request: bytes) -> bytes:
        server = await asyncio.start_server(Crm().serve, "127.0.0.1", 0)
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(request)
            answer = await reader.read()
            writer.close()
            return answer

    assert asyncio.run(converse(b"nonsense\r\n\r\n")) == b""
    assert asyncio.run(converse(b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (MAX_BODY_BYTES + 1))) == b""
