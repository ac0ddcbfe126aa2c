"""Calls that come in parts are placed, joined, told and forgotten alike by all stores, whoever does it at once."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from itertools import count
from typing import Any
from uuid import UUID

import orjson
import pytest
from sqlalchemy import delete, select, text

from dispatcher.adapters.sql.assemblies import MAX_PARTS_OF_A_CALL, AssemblyRows
from dispatcher.adapters.sql.database import Database
from dispatcher.adapters.sql.erasure import ErasureRows
from dispatcher.adapters.sql.tables import assemblies, assembly_keys, call_parts
from dispatcher.adapters.vault import Vault
from dispatcher.domain.assembly import KEPT, LONGEST
from dispatcher.domain.delivery import NextState, State
from dispatcher.domain.ids import unix_ms, uuid7
from dispatcher.ports import Accepted, DueCall, Evaluation, NewEvent, NewPart, OpenCall, Telling
from tests.contract.conftest import MASTER_KEY, POSTGRESQL, Opened
from tests.contract.flow import CLAIM, LEASE, WAKE, at_once, delivered, made_of, saved
from tests.unit.doubles import NOON, SOURCE, WORKSPACE, Events, seconds

LIMIT = 100
_NUMBERS = count(1)


@pytest.fixture
def calls(store: Opened) -> Any:
    return rows_of(store)


def rows_of(store: Opened) -> Any:
    return store.hot.assemblies if store.engine is None else AssemblyRows(Database(store.engine), Vault([MASTER_KEY]))


def new(
    name: str | None,
    *keys: str,
    source_id: UUID = SOURCE,
    quiet: float = 10,
    fact: bool = False,
    leg: str | None = None,
    under_way: bool = False,
) -> NewPart:
    """A part whose call's id is its first key."""
    number = next(_NUMBERS)
    identifier = uuid7(unix_ms(NOON) + number, number.to_bytes(10, "big"))
    body = orjson.dumps({"name": name, "number": "+14155550100"})
    return NewPart(
        identifier, WORKSPACE, source_id, name, keys, keys[0], NOON, quiet, False, fact, leg, under_way, body
    )


def names(due: DueCall) -> list[str | None]:
    return [each.part_id for each in due.parts]


def telling(due: DueCall, *events: NewEvent) -> Telling:
    new_ones = [each.id for each in due.parts if not each.told]
    return Telling(due.assembly.id, due.assembly.version, due.assembly.call_id, True, new_ones, list(events))


def due_at(calls: Any, now: datetime) -> list[DueCall]:
    return sorted(calls.due_calls(now, now + seconds(30), LIMIT), key=lambda each: each.assembly.call_id)


def test_parts_that_share_a_key_are_of_one_call(calls: Any):
    one, two, three = new("1", "a", "x"), new("2", "b"), new("3", "x", "c")
    assert calls.add_parts([one, two], NOON) == [Accepted(one.id, "1", False), Accepted(two.id, "2", False)]
    calls.add_parts([three], NOON + seconds(1))
    assert calls.open_call(WORKSPACE, "a") == OpenCall(2, NOON + seconds(11))
    assert calls.open_call(WORKSPACE, "c") == OpenCall(2, NOON + seconds(11))
    assert calls.open_call(WORKSPACE, "b") == OpenCall(1, NOON + seconds(10))
    assert calls.open_call(UUID(int=1), "a") is None
    assert calls.open_call(WORKSPACE, "nothing") is None
    assert [names(each) for each in due_at(calls, NOON + seconds(10))] == [["2"]]
    (due,) = due_at(calls, NOON + seconds(11))
    assert names(due) == ["1", "3"]
    assert due.parts[0].body == {"name": "1", "number": "+14155550100"}
    assert (due.assembly.call_id, due.assembly.opened_at, due.assembly.version) == ("a", NOON, 2)


def test_a_call_is_open_while_one_of_its_legs_is_under_way_whatever_others_have_ended(calls: Any):
    calls.add_parts([new("1", "a", leg="x", under_way=True), new("2", "a", leg="y", under_way=True)], NOON)
    calls.add_parts([new("3", "a", leg="x")], NOON + seconds(5))
    calls.add_parts([new("4", "a", leg="x", under_way=True)], NOON + seconds(6))
    assert calls.open_call(WORKSPACE, "a") == OpenCall(4, NOON + LONGEST)
    calls.add_parts([new("5", "a", leg="y")], NOON + seconds(60))
    assert calls.open_call(WORKSPACE, "a") == OpenCall(5, NOON + seconds(70))


def test_legs_under_way_of_two_calls_that_are_joined_are_legs_of_the_one(calls: Any):
    calls.add_parts([new("1", "a", leg="x", under_way=True), new("2", "b", leg="y", under_way=True)], NOON)
    calls.add_parts([new("3", "b", leg="x", fact=True)], NOON)
    calls.add_parts([new("4", "b", "a", leg="z")], NOON + seconds(5))
    assert calls.open_call(WORKSPACE, "a") == OpenCall(4, NOON + LONGEST)
    calls.add_parts([new("5", "a", leg="y")], NOON + seconds(6))
    assert calls.open_call(WORKSPACE, "a") == OpenCall(5, NOON + seconds(16))


def test_a_part_with_the_id_of_a_stored_one_is_a_duplicate_in_the_same_group_too(calls: Any):
    first, same, again = new("1", "a"), new("1", "a"), new("1", "other")
    assert calls.add_parts([first, same], NOON) == [Accepted(first.id, "1", False), Accepted(first.id, "1", True)]
    assert calls.add_parts([again], NOON + seconds(5)) == [Accepted(first.id, "1", True)]
    assert calls.open_call(WORKSPACE, "a") == OpenCall(1, NOON + seconds(10))
    assert calls.open_call(WORKSPACE, "other") is None


def test_parts_without_ids_are_never_duplicates(calls: Any):
    calls.add_parts([new(None, "a"), new(None, "a")], NOON)
    assert calls.open_call(WORKSPACE, "a") == OpenCall(2, NOON + seconds(10))


def test_another_source_has_its_own_parts_and_keys(calls: Any):
    other = UUID(int=7)
    answers = calls.add_parts([new("1", "a"), new("1", "a", source_id=other)], NOON)
    assert [each.duplicate for each in answers] == [False, False]
    assert [names(each) for each in due_at(calls, NOON + seconds(10))] == [["1"], ["1"]]


def test_a_part_joins_all_the_calls_that_it_links(calls: Any):
    calls.add_parts([new("1", "a"), new("2", "b"), new("3", "c"), new("4", "d")], NOON)
    calls.add_parts([new("5", "d", "b", "a")], NOON + seconds(5))
    assert calls.open_call(WORKSPACE, "b") == OpenCall(4, NOON + seconds(15))
    assert [names(each) for each in due_at(calls, NOON + seconds(15))] == [["1", "2", "4", "5"], ["3"]]


def test_a_group_may_link_what_it_has_opened_itself(calls: Any):
    calls.add_parts([new("1", "a"), new("2", "b"), new("3", "b", "a"), new("4", "a", "z")], NOON)
    calls.add_parts([new("5", "z")], NOON)
    (due,) = due_at(calls, NOON + seconds(10))
    assert names(due) == ["1", "2", "3", "4", "5"]


def test_a_call_is_given_out_once_until_its_lease_ends(calls: Any):
    calls.add_parts([new("1", "a")], NOON)
    assert due_at(calls, NOON + seconds(9)) == []
    assert len(due_at(calls, NOON + seconds(10))) == 1
    assert due_at(calls, NOON + seconds(39)) == []
    assert len(due_at(calls, NOON + seconds(40))) == 1


def test_no_more_are_given_out_than_wanted_those_longest_due_first(calls: Any):
    calls.add_parts([new(str(number), f"k{number}", quiet=10 - number) for number in range(5)], NOON)
    first = calls.due_calls(NOON + seconds(20), NOON + seconds(50), 2)
    assert sorted(each.assembly.call_id for each in first) == ["k3", "k4"]
    assert len(calls.due_calls(NOON + seconds(20), NOON + seconds(50), 10)) == 3


def test_what_is_told_is_stored_with_the_note_that_it_was(store: Opened, calls: Any):
    calls.add_parts([new("1", "a"), new("2", "a")], NOON)
    (due,) = due_at(calls, NOON + seconds(10))
    event = Events().new("a:finished", call_id="a")
    told = telling(due, event)
    assert calls.tell([told], NOON + seconds(10), WAKE) == [Accepted(event.id, "a:finished", False)]
    assert store.admin.books(WORKSPACE)["accepted"] == 1
    assert store.hot.unevaluated([event.id])[1][0].context["call"]["id"] == "a"
    assert calls.open_call(WORKSPACE, "a") is None
    assert due_at(calls, NOON + seconds(3600)) == []
    calls.add_parts([new("3", "a", fact=True)], NOON + seconds(100))
    (again,) = due_at(calls, NOON + seconds(100))
    assert [each.told for each in again.parts] == [True, True, False]
    assert again.assembly.told_at == NOON + seconds(10)


def test_a_telling_of_another_version_does_nothing_and_comes_up_again(store: Opened, calls: Any):
    calls.add_parts([new("1", "a")], NOON)
    (due,) = due_at(calls, NOON + seconds(10))
    calls.add_parts([new("2", "a")], NOON + seconds(10))
    assert calls.tell([telling(due, Events().new("a:finished"))], NOON + seconds(10), WAKE) == []
    assert store.admin.books(WORKSPACE)["accepted"] == 0
    assert [names(each) for each in due_at(calls, NOON + seconds(20))] == [["1", "2"]]


def test_a_telling_of_a_call_that_was_joined_to_another_does_nothing(store: Opened, calls: Any):
    calls.add_parts([new("1", "a"), new("2", "b")], NOON)
    both = due_at(calls, NOON + seconds(10))
    calls.add_parts([new("3", "a", "b")], NOON + seconds(10))
    events = Events()
    assert calls.tell([telling(each, events.new(each.assembly.call_id)) for each in both], NOON, WAKE) == []
    assert store.admin.books(WORKSPACE)["accepted"] == 0


def test_an_event_that_was_told_before_is_a_duplicate(store: Opened, calls: Any):
    events = Events()
    first = events.new("a:finished", call_id="a")
    store.hot.add_events([first], NOON, WAKE)
    calls.add_parts([new("1", "a")], NOON)
    (due,) = due_at(calls, NOON + seconds(10))
    again, other = events.new("a:finished", call_id="a"), events.new("a:recorded", call_id="a")
    assert calls.tell([telling(due, again, other)], NOON + seconds(10), WAKE) == [
        Accepted(first.id, "a:finished", True),
        Accepted(other.id, "a:recorded", False),
    ]
    assert store.admin.books(WORKSPACE)["accepted"] == 2


def test_the_call_that_was_told_stays_when_another_is_joined_to_it(calls: Any):
    calls.add_parts([new("1", "a")], NOON)
    (due,) = due_at(calls, NOON + seconds(10))
    calls.tell([telling(due)], NOON + seconds(10), WAKE)
    calls.add_parts([new("2", "b")], NOON + seconds(20))
    calls.add_parts([new("3", "b", "a")], NOON + seconds(25))
    (joined,) = due_at(calls, NOON + seconds(35))
    assert (joined.assembly.call_id, joined.assembly.told_at) == ("a", NOON + seconds(10))
    assert [each.told for each in joined.parts] == [True, False, False]


def test_a_call_is_forgotten_with_its_parts_and_keys_a_week_after_the_last_one(store: Opened, calls: Any):
    calls.add_parts([new("1", "a"), new("2", "b")], NOON)
    for due in due_at(calls, NOON + seconds(10)):
        calls.tell([telling(due)], NOON + seconds(10), WAKE)
    calls.add_parts([new("3", "b")], NOON + seconds(60))
    assert calls.forget_old(NOON + KEPT - seconds(1), LIMIT) == 0
    assert calls.forget_old(NOON + KEPT, LIMIT) == 1
    assert left(store) == ({"2", "3"}, {"b"})
    assert [each.duplicate for each in calls.add_parts([new("1", "a")], NOON + KEPT)] == [False]


def left(store: Opened) -> tuple[set[str], set[str]]:
    """Ids of the parts and the keys that are stored."""
    if store.engine is None:
        rows = store.hot.assemblies
        return {row.part.part_id for row in rows._parts.values()}, {key for _, key in rows._keys}
    with store.engine.connect() as connection:
        parts = set(connection.execute(select(call_parts.c.part_id)).scalars())
        return parts, set(connection.execute(select(assembly_keys.c.key)).scalars())


def erase(store: Opened, profile: Any, event: NewEvent) -> None:
    """Delivers a private event, which is erased then."""
    made = made_of([event], profile, None)
    version = store.hot.catalogue_version()
    store.hot.add_deliveries([Evaluation(event.id, 1, True)], made, version, NOON, {}, WAKE)
    (claim,) = store.hot.claim(profile, [made[0].id], CLAIM, NOON, LEASE)
    result = delivered(claim)
    result.next = NextState(State.DELIVERED, None, 1, None)
    store.hot.record([result], NOON)
    eraser = store.hot if store.engine is None else ErasureRows(Database(store.engine))
    assert eraser.erase_due(WAKE, LIMIT).events == 1


def test_what_was_told_of_a_private_call_is_erased_with_its_event(store: Opened, calls: Any):
    profile = saved(store, private=True)
    calls.add_parts([new("1", "a"), new("2", "b")], NOON)
    events = Events()
    mine, other = due_at(calls, NOON + seconds(10))
    event = events.new("a:finished", call_id="a")
    calls.tell([telling(mine, event), telling(other, events.new("b:finished", call_id="b"))], NOON, WAKE)
    calls.add_parts([new("3", "a"), new("4", "b")], NOON + seconds(20))
    erase(store, profile, event)
    later, untouched = due_at(calls, NOON + seconds(40))
    assert (names(later), names(untouched)) == (["3"], ["2", "4"])


def test_what_was_told_of_a_private_call_is_erased_after_it_was_joined_to_another_one(store: Opened, calls: Any):
    profile, events = saved(store, private=True), Events()
    calls.add_parts([new("1", "a")], NOON)
    (first,) = due_at(calls, NOON + seconds(10))
    calls.tell([telling(first, events.new("a:finished", call_id="a"))], NOON, WAKE)
    calls.add_parts([new("2", "b")], NOON + seconds(10))
    (second,) = due_at(calls, NOON + seconds(20))
    event = events.new("b:finished", call_id="b")
    calls.tell([telling(second, event)], NOON + seconds(1), WAKE)
    calls.add_parts([new("3", "b", "a")], NOON + seconds(20))
    erase(store, profile, event)
    (joined,) = due_at(calls, NOON + seconds(40))
    assert (joined.assembly.call_id, names(joined)) == ("a", ["3"])


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_of_a_call_with_too_many_parts_the_newest_are_read(database: Opened):
    calls = rows_of(database)
    many = [new(str(number), "a") for number in range(MAX_PARTS_OF_A_CALL + 5)]
    calls.add_parts(many, NOON)
    (due,) = due_at(calls, NOON + seconds(10))
    assert (len(due.parts), names(due)[0], names(due)[-1]) == (MAX_PARTS_OF_A_CALL, "5", str(len(many) - 1))


# --- at the same moment


def batched(parts: Sequence[NewPart], size: int) -> list[Sequence[NewPart]]:
    return [parts[start : start + size] for start in range(0, len(parts), size)]


def several(database: Opened, works: Sequence[Callable[[Any], Any]]) -> list[Any]:
    return at_once(database, *[lambda work=work: work(rows_of(database)) for work in works])


def test_parts_that_come_to_several_processes_at_once_open_one_call(database: Opened):
    parts = [new(str(number), f"own{number}", "shared") for number in range(24)]
    several(database, [lambda calls, mine=mine: calls.add_parts(mine, NOON) for mine in batched(parts, 3)])
    assert rows_of(database).open_call(WORKSPACE, "own17") == OpenCall(24, NOON + seconds(10))
    with database.engine.connect() as connection:
        assert len(connection.execute(select(assemblies.c.id)).all()) == 1


def test_a_part_that_several_processes_are_given_at_once_is_stored_by_one(database: Opened):
    same = [new("1", "a") for _ in range(8)]
    answers = several(database, [lambda calls, mine=mine: calls.add_parts([mine], NOON) for mine in same])
    assert sorted(each.duplicate for (each,) in answers) == [False] + [True] * 7
    assert len({each.id for (each,) in answers}) == 1


def test_links_that_cross_come_to_one_call_and_nobody_waits_for_ever(database: Opened):
    rows_of(database).add_parts([new(f"leg{number}", f"k{number}") for number in range(16)], NOON)
    links = [new(f"link{number}", f"k{number}", f"k{(number + 1) % 16}") for number in range(16)]
    works = [lambda calls, mine=mine: [calls.add_parts([each], NOON) for each in mine]
             for mine in (links[::2], links[1::2], links[::-2], links[::-1])]  # fmt: skip
    several(database, works)
    (due,) = due_at(rows_of(database), NOON + seconds(10))
    assert len(due.parts) == 32


def test_of_several_assemblers_one_tells_a_call(database: Opened):
    calls = rows_of(database)
    calls.add_parts([new(str(number), f"k{number}") for number in range(40)], NOON)
    everything = due_at(calls, NOON + seconds(10))
    events = Events()

    def tell(rows: Any, mine: list[Telling]) -> int:
        return sum(not each.duplicate for each in rows.tell(mine, NOON + seconds(10), WAKE))

    tellings = [[telling(due, events.new(f"{due.assembly.call_id}:finished")) for due in everything] for _ in range(4)]
    told = several(database, [lambda rows, mine=mine: tell(rows, mine) for mine in tellings])
    assert (sum(told), database.admin.books(WORKSPACE)["accepted"]) == (40, 40)


def test_several_sweepers_are_given_other_calls(database: Opened):
    rows_of(database).add_parts([new(str(number), f"k{number}") for number in range(60)], NOON)

    def due(rows: Any) -> list[UUID]:
        now = NOON + seconds(10)
        return [each.assembly.id for _ in range(6) for each in rows.due_calls(now, now + seconds(30), 10)]

    given = [each for mine in several(database, [due] * 4) for each in mine]
    assert (len(given), len(set(given))) == (60, 60)


def test_parts_and_tellings_at_the_same_moment_lose_and_double_nothing(database: Opened):
    """Whoever comes first: in the end every part is told, and every call was told as finished once."""
    rows = rows_of(database)
    rows.add_parts([new(f"first{number}", f"k{number}", quiet=0) for number in range(20)], NOON)
    late = [new(f"late{number}", f"k{number}", quiet=0) for number in range(20)]
    events = Events()

    def assemble(calls: Any) -> int:
        done = 0
        for _ in range(10):
            found = calls.due_calls(NOON + seconds(1), NOON + seconds(1), 7)
            mine = [telling(each, events.new(f"{each.assembly.call_id}:finished")) for each in found]
            done += sum(not each.duplicate for each in calls.tell(mine, NOON + seconds(1), WAKE))
        return done

    several(database, [assemble, lambda calls: [calls.add_parts([each], NOON) for each in late], assemble])
    assemble(rows)
    assert database.admin.books(WORKSPACE)["accepted"] == 20
    with database.engine.connect() as connection:
        assert connection.execute(select(call_parts.c.told)).scalars().all() == [True] * 40


@pytest.mark.parametrize("database", [POSTGRESQL], indirect=True)
def test_a_part_whose_call_is_forgotten_while_it_waits_opens_a_new_one(database: Opened):
    calls = rows_of(database)
    calls.add_parts([new("1", "a")], NOON)
    with ThreadPoolExecutor(1) as pool, database.engine.begin() as forgetting:
        for table in (call_parts, assembly_keys, assemblies):
            forgetting.execute(delete(table))
        adding = pool.submit(calls.add_parts, [new("2", "a")], NOON)
        waiting = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
        for _ in range(5_000):
            with database.engine.connect() as other:
                if other.execute(waiting).scalar():
                    break
        forgetting.commit()
        assert [each.duplicate for each in adding.result()] == [False]
    assert left(database) == ({"2"}, {"a"})
