"""`onhook wsdl`, and profiles that name one: each command run whole in this process on a SQLite database of its own."""

import os
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
import yaml

from dispatcher.cli.first_run import locked, prepare
from dispatcher.domain.soap.bundle import UPLOAD_BASE, Bundle
from dispatcher.domain.soap.changes import changes
from dispatcher.settings import load_settings
from tests.contract.targets import Connection, Received, Target, answer
from tests.integration.cli_house import CommandLine, profile
from tests.support.wsdls import around
from tests.unit.wsdl_doubles import URL, OperationTemplates, Web, WordsEngine, described, soap_profile


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Web:
    """What is fetched; WSDLs are words, as the double of the engine reads them."""
    found = Web()
    found.documents[URL] = b"LogCall Lookup"
    monkeypatch.setattr("dispatcher.wiring.ProcessWsdlEngine", WordsEngine)
    monkeypatch.setattr("dispatcher.wiring.build_open_fetch", lambda _: found)
    monkeypatch.setattr("dispatcher.wiring.SoapTemplates", lambda library: OperationTemplates(library.description))
    return found


@pytest.fixture
def onhook(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """The command line on a data directory as `onhook up` makes it, with loopback open."""
    for name in ("ONHOOK_DATA_DIR", "ONHOOK_DATABASE_URL", "ONHOOK_BROKER_URL", "ONHOOK_MASTER_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ONHOOK_EGRESS_ALLOW", "127.0.0.0/8")
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


def test_the_request_that_is_shown_of_an_operation_makes_a_profile(
    onhook: CommandLine, tmp_path: Path, web: Web
) -> None:
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


def test_an_inspection_as_json_is_what_the_api_answers(onhook: CommandLine, web: Web) -> None:
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
    (change,) = changes(described("LogCall", "Lookup"), described("LogCall")).listed
    changed = [f"! {change.place}: {change.sentence}", "moved: log"]
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


# --- as it is: the engine, the network and the checks of the product


def wsdl(location: str, more: str = "") -> str:
    """A WSDL whose schema includes another document; `Call` takes what that says."""
    return around(f'<xs:include schemaLocation="{location}"/><xs:element name="Call" type="tns:CallType"/>{more}')


def schema(*names: str) -> str:
    """The included document: `Call` takes these texts."""
    elements = "".join(f'<xs:element name="{name}" type="xs:string"/>' for name in names)
    return (
        '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:crm" '
        f'elementFormDefault="qualified"><xs:complexType name="CallType"><xs:sequence>{elements}</xs:sequence>'
        "</xs:complexType></xs:schema>"
    )


def folder_with(tmp_path: Path, location: str) -> Path:
    """A folder with `calls.wsdl`, which includes a document, and `types/call.xsd`; the WSDL's path."""
    (tmp_path / "wsdl" / "types").mkdir(parents=True)
    (tmp_path / "wsdl" / "types" / "call.xsd").write_text(schema("Caller"))
    path = tmp_path / "wsdl" / "calls.wsdl"
    path.write_text(wsdl(location))
    return path


def test_a_file_is_read_with_what_lies_below_its_folder(onhook: CommandLine, tmp_path: Path) -> None:
    path = folder_with(tmp_path, "inner.xsd")
    (tmp_path / "wsdl" / "inner.xsd").symlink_to(tmp_path / "wsdl" / "types" / "call.xsd")
    told = onhook("wsdl", "inspect", path, "--json").json
    assert [each["url"] for each in told["documents"]] == [UPLOAD_BASE + "calls.wsdl", UPLOAD_BASE + "inner.xsd"]
    assert told["location"] == told["content_hash"]
    said = onhook("wsdl", "inspect", path, "--operation", "Call")
    request = yaml.safe_load(said.out.partition("A profile's request:\n")[2])["request"]
    assert set(request["parameters"]) == {"Caller"}
    applied(onhook, tmp_path, {"name": "log", "trigger": {"events": ["call.finished"]}, "request": request})
    (tmp_path / "wsdl" / "types" / "call.xsd").write_text(schema("Caller", "Called"))
    breaking = onhook("wsdl", "inspect", path, "--replaces", told["content_hash"], "--dry-run")
    assert breaking.out.splitlines()[-2] == "log does not fit, and keeps the old content:"
    assert "Called" in breaking.out.splitlines()[-1]
    path.write_text(wsdl("inner.xsd", '<xs:element name="Unused" type="xs:string"/>'))
    (tmp_path / "wsdl" / "types" / "call.xsd").write_text(schema("Caller"))
    said = onhook("wsdl", "inspect", path, "--replaces", told["content_hash"])
    assert said.out.splitlines()[-1] == "moved: log"
    assert pinned(onhook)[0] == pinned(onhook)[1] != told["content_hash"]


@pytest.mark.parametrize(
    "location",
    [
        "..%2Fsecret.xsd", "%2Fetc%2Fpasswd", "/etc/passwd", "file:///etc/passwd", "link", "linked/secret.xsd", "a%00b",
        "none.xsd", "types", "pipe", "x" * 2_000, "http://folder.invalid/types/call.xsd",
    ],
)  # fmt: skip
def test_nothing_outside_the_folder_of_a_file_is_read(onhook: CommandLine, tmp_path: Path, location: str) -> None:
    path = folder_with(tmp_path, location)
    (tmp_path / "secret.xsd").write_text(schema("Canary"))
    (tmp_path / "wsdl" / "link").symlink_to(tmp_path / "secret.xsd")
    (tmp_path / "wsdl" / "linked").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "wsdl" / "pipe")
    said = onhook("wsdl", "inspect", path)
    assert (said.code, said.out, "Canary" in said.err, "Traceback" in said.err) == (1, "", False, False)
    assert onhook("wsdl", "list", "--json").json == []


def test_a_wsdl_behind_basic_authentication_is_fetched_with_the_credential(onhook: CommandLine, tmp_path: Path) -> None:
    expected = "Basic " + b64encode(b"jane:canary-1").decode()
    documents = {"/calls": wsdl("types/call.xsd"), "/types/call.xsd": schema("Caller")}

    def behave(connection: Connection, received: Received) -> None:
        given = {name.lower(): value for name, value in received.headers}.get("authorization")
        document = documents[received.path.partition("?")[0]].encode()
        connection.send(answer(200, document) if given == expected else answer(401, b""))

    credential = {"name": "crm", "kind": "basic", "username": "jane", "password": "canary-1"}
    assert onhook("credential", "apply", written(tmp_path / "crm.yaml", credential)).code == 0
    target = Target(behave)
    try:
        url = f"http://127.0.0.1:{target.port}/calls?wsdl"
        refused = onhook("wsdl", "inspect", url)
        assert (refused.code, "answers 401: name a credential that may read it" in refused.err) == (1, True)
        told = onhook("wsdl", "inspect", url, "--credential", "crm", "--json").json
        again = onhook("wsdl", "inspect", url, "--refresh", "--json").json
    finally:
        target.stop()
    assert (told["credential"], again["credential"], again["unchanged"]) == ("crm", "crm", True)
    request = {"kind": "soap", "wsdl": url, "operation": "Call", "parameters": {"Caller": "{{ call.id }}"}}
    document = {"name": "log", "trigger": {"events": ["call.finished"]}, "request": request, "credential": "crm"}
    applied(onhook, tmp_path, document)
    assert pinned(onhook) == (url, told["content_hash"])
    wrong = {**document, "request": {**request, "parameters": {"Caler": "x"}}}
    said = onhook("profile", "apply", written(tmp_path / "wrong.yaml", wrong))
    assert (said.code, "request.parameters" in said.err, pinned(onhook)[1]) == (1, True, told["content_hash"])


# --- what is refused


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
    assert "is a folder: name the WSDL in it" in onhook("wsdl", "inspect", tmp_path).err
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


def test_a_profile_whose_wsdl_cannot_be_had_saves_nothing_of_the_others(
    onhook: CommandLine, tmp_path: Path, web: Web
) -> None:
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


def test_the_list_ends_with_the_profiles_which_may_be_many(onhook: CommandLine, web: Web) -> None:
    assert onhook("wsdl", "inspect", URL).code == 0
    lines = onhook("wsdl", "list").out.splitlines()
    assert lines[0].endswith("CONTENT HASH                                                             PROFILES")
    assert lines[1].endswith(f"{hash_of(b'LogCall Lookup')}  -")


def test_the_help_shows_an_example(onhook: CommandLine) -> None:
    said = onhook("wsdl", "inspect", "--help")
    assert "onhook wsdl inspect https://crm.example/calls?wsdl" in said.out
