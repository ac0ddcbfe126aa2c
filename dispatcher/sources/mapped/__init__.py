"""Any JSON, form, query or XML, by a mapping in the source's configuration."""

from collections.abc import Mapping
from typing import Any

from dispatcher.domain.event import CallEvent
from dispatcher.domain.shape import Reading
from dispatcher.sources.format import Format, Posted, SourceSettings
from dispatcher.sources.mapped.mapping import MEMBERS, BodyMapping, compiled, event_of, read_mapping


def parse(posted: Posted, settings: SourceSettings) -> list[CallEvent]:
    """The events of the records that are calls. Raises `NotUnderstood`; then none of the body is."""
    mapping: BodyMapping = compiled(read_mapping, settings.config)
    records = mapping.records(mapping.notation.decode(posted))
    found = (event_of(mapping.event, record, settings, posted.received_at) for record in records)
    return [event for event in found if event is not None]


def found_nothing(posted: Posted, settings: SourceSettings) -> list[str]:
    """The fields that are looked up and found in none of the records; `items` where there is no record.

    Raises `NotUnderstood`.
    """
    mapping: BodyMapping = compiled(read_mapping, settings.config)
    document = mapping.notation.decode(posted)
    if not mapping.all_records(document):
        return ["items"]
    records = mapping.records(document)
    return [
        name
        for name, look in mapping.event.looks()
        if all(look(record, settings.time_zone) is None for record in records)
    ]


def read_config(reading: Reading, config: Mapping[str, Any], at: str) -> None:
    """Notes every fault of a mapping."""
    read_mapping(reading, config, at)


FORMAT = Format(
    name="mapped",
    parse=parse,
    auth_kinds=frozenset(
        {
            "token",
            "basic",
            "bearer",
            "header_token",
            "body_token",
            "query_token",
            "hmac",
            "jwt",
            "standard_webhooks",
        }
    ),
    methods=frozenset({"POST", "GET", "PUT"}),
    config_members=MEMBERS,
    read_config=read_config,
    found_nothing=found_nothing,
)
