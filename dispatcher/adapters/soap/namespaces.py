"""The namespaces of SOAP and of XML Schema's instances."""

from collections.abc import Mapping
from types import MappingProxyType

from dispatcher.domain.soap.description import SoapVersion

ENVELOPE: Mapping[SoapVersion, str] = MappingProxyType(
    {
        SoapVersion.V1_1: "http://schemas.xmlsoap.org/soap/envelope/",
        SoapVersion.V1_2: "http://www.w3.org/2003/05/soap-envelope",
    }
)
"""Of the envelope: SOAP 1.1, 4; SOAP 1.2 part 1, 5.1."""
SOAP_ENCODING: Mapping[SoapVersion, str] = MappingProxyType(
    {
        SoapVersion.V1_1: "http://schemas.xmlsoap.org/soap/encoding/",
        SoapVersion.V1_2: "http://www.w3.org/2003/05/soap-encoding",
    }
)
XSI = "http://www.w3.org/2001/XMLSchema-instance"
