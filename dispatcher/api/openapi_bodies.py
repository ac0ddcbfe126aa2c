"""What each operation takes in its body, for the OpenAPI description: the documents as far as a client or a form needs
their shape. What exactly is taken, the readers of the domain decide; they name every fault.
"""

from typing import Any

from dispatcher.api.wsdls import DEFAULT_NAME, MAX_DEPTH, MAX_FILES
from dispatcher.domain.call_fields import EVENT_TYPES
from dispatcher.domain.credentials.kinds import Kind
from dispatcher.domain.criteria.operators import OPERATORS
from dispatcher.domain.requests.body import BodyKind
from dispatcher.domain.requests.rest_request import METHODS
from dispatcher.domain.soap.description import SoapVersion
from dispatcher.domain.waiting import Then
from dispatcher.tokens import Scope
from dispatcher.wsdl_inspection import DEFAULT_DEPTH

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_FLAG: Schema = {"type": "boolean"}
_OBJECT: Schema = {"type": "object"}
_TEMPLATE: Schema = {"type": "string", "description": "A template: literal text and `{{ variables }}`."}


def _object(required: tuple[str, ...] = (), /, **properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, **({"required": list(required)} if required else {})}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _choice(words: Any) -> Schema:
    return {"type": "string", "enum": [str(word) for word in words]}


_PAIRS = _list(_object(("name", "value"), name=_TEXT, value=_TEMPLATE))
_SECONDS: Schema = {"type": "number", "minimum": 1, "maximum": 604_800}
_CRITERIA: Schema = {
    "oneOf": [
        _object(("field", "op"), field=_TEXT, op=_choice(OPERATORS), value={}),
        _object(("all",), all=_list(_ref("Criteria"))),
        _object(("any",), any=_list(_ref("Criteria"))),
        _object(("not",), **{"not": _ref("Criteria")}),
    ]
}
_TRIGGER = _object(
    ("events",),
    events={**_list(_TEXT), "description": "Event types, or `*`.", "examples": [["call.finished"], list(EVENT_TYPES)]},
    criteria=_or_null(_ref("Criteria")),
    wait_for=_or_null(_object(recording=_object(("up_to_seconds",), up_to_seconds=_SECONDS, then=_choice(Then)))),
)
_REST = _object(
    ("method", "url"),
    kind=_choice(["rest"]),
    method=_choice(METHODS),
    url={**_TEMPLATE, "description": "Templates in path and query; scheme, host and port are literal."},
    query=_PAIRS,
    headers=_PAIRS,
    body={**_object(("kind",), kind=_choice(BodyKind), value={}), "description": "Other members depend on the kind."},
)
_SOAP = _object(
    ("kind",),
    kind=_choice(["soap"]),
    wsdl=_or_null({**_TEXT, "description": "The WSDL's URL, or the content hash of an uploaded one."}),
    wsdl_hash=_or_null({**_TEXT, "description": "The content that is meant; filled in when the profile is saved."}),
    soap_version=_choice(SoapVersion),
    service=_or_null(_TEXT),
    port=_or_null(_TEXT),
    operation=_or_null({**_TEXT, "description": "As `POST /v1/wsdl/inspect` lists them."}),
    address=_or_null({**_TEXT, "description": "Where it goes instead of the WSDL's own address."}),
    soap_action=_or_null(_TEXT),
    parameters={**_OBJECT, "description": "By name, with templates at any depth; see `example` of an inspection."},
    headers={**_OBJECT, "description": "Header blocks that the WSDL declares, by name."},
    header_xml=_or_null({**_TEMPLATE, "description": "Further header blocks, as a template of XML."}),
    http_headers=_PAIRS,
    envelope=_or_null({**_TEMPLATE, "description": "The whole envelope, in place of a WSDL."}),
    one_way=_or_null(_FLAG),
)
_REQUEST: Schema = {"oneOf": [_REST, _SOAP]}
_FAULTS = _list(_object(code=_TEXT, string=_TEXT, actor=_TEXT, detail=_TEXT))
_SUCCESS = {
    **_object(reject_fault=_FAULTS, retry_fault=_FAULTS),
    "description": "`status`, `body`, `on_mismatch`, `reject_body`, `retry_body`, ...; faults of SOAP alone.",
}
_PROFILE = _object(
    ("name", "trigger", "request"),
    name=_TEXT,
    enabled=_FLAG,
    description=_TEXT,
    trigger=_TRIGGER,
    follow=_or_null(_object(("profile",), profile=_TEXT, up_to_seconds=_SECONDS, then=_choice(Then))),
    lookups={"type": "object", "additionalProperties": _OBJECT},
    request=_REQUEST,
    credential=_or_null(_TEXT),
    timeout_seconds={"type": "number"},
    private=_FLAG,
    retry=_object(
        delays_seconds=_list({"type": "number"}), jitter={"type": "number"}, give_up_after_seconds={"type": "number"}
    ),
    limits=_object(per_second=_or_null({"type": "number"}), concurrency=_or_null({"type": "integer"})),
    success=_SUCCESS,
    outputs=_list(
        _object(("name",), name=_TEXT, json=_TEXT, xpath=_TEXT, field=_TEXT, header=_TEXT, regex=_TEXT, required=_FLAG)
    ),
    sign=_FLAG,
)
_CREDENTIAL = {
    **_object(
        ("name", "kind"),
        name=_TEXT,
        description=_TEXT,
        kind=_choice(Kind),
        tls=_or_null(_object(certificate=_TEXT, private_key=_TEXT, ca=_TEXT)),
    ),
    "description": "Other members depend on the kind. Secrets are never shown again; `***` keeps the stored one.",
}
_SOURCE = _object(
    ("name",),
    name=_TEXT,
    format=_TEXT,
    auth=_or_null(_object(("kind",), kind=_TEXT)),
    time_zone=_TEXT,
    country=_or_null(_TEXT),
    config=_OBJECT,
)
SCHEMAS: dict[str, Schema] = {
    "Criteria": _CRITERIA,
    "Profile": _PROFILE,
    "Credential": _CREDENTIAL,
    "Source": _SOURCE,
}
"""Documents that more than one operation takes."""

_PATCH: Schema = {**_OBJECT, "description": "A JSON merge patch (RFC 7396): the members to change; null resets one."}
_SPAN = {"since": {**_TEXT, "format": "date-time"}, "until": {**_TEXT, "format": "date-time"}}
_TEST = _object(
    event_id=_TEXT,
    call_id=_TEXT,
    event=_ref("Event"),
    source=_TEXT,
    followed=_OBJECT,
    profile={**_OBJECT, "description": "A draft to try instead of the saved profile."},
    send={**_FLAG, "default": False},
)
_INSPECTION = _object(
    url={**_TEXT, "description": "Where the WSDL is; this or `text`."},
    text={**_TEXT, "description": "The WSDL itself."},
    name={**_TEXT, "description": "Of the text, relative to its files.", "default": DEFAULT_NAME},
    files={
        "type": "object",
        "additionalProperties": _TEXT,
        "maxProperties": MAX_FILES,
        "description": "What the text imports, by relative names.",
    },
    credential=_or_null({**_TEXT, "description": "The name of the credential to fetch with."}),
    refresh={**_FLAG, "default": False},
    dry_run={**_FLAG, "default": False},
    replaces={**_TEXT, "description": "The URL or content hash whose place a text takes; with `refresh`."},
    operation={**_TEXT, "description": "Show this one alone, with all its parameters."},
    depth={"type": "integer", "minimum": 1, "maximum": MAX_DEPTH, "default": DEFAULT_DEPTH},
)
BODIES: dict[tuple[str, str], Schema] = {
    ("post", "/v1/profiles"): _ref("Profile"),
    ("put", "/v1/profiles/{name}"): _ref("Profile"),
    ("patch", "/v1/profiles/{name}"): _PATCH,
    ("post", "/v1/profiles/{name}/clone"): _object(("name",), name=_TEXT),
    ("post", "/v1/profiles/{name}/test"): _TEST,
    ("post", "/v1/profiles/{name}/backtest"): _object(
        limit={"type": "integer", "minimum": 1, "maximum": 1000}, profile=_OBJECT, **_SPAN
    ),
    ("post", "/v1/profiles/{name}/signing-secret/rotate"): _object(overlap_seconds={"type": "number", "minimum": 0}),
    ("post", "/v1/credentials"): _ref("Credential"),
    ("put", "/v1/credentials/{name}"): _ref("Credential"),
    ("patch", "/v1/credentials/{name}"): _PATCH,
    ("post", "/v1/credentials/{name}/secrets/{which}/rotate"): _object(("secret",), secret=_or_null(_TEXT)),
    ("post", "/v1/credentials/{name}/test"): _object(url=_TEXT),
    ("post", "/v1/deliveries/replay"): _object(
        ("filter",),
        filter=_object(state=_TEXT, profile=_TEXT, call_id=_TEXT, event_id=_TEXT, **_SPAN),
        dry_run={**_FLAG, "default": False},
    ),
    ("post", "/v1/deliveries/{delivery_id}/discard"): _object(reason=_TEXT),
    ("post", "/v1/sources"): _ref("Source"),
    ("post", "/v1/sources/preview"): _object(
        ("source",),
        source={"description": "A source as it would be saved, or the name of one."},
        body={"description": "What is posted: text as it is, anything else as JSON."},
        body_base64=_TEXT,
        headers={"type": "object", "additionalProperties": _TEXT},
        query={"description": "A query as text, or an object of texts."},
        method={**_TEXT, "default": "POST"},
    ),
    ("put", "/v1/sources/{name}"): _ref("Source"),
    ("post", "/v1/tokens"): _object(("name", "scopes"), name=_TEXT, scopes=_list(_choice(Scope))),
    ("post", "/v1/wsdl/inspect"): _INSPECTION,
    ("put", "/v1/workspace"): {**_OBJECT, "description": "The workspace's settings, whole."},
    ("patch", "/v1/workspace"): _PATCH,
}
"""By method and path."""


def add_bodies(schema: Schema) -> None:
    """Says in an OpenAPI description what its operations take."""
    schema["components"]["schemas"] |= SCHEMAS
    for (method, path), body in BODIES.items():
        operation = schema["paths"].get(path, {}).get(method)
        if operation is not None:
            operation["requestBody"] = {"content": {"application/json": {"schema": body}}}
