"""What CONTRIBUTING.md shows on an example is so."""

import json
import re
from pathlib import Path
from types import ModuleType

from dispatcher.domain.call_part import CallPart
from dispatcher.sources import SourceSettings
from dispatcher.sources.format import Format
from tests.unit.cpaas_house import posted

TEXT = (Path(__file__).parents[2] / "CONTRIBUTING.md").read_text()


def _example(name: str) -> str:
    found = re.search(rf"<!-- example: {name} -->\n```\w+\n(.*?)```", TEXT, re.DOTALL)
    assert found is not None
    return found[1]


def test_the_example_of_a_format_reads_its_post_into_the_call_that_is_shown() -> None:
    module = ModuleType("rotary")
    exec(compile(_example("format"), "rotary.py", "exec"), module.__dict__)
    spoken: Format = module.FORMAT
    [event] = spoken.parse(posted(_example("post").encode()), SourceSettings(country="NO"))
    assert not isinstance(event, CallPart)
    assert (event.source_event_id, event.type) == ("r-17:ended", "call.finished")
    assert event.call == json.loads(_example("call"))
