"""Canaries: words and numbers that occur nowhere else, one for each place, and the search for them in any form."""

import base64
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import psycopg


def canary(place: str) -> str:
    """A word for a place. Letters and digits only, so that quoting, escaping and percent-encoding leave it whole."""
    return "Zq" + re.sub(r"[^A-Za-z0-9]", "", place.title()) + "Qz"


def needles(text: str) -> set[bytes]:
    """The forms in which a text may turn up, in lower case but for Base64: as it is, in hexadecimal, and in Base64
    wherever it begins in what was encoded."""
    plain = text.encode()
    forms = {plain.lower(), plain.hex().encode(), plain.decode().encode("utf-16-le").lower()}
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + plain)
        # What stands at either end is made of neighbours too.
        forms.add(encoded[(before * 8 + 5) // 6 : len(plain + b"\0" * before) * 8 // 6])
    return forms


def found(canaries: Mapping[str, str], haystack: bytes) -> list[str]:
    """The places whose canaries are in there."""
    lower = haystack.lower()
    return sorted(
        place for place, text in canaries.items() if any(form in lower or form in haystack for form in needles(text))
    )


def files_below(*folders: Path, but: Iterable[str] = ()) -> dict[str, bytes]:
    """Every file with its bytes, but for those of these names."""
    left_out = frozenset(but)
    return {
        str(path): path.read_bytes()
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file() and path.name not in left_out
    }


def postgresql_contents(url: str) -> dict[str, bytes]:
    """Every table by COPY (bytea in hexadecimal), and the files of the cluster, its write-ahead log among them."""
    contents = {}
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CHECKPOINT")
        for (table,) in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall():
            with connection.cursor().copy(f"COPY {table} TO STDOUT") as copy:
                contents[table] = b"".join(bytes(each) for each in copy)
        query = "SELECT setting, (SELECT oid::text FROM pg_database WHERE datname = current_database())"
        (folder, oid) = connection.execute(f"{query} FROM pg_settings WHERE name = 'data_directory'").fetchone() or (
            "",
            "",
        )
    files = files_below(Path(folder) / "base" / oid, Path(folder) / "pg_wal")
    # Segments of the log are made full of zeros.
    return contents | {name: content.rstrip(b"\0") for name, content in files.items()}
