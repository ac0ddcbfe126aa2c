"""`onhook quarantine`: what was not understood is shown, replayed once its source is mended, and discarded."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from dispatcher.cli.first_run import locked, prepare
from dispatcher.clock import utc_now
from dispatcher.domain.ids import unix_ms, uuid7
from dispatcher.ports import Source
from dispatcher.settings import load_settings
from dispatcher.wiring import build_store
from tests.integration.cli_house import CommandLine

FORM = {
    "CallSid": "CA1",
    "AccountSid": "AC1",
    "CallStatus": "completed",
    "Direction": "inbound",
    "From": "+14155550100",
}


@pytest.fixture
def onhook(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """The command line on a data directory, with a source that was set up for another format than its PBX posts."""
    for name in ("ONHOOK_DATA_DIR", "ONHOOK_DATABASE_URL", "ONHOOK_BROKER_URL", "ONHOOK_MASTER_KEY"):
        monkeypatch.delenv(name, raising=False)
    made = CommandLine(tmp_path / "data", capsys, monkeypatch)
    with locked(made.data_dir):
        prepare(load_settings(data_dir=made.data_dir))
    apply(made, tmp_path, "freeswitch")
    return made


def apply(onhook: CommandLine, folder: Path, spoken: str) -> None:
    file = folder / "source.json"
    auth = {"kind": "basic", "username": "pbx", "password": "hunter2"}
    file.write_text(json.dumps({"name": "pbx", "format": spoken, "auth": auth}))
    assert onhook("source", "apply", file).code == 0


def hold(onhook: CommandLine, *bodies: bytes) -> list[str]:
    """Puts posts into quarantine, as the door does; their ids."""
    store = build_store(load_settings(data_dir=onhook.data_dir))
    source = store.admin.source("pbx")
    assert isinstance(source, Source)
    headers = {"content-type": "application/x-www-form-urlencoded", "x-twilio-signature": "c2lnbmF0dXJl"}
    ids = [uuid7(unix_ms(utc_now()), number.to_bytes(10, "big")) for number in range(len(bodies))]
    for identifier, body in zip(ids, bodies, strict=True):
        store.admin.quarantine(identifier, source, body, headers, "No form field cdr.", utc_now())
    store.hot.close()
    store.engine.dispose()
    return [str(each) for each in ids]


def shown(onhook: CommandLine, *words: Any) -> Any:
    said = onhook("quarantine", *words, "--json")
    assert said.code == 0, said.err
    return said.json


def test_one_command_replays_what_was_not_understood_and_is_safe_to_run_twice(
    onhook: CommandLine, tmp_path: Path
) -> None:
    assert onhook("quarantine", "list").out == "Nothing is in quarantine.\n"
    hold(onhook, urlencode(FORM).encode(), b"\xff\x00")
    assert onhook("quarantine", "replay", "--source", "pbx").out == (
        "0 of 2 understood, 0 new records stored, 2 left in quarantine.\n"
    )
    apply(onhook, tmp_path, "twilio")
    assert onhook("quarantine", "replay", "--all", "--dry-run").out == "1 of 2 would be understood now.\n"
    assert shown(onhook, "replay", "--source", "pbx") == {"posts": 2, "understood": 1, "left": 1, "stored": 1}
    assert shown(onhook, "replay", "--source", "pbx") == {"posts": 1, "understood": 0, "left": 1, "stored": 0}
    (left,) = shown(onhook, "list")
    assert (left["source"], left["size_bytes"]) == ("pbx", 2)
    assert left["reason"] != "No form field cdr."


def test_a_post_is_shown_with_its_secrets_masked(onhook: CommandLine) -> None:
    (first,) = hold(onhook, urlencode(FORM).encode())
    post = shown(onhook, "show", first)
    assert post["headers"] == {"content-type": "application/x-www-form-urlencoded", "x-twilio-signature": "********"}
    assert (post["id"], post["reason"], post["excerpt"][:11]) == (first, "No form field cdr.", "CallSid=CA1")
    assert "  | CallSid=CA1&" in onhook("quarantine", "show", first).out
    missing = onhook("quarantine", "show", "01939a4e-7c1b-7d2f-9a55-0e6f1c2b3d4e")
    assert (missing.code, missing.err.split(":")[1]) == (1, " There is no post 01939a4e-7c1b-7d2f-9a55-0e6f1c2b3d4e")


def test_posts_are_discarded_by_id_and_nothing_is_without_a_choice(onhook: CommandLine) -> None:
    first, second = hold(onhook, b"1", b"2")
    assert onhook("quarantine", "discard").code == 2
    assert onhook("quarantine", "replay").code == 2
    assert onhook("quarantine", "discard", first, "--dry-run").out == "1 would be discarded.\n"
    assert onhook("quarantine", "discard", first).out == "1 discarded.\n"
    assert [each["id"] for each in shown(onhook, "list")] == [second]
    assert onhook("quarantine", "discard", "no-id").code == 1


@pytest.mark.parametrize("word", ["replay", "discard"])
def test_a_source_that_does_not_exist_is_named_instead_of_counting_nothing(onhook: CommandLine, word: str) -> None:
    hold(onhook, b"1")
    said = onhook("quarantine", word, "--source", "pbxx")
    assert (said.code, said.err) == (1, "onhook: There is no source pbxx: `onhook source list` shows those that are.\n")
    assert len(shown(onhook, "list")) == 1
