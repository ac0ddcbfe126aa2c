"""The manual says what the code says, where it repeats it."""

import json
from pathlib import Path

from dispatcher.domain.criteria.operators import OPERATORS
from dispatcher.domain.filters import FILTERS

DOCS = Path(__file__).parents[2] / "docs"


def test_the_table_of_filters_is_the_catalogue() -> None:
    rows = [
        f"| `{each.name}{f'({each.arguments})' if each.arguments else ''}` | {each.meaning} | `{each.example}` |"
        f" `{json.dumps(each.result, ensure_ascii=False)}` |"
        for each in FILTERS.values()
    ]
    lines = (DOCS / "templates.md").read_text("utf-8").splitlines()
    start = lines.index("| filter | what it gives | example | result |") + 2
    assert lines[start : start + len(rows) + 1] == [*rows, ""]


def test_the_table_of_operators_names_every_operator() -> None:
    text = (DOCS / "profiles.md").read_text("utf-8")
    table = text[text.index("| operator | holds when |") : text.index("An absent field, or one of another type")]
    cells = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    assert sorted(word.strip("`") for cell in cells for word in cell.split()) == sorted(OPERATORS)
