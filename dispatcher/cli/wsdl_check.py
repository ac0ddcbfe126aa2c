"""`onhook wsdl check`: which WSDLs below a folder can be used, each read under limits."""

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dispatcher.cli.options import AsJson
from dispatcher.cli.printing import print_json, text_of

if TYPE_CHECKING:
    from dispatcher.adapters.soap.bounded import BoundedReader
    from dispatcher.adapters.soap.folder import Folder

WORDS = ("parsed", "refused", "crashed")


@dataclass(frozen=True)
class Checked:
    """What became of one file. `detail` is a sentence, or for a parsed one what it offers."""

    name: str
    result: str
    detail: str

    def line(self) -> str:
        """For a person."""
        if self.result == "parsed":
            return f"parsed  {text_of(self.name)}  {self.detail}"
        return f"{self.result} {text_of(self.name)}: {text_of(self.detail)}"


def add_to(app: typer.Typer) -> None:
    """Adds the command to the group of WSDLs."""
    app.command(epilog="Example: onhook wsdl check ./wsdls --seconds 10")(check)


def check(
    directory: Annotated[
        Path,
        typer.Argument(metavar="DIR", help="Where the WSDLs are.", exists=True, file_okay=False, show_default=False),
    ],
    seconds: Annotated[int, typer.Option(help="What one may take, of CPU and by the clock.", min=1)] = 20,
    memory_mib: Annotated[int, typer.Option("--memory-mib", help="How much memory one may take.", min=256)] = 1536,
    as_json: AsJson = False,
) -> None:
    """Parse every WSDL below a folder and say of each: parsed, refused and why, or crashed.

    Imports are taken from below the folder; nothing is fetched. The exit code is 1 if any has crashed.
    """
    from dispatcher.adapters.soap.bounded import BoundedReader, Limits
    from dispatcher.adapters.soap.collect import MIB
    from dispatcher.adapters.soap.folder import Folder

    folder = Folder(directory)
    results = []
    # By the clock more than of CPU: another process may have the processor meanwhile.
    with BoundedReader(Limits(seconds, seconds * 1.5 + 5, memory_mib * MIB)) as reader:
        for path in _with_progress(list(folder.wsdls())):
            checked = checked_file(folder, path, reader)
            results.append(checked)
            if not as_json:
                print(checked.line(), flush=True)
    counts = Counter(each.result for each in results)
    if as_json:
        shown = [{"name": _sound(each.name), "result": each.result, "detail": _sound(each.detail)} for each in results]
        print_json({"items": shown, **{word: counts[word] for word in WORDS}})
    else:
        print(f"{len(results)} WSDLs: " + ", ".join(f"{counts[word]} {word}" for word in WORDS))
    if counts["crashed"]:
        raise typer.Exit(1)


def checked_file(folder: "Folder", path: Path, reader: "BoundedReader") -> Checked:
    """What becomes of one file of a folder."""
    from dispatcher.adapters.soap.bounded import ReaderFailed
    from dispatcher.adapters.soap.collect import collect
    from dispatcher.domain.soap.bundle import WsdlRefused

    url = folder.url(path)
    try:
        if url not in folder:
            return Checked(str(path), "refused", "It is not there: a link that leads nowhere.")
        found = reader.describe(collect(url, folder, folder.fetch))
    except ReaderFailed as failed:
        return Checked(str(path), "crashed", str(failed))
    except WsdlRefused as refused:
        return Checked(str(path), "refused", str(refused))
    except Exception as error:  # noqa: BLE001 - one file must not hide what became of the others
        return Checked(str(path), "crashed", f"Collecting it failed with {type(error).__name__}.")
    operations = sum(len(binding.operations) for _, _, binding in found.ports())
    return Checked(
        str(path), "parsed", f"{_several(len(found.services), 'service')}, {_several(operations, 'operation')}"
    )


def _several(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _sound(text: str) -> str:
    """What JSON can hold: bytes of a name that are no UTF-8 become question marks."""
    return text.encode("utf-8", "replace").decode()


def _with_progress(paths: list[Path]) -> Iterable[Path]:
    """The paths, and on a terminal a bar on standard error; not where the lines themselves are the progress."""
    if not sys.stderr.isatty() or sys.stdout.isatty():
        return paths
    return _with_bar(paths)


def _with_bar(paths: list[Path]) -> Iterator[Path]:
    from rich.console import Console
    from rich.progress import track

    yield from track(paths, description="checking", console=Console(stderr=True))
