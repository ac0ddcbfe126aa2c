"""The wheel: what it owns, what it carries, and that it runs where there is no checkout."""

import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

import dispatcher
from tests.wsdls.written import service

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    argv = ["-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--disable-pip-version-check"]
    done = subprocess.run(
        [sys.executable, *argv, "--wheel-dir", folder, ROOT], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    [built] = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def names(wheel) -> set[str]:
    return set(zipfile.ZipFile(wheel).namelist())


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    prefix = tmp_path_factory.mktemp("installed")
    argv = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
        "--disable-pip-version-check",
        "--ignore-installed",
    ]
    subprocess.run([sys.executable, *argv, "--prefix", prefix, wheel], check=True, capture_output=True)
    return prefix


def run_installed(installed: Path, *argv: str) -> str:
    [packages] = installed.glob("lib/python*/site-packages")
    env = {"PYTHONPATH": str(packages), "PATH": "/usr/bin:/bin", "HOME": str(installed)}
    done = subprocess.run([sys.executable, *argv], cwd=installed, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def sources(folder: str) -> set[str]:
    root = ROOT / folder
    files = (path for path in root.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {f"{root.name}/{path.relative_to(root)}" for path in files}


def test_it_owns_exactly_two_names_in_site_packages(names):
    information = f"onhook-{dispatcher.__version__}"
    assert {name.partition("/")[0] for name in names} == {
        "dispatcher", "dispatcher_workers", f"{information}.dist-info", f"{information}.data",
    }  # fmt: skip


def test_it_carries_every_file_of_both_packages(names):
    assert sources("dispatcher") | sources("workers/dispatcher_workers") <= names


def test_it_carries_the_migrations(names):
    assert [name for name in names if name.startswith("dispatcher/adapters/sql/migrations/versions/")]


def test_it_carries_the_configuration_as_shared_data(names):
    share = f"onhook-{dispatcher.__version__}.data/data/share/onhook/"
    assert {share + name for name in sources("config")} <= names
    assert share + "config/onhook.reference.toml" in names
    assert [name for name in names if name.startswith(share + "config/profiles/")]


def test_its_metadata_says_what_it_is(wheel, names):
    archive = zipfile.ZipFile(wheel)
    information = next(name.partition("/")[0] for name in names if name.endswith(".dist-info/METADATA"))
    metadata = Parser().parsestr(archive.read(f"{information}/METADATA").decode())
    assert (metadata["Name"], metadata["Version"]) == ("onhook", dispatcher.__version__)
    assert (metadata["License-Expression"], metadata["Requires-Python"]) == ("Apache-2.0", ">=3.11")
    assert {"postgres", "flower", "otel", "dev"} == set(metadata.get_all("Provides-Extra"))
    assert "onhook = dispatcher.cli:main" in archive.read(f"{information}/entry_points.txt").decode()
    assert f"{information}/licenses/LICENSE" in names


def test_installed_without_the_checkout_it_finds_its_configuration(installed):
    found = run_installed(installed, "-c", "from dispatcher.settings import config_dir; print(config_dir())")
    assert Path(found.strip()) == installed / "share" / "onhook" / "config"


def test_installed_without_the_checkout_it_checks_and_inspects_wsdls(installed):
    folder = installed / "wsdls"
    folder.mkdir()
    (folder / "crm.wsdl").write_bytes(service(2))
    checked = run_installed(installed, "-m", "dispatcher.cli", "wsdl", "check", str(folder))
    assert checked.splitlines()[0] == "parsed  crm.wsdl  1 service, 2 operations"
    data = installed / "data"
    data.mkdir(mode=0o700)
    prepare = "from dispatcher.cli.first_run import prepare; from dispatcher.settings import load_settings as load"
    run_installed(installed, "-c", f"from pathlib import Path; {prepare}; prepare(load(data_dir=Path({str(data)!r})))")
    words = ["wsdl", "inspect", str(folder / "crm.wsdl"), "--data-dir", str(data)]
    inspected = run_installed(installed, "-m", "dispatcher.cli", *words)
    assert [line for line in inspected.splitlines() if line.startswith("    do")] == ["    do0", "    do1"]


def test_the_process_that_reads_wsdls_is_the_installed_one(installed):
    """It is told so by where its modules are, since a checkout may be importable beside them."""
    noted = installed / "reader"
    note = f"import dispatcher; open({str(noted)!r}, 'w').write(dispatcher.__file__); "
    program = (
        "from dispatcher.adapters.soap.bounded import START, BoundedReader\n"
        "from dispatcher.domain.soap.bundle import Bundle\n"
        f"with BoundedReader(start=START.replace('main(sys.argv', {note!r} + 'main(sys.argv')) as reader:\n"
        f"    print(len(reader.describe(Bundle('a', {{'a': {service(2)!r}}})).services))\n"
    )
    assert run_installed(installed, "-c", program) == "1\n"
    [packages] = installed.glob("lib/python*/site-packages")
    assert Path(noted.read_text()) == packages / "dispatcher" / "__init__.py"


def test_installed_without_the_checkout_it_has_the_same_settings(installed):
    printed = run_installed(installed, "-m", "dispatcher.settings")
    assert printed == (ROOT / "config" / "onhook.reference.toml").read_text()
