"""What SOAP costs inside a worker, without servers: building one request, and judging one reply.

By the product's own templates, with the WSDL of `bench.soap_target` kept where they look for it.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from statistics import median
from uuid import uuid4

from bench import micro
from bench.accounting import percentile
from bench.soap import soap_profile
from bench.soap_target import CONTENT_TYPE, REPLY, WSDL_PATH, wsdl
from dispatcher.adapters.engines import ENGINES
from dispatcher.adapters.soap.describe import describe
from dispatcher.adapters.soap.library import WsdlLibrary
from dispatcher.adapters.soap.templates import SoapTemplates
from dispatcher.adapters.soap.zeep_document import parse_bundle
from dispatcher.domain.exchange import Answer, Exchange
from dispatcher.domain.outcome import Delivered, outcome_of
from dispatcher.domain.profile import ProfileSpec, parse_profile
from dispatcher.domain.requests.own_headers import own_headers
from dispatcher.domain.soap.bundle import Bundle
from dispatcher.ports import Profile, StoredEvent
from dispatcher.ports.sending import Templates
from dispatcher.ports.wsdl import KeptWsdl

ORIGIN = "http://crm.invalid"

MAX_BUILD_MS = 3.0
"""What rendering, checking and building one request may take: "no more than a few milliseconds"."""


def kept() -> tuple[Templates, ProfileSpec]:
    """The product's templates over the sink's WSDL, parsed, and a profile that is pinned to it."""
    document = soap_profile("crm", ORIGIN)
    bundle = Bundle(ORIGIN + WSDL_PATH, {ORIGIN + WSDL_PATH: wsdl(ORIGIN)})
    wanted = KeptWsdl(bundle.content_hash, bundle, describe(parse_bundle(bundle)))
    document["request"]["wsdl_hash"] = bundle.content_hash
    library = WsdlLibrary(lambda *_: wanted, lambda *_: wanted.description)
    templates, spec = SoapTemplates(library), parse_profile(document, ENGINES)
    templates.prepare(spec, workspace_id=micro.WORKSPACE)
    return templates, spec


def figures(templates: Templates, spec: ProfileSpec) -> list[micro.Figure]:
    """Two lines: render, check, build and sign one request; judge the reply and read its fields."""
    events = micro.some_events()
    one = Profile(uuid4(), micro.WORKSPACE, 1, True, spec, b"k" * 32)
    template, now = templates.compile(spec, bytes(32), workspace_id=micro.WORKSPACE), datetime.now(UTC)

    def build(event: StoredEvent) -> None:
        rendered = template.render(event.context)
        own_headers(event.id, one.signing_keys(now), rendered.body, now, "Onhook/bench")

    answer = Answer(200, [("content-type", CONTENT_TYPE.decode())], REPLY)
    read_reply = template.render(events[0].context).read_reply
    assert read_reply is not None, "the profile is not one of SOAP"
    # Nothing may be remembered of an answer from one judgement to the next.
    exchanges = [Exchange(replace(answer)) for _ in events]

    def judge(exchange: Exchange) -> None:
        outcome = outcome_of(exchange, spec.success, now, read_reply)
        assert isinstance(outcome, Delivered), outcome
        assert exchange.answer is not None
        read_reply(exchange.answer).fields()

    return [
        _figure("render, check, build and sign one SOAP request", [partial(build, event) for event in events]),
        _figure("judge a SOAP reply and read its fields", [partial(judge, exchange) for exchange in exchanges]),
    ]


def _figure(what: str, calls: Sequence[partial[None]]) -> micro.Figure:
    spent = micro.cpu_of_each(calls)
    held = median(spent) <= MAX_BUILD_MS
    return micro.Figure(
        "soap-steps", what, median(spent), percentile(sorted(spent), 95), f"<= {MAX_BUILD_MS:g} ms", held
    )
