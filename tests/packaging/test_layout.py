"""Rules of the layout that no linter checks."""

import ast
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = sorted([*(ROOT / "dispatcher").rglob("*.py"), *(ROOT / "workers").rglob("*.py")])
DRAWERS = {"util", "utils", "common", "helper", "helpers", "manager", "managers", "base", "misc"}


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imports(tree: ast.Module) -> set[str]:
    """Every module that is imported, anywhere in the file."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.add(node.module or "")
    return found


@pytest.mark.parametrize("folder", ["dispatcher", "workers", "bench", "tests"])
def test_nothing_is_named_after_a_drawer(folder):
    entries = [
        path for path in (ROOT / folder).rglob("*") if path.suffix in {"", ".py"} and "__pycache__" not in path.parts
    ]
    assert [name_of(path) for path in entries if DRAWERS & set(path.stem.split("_"))] == []


def reads_environment(tree: ast.Module) -> bool:
    attributes = {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    names = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "os"
        for alias in node.names
    }
    return bool(attributes & {"os.environ", "os.getenv", "os.environb"} or names & {"environ", "getenv", "environb"})


def test_the_settings_alone_read_the_environment():
    readers = [name_of(path) for path in PRODUCT if reads_environment(ast.parse(path.read_text()))]
    assert readers == ["dispatcher/settings.py"]


def test_the_domain_stands_on_the_standard_library_alone():
    for path in (ROOT / "dispatcher" / "domain").rglob("*.py"):
        foreign = {
            name
            for name in imports(ast.parse(path.read_text()))
            if name.partition(".")[0] not in sys.stdlib_module_names
        }
        assert {name for name in foreign if not name.startswith("dispatcher.domain")} == set(), name_of(path)


def test_the_domain_has_no_clock_no_chance_and_no_wires():
    """A moment or a random number is handed in. (A lock, `threading`, touches nothing outside.)"""
    outside = {"asyncio", "multiprocessing", "os", "random", "secrets", "socket", "sqlite3", "subprocess", "time"}
    for path in (ROOT / "dispatcher" / "domain").rglob("*.py"):
        tree = ast.parse(path.read_text())
        assert imports(tree) & outside == set(), name_of(path)
        calls = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        assert calls & {"datetime.now", "datetime.utcnow", "uuid4", "uuid.uuid4", "open"} == set(), name_of(path)


def test_every_module_says_in_a_docstring_what_it_is():
    assert [
        name_of(path) for path in PRODUCT if path.stat().st_size and not ast.get_docstring(ast.parse(path.read_text()))
    ] == []


def test_every_package_is_one():
    folders = {path.parent for path in PRODUCT} - {ROOT / "workers"}
    scripts = {folder for folder in folders if folder.name in {"migrations", "versions"}}  # Alembic loads them by path
    assert [name_of(folder) for folder in sorted(folders - scripts) if not (folder / "__init__.py").exists()] == []


def test_every_ignored_lint_has_its_reason_beside_it():
    text = (ROOT / "pyproject.toml").read_text()
    lint = text[text.index("\nignore = [") : text.index("[tool.ruff.lint.mccabe]")]
    codes = [line for line in lint.splitlines() if re.match(r'\s+"[A-Z]+[0-9]*",', line)]
    assert codes
    assert [line for line in codes if not re.search(r"# \S+ ", line)] == []


def test_the_makefile_has_every_verb_and_says_what_each_does():
    text = (ROOT / "Makefile").read_text()
    verbs = set(re.findall(r"^([a-z]+):.*## \w+", text, re.MULTILINE))
    assert {"help", "setup", "fmt", "check", "test", "bench", "up", "demo", "wheel"} <= verbs
