"""The SOAP side of the sink: a WSDL of four parameters, as many as the REST profile's body has, and its one reply."""

NAMESPACE = "urn:onhook:bench:crm"
WSDL_PATH = "/_sink/crm.wsdl"
PATH = "/soap"
"""Where requests go: what arrives there is answered as SOAP once the sink is told to."""
CONTENT_TYPE = b"text/xml; charset=utf-8"
REPLY = (
    '<?xml version="1.0" encoding="utf-8"?>\n'
    '<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body>'
    f'<LogCallResponse xmlns="{NAMESPACE}"><LeadId>L-1</LeadId></LogCallResponse>'
    "</soap:Body></soap:Envelope>"
).encode()
_WSDL = """<?xml version="1.0" encoding="utf-8"?>
<definitions name="Crm" targetNamespace="urn:onhook:bench:crm" xmlns="http://schemas.xmlsoap.org/wsdl/"
    xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:xs="http://www.w3.org/2001/XMLSchema"
    xmlns:tns="urn:onhook:bench:crm">
  <types>
    <xs:schema targetNamespace="urn:onhook:bench:crm" elementFormDefault="qualified">
      <xs:element name="LogCall">
        <xs:complexType>
          <xs:sequence>
            <xs:element name="Call" type="xs:string"/>
            <xs:element name="Recording" type="xs:anyURI" minOccurs="0"/>
            <xs:element name="Agent" type="xs:string" minOccurs="0"/>
            <xs:element name="Seconds" type="xs:int"/>
          </xs:sequence>
        </xs:complexType>
      </xs:element>
      <xs:element name="LogCallResponse">
        <xs:complexType><xs:sequence><xs:element name="LeadId" type="xs:string"/></xs:sequence></xs:complexType>
      </xs:element>
    </xs:schema>
  </types>
  <message name="LogCallIn"><part name="parameters" element="tns:LogCall"/></message>
  <message name="LogCallOut"><part name="parameters" element="tns:LogCallResponse"/></message>
  <portType name="Crm">
    <operation name="LogCall"><input message="tns:LogCallIn"/><output message="tns:LogCallOut"/></operation>
  </portType>
  <binding name="Crm" type="tns:Crm">
    <soap:binding style="document" transport="http://schemas.xmlsoap.org/soap/http"/>
    <operation name="LogCall">
      <soap:operation soapAction="urn:onhook:bench:crm/LogCall"/>
      <input><soap:body use="literal"/></input>
      <output><soap:body use="literal"/></output>
    </operation>
  </binding>
  <service name="Crm"><port name="Crm" binding="tns:Crm"><soap:address location="ADDRESS"/></port></service>
</definitions>
"""


def wsdl(origin: str) -> bytes:
    """The WSDL of the sink at an origin such as `http://127.0.0.1:9000`."""
    return _WSDL.replace("ADDRESS", origin + PATH).encode()
