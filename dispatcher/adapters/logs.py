"""Logging of every process: one line an event, as JSON or for a terminal, and nothing personal in it.

Our own events are a constant name with ids and numbers as fields (`log_event`). What libraries write is kept to
warnings, is stripped of URLs, and an exception is shown by its type and place: the text of a stranger's exception may
quote a row, a header or an address, so it is left out, except for operating-system errors and our own.
"""

import logging
import re
import sys
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import Any, TextIO
from uuid import UUID

import orjson

from dispatcher.config_files import logger_levels

NEVER_BELOW_WARNING = (
    "hpack",
    "httpcore",
    "httpcore2",
    "httpx",
    "httpx2",
    "multipart",
    "python_multipart",
    "requests",
    "sqlalchemy",
    "urllib3",
    "uvicorn.access",
    "websockets",
)
"""Loggers that write addresses, headers, bodies or parameters below WARNING: quiet at every level, also at DEBUG."""
SILENT = ("zeep",)
"""Loggers that say nothing at all: zeep writes envelopes at DEBUG, and an ERROR for each value of a reply that it
cannot read, thousands for one reply."""

_URL = re.compile(r"\b([a-z][a-z0-9+.-]*)://(?:[^\s/@'\"]*@)?([^\s/?#'\"]*)[^\s'\"]*", re.IGNORECASE)


def set_up_logging(
    level: str, log_format: str, quiet: Mapping[str, str] | None = None, stream: TextIO | None = None
) -> None:
    """Give this process one handler, on `stream` (standard error), and every logger its level.

    `log_format` is `json`, `console` or `auto` (console on a terminal); `quiet` has the levels of library loggers
    (None: those of `config/logging.toml`), which follow `level` where that is DEBUG. May be called again.
    """
    quiet = logger_levels() if quiet is None else quiet
    handler = logging.StreamHandler(stream or sys.stderr)
    console = log_format == "console" or (log_format == "auto" and handler.stream.isatty())
    handler.setFormatter(ConsoleFormatter() if console else JsonFormatter())
    handler.addFilter(without_quotations)
    logging.root.handlers[:] = [handler]
    logging.root.setLevel(level)
    for name, floor in quiet.items():
        logging.getLogger(name).setLevel(logging.NOTSET if level == "DEBUG" else floor)
    for name in NEVER_BELOW_WARNING:
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in SILENT:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    # Nobody but the root writes: a library's own handler would show what the formatters above leave out.
    for name in (*quiet, *NEVER_BELOW_WARNING, *SILENT):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
    logging.captureWarnings(capture=True)


def log_event(logger: logging.Logger, name: str, /, level: int = logging.INFO, **fields: object) -> None:
    """One wide event: a constant name (`delivery.attempted`), ids, numbers and words as fields; never a payload."""
    if logger.isEnabledFor(level):
        logger.log(level, name, extra={"fields": fields})


def without_quotations(record: logging.LogRecord) -> bool:
    """Lets every record by, with exceptions among its arguments replaced by their description.

    Of Celery's line on a task's end, which quotes exception, result and traceback as text, name and id are kept.
    """
    if record.name == "celery.app.trace" and isinstance(record.args, Mapping):
        record.fields = {"task": record.args.get("name"), "task_id": record.args.get("id")}
        record.msg, record.args = "celery.task", ()
    elif isinstance(record.args, tuple):
        record.args = tuple(describe(arg) if isinstance(arg, BaseException) else arg for arg in record.args)
    return True


class JsonFormatter(logging.Formatter):
    """A line of JSON: `at` (RFC 3339, UTC), `level`, `logger`, `event`, the event's fields, `error` if there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line."""
        line = {
            "at": _moment(record).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "event": _message(record),
            **{key: _plain(value) for key, value in getattr(record, "fields", {}).items()},
        }
        if record.exc_info and record.exc_info[1]:
            line["error"] = describe(record.exc_info[1])
        return orjson.dumps(line, option=orjson.OPT_NON_STR_KEYS, default=_plain).decode()


class ConsoleFormatter(logging.Formatter):
    """A line for a person: time, level, event, `key=value` pairs. Line breaks in values are shown as `\\n`."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line."""
        parts = [_moment(record).strftime("%H:%M:%S"), f"{record.levelname:<7}", _message(record)]
        parts += [f"{key}={_plain(value)}" for key, value in getattr(record, "fields", {}).items()]
        if record.exc_info and record.exc_info[1]:
            parts.append(describe(record.exc_info[1]))
        return " ".join(parts).replace("\r", "\\r").replace("\n", "\\n")


def describe(error: BaseException) -> str:
    """An exception for the log, cause by cause: its type, what can be said safely, and the line that raised it."""
    words = type(error).__name__
    if isinstance(error, OSError) and error.strerror:
        words += f" ({_stripped(error.strerror)})"
    elif type(error).__module__.partition(".")[0] in {"dispatcher", "dispatcher_workers"}:
        words += f" ({_stripped(str(error))})"
    frames = traceback.extract_tb(error.__traceback__)
    if frames:
        words += f" at {Path(frames[-1].filename).name}:{frames[-1].lineno} in {frames[-1].name}"
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return f"{words}, from {describe(cause)}" if cause else words


def _message(record: logging.LogRecord) -> str:
    return _stripped(record.getMessage())


def _stripped(text: str) -> str:
    """The text with every URL cut down to scheme and host: no user, path, query or fragment."""
    return _URL.sub(r"\1://\2/…", text) if "://" in text else text


def _moment(record: logging.LogRecord) -> datetime:
    return datetime.fromtimestamp(record.created, UTC)


def _plain(value: Any) -> Any:
    """A value as it may stand in a line; an object that is neither number, word nor id is shown by its type alone."""
    match value:
        case None | bool() | int() | float():
            return value
        case str():
            return _stripped(value)
        case Enum():
            return value.value
        case UUID() | Path():
            return str(value)
        case datetime():
            return value.isoformat()
        case Mapping():
            return {str(key): _plain(item) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_plain(item) for item in value]
        case _:
            return f"<{type(value).__name__}>"
