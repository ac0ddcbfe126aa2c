"""`onhook source try` and `onhook source formats`, without a database."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from dispatcher.cli import app
from dispatcher.cli.failures import CommandFailed
from dispatcher.sources import FORMATS

CONFIG = """
items: "$.calls[*]"
event:
  call:
    id: {path: "$.uuid"}
    started_at: {path: "$.begin"}
    external_number: {path: "$.peer"}
    custom: {note: {path: "$.note"}, seen: {path: "$.seen"}}
"""
BODY = {
    "calls": [
        {"uuid": "7f9c", "begin": "2026-11-20 11:00:00", "peer": "(415) 555-0100", "note": "word " * 40},
        {"uuid": "8"},
    ]
}


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "config.yaml").write_text(CONFIG)
    (tmp_path / "body.json").write_text(json.dumps(BODY))
    return tmp_path


def run(*words: object) -> Result:
    return CliRunner().invoke(app, ["source", *map(str, words)])


def test_a_file_is_shown_as_events_in_80_columns(files: Path) -> None:
    said = run(
        "try", "mapped", files / "body.json", "--config", files / "config.yaml", "--time-zone", "Europe/Berlin",
        "--country", "US",
    )  # fmt: skip
    assert said.exit_code == 0
    lines = said.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[:3] == [
        "call.finished at 2026-11-20T10:00:00Z",
        "  id: mapped:" + lines[1].rpartition(":")[2],
        "  call.id: 7f9c",
    ]
    assert "  call.external.e164: +14155550100" in lines
    assert lines[-1] == "Looked up, and nothing found: call.custom.seen."
    assert sum(line.endswith("(2 of 2)") for line in lines) == 1


def test_json_is_for_programs(files: Path) -> None:
    said = run("try", "mapped", files / "body.json", "--config", files / "config.yaml", "--json")
    shown = json.loads(said.stdout)
    assert [each["event"]["call"]["id"] for each in shown["events"]] == ["7f9c", "8"]


def test_a_refusal_is_a_sentence_and_exits_with_1(files: Path) -> None:
    said = run("try", "twilio", files / "body.json")
    assert (said.exit_code, said.stdout) == (
        1,
        "Not understood: The request has no CallSid, so it is no voice webhook of Twilio.\n",
    )
    refused = run("try", "generic", files / "body.json")
    assert (refused.exit_code, refused.stdout.splitlines()[0]) == (1, "Not understood: The events are refused.")


def test_a_header_and_a_query_can_be_given(files: Path) -> None:
    (files / "call.json").write_text('{"id": "7f9c"}')
    headers = [word for each in ("ce-id: 1", "CE-Source: /pbx", "ce-type: call.missed") for word in ("--header", each)]
    said = run("try", "cloudevents", files / "call.json", *headers)
    assert said.stdout.splitlines()[1:3] == ["  id: /pbx 1", "  call.id: 7f9c"]
    (files / "empty").write_text("")
    asked = run("try", "twilio", files / "empty", "--query", "CallSid=CA1&CallStatus=busy")
    assert "  call.outcome: busy" in asked.stdout.splitlines()


def test_what_would_be_no_source_is_refused_with_every_fault(files: Path) -> None:
    said = run("try", "mapped", files / "body.json", "--country", "Germany")
    assert isinstance(said.exception, CommandFailed)
    assert str(said.exception).splitlines() == [
        "The source would be refused:",
        '  country: expected two capital letters of ISO 3166-1, or null, got string "Germany"',
        "  config.event: expected an object, got nothing",
    ]
    assert isinstance(run("try", "fax", files / "body.json").exception, CommandFailed)
    assert isinstance(run("try", "twilio", files / "body.json", "--header", "x").exception, CommandFailed)


def test_every_format_is_listed_with_what_it_needs() -> None:
    shown = json.loads(run("formats", "--json").stdout)
    assert [each["format"] for each in shown] == sorted(FORMATS)
    mapped = next(each for each in shown if each["format"] == "mapped")
    assert mapped["config"] == ["body", "items", "namespaces", "when", "event", "numbers", "scrub"]
    assert {"all", "ip_allow", "token"} <= set(mapped["auth"])
    lines = run("formats").stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert "  page: docs/sources/mapped.md" in lines
    quiet = "  calls in parts: complete "
    assert {quiet + "at once", quiet + "10 s after the last part"} <= set(lines)
