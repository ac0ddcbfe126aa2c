"""What a test does where a server that it needs is not installed: skip on a laptop, fail in CI."""

import os
from typing import NoReturn

import pytest

REQUIRED = os.environ.get("ONHOOK_REQUIRE_SERVERS") == "1"


def lacking(what: str) -> NoReturn:
    """End the test: skipped, or failed where ONHOOK_REQUIRE_SERVERS=1 says that everything must be here."""
    if REQUIRED:
        pytest.fail(f"ONHOOK_REQUIRE_SERVERS is set, but there is no {what}", pytrace=False)
    pytest.skip(f"there is no {what}")
