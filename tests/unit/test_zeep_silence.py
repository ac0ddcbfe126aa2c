"""zeep tells nobody of a call: what writes envelopes into its log has no way in, and is asked for nothing."""

import ast
import logging
from pathlib import Path
from typing import Any

import pytest

import dispatcher
from dispatcher.adapters.soap.zeep_document import BundleTransport
from dispatcher.domain.exchange import Answer
from tests.unit.soap_house import ENVELOPES, SoapHouse

SECRET = "Zq-4929"
CONTEXT = {"call": {"id": SECRET, "duration_seconds": 61, "caller_name": SECRET}}
PARAMETERS: dict[str, Any] = {
    "CallId": "{{ call.id }}",
    "Seconds": "{{ call.duration_seconds }}",
    "Agent": {"Name": "{{ call.caller_name }}"},
    "Note": "{{ call.caller_name }}",
    "Extra": "{{ call.caller_name }}",
}
REPLY = (
    f'<s:Envelope xmlns:s="{ENVELOPES["1.1"]}"><s:Body><LogCallResponse xmlns="urn:crm"><LogCallResult><LeadId>{SECRET}'
    f"</LeadId><Fee>{SECRET}</Fee></LogCallResult></LogCallResponse></s:Body></s:Envelope>"
)


def test_with_every_logger_of_zeeps_open_no_line_holds_anything_of_a_call(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, "zeep")
    rendered = SoapHouse().render(CONTEXT, parameters=PARAMETERS, headers={"Session": {"Id": "{{ call.id }}"}})
    assert rendered.body.count(SECRET.encode()) == 4
    rendered.read_reply(Answer(200, [("content-type", "text/xml")], REPLY.encode())).fields()
    # It was heard: what it parses of the WSDL is told. A value that is no number is kept as text, and told to nobody.
    said = [record.getMessage() for record in caplog.records if record.name.startswith("zeep")]
    assert "Adding binding: {urn:crm}Crm11" in said
    assert [line for line in said if SECRET in line] == []


def test_zeep_has_nothing_to_send_with() -> None:
    assert {name for name in dir(BundleTransport) if not name.startswith("_")} == {"binding_classes", "load"}


def test_nothing_here_imports_what_sends_and_logs_envelopes() -> None:
    folder = Path(dispatcher.__file__).parent
    imported = {name for file in folder.rglob("*.py") for name in _imports(file) if name.startswith("zeep")}
    assert "zeep.wsdl.Document" in imported
    senders = ("zeep.transports", "zeep.client", "zeep.proxy", "zeep.Client", "zeep.Transport", "zeep.AsyncClient")
    assert [name for name in imported if name == "zeep" or name.startswith(senders)] == []


def _imports(file: Path) -> list[str]:
    names = []
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names += [each.name for each in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            names += [f"{node.module}.{each.name}" for each in node.names]
    return names
