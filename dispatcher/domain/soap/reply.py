"""What a SOAP target answered: a reply, a fault, nothing, or something that is no SOAP at all."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

_SENDER = frozenset({"client", "sender", "versionmismatch", "mustunderstand", "dataencodingunknown"})
_STANDARD = {
    "client": "Client",
    "sender": "Sender",
    "server": "Server",
    "receiver": "Receiver",
    "versionmismatch": "VersionMismatch",
    "mustunderstand": "MustUnderstand",
    "dataencodingunknown": "DataEncodingUnknown",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of SOAP 1.1 (4.4) or SOAP 1.2 (part 1, 5.4). `code` has no prefix, which is the server's own choice, but
    keeps what 1.1 puts behind a dot; `subcodes` are those of 1.2, outermost first; `detail` is XML."""

    code: str
    string: str
    actor: str = ""
    detail: str = ""
    subcodes: tuple[str, ...] = ()

    @property
    def standard_code(self) -> str | None:
        """The code as the standards spell it, or None for one of the server's own."""
        return _STANDARD.get(self.code.partition(".")[0].strip().lower())

    @property
    def blames_sender(self) -> bool:
        """Whether the same request would fail again: the fault is in the message, not in the server's state."""
        return self.code.partition(".")[0].strip().lower() in _SENDER

    def as_document(self) -> dict[str, Any]:
        """As the attempt log shows it."""
        return {
            "code": self.code,
            "subcodes": list(self.subcodes),
            "string": self.string,
            "actor": self.actor,
            "detail": self.detail,
        }


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, read. At most one of `fault`, `unreadable` and `empty` is set; none for a reply as it was expected."""

    fault: Fault | None = None
    unreadable: str | None = None
    """Why it is no reply to this request: a sentence that holds nothing of the answer."""
    empty: bool = False
    one_way: bool = False
    """Whether nothing was to be expected."""
    fields: Callable[[], Any] = field(default=lambda: None, compare=False, repr=False)
    """The reply's content as JSON values by the names of its fields, read when it is first asked for; None where it has
    none."""
