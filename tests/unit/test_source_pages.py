"""The pages of docs/sources say what is so: their examples are taken, and every format is in the index."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from dispatcher.sources import FORMATS, Posted, SourceSettings
from dispatcher.sources.authentication import KINDS, check_auth
from dispatcher.sources.document import parse_source
from dispatcher.sources.preview import preview

PAGES = Path(__file__).parents[2] / "docs" / "sources"


def examples(page: str) -> list[Any]:
    return [json.loads(each) for each in re.findall(r"```json\n(.*?)```", (PAGES / page).read_text(), re.DOTALL)]


def test_every_example_of_an_authentication_is_one_and_every_kind_has_one() -> None:
    documents, *lists = examples("README.md")
    parse_source(documents, uuid4(), uuid4())
    auths = [auth for each in lists for auth in each]
    assert [check_auth(auth) for auth in auths] == [[]] * len(auths)
    assert {auth["kind"] for auth in auths} == KINDS.keys() | {"all"}


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_has_its_page_and_is_in_the_index(name: str) -> None:
    assert (PAGES / f"{name}.md").is_file()
    assert f"| `{name}` |" in (PAGES / "README.md").read_text()


def test_the_example_of_a_mapping_gives_its_event() -> None:
    body, document = examples("mapped.md")
    source = parse_source(document, uuid4(), uuid4())
    moment = datetime(2026, 11, 20, 12, tzinfo=UTC)
    posted = Posted("POST", "https://onhook.example/e", [], {}, json.dumps(body).encode(), moment, "192.0.2.1")
    shown = preview(FORMATS["mapped"], posted, SourceSettings(source.time_zone, source.country, source.config))
    assert (shown["understood"], shown["nothing_found"]) == (True, [])
    [found] = shown["events"]
    call = found["event"]["call"]
    assert (found["event"]["id"], call["ended_at"], call["external"]["e164"], call["custom"]) == (
        "7f9c:ended",
        "2026-11-20T10:03:20Z",
        "+14155550100",
        {"site": "Berlin"},
    )


@pytest.mark.parametrize("page", sorted(each.name for each in PAGES.glob("*.md")))
def test_every_source_on_a_page_can_be_saved_as_it_stands(page: str) -> None:
    for document in examples(page):
        if isinstance(document, dict) and "format" in document:
            assert parse_source(document, uuid4(), uuid4()).format == document["format"]
