"""One file per call system's format: what it posts in, canonical events out. Pure."""

from collections.abc import Mapping
from types import MappingProxyType

from dispatcher.sources import (
    asterisk,
    freeswitch,
    generic,
    kamailio,
    smdr_avaya,
    smdr_esi,
    smdr_mitel,
    threecx,
    twilio,
    vcon,
)
from dispatcher.sources.format import Format, NotUnderstood, Posted, SourceSettings

__all__ = ["FORMATS", "Format", "NotUnderstood", "Posted", "SourceSettings"]

FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        each.name: each
        for each in (
            asterisk.FORMAT,
            freeswitch.FORMAT,
            generic.FORMAT,
            kamailio.FORMAT,
            smdr_avaya.FORMAT,
            smdr_esi.FORMAT,
            smdr_mitel.FORMAT,
            threecx.FORMAT,
            twilio.FORMAT,
            vcon.FORMAT,
        )
    }
)
"""Every format by the name that a source's `format` takes."""
