"""`POST /v1/profiles/{name}/backtest`: which of the last events a profile, or a draft of it, would have fired for."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from dispatcher.api.answers import Json
from dispatcher.api.caller import Caller, OptionalBody, Reader
from dispatcher.api.problems import not_found, refused
from dispatcher.api.profiles import checked_spec
from dispatcher.backtest import DEFAULT_EVENTS, MAX_EVENTS, Span, backtest
from dispatcher.domain.field_values import Unfit, read_moment
from dispatcher.domain.profile import ProfileSpec
from dispatcher.domain.shape import Reading
from dispatcher.tokens import Scope, permits

router = APIRouter(prefix="/v1/profiles", tags=["profiles"])

_MEMBERS = ("limit", "since", "until", "profile")
_REFUSED = "The backtest is refused."


@router.post("/{name}/backtest")
def backtest_profile(caller: Reader, name: str, body: OptionalBody) -> Response:
    """Which of the last `limit` stored events (100, at most 1,000; received from `since` on, before `until`) would have
    fired, and why: nothing is sent and nothing is written. `profile` is a draft to try instead of the saved one. Tests
    and erased events are passed over and counted; of private ones no values are shown. Scope `read`; a draft is asked
    of private events only with the scope `write` too.
    """
    span, draft = _read(body)
    spec = _spec(caller, name, draft)
    ask_private = draft is None or permits(caller.token, Scope.WRITE)
    return Json(backtest(caller.store, caller.workspace_id, spec, span, ask_private=ask_private).as_document())


def _spec(caller: Caller, name: str, draft: dict[str, Any] | None) -> ProfileSpec:
    if draft is not None:
        return checked_spec(caller, {"name": name, **draft})
    saved = caller.store.profile(caller.workspace_id, name)
    if saved is None:
        raise not_found("profile")
    return saved.profile.spec


def _read(body: object) -> tuple[Span, dict[str, Any] | None]:
    reading = Reading()
    given = {key: value for key, value in reading.members(body, "", _MEMBERS).items() if value is not None}
    limit, draft = given.get("limit", DEFAULT_EVENTS), given.get("profile")
    if type(limit) is not int or not 1 <= limit <= MAX_EVENTS:
        reading.note("limit", f"an integer from 1 to {MAX_EVENTS}", limit)
    if draft is not None and type(draft) is not dict:
        reading.note("profile", "an object", draft)
    since, until = _moment(reading, given, "since"), _moment(reading, given, "until")
    if since is not None and until is not None and since >= until:
        reading.note_got("until", "a later moment than since", "an earlier one")
    if reading.faults:
        raise refused(_REFUSED, reading.faults)
    return Span(limit, since, until), draft


def _moment(reading: Reading, given: Mapping[str, Any], name: str) -> datetime | None:
    if name not in given:
        return None
    try:
        return read_moment(given[name])
    except Unfit as unfit:
        reading.note_got(name, unfit.expected, unfit.got)
        return None
