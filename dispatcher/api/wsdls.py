"""`/v1/wsdl`: what WSDLs offer, which of them are kept, and what a new version of one changes."""

import re
from pathlib import PurePosixPath
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from dispatcher.api.answers import Json, whole
from dispatcher.api.caller import Body, Caller, Reader, Writer
from dispatcher.api.problems import refused, refused_field, unavailable
from dispatcher.api.profiles import TOO_MANY
from dispatcher.domain.requests.soap_request import is_content_hash
from dispatcher.domain.requests.target_url import MAX_URL_CHARACTERS
from dispatcher.domain.shape import Reading
from dispatcher.domain.soap.bundle import WsdlRefused
from dispatcher.wsdl_inspection import DEFAULT_DEPTH, Asked, Inspection, InspectionRefused, Upload
from dispatcher.wsdls import TooManyInspections, fault_of_wsdl_url

router = APIRouter(prefix="/v1/wsdl", tags=["wsdl"])

MAX_FILES = 200
MAX_DEPTH = 20
MAX_NAME_CHARACTERS = 500
DEFAULT_NAME = "uploaded.wsdl"
_MEMBERS = (
    "url",
    "text",
    "name",
    "files",
    "credential",
    "refresh",
    "dry_run",
    "replaces",
    "operation",
    "depth",
)
_BESIDE_TEXT = ("name", "files", "replaces")
_REFUSED = "The inspection is refused; nothing was kept."
_DECLARED_ENCODING = re.compile(r"""\A(\ufeff?<\?xml[^>]{0,200}?)\s+encoding\s*=\s*(?:"[^"]*"|'[^']*')""")


@router.get("")
def list_wsdls(caller: Reader) -> Response:
    """Every content that was found at every location, newest first, and which profiles are checked against it. Scope
    `read`."""
    return whole(caller.inside.services.wsdls.listed(caller.workspace_id))


# No coroutine, so that the framework gives it a thread: reading a WSDL may take a minute. No more than a few of its
# threads are ever taken, because the verb refuses what would be one too many at once.
@router.post("/inspect")
def inspect_wsdl(caller: Writer, body: Body) -> Response:
    """Services, ports and operations of the WSDL at a `url`, or of a `text` with the `files` that it imports (by
    relative names), and for each operation its parameters as a tree and an example to fill in; where there are too many
    parameters, only those of the `operation` that is named. What was read is kept: a known URL is answered without
    fetching it, unless `refresh` is set. A refresh says what `changed`, gives the new content to the profiles that fit
    it (`moved`) and names those that do not, which keep the old one (`breaks`); an upload says what it `replaces`. A
    `dry_run` keeps and moves nothing. 503 while too many others inspect. Scope `write`."""
    asked, depth = _read(body)
    wsdls = caller.inside.services.wsdls
    try:
        inspection = wsdls.inspect(caller.workspace_id, asked)
        shown = inspection.as_document(asked.operation, depth)
    except InspectionRefused as error:
        raise refused(_REFUSED, error.faults) from None
    except WsdlRefused as error:
        field = "url" if asked.upload is None else "text"
        raise refused_field(field, "a WSDL that can be had and read", str(error)) from None
    except TooManyInspections:
        raise unavailable(TOO_MANY) from None
    if not asked.dry_run and not inspection.from_store:
        _note(caller, inspection)
    return Json({**shown, "dry_run": asked.dry_run})


def _note(caller: Caller, inspection: Inspection) -> None:
    caller.note("wsdl.kept", inspection.content_hash)
    for name in inspection.renewal.moved if inspection.renewal is not None else ():
        caller.note("profile.moved_to_wsdl", name)


def _read(body: object) -> tuple[Asked, int]:
    reading = Reading()
    given = {key: value for key, value in reading.members(body, "", _MEMBERS).items() if value is not None}
    _read_what(reading, given)
    refresh = reading.flag(given.get("refresh", False), "refresh")
    replaces = _read_replaces(reading, given, refresh=refresh)
    depth = given.get("depth", DEFAULT_DEPTH)
    if type(depth) is not int or not 1 <= depth <= MAX_DEPTH:
        reading.note("depth", f"an integer from 1 to {MAX_DEPTH}", depth)
    for name in ("credential", "operation"):
        reading.text(given.get(name, ""), name, MAX_NAME_CHARACTERS)
    dry_run = reading.flag(given.get("dry_run", False), "dry_run")
    upload = _read_upload(reading, given) if "text" in given else None
    if reading.faults:
        raise refused(_REFUSED, reading.faults)
    asked = Asked(given.get("url"), upload, given.get("credential"), refresh, dry_run, replaces, given.get("operation"))
    return asked, depth


def _read_what(reading: Reading, given: dict[str, Any]) -> None:
    if ("url" in given) == ("text" in given):
        reading.note_got("", "either url or text", "both" if "url" in given else "neither")
    if "url" in given and (fault := fault_of_wsdl_url(given["url"], "url")) is not None:
        reading.note_got(fault["field"], fault["expected"], fault["got"])
    if "text" not in given:
        for name in _BESIDE_TEXT:
            if name in given:
                reading.note_got(name, "nothing, but beside text", "something")


def _read_replaces(reading: Reading, given: dict[str, Any], *, refresh: bool) -> str | None:
    replaces = reading.text(given.get("replaces", ""), "replaces", MAX_URL_CHARACTERS)
    if "replaces" in given and not refresh:
        reading.note_got("replaces", "nothing, unless refresh is true", "something")
    elif "replaces" in given and not is_content_hash(replaces) and fault_of_wsdl_url(replaces, "") is not None:
        reading.note("replaces", "the URL or content hash of a WSDL that is kept", replaces)
    elif "text" in given and refresh and "replaces" not in given:
        reading.note_got("replaces", "the URL or content hash of what the text takes the place of", "nothing")
    return replaces or None


def _read_upload(reading: Reading, given: dict[str, Any]) -> Upload | None:
    name, text, raw = given.get("name", DEFAULT_NAME), given["text"], given.get("files", {})
    _read_name(reading, name, "name")
    if type(text) is not str:
        reading.note("text", "the WSDL, as text", text)
    if type(raw) is not dict or len(raw) > MAX_FILES:
        reading.note("files", f"an object of at most {MAX_FILES} texts by their relative names", raw)
        return None
    for each, content in raw.items():
        _read_name(reading, each, "files")
        if type(content) is not str:
            reading.note("files", "texts by their relative names", content)
    if reading.faults:
        return None
    files = {each: _as_bytes(content) for each, content in raw.items()}
    return Upload(name, _as_bytes(text), files.get)


def _read_name(reading: Reading, raw: object, at: str) -> None:
    fit = isinstance(raw, str) and 0 < len(raw) <= MAX_NAME_CHARACTERS and raw.isprintable()
    if not fit or not _is_below(str(raw)):
        reading.note(at, "relative names such as types/calls.xsd, without the segments . and ..", raw)


def _is_below(name: str) -> bool:
    parts = name.split("/")
    return not PurePosixPath(name).is_absolute() and not {"", ".", ".."}.intersection(parts) and "\\" not in name


def _as_bytes(text: str) -> bytes:
    """The text in UTF-8. What its XML declaration says of an encoding was true of the bytes that it once was."""
    return _DECLARED_ENCODING.sub(r"\1", text, count=1).encode(errors="replace")
