"""A process that takes parts of calls in, says so, and waits to be killed. Its settings come from the environment:

`python -m tests.integration.part_poster FIRST COUNT LEGS QUIET_SECONDS`
"""

import sys
import time
from uuid import UUID

from dispatcher.clock import utc_now
from dispatcher.domain.call_part import CallPart
from dispatcher.domain.event import CallEvent
from dispatcher.domain.field_values import time_text
from dispatcher.ingest import Ingestor
from dispatcher.ports import Source
from dispatcher.settings import load_settings
from dispatcher.take import Taker
from dispatcher.wiring import build_hints, build_store

WORKSPACE = UUID("00000000-0000-4000-8000-00000000de0a")
SOURCE = UUID("00000000-0000-4000-8000-00000000de0b")


def leg(call: int, number: int) -> CallPart:
    """A leg that has just ended; the legs of a call share one key."""
    now = utc_now()
    said = {"id": f"c{call}", "outcome": "answered", "ended_at": time_text(now)}
    event = CallEvent(f"c{call}:leg{number}", "call.finished", now, said)
    return CallPart(event, (f"c{call}:leg{number}", f"c{call}"))


def main() -> None:
    """Takes every leg of every call, then says `taken`."""
    first, count, legs, quiet_seconds = map(int, sys.argv[1:])
    settings = load_settings()
    store = build_store(settings)
    ingestor = Ingestor(store.hot, build_hints(settings), utc_now, parts=store.assemblies)
    source = Source(SOURCE, WORKSPACE, "default", "generic", None, "UTC", None, {})
    taker = Taker(ingestor, utc_now, lambda _: quiet_seconds)
    for number in range(legs):
        for start in range(first, first + count, 100):
            taker.take(source, [leg(call, number) for call in range(start, min(start + 100, first + count))], utc_now())
    sys.stdout.write("taken\n")
    sys.stdout.flush()
    while True:
        time.sleep(60)


if __name__ == "__main__":
    main()
