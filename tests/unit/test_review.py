"""A profile is reviewed against its neighbours before it is saved."""

from typing import Any

import pytest

from dispatcher.adapters.templates.request import JinjaTemplates
from dispatcher.domain.profile import ProfileSpec
from dispatcher.ports import Conflict
from dispatcher.review import refuse_while_followed, review
from tests.unit.doubles import WORKSPACE, spec

LEAD = spec("create-lead", outputs=[{"name": "lead_id", "json": "$.id"}])


def attach(url: str = "https://crm.example/leads/{{ followed.lead_id }}", **changes: Any) -> ProfileSpec:
    request = {"method": "POST", "url": url}
    return spec("attach", **{"request": request, "follow": {"profile": "create-lead"}, **changes})


def faults(given: ProfileSpec, *neighbours: ProfileSpec) -> list[dict[str, str]]:
    others = {each.name: each for each in neighbours}
    return review(given, others, ["crm-basic", "crm-token"], JinjaTemplates(), WORKSPACE)


def test_a_follower_may_name_the_outputs_of_the_profile_it_follows():
    assert faults(attach(), LEAD) == []


def test_an_output_that_the_followed_profile_does_not_have_is_refused_where_it_stands():
    (fault,) = faults(attach("https://crm.example/leads/{{ followed.lead }}"), LEAD)
    assert fault["field"] == "request.url"
    assert "lead_id" in fault["expected"]


def test_an_output_of_a_profile_that_nobody_follows_is_refused():
    (fault,) = faults(spec(request={"method": "GET", "url": "https://crm.example/{{ followed.lead_id }}"}), LEAD)
    assert fault["field"] == "request.url"


def test_a_followed_profile_must_be_there():
    assert faults(attach("https://crm.example/"), spec("create-leads"), spec("other")) == [
        {
            "field": "follow.profile",
            "expected": "the name of a profile (did you mean create-leads?); there are create-leads, other",
            "got": "create-lead",
        }
    ]


def test_a_cycle_is_refused_with_its_way():
    lead = spec("create-lead", follow={"profile": "attach"})
    assert faults(lead, attach("https://crm.example/")) == [
        {
            "field": "follow.profile",
            "expected": "a profile that does not wait for this one itself",
            "got": "a cycle: create-lead → attach → create-lead",
        }
    ]


def test_a_change_that_closes_a_long_cycle_is_refused():
    ring = [spec(f"p{number}", follow={"profile": f"p{number + 1}"}) for number in range(5)]
    (fault,) = faults(spec("p5", follow={"profile": "p0"}), *ring, spec("p5"))
    assert fault["got"] == "a cycle: p5 → p0 → p1 → p2 → p3 → p4 → p5"
    assert faults(spec("p5"), *ring) == []


def test_what_follows_a_private_profile_must_be_private():
    secret = spec("create-lead", outputs=[{"name": "lead_id", "json": "$.id"}], private=True)
    assert faults(attach(), secret) == [
        {"field": "private", "expected": "true, as it follows create-lead, a private one", "got": "false"}
    ]
    assert faults(attach(private=True), secret) == []


def test_a_profile_does_not_become_private_before_its_followers():
    secret = spec("create-lead", outputs=[{"name": "lead_id", "json": "$.id"}], private=True)
    assert faults(secret, attach()) == [
        {"field": "private", "expected": "false, until attach, following it, are private", "got": "true"}
    ]
    assert faults(secret, attach(private=True), spec("other")) == []


def test_an_output_that_a_follower_uses_is_not_taken_away():
    assert faults(spec("create-lead", outputs=[{"name": "id", "json": "$.id"}]), LEAD, attach()) == [
        {
            "field": "outputs",
            "expected": "every output that followers use, until those are changed",
            "got": "attach uses it: unknown variable followed.lead_id in its request.url",
        }
    ]


def test_an_output_that_nobody_uses_goes_and_one_that_is_used_may_be_found_elsewhere():
    assert faults(spec("create-lead"), LEAD, attach("https://crm.example/")) == []
    elsewhere = [{"name": "lead_id", "header": "Location"}, {"name": "more", "json": "$.more"}]
    assert faults(spec("create-lead", outputs=elsewhere), LEAD, attach()) == []


def test_a_credential_must_be_there():
    assert faults(spec(credential="crm-basic")) == []
    assert faults(spec(credential="crm-basics")) == [
        {
            "field": "credential",
            "expected": "the name of a credential (did you mean crm-basic?); there are crm-basic, crm-token",
            "got": "crm-basics",
        }
    ]


def test_a_profile_that_is_followed_is_not_deleted():
    neighbours = {each.name: each for each in (LEAD, attach(), spec("other"))}
    with pytest.raises(Conflict, match=r"^create-lead is followed by attach: change or delete these first$"):
        refuse_while_followed("create-lead", neighbours)
    refuse_while_followed("attach", neighbours)
