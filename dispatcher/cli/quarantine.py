"""`onhook quarantine`: what call systems posted that was not understood, and what becomes of it."""

from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from dispatcher.cli.failures import CommandFailed
from dispatcher.cli.options import AsJson, Limit
from dispatcher.cli.printing import print_fields, print_json, print_rows
from dispatcher.cli.storage import Opened, with_store

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from dispatcher.ports import HeldFilter
    from dispatcher.quarantine import Quarantine

app = typer.Typer(no_args_is_help=True, help="Show, replay and discard posts that were not understood.")

COLUMNS = ("id", "source", "received_at", "size_bytes", "reason")
PostIds = Annotated[
    list[str] | None, typer.Argument(metavar="[ID...]", help="These posts; or choose with options.", show_default=False)
]
SourceName = Annotated[str | None, typer.Option("--source", help="Of this source.", show_default=False)]
Everything = Annotated[bool, typer.Option("--all", help="All of them.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only count them.")]


@app.command("list", epilog="Example: onhook quarantine list --json")
@with_store
def list_posts(opened: Opened, limit: Limit = 50, as_json: AsJson = False) -> None:
    """List posts that were not understood, newest first, with the reason."""
    from dispatcher.adapters.sql.schema import DEFAULT_WORKSPACE

    found = opened.store.admin.quarantined(DEFAULT_WORKSPACE, None, limit)
    print_rows(found.items, COLUMNS, as_json=as_json, empty="Nothing is in quarantine.")


@app.command(epilog="Example: onhook quarantine show 01939a4e-7c1b-7d2f-9a55-0e6f1c2b3d4e")
@with_store
def show(
    opened: Opened,
    post_id: Annotated[str, typer.Argument(metavar="ID", help="The post's id.")],
    as_json: AsJson = False,
) -> None:
    """Show a post: the reason, its headers (secrets masked) and the beginning of its body."""
    from dispatcher.adapters.sql.schema import DEFAULT_WORKSPACE
    from dispatcher.sources.quarantined import shown_contents, shown_post

    with _quarantine(opened) as quarantine:
        held = quarantine.post(DEFAULT_WORKSPACE, _id(post_id))
    if held is None:
        raise CommandFailed(f"There is no post {post_id}: `onhook quarantine list` shows the newest.")
    contents = shown_contents(held)
    if as_json:
        print_json(shown_post(held) | contents)
        return
    print_fields(shown_post(held))
    for name, value in contents["headers"].items():
        print(f"  {name}: {value}")
    for line in contents["excerpt"].splitlines():
        print("  | " + "".join(each if each.isprintable() else "?" for each in line))


@app.command(epilog="Example: onhook quarantine replay --source pbx-berlin --dry-run")
@with_store
def replay(
    opened: Opened,
    post_ids: PostIds = None,
    source: SourceName = None,
    everything: Everything = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Read posts again with their source as it is now, and store what is understood. Safe to run twice."""
    from dispatcher.adapters.sql.schema import DEFAULT_WORKSPACE

    chosen = _chosen(post_ids, source, everything=everything)
    with _quarantine(opened) as quarantine:
        done = quarantine.replay(DEFAULT_WORKSPACE, chosen, dry_run=dry_run)
    if not done.posts:
        _refuse_unknown(opened, source)
    if as_json:
        print_json({"posts": done.posts, "understood": done.understood, "left": done.left, "stored": done.stored})
        return
    if dry_run:
        print(f"{done.understood} of {done.posts} would be understood now.")
        return
    print(
        f"{done.understood} of {done.posts} understood, {done.stored} new records stored, "
        f"{done.left} left in quarantine."
    )


@app.command(epilog="Example: onhook quarantine discard --source pbx-berlin")
@with_store
def discard(
    opened: Opened,
    post_ids: PostIds = None,
    source: SourceName = None,
    everything: Everything = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Remove posts for good."""
    from dispatcher.adapters.sql.schema import DEFAULT_WORKSPACE

    chosen = _chosen(post_ids, source, everything=everything)
    with _quarantine(opened) as quarantine:
        act = quarantine.count if dry_run else quarantine.discard
        count = act(DEFAULT_WORKSPACE, chosen)
    if not count:
        _refuse_unknown(opened, source)
    if as_json:
        print_json({"count": count})
    else:
        print(f"{count} would be discarded." if dry_run else f"{count} discarded.")


def _chosen(post_ids: list[str] | None, source: str | None, *, everything: bool) -> "HeldFilter":
    from dispatcher.ports import HeldFilter

    if not (post_ids or source or everything):
        raise typer.BadParameter("give ids, --source NAME, or --all")
    return HeldFilter(ids=tuple(map(_id, post_ids)) if post_ids else None, source=source)


def _refuse_unknown(opened: Opened, source: str | None) -> None:
    """Of a name that is mistyped, "0 of 0" would read as if all were well."""
    if source is not None and opened.store.admin.source(source) is None:
        raise CommandFailed(f"There is no source {source}: `onhook source list` shows those that are.")


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise CommandFailed(f"{text} is no id of a post: `onhook quarantine list` shows them.") from None


def _quarantine(opened: Opened) -> "AbstractContextManager[Quarantine]":
    from dispatcher.cli.taking import taking
    from dispatcher.quarantine import Quarantine
    from dispatcher.sources.reading import read_again

    return taking(opened, lambda taker: Quarantine(opened.store.admin, taker, read_again))
