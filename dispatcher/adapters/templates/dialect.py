"""The template language as one profile speaks it: with its lookup tables, and its workspace's key for hashes."""

import hashlib
import hmac
import inspect
import unicodedata
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, cast

from jinja2 import nodes

from dispatcher.adapters.templates.filters import TEXT_FILTERS, is_absent
from dispatcher.adapters.templates.language import LANGUAGE, BoundedEnvironment
from dispatcher.adapters.templates.numbers import country_fault, e164, national
from dispatcher.adapters.templates.text import text_of
from dispatcher.adapters.templates.times import duration, duration_fault, epoch_ms, epoch_s, local, local_fault
from dispatcher.domain.filters import FILTERS
from dispatcher.domain.lookups import Lookups
from dispatcher.domain.shape import nearest


def _hash_with(key: bytes) -> Callable[[Any], str | None]:
    def keyed_hash(value: Any) -> str | None:
        if is_absent(value):
            return None
        if not key:
            raise ValueError("no key")  # Without one, anybody could try out every number there is.
        normal = unicodedata.normalize("NFKC", text_of(value)).strip().casefold()
        return hmac.new(key, normal.encode(), hashlib.sha256).hexdigest()

    return keyed_hash


def _map_with(lookups: Lookups) -> Callable[..., Any]:
    def look_up(value: Any, table: str, fallback: Any = None) -> Any:
        entries = lookups[table]
        if type(value) is list:
            return [entries.get(text_of(item), fallback) for item in value]
        return entries.get(text_of(value), fallback)

    return look_up


_FILTERS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        **TEXT_FILTERS,
        "e164": e164,
        "national": national,
        "local": local,
        "epoch_ms": epoch_ms,
        "epoch_s": epoch_s,
        "duration": duration,
        "hash": _hash_with(b""),
        "map": _map_with({}),
    }
)
_ARGUMENT_FAULTS: Mapping[str, Callable[..., str | None]] = MappingProxyType(
    {"e164": country_fault, "national": country_fault, "local": local_fault, "duration": duration_fault}
)


@dataclass(frozen=True, slots=True)
class Dialect:
    """What a profile's templates may say: the filters, its tables, the outputs of the profile it follows (None: not
    judged, since they may have been other ones when it was saved)."""

    environment: BoundedEnvironment
    tables: Collection[str] = ()
    outputs: Collection[str] | None = None

    def filter_fault(self, node: nodes.Filter) -> tuple[str, str] | None:
        """What is expected instead of a filter, and what was got, or None where it may stand."""
        if node.name not in FILTERS:
            return f"one of the filters {', '.join(FILTERS)}{nearest(node.name, FILTERS)}", f"the filter {node.name}"
        if node.node is None or node.dyn_args or node.dyn_kwargs:
            return "filters with plain arguments", f"the filter {node.name}"
        if node.name == "map":
            return self._map_fault(node)
        expected = _arity_fault(node) or _literal_fault(node)
        return None if expected is None else (expected, f"the filter {node.name} with other arguments")

    def _map_fault(self, node: nodes.Filter) -> tuple[str, str] | None:
        named = node.args[0] if node.args else named_arguments(node).get("table")
        table = named.value if isinstance(named, nodes.Const) else None
        if type(table) is not str:
            return "the literal name of a table of the profile's lookups", "the filter map without one"
        if table in self.tables:
            expected = _arity_fault(node)
            return None if expected is None else (expected, "the filter map with other arguments")
        known = f"one of the tables {', '.join(self.tables)}" if self.tables else "a table (the profile has no lookups)"
        return f"{known}{nearest(table, self.tables)}", f"unknown table {table}"


def dialect(
    lookups: Lookups = MappingProxyType({}), hash_key: bytes = b"", outputs: Collection[str] | None = None
) -> Dialect:
    """A profile's dialect. Each has an environment of its own, since compiled templates find their filters there."""
    environment = LANGUAGE.overlay()
    environment.filters = {
        **LANGUAGE.filters,
        **_FILTERS,
        "hash": _hash_with(hash_key),
        "map": _map_with(lookups),
    }
    return Dialect(environment, lookups.keys(), outputs)


def _arity_fault(node: nodes.Filter) -> str | None:
    function = _FILTERS[node.name]
    handed_in = 2 if _is_passed_something(function) else 1
    try:
        inspect.signature(function).bind(*[None] * handed_in, *node.args, **named_arguments(node))
    except TypeError:
        return f"{node.name}({FILTERS[node.name].arguments})"
    return None


def named_arguments(node: nodes.Filter) -> dict[str, nodes.Expr]:
    """The arguments `name=value` of a filter. (Jinja types them as pairs of expressions, which they are not.)"""
    keywords = cast("list[nodes.Keyword]", node.kwargs)
    return {each.key: each.value for each in keywords}


def _is_passed_something(function: Callable[..., Any]) -> bool:
    return hasattr(function, "jinja_pass_arg")


def _literal_fault(node: nodes.Filter) -> str | None:
    """What is expected of arguments that are literals; computed ones are judged when the call is there."""
    judge = _ARGUMENT_FAULTS.get(node.name)
    if judge is None:
        return None
    names = list(inspect.signature(judge).parameters)
    given = dict(zip(names, node.args, strict=False)) | named_arguments(node)
    literals = {name: value.value for name, value in given.items() if isinstance(value, nodes.Const)}
    try:
        return judge(**literals)
    except TypeError:
        return f"{node.name}({FILTERS[node.name].arguments})"
