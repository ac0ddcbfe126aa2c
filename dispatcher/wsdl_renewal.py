"""Give profiles a WSDL's new content, those that fit it: nothing that runs is ever broken by a refresh."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from dispatcher.domain.profile import ProfileRefused, ProfileSpec
from dispatcher.domain.requests.soap_request import SoapRequest, is_content_hash
from dispatcher.domain.shape import Fault
from dispatcher.domain.soap.choosing import NotOffered, chosen
from dispatcher.domain.soap.description import Description
from dispatcher.ports import AdminStore, Clock, SavedProfile, Templates
from dispatcher.ports.wsdl import ReadDescription, WsdlStore
from dispatcher.review import neighbours_of, review
from dispatcher.wsdl_inspection import Broken

CHANGED_MEANWHILE: Fault = {
    "field": "",
    "expected": "the profile as it was when the refresh began: refresh again",
    "got": "one that was changed or deleted meanwhile",
}

Parse = Callable[[object], ProfileSpec]
TemplatesReading = Callable[[ReadDescription], Templates]
"""Templates that judge SOAP requests by the descriptions that are read so."""


class Store(AdminStore, WsdlStore, Protocol):
    """What is asked of the database."""


@dataclass(frozen=True)
class Renewer:
    """Moves profiles from whatever content they were checked against to the one that their WSDL has now."""

    store: Store
    parse: Parse
    templates_reading: TemplatesReading
    clock: Clock

    def move(
        self, workspace_id: UUID, location: str, content_hash: str, description: Description, *, dry_run: bool
    ) -> tuple[list[str], list[Broken]]:
        """Names of the profiles of that location that were moved, and those that do not fit. Every move is a new
        revision; a dry run makes none, and the content need not be kept."""

        def read(owner: UUID, asked: str) -> Description | None:
            ours = (owner, asked) == (workspace_id, content_hash)
            return description if ours else self.store.wsdl_description(owner, asked)

        judge = self._judge(workspace_id, self.templates_reading(read))
        moved: list[str] = []
        broken: list[Broken] = []
        for saved in self._users(workspace_id, location, content_hash):
            name = saved.profile.spec.name
            spec, faults = judge(_moved(saved.profile.spec.document, location, content_hash))
            if spec is not None and not faults:
                faults = self._elsewhere(workspace_id, saved.profile.spec, description)
            if spec is None or faults:
                broken.append(Broken(name, faults))
            elif dry_run or self._update(workspace_id, saved, spec):
                moved.append(name)
            else:
                broken.append(Broken(name, [CHANGED_MEANWHILE]))
        return moved, broken

    def _update(self, workspace_id: UUID, saved: SavedProfile, spec: ProfileSpec) -> bool:
        """Whether it was given the document. Not where somebody changed or deleted it since it was read: what they did,
        such as switching it off, would be undone."""
        name, revision = saved.profile.spec.name, saved.profile.revision
        return self.store.update_profile(workspace_id, name, spec, self.clock(), revision) is not None

    def _users(self, workspace_id: UUID, location: str, content_hash: str) -> Iterator[SavedProfile]:
        for saved in self.store.profiles(workspace_id):
            request = saved.profile.spec.request
            if isinstance(request, SoapRequest) and request.wsdl == location and request.wsdl_hash != content_hash:
                yield saved

    def _elsewhere(self, workspace_id: UUID, spec: ProfileSpec, description: Description) -> list[Fault]:
        """The fault of a profile that would send to another address than before: whoever serves a WSDL could lead calls
        and credentials to wherever he likes. An address of the profile's own settles it."""
        request = spec.request
        assert isinstance(request, SoapRequest)
        old = self.store.wsdl_description(workspace_id, request.wsdl_hash or "")
        if request.address is not None or old is None:
            return []
        was, now = _address(old, request), _address(description, request)
        if was == now:
            return []
        expected = f"the address that is meant: the WSDL had {was}, and has {now} now"
        return [{"field": "request.address", "expected": expected, "got": "nothing"}]

    def _judge(
        self, workspace_id: UUID, templates: Templates
    ) -> Callable[[dict[str, Any]], tuple[ProfileSpec | None, list[Fault]]]:
        """As a save would judge: the profile of a document, or its faults."""
        neighbours = neighbours_of(self.store, workspace_id)
        credentials = self.store.credential_names(workspace_id)

        def judge(document: dict[str, Any]) -> tuple[ProfileSpec | None, list[Fault]]:
            try:
                spec = self.parse(document)
            except ProfileRefused as refused:  # saved under older rules
                return None, refused.faults
            return spec, review(spec, neighbours, credentials, templates, workspace_id)

        return judge


def _address(description: Description, request: SoapRequest) -> str | None:
    try:
        return chosen(description, request).port.address
    except NotOffered:  # under older rules, perhaps: then there was nowhere to send to
        return None


def _moved(document: dict[str, Any], location: str, content_hash: str) -> dict[str, Any]:
    request = {**document["request"], "wsdl_hash": content_hash}
    if is_content_hash(location):
        # An upload has no other name than its content's.
        request["wsdl"] = content_hash
    return {**document, "request": request}
