"""`/v1/quarantine`: posts that their source's format could not read, and their replay once it is mended."""

from fastapi import APIRouter
from starlette.responses import Response

from dispatcher.api.answers import Document, Json, id_cursor, identifier, page
from dispatcher.api.caller import DEFAULT_LIMIT, Body, Caller, Cursor, Limit, Reader, Writer
from dispatcher.api.filters import held_request
from dispatcher.api.problems import not_found
from dispatcher.ports import HeldPost
from dispatcher.quarantine import Quarantine
from dispatcher.sources.quarantined import shown_contents, shown_post
from dispatcher.tokens import Scope

router = APIRouter(prefix="/v1/quarantine", tags=["sources"])


@router.get("")
def list_posts(caller: Reader, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None) -> Response:
    """Posts that their source's format could not read, newest first, with the reason. Scope `read`."""
    return page(caller.store.quarantined(caller.workspace_id, id_cursor(cursor), limit))


@router.get("/{post_id}")
def show_post(caller: Reader, post_id: str) -> Response:
    """One post: size, reason, and which headers it had. Scope `read`; their values and the beginning of the body are
    shown to the scope `admin` alone, since nobody knows what of a call is in there, and each look is in the audit log.
    """
    held = _find(caller, post_id)
    shown: Document = shown_post(held)
    if Scope.ADMIN in caller.token.scopes:
        caller.note("quarantine.look", str(held.id))
        shown |= shown_contents(held)
    return Json(shown)


@router.post("/replay")
def replay_posts(caller: Writer, body: Body) -> Response:
    """Reads the posts that `filter` chooses again, with their sources as they are now, stores what is understood, or
    only counts (`dry_run`). An empty filter chooses all. Scope `write`."""
    chosen, dry_run = held_request(body, may_be_all=True)
    done = _quarantine(caller).replay(caller.workspace_id, chosen, dry_run=dry_run)
    if not dry_run:
        caller.note("quarantine.replay", f"{done.understood} of {done.posts}")
    return Json({"count": done.understood, "posts": done.posts, "left": done.left, "stored": done.stored})


@router.post("/discard")
def discard_posts(caller: Writer, body: Body) -> Response:
    """Removes every post that `filter` chooses for good, or only counts them (`dry_run`). Scope `write`."""
    chosen, dry_run = held_request(body, may_be_all=False)
    quarantine = _quarantine(caller)
    if dry_run:
        return Json({"count": quarantine.count(caller.workspace_id, chosen)})
    count = quarantine.discard(caller.workspace_id, chosen)
    caller.note("quarantine.discard", str(count))
    return Json({"count": count})


def _find(caller: Caller, text: str) -> HeldPost:
    held = _quarantine(caller).post(caller.workspace_id, identifier(text, lambda: not_found("post in quarantine")))
    if held is None:
        raise not_found("post in quarantine")
    return held


def _quarantine(caller: Caller) -> Quarantine:
    return caller.inside.quarantine
