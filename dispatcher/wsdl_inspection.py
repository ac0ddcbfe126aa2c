"""An inspection of a WSDL: what is asked, and what is answered, as programs and people are shown it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote, unquote

from dispatcher.domain.shape import Fault, nearest
from dispatcher.domain.soap.bundle import UPLOAD_BASE
from dispatcher.domain.soap.changes import Changes
from dispatcher.domain.soap.choosing import listed
from dispatcher.domain.soap.description import Description, Operation
from dispatcher.domain.soap.examples import example
from dispatcher.domain.soap.tree import tree

Document = dict[str, Any]

DEFAULT_DEPTH = 6
"""Levels of nested parameters that are shown."""
MAX_NODES = 4_000
"""Parameters that are shown of all operations together; beyond, an operation has to be named to see its own."""
TOO_MANY = "There are too many parameters to show those of every operation: name an operation to see its own."


class InspectionRefused(Exception):
    """What was asked cannot be done; `faults` says why."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__(f"the inspection is refused for {len(faults)} fault(s)")
        self.faults = faults


@dataclass(frozen=True)
class Upload(Mapping[str, bytes]):
    """A WSDL that was handed in, and as a mapping, by URL, it and what stands beside it.

    `file` gives what it imports by relative name, None for what is not there; it is asked when that is wanted.
    """

    name: str
    document: bytes
    file: Callable[[str], bytes | None]

    @property
    def root(self) -> str:
        """The URL that it stands at, as far as its imports are concerned."""
        return UPLOAD_BASE + quote(self.name, errors="replace")

    def __getitem__(self, url: str) -> bytes:
        if url == self.root:
            return self.document
        if url.startswith(UPLOAD_BASE):
            name = url.removeprefix(UPLOAD_BASE)
            # An import may be written as a URL or, wrongly, as the name of a file: `a%20b.xsd` or `a b.xsd`.
            for each in dict.fromkeys((name, unquote(name))):
                document = self.file(each)
                if document is not None:
                    return document
        raise KeyError(url)

    def __iter__(self) -> Iterator[str]:
        return iter((self.root,))

    def __len__(self) -> int:
        return 1


@dataclass(frozen=True)
class Asked:
    """What is to be inspected: exactly one of `url` and `upload`. `replaces` is the location (a URL, or the content
    hash of an earlier upload) whose place an upload takes when it refreshes."""

    url: str | None = None
    upload: Upload | None = None
    credential: str | None = None
    refresh: bool = False
    dry_run: bool = False
    replaces: str | None = None
    operation: str | None = None
    """Must be there; else nothing is kept."""


@dataclass(frozen=True)
class Broken:
    """A profile that does not fit the new content, and keeps the old one."""

    profile: str
    faults: Sequence[Fault]


@dataclass(frozen=True)
class Renewal:
    """What a refresh came to. `moved` names the profiles that were (in a dry run: would be) given the new content."""

    unchanged: bool
    changed: Changes
    moved: Sequence[str]
    breaks: Sequence[Broken]

    def as_document(self) -> Document:
        """As JSON; `breaking`: whether one of the changes may break a profile, be there one or not."""
        found = self.changed.as_document()
        return {
            "unchanged": self.unchanged,
            "changed": found["changes"],
            "more_changes": found["more"],
            "breaking": found["breaking"],
            "moved": list(self.moved),
            "breaks": [{"profile": each.profile, "errors": list(each.faults)} for each in self.breaks],
        }


@dataclass(frozen=True)
class Inspection:
    """A WSDL that was read. `from_store`: it was not fetched now, but at `fetched_at`."""

    content_hash: str
    location: str
    fetched_at: datetime
    from_store: bool
    credential: str | None
    documents: Mapping[str, int]
    """Sizes in bytes by URL."""
    description: Description
    renewal: Renewal | None = None

    def as_document(self, operation: str | None = None, depth: int = DEFAULT_DEPTH) -> Document:
        """As JSON: all operations, with their parameters where these are not too many, or those of one name."""
        shown = _Operations(self.description, operation, depth)
        services = [
            {
                "name": service.name,
                "ports": [
                    {
                        "name": port.name,
                        "binding": port.binding,
                        "soap_version": self.description.binding(port.binding).soap_version.value,
                        "address": port.address,
                        "operations": shown.of_binding(port.binding),
                    }
                    for port in service.ports
                ],
            }
            for service in self.description.services
        ]
        return {
            "content_hash": self.content_hash,
            "location": self.location,
            "fetched_at": self.fetched_at,
            "from_store": self.from_store,
            "credential": self.credential,
            "documents": [{"url": url, "bytes": size} for url, size in self.documents.items()],
            "services": services,
            "trees": shown.with_trees,
            "notes": [*self.description.notes, *([] if shown.with_trees else [TOO_MANY])],
            **(self.renewal.as_document() if self.renewal is not None else {}),
        }


def refuse_unknown(operation: str | None, description: Description) -> None:
    """Raises `InspectionRefused` where an operation is named that no binding has."""
    known = {each.name for binding in description.bindings for each in binding.operations}
    if operation is not None and operation not in known:
        expected = f"the name of an operation{nearest(operation, known)}; there are {listed(known)}"
        raise InspectionRefused([{"field": "operation", "expected": expected, "got": operation[:200]}])


class _Operations:
    """The operations of each binding as they are shown, made once for all its ports."""

    def __init__(self, description: Description, name: str | None, depth: int) -> None:
        self._description, self._name, self._depth = description, name, depth
        self._made: dict[str, list[Document]] = {}
        self.with_trees = self._make_trees()

    def of_binding(self, binding: str) -> list[Document]:
        """Those of a binding."""
        return self._made[binding]

    def _make_trees(self) -> bool:
        """Makes what is shown; with trees, while there is room for them, else once more without."""
        room = MAX_NODES
        for _, port, binding in self._description.ports():
            if port.binding not in self._made:
                self._made[port.binding] = made = []
                for each in self._chosen(binding.operations):
                    made.append({**_head(each), **self._trees(each)})
                    room -= sum(map(_nodes, _node_lists(made[-1])))
                    if room < 0 and self._name is None:
                        self._make_heads()
                        return False
        return True

    def _make_heads(self) -> None:
        for _, port, binding in self._description.ports():
            self._made[port.binding] = [_head(each) for each in binding.operations]

    def _chosen(self, operations: Sequence[Operation]) -> Iterator[Operation]:
        return (each for each in operations if self._name in (None, each.name))

    def _trees(self, operation: Operation) -> Document:
        types = self._description.types
        return {
            "parameters": tree(operation.input, types, depth=self._depth),
            "headers": tree(operation.headers, types, depth=self._depth),
            "output": tree(operation.output, types, depth=self._depth),
            "example": example(operation.input, types, operation.required_choices),
        }


def _head(operation: Operation) -> Document:
    return {
        "name": operation.name,
        "documentation": operation.documentation,
        "soap_action": operation.soap_action,
        "style": operation.style,
        "use": operation.use,
        "one_way": operation.one_way,
        "parameter_count": len(operation.input),
    }


def _node_lists(shown: Document) -> Iterator[Any]:
    return (shown[name] for name in ("parameters", "headers", "output"))


def _nodes(value: Any) -> int:
    """How many objects a JSON value holds: a parameter is one."""
    if isinstance(value, dict):
        return 1 + sum(map(_nodes, value.values()))
    return sum(map(_nodes, value)) if isinstance(value, list) else 0
