"""Settings: where a value comes from, what is refused and in which words, and what is derived."""

import base64
import logging
import os
import stat
from ipaddress import ip_network
from pathlib import Path

import pytest
from pydantic import ValidationError

from dispatcher import config_files
from dispatcher import settings as settings_module
from dispatcher.settings import (
    MasterKeyError,
    Settings,
    SettingsError,
    config_dir,
    generate_master_key,
    load_settings,
    logger_levels,
    parent_pipe,
    reference_toml,
    unknown_variables,
)

KEY = base64.urlsafe_b64encode(bytes(range(32))).decode()
OTHER_KEY = base64.urlsafe_b64encode(bytes(32)).decode()


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch, tmp_path):
    for name in [name for name in os.environ if name.startswith("ONHOOK_")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(settings_module, "SYSTEM_FILE", tmp_path / "etc" / "onhook.toml")
    monkeypatch.chdir(tmp_path)


def test_the_defaults_are_one_machine_with_everything_embedded(tmp_path):
    settings = load_settings()
    assert settings.data_dir == tmp_path / "onhook-data"
    assert settings.is_sqlite
    assert settings.embedded_broker
    assert settings.sqlalchemy_url == f"sqlite:///{tmp_path}/onhook-data/onhook.db"
    assert (settings.host, settings.port, settings.max_body_bytes) == ("127.0.0.1", 8080, 8388608)
    assert (settings.master_key, settings.egress_allow, settings.lease_seconds) == ((), (), None)
    assert settings.trusted_proxies == ()


def test_the_command_line_overrules_the_environment_which_overrules_the_file(monkeypatch, tmp_path):
    (tmp_path / "onhook.toml").write_text('port = 1\nhost = "10.0.0.1"\nlog_level = "ERROR"\n')
    monkeypatch.setenv("ONHOOK_CONFIG", str(tmp_path / "onhook.toml"))
    monkeypatch.setenv("ONHOOK_PORT", "2")
    monkeypatch.setenv("ONHOOK_HOST", "10.0.0.2")
    settings = load_settings(port=3, host=None)
    assert (settings.port, settings.host, settings.log_level) == (3, "10.0.0.2", "ERROR")


def test_the_file_in_the_data_directory_comes_before_the_systems(monkeypatch, tmp_path):
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "onhook.toml").write_text("port = 1\n")
    assert load_settings(data_dir=tmp_path / "data").port == 1
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "onhook.toml").write_text("port = 2\n")
    assert load_settings(data_dir=tmp_path / "data").port == 2
    monkeypatch.setenv("ONHOOK_DATA_DIR", str(tmp_path / "data"))
    assert load_settings().port == 2


def test_settings_cannot_be_changed_after_they_are_read():
    settings = load_settings()
    with pytest.raises(ValueError, match="frozen"):
        settings.port = 1
    assert settings.port == 8080


def test_lists_are_written_with_commas_in_the_environment_and_as_lists_in_the_file(monkeypatch, tmp_path):
    networks = (ip_network("10.0.0.0/8"), ip_network("::1/128"))
    monkeypatch.setenv("ONHOOK_EGRESS_ALLOW", "10.0.0.0/8, ::1/128,")
    assert load_settings().egress_allow == networks
    monkeypatch.delenv("ONHOOK_EGRESS_ALLOW")
    (tmp_path / "onhook.toml").write_text('egress_allow = ["10.0.0.0/8", "::1/128"]\n')
    assert load_settings(data_dir=tmp_path).egress_allow == networks


def test_an_empty_variable_is_one_that_is_not_set(monkeypatch):
    monkeypatch.setenv("ONHOOK_LEASE_SECONDS", "")
    assert load_settings().lease_seconds is None


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("PORT", "65536", "ONHOOK_PORT: Input should be less than or equal to 65535."),
        ("LOG_LEVEL", "loud", "ONHOOK_LOG_LEVEL: Input should be 'DEBUG', 'INFO', 'WARNING', 'ERROR' or 'CRITICAL'."),
        ("DATABASE_URL", "mysql://a:secret@b/c", "ONHOOK_DATABASE_URL: want postgresql://user:password@host/name, or sqlite:////absolute/path."),
        ("BROKER_URL", "amqp://a:secret@b", "ONHOOK_BROKER_URL: want redis://host:6379/0, rediss://... for TLS, or redis+socket:///path?virtual_host=0."),
        ("PUBLIC_URL", "onhook.example.com", "ONHOOK_PUBLIC_URL: want http:// or https:// and a host, with no query."),
        ("EGRESS_ALLOW", "10.0.0.1/8", "ONHOOK_EGRESS_ALLOW: 10.0.0.1/8 has host bits set."),
    ],
)  # fmt: skip
def test_a_bad_value_is_refused_by_its_variables_name_without_quoting_it(monkeypatch, name, value, sentence):
    monkeypatch.setenv(f"ONHOOK_{name}", value)
    with pytest.raises(SettingsError) as refused:
        load_settings()
    assert sentence in str(refused.value).splitlines()
    assert "secret" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_a_fault_that_is_not_caught_quotes_no_value_either():
    with pytest.raises(ValidationError) as refused:
        Settings(port="hunter2")
    assert "hunter2" not in str(refused.value)


def test_every_bad_value_is_named_at_once(monkeypatch):
    monkeypatch.setenv("ONHOOK_PORT", "x")
    monkeypatch.setenv("ONHOOK_LINGER_MS", "-1")
    with pytest.raises(SettingsError, match=r"(?s)ONHOOK_PORT: .*\nONHOOK_LINGER_MS: "):
        load_settings()


def test_an_unknown_key_in_the_file_is_an_error_that_names_the_nearest(tmp_path):
    file = tmp_path / "onhook.toml"
    file.write_text('wroker_threads = 4\nxyzzy = "a"\n')
    with pytest.raises(SettingsError) as refused:
        load_settings(data_dir=tmp_path)
    assert str(refused.value).splitlines() == [
        f"{file}: wroker_threads is no setting; did you mean worker_threads?",
        f"{file}: xyzzy is no setting.",
    ]


def test_a_file_that_is_named_but_not_there_is_an_error(monkeypatch, tmp_path):
    monkeypatch.setenv("ONHOOK_CONFIG", str(tmp_path / "nowhere.toml"))
    with pytest.raises(SettingsError, match=r"nowhere\.toml cannot be read: No such file"):
        load_settings()


def test_a_file_that_is_no_toml_is_an_error(tmp_path):
    (tmp_path / "onhook.toml").write_text("port: 1\n")
    with pytest.raises(SettingsError, match="is no TOML"):
        load_settings(data_dir=tmp_path)


def test_an_unknown_variable_is_a_warning_that_names_the_nearest(monkeypatch, caplog):
    monkeypatch.setenv("ONHOOK_PROT", "1")
    with caplog.at_level(logging.WARNING):
        assert load_settings().port == 8080
    assert caplog.messages == ["ONHOOK_PROT is no setting of Onhook; did you mean ONHOOK_PORT?"]


def test_variables_that_are_no_settings_on_purpose_raise_no_warning():
    known = ["ONHOOK_CONFIG", "ONHOOK_SAMPLES", "ONHOOK_REQUIRE_SERVERS", "ONHOOK_PARENT_PIPE", "ONHOOK_PORT", "HOME"]
    assert unknown_variables(known) == []
    assert unknown_variables(["ONHOOK_XYZZY"]) == ["ONHOOK_XYZZY is no setting of Onhook."]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("postgresql://u:p@h/d", "postgresql+psycopg://u:p@h/d"),
        ("postgres://u:p@h/d?host=/s", "postgresql+psycopg://u:p@h/d?host=/s"),
        ("postgresql+psycopg:///d", "postgresql+psycopg:///d"),
        ("sqlite:////var/x.db", "sqlite:////var/x.db"),
    ],
)
def test_sqlalchemy_is_given_the_driver_that_is_installed(given, expected):
    settings = load_settings(database_url=given)
    assert settings.sqlalchemy_url == expected
    assert settings.is_sqlite is expected.startswith("sqlite")


@pytest.mark.parametrize(
    ("given", "celery", "redis"),
    [
        ("redis://u:p@h:1/2", "redis://u:p@h:1/2", "redis://u:p@h:1/2"),
        ("rediss://h/0?ssl_cert_reqs=required", "rediss://h/0?ssl_cert_reqs=required", "rediss://h/0?ssl_cert_reqs=required"),
        ("redis+socket:///run/r.sock?virtual_host=3", "redis+socket:///run/r.sock?virtual_host=3", "unix:///run/r.sock?db=3"),
        ("unix:///run/r.sock", "redis+socket:///run/r.sock?virtual_host=0", "unix:///run/r.sock?db=0"),
        ("unix://:p@/run/r.sock?db=1", "redis+socket://:p@/run/r.sock?virtual_host=1", "unix://:p@/run/r.sock?db=1"),
    ],
)  # fmt: skip
def test_a_brokers_socket_is_named_as_each_library_wants_it(given, celery, redis):
    settings = load_settings(broker_url=given)
    assert (settings.celery_broker_url, settings.redis_url) == (celery, redis)
    assert not settings.embedded_broker


def test_the_embedded_brokers_socket_lies_in_the_data_directory():
    settings = load_settings(data_dir="/srv/on hook")
    assert settings.embedded_socket == Path("/srv/on hook/valkey/valkey.sock")
    assert settings.celery_broker_url == "redis+socket:///srv/on%20hook/valkey/valkey.sock?virtual_host=0"
    assert settings.redis_url == "unix:///srv/on%20hook/valkey/valkey.sock?db=0"


def test_a_long_data_directory_gets_a_short_socket_that_every_process_finds():
    long = "/srv/" + "x" * 100
    first, second, other = (load_settings(data_dir=path).embedded_socket for path in (long, long, long + "y"))
    assert first == second != other
    assert first.parent.parent == Path("/tmp")
    assert len(os.fsencode(first)) <= 100


def test_a_relative_data_directory_is_made_absolute_where_it_is_read(tmp_path):
    assert load_settings(data_dir="here").data_dir == tmp_path / "here"


def test_secrets_mask_themselves(monkeypatch):
    settings = load_settings(database_url="postgresql://u:hunter2@h/d", broker_url="redis://:hunter2@h", master_key=KEY)
    shown = repr(settings) + str(settings) + settings.model_dump_json()
    assert "hunter2" not in shown
    assert KEY not in shown


def test_a_child_gets_every_setting_that_was_given_by_its_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("ONHOOK_HOST", "10.0.0.2")
    monkeypatch.setenv("UNRELATED", "kept")
    given = load_settings(
        data_dir=tmp_path, master_key=f"{KEY},{OTHER_KEY}", egress_allow="10.0.0.0/8,::1/128", log_format="json"
    )
    environment = given.environment()
    for name in [name for name in os.environ if name.startswith("ONHOOK_")]:
        monkeypatch.delenv(name)
    assert environment["UNRELATED"] == "kept"
    for name, value in environment.items():
        if name.startswith("ONHOOK_"):
            monkeypatch.setenv(name, value)
    assert load_settings() == given
    assert "ONHOOK_PORT" not in environment


def test_master_keys_come_from_the_setting_first(tmp_path):
    generate_master_key(tmp_path)
    assert load_settings(data_dir=tmp_path, master_key=f"{KEY},{OTHER_KEY}").load_master_keys() == (
        bytes(range(32)),
        bytes(32),
    )


def test_a_generated_master_key_is_its_owners_alone_and_stays_the_same(tmp_path):
    path = generate_master_key(tmp_path / "new")
    first = path.read_bytes()
    assert generate_master_key(tmp_path / "new") == path == tmp_path / "new" / "master.key"
    assert path.read_bytes() == first
    assert (stat.S_IMODE(path.stat().st_mode), stat.S_IMODE(path.parent.stat().st_mode)) == (0o600, 0o700)
    assert [entry.name for entry in path.parent.iterdir()] == ["master.key"]
    assert [len(key) for key in load_settings(data_dir=tmp_path / "new").load_master_keys()] == [32]


def test_a_missing_master_key_says_what_to_do(tmp_path):
    with pytest.raises(MasterKeyError) as missing:
        load_settings(data_dir=tmp_path).load_master_keys()
    assert str(missing.value) == (
        f"There is no master key. Run `onhook up` once with this data directory, which makes {tmp_path}/master.key, "
        "or set ONHOOK_MASTER_KEY to the key that this database was written with."
    )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("AAAA", "Key 1 of ONHOOK_MASTER_KEY has 3 bytes; a master key has 32."),
        (f"{KEY},not*base64", "Key 2 of ONHOOK_MASTER_KEY is not base64url."),
    ],
)
def test_a_bad_master_key_is_named_by_its_place(text, sentence):
    with pytest.raises(MasterKeyError) as refused:
        load_settings(master_key=text).load_master_keys()
    assert str(refused.value) == sentence


def test_a_master_key_that_others_may_read_is_refused(tmp_path):
    generate_master_key(tmp_path).chmod(0o640)
    with pytest.raises(MasterKeyError, match=r"run: chmod 600 /.*master\.key$"):
        load_settings(data_dir=tmp_path).load_master_keys()


def test_the_parents_pipe_is_a_number_or_none(monkeypatch):
    assert parent_pipe() is None
    monkeypatch.setenv("ONHOOK_PARENT_PIPE", "7")
    assert parent_pipe() == 7
    monkeypatch.setenv("ONHOOK_PARENT_PIPE", "x")
    assert parent_pipe() is None


def test_the_reference_file_is_what_the_code_generates():
    assert (config_dir() / "onhook.reference.toml").read_text() == reference_toml()


def test_the_reference_file_has_every_setting_and_is_valid_once_uncommented(tmp_path):
    keys = [line[2:] for line in reference_toml().splitlines() if line.startswith("# ") and " = " in line[:40]]
    assert [key.split(" = ")[0] for key in keys] == list(Settings.model_fields)
    (tmp_path / "onhook.toml").write_text("\n".join(keys))
    settings = load_settings(data_dir=tmp_path)
    for name, field in Settings.model_fields.items():
        if not field.examples and name != "data_dir":
            assert getattr(settings, name) == field.default


def test_every_setting_says_what_it_is():
    assert [name for name, field in Settings.model_fields.items() if len(field.description or "") < 40] == []


def test_library_loggers_have_levels_that_exist():
    assert set(logger_levels().values()) <= {"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"}


def test_an_installation_without_its_configuration_says_so(monkeypatch):
    monkeypatch.setattr(config_files, "REFERENCE_FILE", "nowhere.toml")
    with pytest.raises(SettingsError, match="install the wheel again"):
        config_dir()
