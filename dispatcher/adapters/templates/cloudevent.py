"""CloudEvents 1.0 over HTTP, structured (in the JSON format) and binary."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import orjson

from dispatcher.adapters.templates.filters import MAX_OUTPUT_BYTES
from dispatcher.adapters.templates.multipart import Envelope, Section
from dispatcher.adapters.templates.text import attribute_header, json_of
from dispatcher.domain.context import Context
from dispatcher.domain.field_values import Unfit, read_moment
from dispatcher.domain.requests.media_types import is_json
from dispatcher.ports import RenderError

STRUCTURED_TYPE = "application/cloudevents+json"
REQUIRED = frozenset({"id", "source", "specversion", "type"})


@dataclass(frozen=True, slots=True)
class Attribute:
    """A context attribute and the template of its value."""

    name: str
    value: str | Callable[[Context], str]
    field: str

    def text(self, context: Context) -> str:
        """The value; empty where it is to be left out. Raises `RenderError`."""
        text = self.value if isinstance(self.value, str) else self.value(context)
        if not text and self.name in REQUIRED:
            raise RenderError(self.field, "an empty attribute, which every event must have,")
        if text and self.name == "time":
            try:
                read_moment(text)
            except Unfit:
                raise RenderError(self.field, "a text that is no time of RFC 3339") from None
        return text


def structured(attributes: Sequence[Attribute], media_type: str, data: Section) -> Envelope:
    """All of it in the body."""
    as_json = is_json(media_type)

    def envelope(context: Context) -> tuple[list[tuple[str, str]], bytes]:
        members = {each.name: text for each in attributes if (text := each.text(context))}
        members["datacontenttype"] = media_type
        content = data(context)
        body = b"".join((_dumped(members)[:-1], b',"data":', content if as_json else json_of(content.decode()), b"}"))
        return [("Content-Type", STRUCTURED_TYPE)], _bounded(body)

    return envelope


def binary(attributes: Sequence[Attribute], media_type: str, data: Section) -> Envelope:
    """The attributes in headers, the data as the body."""

    def envelope(context: Context) -> tuple[list[tuple[str, str]], bytes]:
        texts = [(f"ce-{each.name}", each.text(context), each.field) for each in attributes]
        headers = [(name, _header(text, field)) for name, text, field in texts if text]
        return [*headers, ("Content-Type", media_type)], _bounded(data(context))

    return envelope


def _dumped(members: dict[str, str]) -> bytes:
    try:
        return orjson.dumps(members)
    except TypeError:
        raise RenderError("request.body", "a value that cannot be encoded") from None


def _header(text: str, field: str) -> str:
    try:
        return attribute_header(text)
    except UnicodeEncodeError:
        raise RenderError(field, "a value that cannot be encoded") from None


def _bounded(body: bytes) -> bytes:
    if len(body) > MAX_OUTPUT_BYTES:
        raise RenderError("request.body.data", f"output over {MAX_OUTPUT_BYTES} bytes")
    return body
