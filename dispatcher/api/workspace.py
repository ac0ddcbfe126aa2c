"""`/v1/workspace`: what is set for all requests of the caller's workspace at once."""

from fastapi import APIRouter
from starlette.responses import Response

from dispatcher.api.answers import Document, Json
from dispatcher.api.caller import Administrator, Body, Caller, Reader, object_of
from dispatcher.api.problems import refused_field
from dispatcher.domain.egress_proxy import EXPECTED, ProxyRefused, masked, read_proxy
from dispatcher.domain.field_values import described
from dispatcher.ports import Workspace

router = APIRouter(prefix="/v1/workspace", tags=["workspace"])


@router.get("")
def show_workspace(caller: Reader) -> Response:
    """The workspace: its name, and the proxy that its requests leave through, the password masked. Scope `read`."""
    return Json(shown_workspace(caller.store.workspace(caller.workspace_id)))


@router.put("")
def replace_workspace(caller: Administrator, body: Body) -> Response:
    """Sets `egress_proxy` to `http://[user:password@]host:port` or null; a masked password stays what it is. Every
    request of the workspace leaves through it from then on, to an address that was judged before. Scope `admin`.
    """
    return _change(caller, {"egress_proxy": None, **object_of(body)})


@router.patch("")
def change_workspace(caller: Administrator, body: Body) -> Response:
    """As PUT; what is absent stays as it is. Scope `admin`."""
    return _change(caller, object_of(body))


def shown_workspace(workspace: Workspace) -> Document:
    """The workspace as people are shown it."""
    return {"name": workspace.name, "egress_proxy": masked(workspace.egress_proxy)}


def _change(caller: Caller, given: Document) -> Response:
    before = caller.store.workspace(caller.workspace_id)
    for name in given.keys() - {"name", "egress_proxy"}:
        raise refused_field(name, "name or egress_proxy", "a member that a workspace does not have")
    if given.get("name", before.name) != before.name:
        raise refused_field("name", "the name that the workspace has", described(given["name"]))
    wanted = _proxy(given.get("egress_proxy", before.egress_proxy), before.egress_proxy)
    if wanted != before.egress_proxy:
        caller.store.set_egress_proxy(caller.workspace_id, wanted)
        caller.note("workspace.saved", before.name)
    return Json(shown_workspace(caller.store.workspace(caller.workspace_id)))


def _proxy(raw: object, stored: str | None) -> str | None:
    if raw is not None and not isinstance(raw, str):
        raise refused_field("egress_proxy", EXPECTED, described(raw))
    try:
        return read_proxy(raw, stored)
    except ProxyRefused as error:
        # The text itself is not quoted: there may be a password in it.
        raise refused_field("egress_proxy", EXPECTED, str(error)) from None
