from typing import Any

from dispatcher.demo.integrations import RETIRED
from dispatcher.demo.watch import LOOK_BACK_MS, Watch

START_MS = 1_700_000_000_000


def delivery(
    number: int, state: str, profile: str = "crm", after_ms: int = 0, reason: str | None = None
) -> dict[str, Any]:
    ms = f"{START_MS + after_ms:012x}"
    identifier = f"{ms[:8]}-{ms[8:]}-8000-8000-{number:012x}"
    return {"id": identifier, "profile": profile, "state": state, "call_id": f"c{number}", "reason": reason}


def counts(watch: Watch, profile: str = "crm") -> dict[str, int]:
    return {state: count for state, count in watch.counts[profile].items() if count}


def test_a_delivery_counts_in_its_present_state_alone() -> None:
    watch = Watch()
    assert watch.take([delivery(2, "delivered"), delivery(1, "sending")]) == 2
    assert watch.take([delivery(2, "delivered"), delivery(1, "retrying", reason="status: answered 503")]) == 1
    assert counts(watch) == {"delivered": 1, "retrying": 1}
    assert watch.by_call["c1"] == {"crm": "retrying"}
    assert watch.reasons == {"crm": "status: answered 503"}


def test_it_reads_back_to_the_oldest_open_delivery_and_no_further() -> None:
    watch = Watch()
    later = 10 * LOOK_BACK_MS
    watch.take(
        [
            delivery(3, "delivered", after_ms=later),
            delivery(2, "retrying", after_ms=later // 2),
            delivery(1, "delivered"),
        ]
    )
    read: list[int] = []

    def page() -> Any:
        for number, at, state in ((3, later, "delivered"), (2, later // 2, "delivered"), (1, 0, "dead")):
            read.append(number)
            yield delivery(number, state, after_ms=at)

    watch.take(page())
    assert read == [3, 2, 1]
    assert counts(watch) == {"delivered": 3}
    read.clear()
    watch.take(page())
    assert read == [3, 2]
    watch.take(page(), whole=True)
    assert counts(watch) == {"delivered": 2, "dead": 1}


def test_a_delivery_made_late_of_an_earlier_event_is_seen() -> None:
    watch = Watch()
    watch.take([delivery(2, "delivered", after_ms=LOOK_BACK_MS)])
    watch.take([delivery(2, "delivered", after_ms=LOOK_BACK_MS), delivery(1, "delivered", after_ms=1)])
    assert counts(watch) == {"delivered": 2}


def test_only_the_retired_profile_may_give_up_and_only_the_others_may_deliver() -> None:
    watch = Watch()
    watch.take([delivery(1, "delivered"), delivery(2, "dead", RETIRED)])
    assert watch.surprises() == []
    watch.take([delivery(3, "dead", reason="refused: 404"), delivery(4, "delivered", RETIRED)])
    assert watch.surprises() == [
        "crm: 1 dead instead of delivered (refused: 404)",
        f"{RETIRED}: 1 delivered instead of dead (no reason given)",
    ]
