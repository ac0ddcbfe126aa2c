"""What tests of templates share: a call, and the few steps from a template to what it renders to."""

import json
from functools import lru_cache
from typing import Any

from dispatcher.adapters.engines import ENGINES
from dispatcher.adapters.templates.request import Rendered, RequestTemplate, check_request, compile_request
from dispatcher.domain.profile import ProfileSpec, parse_profile

HASH_KEY = b"example"
LOOKUPS = {"queues": {"Sales": 12, "1001": "one", "": "none"}, "odd": {"true": None}}

CALL: dict[str, Any] = {
    "id": "7f9c",
    "caller_name": "Jane Roe",
    "dnis": "+18005551212",
    "agent": {"name": "John Doe"},
    "account_codes": ["1001", "1002"],
    "tags": [],
    "duration_seconds": 200,
    "recording": {"url": "https://pbx.example/rec/7f9c.wav"},
    "custom": {
        "score": 4.5,
        "flag": True,
        "nothing": None,
        "items": "three",
        "a.b": "dotted",
        "zero": 0,
        "deep": {"x": [1, {"y": None}]},
        "mixed": ["a", 1, True, None, {"b": 2}],
    },
}
CONTEXT: dict[str, Any] = {
    "id": None,
    "type": "call.finished",
    "occurred_at": "2026-11-20T10:03:20Z",
    "call": CALL,
    "source": {"name": "pbx", "country": "US", "time_zone": "America/New_York"},
    "delivery": {"id": "0193-1", "attempt": 1, "partial": False, "test": False},
    "followed": {"lead_id": "L-1"},
}
BREAKOUT = '"; DROP</x>&\r\nX: y'
URL = "https://crm.example/api"


def spec(**request: Any) -> ProfileSpec:
    document = {
        "name": "crm",
        "trigger": {"events": ["*"]},
        "lookups": LOOKUPS,
        "request": {"method": "POST", "url": URL, **request},
    }
    return parse_profile(document, ENGINES)


@lru_cache
def compiled(request: str) -> RequestTemplate:
    return compile_request(spec(**json.loads(request)), HASH_KEY)


def render(context: dict[str, Any] = CONTEXT, **request: Any) -> Rendered:
    return compiled(json.dumps(request)).render(context)


def said(value: Any) -> dict[str, Any]:
    """The context of a call whose `call.custom.said` is the value."""
    return {**CONTEXT, "call": {"id": "7f9c", "custom": {"said": value}}}


def raw(value: str, content_type: str = "text/plain") -> dict[str, Any]:
    return {"kind": "raw", "content_type": content_type, "value": value}


def text(template: str, context: dict[str, Any] = CONTEXT) -> str:
    body = render(context, body=raw(template)).body
    assert body is not None
    return body.decode()


def typed(template: Any, context: dict[str, Any] = CONTEXT) -> Any:
    return json.loads(render(context, body={"kind": "json", "value": template}).body or b"")


def faults(**request: Any) -> list[tuple[str, str]]:
    return [(fault["field"], fault["got"]) for fault in check_request(spec(**request))]
