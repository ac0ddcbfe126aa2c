"""STAND-IN, to be replaced whole at merge: well-known schemas, none yet."""

from collections.abc import Mapping

KNOWN_SCHEMAS: Mapping[str, bytes] = {}
"""By the URL that imports name."""
