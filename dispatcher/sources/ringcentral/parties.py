"""Who is who in RingCentral's `from` and `to`, seen from the business."""

from collections.abc import Mapping
from typing import Any

from dispatcher.sources.normal.directions import direction_between
from dispatcher.sources.posts.fields import Fields
from dispatcher.sources.posts.nested import object_in
from dispatcher.sources.posts.said import identity, present, said

_DIRECTIONS = {"Inbound": "inbound", "Outbound": "outbound"}


def parties_of(fields: Fields, stated: str | None) -> dict[str, object]:
    """Direction, numbers and agent. Its own `direction` is a party's, and counts only where no side is an extension.

    Raises nothing; what is not there is absent.
    """
    caller, dialled = object_in(fields, "from"), object_in(fields, "to")
    direction = _direction(caller, dialled, stated)
    numbers = {"inbound": _number(caller), "outbound": _number(dialled)}
    own = _own_side(fields, caller, dialled, direction)
    location = object_in(fields, "from" if direction == "inbound" else "to").get("location")
    name = identity(caller.get("name"))
    return {
        "direction": direction,
        "caller_name": name if direction == "inbound" else None,
        "external_number": numbers.get(direction or ""),
        "dnis": _number(dialled),
        "agent": _agent(own),
        "location": said(location) if direction in numbers else None,
    }


def _direction(caller: Mapping[str, Any], dialled: Mapping[str, Any], stated: str | None) -> str | None:
    found = direction_between(caller_is_ours=_is_inside(caller), dialled_is_ours=_is_inside(dialled))
    return found or _DIRECTIONS.get(stated or "")


def _is_inside(side: Mapping[str, Any]) -> bool:
    return said(side.get("extensionId")) is not None or said(side.get("extensionNumber")) is not None


def _own_side(
    fields: Fields, caller: Mapping[str, Any], dialled: Mapping[str, Any], direction: str | None
) -> Mapping[str, Any]:
    """Between two of the business's own people the one whose party it is."""
    if direction == "outbound":
        return caller
    mine = said(fields.get("extensionId"))
    return caller if direction == "internal" and mine and mine == said(caller.get("extensionId")) else dialled


def _agent(side: Mapping[str, Any]) -> dict[str, object] | None:
    if not _is_inside(side):
        return None
    plain, number = said(side.get("extensionNumber")), said(side.get("phoneNumber"))
    short = number if number and number.isdigit() and len(number) <= 6 else None
    return present({"id": said(side.get("extensionId")), "name": said(side.get("name")), "extension": plain or short})


def _number(side: Mapping[str, Any]) -> str | None:
    return said(side.get("phoneNumber")) or said(side.get("extensionNumber"))
