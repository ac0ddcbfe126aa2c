"""`onhook replay-dir`: hand in the records that a call system left in files."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dispatcher.cli.failures import CommandFailed
from dispatcher.cli.options import AsJson
from dispatcher.cli.printing import print_json
from dispatcher.cli.storage import Opened, with_store

if TYPE_CHECKING:
    from dispatcher.adapters.listeners.replay import FolderReplay, Replayed

LISTED_FILES = 20
"""Of those that were left, by name."""


def add_to(app: typer.Typer) -> None:
    """Puts the command into the command line."""
    app.command("replay-dir", epilog="Example: onhook replay-dir /var/log/freeswitch/json_cdr --source pbx")(
        with_store(replay_dir)
    )


def replay_dir(
    opened: Opened,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder; folders in it are not looked into.")],
    source: Annotated[str, typer.Option(help="The source that the records come from.")],
    pattern: Annotated[str, typer.Option(help="Names of the files, as a shell pattern.")] = "*",
    layout: Annotated[
        str, typer.Option(help="auto, whole (a file is a record), lines (a line is), or csv (a row is).")
    ] = "auto",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read everything and store nothing.")] = False,
    move_done: Annotated[bool, typer.Option("--move-done", help="Move files that are stored into DIR/done.")] = False,
    as_json: AsJson = False,
) -> None:
    """Store the records of a folder's files, in the order of their names. May be cut off, and run again."""
    from dispatcher.adapters.listeners.files import Layout
    from dispatcher.adapters.listeners.folder import files_of
    from dispatcher.adapters.listeners.progress import AlreadyRunning, Progress
    from dispatcher.adapters.listeners.replay import FolderReplay, ReplayRules
    from dispatcher.listener_wiring import listening

    if layout not in tuple(Layout):
        raise CommandFailed(f"--layout is one of {', '.join(Layout)}.")
    found = opened.store.admin.source(source)
    if found is None:
        raise CommandFailed(f"There is no source {source}: `onhook source list` shows those that are.")
    files, others = files_of(folder, pattern)
    rules = ReplayRules(Layout(layout), opened.settings.max_body_bytes, dry_run, move_done)
    try:
        with (
            listening(opened.settings, found, opened.store) as listener,
            Progress(opened.settings.data_dir, source, folder) as progress,
            _shown(sum(file.size for file in files)) as advance,
        ):
            replay = FolderReplay(folder, listener.intake, progress, rules)
            for file in files:
                replay.file(file, advance)
    except AlreadyRunning as error:
        raise CommandFailed(str(error)) from error
    _tell(replay, others, dry_run=dry_run, as_json=as_json)
    if replay.replayed.left or replay.replayed.records.quarantined:
        raise typer.Exit(1)


@contextmanager
def _shown(total_bytes: int) -> Iterator[Callable[[int], None]]:
    """Progress on a terminal, by bytes; nothing elsewhere."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task("Handing in", total=max(total_bytes, 1))
        yield lambda amount: bar.advance(task, amount)


def _tell(replay: "FolderReplay", others: int, *, dry_run: bool, as_json: bool) -> None:
    done = replay.replayed
    if as_json:
        print_json(
            {
                "files": done.files,
                "files_before": done.before,
                "files_left": [{"name": name, "reason": why} for name, why in done.left],
                "not_files": others,
                "moved": done.moved,
                "understood": done.records.understood,
                "nothing_to_keep": done.records.nothing,
                "quarantined": done.records.quarantined,
                "dry_run": dry_run,
            }
        )
        return
    for line in _lines(done, others, dry_run=dry_run):
        print(line)


def _lines(done: "Replayed", others: int, *, dry_run: bool) -> Iterator[str]:
    would = "would be " if dry_run else ""
    yield f"{done.files} files read, {done.before} stored by an earlier run, {done.moved} moved."
    yield (
        f"{done.records.understood} records {would}stored, {done.records.nothing} hold nothing to keep, "
        f"{done.records.quarantined} {would}kept in quarantine because they are not understood."
    )
    if others:
        yield f"{others} links, pipes or devices were passed over."
    for name, why in done.left[:LISTED_FILES]:
        yield f"left: {name}: {why}"
    if len(done.left) > LISTED_FILES:
        yield f"left: {len(done.left) - LISTED_FILES} more"
