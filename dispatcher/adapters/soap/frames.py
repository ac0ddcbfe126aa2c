"""What goes between a process and the one that parses WSDLs for it: eight bytes of length, a content."""

import json
import struct
from typing import BinaryIO

from dispatcher.domain.soap.bundle import Bundle

_LENGTH = struct.Struct(">Q")
LENGTH_BYTES = _LENGTH.size
OUT_OF_MEMORY = 77
"""The exit code of a child whose memory was not enough; none that Python or a shell gives."""


def frame_of(content: bytes) -> bytes:
    """The content behind its length."""
    return _LENGTH.pack(len(content)) + content


def length_of(head: bytes) -> int:
    """How long the content behind these eight bytes is."""
    return int(_LENGTH.unpack(head)[0])


def read_frame(stream: BinaryIO) -> bytes | None:
    """The next content; None where the stream ends, also within one."""
    head = stream.read(LENGTH_BYTES)
    if len(head) < LENGTH_BYTES:
        return None
    content = stream.read(length_of(head))
    return content if len(content) == length_of(head) else None


def write_frame(stream: BinaryIO, content: bytes) -> None:
    """Writes a content, to the end."""
    stream.write(frame_of(content))
    stream.flush()


def write_bundle(bundle: Bundle) -> bytes:
    """A bundle as one content: how long each document is, in JSON, then the documents."""
    lengths = [[url, len(document)] for url, document in bundle.documents.items()]
    return frame_of(json.dumps([bundle.root, lengths]).encode()) + b"".join(bundle.documents.values())


def read_bundle(content: bytes) -> Bundle:
    """What `write_bundle` wrote."""
    at = LENGTH_BYTES + length_of(content[:LENGTH_BYTES])
    root, lengths = json.loads(content[LENGTH_BYTES:at])
    documents = {}
    for url, length in lengths:
        documents[url] = content[at : at + length]
        at += length
    return Bundle(root, documents)
