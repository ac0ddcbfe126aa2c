"""The folder of payloads that call systems really sent, which lies outside of the project."""

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

needs_samples = pytest.mark.skipif("ONHOOK_SAMPLES" not in os.environ, reason="ONHOOK_SAMPLES names no folder")


@dataclass(frozen=True)
class NoEvent:
    """Why a file is no call event. The `format`, where there is one, gives nothing of it or refuses it."""

    file: str
    reason: str
    format: str | None = None


def content_of(file: str) -> bytes:
    """What a file of the folder holds."""
    return (Path(os.environ["ONHOOK_SAMPLES"]) / file).read_bytes()


def every_file() -> list[str]:
    """What lies in the folder's folders, each path from the folder, in order."""
    folder = Path(os.environ["ONHOOK_SAMPLES"])
    return sorted(str(each.relative_to(folder)) for each in folder.glob("*/**/*") if each.is_file())
