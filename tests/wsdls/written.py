"""WSDLs that tests write: as many operations as are wanted, with types that refer to each other."""

_HEAD = (
    '<definitions xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" '
    'xmlns:x="http://www.w3.org/2001/XMLSchema" xmlns:t="urn:crm" targetNamespace="urn:crm"><types>'
    '<x:schema targetNamespace="urn:crm" elementFormDefault="qualified">'
)
_TYPES = ("string", "int", "dateTime", "decimal", "boolean")


def service(operations: int = 1) -> bytes:
    """A service with so many operations, about 1.4 kB each; each takes a record that holds those of the one before."""
    numbers = range(operations)
    parts = [_HEAD, *map(_types, numbers), "</x:schema></types>"]
    for number in numbers:
        parts.append(f'<message name="in{number}"><part name="body" element="t:do{number}"/></message>')
        parts.append(f'<message name="out{number}"><part name="body" element="t:done{number}"/></message>')
    parts += ['<portType name="Calls">', *map(_operation, numbers), "</portType>"]
    parts.append('<binding name="Soap" type="t:Calls"><soap:binding transport="http://schemas.xmlsoap.org/soap/http"/>')
    parts += [*map(_bound, numbers), "</binding>"]
    address = '<soap:address location="http://crm.example/soap"/>'
    parts.append(f'<service name="Crm"><port name="Soap" binding="t:Soap">{address}</port></service></definitions>')
    return "".join(parts).encode()


def _types(number: int) -> str:
    fields = "".join(f'<x:element name="field{at}" type="x:{_TYPES[at % 5]}" minOccurs="0"/>' for at in range(10))
    if number:
        fields += f'<x:element name="before" type="t:Record{number - 1}" minOccurs="0" maxOccurs="unbounded"/>'
    return (
        f'<x:complexType name="Record{number}"><x:sequence>{fields}</x:sequence></x:complexType>'
        + _wrapper(f"do{number}", number)
        + _wrapper(f"done{number}", number)
    )


def _wrapper(name: str, number: int) -> str:
    content = f'<x:sequence><x:element name="record" type="t:Record{number}"/></x:sequence>'
    return f'<x:element name="{name}"><x:complexType>{content}</x:complexType></x:element>'


def _operation(number: int) -> str:
    return f'<operation name="do{number}"><input message="t:in{number}"/><output message="t:out{number}"/></operation>'


def _bound(number: int) -> str:
    body = '<soap:body use="literal"/>'
    action = f'<soap:operation soapAction="urn:do{number}"/>'
    return f'<operation name="do{number}">{action}<input>{body}</input><output>{body}</output></operation>'
