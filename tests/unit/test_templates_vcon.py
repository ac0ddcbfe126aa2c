"""vCon bodies: the shape of the IETF's examples, the same for the same call, and nothing personal in a redacted one."""

import json
import os
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.adapters.engines import ENGINES
from dispatcher.adapters.templates.request import RenderError, check_request, compile_request
from dispatcher.domain.profile import parse_profile
from tests.unit.template_house import CONTEXT, render, said, spec

CALL: dict[str, Any] = {
    "id": "7f9c",
    "direction": "outbound",
    "caller_name": "Jane Roe",
    "external_number": "+14155550100",
    "dnis": "+18005551212",
    "agent": {"name": "John Doe", "extension": "154", "email": "jd@example.com"},
    "started_at": "2026-11-20T10:00:00Z",
    "outcome": "answered",
    "duration_seconds": 200,
    "talk_seconds": 191,
    "tags": ["vip"],
    "disposition": "Call back",
    "hangup_cause": "NORMAL_CLEARING",
    "q850": 16,
    "recording": {"state": "available", "url": "https://pbx.example/rec/a%20b.mp3?key=1", "duration_seconds": 190},
    "custom": {"transcript": "Hello.", "note": "private words"},
}


def vcon(call: dict[str, Any], *, redacted: bool = False, source: str = "pbx", **event: Any) -> Any:
    context = {**CONTEXT, "call": call, "source": {"name": source}, **event}
    rendered = render(context, body={"kind": "vcon", "redacted": redacted})
    assert rendered.headers == [("Content-Type", "application/vcon+json")]
    return json.loads(rendered.body or b"")


def test_a_call_with_a_recording_is_a_vcon_to_the_letter() -> None:
    made = vcon(CALL)
    facts = json.loads(made["attachments"][0].pop("body"))
    assert facts == {
        "id": "7f9c",
        "direction": "outbound",
        "outcome": "answered",
        "q850": 16,
        "duration_seconds": 200,
        "talk_seconds": 191,
        "dnis": "+18005551212",
        "tags": ["vip"],
        "hangup_cause": "NORMAL_CLEARING",
        "disposition": "Call back",
        "custom": CALL["custom"],
    }
    assert made == {
        "vcon": "0.0.2",
        "uuid": made["uuid"],
        "created_at": "2026-11-20T10:03:20Z",
        "parties": [
            {"tel": "+14155550100", "name": "Jane Roe", "role": "customer"},
            {"tel": "154", "name": "John Doe", "mailto": "jd@example.com", "role": "agent"},
        ],
        "dialog": [
            {
                "type": "recording",
                "start": "2026-11-20T10:00:00Z",
                "duration": 190,
                "parties": [0, 1],
                "originator": 1,
                "url": "https://pbx.example/rec/a%20b.mp3?key=1",
                "mediatype": "audio/x-mp3",
                "filename": "a b.mp3",
            }
        ],
        "analysis": [{"type": "transcript", "dialog": 0, "vendor": "pbx", "encoding": "none", "body": "Hello."}],
        "attachments": [{"type": "onhook-call", "start": "2026-11-20T10:00:00Z", "party": 1, "encoding": "json"}],
    }


def test_the_uuid_is_the_call_s_in_every_event_of_it_and_of_version_8() -> None:
    first = UUID(vcon(CALL)["uuid"])
    assert (first.version, first.variant) == (8, "specified in RFC 4122")
    assert UUID(vcon({"id": "7f9c"}, occurred_at="2026-11-21T00:00:00Z")["uuid"]) == first
    assert UUID(vcon({"id": "other"})["uuid"]) != first
    assert UUID(vcon(CALL, source="another")["uuid"]) != first


@pytest.mark.parametrize(
    ("call", "dialog"),
    [
        ({"outcome": "missed"}, {"type": "incomplete", "disposition": "no-answer"}),
        ({"outcome": "busy", "duration_seconds": 3}, {"type": "incomplete", "disposition": "busy", "duration": 3}),
        ({"outcome": "answered"}, {"type": "recording"}),
        ({}, {"type": "recording"}),
        ({"recording": {"url": "not a url ["}}, {"type": "recording", "url": "not a url [", "filename": "not a url ["}),
        ({"recording": {"url": "https://[x/"}}, {"type": "recording", "url": "https://[x/"}),
    ],
)
def test_a_call_without_conversation_is_an_incomplete_dialog(call: dict[str, Any], dialog: dict[str, Any]) -> None:
    made = vcon({"id": "x", **call})["dialog"]
    assert made == [{"start": "2026-11-20T10:03:20Z", "parties": [0, 1], "originator": 0, **dialog}]


def test_a_redacted_vcon_holds_nothing_personal_and_names_the_full_one() -> None:
    full, redacted = vcon(CALL), vcon(CALL, redacted=True)
    assert redacted["uuid"] != full["uuid"]
    assert redacted["redacted"] == {"uuid": full["uuid"], "type": "names, numbers, recordings and texts removed"}
    assert redacted["parties"] == [{"role": "customer"}, {"role": "agent"}]
    assert redacted["analysis"] == []
    assert redacted["dialog"] == [
        {"type": "recording", "start": "2026-11-20T10:00:00Z", "duration": 190, "parties": [0, 1], "originator": 1}
    ]
    assert json.loads(redacted["attachments"][0]["body"]) == {
        "id": "7f9c",
        "direction": "outbound",
        "outcome": "answered",
        "q850": 16,
        "duration_seconds": 200,
        "talk_seconds": 191,
    }


TEXTS = (
    *("caller_name", "external_number", "dnis", "group", "campaign", "location", "disposition", "lead_id"),
    *("report_id", "ended_by", "hangup_cause"),
)


def test_no_canary_of_any_text_is_in_a_redacted_vcon() -> None:
    call: dict[str, Any] = {"id": "7f9c", **{name: f"canary-{name}" for name in TEXTS}}
    call |= {"agent": {"name": "canary", "id": "canary", "email": "canary", "extension": "canary"}}
    call |= {"tags": ["canary"], "account_codes": ["canary"], "custom": {"canary": "canary", "transcript": "canary"}}
    call |= {"recording": {"url": "https://canary.example/canary.wav", "state": "available"}}
    assert "canary" in json.dumps(vcon(call))
    assert "canary" not in json.dumps(vcon(call, redacted=True))


@given(value=st.text() | st.integers() | st.lists(st.text()) | st.none())
def test_a_vcon_can_be_read_back_whatever_the_values_are(value: Any) -> None:
    made = vcon(said(value)["call"])
    assert json.loads(made["attachments"][0]["body"])["custom"] == {"said": value}


def test_a_private_profile_sends_a_vcon_only_redacted() -> None:
    document = {**spec(body={"kind": "vcon"}).document, "private": True}
    full = parse_profile(document, ENGINES)
    assert check_request(full) == [
        {
            "field": "request.body.redacted",
            "expected": "true, since a private profile must not send a vCon with names and numbers",
            "got": "boolean false",
        }
    ]
    with pytest.raises(RenderError, match=r"in request\.body\.redacted"):
        compile_request(full)
    document["request"]["body"]["redacted"] = True
    assert check_request(parse_profile(document, ENGINES)) == []


def test_the_members_are_those_of_the_working_group_s_example() -> None:
    folder = os.environ.get("ONHOOK_SAMPLES")
    if folder is None:
        pytest.skip("ONHOOK_SAMPLES names no folder of sample payloads")
    sample = json.loads((Path(folder) / "vcon" / "ab_call_ext_rec.json").read_text())
    made = vcon(CALL)
    assert set(sample) <= set(made)
    assert made["vcon"] == sample["vcon"]
    # The hash of the recording is left out: nobody has fetched it.
    assert set(sample["dialog"][0]) - {"content_hash"} <= set(made["dialog"][0])
    assert set(sample["parties"][0]) <= set(made["parties"][0])
    for name in ("parties", "dialog", "analysis", "attachments"):
        assert type(made[name]) is type(sample[name])
