"""`onhook wsdl check DIR`: a line for each WSDL, whatever lies in the folder, and nothing from outside it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from shutil import copytree, ignore_patterns

import pytest

from dispatcher.adapters.soap import bounded
from dispatcher.adapters.soap.collect import MIB
from dispatcher.cli import main
from tests.integration.cli_house import Said
from tests.wsdls.written import service

Check = Callable[..., Said]
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    inside = tmp_path / "wsdls"
    inside.mkdir()
    return inside


@pytest.fixture
def check(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Check:
    def run(*words: object) -> Said:
        monkeypatch.setattr(sys, "argv", ["onhook", "wsdl", "check", *map(str, words or [folder])])
        code = 0
        try:
            main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        said = capsys.readouterr()
        return Said(code, said.out, said.err)

    return run


def importing(location: str) -> bytes:
    return service().replace(b"<types>", f'<import namespace="urn:b" location="{location}"/><types>'.encode())


def test_each_wsdl_has_a_line_and_the_end_a_sum(check: Check, folder: Path) -> None:
    (folder / "b").mkdir()
    (folder / "a.wsdl").write_bytes(service(2))
    (folder / "b" / "c.WSDL").write_bytes(service()[:200])
    said = check()
    assert said == Said(
        0,
        "parsed  a.wsdl  1 service, 2 operations\n"
        "refused b/c.WSDL: b/c.WSDL is not well-formed XML (line 1: unclosed token).\n"
        "2 WSDLs: 1 parsed, 1 refused, 0 crashed\n",
        "",
    )


def test_as_json(check: Check, folder: Path) -> None:
    (folder / "a.wsdl").write_bytes(service())
    (folder / "b.wsdl").write_bytes(b"")
    said = check(folder, "--json")
    assert (said.code, json.loads(said.out)) == (
        0,
        {
            "items": [
                {"name": "a.wsdl", "result": "parsed", "detail": "1 service, 1 operation"},
                {"name": "b.wsdl", "result": "refused", "detail": "b.wsdl is empty."},
            ],
            "parsed": 1,
            "refused": 1,
            "crashed": 0,
        },
    )


def test_a_wsdl_is_known_by_its_first_element_as_well(check: Check, folder: Path) -> None:
    for name in ("a.xml", "service?wsdl", "plain", "b.wsdl.txt"):
        (folder / name).write_bytes(b"\xef\xbb\xbf<?xml version='1.0'?>\n" + service())
    (folder / "other.xml").write_bytes(b"<definitions/>")
    (folder / "types.xsd").write_bytes(service())
    (folder / "README").write_bytes(b"\0\xff")
    (folder / "empty").write_bytes(b"")
    said = check()
    names = [line.split()[1] for line in said.out.splitlines()[:-1]]
    assert names == ["a.xml", "b.wsdl.txt", "plain", "service?wsdl"]
    assert said.out.splitlines()[-1] == "4 WSDLs: 4 parsed, 0 refused, 0 crashed"


def test_imports_come_from_below_the_folder(check: Check, folder: Path) -> None:
    (folder / "sub dir").mkdir()
    (folder / "my types").mkdir()
    include = b'<x:include schemaLocation="../my%20types/b.xsd"/><x:include schemaLocation="../my types/c.xsd"/>'
    schema = b'<schema xmlns="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:crm"/>'
    at = service().index(b"<x:complexType")
    (folder / "sub dir" / "a.wsdl").write_bytes(service()[:at] + include + service()[at:])
    (folder / "my types" / "b.xsd").write_bytes(schema)
    assert "refused sub dir/a.wsdl: It imports my types/c.xsd, which is not below the folder." in check().out
    (folder / "my types" / "c.xsd").write_bytes(schema)
    assert "parsed  sub dir/a.wsdl  1 service, 1 operation" in check().out


@pytest.mark.parametrize(
    ("location", "sentence"),
    [
        ("http://crm.example/b.wsdl", "It imports http://crm.example/b.wsdl, which is not below the folder."),
        ("//crm.example/b.wsdl", "It imports http://crm.example/b.wsdl, which is not below the folder."),
        ("../outside.wsdl", "It imports outside.wsdl, which is not below the folder."),
        ("..%2Foutside.wsdl", "../outside.wsdl leads out of the folder."),
        ("%2Fetc%2Fhostname", "/etc/hostname leads out of the folder."),
        ("/etc/hostname", "It imports etc/hostname, which is not below the folder."),
        ("file:///etc/hostname", "file:///etc/hostname is not imported: only http and https are."),
        ("link.wsdl", "link.wsdl leads out of the folder."),
        ("linked/outside.wsdl", "linked/outside.wsdl leads out of the folder."),
        ("a%00b", "a?b leads nowhere."),
        ("x.wsdl/", "x.wsdl is no regular file."),
        ("a.wsdl/b", "It imports a.wsdl/b, which is not below the folder."),
        ("b" * 300, "b" * 200 + "... cannot be read: File name too long."),
    ],
)
def test_nothing_comes_from_elsewhere(check: Check, folder: Path, tmp_path: Path, location: str, sentence: str) -> None:
    (tmp_path / "outside.wsdl").write_bytes(service())
    (folder / "x.wsdl").mkdir()
    (folder / "link.wsdl").symlink_to(tmp_path / "outside.wsdl")
    (folder / "linked").symlink_to(tmp_path)
    (folder / "a.wsdl").write_bytes(importing(location))
    assert check().out.splitlines()[0] == f"refused a.wsdl: {sentence}"


def test_what_is_no_file_is_not_opened_and_does_not_stop_the_rest(check: Check, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "outside.wsdl").write_bytes(service())
    (folder / "a.wsdl").mkdir()
    os.mkfifo(folder / "b.wsdl")
    os.mkfifo(folder / "b")
    (folder / "c.wsdl").symlink_to(tmp_path / "outside.wsdl")
    (folder / "d.wsdl").symlink_to("d.wsdl")
    (folder / "e.wsdl").symlink_to("nowhere")
    (folder / "f.wsdl").write_bytes(b" " * (8 * MIB + 2))
    Path(os.fsdecode(os.fsencode(folder) + b"/g\xff\n.wsdl")).write_bytes(service())
    (folder / "h").symlink_to(tmp_path)
    (folder / "z.wsdl").write_bytes(service())
    assert check().out.splitlines() == [
        "refused b.wsdl: b.wsdl is no regular file.",
        "refused c.wsdl: c.wsdl leads out of the folder.",
        "refused d.wsdl: d.wsdl leads nowhere.",
        "refused e.wsdl: It is not there: a link that leads nowhere.",
        "refused f.wsdl: f.wsdl is larger than 8 MiB.",
        "parsed  g??.wsdl  1 service, 1 operation",
        "parsed  z.wsdl  1 service, 1 operation",
        "7 WSDLs: 2 parsed, 5 refused, 0 crashed",
    ]
    assert json.loads(check(folder, "--json").out)["items"][5]["name"] == "g?\n.wsdl"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_is_refused(check: Check, folder: Path) -> None:
    (folder / "a.wsdl").write_bytes(service())
    (folder / "a.wsdl").chmod(0)
    (folder / "b").mkdir(mode=0)
    assert check().out.splitlines() == [
        "refused a.wsdl: a.wsdl cannot be read: Permission denied.",
        "refused b: b cannot be read: Permission denied.",
        "2 WSDLs: 0 parsed, 2 refused, 0 crashed",
    ]


@pytest.mark.parametrize(
    ("end", "sentence"),
    [
        ("import os; os.kill(os.getpid(), 11)", "The process that read it was ended by SIGSEGV."),
        ("0 / 0", "Reading it failed with ZeroDivisionError, which is a fault of Onhook's."),
    ],
)
def test_a_crash_is_told_the_rest_goes_on_and_the_exit_code_is_1(
    check: Check, folder: Path, monkeypatch: pytest.MonkeyPatch, end: str, sentence: str
) -> None:
    (folder / "a.wsdl").write_bytes(service())
    (folder / "b.wsdl").write_bytes(service())
    body = f"def parse(b):\n if 'a.wsdl' in b.root: {end}\n return real(b)\n"
    start = (
        "import sys; sys.path[:] = sys.argv[3:]; "
        "from dispatcher.adapters.soap import child; real = child.parse_bundle; "
        f"exec({body!r}); child.parse_bundle = parse; child.main(sys.argv[1:3])"
    )
    monkeypatch.setattr(bounded, "BoundedReader", partial(bounded.BoundedReader, start=start))
    assert check() == Said(
        1,
        f"crashed a.wsdl: {sentence}\n"
        "parsed  b.wsdl  1 service, 1 operation\n"
        "2 WSDLs: 1 parsed, 0 refused, 1 crashed\n",
        "",
    )  # fmt: skip


def test_an_empty_folder_and_none_at_all(check: Check, folder: Path) -> None:
    assert check() == Said(0, "0 WSDLs: 0 parsed, 0 refused, 0 crashed\n", "")
    said = check(folder / "nowhere")
    assert (said.code, said.out, "does not exist" in said.err) == (2, "", True)


def test_the_limits_are_the_callers(check: Check, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = []

    class Noting(bounded.BoundedReader):
        def __init__(self, limits: bounded.Limits) -> None:
            given.append(limits)
            super().__init__(limits)

    monkeypatch.setattr(bounded, "BoundedReader", Noting)
    assert check(folder, "--seconds", 3, "--memory-mib", 300).code == 0
    assert given == [bounded.Limits(cpu_seconds=3, seconds=9.5, memory_bytes=300 * MIB)]


def test_it_works_from_files_that_are_no_checkout(tmp_path: Path, folder: Path) -> None:
    """As from an installed wheel: what is imported lies in one folder, and the child finds it there."""
    installed = tmp_path / "site"
    copytree(ROOT / "dispatcher", installed / "dispatcher", ignore=ignore_patterns("__pycache__"))
    (folder / "a.wsdl").write_bytes(service())
    ran = subprocess.run(
        [sys.executable, "-m", "dispatcher.cli", "wsdl", "check", "."],
        check=False, cwd=folder, env={"PYTHONPATH": str(installed)}, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert (ran.stdout, ran.stderr) == (
        "parsed  a.wsdl  1 service, 1 operation\n1 WSDL: 1 parsed, 0 refused, 0 crashed\n",
        "",
    )
