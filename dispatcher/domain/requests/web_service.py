"""The request of a profile, of either kind: REST or SOAP."""

from dispatcher.domain.requests.rest_request import RestRequest, read_rest_request
from dispatcher.domain.requests.soap_request import SoapRequest, read_soap_request
from dispatcher.domain.shape import Reading

WebServiceRequest = RestRequest | SoapRequest


def read_request(reading: Reading, raw: object, at: str) -> WebServiceRequest:
    """A profile's `request`; faults are noted. Without a `kind` it is REST."""
    kind = raw.get("kind", "rest") if type(raw) is dict else "rest"
    if reading.word(kind, f"{at}.kind", ("rest", "soap")) == "soap":
        return read_soap_request(reading, raw, at)
    return read_rest_request(reading, raw, at)
