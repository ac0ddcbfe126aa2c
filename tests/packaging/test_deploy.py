"""What deploy/ names exists: it parses, its commands are the product's, its settings are the settings."""

import configparser
import re
import shlex
from pathlib import Path

import pytest
import yaml

from dispatcher.settings import NOT_SETTINGS, Settings

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("onhook*.service"))
TEXTS = sorted(path for path in DEPLOY.rglob("*") if path.is_file())
KNOWN = {f"ONHOOK_{name.upper()}" for name in Settings.model_fields} | NOT_SETTINGS


def commands() -> set[str]:
    """Every command of `onhook`, groups as "db upgrade"."""
    if not (ROOT / "dispatcher" / "cli").exists():
        pytest.skip("the command line is not written yet")
    import typer

    from dispatcher.cli import app

    names = set()
    for name, command in typer.main.get_command(app).commands.items():
        inner = getattr(command, "commands", {})
        names |= {f"{name} {sub}" for sub in inner} or {name}
    return names


def parse_unit(path: Path) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(strict=False, interpolation=None, delimiters=("=",), comment_prefixes=("#",))
    parser.optionxform = str
    parser.read_string(path.read_text())
    return parser


@pytest.fixture(scope="module")
def compose():
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text())


def test_compose_has_every_role_and_each_waits_for_what_it_needs(compose):
    services = compose["services"]
    assert set(services) == {"postgres", "redis", "migrate", "api", "worker", "sweeper", "listen", "flower"}
    for role in ("api", "worker", "sweeper", "listen", "flower"):
        assert services[role]["depends_on"] == {
            "migrate": {"condition": "service_completed_successfully"},
            "redis": {"condition": "service_healthy"},
        }
    assert services["migrate"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    assert {name for name, service in services.items() if "healthcheck" in service} == {"postgres", "redis", "api"}


def test_compose_runs_commands_that_exist(compose):
    run = {name: " ".join(compose["services"][name]["command"]) for name in ("migrate", "api", "worker", "sweeper")}
    assert run == {"migrate": "db upgrade", "api": "api", "worker": "worker", "sweeper": "sweeper"}
    assert set(run.values()) <= commands()
    assert compose["services"]["listen"]["command"][:2] == ["listen", "smdr"]
    assert compose["services"]["listen"]["profiles"] == ["listen"]
    assert "listen smdr" in commands()


def test_compose_gives_every_role_the_same_settings_and_only_settings(compose):
    roles = [
        service["environment"] for name, service in compose["services"].items() if name not in {"postgres", "redis"}
    ]
    shared = [{key: value for key, value in role.items() if key != "FLOWER_BASIC_AUTH"} for role in roles]
    assert all(role == shared[0] for role in shared)
    assert set(shared[0]) <= KNOWN
    assert {"ONHOOK_DATABASE_URL", "ONHOOK_BROKER_URL", "ONHOOK_MASTER_KEY"} <= set(shared[0])


def test_compose_has_no_secret_in_it_and_refuses_to_start_without(compose):
    text = (DEPLOY / "compose.yaml").read_text()
    for name in ("POSTGRES_PASSWORD", "ONHOOK_MASTER_KEY", "FLOWER_BASIC_AUTH"):
        assert f"${{{name}:?" in text
        assert f"{name}=\n" in (DEPLOY / "compose.env.example").read_text()


def test_compose_publishes_nothing_beyond_this_host_unless_told(compose):
    published = {name: service["ports"] for name, service in compose["services"].items() if "ports" in service}
    assert published == {
        "api": ["${API_PUBLISH:-127.0.0.1:8080}:8080"],
        "flower": ["${FLOWER_PUBLISH:-127.0.0.1:5555}:5555"],
        "listen": ["${LISTEN_PUBLISH:-127.0.0.1:9000}:9000"],
    }


def test_every_variable_that_compose_asks_for_is_in_the_example():
    asked = set(re.findall(r"\$\{([A-Z_]+)", (DEPLOY / "compose.yaml").read_text()))
    given = set(re.findall(r"^([A-Z_]+)=", (DEPLOY / "compose.env.example").read_text(), re.MULTILINE))
    assert asked == given


def test_the_image_runs_as_a_user_of_its_own():
    lines = (DEPLOY / "Dockerfile").read_text().splitlines()
    last_stage = lines[max(number for number, line in enumerate(lines) if line.startswith("FROM ")) :]
    assert [line for line in last_stage if line.startswith("USER ")] == ["USER onhook"]
    assert last_stage[-2:] == ['ENTRYPOINT ["onhook"]', 'CMD ["up"]']
    assert "up" in commands()


@pytest.mark.parametrize(
    "line", re.findall(r"^COPY (?!--from)(.+)$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
)
def test_what_the_image_copies_exists_and_is_sent_to_the_builder(line):
    sent = (DEPLOY / "Dockerfile.dockerignore").read_text().split()
    for source in line.split()[:-1]:
        assert (ROOT / source).exists()
        assert f"!{source}" in sent


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_a_unit_starts_a_command_that_exists_as_a_user_of_its_own(path):
    service = parse_unit(path)["Service"]
    assert service["User"] == "onhook"
    assert int(service["TimeoutStopSec"]) > 10
    for key in ("ExecStart", "ExecStartPre"):
        if key in service:
            program, *words = shlex.split(service[key])
            assert program == "/opt/onhook/bin/onhook"
            assert " ".join(words) in commands() or words == ["listen", "$LISTEN", "--source", "%i"]


def test_the_target_wants_units_that_exist():
    wanted = parse_unit(DEPLOY / "systemd" / "onhook.target")["Unit"]["Wants"].split()
    files = {path.name for path in UNITS}
    assert {re.sub(r"@\d+", "@", name) for name in wanted} == {
        "onhook-api.service", "onhook-sweeper.service", "onhook-worker@.service",
    }  # fmt: skip
    # A listener is of one source, and so for the administrator to enable.
    assert files == {re.sub(r"@\d+", "@", name) for name in wanted} | {"onhook-listen@.service"}


def test_the_systemd_environment_is_readable_as_settings():
    lines = (DEPLOY / "systemd" / "onhook.env.example").read_text().splitlines()
    names = [line.partition("=")[0] for line in lines if line and not line.startswith("#")]
    assert names
    assert set(names) <= KNOWN


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_every_setting_named_in_deploy_exists(path):
    assert set(re.findall(r"\bONHOOK_[A-Z_]+", path.read_text())) <= KNOWN


def test_every_command_named_in_the_readme_of_deploy_exists():
    code = re.findall(r"(?:`| {4}|api )onhook ((?:[a-z]+)(?: [a-z]+)?)", (DEPLOY / "README.md").read_text())
    assert code
    assert {words for words in code if words not in commands() and words.split()[0] not in commands()} == set()
