"""`onhook demo --calls N`: everything at once, as a newcomer sees it first."""

import re
from pathlib import Path

import pytest

from tests.integration.cli_house import session_of, start

pytestmark = pytest.mark.slow

DEMO_SECONDS = 150
"""Ten on an idle machine."""


def test_twelve_calls_are_settled_and_it_ends_with_a_summary_and_leaves_nothing(tmp_path: Path) -> None:
    out = tmp_path / "out"
    demo = start("demo", "--calls", "12", out=out, TMPDIR=str(tmp_path))
    code = demo.wait(DEMO_SECONDS)
    said = out.read_text()
    assert code == 0, said
    assert "12 calls, 14 events posted; what became of their deliveries:" in said
    ends = dict(re.findall(r"^  ([a-z-]+) +(.*)$", said, re.MULTILINE))
    assert set(ends) == {
        "crm-call-log",
        "flaky-helpdesk",
        "lead-create",
        "lead-recording",
        "missed-call-alert",
        "recording-archive",
        "retired-crm",
        "soap-crm",
    }
    assert all(re.fullmatch(r"\d+ delivered", words) for name, words in ends.items() if name != "retired-crm"), ends
    assert re.match(r"\d+ dead \(gave up after 3 attempts, last connect_refused: ", ends["retired-crm"])
    assert session_of(demo.pid) == {}
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_it_never_makes_up_calls_in_a_database_that_others_use(tmp_path: Path) -> None:
    out = tmp_path / "out"
    demo = start("demo", "--calls", "1", out=out, TMPDIR=str(tmp_path), ONHOOK_DATABASE_URL="postgresql://db.example/x")
    assert demo.wait(60) == 1
    assert out.read_text().startswith(
        "onhook: The demonstration makes up calls, and so only ever uses a database and a"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
