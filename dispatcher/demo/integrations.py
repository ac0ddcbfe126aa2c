"""The demonstration's profiles: the examples of `config/profiles`, pointed at the local CRM."""

import re
from pathlib import Path
from typing import Any

import yaml

RETIRED = "retired-crm"
"""Its target is gone: the one profile whose deliveries are expected to be given up."""
_LOCATIONS = ("url", "wsdl", "address")
"""Members of a request that say where its target is: of REST the first, of SOAP the others."""
_ORIGIN = re.compile(r"^https?://[^/?]+")
QUICK_RETRIES = {"delays_seconds": [0.5, 1, 2, 4, 8], "jitter": 0.1, "give_up_after_seconds": 60}
"""For those that every demonstration wants to see through; real targets are given hours, not seconds."""
FEW_RETRIES = {"delays_seconds": [0.5, 1], "jitter": 0.1, "give_up_after_seconds": 60}


def demo_profiles(folder: Path, crm: str, nobody: str) -> list[dict[str, Any]]:
    """The example profiles with the CRM's origin, or `nobody`'s for the retired one, and with short retry delays."""
    documents = [
        document for path in sorted(folder.glob("*.yaml")) for document in yaml.safe_load_all(path.read_text("utf-8"))
    ]
    return [_pointed(document, crm, nobody) for document in documents]


def _pointed(document: dict[str, Any], crm: str, nobody: str) -> dict[str, Any]:
    retired = document["name"] == RETIRED
    request = document["request"]
    pointed = {name: _ORIGIN.sub(nobody if retired else crm, request[name]) for name in _LOCATIONS if request.get(name)}
    return document | {"request": request | pointed, "retry": FEW_RETRIES if retired else QUICK_RETRIES}
