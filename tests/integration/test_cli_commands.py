"""Commands that ask and change, each run whole in this process on a SQLite database of its own, with no broker."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from dispatcher.cli import app
from dispatcher.cli.first_run import locked, prepare
from dispatcher.master_key import generate_master_key
from dispatcher.settings import load_settings
from tests.integration.cli_house import CommandLine, environment, event, profile

TARGET = "https://crm.example/calls"


@pytest.fixture
def bare(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """The command line on a data directory that does not exist."""
    for name in ("ONHOOK_DATA_DIR", "ONHOOK_DATABASE_URL", "ONHOOK_BROKER_URL", "ONHOOK_MASTER_KEY"):
        monkeypatch.delenv(name, raising=False)
    return CommandLine(tmp_path / "data", capsys, monkeypatch)


@pytest.fixture
def onhook(bare: CommandLine) -> CommandLine:
    """The command line on a data directory as `onhook up` makes it."""
    with locked(bare.data_dir):
        prepare(load_settings(data_dir=bare.data_dir))
    return bare


@pytest.fixture
def written(tmp_path: Path) -> Any:
    """Writes a document (or text, or bytes) into a file."""

    def write(name: str, content: Any) -> Path:
        path = tmp_path / name
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    return write


def commands(command: Any, path: str = "onhook") -> Iterator[tuple[str, Any]]:
    if hasattr(command, "commands"):
        for name, each in command.commands.items():
            yield from commands(each, f"{path} {name}")
    else:
        yield path, command


def test_every_command_says_what_it_does_and_gives_an_example_of_itself() -> None:
    found = dict(commands(typer.main.get_command(app)))
    assert {name for name, each in found.items() if not each.help} == set()
    without = {name for name, each in found.items() if f"Example: {name}" not in (each.epilog or "")}
    assert without == set()
    assert {"onhook up", "onhook demo", "onhook api", "onhook worker", "onhook sweeper", "onhook db upgrade",
            "onhook doctor", "onhook event send", "onhook delivery tail"} <= set(found)  # fmt: skip


def test_help_waits_for_no_database_broker_or_web_framework() -> None:
    heavy = ("sqlalchemy", "celery", "pydantic", "fastapi", "uvicorn", "pycurl", "dispatcher.wiring")
    code = f"import sys, dispatcher.cli; print([name for name in {heavy!r} if name in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"


# --- what is not there


def test_without_a_master_key_a_command_says_how_to_get_one_and_makes_nothing(bare: CommandLine) -> None:
    said = bare("profile", "list")
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith("onhook: There is no master key. Run `onhook up` once")
    assert not bare.data_dir.exists()


def test_an_empty_database_is_named_with_the_command_that_mends_it(bare: CommandLine) -> None:
    generate_master_key(bare.data_dir)
    said = bare("delivery", "list")
    assert (said.code, said.out) == (1, "")
    assert said.err == (
        "onhook: The database is empty. Run `onhook db upgrade` first (`onhook up` does so by itself).\n"
    )


def test_a_database_of_another_master_key_is_refused_in_words(onhook: CommandLine, written: Any) -> None:
    onhook("profile", "apply", written("p.json", profile("a", TARGET)))
    (onhook.data_dir / "master.key").unlink()
    generate_master_key(onhook.data_dir)
    said = onhook("profile", "list")
    assert said.code == 1
    assert said.err.startswith("onhook: This database was written with another master key.")


def test_a_database_that_does_not_answer_is_a_sentence(bare: CommandLine) -> None:
    generate_master_key(bare.data_dir)
    said = bare("token", "list", "--database-url", f"sqlite:///{bare.data_dir}/no/such/folder.db")
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith("onhook: The database does not answer.")


def test_a_setting_that_cannot_be_is_a_sentence(bare: CommandLine) -> None:
    said = bare("token", "list", "--database-url", "mysql://db.example/onhook")
    assert said.code == 1
    assert said.err.startswith("onhook: ONHOOK_DATABASE_URL: want postgresql://")


def test_a_usage_error_exits_with_2(onhook: CommandLine) -> None:
    assert onhook("token", "create").code == 2
    assert onhook("delivery", "replay").code == 2
    assert onhook("delivery", "list", "--state", "lost").code == 2


def test_the_database_is_upgraded_once_and_says_so(bare: CommandLine) -> None:
    assert bare("db", "upgrade").out == "The database is at revision 0005 now (it was empty).\n"
    assert bare("db", "upgrade").out == "The database is at revision 0005 already.\n"
    assert bare("db", "current", "--json").json == {"current": "0005", "needed": "0005"}


def test_doctor_finds_what_is_well_and_what_is_not_and_fails(onhook: CommandLine) -> None:
    said = onhook("doctor", "--json")
    verdicts = {each["check"]: each["ok"] for each in said.json}
    assert said.code == 1
    assert verdicts == {
        "settings": True, "data directory": True, "master key": True, "database": True, "tables": True,
        "sealed values": True, "embedded broker": True, "broker": False,
        "sender": True, "workers": False, "clock": True,
    }  # fmt: skip


def test_doctor_without_a_data_directory_names_each_thing_and_makes_nothing(bare: CommandLine) -> None:
    said = bare("doctor")
    assert said.code == 1
    assert f"{bare.data_dir} is no folder: `onhook up` makes it" in said.out
    assert "There is no master key. Run `onhook up` once" in said.out
    assert not bare.data_dir.exists()


# --- profiles


def test_applying_says_created_then_unchanged_then_updated(onhook: CommandLine, written: Any) -> None:
    file = written("two.yaml", yaml.safe_dump_all([profile("a", TARGET), profile("b", TARGET)]))
    assert onhook("profile", "apply", file).out == "a: created\nb: created\n"
    assert onhook("profile", "apply", file).out == "a: unchanged\nb: unchanged\n"
    changed = written("a.json", profile("a", TARGET, timeout_seconds=3))
    assert onhook("profile", "apply", changed, "--json").json == [{"profile": "a", "change": "updated"}]
    assert [(row["name"], row["revision"]) for row in onhook("profile", "list", "--json").json] == [("a", 2), ("b", 1)]


def test_a_refused_profile_names_each_fault_on_a_line_and_nothing_is_saved(onhook: CommandLine, written: Any) -> None:
    bad = profile("bad", "ftp://crm.example", timeout_seconds=-1)
    said = onhook("profile", "apply", written("mixed.yaml", yaml.safe_dump_all([profile("good", TARGET), bad])))
    lines = said.err.splitlines()
    assert (said.code, said.out) == (1, "")
    assert lines[0].endswith("mixed.yaml, document 2 is refused:")
    assert sorted(line.split(":")[0].strip() for line in lines[1:]) == ["request.url", "timeout_seconds"]
    assert onhook("profile", "list", "--json").json == []


def test_a_template_that_cannot_be_is_refused_when_it_is_applied(onhook: CommandLine, written: Any) -> None:
    said = onhook("profile", "apply", written("p.json", profile("a", TARGET + "/{{ call.idd }}")))
    assert said.code == 1
    assert "request.url: expected" in said.err
    assert onhook("profile", "list").out == "There are no profiles yet: onhook profile apply --help\n"


def test_a_file_that_is_missing_or_no_yaml_is_a_sentence(onhook: CommandLine, written: Any, tmp_path: Path) -> None:
    missing = tmp_path / "none.yaml"
    assert onhook("profile", "apply", missing).err == f"onhook: {missing} cannot be read: No such file or directory.\n"
    torn = written("torn.yaml", "name: [a\n")
    assert onhook("profile", "apply", torn).err == f"onhook: {torn} is no YAML (line 2, column 1).\n"


@pytest.mark.parametrize("notation", ["yaml", "json"])
def test_what_is_exported_applies_as_unchanged(onhook: CommandLine, written: Any, notation: str) -> None:
    onhook("profile", "apply", written("p.json", profile("a", TARGET, private=True)))
    exported = written(f"out.{notation}", onhook("profile", "export", "a", "--format", notation).out)
    assert onhook("profile", "apply", exported).out == "a: unchanged\n"


def test_a_profile_is_switched_cloned_and_deleted(onhook: CommandLine, written: Any) -> None:
    onhook("profile", "apply", written("p.json", profile("a", TARGET)))
    assert onhook("profile", "disable", "a").out == "a: disabled\n"
    assert onhook("profile", "disable", "a").out == "a: disabled already\n"
    assert onhook("profile", "enable", "a").out == "a: enabled\n"
    assert onhook("profile", "clone", "a", "b", "--disabled").out == "b: created, disabled\n"
    assert onhook("profile", "clone", "a", "b").err == "onhook: there is a profile 'b' already\n"
    assert [row["revision"] for row in onhook("profile", "revisions", "a", "--json").json] == [3, 2, 1]
    assert onhook("profile", "delete", "a").out == "a: deleted\n"
    assert onhook("profile", "show", "a").err == (
        "onhook: There is no profile a: `onhook profile list` shows those that are.\n"
    )
    assert [row["name"] for row in onhook("profile", "list", "--json").json] == ["b"]


def test_a_profile_is_tested_with_an_event_and_sends_nothing(onhook: CommandLine, written: Any) -> None:
    criteria = {"field": "call.duration_seconds", "op": "ge", "value": 600}
    trigger = {"events": ["call.finished"], "criteria": criteria}
    onhook("profile", "apply", written("p.json", profile("long", TARGET + "/{{ call.id }}?x=1", trigger=trigger)))
    said = onhook("profile", "test", "long", written("e.json", event(7, id="a/b")))
    assert said.code == 0
    assert said.out.splitlines()[:5] == [
        "# does not fire: its criteria do not hold",
        "#  - call.duration_seconds ge 600 (saw 200)",
        "# to https://crm.example",
        "POST /calls/a%2Fb?x=1 HTTP/1.1",
        "Host: crm.example",
    ]
    assert said.out.endswith('\n\n{"call":"a/b","seconds":200}\n')
    as_json = onhook("profile", "test", "long", written("e.json", event(7)), "--json").json
    assert (as_json["fires"], as_json["request"]["url"]) == (False, "https://crm.example/calls/c7?x=1")
    assert onhook("delivery", "list", "--json").json == []


def test_a_profile_is_tested_with_what_is_stored_and_with_a_draft(onhook: CommandLine, written: Any) -> None:
    onhook("profile", "apply", written("p.json", profile("crm", TARGET)))
    assert onhook("profile", "test", "crm").err == (
        "onhook: No event that the profile takes is stored yet: give one.\n"
    )
    stored = onhook("event", "send", written("e.json", event(7)), "--json").json["events"][0]["id"]
    for words in ([], ["--call", "c7"], ["--event", stored]):
        shown = onhook("profile", "test", "crm", *words, "--json").json
        assert (shown["event"]["id"], shown["request"]["body"]) == (stored, '{"call":"c7","seconds":200}')
    said = onhook("profile", "test", "crm", "--call", "c7")
    assert said.out.splitlines()[1] == f"# event {stored} (call.finished, call c7)"
    draft = written("d.json", profile("crm", TARGET + "/draft"))
    assert onhook("profile", "test", "crm", "--draft", draft, "--json").json["request"]["url"] == TARGET + "/draft"
    assert onhook("profile", "show", "crm", "--json").json["revision"] == 1


def test_a_profile_is_tested_as_a_curl_command(onhook: CommandLine, written: Any) -> None:
    onhook("profile", "apply", written("p.json", profile("crm", TARGET)))
    said = onhook("profile", "test", "crm", written("e.json", event(7)), "--curl")
    assert said.out.startswith("curl \\\n  --request POST --globoff --url https://crm.example/calls \\\n")
    assert said.out.endswith('--data-raw \'{"call":"c7","seconds":200}\'\n')


def test_a_test_of_a_private_profile_prints_nothing_of_a_stored_call(onhook: CommandLine, written: Any) -> None:
    onhook("profile", "apply", written("p.json", profile("crm", TARGET + "/{{ call.external_number }}", private=True)))
    onhook("event", "send", written("e.json", event(7)))
    said = onhook("profile", "test", "crm", "--call", "c7")
    assert "# private: values are shown to nobody" in said.out
    assert "4155550100" not in said.out
    assert "4155550100" not in onhook("profile", "test", "crm", "--call", "c7", "--json").out
    refused = onhook("profile", "test", "crm", "--call", "c7", "--curl")
    assert (refused.code, "4155550100" in refused.err) == (1, False)


@pytest.mark.parametrize(
    "words",
    [["--call", "a", "--event", "b"], ["--send", "--curl"], ["--send", "--draft", "x"], ["--send", "--followed", "x"]],
)
def test_options_of_a_test_that_contradict_each_other_are_a_usage_error(onhook: CommandLine, words: list[str]) -> None:
    assert onhook("profile", "test", "crm", *words).code == 2


# --- tokens and sources


def test_a_token_is_made_rotated_listed_and_revoked(onhook: CommandLine) -> None:
    made = onhook("token", "create", "--name", "pbx", "--scope", "ingest", "--scope", "read", "--json").json
    assert set(made) == {"id", "token", "secret_1", "secret_2", "name", "scopes"}
    assert sorted(made["scopes"]) == ["ingest", "read"]
    new = onhook("token", "rotate", made["id"], "--secret", 2, "--json").json
    assert set(new) == {"secret_2"}
    assert new["secret_2"] != made["secret_2"]
    listed = onhook("token", "list", "--json")
    assert [row["name"] for row in listed.json] == ["admin", "pbx"]
    assert made["secret_1"] not in listed.out
    assert onhook("token", "revoke", made["id"]).out == f"{made['id']} is revoked.\n"
    assert onhook("token", "revoke", made["id"]).code == 1


def test_a_scope_that_does_not_exist_makes_no_token(onhook: CommandLine) -> None:
    said = onhook("token", "create", "--name", "x", "--scope", "everything")
    assert said.code == 1
    assert "scopes[0]: expected one of ingest, read, write, admin" in said.err
    assert [row["name"] for row in onhook("token", "list", "--json").json] == ["admin"]


def test_a_source_is_applied_and_its_secret_is_never_shown(onhook: CommandLine, written: Any) -> None:
    document = {"name": "pbx", "format": "freeswitch", "auth": {"kind": "basic", "username": "u", "password": "canary"}}
    assert onhook("source", "apply", written("s.json", document)).out == "pbx: created\n"
    shown = onhook("source", "show", "pbx", "--json")
    assert shown.json["auth"] == {"kind": "basic", "username": "u", "password": "********"}
    assert onhook("source", "apply", written("again.json", shown.json)).out == "pbx: unchanged\n"
    assert 'auth       {"kind":"basic","username":"u","password":"********"}' in onhook("source", "show", "pbx").out
    assert "canary" not in onhook("source", "list", "--json").out
    assert onhook("source", "delete", "pbx").out == "pbx: deleted\n"
    assert onhook("source", "delete", "default").err == (
        "onhook: The source of events that name none cannot be removed.\n"
    )


def test_a_source_without_authentication_is_said_to_be_closed(onhook: CommandLine, written: Any) -> None:
    said = onhook("source", "apply", written("s.json", {"name": "pbx", "format": "freeswitch"}))
    assert (said.code, said.out) == (0, "pbx: created\n")
    assert said.err == "pbx is closed: it takes no post until its `auth` is set.\n"
    rows = [line.split() for line in onhook("source", "list").out.splitlines()]
    assert ["pbx", "freeswitch", "closed", "UTC", "-"] in rows


def test_a_refused_source_does_not_show_its_secret(onhook: CommandLine, written: Any) -> None:
    document = {"name": "pbx", "format": "twilio", "auth": {"kind": "bearer", "token": "canary"}}
    said = onhook("source", "apply", written("s.json", document))
    assert said.code == 1
    assert "auth.kind: expected one of token, basic, query_token, twilio, ip_allow, all" in said.err
    assert "canary" not in said.err


def test_a_template_makes_3cx_report_to_a_source(onhook: CommandLine, written: Any, tmp_path: Path) -> None:
    auth = {"kind": "basic", "username": "3cx", "password": "canary"}
    onhook("source", "apply", written("s.json", {"name": "office", "format": "threecx", "auth": auth}))
    file = tmp_path / "onhook.xml"
    said = onhook("source", "threecx-template", "office", "--url", "https://onhook.example/", "--output", str(file))
    assert said.out == f"{file}: written. Upload it in 3CX under Integrations, CRM.\n"
    template = file.read_text()
    assert template.count('Url="https://onhook.example/v1/sources/office/events"') == 2
    assert "canary" not in template
    assert onhook("source", "threecx-template", "office", "--url", "https://onhook.example").out == template


@pytest.mark.parametrize(
    ("document", "options", "sentence"),
    [
        (
            {"format": "generic"},
            ["--url", "https://o.example"],
            "The source office has the format generic, and not threecx.",
        ),
        ({"format": "threecx"}, [], "Say by --url (or ONHOOK_PUBLIC_URL) at which address 3CX finds us."),
        (
            {"format": "threecx"},
            ["--url", "https://o.example"],
            "The source takes nothing until its authentication is set.",
        ),
    ],
)
def test_a_template_that_would_report_nowhere_is_not_written(
    onhook: CommandLine, written: Any, document: Any, options: list[str], sentence: str
) -> None:
    onhook("source", "apply", written("s.json", {"name": "office", **document}))
    said = onhook("source", "threecx-template", "office", *options)
    assert (said.code, said.out, said.err) == (1, "", f"onhook: {sentence}\n")


# --- events and deliveries


def test_an_event_is_stored_although_the_broker_is_away_and_a_repeat_is_a_duplicate(
    onhook: CommandLine, written: Any
) -> None:
    file = written("batch.json", {"events": [event(1), event(2)]})
    first = onhook("event", "send", file, "--json").json["events"]
    again = onhook("event", "send", file, "--json").json["events"]
    assert [(each["source_event_id"], each["duplicate"]) for each in first] == [("e1", False), ("e2", False)]
    assert again == [{**each, "duplicate": True} for each in first]


def test_a_refused_event_names_its_fields_and_nothing_of_the_batch_is_stored(onhook: CommandLine, written: Any) -> None:
    file = written("batch.json", {"events": [event(1), event(2, duration_seconds="soon")]})
    said = onhook("event", "send", file)
    assert (said.code, said.out) == (1, "")
    lines = said.err.splitlines()
    assert lines[0] == f"onhook: {file} is refused, nothing of it is stored:"
    assert lines[1].startswith("  event 2, call.duration_seconds: expected ")
    sent = onhook("event", "send", written("one.json", event(1)), "--json").json["events"]
    assert [each["duplicate"] for each in sent] == [False]


def test_a_file_that_is_no_json_is_a_sentence(onhook: CommandLine, written: Any) -> None:
    said = onhook("event", "send", written("e.json", "{torn"))
    assert said.code == 1
    assert said.err.startswith(
        "onhook: The source default (format generic) does not understand this: The body is not JSON"
    )


def test_an_unknown_source_is_named(onhook: CommandLine, written: Any) -> None:
    said = onhook("event", "send", written("e.json", event()), "--source", "nobody")
    assert said.err == "onhook: There is no source nobody: `onhook source list` shows those that are.\n"


def test_the_bytes_of_another_format_are_taken_as_their_source_takes_them(onhook: CommandLine, written: Any) -> None:
    onhook("source", "apply", written("s.json", {"name": "pbx", "format": "twilio"}))
    form = b"CallSid=CA1&CallStatus=completed&Direction=inbound&From=%2B14155550100&To=%2B18005551212&CallDuration=12"
    sent = onhook("event", "send", written("status.form", form), "--source", "pbx", "--json").json["events"]
    assert len(sent) == 1
    assert sent[0]["duplicate"] is False


def test_a_call_is_shown_with_what_each_profile_made_of_it(onhook: CommandLine, written: Any) -> None:
    onhook("event", "send", written("e.json", event(1)))
    (row,) = onhook("event", "list", "--json").json
    assert (row["source"], row["source_event_id"], row["type"]) == ("default", "e1", "call.finished")
    assert row["call_id"] in onhook("event", "list").out
    page = onhook("call", "show", row["call_id"], "--json").json
    assert (page["call"]["id"], [each["source_event_id"] for each in page["events"]]) == (row["call_id"], ["e1"])
    lines = onhook("call", "show", row["call_id"]).out.splitlines()
    assert lines[0] == f"id: {row['call_id']}"
    assert lines[-1].split()[0] == "call.finished"
    assert lines[-1].endswith("waits for a worker  -")


def test_a_call_that_waits_for_more_of_its_parts_is_shown_as_open(onhook: CommandLine, written: Any) -> None:
    onhook("source", "apply", written("s.json", {"name": "pbx", "format": "twilio"}))
    onhook("event", "send", written("s.form", b"CallSid=CA1&CallStatus=completed&Direction=inbound"), "--source", "pbx")
    (line,) = onhook("call", "show", "CA1").out.splitlines()
    assert line.startswith("open: 1 part(s) wait, to be told at ")
    assert onhook("event", "list").out == "There are no events yet: `onhook quarantine list`?\n"


def test_a_file_is_tried_with_the_settings_of_a_source_of_its_own_format_alone(
    onhook: CommandLine, written: Any
) -> None:
    onhook("source", "apply", written("s.json", {"name": "pbx", "format": "twilio", "config": {"quiet_seconds": 0}}))
    form = written("s.form", b"CallSid=CA1&CallStatus=completed&Direction=inbound")
    assert onhook("source", "try", "twilio", form, "--source", "pbx").code == 0
    said = onhook("source", "try", "freeswitch", form, "--source", "pbx")
    assert (said.code, said.err) == (1, "onhook: The source pbx has the format twilio, and not freeswitch.\n")


def test_a_call_that_does_not_exist_is_named(onhook: CommandLine) -> None:
    said = onhook("call", "show", "7f9c")
    assert (said.code, said.err) == (1, "onhook: There is no call 7f9c: `onhook event list` shows the newest events.\n")


def test_a_delivery_that_does_not_exist_is_named(onhook: CommandLine) -> None:
    for words in (("show", "nonsense"), ("replay", "01939a4e-7c1b-8d2f-9a55-0e6f1c2b3d4e"), ("discard", "x")):
        said = onhook("delivery", *words)
        assert said.code == 1
        assert said.err.startswith(f"onhook: There is no delivery {words[1]}: ")


def test_a_replay_by_filter_counts_nothing_where_there_is_nothing(onhook: CommandLine) -> None:
    said = onhook("delivery", "replay", "--state", "dead", "--dry-run")
    assert (said.code, said.out) == (0, "0 deliveries would be sent again.\n")


# --- PostgreSQL


def test_the_same_commands_work_on_postgresql(bare: CommandLine, written: Any, postgresql_database: str) -> None:
    generate_master_key(bare.data_dir)

    def onhook(*words: object) -> Any:
        return bare(*words, "--database-url", postgresql_database)

    assert onhook("db", "upgrade", "--json").json == {"before": None, "after": "0005"}
    assert onhook("profile", "apply", written("p.json", profile("a", TARGET))).out == "a: created\n"
    assert onhook("profile", "apply", written("p.json", profile("a", TARGET))).out == "a: unchanged\n"
    sent = onhook("event", "send", written("e.json", event(1)), "--json").json["events"]
    assert [each["duplicate"] for each in sent] == [False]
    verdicts = {each["check"]: each["ok"] for each in onhook("doctor", "--json").json}
    assert (verdicts["database"], verdicts["tables"], verdicts["clock"]) == (True, True, True)
