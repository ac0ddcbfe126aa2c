"""A WSDL with every document that it imports, as they were fetched: what can be parsed again without any network."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

HASH_PREFIX = "sha256:"
UPLOAD_BASE = "http://uploaded.invalid/"
"""What relative imports of an uploaded WSDL are resolved against; no such host can exist (RFC 2606)."""


@dataclass(frozen=True)
class Bundle:
    """`documents` by absolute URL, the root's among them. An import names another one by its own, absolute URL."""

    root: str
    documents: Mapping[str, bytes]

    @cached_property
    def content_hash(self) -> str:
        """`sha256:` and 64 hexadecimal digits, over every URL and what stands there."""
        digest = sha256(self.root.encode())
        for url, document in sorted(self.documents.items()):
            digest.update(sha256(url.encode()).digest() + sha256(document).digest())
        return HASH_PREFIX + digest.hexdigest()

    @property
    def size_bytes(self) -> int:
        """Of all documents together."""
        return sum(map(len, self.documents.values()))


class WsdlRefused(Exception):
    """A WSDL that cannot be used. The text is a sentence for a person, and says what is wrong with which document."""
