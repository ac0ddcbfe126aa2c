"""What zeep raises over a WSDL, as the second half of a sentence."""

from zeep import exceptions

FAILURES = (exceptions.Error, LookupError, AttributeError, ValueError, TypeError, AssertionError, NotImplementedError)
"""What zeep raises over a message or an operation that the WSDL does not define properly."""


class Undefined(IndexError):
    """A message, port type or binding that no WSDL of the bundle defines."""

    def __init__(self, kind: str, key: str) -> None:
        """`kind` in zeep's plural (`port_types`), `key` is the name with its namespace in braces."""
        words = {"port_types": "port type", "messages": "message", "bindings": "binding"}
        super().__init__(f"it names the {words.get(kind, kind)} {key}, which nothing in it defines")


def reason_of(error: BaseException) -> str:
    """What a failure of zeep comes to, as a part of a sentence."""
    qname, kind = getattr(error, "qname", None), getattr(error, "item_name", None)
    if qname is None and error.__context__ is not None and isinstance(error, exceptions.LookupError):
        # zeep raises it once more, without saying of what.
        return reason_of(error.__context__)
    if qname is not None and kind is not None:
        what = f"{'attribute group' if kind == 'attributeGroup' else kind} {getattr(qname, 'text', qname)}"
        if isinstance(error, exceptions.NamespaceError):
            return f"it names the {what}, but no schema is there for its namespace"
        return f"it names the {what}, which no schema of it defines"
    if isinstance(error, Undefined | exceptions.Error) and str(error):
        return str(error).strip().rstrip(".")
    if isinstance(error, KeyError):
        return f"it names {error.args[0] if error.args else 'something'}, which is not there"
    if isinstance(error, RecursionError):
        return "its definitions contain each other without end"
    if isinstance(error, NotImplementedError) and "schemaLocation" in str(error):
        return "an include names no document"
    if isinstance(error, ValueError) and str(error):
        return f"something in it cannot be read: {error}"
    return "it is no WSDL that can be understood"
