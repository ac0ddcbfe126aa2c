"""One name look-up at a time for each host."""

from dispatcher.adapters.name_gate import NameGate


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_the_first_goes_and_the_others_wait_until_the_name_is_resolved() -> None:
    gate: NameGate[str] = NameGate(Clock())
    assert (gate.is_known("crm.example"), gate.first("crm.example"), gate.first("crm.example")) == (False, True, False)
    gate.wait("crm.example", "second")
    gate.wait("crm.example", "third")
    assert gate.resolved("crm.example") == ["second", "third"]
    assert gate.is_known("crm.example") is True
    assert gate.resolved("crm.example") == []


def test_one_name_does_not_wait_for_another() -> None:
    gate: NameGate[str] = NameGate(Clock())
    assert (gate.first("silent.example"), gate.first("crm.example")) == (True, True)


def test_a_name_is_looked_up_anew_before_libcurls_cache_forgets_it() -> None:
    clock = Clock()
    gate: NameGate[str] = NameGate(clock)
    gate.first("crm.example")
    gate.resolved("crm.example")
    clock.now += 44
    assert gate.is_known("crm.example") is True
    clock.now += 2
    assert (gate.is_known("crm.example"), gate.first("crm.example")) == (False, True)


def test_a_name_that_was_not_resolved_stays_unknown_and_the_next_is_the_first_again() -> None:
    gate: NameGate[str] = NameGate(Clock())
    gate.first("silent.example")
    gate.wait("silent.example", "second")
    assert gate.unresolved("silent.example") == ["second"]
    assert (gate.is_known("silent.example"), gate.first("silent.example")) == (False, True)


def test_everything_that_waits_is_given_back_at_the_end() -> None:
    gate: NameGate[str] = NameGate(Clock())
    for name in ("a.example", "b.example"):
        gate.first(name)
        gate.wait(name, f"waits for {name}")
    assert gate.everything() == ["waits for a.example", "waits for b.example"]
    assert gate.everything() == []


def test_names_without_end_do_not_fill_the_memory() -> None:
    gate: NameGate[str] = NameGate(Clock())
    for number in range(25_000):
        gate.resolved(f"{number}.example")
    assert len(gate._known_until) <= 10_000
