"""What the bench says of a worker's steps: its bars, and that it measures what it names."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from bench import micro
from bench.micro import Figure, row

FIGURE = Figure("criteria", "1,000 profiles", 1.0, 1.5, "<= 2 ms an event", held=True)


@pytest.mark.parametrize(("held", "word"), [(True, "yes"), (False, "NO"), (None, "-")])
def test_a_line_says_whether_the_bar_is_held_and_nothing_where_it_cannot_be_known(held: bool | None, word: str) -> None:
    assert row(replace(FIGURE, held=held)) == ["criteria", "1,000 profiles", "1.000 / 1.500", "<= 2 ms an event", word]


@pytest.mark.parametrize("clauses", [micro.usual, micro.selective, micro.unlike, micro.dear])
def test_every_profile_has_five_clauses_and_none_fires_for_want_of_the_last(clauses: Any) -> None:
    events = micro.some_events()[:20]
    for number in (0, 999):
        assert len(clauses(number)) == 5
        criteria = micro._profile(number, clauses(number)).spec.criteria
        assert criteria is not None
        trees = [criteria.verdict(event.context).as_dict()["all"] for event in events]
        decisive = {tuple(each["held"] for each in tree) for tree in trees}
        deciding = 0 if clauses is micro.selective else 4
        assert decisive == {tuple(index != deciding for index in range(5))}


def test_rendering_is_compared_with_the_cheapest_delivery_of_the_product_in_the_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(micro, "cpu_of_each", lambda calls: [0.02] * len(calls))
    measured: Any = [
        SimpleNamespace(system="naive", cpu_per_1000=0.01),
        SimpleNamespace(system="onhook", cpu_per_1000=0.52),
        SimpleNamespace(system="onhook", cpu_per_1000=0.12),
    ]
    (figure,) = micro.rendering(measured)
    assert (figure.p50_ms, figure.held) == (0.02, False)
    assert figure.bar == "<= 15% on top of the cheapest delivery's CPU (here 20% of the other 0.10 ms)"
    (kept,) = micro.rendering(measured[:2])
    assert kept.held is True
    (alone,) = micro.rendering([])
    assert alone.held is None
