"""What was not understood is read again once its source is mended, and leaves quarantine when it is stored."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any
from uuid import UUID

import pytest

from dispatcher.domain.call_part import CallPart
from dispatcher.domain.event import CallEvent
from dispatcher.ports import HeldPost
from dispatcher.sources.format import Format, NotUnderstood, Parsed, Posted, SourceSettings
from dispatcher.sources.quarantined import shown_contents
from dispatcher.tokens import Scope
from tests.unit.api_house import NOON, House, problem

BASIC = {"kind": "basic", "username": "pbx", "password": "hunter2"}
PATH = "/v1/sources/pbx/events"


def parse(posted: Posted, settings: SourceSettings) -> Sequence[Parsed]:
    """Legs of calls, `LEG CALL`; understood once `config.mended` says so, and never where it says `?`."""
    words = posted.body.decode("latin-1").split()
    if not settings.config.get("mended") or "?" in words:
        raise NotUnderstood("Nothing here says which call it is." if "?" in words else "The mapping is missing.")
    leg, call = words[:2]
    said = {"id": call, "outcome": "answered", "started_at": "2026-11-20T11:00:00Z", "ended_at": "2026-11-20T11:03:20Z"}
    event = CallEvent(None if leg == "nameless" else leg, "call.finished", posted.received_at, said)
    return [event] if leg == "nameless" else [CallPart(event, (call,))]


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    legs = Format("legs", parse, frozenset({"basic", "token"}), quiet_seconds=7)
    formats = MappingProxyType({"legs": legs})
    for module in ("api.source_posts", "sources.reading", "sources.quiet", "sources.document"):
        monkeypatch.setattr(f"dispatcher.{module}.FORMATS", formats)
    with House() as house:
        house.add_source("pbx", "legs", BASIC)
        yield house


def post(house: House, text: str, path: str = PATH, **given: Any) -> Any:
    return house.call("POST", path, None, content=text.encode(), auth=("pbx", "hunter2"), **given)


def mend(house: House, name: str = "pbx") -> None:
    """The administrator sets what was missing. Not by the API, which would take this format for none."""
    source = house.store.saved_sources[name]
    house.store.saved_sources[name] = replace(source, config={**source.config, "mended": True})


def held(house: House) -> list[str]:
    return [each["body"].decode() for each in house.store.held]


def stored(house: House) -> list[str | None]:
    events = [row.event.source_event_id for row in house.store._events.values()]
    return [*events, *(row.part.part_id for row in house.store.assemblies._parts.values())]


def replay(house: House, scope: Scope = Scope.WRITE, **body: Any) -> Any:
    return house.call("POST", "/v1/quarantine/replay", scope, json={"filter": {}, **body})


def test_a_replay_stores_what_is_understood_now_and_leaves_the_rest_with_its_reason(house: House) -> None:
    for text in ("leg1 A", "leg2 A", "leg3 ?"):
        assert post(house, text).status_code == 200
    assert replay(house).json() == {"count": 0, "posts": 3, "left": 3, "stored": 0}
    mend(house)
    assert replay(house, dry_run=True).json() == {"count": 2, "posts": 3, "left": 1, "stored": 0}
    assert (len(held(house)), stored(house)) == (3, [])
    assert replay(house).json() == {"count": 2, "posts": 3, "left": 1, "stored": 2}
    assert (held(house), stored(house)) == (["leg3 ?"], ["leg1", "leg2"])
    assert house.store.held[0]["reason"] == "Nothing here says which call it is."
    assert replay(house).json() == {"count": 0, "posts": 1, "left": 1, "stored": 0}
    assert house.store.audit_log[-2][1:] == ("quarantine.replay", "2 of 3")


def test_a_replay_that_was_cut_short_stores_nothing_twice(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    for text in ("leg1 A", "nameless B"):
        post(house, text)
    mend(house)
    with monkeypatch.context() as broken:
        broken.setattr(house.store, "release", lambda workspace_id, ids: 0)
        assert replay(house).json()["stored"] == 2
    assert replay(house).json() == {"count": 2, "posts": 2, "left": 0, "stored": 0}
    assert (held(house), len(stored(house))) == ([], 2)


def test_what_was_posted_again_meanwhile_is_a_duplicate(house: House) -> None:
    mend(house)
    assert post(house, "leg1 A").status_code == 200
    house.store.quarantine(UUID(int=5), house.store.saved_sources["pbx"], b"leg1 A", {}, "not understood", NOON)
    assert replay(house).json() == {"count": 1, "posts": 1, "left": 0, "stored": 0}
    assert (held(house), stored(house)) == ([], ["leg1"])


def test_a_part_is_taken_through_the_door_and_waits_for_the_quiet_time_of_its_format(house: House) -> None:
    mend(house)
    assert (post(house, "leg1 A").status_code, post(house, "leg1 A").status_code) == (200, 200)
    shown = house.call("GET", "/v1/calls/A").json()
    assert shown == {"call_id": "A", "call": {}, "events": [], "open": {"parts": 1, "due_at": "2026-11-20T12:00:07Z"}}
    assert house.call("GET", "/v1/calls/B").status_code == 404


def test_filters_choose_by_source_id_and_time(house: House) -> None:
    house.add_source("other", "legs", BASIC)
    post(house, "leg1 A")
    house.clock.pass_seconds(60)
    post(house, "leg2 B", "/v1/sources/other/events")
    first, second = house.store.held
    mend(house)
    mend(house, "other")
    for chosen, count in (
        ({"source": "pbx"}, 1),
        ({"ids": [str(second["id"])]}, 1),
        ({"since": "2026-11-20T12:00:01Z"}, 1),
        ({"until": "2026-11-20T12:00:00Z"}, 0),
        ({"source": "nobody"}, 0),
    ):
        assert replay(house, filter=chosen, dry_run=True).json()["count"] == count, chosen
    assert replay(house, filter={"source": "pbx", "ids": [str(first["id"])]}).json()["stored"] == 1
    assert held(house) == ["leg2 B"]


@pytest.mark.parametrize(
    ("chosen", "field"),
    [
        ({"ids": []}, "filter.ids"),
        ({"ids": ["x"]}, "filter.ids"),
        ({"source": ""}, "filter.source"),
        ({"x": 1}, "filter.x"),
    ],
)
def test_a_filter_that_is_none_is_refused_by_name(house: House, chosen: dict[str, Any], field: str) -> None:
    answer = replay(house, filter=chosen)
    assert (answer.status_code, [each["field"] for each in answer.json()["errors"]]) == (422, [field])


def test_a_post_of_a_source_that_is_deleted_stays(house: House) -> None:
    post(house, "leg1 A")
    del house.store.saved_sources["pbx"]
    assert replay(house).json() == {"count": 0, "posts": 1, "left": 1, "stored": 0}
    assert house.store.held[0]["reason"] == "Its source is deleted."


def test_posts_are_discarded_for_good_and_never_all_of_them_by_mistake(house: House) -> None:
    for text in ("leg1 A", "leg2 A"):
        post(house, text)
    path = "/v1/quarantine/discard"
    assert house.call("POST", path, Scope.WRITE, json={"filter": {}}).status_code == 422
    chosen = {"ids": [str(house.store.held[0]["id"])]}
    assert house.call("POST", path, Scope.WRITE, json={"filter": chosen, "dry_run": True}).json() == {"count": 1}
    assert len(held(house)) == 2
    assert house.call("POST", path, Scope.WRITE, json={"filter": chosen}).json() == {"count": 1}
    assert held(house) == ["leg2 A"]
    assert house.store.audit_log[-1][1:] == ("quarantine.discard", "1")


def test_a_post_shows_what_says_nothing_of_a_call_and_the_rest_to_administrators_alone(house: House) -> None:
    house.clock.now = NOON
    text = "caller +14155550100 card 4111 1111 1111 1111"
    headers = {"content-type": "text/plain; charset=utf-8", "x-pbx-token": "hunter3", "x-leg": "a"}
    post(house, text, PATH + "?uuid=7f9c&key=hunter2", headers=headers)
    identifier = str(house.store.held[0]["id"])
    read = house.call("GET", f"/v1/quarantine/{identifier}", Scope.READ).json()
    names = read.pop("header_names")
    assert {"content-type", "x-leg", "x-pbx-token"} <= set(names)
    assert read == {
        "id": identifier,
        "source": "pbx",
        "received_at": "2026-11-20T12:00:00Z",
        "reason": "The mapping is missing.",
        "size_bytes": len(text),
        "method": "POST",
        "content_type": "text/plain",
        "query_names": ["uuid"],
    }
    assert house.store.audit_log == []
    shown = house.call("GET", f"/v1/quarantine/{identifier}", Scope.ADMIN).json()
    assert (shown["headers"]["x-pbx-token"], shown["headers"]["x-leg"]) == ("********", "a")
    assert shown["excerpt"].startswith("caller +14155550100 card")
    assert "4111" not in shown["excerpt"]
    assert house.store.audit_log[-1][1:] == ("quarantine.look", identifier)


def excerpt(body: bytes) -> str:
    held = HeldPost(UUID(int=1), "pbx", NOON, "The mapping is missing.", "POST", [], {}, body)
    return shown_contents(held)["excerpt"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"token": "hunter2", "id": "7f9c"}', '{"token": "********", "id": "7f9c"}'),
        (b'{"a": "{\\"token\\":\\"hunter2\\"}"}', '{"a": "{\\"token\\":\\"********\\"}"}'),
        (b'{"dtmf": "1234", "Digits":["1","2"]}', '{"dtmf": "********", "Digits":********}'),
        (b"Digits=1234&CallSid=CA1&api_key=hunter2", "Digits=********&CallSid=CA1&api_key=********"),
        (b"<cdr><pin>1234</pin><uuid>7f9c</uuid></cdr>", "<cdr><pin>********</pin><uuid>7f9c</uuid></cdr>"),
        (b"Note=4111+1111%201111-1111&To=%2B14155550100", "Note=****1111&To=+14155550100"),
        (b"Note=Jane%20Roe&To=%2B14155550100", "Note=Jane%20Roe&To=%2B14155550100"),
    ],
)
def test_an_excerpt_shows_no_secret_no_keypad_digits_and_no_card_number(body: bytes, expected: str) -> None:
    assert excerpt(body) == expected


def test_a_card_number_at_the_end_of_an_excerpt_is_not_shown_in_part() -> None:
    shown = excerpt(b"x" * 1980 + b" 4111111111111111" + b"." * 500)
    assert (len(shown), shown[1980:]) == (1992, " ****1111...")
    for ahead in range(1980, 2230):
        assert "411111" not in excerpt(b"x" * ahead + b" 4111 1111 1111 1111 " + b"." * 500).replace(" ", "")


def test_who_may_only_read_replays_nothing(house: House) -> None:
    post(house, "leg1 A")
    mend(house)
    assert replay(house, Scope.READ).status_code == 403
    assert (len(held(house)), stored(house)) == (1, [])


def test_a_post_that_is_not_there_is_404(house: House) -> None:
    answer = house.call("GET", f"/v1/quarantine/{UUID(int=1)}", Scope.READ)
    assert answer.json() == problem(404, "Not Found", "There is no such post in quarantine.")
    assert house.call("GET", "/v1/quarantine/x", Scope.READ).status_code == 404


def test_a_format_is_given_the_time_at_which_the_post_came(house: House) -> None:
    post(house, "nameless B")
    identifier = house.store.held[0]["id"]
    house.clock.pass_seconds(3600)
    mend(house)
    replay(house)
    (row,) = house.store._events.values()
    assert (row.event.occurred_at, row.event.source_event_id) == (NOON, f"quarantine:{identifier}:0")
