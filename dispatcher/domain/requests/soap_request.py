"""A SOAP request as a profile describes it: an operation of a WSDL, and its parameters with templates in them."""

import re
from dataclasses import dataclass, field, fields
from typing import Any

from dispatcher.domain.requests.body import refuse_templates_in_keys
from dispatcher.domain.requests.http_headers import read_headers
from dispatcher.domain.requests.pairs import Pair, pairs_document, read_template
from dispatcher.domain.requests.target_url import read_url
from dispatcher.domain.shape import Reading
from dispatcher.domain.soap.bundle import HASH_PREFIX
from dispatcher.domain.soap.description import SoapVersion

_MAX_NAME_CHARACTERS = 500
_MAX_ACTION_CHARACTERS = 2_000
_HASH = re.compile(rf"{HASH_PREFIX}[0-9a-f]{{64}}")
_ACTION = re.compile(r"[\x21\x23-\x7e]*")
_OWN_HEADERS = frozenset({"content-type", "soapaction"})
"""Headers that the SOAP binding itself sets (SOAP 1.1, 6.1; SOAP 1.2 part 2, 7.1.4)."""
_BY_WSDL = ("service", "port", "operation", "parameters", "headers", "header_xml")


@dataclass(frozen=True, slots=True)
class SoapRequest:
    """A request to build from a WSDL or, with `envelope`, from a template of the whole message.

    `wsdl` is a URL, or the content hash of an uploaded one; `wsdl_hash` is the content that this revision of the
    profile was checked against. Without `service` and `port` the first port of the version that has the operation is
    meant. `address` is used instead of the WSDL's own. `parameters` and `headers` hold templates at any depth;
    `header_xml` is a template of header blocks that the WSDL does not declare.
    """

    soap_version: SoapVersion = SoapVersion.V1_1
    wsdl: str | None = None
    wsdl_hash: str | None = None
    service: str | None = None
    port: str | None = None
    operation: str | None = None
    address: str | None = None
    soap_action: str | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, Any] = field(default_factory=dict)
    header_xml: str | None = None
    http_headers: tuple[Pair, ...] = ()
    envelope: str | None = None
    one_way: bool | None = None
    """Whether an empty answer is all there will be; None: as the WSDL says, for an envelope no."""

    @property
    def target(self) -> str:
        """What is asked of whom, for a list: where it goes as far as the profile says, else the WSDL that says it."""
        return f"SOAP {self.operation or 'envelope'} {self.address or self.wsdl}"

    def as_document(self) -> dict[str, Any]:
        """As a profile's `request` shows it."""
        document = {each.name: getattr(self, each.name) for each in fields(self)}
        shown = {"soap_version": self.soap_version.value, "http_headers": pairs_document(self.http_headers)}
        return {"kind": "soap", **document, **shown}


SOAP_MEMBERS = ("kind", *(each.name for each in fields(SoapRequest)))


def is_content_hash(text: str) -> bool:
    """Whether a `wsdl` names what was uploaded, by its content hash."""
    return _HASH.fullmatch(text) is not None


def read_soap_request(reading: Reading, raw: object, at: str) -> SoapRequest:
    """A profile's `request` of kind soap; faults are noted. Whether it fits its WSDL is judged where WSDLs are kept."""
    given = reading.members(raw, at, SOAP_MEMBERS)
    if given.get("envelope"):
        # What a change from a WSDL to an envelope leaves behind: nobody wrote it, and nothing rests on it.
        given = {name: value for name, value in given.items() if name != "wsdl_hash"}
    version = _read_version(reading, given.get("soap_version", SoapVersion.V1_1.value), f"{at}.soap_version")
    one_way = given.get("one_way")
    request = SoapRequest(
        soap_version=SoapVersion(version),
        wsdl=_read_wsdl(reading, given.get("wsdl"), f"{at}.wsdl"),
        wsdl_hash=_read_hash(reading, given.get("wsdl_hash"), f"{at}.wsdl_hash"),
        service=_read_name(reading, given.get("service"), f"{at}.service"),
        port=_read_name(reading, given.get("port"), f"{at}.port"),
        operation=_read_name(reading, given.get("operation"), f"{at}.operation"),
        address=_read_literal_url(reading, given.get("address"), f"{at}.address"),
        soap_action=_read_action(reading, given.get("soap_action"), f"{at}.soap_action"),
        parameters=_read_tree(reading, given.get("parameters"), f"{at}.parameters"),
        headers=_read_tree(reading, given.get("headers"), f"{at}.headers"),
        header_xml=_read_xml(reading, given.get("header_xml"), f"{at}.header_xml"),
        http_headers=read_headers(reading, given.get("http_headers") or [], f"{at}.http_headers", _OWN_HEADERS),
        envelope=_read_xml(reading, given.get("envelope"), f"{at}.envelope"),
        one_way=None if one_way is None else reading.flag(one_way, f"{at}.one_way"),
    )
    _judge_together(reading, request, at)
    return request


def _judge_together(reading: Reading, request: SoapRequest, at: str) -> None:
    """What depends on which of the two ways is taken: by a WSDL, or by an envelope of one's own."""
    if request.envelope is None:
        if request.wsdl is None:
            reading.note(f"{at}.wsdl", "the URL of a WSDL, or the content hash of an uploaded one", None)
        if request.operation is None:
            reading.note(f"{at}.operation", "the name of an operation (onhook wsdl inspect lists them)", None)
        return
    if request.address is None:
        reading.note(f"{at}.address", "the URL that the envelope is sent to", None)
    for name in ("wsdl", *_BY_WSDL):
        if getattr(request, name):
            reading.note_got(f"{at}.{name}", "nothing beside an envelope, which says it all", name)


def _read_version(reading: Reading, raw: object, at: str) -> str:
    if type(raw) in (int, float):
        # What YAML makes of a version that is written without quotes: the list alone would seem to hold it already.
        reading.note(at, f'a text, in quotes: "{SoapVersion.V1_1}" or "{SoapVersion.V1_2}"', raw)
        return SoapVersion.V1_1
    return reading.word(raw, at, tuple(SoapVersion))


def _read_wsdl(reading: Reading, raw: object, at: str) -> str | None:
    if type(raw) is str and is_content_hash(raw):
        return raw
    return _read_literal_url(reading, raw, at)


def _read_literal_url(reading: Reading, raw: object, at: str) -> str | None:
    if raw is None:
        return None
    if type(raw) is str and "{{" in raw:
        reading.note(at, "a literal URL", raw)
        return None
    return read_url(reading, raw, at)


def _read_hash(reading: Reading, raw: object, at: str) -> str | None:
    if raw is None or (type(raw) is str and is_content_hash(raw)):
        return raw
    reading.note(at, f"nothing (it is filled in), or {HASH_PREFIX} and 64 hexadecimal digits", raw)
    return None


def _read_name(reading: Reading, raw: object, at: str) -> str | None:
    if raw is None:
        return None
    return reading.text(raw, at, _MAX_NAME_CHARACTERS) or None


def _read_action(reading: Reading, raw: object, at: str) -> str | None:
    if raw is None:
        return None
    action = reading.text(raw, at, _MAX_ACTION_CHARACTERS)
    if not _ACTION.fullmatch(action) or "{{" in action:
        reading.note(at, "a literal URI, without spaces and quotation marks", raw)
    return action


def _read_tree(reading: Reading, raw: object, at: str) -> dict[str, Any]:
    if raw is None:
        return {}
    if type(raw) is not dict:
        reading.note(at, "an object: values by the names of the parameters", raw)
        return {}
    refuse_templates_in_keys(reading, raw, at)
    return raw


def _read_xml(reading: Reading, raw: object, at: str) -> str | None:
    return None if raw is None else read_template(reading, raw, at) or None
