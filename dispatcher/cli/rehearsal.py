"""What a profile would make of an event: its verdict and its request, without sending anything."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from dispatcher.cli.documents import read_bytes
from dispatcher.cli.failures import CommandFailed

if TYPE_CHECKING:
    from dispatcher.domain.event import CallEvent
    from dispatcher.domain.profile import ProfileSpec
    from dispatcher.ports import Rendered

OWN_HEADERS = (
    ("webhook-id", "<the delivery's id>"),
    ("webhook-timestamp", "<seconds since 1970>"),
    ("Idempotency-Key", "<the delivery's id>"),
)
SIGNATURE_HEADER = ("webhook-signature", "<v1 signature over id, timestamp and body>")


@dataclass(frozen=True)
class Rehearsal:
    """A verdict with its reason, and the request, which is shown whether or not the event fires."""

    fires: bool
    reason: str
    verdict: dict[str, Any] | None
    rendered: "Rendered"
    own_headers: tuple[tuple[str, str], ...]

    def as_dict(self) -> dict[str, Any]:
        """As JSON; a body that is no text is shown with replacement characters."""
        request = self.rendered
        return {
            "fires": self.fires,
            "reason": self.reason,
            "verdict": self.verdict,
            "request": {
                "method": request.method,
                "url": request.url,
                "headers": [[name, value] for name, value in (*request.headers, *self.own_headers)],
                "body": None if request.body is None else request.body.decode("utf-8", "replace"),
            },
        }

    def text(self) -> str:
        """For a person: the verdict as comments, then the request as it would go over the wire (RFC 9112)."""
        request = self.rendered
        url = urlsplit(request.url)
        target = f"{url.path or '/'}{f'?{url.query}' if url.query else ''}"
        headers = [("Host", url.netloc), *request.headers, *self.own_headers]
        if request.body is not None:
            headers.append(("Content-Length", str(len(request.body))))
        lines = [f"# {'fires' if self.fires else 'does not fire'}: {self.reason}"]
        if self.verdict is not None:
            lines += _verdict_lines(self.verdict, 1)
        lines += [f"# to {url.scheme}://{url.netloc}", f"{request.method} {target} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in headers]
        return "\n".join([*lines, "", (request.body or b"").decode("utf-8", "replace")])


def rehearse(spec: "ProfileSpec", file: Path) -> Rehearsal:
    """The rehearsal of the file's one event. Raises CommandFailed for a bad event or a request that cannot be built."""
    from dispatcher.adapters.templates import JinjaTemplates
    from dispatcher.ports import RenderError
    from dispatcher.wiring import USER_AGENT

    context = _one_event(file).as_context()
    verdict = spec.criteria.verdict(context) if spec.criteria is not None else None
    try:
        rendered = JinjaTemplates().compile(spec).render(context)
    except RenderError as error:
        raise CommandFailed(f"The request cannot be built: {error}.") from error
    fires, reason = _judged(spec, context["type"], held=verdict is None or verdict.held)
    own = (*OWN_HEADERS, ("User-Agent", USER_AGENT), *((SIGNATURE_HEADER,) if spec.sign else ()))
    return Rehearsal(fires, reason, verdict.as_dict() if verdict else None, rendered, own)


def _judged(spec: "ProfileSpec", event_type: str, *, held: bool) -> tuple[bool, str]:
    if not spec.takes(event_type):
        return False, f"the profile is not for {event_type}"
    if not held:
        return False, "its criteria do not hold"
    if not spec.enabled:
        return False, "the profile is disabled (it would fire otherwise)"
    return True, "its criteria hold" if spec.criteria is not None else f"it takes every {event_type}"


def _one_event(file: Path) -> "CallEvent":
    from dispatcher.cli.events import canonical_events

    events = canonical_events(read_bytes(file), str(file))
    if len(events) != 1:
        raise CommandFailed(f"{file} holds {len(events)} events; a test takes one.")
    return events[0]


def _verdict_lines(verdict: dict[str, Any], depth: int) -> list[str]:
    mark = f"#{'  ' * depth}{'+' if verdict['held'] else '-'} "
    if "clause" in verdict:
        clause = verdict["clause"]
        said = f"{clause['field']} {clause['op']} {json.dumps(clause['value'], ensure_ascii=False)}"
        return [f"{mark}{said} (saw {json.dumps(verdict['saw'], ensure_ascii=False, default=str)})"]
    word = next(word for word in ("all", "any", "not") if word in verdict)
    children = verdict[word] if isinstance(verdict[word], list) else [verdict[word]]
    return [mark + word, *(line for child in children for line in _verdict_lines(child, depth + 1))]
