"""Port of polling: who asks for an agent's calls, and what was known of them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID


class PolledAgents(Protocol):
    """Leases over a source's agents, so that one process at a time asks for each, and what it knew."""

    def claim_agents(
        self, source_id: UUID, agents: Sequence[str], holder: UUID, now: datetime, lease_until: datetime
    ) -> Mapping[str, bytes | None]:
        """Takes those agents that nobody holds, or whose lease ran out, and lengthens the holder's own leases.

        All that the holder has now, each with its state as it was saved last, None for none.
        """
        ...

    def save_agent(self, source_id: UUID, agent: str, holder: UUID, state: bytes, now: datetime) -> bool:
        """Keeps the state, where the holder still has the agent; False, and nothing is changed, where it has not."""
        ...

    def release_agents(self, source_id: UUID, holder: UUID) -> None:
        """Lets another process take over at once."""
        ...
