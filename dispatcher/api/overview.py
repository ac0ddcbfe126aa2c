"""What operations ask: does it live, is it ready, do the books balance."""

from dataclasses import asdict

from fastapi import APIRouter, Request
from starlette.responses import Response

from dispatcher.api.answers import Document, Json
from dispatcher.api.caller import Reader, inside_of
from dispatcher.domain.call_fields import Field
from dispatcher.domain.criteria.operators import operators_for
from dispatcher.domain.delivery import FINAL_STATES, OPEN_STATES, State
from dispatcher.domain.filters import FILTERS
from dispatcher.domain.presets import PRESETS
from dispatcher.domain.variables import VARIABLES, label_of

PROMETHEUS_TEXT = "text/plain; version=0.0.4; charset=utf-8"
_OPEN_TO_ALL = {"security": []}  # type: ignore[var-annotated]

router = APIRouter()


@router.get("/healthz", tags=["operations"], openapi_extra=_OPEN_TO_ALL)
async def healthz() -> Response:
    """200 as long as the process lives."""
    return Json({"status": "alive"})


@router.get("/readyz", tags=["operations"], openapi_extra=_OPEN_TO_ALL)
def readyz(request: Request) -> Response:
    """200 while the database answers, else 503. The broker's state is told, and does not decide."""
    report = inside_of(request).services.ready()
    shown = {
        "status": "ready" if report.database else "unavailable",
        "database": _word(answers=report.database),
        "broker": _word(answers=report.broker),
    }
    return Json(shown, 200 if report.database else 503)


@router.get("/metrics", tags=["operations"], openapi_extra=_OPEN_TO_ALL)
def metrics(request: Request) -> Response:
    """Prometheus' text format."""
    return Response(inside_of(request).services.metrics(), media_type=PROMETHEUS_TEXT)


@router.get("/v1/stats", tags=["operations"])
def stats(caller: Reader) -> Response:
    """The books: events accepted and evaluated, deliveries made and by state; whether they balance. Scope `read`."""
    books = caller.store.books(caller.workspace_id)
    by_state = {state.value: books.get(state, 0) for state in State}
    shown = {
        "accepted": books["accepted"],
        "evaluated": books["evaluated"],
        "made": books["made"],
        "open": sum(by_state[state] for state in OPEN_STATES),
        "final": sum(by_state[state] for state in FINAL_STATES),
        "by_state": by_state,
        "balanced": books["made"] == sum(by_state.values()),
    }
    return Json(shown)


@router.get("/v1/variables", tags=["operations"])
def variables(caller: Reader) -> Response:  # noqa: ARG001 - asked for its scope
    """What templates and criteria may name, for pickers. Below `call.custom` every name may be used. Scope `read`.

    `template` is the text to insert; `operators` fit a clause about it (none for what only templates may name).
    `presets` are other products' variables as templates of ours, `filters` what may stand behind `|`.
    """
    listed = {
        "items": [_variable(field) for field in VARIABLES.values()],
        "next": None,
        "presets": [asdict(preset) for preset in PRESETS],
        "filters": [asdict(each) for each in FILTERS.values()],
    }
    return Json(listed)


def _variable(field: Field) -> Document:
    return {
        "path": field.path,
        "label": label_of(field),
        "kind": field.kind,
        "meaning": field.meaning,
        "example": field.example,
        "choices": list(field.choices),
        "template": f"{{{{ {field.path} }}}}",
        "operators": list(operators_for(field.path)),
    }


def _word(*, answers: bool) -> str:
    return "ok" if answers else "unavailable"
