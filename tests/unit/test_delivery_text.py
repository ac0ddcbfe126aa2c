"""What `onhook delivery show` says of the last attempt."""

from typing import Any

import pytest

from dispatcher.cli.deliveries import print_excerpts

FAULT = {"code": "Client.Busy", "subcodes": ["Late", "Full"], "string": "later\x1b[2J", "actor": "", "detail": None}


def attempt(**over: Any) -> dict[str, Any]:
    return {"request": None, "response": {"status": 500, "headers": [], "body": "<a/>", "fault": FAULT}, **over}


def test_a_fault_is_shown_by_its_parts_after_the_answer(capsys: pytest.CaptureFixture[str]) -> None:
    print_excerpts(attempt())
    lines = capsys.readouterr().out.splitlines()
    assert lines[:4] == ["", "last response", "  status 500", "  | <a/>"]
    assert lines[4:8] == ["", "SOAP fault", "  code      Client.Busy", "  subcodes  Late, Full"]
    assert lines[8].startswith("  string    later")
    assert "\x1b" not in lines[8]
    assert len(lines) == 9


def test_of_a_private_attempt_no_fault_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    print_excerpts(attempt(private=True))
    assert "Busy" not in capsys.readouterr().out
