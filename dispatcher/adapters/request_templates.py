"""The `Templates` port for requests of either kind: REST by Jinja alone, SOAP by a WSDL as well."""

from collections.abc import Collection
from uuid import UUID

from dispatcher.adapters.soap.templates import SoapTemplates
from dispatcher.adapters.templates.request import JinjaTemplates
from dispatcher.domain.profile import ProfileSpec
from dispatcher.domain.requests.soap_request import SoapRequest
from dispatcher.domain.shape import Fault
from dispatcher.ports import RequestTemplate


class RequestTemplates:
    """Hands each request to the templates of its kind."""

    def __init__(self, rest: JinjaTemplates, soap: SoapTemplates) -> None:
        self._rest, self._soap = rest, soap

    def check(self, spec: ProfileSpec, outputs: Collection[str] = (), *, workspace_id: UUID) -> list[Fault]:
        """As the port has it."""
        return self._of(spec).check(spec, outputs, workspace_id=workspace_id)

    def compile(self, spec: ProfileSpec, hash_key: bytes = b"", *, workspace_id: UUID) -> RequestTemplate:
        """As the port has it."""
        return self._of(spec).compile(spec, hash_key, workspace_id=workspace_id)

    def is_at_hand(self, spec: ProfileSpec) -> bool:
        """As the port has it."""
        return self._of(spec).is_at_hand(spec)

    def prepare(self, spec: ProfileSpec, *, workspace_id: UUID) -> None:
        """As the port has it."""
        self._of(spec).prepare(spec, workspace_id=workspace_id)

    def _of(self, spec: ProfileSpec) -> JinjaTemplates | SoapTemplates:
        return self._soap if isinstance(spec.request, SoapRequest) else self._rest
