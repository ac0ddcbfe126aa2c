"""Logging: one line an event, in two looks, with nothing personal from anybody's exception, URL or argument."""

import io
import json
import logging
import sys
import warnings
from datetime import UTC, datetime
from enum import StrEnum
from uuid import UUID

import pytest

from dispatcher.adapters.logs import NEVER_BELOW_WARNING, SILENT, describe, log_event, set_up_logging
from dispatcher.settings import SettingsError, logger_levels

QUIET = {"celery": "WARNING", "kombu": "WARNING"}


class Colour(StrEnum):
    RED = "red"


@pytest.fixture(autouse=True)
def _logging_as_it_was():
    handlers, level = logging.root.handlers[:], logging.root.level
    shown, names = warnings.showwarning, (*QUIET, *NEVER_BELOW_WARNING, *SILENT)
    levels = {name: logging.getLogger(name).level for name in names}
    yield
    logging.captureWarnings(capture=False)
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)
    warnings.showwarning = shown
    for name, before in levels.items():
        logging.getLogger(name).setLevel(before)


class Terminal(io.StringIO):
    def isatty(self):
        return True


def json_lines(stream):
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_event_is_one_line_of_json_with_its_fields():
    stream = io.StringIO()
    set_up_logging("INFO", "json", QUIET, stream)
    log_event(
        logging.getLogger("onhook.deliver"),
        "delivery.attempted",
        delivery=UUID(int=7),
        status=200,
        ok=True,
        word=Colour.RED,
    )
    [line] = json_lines(stream)
    assert datetime.fromisoformat(line.pop("at")).tzinfo == UTC
    assert line == {
        "level": "INFO", "logger": "onhook.deliver", "event": "delivery.attempted",
        "delivery": "00000000-0000-0000-0000-000000000007", "status": 200, "ok": True, "word": "red",
    }  # fmt: skip


def test_auto_is_console_on_a_terminal_and_json_elsewhere():
    terminal, pipe = Terminal(), io.StringIO()
    for stream in (terminal, pipe):
        set_up_logging("INFO", "auto", QUIET, stream)
        log_event(logging.getLogger("onhook.x"), "swept", due=3)
    assert terminal.getvalue()[9:] == "INFO    swept due=3\n"
    assert json_lines(pipe)[0]["due"] == 3


def test_a_line_break_in_a_value_breaks_no_line():
    for log_format in ("json", "console"):
        stream = io.StringIO()
        set_up_logging("INFO", log_format, QUIET, stream)
        log_event(logging.getLogger("onhook.x"), "profile.saved", name="a\nERROR forged\r\nb")
        assert len(stream.getvalue().splitlines()) == 1


def test_an_event_below_the_level_is_not_written():
    stream = io.StringIO()
    set_up_logging("WARNING", "json", QUIET, stream)
    log_event(logging.getLogger("onhook.x"), "swept")
    log_event(logging.getLogger("onhook.x"), "lost", logging.ERROR)
    assert [line["event"] for line in json_lines(stream)] == ["lost"]


def test_an_object_is_shown_by_its_type_alone():
    stream = io.StringIO()
    set_up_logging("INFO", "json", QUIET, stream)
    log_event(logging.getLogger("onhook.x"), "y", thing=io.BytesIO(b"4155550100"), raw=b"4155550100")
    assert json_lines(stream)[0]["thing"] == "<BytesIO>"
    assert "4155550100" not in stream.getvalue()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("GET https://u:p@crm.example:8443/calls/7?dnis=%2B1800#x failed", "GET https://crm.example:8443/… failed"),
        ("at 'postgresql://onhook:secret@db/onhook'.", "at 'postgresql://db/…'."),
        ("unix:///run/onhook.sock?db=0", "unix:///…"),
        ("ratio 3://", "ratio 3://"),
    ],
)
def test_a_url_is_cut_down_to_its_host(text, shown):
    stream = io.StringIO()
    set_up_logging("INFO", "json", QUIET, stream)
    logging.getLogger("onhook.x").info("%s", text)
    log_event(logging.getLogger("onhook.x"), "y", text=text)
    assert [json_lines(stream)[0]["event"], json_lines(stream)[1]["text"]] == [shown, shown]


def test_libraries_speak_from_warning_on_and_follow_us_to_debug():
    stream = io.StringIO()
    set_up_logging("INFO", "json", QUIET, stream)
    logging.getLogger("celery.worker").info("quiet")
    logging.getLogger("celery.worker").warning("heard")
    set_up_logging("DEBUG", "json", QUIET, stream)
    logging.getLogger("celery.worker").debug("followed")
    assert [line["event"] for line in json_lines(stream)] == ["heard", "followed"]


@pytest.mark.parametrize(
    "name",
    ["urllib3.connectionpool", "httpx", "zeep.transports", "sqlalchemy.engine.Engine", "requests.x", "uvicorn.access"],
)
def test_loggers_that_write_requests_are_quiet_even_at_debug(name):
    stream = io.StringIO()
    set_up_logging("DEBUG", "json", QUIET, stream)
    logging.getLogger(name).info("POST /calls/+14155550100")
    assert stream.getvalue() == ""


def test_a_librarys_own_handler_is_taken_from_it():
    stream, own = io.StringIO(), io.StringIO()
    logging.getLogger("uvicorn.access").addHandler(logging.StreamHandler(own))
    set_up_logging("INFO", "json", QUIET, stream)
    logging.getLogger("uvicorn.access").warning("slow")
    assert own.getvalue() == ""
    assert json_lines(stream)[0]["event"] == "slow"


def test_an_exception_is_shown_by_type_place_and_cause_without_a_strangers_text():
    try:
        try:
            raise LookupError("+14155550100")  # noqa: TRY301 - the cause of the next one
        except LookupError as cause:
            raise ConnectionRefusedError(111, "Connection refused", "+14155550100") from cause
    except ConnectionRefusedError as error:
        words = describe(error)
    here = "in test_an_exception_is_shown_by_type_place_and_cause_without_a_strangers_text"
    assert "14155550100" not in words
    refused, cause = words.split(", from ")
    assert refused.startswith("ConnectionRefusedError (Connection refused) at test_logs.py:")
    assert refused.endswith(here)
    assert cause.startswith("LookupError at test_logs.py:")


def test_our_own_exceptions_keep_their_sentence():
    assert describe(SettingsError("ONHOOK_PORT: too large.")) == "SettingsError (ONHOOK_PORT: too large.)"


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_a_logged_exception_ends_up_in_the_line_as_described(log_format):
    stream = io.StringIO()
    set_up_logging("INFO", log_format, QUIET, stream)
    try:
        int("+1415555x")
    except ValueError:
        logging.getLogger("onhook.x").exception("parse.failed")
    assert "ValueError at test_logs.py:" in stream.getvalue()
    assert "1415555" not in stream.getvalue()
    assert len(stream.getvalue().splitlines()) == 1


def test_an_exception_among_the_arguments_of_a_library_is_described_too():
    stream = io.StringIO()
    set_up_logging("INFO", "json", QUIET, stream)
    logging.getLogger("celery.worker.request").error("Task handler raised error: %r", ValueError("+14155550100"))
    assert json_lines(stream)[0]["event"] == "Task handler raised error: 'ValueError'"


def test_celerys_line_on_a_failed_task_keeps_name_and_id_only():
    stream = io.StringIO()
    set_up_logging("INFO", "json", QUIET, stream)
    context = {
        "name": "onhook.evaluate",
        "id": "t1",
        "exc": "ValueError('+14155550100')",
        "traceback": "...",
        "args": "x",
    }
    logging.getLogger("celery.app.trace").error("Task %(name)s[%(id)s] raised: %(exc)s %(traceback)s", context)
    [line] = json_lines(stream)
    del line["at"]
    assert line == {
        "level": "ERROR", "logger": "celery.app.trace", "event": "celery.task",
        "task": "onhook.evaluate", "task_id": "t1",
    }  # fmt: skip


def test_warnings_become_lines():
    stream = io.StringIO()
    set_up_logging("INFO", "json", QUIET, stream)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=False)
        logging.captureWarnings(capture=True)
        warnings.warn("old", DeprecationWarning, stacklevel=1)
    assert json_lines(stream)[0]["logger"] == "py.warnings"


def test_setting_up_twice_writes_each_line_once():
    stream = io.StringIO()
    set_up_logging("INFO", "json", logger_levels(), stream)
    set_up_logging("INFO", "json", logger_levels(), stream)
    logging.getLogger("onhook.x").info("once")
    assert len(stream.getvalue().splitlines()) == 1


def test_without_a_stream_lines_go_to_standard_error(capsys):
    set_up_logging("INFO", "json")
    assert logging.root.handlers[0].stream is sys.stderr


@pytest.mark.parametrize("level", ["DEBUG", "INFO"])
def test_zeep_says_nothing_of_a_reply_that_it_cannot_read(level: str) -> None:
    stream = io.StringIO()
    set_up_logging(level, "json", {}, stream)
    logging.getLogger("zeep.xsd.types.simple").error("Error during xml -> python translation")
    assert stream.getvalue() == ""
