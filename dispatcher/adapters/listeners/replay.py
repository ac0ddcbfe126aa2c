"""Hands a folder of records in, file by file in the order of their names. Resumable, and safe to run twice."""

import csv
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from itertools import islice
from pathlib import Path

from dispatcher.adapters.listeners.files import Layout, TooLarge, content_type_of, layout_of, records_of
from dispatcher.adapters.listeners.folder import Changed, Found, NotAFile, move_to_done, opened
from dispatcher.adapters.listeners.intake import Intake, Tally
from dispatcher.adapters.listeners.progress import Progress
from dispatcher.adapters.listeners.record import Record

BATCH_RECORDS = 200


@dataclass(slots=True)
class Replayed:
    """What became of files and of the records in them. `left` says of each file that was left why."""

    files: int = 0
    before: int = 0
    """Files that an earlier run stored as a whole."""
    moved: int = 0
    records: Tally = field(default_factory=Tally)
    left: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ReplayRules:
    """How a folder is handed in."""

    layout: Layout
    max_bytes: int
    dry_run: bool
    move_done: bool


class FolderReplay:
    """One run over one folder."""

    def __init__(self, folder: Path, intake: Intake, progress: Progress, rules: ReplayRules) -> None:
        self._folder, self._intake, self._progress, self._rules = folder, intake, progress, rules
        self.replayed = Replayed()

    def file(self, file: Found, advance: Callable[[int], None]) -> None:
        """Stores the records of a file; `advance` is told of bytes as they are read.

        A file that cannot be read is noted and left. Raises StoreUnavailable; what was stored until then stays so.
        """
        layout = self._rules.layout
        layout = layout_of(file.name, self._intake.source.format) if layout is Layout.AUTO else layout
        stored, is_whole = self._progress.done(file, layout)
        if is_whole:
            self.replayed.before += 1
        else:
            why = self._read(file, layout, stored, advance)
            if why is not None:
                self.replayed.left.append((file.shown, why))
                return
            self.replayed.files += 1
        if self._rules.move_done and not self._rules.dry_run:
            self._move(file)

    def _read(self, file: Found, layout: Layout, stored: int, advance: Callable[[int], None]) -> str | None:
        """Why the file is left; None where all of it is stored."""
        try:
            with closing(opened(self._folder, file)) as handle:
                columns = self._intake.source.config.get("columns") if layout is Layout.CSV else None
                bodies = records_of(handle, layout, columns, self._rules.max_bytes)
                self._store(file, layout, stored, self._records(file, layout, bodies, stored), advance)
        except TooLarge:
            return f"it is one record of more than {self._rules.max_bytes} bytes (ONHOOK_MAX_BODY_BYTES)"
        except NotAFile:
            return "it is no regular file"
        except csv.Error:
            return "it is no CSV"
        except OSError as error:
            return error.strerror or type(error).__name__
        return None

    def _records(self, file: Found, layout: Layout, bodies: Iterator[bytes], stored: int) -> Iterator[Record]:
        # The file's own time, so that a second run sees the same record; its folder's owner is who says it.
        moment = datetime.fromtimestamp(file.mtime_ns / 1e9, UTC)
        kind = content_type_of(file.name, layout)
        for body in islice(bodies, stored, None):
            yield Record(body, moment, f"file:{sha256(body).hexdigest()[:32]}", kind)

    def _store(
        self, file: Found, layout: Layout, stored: int, records: Iterator[Record], advance: Callable[[int], None]
    ) -> None:
        while batch := list(islice(records, BATCH_RECORDS)):
            self.replayed.records.add(self._tried(batch) if self._rules.dry_run else self._intake.store(batch))
            stored += len(batch)
            advance(sum(len(each.body) for each in batch))
            if not self._rules.dry_run:
                self._progress.note(file, layout, stored, is_whole=False)
        if not self._rules.dry_run:
            self._progress.note(file, layout, stored, is_whole=True)

    def _tried(self, batch: list[Record]) -> Tally:
        tally = Tally()
        for said in map(self._intake.read, batch):
            if isinstance(said, str):
                tally.quarantined += 1
            elif said:
                tally.understood += 1
            else:
                tally.nothing += 1
        return tally

    def _move(self, file: Found) -> None:
        try:
            move_to_done(self._folder, file)
            self.replayed.moved += 1
        except Changed:
            # What was added since would lie among what is done, and nobody would look at it again.
            self.replayed.left.append((file.shown, "it changed while it was read: run again once it is finished"))
        except (OSError, NotAFile) as error:
            self.replayed.left.append((file.shown, f"it is stored, and cannot be moved ({type(error).__name__})"))
