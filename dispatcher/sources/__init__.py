"""One file per call system's format: what it posts in, canonical events out. Pure."""

from collections.abc import Mapping
from types import MappingProxyType

from dispatcher.sources import (
    aircall,
    amazon_connect,
    callrail,
    dialpad,
    freeswitch,
    generic,
    kazoo,
    ringcentral,
    twilio,
    zammad_cti,
)
from dispatcher.sources.format import Format, NotUnderstood, Posted, SourceSettings

__all__ = ["FORMATS", "Format", "NotUnderstood", "Posted", "SourceSettings"]

FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        each.name: each
        for each in (
            aircall.FORMAT,
            amazon_connect.FORMAT,
            callrail.FORMAT,
            dialpad.FORMAT,
            freeswitch.FORMAT,
            generic.FORMAT,
            kazoo.FORMAT,
            ringcentral.FORMAT,
            twilio.FORMAT,
            zammad_cti.FORMAT,
        )
    }
)
"""Every format by the name that a source's `format` takes."""
