"""The number inside of what telephones write around it: SIP and tel URIs, a name, parameters (RFC 3261, RFC 3966)."""

import re
from typing import NamedTuple
from urllib.parse import unquote

_MAX_CHARACTERS = 512
"""A SIP address with its parameters is seldom longer than 100; what is longer is no number."""
_URI = re.compile(r"(?:^|<)\s*(?:sips?|tel|callto|wtai://wp/mc):(?://)?([^>]*)", re.IGNORECASE)
_BEFORE_HOST = re.compile(r"([+*#0-9().\- ]{1,64})@[^@\s]{1,255}")
_EXTENSION = re.compile(r";(?:ext|extension)=([0-9]{1,8})(?![0-9])", re.IGNORECASE)


class Address(NamedTuple):
    """`user` is a number, a name or empty; `is_uri` tells whether something was written around it."""

    user: str
    extension: str | None
    is_uri: bool


def address_of(text: str) -> Address:
    """The user part of `"Jane" <sip:+14155550100@host;user=phone>`, `tel:+1-415-555-0100;ext=5`, `100@host`.

    Any other text is its own user part, `jane@example.com` too.
    """
    if len(text) > _MAX_CHARACTERS:
        return Address(text, None, False)
    uri = _URI.search(text)
    if uri is None:
        bare = _BEFORE_HOST.fullmatch(text)
        return Address(bare[1].strip(), None, True) if bare else Address(text, None, False)
    extension = _EXTENSION.search(uri[1])
    user = re.split(r"[@;?]", uri[1], maxsplit=1)[0]
    return Address(unquote(user).strip(), extension[1] if extension else None, True)
