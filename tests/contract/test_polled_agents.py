"""Agents that are polled: one contract for both databases and the twin in memory."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from dispatcher.adapters.memory.polled_agents import MemoryPolledAgents
from dispatcher.adapters.sql.database import Database
from dispatcher.adapters.sql.polled_agents import PolledAgentRows
from dispatcher.adapters.sql.tables import polled_agents
from dispatcher.adapters.vault import Vault
from dispatcher.ports import PolledAgents
from tests.contract.conftest import MASTER_KEY, POSTGRESQL, Opened, opened
from tests.unit.doubles import NOON, SOURCE, seconds

ONE, TWO = UUID(int=1), UUID(int=2)
OTHER_SOURCE = UUID(int=99)
UNTIL = NOON + seconds(30)


@pytest.fixture(params=["memory", "sqlite", POSTGRESQL])
def agents(request: pytest.FixtureRequest) -> Iterator[PolledAgents]:
    """Each of the three stores in turn."""
    if request.param == "memory":
        yield MemoryPolledAgents()
        return
    for each in opened(request.param, request):
        assert each.engine is not None
        yield PolledAgentRows(Database(each.engine), Vault([MASTER_KEY]))


def claim(agents: PolledAgents, holder: UUID, after: float = 0, *names: str) -> dict[str, bytes | None]:
    moment = NOON + seconds(after)
    return dict(agents.claim_agents(SOURCE, names or ("17", "18"), holder, moment, moment + seconds(30)))


def test_who_comes_first_has_the_agents_and_keeps_them_by_asking_again(agents: PolledAgents):
    assert claim(agents, ONE) == {"17": None, "18": None}
    assert claim(agents, TWO, 29) == {}
    assert claim(agents, ONE, 29) == {"17": None, "18": None}
    assert claim(agents, TWO, 58) == {}


def test_another_takes_over_when_the_lease_ran_out_with_the_state_that_was_saved(agents: PolledAgents):
    claim(agents, ONE)
    assert agents.save_agent(SOURCE, "17", ONE, b"+14155550100", NOON + seconds(1))
    assert claim(agents, TWO, 30) == {"17": b"+14155550100", "18": None}
    assert claim(agents, ONE, 31) == {}


def test_who_lost_the_lease_cannot_save(agents: PolledAgents):
    claim(agents, ONE)
    assert not agents.save_agent(SOURCE, "17", ONE, b"late", NOON + seconds(30))
    claim(agents, TWO, 30)
    assert not agents.save_agent(SOURCE, "17", ONE, b"late", NOON + seconds(31))
    assert not agents.save_agent(SOURCE, "99", ONE, b"never claimed", NOON)
    assert claim(agents, TWO, 31) == {"17": None, "18": None}


def test_who_stops_lets_another_take_over_at_once(agents: PolledAgents):
    claim(agents, ONE)
    agents.release_agents(SOURCE, ONE)
    assert claim(agents, TWO, 1) == {"17": None, "18": None}
    agents.release_agents(SOURCE, ONE)
    assert claim(agents, ONE, 2) == {}


def test_sources_and_agents_do_not_mix(agents: PolledAgents):
    claim(agents, ONE, 0, "17")
    assert claim(agents, TWO, 0, "17", "18") == {"18": None}
    assert dict(agents.claim_agents(OTHER_SOURCE, ["17"], TWO, NOON, UNTIL)) == {"17": None}
    assert agents.claim_agents(SOURCE, [], ONE, NOON, UNTIL) == {}


def test_of_many_who_come_at_once_each_agent_has_one(agents: PolledAgents):
    names = [str(number) for number in range(20)]
    holders = [UUID(int=number) for number in range(1, 5)]
    ready = Barrier(len(holders))

    def come(holder: UUID) -> list[str]:
        ready.wait(10)
        return list(claim(agents, holder, 0, *names))

    with ThreadPoolExecutor(len(holders)) as pool:
        held = list(pool.map(come, holders))
    given = sorted(name for each in held for name in each)
    assert given == sorted(names)


def test_a_state_lies_sealed(database: Opened):
    rows = PolledAgentRows(Database(database.engine), Vault([MASTER_KEY]))
    claim(rows, ONE)
    rows.save_agent(SOURCE, "17", ONE, b"+14155550100", NOON)
    with database.engine.connect() as connection:
        stored: list[Any] = [row.state for row in connection.execute(select(polled_agents.c.state))]
    assert all(b"4155550100" not in state for state in stored if state)
    assert any(stored)
