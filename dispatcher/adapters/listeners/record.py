"""What a listener took in: the bytes that a source said once, and what is known of them."""

from dataclasses import dataclass
from datetime import datetime

import orjson


@dataclass(frozen=True, slots=True)
class Record:
    """`received_at` is aware, in UTC. `identity` is the same whenever the same record is read again: an event that has
    no id of its own is known for a duplicate by it."""

    body: bytes
    received_at: datetime
    identity: str
    content_type: str = "text/plain"
    remote: str = ""


def packed(record: Record) -> bytes:
    """The record as bytes: a line of JSON, then the body as it came."""
    head = {
        "received_at": record.received_at.isoformat(),
        "identity": record.identity,
        "content_type": record.content_type,
        "remote": record.remote,
    }
    return orjson.dumps(head) + b"\n" + record.body


def unpacked(given: bytes) -> Record:
    """The record again. Raises ValueError for bytes that `packed` did not make."""
    first, newline, body = given.partition(b"\n")
    head = orjson.loads(first)
    if not newline or not isinstance(head, dict):
        raise ValueError("no packed record")
    moment = datetime.fromisoformat(head["received_at"])
    return Record(body, moment, head["identity"], head["content_type"], head["remote"])
