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
from typing import Any
from uuid import UUID

from dispatcher.adapters.process import free_what_stayed, making_what_stays
from dispatcher.adapters.soap.envelopes import ParsedWsdl
from dispatcher.adapters.soap.zeep_document import parse_bundle
from dispatcher.domain.exchange import ErrorWord
from dispatcher.domain.soap.bundle import WsdlRefused
from dispatcher.domain.soap.description import Description
from dispatcher.ports import RenderError, StoreUnavailable
from dispatcher.ports.wsdl import KeptWsdl, ReadDescription

logger = logging.getLogger(__name__)

MAX_PARSED_BYTES = 33_554_432
"""Of the sources of what is kept parsed; zeep's objects take some thirty times as much memory. What had no more room is
freed once it is half as much."""
MAX_DESCRIBED_PARAMETERS = 100_000
"""Of all descriptions kept, for checking and compiling profiles: some 60 MB."""
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
    passing: bool

    def as_error(self) -> RenderError:
        """For the delivery that asks."""
        return RenderError("request.wsdl", self.reason, ErrorWord.WSDL, passing=self.passing)


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
        self._described: OrderedDict[tuple[UUID, str], tuple[Description, int]] = OrderedDict()
        self._lock = Lock()
        self._parsing: dict[str, Lock] = {}

    def description(self, workspace_id: UUID, content_hash: str) -> Description | None:
        """What a kept WSDL offers; None where the workspace has none of that content. Raises StoreUnavailable."""
        key = workspace_id, content_hash
        with self._lock:
            if key in self._described:
                self._described.move_to_end(key)
                return self._described[key][0]
        found = self._read_description(workspace_id, content_hash)
        if found is not None:
            with self._lock:
                self._described[key] = found, _parameters_in(found)
                while len(self._described) > 1 and _total(self._described) > MAX_DESCRIBED_PARAMETERS:
                    self._described.popitem(last=False)
        return found

    def is_at_hand(self, content_hash: str) -> bool:
        """Whether `parsed` would answer at once, or at once refuse."""
        refused = self._refused.get(content_hash)
        return content_hash in self._parsed or (refused is not None and refused.until > self._now())

    def at_hand(self, content_hash: str) -> ParsedWsdl:
        """The parsed WSDL, at once. Raises RenderError where it cannot be used, and one that passes where it has left
        for others since it was found to be at hand."""
        found = self._found(content_hash)
        if found is None:
            raise RenderError("request.wsdl", "a WSDL that is being read again", ErrorWord.WSDL, passing=True)
        return found

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

    def raise_if_refused(self, content_hash: str) -> None:
        """Raises RenderError for a WSDL that could not be used a moment ago."""
        refused = self._refused.get(content_hash)
        if refused is not None and refused.until > self._now():
            raise refused.as_error()

    def _found(self, content_hash: str) -> ParsedWsdl | None:
        with self._lock:
            kept = self._parsed.get(content_hash)
            if kept is not None:
                self._parsed.move_to_end(content_hash)
                return kept[0]
        self.raise_if_refused(content_hash)
        return None

    def _parse(self, workspace_id: UUID, content_hash: str) -> ParsedWsdl:
        began = self._now()
        try:
            kept = self._kept(workspace_id, content_hash)
            with _patient(), making_what_stays():
                parsed = ParsedWsdl(parse_bundle(kept.bundle), kept.description)
        except StoreUnavailable:
            raise
        except WsdlRefused as refused:
            # Its sentence may hold a URL with a key in it, and a delivery's reason is read by many.
            logger.warning("wsdl.refused", extra={"fields": {"content_hash": content_hash}})
            raise self._refuse(content_hash, refused_now(refused)) from None
        except Exception as error:
            # No memory, or a row that this process has no key for. Left unrefused it would never be at hand: what waits
            # for it would stay pending without a word, and each hint would begin all this anew.
            logger.exception("wsdl.cannot_be_used", extra={"fields": {"content_hash": content_hash}})
            reason = f"a WSDL that cannot be used now ({type(error).__name__})"
            raise self._refuse(content_hash, reason, passing=True) from None
        self._keep(content_hash, parsed, kept.bundle.size_bytes)
        fields = {"content_hash": content_hash, "bytes": kept.bundle.size_bytes, "seconds": self._now() - began}
        logger.info("wsdl.parsed", extra={"fields": fields})
        return parsed

    def _kept(self, workspace_id: UUID, content_hash: str) -> KeptWsdl:
        kept = self._load(workspace_id, content_hash)
        if kept is None:
            raise _KeptNoMore
        return kept

    def _keep(self, content_hash: str, parsed: ParsedWsdl, size: int) -> None:
        with self._lock:
            self._refused.pop(content_hash, None)
            self._parsed[content_hash] = parsed, size
            while len(self._parsed) > 1 and _total(self._parsed) > self._max_parsed_bytes:
                self._let_go_bytes += self._parsed.popitem(last=False)[1][1]
            self._parsing.pop(content_hash, None)
            # Not each time, because it holds every thread up.
            free = self._let_go_bytes > self._max_parsed_bytes // 2
            self._let_go_bytes = 0 if free else self._let_go_bytes
        if free:
            free_what_stayed()

    def _refuse(self, content_hash: str, reason: str, *, passing: bool = False) -> RenderError:
        refused = _Refused(self._now() + REFUSED_SECONDS, reason, passing)
        with self._lock:
            self._refused[content_hash] = refused
            self._parsing.pop(content_hash, None)
        return refused.as_error()


class _KeptNoMore(WsdlRefused):
    """No row has this content."""


def refused_now(refused: WsdlRefused) -> str:
    """What a delivery says of a WSDL that could be read when its profile was saved."""
    if isinstance(refused, _KeptNoMore):
        return "a WSDL that is kept no more: inspect it again and give the profile its new wsdl_hash"
    return "a WSDL that this release cannot read: refresh it (onhook wsdl inspect --refresh)"


def _total(kept: OrderedDict[Any, tuple[Any, int]]) -> int:
    return sum(size for _, size in kept.values())


def _parameters_in(description: Description) -> int:
    operations = sum(len(each.input) + len(each.output) for own in description.bindings for each in own.operations)
    return operations + sum(len(each.parameters) for each in description.types)


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
