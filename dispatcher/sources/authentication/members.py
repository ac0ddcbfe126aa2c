"""What the document of an authentication may hold, member by member. No fault quotes a value: it may be a secret."""

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from dispatcher.domain.shape import Reading

Auth = Mapping[str, Any]
Read = Callable[[Reading, object, str], object]

MAX_SECRET_CHARACTERS = 16_384
DEFAULT_TOLERANCE_SECONDS = 300.0
"""How far a signed moment may lie from the receipt: what Standard Webhooks and Stripe allow."""
MAX_TOLERANCE_SECONDS = 86_400.0
_NOT_THAT = "a value that is not shown"
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_SURROGATES = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Member:
    """One member. A `secret` is masked when it is shown."""

    name: str
    read: Read
    required: bool = False
    secret: bool = False


def text(reading: Reading, raw: object, at: str) -> None:
    """Text that is not empty, and can be encoded."""
    if not (type(raw) is str and 0 < len(raw) <= MAX_SECRET_CHARACTERS and not _SURROGATES.search(raw)):
        reading.note_got(at, "text that is not empty", _NOT_THAT if raw is not None else "nothing")


def header_name(reading: Reading, raw: object, at: str) -> None:
    """The name of an HTTP header (RFC 9110, 5.6.2)."""
    if not (type(raw) is str and _HEADER.fullmatch(raw)):
        reading.note_got(at, "the name of a header", _NOT_THAT)


def word_of(*words: str) -> Read:
    """One of the words."""
    return lambda reading, raw, at: reading.word(raw, at, words)


def tolerance(reading: Reading, raw: object, at: str) -> None:
    """Seconds, from 1 to a day."""
    reading.number(raw, at, (1, MAX_TOLERANCE_SECONDS))


def one_of_two(name: str, read: Read = text) -> tuple[Member, Member]:
    """A secret that is needed, and a second one that is let in as well while it is being changed."""
    return Member(name, read, required=True, secret=True), Member(f"{name}_2", read, secret=True)


def both(auth: Auth, name: str) -> list[str]:
    """The secret and, where there is one, the second."""
    return [auth[each] for each in (name, f"{name}_2") if auth.get(each) is not None]


def key_bytes(secret: str, encoding: str) -> bytes:
    """The key that a secret's text stands for. Raises ValueError where it is not in that encoding."""
    match encoding:
        case "hex":
            return bytes.fromhex(secret)
        case "base64":
            try:
                return base64.b64decode(secret, validate=True)
            except binascii.Error as error:
                raise ValueError("no Base64") from error
        case _:
            return secret.encode()


def encoded_keys(reading: Reading, auth: Auth, at: str) -> None:
    """Notes each of the two secrets that is not in the encoding that `secret_encoding` names."""
    encoding = auth.get("secret_encoding", "text")
    for name in ("secret", "secret_2"):
        try:
            usable = type(auth.get(name)) is not str or bool(key_bytes(auth[name], encoding))
        except ValueError:
            usable = False
        if not usable:
            reading.note_got(f"{at}.{name}", f"a key in {encoding}, as secret_encoding says", _NOT_THAT)


SECRET_ENCODINGS = ("text", "hex", "base64")
TOLERANCE = Member("tolerance_seconds", tolerance)
