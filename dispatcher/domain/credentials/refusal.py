"""Whether an answer says that a secret or a token is not good: by its status, or by the code of a SOAP fault."""

import re
from collections.abc import Collection

from dispatcher.domain.exchange import Answer

SEARCHED_BYTES = 16_384
"""Of an answer: a fault's code stands at its beginning."""
_FAULT = re.compile(rb"<(?:[\w.-]+:)?Body(?:\s[^<>]*)?>\s*<(?:[\w.-]+:)?Fault[\s>]")
"""A fault is the first element in the Body; the same words further in are a reply's data, and asking again for what was
done would do it twice."""
_CODE = re.compile(rb"<(?:[\w.-]+:)?(?:faultcode|Value)(?:\s[^<>]*)?>\s*(?:[^\s<>:]+:)?([^\s<>:]+)\s*<")


def refuses(answer: Answer, statuses: Collection[int], faults: Collection[str]) -> bool:
    """Whether a target that answers so asks for another secret or token. `faults` are codes without their prefix."""
    return answer.status in statuses or (bool(faults) and not faults_of(answer).isdisjoint(faults))


def faults_of(answer: Answer) -> frozenset[str]:
    """The codes of a SOAP fault, those of SOAP 1.2's subcodes among them, without prefix; none for another answer.

    A look at some bytes, since the sender's threads must not read whole documents: what it overlooks, such as a fault
    in UTF-16, is judged afterwards as any other fault is.
    """
    head = answer.body[:SEARCHED_BYTES]
    begun = _FAULT.search(head)
    if begun is None:
        return frozenset()
    return frozenset(found[1].decode("utf-8", "replace") for found in _CODE.finditer(head, begun.end()))
