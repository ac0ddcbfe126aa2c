"""Answers of the API: JSON, pages of lists, and their cursors."""

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

import orjson
from starlette.responses import Response

from dispatcher.api.problems import PROBLEM_JSON, Problem, refused_field
from dispatcher.ports import Page

Document = dict[str, Any]


class Json(Response):
    """A JSON answer; moments in UTC with `Z`. No cache may keep it: calls and secrets are nobody else's."""

    media_type = "application/json"

    def __init__(self, content: Any, status_code: int = 200) -> None:
        super().__init__(content, status_code, {"cache-control": "no-store"})

    def render(self, content: Any) -> bytes:
        """The content as JSON in UTF-8."""
        return orjson.dumps(content, option=orjson.OPT_UTC_Z)


def no_content() -> Response:
    """204."""
    return Response(status_code=204)


def problem_answer(problem: Problem) -> Response:
    """A problem as an answer."""
    return Response(problem.body(), problem.status, dict(problem.headers), PROBLEM_JSON)


def page(found: Page) -> Json:
    """A page as the store gave it."""
    return Json({"items": found.items, "next": None if found.next is None else _opaque(found.next)})


def whole(items: Sequence[Document]) -> Json:
    """A list that is short by its nature, as its only page."""
    return Json({"items": items, "next": None})


def slice_by_name(items: Sequence[Document], cursor: str | None, limit: int) -> Json:
    """A page of what the store gives whole, in the order of names."""
    after = "" if cursor is None else _clear(cursor)
    rest = sorted((each for each in items if each["name"] > after), key=lambda each: str(each["name"]))
    shown = rest[:limit]
    return page(Page(shown, shown[-1]["name"] if len(rest) > limit else None))


def id_cursor(cursor: str | None) -> str | None:
    """The store's cursor inside ours. Raises a 422 problem for a text that no page gave."""
    if cursor is None:
        return None
    try:
        return str(UUID(_clear(cursor)))
    except ValueError:
        raise _bad_cursor() from None


def identifier(text: str, missing: Callable[[], Problem]) -> UUID:
    """The id in a path; what is no id is no such thing."""
    try:
        return UUID(text)
    except ValueError:
        raise missing() from None


def without(document: Mapping[str, Any], *names: str) -> Document:
    """The document without some members."""
    return {key: value for key, value in document.items() if key not in names}


def _opaque(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _clear(cursor: str) -> str:
    try:
        return base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise _bad_cursor() from None


def _bad_cursor() -> Problem:
    return refused_field("cursor", "the `next` of a page", "another text")
