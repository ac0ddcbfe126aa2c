"""What `onhook wsdl inspect --operation` says of parameters."""

from dataclasses import replace
from datetime import UTC, datetime

from dispatcher.cli.wsdl_text import inspection_lines
from dispatcher.domain.soap.description import Description, ObjectType
from dispatcher.wsdl_inspection import Inspection
from tests.unit.wsdl_doubles import described


def test_a_parameter_says_that_it_may_be_nil_and_which_types_may_stand_there() -> None:
    plain = described("LogCall")
    operation = plain.bindings[0].operations[0]
    nil = tuple(replace(each, nillable=each.name == "Lead") for each in operation.input)
    binding = replace(plain.bindings[0], operations=(replace(operation, input=nil),))
    types = (replace(plain.types[0], derived=(1,)), ObjectType("Partner", ()))
    description = Description(plain.services, (binding,), types, ())
    assert "  Lead: Lead, required, may be nil; $type Lead or Partner" in shown(description)
    assert "  Lead: Lead, required" in shown(plain)


def shown(description: Description) -> list[str]:
    moment = datetime(2026, 11, 28, tzinfo=UTC)
    found = Inspection("sha256:0", "sha256:0", moment, False, None, {}, description)
    return list(inspection_lines(found, "LogCall", dry_run=False))
