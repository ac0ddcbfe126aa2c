"""Configuration that lies in files: the folder `config/`, and the settings' TOML."""

import difflib
import tomllib
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import Any

REFERENCE_FILE = "onhook.reference.toml"


class SettingsError(Exception):
    """A setting that cannot be used. The text is one sentence a line, for the operator; it never holds a secret."""


def config_dir() -> Path:
    """The folder with reference settings, example profiles and logging: the checkout's, or what the wheel installed."""
    checkout = Path(__file__).resolve().parents[1] / "config"
    if (checkout / REFERENCE_FILE).is_file():
        return checkout
    for file in _installed_files():
        if file.name == REFERENCE_FILE:
            return Path(str(file.locate())).resolve().parent
    raise SettingsError("The folder share/onhook/config is missing from this installation: install the wheel again.")


def logger_levels() -> dict[str, str]:
    """The levels of library loggers, from `logging.toml` in `config_dir()`."""
    levels: dict[str, str] = tomllib.loads((config_dir() / "logging.toml").read_text(encoding="utf-8"))["levels"]
    return levels


def read_settings_file(path: Path, known: Iterable[str]) -> dict[str, Any]:
    """The values of a TOML file of settings. Raises `SettingsError` for what is no TOML or names an unknown key."""
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is no TOML: {error}.") from error
    names = list(known)
    strange = [key for key in values if key not in names]
    if strange:
        raise SettingsError("\n".join(f"{path}: {key} is no setting{nearest(key, names)}" for key in strange))
    return values


def nearest(name: str, known: Iterable[str]) -> str:
    """The end of a sentence about an unknown name: the known one that it was probably meant to be, if there is one."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.7)
    return f"; did you mean {near[0]}?" if near else "."


def _installed_files() -> list[metadata.PackagePath]:
    try:
        return metadata.files("onhook") or []
    except metadata.PackageNotFoundError:
        return []
