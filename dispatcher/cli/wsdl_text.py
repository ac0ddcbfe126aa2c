"""A WSDL as a person reads it: 80 columns, and nothing that a stranger's text could do to a terminal."""

from collections.abc import Iterator, Sequence
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from dispatcher.cli.printing import text_of

if TYPE_CHECKING:
    from dispatcher.domain.soap.description import Binding, Description, Operation, Parameter, Port, Service, SimpleType
    from dispatcher.wsdl_inspection import Inspection, Renewal

COLUMNS = 80
EXAMPLES = "# The values are examples: write templates such as {{ call.id }} in their place."
NO_ADDRESS = "https://..."
"""Where the WSDL names none that can be used: it is to be filled in."""
MAX_DEPTH = 6
MAX_LINES = 500
"""Of the parameters of one operation: a screen that scrolls for longer is read by nobody, and --json has them all."""
MAX_VALUES = 40
"""Of an enumeration."""


def inspection_lines(inspection: "Inspection", operation: str | None, *, dry_run: bool) -> Iterator[str]:
    """What was found, in lines; with an operation's name, its parameters and a request to paste into a profile."""
    yield from _head(inspection, dry_run=dry_run)
    if operation is None:
        for service in inspection.description.services:
            yield from ["", f"service {text_of(service.name)}"]
            for port in service.ports:
                yield from _port_lines(port, inspection.description.binding(port.binding))
    else:
        yield from _operation_lines(inspection, operation)
    for note in inspection.description.notes:
        yield from ["", *_wrapped(f"Note: {note}", "")]
    if inspection.renewal is not None:
        yield from ["", *_renewal_lines(inspection.renewal, dry_run=dry_run)]


def _head(inspection: "Inspection", *, dry_run: bool) -> Iterator[str]:
    count, size = len(inspection.documents), sum(inspection.documents.values())
    yield text_of(inspection.location)
    if inspection.location != inspection.content_hash:
        yield inspection.content_hash
    yield f"{count} document{'' if count == 1 else 's'}, {size:,} bytes"
    moment = text_of(inspection.fetched_at)
    if inspection.from_store:
        yield f"as it was on {moment}; --refresh fetches it again"
    else:
        yield f"read on {moment}{', not kept' if dry_run else ''}"


def _port_lines(port: "Port", binding: "Binding") -> Iterator[str]:
    address = port.address or "no address"
    yield from _wrapped(f"port {port.name}, SOAP {binding.soap_version}, {address}", "  ", "    ")
    for each in binding.operations:
        yield f"    {text_of(each.name)}{' (one-way)' if each.one_way else ''}"
        yield from _wrapped(each.documentation, "      ")


def _operation_lines(inspection: "Inspection", name: str) -> Iterator[str]:
    """Of every port that has the operation; parameters once for each binding."""
    description = inspection.description
    shown: set[str] = set()
    for service, port, binding in description.ports():
        for operation in (each for each in binding.operations if each.name == name):
            yield from ["", f"{text_of(name)} of {text_of(service.name)}, port {text_of(port.name)}"]
            if binding.name in shown:
                yield f"  as above; {text_of(port.address or 'no address')}"
                continue
            yield from _one_operation(inspection, service, port, binding, operation)
        shown.add(binding.name)


def _one_operation(
    inspection: "Inspection", service: "Service", port: "Port", binding: "Binding", operation: "Operation"
) -> Iterator[str]:
    way = ", one-way" if operation.one_way else ""
    yield f"  SOAP {binding.soap_version}, {operation.style}/{operation.use}{way}"
    yield f"  {text_of(port.address or 'no address')}"
    yield from _wrapped(operation.documentation, "  ")
    for title, parameters in (
        ("parameters", operation.input),
        ("headers", operation.headers),
        ("answer", operation.output),
    ):
        if parameters:
            yield from ["", title, *_tree_lines(parameters, inspection.description)]
    yield from ["", "A profile's request:", "", EXAMPLES, _request(inspection, service, port, binding, operation)]


def _tree_lines(parameters: "Sequence[Parameter]", description: "Description") -> list[str]:
    lines: list[str] = []

    def add(given: "Sequence[Parameter]", level: int) -> None:
        for each in given:
            if len(lines) >= MAX_LINES:
                return
            indent = "  " * level
            lines.extend(_wrapped(f"{each.name}: {_words(each, description)}", indent, indent + "    "))
            lines.extend(_wrapped(each.documentation, indent + "    "))
            if each.object is None:
                continue
            if level < MAX_DEPTH:
                add(description.types[each.object].parameters, level + 1)
            else:
                lines.append(f"{indent}  ...")

    add(parameters, 1)
    return [*lines, f"  ... and more: --json shows {MAX_DEPTH} levels"] if len(lines) >= MAX_LINES else lines


def _words(parameter: "Parameter", description: "Description") -> str:
    """What may be put there: `string, optional, repeated; one of short, long`."""
    simple = parameter.simple
    words = [simple.base if simple is not None else parameter.type.removeprefix("xsd:")]
    words.append("required" if parameter.required else "optional")
    if parameter.repeated:
        words.append("repeated" if parameter.max_occurs is None else f"up to {parameter.max_occurs} times")
    if parameter.choice is not None:
        words.append("one of a choice")
    if parameter.nillable:
        words.append("may be nil")
    if parameter.place != "element":
        words.append(str(parameter.place))
    said = ", ".join(words)
    return said + _standing_in(parameter, description) if simple is None else said + _facets(simple)


def _standing_in(parameter: "Parameter", description: "Description") -> str:
    from dispatcher.domain.soap.standing_in import standing_in

    if parameter.object is None or not description.types[parameter.object].derived:
        return ""
    return "; $type " + _first(list(standing_in(parameter.object, description.types)), " or ")


def _first(values: "Sequence[str]", between: str = ", ") -> str:
    more = len(values) - MAX_VALUES
    return between.join(values[:MAX_VALUES]) + (f" and {more} more" if more > 0 else "")


def _facets(simple: "SimpleType") -> str:
    said = ""
    if simple.facets:
        said += "; " + ", ".join(f"{name} {value}" for name, value in simple.facets.items())
    if simple.enumeration:
        said += "; one of " + _first(simple.enumeration)
    return said


def _request(
    inspection: "Inspection", service: "Service", port: "Port", binding: "Binding", operation: "Operation"
) -> str:
    import yaml

    from dispatcher.domain.soap.examples import example

    types = inspection.description.types
    request: dict[str, Any] = {"kind": "soap", "soap_version": binding.soap_version.value, "wsdl": inspection.location}
    request |= {"service": service.name, "port": port.name, "operation": operation.name}
    if not (port.address or "").lower().startswith(("http://", "https://")):
        request["address"] = NO_ADDRESS
    request["parameters"] = example(operation.input, types, operation.required_choices)
    text: str = yaml.safe_dump({"request": request}, sort_keys=False, allow_unicode=True, width=COLUMNS)
    if operation.headers:
        headers = yaml.safe_dump({"headers": example(operation.headers, types)}, sort_keys=False, allow_unicode=True)
        text += "  # header blocks that the WSDL declares; none must be given\n"
        text += "".join(f"  # {line}\n" for line in headers.splitlines())
    return text.rstrip("\n")


def _renewal_lines(renewal: "Renewal", *, dry_run: bool) -> Iterator[str]:
    if renewal.unchanged:
        yield "Nothing has changed."
    for change in renewal.changed.listed:
        place = f"{change.place} {change.path}".strip()
        yield from _wrapped(f"{place}: {change.sentence}", "! " if change.breaking else "- ", "  ")
    if renewal.changed.more:
        yield f"... and {renewal.changed.more} more changes."
    if renewal.moved:
        yield from _wrapped(f"{'would be moved' if dry_run else 'moved'}: {', '.join(renewal.moved)}", "", "  ")
    for broken in renewal.breaks:
        yield f"{text_of(broken.profile)} does not fit, and keeps the old content:"
        for fault in broken.faults:
            yield from _wrapped(f"{fault['field']}: expected {fault['expected']}, got {fault['got']}", "  ", "    ")


def _wrapped(text: str, indent: str, following: str | None = None) -> list[str]:
    """The text in lines, each indented; nothing for no text. Words keep no character that a terminal acts upon."""
    words = text_of(" ".join(text.split()))
    after = indent if following is None else following
    # A URL or a name that is longer than a line stays whole, to be copied.
    return wrap(
        words,
        COLUMNS,
        initial_indent=indent,
        subsequent_indent=after,
        break_on_hyphens=False,
        break_long_words=False,
    )
