from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from dispatcher.adapters.engines import ENGINES
from dispatcher.adapters.templates.request import JinjaTemplates
from dispatcher.config_files import config_dir
from dispatcher.demo.calls import DemoCall, day_of_calls
from dispatcher.demo.integrations import FEW_RETRIES, QUICK_RETRIES, RETIRED, demo_profiles
from dispatcher.domain.event import parse_event
from dispatcher.domain.profile import ProfileSpec, parse_profile
from tests.unit.doubles import WORKSPACE

NOW = datetime(2026, 11, 20, 10, 3, 20, tzinfo=UTC)
CRM, NOBODY = "http://127.0.0.1:40001", "http://127.0.0.1:40002"


def first(count: int, seed: int = 0) -> list[DemoCall]:
    return list(islice(day_of_calls("demo", seed, NOW), count))


def specs(folder: Path | None = None) -> list[ProfileSpec]:
    documents = demo_profiles(folder or config_dir() / "profiles", CRM, NOBODY)
    return [parse_profile(document, ENGINES) for document in documents]


def events(calls: list[DemoCall]) -> list[dict]:
    return [event for call in calls for event in (call.finished, call.recorded) if event is not None]


def test_every_event_is_canonical_and_has_an_id_of_its_own() -> None:
    made = events(first(300))
    parsed = [parse_event(event, NOW) for event in made]
    assert len({event.source_event_id for event in parsed}) == len(made)
    assert {event.type for event in parsed} == {"call.finished", "call.missed", "call.recorded"}


def test_the_first_six_calls_show_every_kind() -> None:
    calls = [call.finished["call"] for call in first(6)]
    assert {call["direction"] for call in calls} == {"inbound", "outbound"}
    assert {call["outcome"] for call in calls} == {"answered", "missed", "abandoned"}
    assert {call["recording"]["state"] for call in calls} == {"available", "pending", "none"}
    assert ["vip"] in [call["tags"] for call in calls]


def test_a_pending_recording_comes_with_an_event_of_its_own_and_no_other_does() -> None:
    for call in first(100):
        pending = call.finished["call"]["recording"]["state"] == "pending"
        assert (call.recorded is not None) is pending
        assert call.events == 1 + pending


def test_the_same_seed_makes_the_same_day() -> None:
    assert first(50) == first(50)
    assert first(50) != first(50, seed=1)


def test_the_example_profiles_point_at_the_crm_and_the_retired_one_at_nobody() -> None:
    made = {document["name"]: document for document in demo_profiles(config_dir() / "profiles", CRM, NOBODY)}
    assert set(made) >= {
        "crm-call-log",
        "flaky-helpdesk",
        "missed-call-alert",
        "recording-archive",
        "soap-crm",
        RETIRED,
    }
    for name, document in made.items():
        request = document["request"]
        where = request["wsdl"] if request["kind"] == "soap" else request["url"]
        assert where.startswith((NOBODY if name == RETIRED else CRM) + "/")
        assert document["retry"] == (FEW_RETRIES if name == RETIRED else QUICK_RETRIES)


def test_an_address_that_is_given_beside_the_wsdl_is_pointed_at_the_crm_too(tmp_path: Path) -> None:
    (tmp_path / "soap.yaml").write_text(
        "{name: soap, request: {kind: soap, wsdl: 'http://crm.example/soap?wsdl', address: 'https://crm.example:8443/soap'}}"
    )
    [made] = demo_profiles(tmp_path, CRM, NOBODY)
    assert made["request"] == {"kind": "soap", "wsdl": f"{CRM}/soap?wsdl", "address": f"{CRM}/soap"}


def test_every_example_profile_fires_on_some_of_the_first_six_calls_and_can_be_rendered() -> None:
    contexts = [
        {
            "id": event["id"],
            "type": event["type"],
            "occurred_at": event["occurred_at"],
            "call": parse_event(event, NOW).call,
            "followed": {"lead": 17},
        }
        for event in events(first(6))
    ]
    for spec in specs():
        fired = [
            each for each in contexts if spec.takes(each["type"]) and (not spec.criteria or spec.criteria.holds(each))
        ]
        assert fired, spec.name
        if spec.document["request"]["kind"] == "rest":  # what SOAP needs besides is a WSDL, which nobody serves here
            template = JinjaTemplates().compile(spec, workspace_id=WORKSPACE)
            assert all(template.render(context).url.startswith("http://127.0.0.1:") for context in fired)
