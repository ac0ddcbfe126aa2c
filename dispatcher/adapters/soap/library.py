"""The WSDLs of a process: read from the database when they are first needed, parsed once, kept while there is room.

Parsing a large one takes seconds. So nobody who carries deliveries calls what blocks here: they ask whether a WSDL is
at hand, and have it prepared on a thread of its own.
"""

import logging
import sys
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from time import monotonic
from uuid import UUID

from dispatcher.adapters.process import free_what_stayed, making_what_stays
from dispatcher.adapters.soap.envelopes import ParsedWsdl
from dispatcher.adapters.soap.zeep_document import parse_bundle
from dispatcher.domain.exchange import ErrorWord
from dispatcher.domain.soap.bundle import WsdlRefused
from dispatcher.domain.soap.description import Description
from dispatcher.ports import RenderError
from dispatcher.ports.wsdl import KeptWsdl, ReadDescription

logger = logging.getLogger(__name__)

MAX_PARSED_BYTES = 33_554_432
"""Of the sources of what is kept parsed; zeep's objects take some thirty times as much memory. What had no more room is
freed once it is half as much."""
MAX_DESCRIBED = 64
"""Descriptions kept, for checking profiles."""
REFUSED_SECONDS = 30.0
"""For so long a WSDL that could not be parsed is not tried again."""
PATIENT_SWITCH_SECONDS = 0.000_5
"""While a WSDL is parsed, other threads get the interpreter after so long, not after the usual 5 ms."""


LoadWsdl = Callable[[UUID, str], KeptWsdl | None]
"""`WsdlStore.wsdl`."""


@dataclass(frozen=True, slots=True)
class _Refused:
    until: float
    reason: str


class WsdlLibrary:
    """Safe to use from several threads. What is kept is found by content, so that workspaces share it; that a workspace
    has it is asked of the store when a profile is saved, and when it is first read."""

    def __init__(
        self,
        load: LoadWsdl,
        read_description: ReadDescription,
        *,
        max_parsed_bytes: int = MAX_PARSED_BYTES,
        now: Callable[[], float] = monotonic,
    ) -> None:
        self._load, self._read_description = load, read_description
        self._max_parsed_bytes, self._now = max_parsed_bytes, now
        self._parsed: OrderedDict[str, tuple[ParsedWsdl, int]] = OrderedDict()
        self._let_go_bytes = 0
        self._refused: dict[str, _Refused] = {}
        self._described: OrderedDict[tuple[UUID, str], Description] = OrderedDict()
        self._lock = Lock()
        self._parsing: dict[str, Lock] = {}

    def description(self, workspace_id: UUID, content_hash: str) -> Description | None:
        """What a kept WSDL offers; None where the workspace has none of that content. Raises StoreUnavailable."""
        key = workspace_id, content_hash
        with self._lock:
            if key in self._described:
                self._described.move_to_end(key)
                return self._described[key]
        found = self._read_description(workspace_id, content_hash)
        if found is not None:
            with self._lock:
                self._described[key] = found
                while len(self._described) > MAX_DESCRIBED:
                    self._described.popitem(last=False)
        return found

    def is_at_hand(self, content_hash: str) -> bool:
        """Whether `parsed` would answer at once, or at once refuse."""
        refused = self._refused.get(content_hash)
        return content_hash in self._parsed or (refused is not None and refused.until > self._now())

    def parsed(self, workspace_id: UUID, content_hash: str) -> ParsedWsdl:
        """The parsed WSDL; blocks for as long as reading and parsing take, unless it is at hand.

        Raises RenderError where there is none or it cannot be parsed, StoreUnavailable where the database is away.
        """
        found = self._found(content_hash)
        if found is not None:
            return found
        with self._lock:
            parsing = self._parsing.setdefault(content_hash, Lock())
        with parsing:
            found = self._found(content_hash)
            return found if found is not None else self._parse(workspace_id, content_hash)

    def _found(self, content_hash: str) -> ParsedWsdl | None:
        with self._lock:
            kept = self._parsed.get(content_hash)
            if kept is not None:
                self._parsed.move_to_end(content_hash)
                return kept[0]
            refused = self._refused.get(content_hash)
        if refused is not None and refused.until > self._now():
            raise RenderError("request.wsdl", refused.reason, ErrorWord.WSDL)
        return None

    def _parse(self, workspace_id: UUID, content_hash: str) -> ParsedWsdl:
        kept = self._load(workspace_id, content_hash)
        if kept is None:
            raise self._refuse(content_hash, "a WSDL that is kept no more: inspect it again and save the profile")
        began = self._now()
        try:
            with _patient(), making_what_stays():
                parsed = ParsedWsdl(parse_bundle(kept.bundle), kept.description)
        except (WsdlRefused, MemoryError) as refused:
            # It was parsed when it was saved, so that this is another release of zeep, or a machine without memory.
            reason = str(refused) if isinstance(refused, WsdlRefused) else "a WSDL that takes too much memory to parse"
            raise self._refuse(content_hash, reason) from None
        self._keep(content_hash, parsed, kept.bundle.size_bytes)
        fields = {"content_hash": content_hash, "bytes": kept.bundle.size_bytes, "seconds": self._now() - began}
        logger.info("wsdl.parsed", extra={"fields": fields})
        return parsed

    def _keep(self, content_hash: str, parsed: ParsedWsdl, size: int) -> None:
        with self._lock:
            self._refused.pop(content_hash, None)
            self._parsed[content_hash] = parsed, size
            while len(self._parsed) > 1 and sum(each for _, each in self._parsed.values()) > self._max_parsed_bytes:
                self._let_go_bytes += self._parsed.popitem(last=False)[1][1]
            self._parsing.pop(content_hash, None)
            # Not each time, because it holds every thread up.
            free = self._let_go_bytes > self._max_parsed_bytes // 2
            self._let_go_bytes = 0 if free else self._let_go_bytes
        if free:
            free_what_stayed()

    def _refuse(self, content_hash: str, reason: str) -> RenderError:
        with self._lock:
            self._refused[content_hash] = _Refused(self._now() + REFUSED_SECONDS, reason)
            self._parsing.pop(content_hash, None)
        return RenderError("request.wsdl", reason, ErrorWord.WSDL)


@contextmanager
def _patient() -> Iterator[None]:
    """Lets other threads take turns with this one more often than usual. (If two such overlap, the first to end ends it
    for both: it is a courtesy, no lock.)"""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(min(usual, PATIENT_SWITCH_SECONDS))
    try:
        yield
    finally:
        sys.setswitchinterval(max(usual, 0.005))
