"""The pages of switches' formats: each source that they show can be saved as it stands there."""

import json
import re
from pathlib import Path
from uuid import uuid4

import pytest

from dispatcher.sources.document import parse_source

PAGES = Path(__file__).parents[2] / "docs" / "sources"
NAMES = ("asterisk", "freeswitch", "kamailio", "smdr_avaya", "smdr_esi", "smdr_mitel", "threecx", "vcon")


@pytest.mark.parametrize("name", NAMES)
def test_the_source_of_a_page_is_one(name: str) -> None:
    examples = re.findall(r"```json\n(.*?)```", (PAGES / f"{name}.md").read_text(), re.DOTALL)
    assert [parse_source(json.loads(each), uuid4(), uuid4()).format for each in examples] == [name]
