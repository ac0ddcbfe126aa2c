"""The OpenAPI description: what FastAPI knows of its routes, and by hand what the doors in front of it take."""

from typing import Any

import yaml
from fastapi import APIRouter, FastAPI, Request
from fastapi.openapi.utils import get_openapi
from starlette.responses import Response

from dispatcher.api.answers import Json
from dispatcher.api.openapi_bodies import add_bodies
from dispatcher.domain.call_fields import EVENT_TYPES, FIELDS, Field, Kind

router = APIRouter(include_in_schema=False)

Schema = dict[str, Any]

_DESCRIPTION = (
    "When a phone goes on-hook, every system that must know is told. Authenticate with HTTP Basic (the token and "
    "either of its two secrets) or `Authorization: Bearer <token>.<secret>`; each operation names the scope that it "
    "wants, and `admin` includes every other. Errors are problem details (RFC 9457)."
)
_TYPES: dict[Kind, Schema] = {
    Kind.TEXT: {"type": "string"},
    Kind.ID: {"type": "string", "minLength": 1, "maxLength": 255},
    Kind.PHONE: {"type": "string"},
    Kind.NUMBER: {"type": "number"},
    Kind.INTEGER: {"type": "integer", "minimum": 0},
    Kind.BOOLEAN: {"type": "boolean"},
    Kind.TIME: {"type": "string", "format": "date-time"},
    Kind.TEXT_LIST: {"type": "array", "items": {"type": "string"}},
    Kind.CHOICE: {"type": "string"},
    Kind.OBJECT: {"type": "object"},
}
_PROBLEM: Schema = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "index": {"type": ["integer", "null"], "description": "The event's place in its batch."},
                    "field": {"type": "string"},
                    "expected": {"type": "string"},
                    "got": {"type": "string"},
                },
            },
        },
    },
}


@router.get("/openapi.json")
async def openapi_json(request: Request) -> Response:
    """The description as JSON."""
    return Json(description_of(request.app))


@router.get("/openapi.yaml")
async def openapi_yaml(request: Request) -> Response:
    """The description as YAML."""
    text = yaml.safe_dump(description_of(request.app), sort_keys=False, allow_unicode=True)
    return Response(text, media_type="application/yaml")


def description_of(app: FastAPI) -> Schema:
    """The whole description, made once for an app."""
    if not hasattr(app.state, "description"):
        app.state.description = _complete(
            get_openapi(title=app.title, version=app.version, description=_DESCRIPTION, routes=app.routes)
        )
    made: Schema = app.state.description
    return made


def _complete(schema: Schema) -> Schema:
    components = schema.setdefault("components", {})
    components["schemas"] = {"Problem": _PROBLEM, "Event": _event_schema(), "Accepted": _accepted_schema()}
    components["securitySchemes"] = {
        "basic": {"type": "http", "scheme": "basic", "description": "The token, and either of its secrets."},
        "bearer": {"type": "http", "scheme": "bearer", "description": "`<token>.<secret>`"},
    }
    schema["security"] = [{"basic": []}, {"bearer": []}]
    schema["paths"].setdefault("/v1/events", {})["post"] = _post_events()
    schema["paths"]["/v1/sources/{name}/events"] = {"post": _post_source("post"), "get": _post_source("get")}
    add_bodies(schema)
    for operations in schema["paths"].values():
        for operation in operations.values():
            _add_problems(operation)
    return schema


def _add_problems(operation: Schema) -> None:
    """FastAPI's own idea of a 422 gives way to problem details."""
    answers = operation["responses"]
    answers.pop("422", None)
    answers["default"] = {
        "description": "An error, as problem details.",
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }


def _post_events() -> Schema:
    event = {"$ref": "#/components/schemas/Event"}
    batch = {
        "type": "object",
        "required": ["events"],
        "properties": {"events": {"type": "array", "minItems": 1, "maxItems": 1000, "items": event}},
    }
    accepted = {"$ref": "#/components/schemas/Accepted"}
    answer = {"oneOf": [accepted, {"type": "object", "properties": {"events": {"type": "array", "items": accepted}}}]}
    return {
        "tags": ["events"],
        "summary": "Post Events",
        "operationId": "post_events",
        "description": "Takes one event or a batch; 202 once all are stored durably. Scope `ingest`.",
        "parameters": [_parameter("source", "query", required=False)],
        "requestBody": {"required": True, "content": {"application/json": {"schema": {"oneOf": [event, batch]}}}},
        "responses": {"202": {"description": "Stored.", "content": {"application/json": {"schema": answer}}}},
    }


def _post_source(method: str) -> Schema:
    return {
        "tags": ["sources"],
        "summary": "Post As The Call System Does",
        "operationId": f"{method}_source_events",
        "description": "Takes what the source's call system posts, authenticated as the source says.",
        "parameters": [_parameter("name", "path", required=True)],
        "responses": {"2XX": {"description": "Stored, answered as the format's poster expects."}},
        "security": [],
    }


def _parameter(name: str, place: str, *, required: bool) -> Schema:
    return {"name": name, "in": place, "required": required, "schema": {"type": "string"}}


def _accepted_schema() -> Schema:
    return {
        "type": "object",
        "properties": {
            "id": {"type": "string", "format": "uuid"},
            "source_event_id": {"type": ["string", "null"]},
            "duplicate": {"type": "boolean"},
        },
    }


def _event_schema() -> Schema:
    """The canonical event, from the one table of its fields."""
    event: Schema = {"type": "object", "required": ["type", "call"], "properties": {}}
    for field in FIELDS.values():
        *parents, name = field.path.split(".")
        inside = event
        for parent in parents:
            inside = inside["properties"].setdefault(parent, {"type": "object"})
            inside.setdefault("properties", {})
        inside["properties"][name] = _field_schema(field)
    event["properties"]["call"]["required"] = ["id"]
    event["properties"]["type"]["examples"] = list(EVENT_TYPES)
    return event


def _field_schema(field: Field) -> Schema:
    schema = {**_TYPES[field.kind], "description": field.meaning}
    return {**schema, "enum": list(field.choices)} if field.choices else schema
