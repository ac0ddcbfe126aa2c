"""`onhook profile`: the integrations, kept in files and applied."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dispatcher.cli.failures import CommandFailed, listed
from dispatcher.cli.options import AsJson
from dispatcher.cli.printing import print_changes, print_fields, print_json, print_rows
from dispatcher.cli.storage import Opened, with_store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dispatcher.adapters.sql.store import Store
    from dispatcher.domain.profile import ProfileSpec
    from dispatcher.ports import SavedProfile

app = typer.Typer(no_args_is_help=True, help="Show, apply, test and switch profiles.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="The profile's name.")]
COLUMNS = ("name", "enabled", "revision", "events", "target", "updated_at", "disabled_reason")


class Notation(StrEnum):
    """How a document is written."""

    YAML = "yaml"
    JSON = "json"


@app.command("list", epilog="Example: onhook profile list --json")
@with_store
def list_profiles(opened: Opened, as_json: AsJson = False) -> None:
    """List the profiles."""
    from dispatcher.adapters.sql.schema import DEFAULT_WORKSPACE

    rows = [_row(saved) for saved in opened.store.admin.profiles(DEFAULT_WORKSPACE)]
    print_rows(rows, COLUMNS, as_json=as_json, empty="There are no profiles yet: onhook profile apply --help")


@app.command(epilog="Example: onhook profile show crm-call-log")
@with_store
def show(opened: Opened, name: Name, as_json: AsJson = False) -> None:
    """Show a profile: what is known of it, and its document."""
    saved = find(opened.store, name)
    if as_json:
        print_json(saved.profile.spec.document | _row(saved))
        return
    print_fields({key: value for key, value in _row(saved).items() if key not in ("name", "events", "target")})
    print("---")
    _write(saved.profile.spec.document, Notation.YAML)


@app.command(epilog="Example: onhook profile apply crm.yaml alerts.yaml")
@with_store
def apply(
    opened: Opened,
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="YAML or JSON; - is standard input.")],
    as_json: AsJson = False,
) -> None:
    """Create or update the profiles of files, by their names. All of them are checked before any is saved."""
    from dispatcher.cli.documents import read_documents

    store = opened.store
    documents = read_documents(files)
    read = [(parsed(pinned(opened, each.value, each.place), each.place), each.place) for each in documents]
    reviewed(store, read)
    specs = [spec for spec, _ in read]
    done = [{"profile": spec.name, "change": save(store, spec)} for spec in specs]
    print_changes(done, "profile", as_json=as_json)


@app.command(epilog="Example: onhook profile export crm-call-log --format json > crm-call-log.json")
@with_store
def export(
    opened: Opened,
    name: Name,
    notation: Annotated[Notation, typer.Option("--format", help="yaml or json.")] = Notation.YAML,
) -> None:
    """Write a profile's document, as `apply` takes it."""
    _write(find(opened.store, name).profile.spec.document, notation)


@app.command(epilog="Example: onhook profile enable crm-call-log")
@with_store
def enable(opened: Opened, name: Name) -> None:
    """Switch a profile on. Deliveries that waited meanwhile go on."""
    _switch(opened, name, enabled=True)


@app.command(epilog="Example: onhook profile disable crm-call-log")
@with_store
def disable(opened: Opened, name: Name) -> None:
    """Switch a profile off. Its open deliveries wait, and new events do not fire it."""
    _switch(opened, name, enabled=False)


@app.command(epilog="Example: onhook profile delete crm-call-log")
@with_store
def delete(opened: Opened, name: Name) -> None:
    """Delete a profile. Its open deliveries are discarded, its log is kept."""
    from dispatcher.adapters.sql.schema import DEFAULT_WORKSPACE
    from dispatcher.clock import utc_now
    from dispatcher.review import neighbours_of, refuse_while_followed

    refuse_while_followed(name, neighbours_of(opened.store.admin, DEFAULT_WORKSPACE))
    if not opened.store.admin.delete_profile(DEFAULT_WORKSPACE, name, utc_now()):
        raise _unknown(name)
    print(f"{name}: deleted")


@app.command(epilog="Example: onhook profile clone crm-call-log crm-call-log-test --disabled")
@with_store
def clone(
    opened: Opened,
    name: Name,
    new: Annotated[str, typer.Argument(help="The copy's name.")],
    disabled: Annotated[bool, typer.Option("--disabled", help="Switch the copy off until you enable it.")] = False,
    as_json: AsJson = False,
) -> None:
    """Copy a profile under another name, equal in all else but its signing secret, which is its own."""
    from dispatcher.adapters.sql.schema import DEFAULT_WORKSPACE
    from dispatcher.clock import utc_now

    store = opened.store
    document = find(store, name).profile.spec.document
    copy = document | {"name": new, "enabled": document["enabled"] and not disabled}
    saved = store.admin.create_profile(DEFAULT_WORKSPACE, checked(opened, copy, new), utc_now())
    if as_json:
        print_json(saved.profile.spec.document | _row(saved))
        return
    print(f"{new}: created, {'enabled' if saved.profile.enabled else 'disabled'}")


@app.command(epilog="Example: onhook profile revisions crm-call-log --json")
@with_store
def revisions(opened: Opened, name: Name, as_json: AsJson = False) -> None:
    """List a profile's revisions, newest first; with --json, each with its document."""
    from dispatcher.adapters.sql.schema import DEFAULT_WORKSPACE

    store = opened.store
    find(store, name)
    rows = store.admin.revisions(DEFAULT_WORKSPACE, name)
    print_rows(rows, ("revision", "created_at"), as_json=as_json, empty="There are no revisions.")


@app.command(epilog="Example: onhook profile test crm-call-log event.json   or   ... --call 7f9c --send")
@with_store
def test(
    opened: Opened,
    name: Name,
    file: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", help="An event as POST /v1/events takes it; - is standard input."),
    ] = None,
    call: Annotated[str | None, typer.Option("--call", help="A stored call, by its id.", show_default=False)] = None,
    event: Annotated[str | None, typer.Option("--event", help="A stored event, by our id.", show_default=False)] = None,
    draft: Annotated[
        Path | None, typer.Option("--draft", help="A document to try instead of what is saved.", show_default=False)
    ] = None,
    followed: Annotated[
        Path | None, typer.Option("--followed", help="Outputs of the followed profile, by name.", show_default=False)
    ] = None,
    send: Annotated[bool, typer.Option("--send", help="Send it, once, as a test that counts nowhere.")] = False,
    curl: Annotated[bool, typer.Option("--curl", help="Print a curl command for it.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show whether an event would fire a profile, and the exact request: without FILE, of the newest stored event that
    the profile takes. With --send, send it for real; nothing else does."""
    from dispatcher.cli import rehearsal

    if sum(given is not None for given in (file, call, event)) > 1:
        raise typer.BadParameter("name one event: FILE, --call or --event")
    if send and (draft is not None or curl or (followed is not None and file is None)):
        raise typer.BadParameter("--send goes with neither --draft nor --curl, with --followed only beside FILE")
    asked = rehearsal.Asked(file, call, event, draft, followed)
    saved = find(opened.store, name)
    if send:
        rehearsal.send(opened, saved, asked, as_json=as_json)
    else:
        rehearsal.show(opened, saved, asked, as_json=as_json, curl=curl)


def find(store: "Store", name: str) -> "SavedProfile":
    """The profile of that name. Raises CommandFailed where there is none."""
    from dispatcher.adapters.sql.schema import DEFAULT_WORKSPACE

    saved = store.admin.profile(DEFAULT_WORKSPACE, name)
    if saved is None:
        raise _unknown(name)
    return saved


def parsed(document: object, place: str) -> "ProfileSpec":
    """The profile of a document. Raises CommandFailed with every fault on a line."""
    from dispatcher.domain.profile import ProfileRefused
    from dispatcher.wiring import parse

    try:
        return parse(document)
    except ProfileRefused as refused:
        raise listed(f"{place} is refused:", refused.faults) from refused


def reviewed(store: "Store", read: "Sequence[tuple[ProfileSpec, str]]") -> None:
    """Reviews profiles that are to be saved together, each with its place. Raises CommandFailed for the first fault."""
    from dispatcher.adapters.sql.schema import DEFAULT_WORKSPACE
    from dispatcher.review import neighbours_of, review
    from dispatcher.wiring import build_templates

    templates = build_templates(store)
    neighbours = neighbours_of(store.admin, DEFAULT_WORKSPACE) | {spec.name: spec for spec, _ in read}
    credentials = store.admin.credential_names(DEFAULT_WORKSPACE)
    for spec, place in read:
        faults = review(spec, neighbours, credentials, templates, DEFAULT_WORKSPACE)
        if faults:
            raise listed(f"{place} is refused:", faults)


def pinned(opened: Opened, document: object, place: str) -> object:
    """The document with the content that its WSDL, if it has one, is to have. Raises CommandFailed where none is to be
    had."""
    from dispatcher.adapters.sql.schema import DEFAULT_WORKSPACE
    from dispatcher.cli.wsdls import opened_wsdls
    from dispatcher.domain.profile import ProfileRefused

    with opened_wsdls(opened) as wsdls:
        try:
            return wsdls.pin(DEFAULT_WORKSPACE, document)
        except ProfileRefused as refused:
            raise listed(f"{place} is refused:", refused.faults) from refused


def checked(opened: Opened, document: object, place: str) -> "ProfileSpec":
    """The profile of a document, pinned, read and reviewed. Raises CommandFailed with every fault on a line."""
    spec = parsed(pinned(opened, document, place), place)
    reviewed(opened.store, [(spec, place)])
    return spec


def save(store: "Store", spec: "ProfileSpec") -> str:
    """Creates or updates the profile of that name; what that came to: created, updated or unchanged."""
    from dispatcher.adapters.sql.schema import DEFAULT_WORKSPACE
    from dispatcher.clock import utc_now

    before = store.admin.profile(DEFAULT_WORKSPACE, spec.name)
    if before is None:
        store.admin.create_profile(DEFAULT_WORKSPACE, spec, utc_now())
        return "created"
    after = store.admin.update_profile(DEFAULT_WORKSPACE, spec.name, spec, utc_now())
    if after is None:
        raise _unknown(spec.name)
    return "unchanged" if after.profile.revision == before.profile.revision else "updated"


def _switch(opened: Opened, name: str, *, enabled: bool) -> None:
    store = opened.store
    document = find(store, name).profile.spec.document | {"enabled": enabled}
    # Whatever today's rules say of it, a profile can be switched off.
    spec = checked(opened, document, name) if enabled else parsed(document, name)
    change = save(store, spec)
    state = "enabled" if enabled else "disabled"
    print(f"{name}: {state}{' already' if change == 'unchanged' else ''}")


def _row(saved: "SavedProfile") -> dict[str, Any]:
    profile = saved.profile
    return {
        "name": profile.spec.name,
        "enabled": profile.enabled,
        "revision": profile.revision,
        "events": sorted(profile.spec.events),
        "target": profile.spec.request.target,
        "disabled_reason": saved.disabled_reason,
        "created_at": saved.created_at,
        "updated_at": saved.updated_at,
    }


def _write(document: dict[str, Any], notation: Notation) -> None:
    if notation is Notation.JSON:
        print_json(document)
        return
    import yaml

    sys.stdout.write(yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120))


def _unknown(name: str) -> CommandFailed:
    return CommandFailed(f"There is no profile {name}: `onhook profile list` shows those that are.")
