"""What tests of SOAP requests share: WSDLs, kept as the product keeps them, and the way to an envelope."""

from typing import Any
from uuid import UUID

from lxml import etree

from dispatcher.adapters.engines import ENGINES
from dispatcher.adapters.soap.describe import describe
from dispatcher.adapters.soap.library import WsdlLibrary
from dispatcher.adapters.soap.templates import SoapTemplates
from dispatcher.adapters.soap.zeep_document import parse_bundle
from dispatcher.domain.profile import ProfileSpec, parse_profile
from dispatcher.domain.soap.bundle import Bundle
from dispatcher.domain.soap.description import Description
from dispatcher.ports.wsdl import KeptWsdl

WORKSPACE = UUID(int=1)
URL = "https://crm.example/api?wsdl"
ENVELOPES = {
    "1.1": "http://schemas.xmlsoap.org/soap/envelope/",
    "1.2": "http://www.w3.org/2003/05/soap-envelope",
}

CRM = """<?xml version="1.0"?>
<definitions name="Crm" targetNamespace="urn:crm" xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:tns="urn:crm"
  xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/"
  xmlns:soap12="http://schemas.xmlsoap.org/wsdl/soap12/">
 <types><xsd:schema targetNamespace="urn:crm" elementFormDefault="qualified">
  <xsd:simpleType name="Outcome"><xsd:restriction base="xsd:string">
    <xsd:enumeration value="answered"/><xsd:enumeration value="missed"/></xsd:restriction></xsd:simpleType>
  <xsd:complexType name="Agent"><xsd:sequence>
    <xsd:element name="Name" type="xsd:string"/><xsd:element name="Extension" type="xsd:int" minOccurs="0"/>
   </xsd:sequence><xsd:attribute name="site" type="xsd:string"/></xsd:complexType>
  <xsd:complexType name="Supervisor"><xsd:complexContent><xsd:extension base="tns:Agent"><xsd:sequence>
    <xsd:element name="Team" type="xsd:string"/></xsd:sequence></xsd:extension></xsd:complexContent></xsd:complexType>
  <xsd:complexType name="Line"><xsd:sequence>
    <xsd:element name="Code" type="xsd:string"/><xsd:element name="Price" type="xsd:decimal" minOccurs="0"/>
   </xsd:sequence></xsd:complexType>
  <xsd:element name="LogCall"><xsd:complexType><xsd:sequence>
    <xsd:element name="CallId" type="xsd:string"/>
    <xsd:element name="Seconds" type="xsd:int"/>
    <xsd:element name="Day" type="xsd:date" minOccurs="0"/>
    <xsd:element name="Ended" type="xsd:dateTime" minOccurs="0"/>
    <xsd:element name="Vip" type="xsd:boolean" minOccurs="0"/>
    <xsd:element name="Score" type="xsd:decimal" minOccurs="0"/>
    <xsd:element name="Note" type="xsd:base64Binary" minOccurs="0"/>
    <xsd:element name="Outcome" type="tns:Outcome" minOccurs="0"/>
    <xsd:element name="Agent" type="tns:Agent" minOccurs="0"/>
    <xsd:element name="Code" type="xsd:string" minOccurs="0" maxOccurs="unbounded"/>
    <xsd:element name="Line" type="tns:Line" minOccurs="0" maxOccurs="5"/>
    <xsd:element name="Lead" type="xsd:string" nillable="true" minOccurs="0"/>
    <xsd:element name="Extra" type="xsd:anyType" minOccurs="0"/>
    <xsd:any minOccurs="0" processContents="lax" namespace="##other"/>
   </xsd:sequence></xsd:complexType></xsd:element>
  <xsd:element name="LogCallResponse"><xsd:complexType><xsd:sequence>
    <xsd:element name="LogCallResult"><xsd:complexType><xsd:sequence>
      <xsd:element name="LeadId" type="xsd:int"/><xsd:element name="Fee" type="xsd:decimal" minOccurs="0"/>
      <xsd:element name="At" type="xsd:dateTime" minOccurs="0"/>
    </xsd:sequence></xsd:complexType></xsd:element></xsd:sequence></xsd:complexType></xsd:element>
  <xsd:element name="Notify"><xsd:complexType><xsd:sequence>
    <xsd:element name="CallId" type="xsd:string"/></xsd:sequence></xsd:complexType></xsd:element>
  <xsd:element name="Session"><xsd:complexType><xsd:sequence>
    <xsd:element name="Id" type="xsd:string"/></xsd:sequence></xsd:complexType></xsd:element>
 </xsd:schema></types>
 <message name="LogCallIn"><part name="parameters" element="tns:LogCall"/></message>
 <message name="LogCallOut"><part name="parameters" element="tns:LogCallResponse"/></message>
 <message name="NotifyIn"><part name="parameters" element="tns:Notify"/></message>
 <message name="SessionHeader"><part name="Session" element="tns:Session"/></message>
 <portType name="CrmPort">
  <operation name="LogCall"><documentation>Notes a call.</documentation>
   <input message="tns:LogCallIn"/><output message="tns:LogCallOut"/></operation>
  <operation name="Notify"><input message="tns:NotifyIn"/></operation>
 </portType>
 <binding name="Crm11" type="tns:CrmPort"><soap:binding transport="http://schemas.xmlsoap.org/soap/http"/>
  <operation name="LogCall"><soap:operation soapAction="urn:crm/LogCall"/>
   <input><soap:header message="tns:SessionHeader" part="Session" use="literal"/><soap:body use="literal"/></input>
   <output><soap:body use="literal"/></output></operation>
  <operation name="Notify"><soap:operation soapAction=""/><input><soap:body use="literal"/></input></operation>
 </binding>
 <binding name="Crm12" type="tns:CrmPort"><soap12:binding transport="http://schemas.xmlsoap.org/soap/http"/>
  <operation name="LogCall"><soap12:operation soapAction="urn:crm/LogCall"/>
   <input><soap12:body use="literal"/></input><output><soap12:body use="literal"/></output></operation>
  <operation name="Notify"><soap12:operation/><input><soap12:body use="literal"/></input></operation>
 </binding>
 <service name="Crm">
  <port name="Soap11" binding="tns:Crm11"><soap:address location="https://crm.example/soap11"/></port>
  <port name="Soap12" binding="tns:Crm12"><soap12:address location="https://crm.example/soap12"/></port>
 </service>
</definitions>"""

RPC = """<?xml version="1.0"?>
<definitions name="Old" targetNamespace="urn:old" xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:tns="urn:old"
  xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/">
 <message name="AddIn"><part name="session" type="xsd:string"/><part name="seconds" type="xsd:int"/></message>
 <message name="AddOut"><part name="return" type="xsd:int"/></message>
 <portType name="OldPort"><operation name="add"><input message="tns:AddIn"/><output message="tns:AddOut"/></operation>
 </portType>
 <binding name="OldBinding" type="tns:OldPort">
  <soap:binding style="rpc" transport="http://schemas.xmlsoap.org/soap/http"/>
  <operation name="add"><soap:operation soapAction="urn:old#add"/>
   <input><soap:body use="{use}" namespace="urn:old" encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"/></input>
   <output><soap:body use="{use}" namespace="urn:old"/></output></operation>
 </binding>
 <service name="Old"><port name="OldPort" binding="tns:OldBinding">{address}</port></service>
</definitions>"""
ADDRESS = '<soap:address location="http://old.example/soap.php"/>'


class Kept:
    """WSDLs by workspace and content hash, each parsed as it is when it is inspected."""

    def __init__(self) -> None:
        self.wsdls: dict[tuple[UUID, str], KeptWsdl] = {}
        self.reads = 0

    def keep(self, text: str, workspace_id: UUID = WORKSPACE, **others: str) -> str:
        """Keeps a WSDL at `URL` (others by their URLs); its content hash."""
        documents = {URL: text.encode(), **{url: each.encode() for url, each in others.items()}}
        bundle = Bundle(URL, documents)
        description = describe(parse_bundle(bundle))
        self.wsdls[workspace_id, bundle.content_hash] = KeptWsdl(bundle.content_hash, bundle, description)
        return bundle.content_hash

    def wsdl(self, workspace_id: UUID, content_hash: str) -> KeptWsdl | None:
        self.reads += 1
        return self.wsdls.get((workspace_id, content_hash))

    def wsdl_description(self, workspace_id: UUID, content_hash: str) -> Description | None:
        kept = self.wsdls.get((workspace_id, content_hash))
        return None if kept is None else kept.description


class SoapHouse:
    """A library over one WSDL, and profiles that name it."""

    def __init__(self, text: str = CRM) -> None:
        self.kept = Kept()
        self.hash = self.kept.keep(text)
        self.library = WsdlLibrary(self.kept.wsdl, self.kept.wsdl_description)
        self.templates = SoapTemplates(self.library)

    def spec(self, operation: str = "LogCall", /, **request: Any) -> ProfileSpec:
        """A profile that calls an operation; `profile` holds members of the profile itself."""
        profile = request.pop("profile", {})
        by_wsdl = {} if "envelope" in request else {"wsdl": URL, "wsdl_hash": self.hash, "operation": operation}
        document = {
            "name": "crm",
            "trigger": {"events": ["*"]},
            "request": {"kind": "soap", **by_wsdl, **request},
            **profile,
        }
        return parse_profile(document, ENGINES)

    def faults(self, operation: str = "LogCall", /, **request: Any) -> dict[str, str]:
        """What is expected instead, by the field that is refused."""
        spec = self.spec(operation, **request)
        return {each["field"]: each["expected"] for each in self.templates.check(spec, workspace_id=WORKSPACE)}

    def render(self, context: Any, operation: str = "LogCall", /, **request: Any) -> Any:
        """The request for one call, of a profile that is found without fault."""
        spec = self.spec(operation, **request)
        assert self.templates.check(spec, workspace_id=WORKSPACE) == []
        self.templates.prepare(spec, workspace_id=WORKSPACE)
        return self.templates.compile(spec, b"key", workspace_id=WORKSPACE).render(context)

    def body(self, context: Any, operation: str = "LogCall", /, **request: Any) -> str:
        """What stands in the envelope's body, on one line, with `ns0:` for the WSDL's namespace."""
        return inner(self.render(context, operation, **request).body, "Body")


def inner(envelope: bytes, name: str) -> str:
    """What stands in the header or the body of an envelope, canonical and without the declarations of its root."""
    root = etree.fromstring(envelope)
    (part,) = [each for each in root if etree.QName(each).localname == name]
    texts = [etree.tostring(each, method="c14n", exclusive=True).decode() for each in part]
    return "".join(texts)
