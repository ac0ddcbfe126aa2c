"""`onhook profile backtest`, run whole in this process on a SQLite database of its own."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dispatcher.adapters.sql.schema import DEFAULT_WORKSPACE
from dispatcher.cli.backtest import why
from dispatcher.cli.first_run import locked, prepare
from dispatcher.domain.event import parse_event
from dispatcher.ingest import new_event
from dispatcher.settings import load_settings
from dispatcher.wiring import build_store, parse
from tests.integration.cli_house import CommandLine, event, profile

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
TARGET = "https://crm.example/calls"
LONG = {"events": ["call.finished"], "criteria": {"field": "call.duration_seconds", "op": "ge", "value": 100}}


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with a profile for long calls, a long call, and a short one that came later."""
    folder = tmp_path_factory.mktemp("backtest") / "data"
    with locked(folder):
        prepare(load_settings(data_dir=folder))
    store = build_store(load_settings(data_dir=folder))
    store.admin.create_profile(DEFAULT_WORKSPACE, parse(profile("crm", TARGET, trigger=LONG)), NOON)
    source = store.admin.source("default")
    calls = [event(1, duration_seconds=200), event(2, duration_seconds=20)]
    for second, call in enumerate(calls):
        at = NOON + timedelta(seconds=second)
        store.hot.add_events([new_event(parse_event(call, at), source, lambda at=at: at)], at, at)
    store.hot.close()
    store.engine.dispose()
    return folder


@pytest.fixture
def onhook(data_dir: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """The command line on that data directory; no test here changes anything in it."""
    for name in ("ONHOOK_DATA_DIR", "ONHOOK_DATABASE_URL", "ONHOOK_BROKER_URL", "ONHOOK_MASTER_KEY"):
        monkeypatch.delenv(name, raising=False)
    return CommandLine(data_dir, capsys, monkeypatch)


def written(folder: Path, name: str, content: Any) -> Path:
    path = folder / name
    path.write_text(json.dumps(content))
    return path


def test_every_event_is_listed_newest_first_with_why_it_would_or_would_not_fire(onhook: CommandLine) -> None:
    said = onhook("profile", "backtest", "crm")
    lines = said.out.splitlines()
    assert (said.code, lines[0].split()) == (0, ["OCCURRED", "AT", "TYPE", "CALL", "ID", "FIRED", "WHY"])
    assert lines[1].endswith("call.finished  c2       no     not call.duration_seconds ge 100 (saw 20)")
    assert lines[2].endswith("call.finished  c1       yes    call.duration_seconds ge 100 (saw 200)")
    assert lines[3:] == ["", "crm would have fired for 1 of the last 2 events."]
    assert onhook("delivery", "list", "--json").json == []


def test_as_json_it_is_what_the_api_answers(onhook: CommandLine) -> None:
    told = onhook("profile", "backtest", "crm", "--limit", 1, "--json").json
    (item,) = told["items"]
    assert (told["events"], told["fired"], told["skipped"]) == (1, 0, {"test": 0, "erased": 0, "private": 0})
    assert (item["call_id"], item["reason"], item["verdict"]["saw"]) == ("c2", "criteria", 20)


def test_those_that_fired_can_be_listed_alone_and_those_that_did_not(onhook: CommandLine) -> None:
    fired = onhook("profile", "backtest", "crm", "--only", "fired", "--json").json
    silent = onhook("profile", "backtest", "crm", "--only", "not-fired", "--json").json
    assert [each["call_id"] for each in fired["items"]] == ["c1"]
    assert [each["call_id"] for each in silent["items"]] == ["c2"]
    assert (fired["events"], fired["fired"]) == (silent["events"], silent["fired"]) == (2, 1)


def test_a_draft_is_tried_without_being_saved_and_a_bad_one_is_refused(onhook: CommandLine, tmp_path: Path) -> None:
    draft = profile("ignored", TARGET)
    del draft["name"]
    assert onhook("profile", "backtest", "new", "--file", written(tmp_path, "d.json", draft)).out.endswith(
        "new would have fired for 2 of the last 2 events.\n"
    )
    assert onhook("profile", "show", "new").code == 1
    draft["trigger"] = {"events": ["call.finished"], "criteria": {"field": "call.dnis", "op": "lk", "value": "+1"}}
    refused = onhook("profile", "backtest", "new", "--file", written(tmp_path, "d.json", draft))
    assert refused.code == 1
    assert "trigger.criteria.op" in refused.err


def test_of_a_private_profile_no_values_are_shown(onhook: CommandLine, tmp_path: Path) -> None:
    private = profile("crm", TARGET, trigger=LONG, private=True)
    said = onhook("profile", "backtest", "crm", "--file", written(tmp_path, "p.json", private))
    assert "not call.duration_seconds ge 100\n" in said.out
    assert "saw" not in said.out


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("nobody",), 1),
        (("crm", "--limit", "1001"), 2),
        (("crm", "--limit", "0"), 2),
        (("crm", "--since", "yesterday"), 2),
        (("crm", "--only", "some"), 2),
    ],
)
def test_what_cannot_be_asked_is_said_and_nothing_is_listed(
    onhook: CommandLine, words: tuple[str, ...], code: int
) -> None:
    said = onhook("profile", "backtest", *words)
    assert (said.code, said.out) == (code, "")
    assert said.err


def clause(field: str, saw: Any, *, held: bool) -> dict[str, Any]:
    return {"clause": {"field": field, "op": "exists", "value": True}, "saw": saw, "held": held}


@pytest.mark.parametrize(
    ("tree", "expected"),
    [
        (
            {"all": [clause("a", 1, held=True), clause("b", None, held=False)], "held": False},
            "not b exists true (saw null)",
        ),
        (
            {"any": [clause("a", 1, held=True), clause("b", None, held=False)], "held": True},
            "a exists true (saw 1)",
        ),
        (
            {"not": {"any": [clause("a", 1, held=True), clause("b", 2, held=False)], "held": True}, "held": False},
            "a exists true (saw 1)",
        ),
        (
            {"all": [clause(name, None, held=False) for name in "abcde"], "held": False},
            "not a exists true (saw null); not b exists true (saw null); not c exists true (saw null); and 2 more",
        ),
    ],
)
def test_the_clauses_that_decided_are_named(tree: dict[str, Any], expected: str) -> None:
    item = {"verdict": tree, "fired": tree["held"], "reason": None, "type": "call.finished"}
    assert why(item) == expected
