import asyncio
from threading import Event as Signal

import pytest

from dispatcher.api.fresh import Fresh
from dispatcher.ports import StoreUnavailable


class Shelf:
    """Values that count how often they are read."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {"a": "one"}
        self.reads = 0
        self.away = False
        self.now = 0.0
        self.fresh = Fresh(self.read, lambda: self.now)

    def read(self, name: str) -> str | None:
        self.reads += 1
        if self.away:
            raise StoreUnavailable("away")
        return self.values.get(name)


async def settled(fresh: Fresh[str]) -> None:
    """Waits for what is being read beside."""
    await asyncio.gather(*fresh._loading.values(), return_exceptions=True)


def test_a_value_is_read_once_and_then_again_when_it_is_a_second_old() -> None:
    async def story(shelf: Shelf) -> list[tuple[str | None, int]]:
        seen = []
        for moment in (0.0, 0.4, 1.0):
            shelf.now = moment
            seen.append((await shelf.fresh.find("a"), shelf.reads))
            shelf.values["a"] = "two"
        return seen

    assert asyncio.run(story(Shelf())) == [("one", 1), ("one", 1), ("two", 2)]


def test_past_half_a_second_a_value_is_used_as_it_is_and_read_again_beside() -> None:
    async def story(shelf: Shelf) -> tuple[str | None, str | None, int]:
        await shelf.fresh.find("a")
        shelf.values["a"], shelf.now = "two", 0.6
        at_once = await shelf.fresh.find("a")
        await settled(shelf.fresh)
        return at_once, await shelf.fresh.find("a"), shelf.reads

    assert asyncio.run(story(Shelf())) == ("one", "two", 2)


def test_a_refresh_that_fails_leaves_the_value_until_it_is_a_second_old() -> None:
    async def story(shelf: Shelf) -> str | None:
        await shelf.fresh.find("a")
        shelf.away, shelf.now = True, 0.9
        found = await shelf.fresh.find("a")
        await settled(shelf.fresh)
        shelf.now = 1.0
        with pytest.raises(StoreUnavailable):
            await shelf.fresh.find("a")
        return found

    assert asyncio.run(story(Shelf())) == "one"


def test_a_hundred_askers_at_once_make_one_read() -> None:
    async def story(shelf: Shelf) -> tuple[set[str | None], int]:
        return set(await asyncio.gather(*(shelf.fresh.find("a") for _ in range(100)))), shelf.reads

    assert asyncio.run(story(Shelf())) == ({"one"}, 1)


def test_a_name_of_nothing_is_remembered_too() -> None:
    async def story(shelf: Shelf) -> tuple[list[str | None], int]:
        return [await shelf.fresh.find("b") for _ in range(2)], shelf.reads

    assert asyncio.run(story(Shelf())) == ([None, None], 1)


def test_what_is_forgotten_while_it_is_read_is_read_anew() -> None:
    """A revoked token must not come back by a read that began before."""
    reading, go_on = Signal(), Signal()
    values = {"a": "old"}

    def read(name: str) -> str | None:
        value = values[name]
        if value == "old":
            reading.set()
            go_on.wait(5)
        return value

    async def story() -> tuple[str | None, ...]:
        fresh = Fresh(read, lambda: 0.0)
        first = asyncio.create_task(fresh.find("a"))
        await asyncio.to_thread(reading.wait, 5)
        values["a"] = "new"
        fresh.forget("a")
        second = await fresh.find("a")
        go_on.set()
        return await first, second, await fresh.find("a")

    assert asyncio.run(story()) == ("old", "new", "new")
