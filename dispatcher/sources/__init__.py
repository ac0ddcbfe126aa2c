"""One file per call system's format: what it posts in, canonical events out. Pure."""

from collections.abc import Mapping
from types import MappingProxyType

from dispatcher.sources import (
    aircall,
    amazon_connect,
    asterisk,
    callrail,
    cloudevents,
    dialpad,
    exotel,
    freeswitch,
    generic,
    jambonz,
    kamailio,
    kazoo,
    mapped,
    maxcontact,
    plivo,
    ringcentral,
    telnyx,
    texml,
    threecx,
    twilio,
    vcon,
    vonage,
    zammad_cti,
)
from dispatcher.sources.format import Format, NotUnderstood, Posted, SourceSettings
from dispatcher.sources.smdr import avaya as smdr_avaya
from dispatcher.sources.smdr import esi as smdr_esi
from dispatcher.sources.smdr import mitel as smdr_mitel

__all__ = ["FORMATS", "Format", "NotUnderstood", "Posted", "SourceSettings"]

FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        each.name: each
        for each in (
            aircall.FORMAT,
            amazon_connect.FORMAT,
            asterisk.FORMAT,
            callrail.FORMAT,
            cloudevents.FORMAT,
            dialpad.FORMAT,
            exotel.FORMAT,
            freeswitch.FORMAT,
            generic.FORMAT,
            jambonz.FORMAT,
            kamailio.FORMAT,
            kazoo.FORMAT,
            mapped.FORMAT,
            maxcontact.FORMAT,
            plivo.FORMAT,
            ringcentral.FORMAT,
            smdr_avaya.FORMAT,
            smdr_esi.FORMAT,
            smdr_mitel.FORMAT,
            telnyx.FORMAT,
            texml.FORMAT,
            threecx.FORMAT,
            twilio.FORMAT,
            vcon.FORMAT,
            vonage.FORMAT,
            zammad_cti.FORMAT,
        )
    }
)
"""Every format by the name that a source's `format` takes."""
