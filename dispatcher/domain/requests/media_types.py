"""Media types (RFC 9110, 8.3.1) as far as a body's rendering depends on them."""

import re

from dispatcher.domain.shape import Reading

FORM_TYPE = "application/x-www-form-urlencoded"
_MAX_CHARACTERS = 200
_MEDIA_TYPE = re.compile(r"[!#$&^_.+0-9A-Za-z-]+/[!#$&^_.+0-9A-Za-z-]+(?:[ \t]*;[ \t]*[\x21-\x7e]+)*")
_OTHER_CHARSET = re.compile(r"charset=(?!\"?utf-8\"?(?:[;\s]|$))", re.IGNORECASE)
_JSON = re.compile(r"[^/]+/(?:[^;]*\+)?(?:json|x-ndjson|ndjson|jsonl|x-jsonlines|json-seq)\s*(?:;|$)", re.IGNORECASE)
_XML = re.compile(r"[^/]+/(?:[^;]*\+)?xml\s*(?:;|$)", re.IGNORECASE)


def read_media_type(reading: Reading, raw: object, at: str, fallback: str = "text/plain") -> str:
    """A literal media type; faults are noted."""
    if type(raw) is not str or len(raw) > _MAX_CHARACTERS or not _MEDIA_TYPE.fullmatch(raw) or "{{" in raw:
        reading.note(at, "a literal media type such as text/plain", raw)
        return fallback
    if _OTHER_CHARSET.search(raw):
        reading.note(at, "no charset but utf-8, in which every body is sent", raw)
    return raw


def is_json(media_type: str) -> bool:
    """Whether it is JSON, lines of JSON, or a format written in JSON."""
    return _JSON.match(media_type) is not None


def is_xml(media_type: str) -> bool:
    """Whether it is XML or a format written in XML."""
    return _XML.match(media_type) is not None


def is_form(media_type: str) -> bool:
    """Whether it is what an HTML form posts."""
    return media_type.lower().startswith(FORM_TYPE)
