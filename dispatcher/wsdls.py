"""Inspect and refresh WSDLs, and pin profiles to what was found: the one way, for the API and for the command line."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import BoundedSemaphore
from typing import Any, Protocol
from uuid import UUID

from dispatcher.domain.credentials.credential import Credential
from dispatcher.domain.profile import ProfileRefused
from dispatcher.domain.requests.soap_request import SoapRequest, is_content_hash
from dispatcher.domain.requests.target_url import read_url
from dispatcher.domain.shape import Fault, Reading, nearest
from dispatcher.domain.soap.bundle import WsdlRefused
from dispatcher.domain.soap.changes import Changes, changes
from dispatcher.ports import AdminStore, Clock, CredentialStore, WorkspaceStore
from dispatcher.ports.wsdl import KeptWsdl, OpenFetch, WsdlEngine, WsdlStore, WsdlVersion
from dispatcher.wsdl_inspection import Asked, Document, Inspection, InspectionRefused, Renewal, refuse_unknown
from dispatcher.wsdl_renewal import Parse, Renewer, TemplatesReading

AT_ONCE = 4
"""Inspections that fetch and parse in a process: each holds a thread, perhaps for a minute, and a processor."""
MAX_VERSIONS = 20
"""Contents kept of one location, besides those that profiles use."""
NOT_INSPECTED = "a WSDL that was inspected before (onhook wsdl inspect): this token may fetch none"


class TooManyInspections(Exception):
    """As many as may run at once are running: try again in a while."""


class Store(AdminStore, WsdlStore, CredentialStore, WorkspaceStore, Protocol):
    """What is asked of the database."""


class Wsdls:
    """The WSDLs of every workspace. Safe to use from several threads."""

    def __init__(
        self,
        store: Store,
        engine: WsdlEngine,
        open_fetch: OpenFetch,
        parse: Parse,
        templates_reading: TemplatesReading,
        clock: Clock,
    ) -> None:
        self._store, self._engine, self._open_fetch = store, engine, open_fetch
        self._parse, self._clock = parse, clock
        self._renewer = Renewer(store, parse, templates_reading, clock)
        self._slots = BoundedSemaphore(AT_ONCE)

    # --- inspect and refresh

    def inspect(self, workspace_id: UUID, asked: Asked) -> Inspection:
        """Reads a WSDL and keeps it, unless it is a dry run. A URL that is known is answered from what is kept; with
        `refresh` it is fetched again, with the credential of the last time if none is named, and the profiles that use
        it are moved where they fit. Blocks for a minute at most, where something is fetched.

        Raises `InspectionRefused`, `WsdlRefused` and `TooManyInspections`; then nothing is kept and nothing moved.
        """
        credential = self._credential(workspace_id, asked.credential)
        before = self._newest(workspace_id, asked.url) if asked.url is not None else self._replaced(workspace_id, asked)
        if asked.url is not None and before is not None:
            if not asked.refresh:
                return self._from_store(workspace_id, asked, before)
            if credential is None and before.credential is not None:
                saved = self._store.credential(workspace_id, before.credential)
                credential = saved.credential if saved is not None else None
        found = self._read(workspace_id, asked, credential)
        refuse_unknown(asked.operation, found.description)
        return self._kept(workspace_id, asked, found, before, credential)

    def _kept(
        self,
        workspace_id: UUID,
        asked: Asked,
        found: KeptWsdl,
        before: WsdlVersion | None,
        credential: Credential | None,
    ) -> Inspection:
        replaced = asked.url or asked.replaces
        location = replaced if replaced and not is_content_hash(replaced) else found.content_hash
        name = credential.name if credential is not None else None
        now = self._clock()
        # What changed is told of the contents that were kept before this one, so it is looked at first.
        changed = self._changes(workspace_id, before, found) if asked.refresh else None
        if not asked.dry_run:
            self._store.keep_wsdl(workspace_id, found, location, name, now)
        renewal = None
        if changed is not None and replaced is not None:
            unchanged = before is not None and before.content_hash == found.content_hash
            moved, breaks = self._renewer.move(
                workspace_id, replaced, found.content_hash, found.description, dry_run=asked.dry_run
            )
            renewal = Renewal(unchanged, changed, moved, breaks)
        if not asked.dry_run:
            self._forget_oldest(workspace_id, location)
        sizes = {url: len(document) for url, document in found.bundle.documents.items()}
        return Inspection(found.content_hash, location, now, False, name, sizes, found.description, renewal)

    def _forget_oldest(self, workspace_id: UUID, location: str) -> None:
        """A server that writes the date into its WSDL would otherwise fill the database, a refresh at a time."""
        old = self._store.wsdl_versions(workspace_id, location)[MAX_VERSIONS:]
        if old:
            requests = (saved.profile.spec.request for saved in self._store.profiles(workspace_id))
            used = {request.wsdl_hash for request in requests if isinstance(request, SoapRequest)}
            self._store.forget_wsdls(workspace_id, location, {each.content_hash for each in old} - used)

    def _changes(self, workspace_id: UUID, before: WsdlVersion | None, found: KeptWsdl) -> Changes:
        description = None
        if before is not None and before.content_hash != found.content_hash:
            description = self._store.wsdl_description(workspace_id, before.content_hash)
        return changes(description or found.description, found.description)

    def _from_store(self, workspace_id: UUID, asked: Asked, version: WsdlVersion) -> Inspection:
        kept = self._store.wsdl(workspace_id, version.content_hash)
        assert kept is not None, "contents are never deleted while a version names them"
        refuse_unknown(asked.operation, kept.description)
        sizes = {url: len(document) for url, document in kept.bundle.documents.items()}
        return Inspection(
            version.content_hash,
            version.location,
            version.fetched_at,
            True,
            version.credential,
            sizes,
            kept.description,
        )

    def _read(self, workspace_id: UUID, asked: Asked, credential: Credential | None) -> KeptWsdl:
        upload = asked.upload
        root = upload.root if upload is not None else asked.url or ""
        given: Mapping[str, bytes] = upload if upload is not None else {}
        with self._slot():
            fetch = self._open_fetch(root, credential, self._store.workspace(workspace_id).egress_proxy)
            bundle = self._engine.collect(root, given, fetch)
            return KeptWsdl(bundle.content_hash, bundle, self._engine.describe(bundle))

    @contextmanager
    def _slot(self) -> Iterator[None]:
        if not self._slots.acquire(blocking=False):
            raise TooManyInspections
        try:
            yield
        finally:
            self._slots.release()

    def _replaced(self, workspace_id: UUID, asked: Asked) -> WsdlVersion | None:
        """What an upload takes the place of; None where it takes none's."""
        if asked.replaces is None:
            return None
        found = self._newest(workspace_id, asked.replaces)
        if found is None:
            known = {each.location for each in self._store.wsdl_versions(workspace_id)}
            expected = f"the URL or content hash of a WSDL that is kept{nearest(asked.replaces, known)}"
            raise InspectionRefused([{"field": "replaces", "expected": expected, "got": "one that is not"}])
        return found

    def _newest(self, workspace_id: UUID, location: str) -> WsdlVersion | None:
        return next(iter(self._store.wsdl_versions(workspace_id, location)), None)

    def _credential(self, workspace_id: UUID, name: str | None) -> Credential | None:
        if name is None:
            return None
        saved = self._store.credential(workspace_id, name)
        if saved is None:
            hint = nearest(name, self._store.credential_names(workspace_id))
            expected = f"the name of a credential{hint}"
            raise InspectionRefused([{"field": "credential", "expected": expected, "got": name[:200]}])
        return saved.credential

    # --- what is kept

    def listed(self, workspace_id: UUID) -> list[Document]:
        """Every content of every location, newest first, and the profiles that were checked against it."""
        users: dict[tuple[str | None, str | None], list[str]] = {}
        for saved in self._store.profiles(workspace_id):
            request = saved.profile.spec.request
            if isinstance(request, SoapRequest):
                users.setdefault((request.wsdl, request.wsdl_hash), []).append(saved.profile.spec.name)
        return [
            {
                "location": each.location,
                "content_hash": each.content_hash,
                "fetched_at": each.fetched_at,
                "credential": each.credential,
                "size_bytes": each.size_bytes,
                "profiles": sorted(users.get((each.location, each.content_hash), [])),
            }
            for each in self._store.wsdl_versions(workspace_id)
        ]

    # --- pin

    def pin(self, workspace_id: UUID, document: Any, *, may_fetch: bool = True) -> Any:
        """A profile's document with the `wsdl_hash` of what it is to be checked against: the one that it names, where
        that is known of its WSDL, else the newest known one, else what is fetched now with the profile's credential.

        A document that is no SOAP profile, or whose `wsdl` is none, comes back as it is, for the parser to judge.
        Raises `ProfileRefused` where the WSDL cannot be had; and `TooManyInspections`.
        """
        request = document.get("request") if isinstance(document, dict) else None
        if not isinstance(request, dict) or request.get("kind") != "soap" or request.get("envelope"):
            return document
        wsdl, given = request.get("wsdl"), request.get("wsdl_hash")
        if not isinstance(wsdl, str) or not _fit(given) or not (is_content_hash(wsdl) or _is_literal_url(wsdl)):
            return document
        content_hash = self._pinned(workspace_id, document, wsdl, given, may_fetch=may_fetch)
        return {**document, "request": {**request, "wsdl_hash": content_hash}}

    def _pinned(self, workspace_id: UUID, document: Document, wsdl: str, given: str | None, *, may_fetch: bool) -> str:
        if is_content_hash(wsdl):
            if all(each.content_hash != wsdl for each in self._store.wsdl_versions(workspace_id)):
                expected = "the content hash of a WSDL that was uploaded (onhook wsdl inspect FILE)"
                raise ProfileRefused([{"field": "request.wsdl", "expected": expected, "got": "an unknown one"}])
            return wsdl
        known = [each.content_hash for each in self._store.wsdl_versions(workspace_id, wsdl)]
        if known:
            return given if given in known else known[0]
        if not may_fetch:
            raise _no_wsdl(NOT_INSPECTED, "one that was not")
        return self._fetched_for(workspace_id, document, wsdl)

    def _fetched_for(self, workspace_id: UUID, document: Document, url: str) -> str:
        # Parsed first: for a document that is refused anyway nothing is fetched, and no credential is shown to anybody.
        spec = self._parse(document)
        try:
            return self.inspect(workspace_id, Asked(url, credential=spec.credential)).content_hash
        except WsdlRefused as refused:
            raise _no_wsdl("a WSDL that can be fetched and read", str(refused)) from refused
        except InspectionRefused as refused:
            raise ProfileRefused(list(refused.faults)) from refused


def fault_of_wsdl_url(url: object, at: str) -> Fault | None:
    """What is wrong with a URL that a WSDL is to be fetched from; None if it may be asked."""
    reading = Reading()
    if isinstance(url, str) and ("{{" in url or "{%" in url):
        reading.note(at, "a literal URL", url)
    else:
        read_url(reading, url, at)
    return reading.faults[0] if reading.faults else None


def _is_literal_url(text: str) -> bool:
    return fault_of_wsdl_url(text, "") is None


def _fit(content_hash: object) -> bool:
    return content_hash is None or (isinstance(content_hash, str) and is_content_hash(content_hash))


def _no_wsdl(expected: str, got: str) -> ProfileRefused:
    return ProfileRefused([{"field": "request.wsdl", "expected": expected, "got": got}])
