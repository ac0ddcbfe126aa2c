"""One file per call system's format: what it posts in, canonical events out. Pure."""

from collections.abc import Mapping
from types import MappingProxyType

from dispatcher.sources import (
    aircall,
    amazon_connect,
    callrail,
    cloudevents,
    dialpad,
    exotel,
    freeswitch,
    generic,
    jambonz,
    kazoo,
    mapped,
    plivo,
    ringcentral,
    telnyx,
    texml,
    twilio,
    vonage,
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
            cloudevents.FORMAT,
            dialpad.FORMAT,
            exotel.FORMAT,
            freeswitch.FORMAT,
            generic.FORMAT,
            jambonz.FORMAT,
            kazoo.FORMAT,
            mapped.FORMAT,
            plivo.FORMAT,
            ringcentral.FORMAT,
            telnyx.FORMAT,
            texml.FORMAT,
            twilio.FORMAT,
            vonage.FORMAT,
            zammad_cti.FORMAT,
        )
    }
)
"""Every format by the name that a source's `format` takes."""
