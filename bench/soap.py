"""What SOAP costs beside REST: the same calls to the same sink, in one run, by a profile of each kind."""

from collections.abc import Sequence
from typing import Any

from bench.backlogs import BATCHED
from bench.measurement import Measurement, flow
from bench.product import profile
from bench.rig import Rig
from bench.scale import Scale
from bench.soap_target import PATH, WSDL_PATH

REST, SOAP = "REST", "SOAP"
LOADS: dict[str, Sequence[str]] = {"one by one": (), "50 at a time": BATCHED}


def soap_profile(name: str, origin: str, campaign: str | None = None) -> dict[str, Any]:
    """The bench's profile with the same four values as parameters of an operation of the sink's WSDL."""
    rest = profile(name, origin, campaign)
    sent = rest["request"]
    value = sent["body"]["value"]
    request = {
        "kind": "soap",
        "wsdl": origin + WSDL_PATH,
        "soap_version": "1.1",
        "operation": "LogCall",
        "parameters": {name.capitalize(): value[name] for name in ("call", "recording", "agent", "seconds")},
        "http_headers": sent["headers"],
    }
    return {**rest, "request": request}


def beside_rest(rig: Rig, scale: Scale) -> list[Measurement]:
    """REST and SOAP in turns, under each load; SOAP's line says how many times REST's it is."""
    measured = []
    for load, options in LOADS.items():
        rest = _one(rig, scale, REST, load, options)
        soap = _one(rig, scale, SOAP, load, options)
        measured += [rest, soap]
        soap.notes.append(compared(rest, soap))
    return measured


def compared(rest: Measurement, soap: Measurement) -> str:
    """How SOAP's rate and CPU compare with REST's, as a sentence of the report."""
    if not soap.delivered_per_second or not rest.delivered_per_second:
        return "not comparable with REST: one of the two did not end"
    rate = soap.delivered_per_second / rest.delivered_per_second
    added = (soap.cpu_per_1000 or 0.0) - (rest.cpu_per_1000 or 0.0)
    return f"{rate:.2f} x what REST delivered a second, with {added:+.2f} s of CPU per 1,000"


def _one(rig: Rig, scale: Scale, kind: str, load: str, options: Sequence[str]) -> Measurement:
    wanted = profile("crm", rig.sink.url + "/hook") if kind == REST else soap_profile("crm", rig.sink.url)
    with rig.onhook([wanted]) as system:
        rig.sink.behave(**{PATH.strip("/"): {"soap": True}})
        rig.warm_up(system, 300, *options)
        return flow(rig, system, f"{kind}, {load}", scale.soap, *options)
