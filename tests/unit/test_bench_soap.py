"""What the bench measures of SOAP: that its sink is sound, that both profiles carry the same, and what is compared."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
import requests
import zeep

from bench import micro, soap_steps
from bench.product import profile
from bench.proof import Sink
from bench.soap import compared, soap_profile
from bench.soap_target import PATH, REPLY, WSDL_PATH
from dispatcher.adapters.engines import ENGINES
from dispatcher.domain.profile import parse_profile
from dispatcher.domain.soap.reply import Reply
from dispatcher.ports.sending import Rendered


@pytest.fixture
def sink() -> Iterator[Sink]:
    made = Sink()
    yield made
    made.stop()


def test_the_sink_hands_out_a_wsdl_and_answers_in_an_envelope_once_it_is_told_to(sink: Sink) -> None:
    sink.behave(**{PATH.strip("/"): {"soap": True}})
    with requests.Session() as session:
        session.headers["X-Event"] = "e-1"
        client = zeep.Client(sink.url + WSDL_PATH, transport=zeep.Transport(session=session))
        assert client.service.LogCall(Call="c1", Seconds=61, Agent="Jane") == "L-1"
        assert session.post(sink.url + "/hook", data=b"{}").json() == {"ok": True}
    assert [(each.path, each.event_id, each.status) for each in sink.arrivals()] == [
        (PATH, "e-1", 200), ("/hook", "e-1", 200),
    ]  # fmt: skip


def test_both_profiles_carry_the_same_values() -> None:
    rest = parse_profile(profile("crm", "http://127.0.0.1:1/hook"), ENGINES).document
    soap = parse_profile(soap_profile("crm", "http://127.0.0.1:1"), ENGINES).document
    assert soap["request"]["http_headers"] == rest["request"]["headers"]
    given = {name.lower(): value for name, value in soap["request"]["parameters"].items()}
    assert given == rest["request"]["body"]["value"]
    assert soap["request"]["wsdl"] == f"http://127.0.0.1:1{WSDL_PATH}"
    assert {**soap, "request": None} == {**rest, "request": None}


def line(rate: float | None, cpu: float) -> Any:
    return SimpleNamespace(delivered_per_second=rate, cpu_per_1000=cpu)


def test_the_report_compares_soap_with_rest() -> None:
    assert compared(line(4000.0, 0.25), line(3000.0, 0.75)) == (
        "0.75 x what REST delivered a second, with +0.50 s of CPU per 1,000"
    )
    assert compared(line(4000.0, 0.25), line(None, 0.75)) == "not comparable with REST: one of the two did not end"


class Template:
    """Builds the same for every event, and reads any answer as a reply."""

    def render(self, context: Any) -> Rendered:
        assert context["call"]["id"]
        return Rendered("POST", "http://127.0.0.1:1/soap", [], REPLY, lambda _: Reply(fields=lambda: {"LeadId": "L-1"}))


class Templates:
    """Stands in for the product's."""

    def compile(self, spec: Any, hash_key: bytes = b"", *, workspace_id: UUID) -> Template:
        assert (spec.name, len(hash_key), workspace_id) == ("crm", 32, micro.WORKSPACE)
        return Template()


def test_the_steps_of_soap_are_building_and_judging(monkeypatch: pytest.MonkeyPatch) -> None:
    done = []
    spent = {"render": 4.0, "judge": 0.5}

    def cpu_of_each(calls: Any) -> list[float]:
        for call in calls:
            call()
        done.append(len(calls))
        return [spent["judge" if len(done) == 2 else "render"]] * len(calls)

    monkeypatch.setattr(micro, "cpu_of_each", cpu_of_each)
    spec = parse_profile(soap_profile("crm", "http://127.0.0.1:1"), ENGINES)
    stand_in: Any = Templates()
    built, judged = soap_steps.figures(stand_in, spec)
    assert (built.what, built.p50_ms, built.held) == ("render, check, build and sign one SOAP request", 4.0, False)
    assert (judged.what, judged.p50_ms, judged.held) == ("judge a SOAP reply and read its fields", 0.5, True)
    assert done == [240, 240]
