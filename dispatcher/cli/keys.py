"""`onhook keys`: the master keys, and their rotation beside running processes."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from dispatcher.cli.failures import CommandFailed
from dispatcher.cli.options import AsJson
from dispatcher.cli.printing import print_json, print_rows
from dispatcher.cli.storage import Opened, with_store

if TYPE_CHECKING:
    from dispatcher.settings import Settings

app = typer.Typer(no_args_is_help=True, help="List, rotate and prune master keys.")

COLUMNS = ("key", "place", "values", "in")
IN_THE_ENVIRONMENT = """\
Everything is sealed with the first key. For another one, with no process left behind:
  1. make a key (`onhook keys new`) and append it to ONHOOK_MASTER_KEY, behind a comma; restart every process;
  2. move it to the front of ONHOOK_MASTER_KEY; restart every process;
  3. run `onhook keys rotate` again, with the same ONHOOK_MASTER_KEY;
  4. once `onhook keys list` shows the old key at 0, take it out of ONHOOK_MASTER_KEY (and keep it with old backups)."""


@app.command("list", epilog="Example: onhook keys list --json")
@with_store
def list_keys(opened: Opened, as_json: AsJson = False) -> None:
    """List the keys by their names, and how many values each seals. Reads every table as a whole."""
    names = _names(opened.settings)
    rows = []
    uses = opened.store.keys.uses()
    for name in dict.fromkeys([*names, *(use.key for use in uses)]):
        by_column = {use.column: use.values for use in uses if use.key == name}
        place = "missing" if name not in names else "encrypts" if name == names[0] else "decrypts"
        rows.append({"key": name, "place": place, "values": sum(by_column.values()), "in": by_column})
    if as_json:
        print_json(rows)
        return
    shown = [row | {"in": [f"{name} {count}" for name, count in row["in"].items()]} for row in rows]  # type: ignore[attr-defined]
    print_rows(shown, COLUMNS, as_json=False, empty="There is no key.")


@app.command(epilog="Example: onhook keys new")
def new() -> None:
    """Print a new random key for ONHOOK_MASTER_KEY. Nothing is stored."""
    import base64

    print(base64.urlsafe_b64encode(_random_key()).decode())


@app.command(epilog="Example: onhook keys rotate")
@with_store
def rotate(
    opened: Opened,
    new_key: Annotated[
        bool, typer.Option("--new", help="Make a new key even if values are still sealed with older ones.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Seal everything with the first key, in small batches, while everything runs. May be stopped and run again.

    With the file master.key, and nothing left to do for the key that it begins with, a new key is made first; running
    processes take it over by themselves. With ONHOOK_MASTER_KEY it says how to bring in a new key.
    """
    from dispatcher.adapters.vault import LOOK_SECONDS

    settings = opened.settings
    made = False
    if new_key or not _others(opened):
        if settings.master_key:
            print(IN_THE_ENVIRONMENT)
            return
        _make_key(opened)
        made = True
    done = _reseal(opened, shown=not as_json)
    if made and _others(opened):
        # A process that was busy writing has looked for new keys by then.
        time.sleep(LOOK_SECONDS)
        done += _reseal(opened, shown=not as_json)
    stuck = _others(opened)
    if as_json:
        print_json({"key": _names(settings)[0], "new": made, "sealed": done, "left": stuck})
    else:
        print(f"{done} {'value is' if done == 1 else 'values are'} sealed with the key {_names(settings)[0]} now.")
    if stuck:
        raise CommandFailed(
            f"{stuck} values are sealed with other keys still: `onhook keys list` says which. Put a key that is "
            "missing back into ONHOOK_MASTER_KEY (or master.key); another run takes what was written meanwhile."
        )


@app.command(epilog="Example: onhook keys prune")
@with_store
def prune(opened: Opened, as_json: AsJson = False) -> None:
    """Take the keys out of master.key that seal nothing any more. Backups made before still need them."""
    from dispatcher.adapters.vault import LOOK_SECONDS, key_name
    from dispatcher.master_key import FILE_NAME, keep_keys

    settings = opened.settings
    used = {use.key for use in opened.store.keys.uses()}
    names = _names(settings)
    spare = [name for name in names[1:] if name not in used]
    if len(spare) < len(names) - 1:
        raise CommandFailed("An older key seals values still: run `onhook keys rotate` first.")
    waiting = _spooled(settings, spare)
    if waiting:
        raise CommandFailed(
            f"An older key seals what waits in the spool of {', '.join(waiting)}: have that listener run "
            "(`onhook listen`) until its spooled_bytes are 0, then prune again."
        )
    if spare and settings.master_key:
        raise CommandFailed(f"Take {', '.join(spare)} out of ONHOOK_MASTER_KEY yourself: nothing is sealed with it.")
    if spare:
        # A process that has not looked since the rotation would go on sealing with the old key.
        wait = (settings.data_dir / FILE_NAME).stat().st_mtime + 2 * LOOK_SECONDS - time.time()
        if wait > 0:
            raise CommandFailed(f"Running processes may not know the new key yet: try again in {wait:.0f} s.")
        keep_keys(settings.data_dir, lambda key: key_name(key) not in spare)
    if as_json:
        print_json({"removed": spare})
    else:
        print(f"Removed: {', '.join(spare)}" if spare else "There is no key that seals nothing.")


def _reseal(opened: Opened, *, shown: bool) -> int:
    """Seals anew what can be; how many values it was."""
    done = 0
    with _progress(_others(opened), shown=shown) as advance:
        for count in opened.store.keys.reseal():
            done += count
            advance(count)
    return done


def _spooled(settings: "Settings", keys: "list[str]") -> list[str]:
    """The sources whose spools on this machine hold what one of the keys seals."""
    from dispatcher.adapters.listeners.spool_look import sealed_in
    from dispatcher.adapters.vault import key_name_of
    from dispatcher.listener_wiring import SPOOL

    folders = sorted(each for each in (settings.data_dir / SPOOL).glob("*") if each.is_dir())
    return [folder.name for folder in folders if any(key_name_of(each) in keys for each in sealed_in(folder))]


def _names(settings: "Settings") -> list[str]:
    from dispatcher.adapters.vault import key_name

    return [key_name(key) for key in settings.load_master_keys()]


def _others(opened: Opened) -> int:
    """How many values are sealed with another key than the first."""
    first = _names(opened.settings)[0]
    return sum(use.values for use in opened.store.keys.uses() if use.key != first)


def _make_key(opened: Opened) -> None:
    """Puts a new key in front of those of the file, for this process too."""
    from dispatcher.master_key import add_key

    add_key(opened.settings.data_dir, _random_key())
    opened.store.keys.look()


def _random_key() -> bytes:
    import secrets

    from dispatcher.master_key import KEY_BYTES

    return secrets.token_bytes(KEY_BYTES)


@contextmanager
def _progress(total: int, *, shown: bool) -> Iterator[Callable[[int], None]]:
    """A bar on standard error; what it is called with is how far it moves."""
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), disable=not shown or not total) as bar:
        task = bar.add_task("sealing", total=total)
        yield lambda count: bar.advance(task, count)
