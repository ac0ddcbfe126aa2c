"""Fixtures for all tests: private servers (`postgresql_database`, `redis_server`, `soap_server`), and no way out for
unit tests."""

import pytest

from tests.support.needs import REQUIRED

pytest_plugins = [
    "tests.support.outside",
    "tests.support.postgresql",
    "tests.support.redis",
    "tests.support.soap_servers",
]

SERVER_OF = {
    "postgresql_url": "postgresql",
    "postgresql_database": "postgresql",
    "redis_server": "redis",
    "running_node": "node",
}

_skipped: list[str] = []


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what uses a server, so that `-m "not postgresql"` leaves it out."""
    for item in items:
        for marker in {SERVER_OF[name] for name in getattr(item, "fixturenames", ()) if name in SERVER_OF}:
            item.add_marker(marker)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Remember each server-backed test that was skipped."""
    if report.skipped and set(SERVER_OF.values()) & set(report.keywords):
        _skipped.append(report.nodeid)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """With ONHOOK_REQUIRE_SERVERS=1, a run that skipped a server-backed test has failed, for whatever reason it did."""
    if REQUIRED and _skipped:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which ones they were."""
    if REQUIRED and _skipped:
        terminalreporter.section("server-backed tests that were skipped, although servers are required")
        for name in _skipped:
            terminalreporter.line(name)
