"""Rows of Asterisk's CDR and CEL files (cdr_csv, cel_custom, exports with a header) as records by column name."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from dispatcher.sources.format import NotUnderstood

CDR_COLUMNS = (
    "accountcode", "src", "dst", "dcontext", "clid", "channel", "dstchannel", "lastapp", "lastdata", "start", "answer",
    "end", "duration", "billsec", "disposition", "amaflags", "uniqueid", "userfield",
)  # fmt: skip
"""The order of cdr_csv.c; `uniqueid` and `userfield` only where cdr.conf asks for them."""
CEL_COLUMNS = (
    "eventtype", "eventtime", "cid_name", "cid_num", "cid_ani", "cid_rdnis", "cid_dnid", "exten", "context",
    "channame", "appname", "appdata", "amaflags", "accountcode", "uniqueid", "linkedid", "peer", "userfield",
    "userdeftype", "extra",
)  # fmt: skip
"""The order of the sample cel_custom.conf."""
_MAX_COLUMNS = 100
_HEADER_WORDS = frozenset({"uniqueid", "disposition", "eventtype", "linkedid", "calldate"})


def csv_rows(text: str | Iterable[str], columns: Sequence[str] | None = None) -> Iterator[dict[str, str]]:
    """The rows of a text, or of the lines of an open file (`newline=""`), each by its columns' names, as they are read.

    The names are `columns`, else those of a first line that is a header, else those of Asterisk's own order. The
    separator is a comma, or `|` or `;` in a file whose first line has more of those. Blank lines are skipped. Raises
    `NotUnderstood` for a row that has more columns than there are names, and for what is no CSV.
    """
    lines = iter(io.StringIO(text, newline="") if isinstance(text, str) else text)
    first = next((line for line in lines if line.strip()), "")
    separator = max(",|;", key=first.count)
    rows = csv.reader(chain([first], lines), delimiter=separator, skipinitialspace=True)
    names = list(columns) if columns else None
    try:
        for row in rows:
            if not any(each.strip() for each in row):
                continue
            if _is_header(row):
                names = list(columns or (each.strip() for each in row))
                continue
            yield _named(row, names)
    except csv.Error:
        raise NotUnderstood("The text is no CSV.") from None


def _is_header(row: Sequence[str]) -> bool:
    return len({each.strip().lower() for each in row} & _HEADER_WORDS) > 1


def _named(row: Sequence[str], names: Sequence[str] | None) -> dict[str, str]:
    if names is None:
        # A CEL row begins with the name of its event, a CDR row with an account code, and has a date in the tenth.
        names = CEL_COLUMNS if len(row) > len(CDR_COLUMNS) and row[0].isupper() else CDR_COLUMNS
    if len(row) > min(len(names), _MAX_COLUMNS):
        raise NotUnderstood("A row has more columns than names are known for: set config.columns.")
    return dict(zip(names, row, strict=False))
