"""Settings: one frozen object, read once from the environment and a TOML file, and handed down.

This is the only module that reads the environment. A value is looked for in the arguments of `load_settings` (the
command line), then in `ONHOOK_<NAME>`, then in the file, then in the default. The file is the one that `ONHOOK_CONFIG`
names, else `<data_dir>/onhook.toml`, else `/etc/onhook/onhook.toml`.
"""

import hashlib
import json
import logging
import os
import sys
import textwrap
from collections.abc import Iterable, Mapping
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, InitSettingsSource, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from dispatcher.config_files import SettingsError, config_dir, logger_levels, nearest, read_settings_file
from dispatcher.master_key import MasterKeyError, decode_keys, generate_master_key, read_key_file

__all__ = [
    "MasterKeyError", "Settings", "SettingsError", "config_dir", "generate_master_key", "load_settings",
    "logger_levels", "parent_pipe", "reference_toml", "secret_variable", "unknown_variables",
]  # fmt: skip

logger = logging.getLogger("onhook.settings")

PREFIX = "ONHOOK_"
SYSTEM_FILE = Path("/etc/onhook/onhook.toml")
PARENT_PIPE = "ONHOOK_PARENT_PIPE"
NOT_SETTINGS = frozenset({"ONHOOK_CONFIG", "ONHOOK_SAMPLES", "ONHOOK_REQUIRE_SERVERS", "ONHOOK_LONG", PARENT_PIPE})
"""Variables with our prefix that are no settings: where the file is, what tests want, what a supervisor hands down."""

# sun_path holds 108 bytes on Linux and 104 on macOS, the final zero among them; a margin for a server's temporary name.
MAX_SOCKET_PATH_BYTES = 100

MIB = 1024 * 1024
DATABASE_EXAMPLE = "postgresql://onhook:password@db.example/onhook"
BROKER_EXAMPLE = "redis://redis.example:6379/0"

REFERENCE_HEAD = """\
# Every setting of Onhook, with its default. Generated from dispatcher/settings.py by `make fmt`: edit it there.
# Copy what you change to <data_dir>/onhook.toml or /etc/onhook/onhook.toml, or name a file by ONHOOK_CONFIG.
# The variable ONHOOK_<NAME> overrules the file; an option of the command line overrules both.
"""

LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]


class LogFormat(StrEnum):
    """How log lines look: `auto` is `console` on a terminal and `json` elsewhere."""

    AUTO = "auto"
    JSON = "json"
    CONSOLE = "console"


class SenderKind(StrEnum):
    """Which adapter sends requests: `curl` is the fast one, `requests` needs no libcurl."""

    CURL = "curl"
    REQUESTS = "requests"


def _split(value: object) -> object:
    """A list may be written "a,b", as the environment wants it, or as a list, as TOML has it."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _network(value: object) -> object:
    return ip_network(value) if isinstance(value, str) else value


Keys = Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_split)]
Network = Annotated[IPv4Network | IPv6Network, BeforeValidator(_network)]
Networks = Annotated[tuple[Network, ...], NoDecode, BeforeValidator(_split)]


def _absolute(path: Path) -> Path:
    return path.expanduser().absolute()


def _scheme(url: SecretStr) -> str:
    return url.get_secret_value().partition("://")[0]


def _database(url: SecretStr) -> SecretStr:
    if _scheme(url) not in {"postgresql", "postgres", "postgresql+psycopg", "sqlite"}:
        raise ValueError("want postgresql://user:password@host/name, or sqlite:////absolute/path")
    return url


def _broker(url: SecretStr) -> SecretStr:
    if _scheme(url) not in {"redis", "rediss", "redis+socket", "unix"}:
        raise ValueError("want redis://host:6379/0, rediss://... for TLS, or redis+socket:///path?virtual_host=0")
    return url


def _public(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.netloc or parts.query or parts.fragment:
        raise ValueError("want http:// or https:// and a host, with no query")
    return url.rstrip("/")


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


class Settings(BaseSettings):
    """Every setting of Onhook. Construct it with `load_settings`, which turns faults into sentences."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
        validate_default=True,
    )

    data_dir: Annotated[Path, AfterValidator(_absolute)] = Path("onhook-data")
    """Where everything lies that must survive a restart: the embedded database and broker, the master key.
    Set it to a folder on a disk that is backed up."""

    database_url: Annotated[SecretStr, AfterValidator(_database)] | None = Field(None, examples=[DATABASE_EXAMPLE])
    """The database. Unset: SQLite in data_dir, good for one machine. Set it to PostgreSQL for more machines or more
    load; on the same machine its unix socket (?host=/var/run/postgresql) halves the latency."""

    broker_url: Annotated[SecretStr, AfterValidator(_broker)] | None = Field(None, examples=[BROKER_EXAMPLE])
    """The Redis or Valkey server that carries hints between processes. Unset: an embedded one, which `onhook up`
    starts. Set it where workers run on several machines. It holds nothing that must not be lost."""

    master_key: Keys = Field((), examples=["<base64url of 32 bytes>"])
    """Keys that encrypt events and secrets at rest: 32 bytes each, base64url, comma-separated. The first encrypts,
    all decrypt, so that a key can be changed. Unset: the file master.key in data_dir, which `onhook up` makes.
    Set it from your secret store."""

    host: str = "127.0.0.1"
    """The address that the API listens on. Set it to 0.0.0.0 where PBXs on other machines post events."""

    port: int = Field(8080, ge=0, le=65535)
    """The port that the API listens on. Change it where 8080 is taken."""

    public_url: Annotated[str, AfterValidator(_public)] | None = Field(None, examples=["https://onhook.example.com"])
    """The address that the outside sees, for signatures over URLs. Unset: the request's own. Set it behind a proxy
    that changes host or path."""

    trusted_proxies: Networks = Field((), examples=["10.0.0.0/28"])
    """Networks (CIDR, comma-separated) of the proxies in front of the API whose Forwarded or X-Forwarded-For, -Proto
    and -Host are believed: for the addresses that a source allows, and for signatures over URLs where public_url is
    unset. Unset: nobody's. Set it to your load balancer's own addresses, and have it remove what clients send."""

    max_body_bytes: int = Field(8 * MIB, ge=1024)
    """The longest body that is taken in; a longer one is answered 413. Raise it for a PBX with longer call records."""

    egress_allow: Networks = Field((), examples=["10.20.0.0/24"])
    """Networks (CIDR, comma-separated) that targets may be in although they are private, loopback or otherwise
    special. Set it to your own CRM's subnet, and no wider."""

    lease_seconds: float | None = Field(None, gt=0, examples=[330.0])
    """How long a dead worker's claim on a delivery stands before another takes it. Unset: the profile's time-out plus
    a margin of 5 s. Set it lower to recover sooner; a claim always outlives the profile's time-out by a second."""

    log_level: Annotated[LogLevel, BeforeValidator(_upper)] = "INFO"
    """The log level of every process: DEBUG, INFO, WARNING, ERROR or CRITICAL. Lower it to look for a fault; no level
    logs bodies, full URLs or secrets."""

    log_format: LogFormat = LogFormat.AUTO
    """json, console, or auto: console on a terminal and JSON elsewhere. Set it to what your log collector wants."""

    sender: SenderKind = SenderKind.CURL
    """curl or requests. Set requests on a platform without libcurl; it costs about 15 times the CPU."""

    worker_threads: int = Field(4, ge=1, le=256)
    """Tasks that a worker process runs at once. Sending holds no thread: raise it only where the database is far."""

    max_in_flight: int = Field(1280, ge=1)
    """Requests that a worker process keeps in flight at once, over all profiles. Lower it where memory or file
    descriptors are scarce."""

    connect_timeout_seconds: float = Field(5.0, gt=0, le=300)
    """How long a connection to a target may take to open. Raise it for targets behind slow VPNs."""

    max_response_bytes: int = Field(MIB, ge=1024)
    """How much of a target's answer is read; more ends the attempt as too_large. Raise it for a chatty target."""

    sweep_interval_seconds: float = Field(0.5, gt=0, le=60)
    """How often the sweeper looks for what is due. Raise it on a database that many share."""

    rehint_seconds: float = Field(5.0, gt=0)
    """How long an event or a due delivery waits before the sweeper hints it again. Raise it where queues are long."""

    stop_grace_seconds: float = Field(8.0, ge=0, le=10)
    """How long a process finishes what it has in hand after SIGTERM. Lower it where the platform kills sooner."""

    linger_ms: float = Field(6.0, ge=0, le=1000)
    """The least distance between two group commits, so that events under load are written together; an event after a
    silence never waits. Raise it for throughput, lower it for latency."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - not read
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - not read
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Command line, environment, file: in this order."""
        data_dir = (
            init_settings().get("data_dir") or os.environ.get("ONHOOK_DATA_DIR") or cls.model_fields["data_dir"].default
        )
        file = _find_file(Path(data_dir))
        values = read_settings_file(file, cls.model_fields) if file else {}
        return init_settings, env_settings, InitSettingsSource(settings_cls, values)

    @property
    def is_sqlite(self) -> bool:
        """True where the database is SQLite, embedded or named."""
        return self.database_url is None or _scheme(self.database_url) == "sqlite"

    @property
    def sqlalchemy_url(self) -> str:
        """The database as SQLAlchemy names it; it may hold a password, so it is not for logs."""
        if self.database_url is None:
            return "sqlite:///" + quote(str(self.data_dir / "onhook.db"), safe=" /")
        scheme, _, rest = self.database_url.get_secret_value().partition("://")
        return f"{'sqlite' if scheme == 'sqlite' else 'postgresql+psycopg'}://{rest}"

    @property
    def embedded_broker(self) -> bool:
        """True where the broker is our own child."""
        return self.broker_url is None

    @property
    def embedded_socket(self) -> Path:
        """Where the embedded broker listens: the same for the same data_dir, in every process.

        In data_dir; where that path would be too long for a unix socket, in a folder of this user's under /tmp,
        which whoever starts the broker makes with mode 0700.
        """
        socket = self.data_dir / "valkey" / "valkey.sock"
        if len(os.fsencode(socket)) <= MAX_SOCKET_PATH_BYTES:
            return socket
        digest = hashlib.blake2b(os.fsencode(self.data_dir), digest_size=8).hexdigest()
        # Nowhere else is short for certain; whoever starts the broker checks the folder's owner and mode.
        return Path(f"/tmp/onhook-{os.getuid()}-{digest}/valkey.sock")  # noqa: S108

    @property
    def celery_broker_url(self) -> str:
        """The broker as kombu names it (`redis+socket:///path?virtual_host=0` for a unix socket); no text for logs."""
        if self.broker_url is None:
            return f"redis+socket://{quote(str(self.embedded_socket))}?virtual_host=0"
        return _with_socket_names(self.broker_url.get_secret_value(), "redis+socket", "virtual_host")

    @property
    def redis_url(self) -> str:
        """The broker as redis-py names it (`unix:///path?db=0` for a unix socket); no text for logs."""
        return _with_socket_names(self.celery_broker_url, "unix", "db")

    def load_master_keys(self) -> tuple[bytes, ...]:
        """The master keys, of 32 bytes each: the first encrypts, all decrypt.

        Raises `MasterKeyError`, which says what to do.
        """
        if self.master_key:
            return decode_keys((key.get_secret_value() for key in self.master_key), "ONHOOK_MASTER_KEY")
        return read_key_file(self.data_dir)

    def environment(self) -> dict[str, str]:
        """What a child process is started with: our environment and, as variables, every setting that was given."""
        given = {name: getattr(self, name) for name in self.model_fields_set}
        texts = {PREFIX + name.upper(): _as_text(value) for name, value in given.items() if value is not None}
        return {**os.environ, **texts}


def load_settings(**overrides: Any) -> Settings:
    """The settings of this process. An override of None is an option that was not given.

    Raises `SettingsError` with a sentence for each fault. A variable with our prefix that names no setting is a
    warning in the log, with the nearest that does.
    """
    for sentence in unknown_variables():
        logger.warning(sentence)
    try:
        return Settings(**{name: value for name, value in overrides.items() if value is not None})
    except ValidationError as refused:
        # Not chained: pydantic keeps the refused values, and some of them are secrets.
        faults = refused.errors(include_input=False)
        raise SettingsError("\n".join(_sentence(fault["loc"], fault["msg"]) for fault in faults)) from None


def unknown_variables(names: Iterable[str] | None = None) -> list[str]:
    """A sentence for each variable (None: of the environment) with our prefix that is no setting, and the nearest."""
    names = os.environ if names is None else names
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    strange = sorted(name for name in names if name.startswith(PREFIX) and name not in known | NOT_SETTINGS)
    return [f"{name} is no setting of Onhook{nearest(name, known)}" for name in strange]


def parent_pipe() -> int | None:
    """The file descriptor by which a supervisor shows that it is alive, or None where there is no supervisor."""
    text = os.environ.get(PARENT_PIPE, "")
    return int(text) if text.isdecimal() else None


def secret_variable(name: str) -> str | None:
    """A secret that a command was told to take from this variable, so that it stands on no command line."""
    return os.environ.get(name) or None


def reference_toml() -> str:
    """The reference file: every setting with its meaning and its default, commented out."""
    parts = [REFERENCE_HEAD]
    for name, field in Settings.model_fields.items():
        words = f"{field.description}{' No default; for example:' if field.examples else ''}"
        value = field.examples[0] if field.examples else field.default
        comment = textwrap.fill(words, width=110, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False)
        parts.append(f"{comment}\n# {name} = {_as_toml(value)}\n")
    return "\n".join(parts)


def _as_toml(value: object) -> str:
    """A number as it is; anything else as its text, quoted (JSON's escapes are TOML's)."""
    return str(value) if isinstance(value, int | float) else json.dumps(str(value))


def _find_file(data_dir: Path) -> Path | None:
    named = os.environ.get("ONHOOK_CONFIG")
    if named:
        return Path(named)
    return next((path for path in (data_dir.expanduser() / "onhook.toml", SYSTEM_FILE) if path.is_file()), None)


def _sentence(location: tuple[int | str, ...], message: str) -> str:
    return f"{PREFIX}{str(location[0]).upper()}: {message.removeprefix('Value error, ')}."


def _as_text(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(_as_text(item) for item in value)
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)


def _with_socket_names(url: str, scheme: str, database_key: str) -> str:
    """A unix socket's URL with the scheme and parameter that one library wants; any other URL as it is."""
    parts = urlsplit(url)
    if parts.scheme not in {"redis+socket", "unix"}:
        return url
    query: Mapping[str, str] = dict(parse_qsl(parts.query))
    rest = {key: value for key, value in query.items() if key not in {"virtual_host", "db"}}
    database = query.get("virtual_host", query.get("db", "0"))
    return f"{scheme}://{parts.netloc}{parts.path}?{urlencode({database_key: database, **rest})}"


if __name__ == "__main__":
    sys.stdout.write(reference_toml())
