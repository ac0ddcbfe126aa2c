"""What SOAP costs inside a worker, without servers: building one request, and judging one reply.

The product's own templates are handed in, with the WSDL of `bench.soap_target` kept where they look for it.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from statistics import median
from uuid import uuid4

from bench import micro
from bench.accounting import percentile
from bench.soap_target import CONTENT_TYPE, REPLY
from dispatcher.domain.exchange import Answer, Exchange
from dispatcher.domain.outcome import Delivered, outcome_of
from dispatcher.domain.profile import ProfileSpec
from dispatcher.domain.requests.own_headers import own_headers
from dispatcher.ports import Profile, StoredEvent
from dispatcher.ports.sending import Templates

MAX_BUILD_MS = 3.0
"""What rendering, checking and building one request may take: "no more than a few milliseconds"."""


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
