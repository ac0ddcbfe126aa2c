"""One file per call system's format: what it posts in, canonical events out. Pure."""

from collections.abc import Mapping
from types import MappingProxyType

from dispatcher.sources import (
    cloudevents,
    exotel,
    freeswitch,
    generic,
    jambonz,
    mapped,
    plivo,
    telnyx,
    texml,
    twilio,
    vonage,
)
from dispatcher.sources.format import Format, NotUnderstood, Posted, SourceSettings

__all__ = ["FORMATS", "Format", "NotUnderstood", "Posted", "SourceSettings"]

FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        each.name: each
        for each in (
            cloudevents.FORMAT,
            exotel.FORMAT,
            freeswitch.FORMAT,
            generic.FORMAT,
            jambonz.FORMAT,
            mapped.FORMAT,
            plivo.FORMAT,
            telnyx.FORMAT,
            texml.FORMAT,
            twilio.FORMAT,
            vonage.FORMAT,
        )
    }
)
"""Every format by the name that a source's `format` takes."""
