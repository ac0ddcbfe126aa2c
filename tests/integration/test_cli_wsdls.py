"""`onhook wsdl`, and profiles that name one: each command run whole in this process on a SQLite database of its own."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from dispatcher.cli.first_run import locked, prepare
from dispatcher.domain.soap.bundle import UPLOAD_BASE, Bundle
from dispatcher.settings import load_settings
from tests.integration.cli_house import CommandLine, profile
from tests.unit.wsdl_doubles import URL, OperationTemplates, Web, WordsEngine, soap_profile


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Web:
    """What is fetched; WSDLs are words, as the double of the engine reads them."""
    found = Web()
    found.documents[URL] = b"LogCall Lookup"
    monkeypatch.setattr("dispatcher.wiring.build_wsdl_engine", WordsEngine)
    monkeypatch.setattr("dispatcher.wiring.build_open_fetch", lambda _: found)
    monkeypatch.setattr("dispatcher.wiring.templates_reading", OperationTemplates)
    return found


@pytest.fixture
def onhook(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, web: Web
) -> CommandLine:
    """The command line on a data directory as `onhook up` makes it."""
    for name in ("ONHOOK_DATA_DIR", "ONHOOK_DATABASE_URL", "ONHOOK_BROKER_URL", "ONHOOK_MASTER_KEY"):
        monkeypatch.delenv(name, raising=False)
    found = CommandLine(tmp_path / "data", capsys, monkeypatch)
    with locked(found.data_dir):
        prepare(load_settings(data_dir=found.data_dir))
    return found


def hash_of(text: bytes, url: str = URL) -> str:
    return Bundle(url, {url: text}).content_hash


def written(path: Path, document: Any) -> Path:
    path.write_text(yaml.safe_dump(document))
    return path


def applied(onhook: CommandLine, tmp_path: Path, document: Any) -> None:
    said = onhook("profile", "apply", written(tmp_path / "profile.yaml", document))
    assert said.code == 0, said.err


def pinned(onhook: CommandLine, name: str = "log") -> tuple[str, str]:
    request = onhook("profile", "show", name, "--json").json["request"]
    return request["wsdl"], request["wsdl_hash"]


def test_a_wsdl_is_shown_with_its_operations_and_answered_from_the_database_next_time(
    onhook: CommandLine, web: Web
) -> None:
    first = onhook("wsdl", "inspect", URL)
    assert first.code == 0, first.err
    lines = first.out.splitlines()
    assert lines[:3] == [URL, hash_of(b"LogCall Lookup"), "1 document, 14 bytes"]
    assert lines[3].startswith("read on ")
    assert lines[4:] == [
        "",
        "service Calls",
        "  port CallsPort, SOAP 1.1, http://10.0.0.9/calls",
        "    LogCall",
        "      Does LogCall.",
        "    Lookup",
        "      Does Lookup.",
    ]
    again = onhook("wsdl", "inspect", URL)
    assert again.out.splitlines()[3].endswith("; --refresh fetches it again")
    assert web.fetched == [URL]


def test_the_request_that_is_shown_of_an_operation_makes_a_profile(onhook: CommandLine, tmp_path: Path) -> None:
    said = onhook("wsdl", "inspect", URL, "--operation", "LogCall")
    assert [line for line in said.out.splitlines() if len(line) > 80] == []
    head, _, block = said.out.partition("A profile's request:\n")
    assert head.split("parameters\n")[1].split("\n\n")[0].splitlines() == [
        "  Caller: string, required",
        "  Note: string, optional, repeated; maxLength 5; one of short, long",
        "  Lead: Lead, required",
        "    Name: string, required",
        "        As the CRM has it.",
    ]
    request = yaml.safe_load(block)["request"]
    assert {name: request[name] for name in ("kind", "soap_version", "wsdl", "service", "port", "operation")} == {
        "kind": "soap",
        "soap_version": "1.1",
        "wsdl": URL,
        "service": "Calls",
        "port": "CallsPort",
        "operation": "LogCall",
    }
    applied(onhook, tmp_path, {"name": "log", "trigger": {"events": ["call.finished"]}, "request": request})
    assert pinned(onhook) == (URL, hash_of(b"LogCall Lookup"))


def test_an_inspection_as_json_is_what_the_api_answers(onhook: CommandLine) -> None:
    told = onhook("wsdl", "inspect", URL, "--operation", "Lookup", "--json").json
    assert (told["location"], told["from_store"], told["dry_run"], told["trees"]) == (URL, False, False, True)
    (operation,) = told["services"][0]["ports"][0]["operations"]
    assert operation["name"] == "Lookup"


def test_a_refresh_moves_profiles_and_says_which_keep_the_old_content(
    onhook: CommandLine, tmp_path: Path, web: Web
) -> None:
    applied(onhook, tmp_path, soap_profile("log"))
    applied(onhook, tmp_path, soap_profile("look", operation="Lookup"))
    web.documents[URL] = b"LogCall"
    dry = onhook("wsdl", "inspect", URL, "--refresh", "--dry-run")
    changed = ["! The operation Lookup is gone.", "moved: log"]
    broken = [
        "look does not fit, and keeps the old content:",
        "  request.operation: expected an operation, got Lookup",
    ]
    assert dry.out.splitlines()[-4:] == [changed[0], "would be moved: log", *broken]
    assert ", not kept" in dry.out
    assert pinned(onhook) == (URL, hash_of(b"LogCall Lookup"))
    assert onhook("wsdl", "inspect", URL, "--refresh").out.splitlines()[-4:] == [*changed, *broken]
    assert pinned(onhook) == (URL, hash_of(b"LogCall"))
    assert pinned(onhook, "look") == (URL, hash_of(b"LogCall Lookup"))
    assert onhook("wsdl", "inspect", URL, "--refresh").out.splitlines()[-3] == "Nothing has changed."
    rows = onhook("wsdl", "list", "--json").json
    assert [(row["content_hash"], row["profiles"]) for row in rows] == [
        (hash_of(b"LogCall"), ["log"]),
        (hash_of(b"LogCall Lookup"), ["look"]),
    ]


def test_a_file_is_read_with_what_lies_below_its_folder(onhook: CommandLine, tmp_path: Path, web: Web) -> None:
    folder = tmp_path / "wsdl"
    (folder / "types").mkdir(parents=True)
    (folder / "types" / "a.xsd").write_text("types")
    (folder / "inner.xsd").symlink_to(folder / "types" / "a.xsd")
    text = f"LogCall import={UPLOAD_BASE}types/a.xsd import={UPLOAD_BASE}inner.xsd"
    (folder / "calls.wsdl").write_text(text)
    told = onhook("wsdl", "inspect", folder / "calls.wsdl", "--json").json
    assert {each["url"]: each["bytes"] for each in told["documents"]} == {
        UPLOAD_BASE + "calls.wsdl": len(text),
        UPLOAD_BASE + "types/a.xsd": 5,
        UPLOAD_BASE + "inner.xsd": 5,
    }
    assert (told["location"], web.fetched) == (told["content_hash"], [])
    applied(onhook, tmp_path, soap_profile("log", told["content_hash"]))
    (folder / "calls.wsdl").write_text(text + " Lookup")
    said = onhook("wsdl", "inspect", folder / "calls.wsdl", "--replaces", told["content_hash"])
    assert said.out.splitlines()[-2:] == ["- The operation Lookup is new.", "moved: log"]
    assert pinned(onhook)[0] == pinned(onhook)[1] != told["content_hash"]


@pytest.mark.parametrize(
    "name",
    ["..%2Fsecret", "%2Fetc%2Fpasswd", "link", "linked/secret", "a%00b", "none", "types", "x" * 5000, "pipe"],
)
def test_nothing_outside_the_folder_of_a_file_is_read(onhook: CommandLine, tmp_path: Path, name: str) -> None:
    import os

    folder = tmp_path / "wsdl"
    (folder / "types").mkdir(parents=True)
    (tmp_path / "secret").write_text("Canary")
    (folder / "link").symlink_to(tmp_path / "secret")
    (folder / "linked").symlink_to(tmp_path)
    os.mkfifo(folder / "pipe")
    (folder / "calls.wsdl").write_text(f"LogCall import={UPLOAD_BASE}{name}")
    said = onhook("wsdl", "inspect", folder / "calls.wsdl")
    assert (said.code, "is imported, but was not handed in" in said.err) == (1, True)
    assert onhook("wsdl", "list", "--json").json == []


def test_what_cannot_be_inspected_is_a_sentence_and_nothing_is_kept(
    onhook: CommandLine, tmp_path: Path, web: Web
) -> None:
    web.documents[URL] = b"<broken>"
    assert onhook("wsdl", "inspect", URL).err == "onhook: The WSDL is no well-formed XML.\n"
    said = onhook("wsdl", "inspect", URL, "--credential", "none")
    assert said.err.splitlines()[0] == "onhook: The inspection is refused; nothing was kept:"
    assert onhook("wsdl", "inspect", tmp_path / "none.wsdl").err.endswith(
        "cannot be read: No such file or directory.\n"
    )
    assert onhook("wsdl", "inspect", tmp_path).err.endswith("is a folder: name the WSDL in it.\n")
    said = onhook("wsdl", "inspect", "https://crm.example/{{ call.id }}")
    assert said.err.splitlines()[1].startswith("  the URL: expected a literal URL, got")
    (tmp_path / "calls.wsdl").write_text("LogCall")
    assert onhook("wsdl", "inspect", tmp_path / "calls.wsdl", "--refresh").code == 2
    assert onhook("wsdl", "inspect", URL, "--replaces", URL).code == 2
    assert onhook("wsdl", "list").out == "There are no WSDLs yet: onhook wsdl inspect --help\n"


def test_a_stranger_s_text_does_nothing_to_a_terminal(onhook: CommandLine, web: Web) -> None:
    web.documents[URL] = b"Log\x1b[2JCall"
    for words in ((), ("--operation", "Log\x1b[2JCall")):
        out = onhook("wsdl", "inspect", URL, *words).out
        assert ("\x1b" in out, "Log?[2JCall" in out) == (False, True)


def test_a_profile_whose_wsdl_cannot_be_had_saves_nothing_of_the_others(onhook: CommandLine, tmp_path: Path) -> None:
    path = tmp_path / "several.yaml"
    path.write_text(yaml.safe_dump_all([profile("a", "https://crm.example/a"), soap_profile(url=URL + "x")]))
    said = onhook("profile", "apply", path)
    expected = "a WSDL that can be fetched and read"
    got = "The WSDL cannot be fetched: the server answered 404."
    assert (said.code, said.err.splitlines()[1]) == (1, f"  request.wsdl: expected {expected}, got {got}")
    assert onhook("profile", "list", "--json").json == []


def test_clones_and_switched_profiles_keep_their_content(onhook: CommandLine, tmp_path: Path, web: Web) -> None:
    applied(onhook, tmp_path, soap_profile())
    for words in (("clone", "log", "copy"), ("disable", "log"), ("enable", "log")):
        said = onhook("profile", *words)
        assert said.code == 0, said.err
    assert pinned(onhook, "copy") == pinned(onhook) == (URL, hash_of(b"LogCall Lookup"))
    assert web.fetched == [URL]


def test_the_help_shows_an_example(onhook: CommandLine) -> None:
    said = onhook("wsdl", "inspect", "--help")
    assert "onhook wsdl inspect https://crm.example/calls?wsdl" in said.out
