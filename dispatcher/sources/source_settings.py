"""What an administrator set for a source, as its format sees it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True)
class SourceSettings:
    """`time_zone` is an IANA name, for times that carry no offset; `country` one of ISO 3166, for national numbers."""

    time_zone: str = "UTC"
    country: str | None = None
    config: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
