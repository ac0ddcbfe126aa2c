"""A vCon posted to us: an unsigned container is a finished call, a signed or encrypted one is refused."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatcher.sources import FORMATS, NotUnderstood, SourceSettings
from dispatcher.sources import vcon as vcon_module
from tests.unit.switch_posts import at, facts, one, parsed, posted, told, without

UUID = "0195544a-0000-8000-8000-000000000001"
DIALOG = {
    "type": "recording",
    "start": "2026-11-20T10:00:09.000+00:00",
    "duration": 191.4,
    "parties": [0, 1],
    "url": "https://pbx.example/rec/7f9c.wav",
    "mediatype": "audio/x-wav",
    "filename": "7f9c.wav",
    "content_hash": "sha512-abc",
}
VCON = {
    "vcon": "0.0.2",
    "uuid": UUID,
    "subject": "A question",
    "parties": [
        {"tel": "tel:+14155550100", "name": "Jane Roe"},
        {"tel": "+18005551212", "name": "John Doe", "role": "agent", "mailto": "mailto:jd@example.com"},
    ],
    "dialog": [DIALOG],
    "analysis": [{"type": "transcript", "body": "canary"}],
    "attachments": [{"body": "canary"}],
}


def vcon(**changed):
    return json.dumps({**VCON, **changed}).encode()


def with_dialog(**changed):
    return vcon(dialog=[{**DIALOG, **changed}])


def test_a_container_is_a_finished_call_with_its_recording():
    found = one("vcon", vcon())
    ended = at("10:03:20").replace(microsecond=400_000)
    assert facts(found) == (UUID, "call.finished", ended)
    assert told(found) == {
        "id": UUID,
        "direction": "inbound",
        "caller_name": "Jane Roe",
        "external_number": "+14155550100",
        "dnis": "+18005551212",
        "agent": {"name": "John Doe", "email": "jd@example.com"},
        "started_at": "2026-11-20T10:00:09Z",
        "ended_at": "2026-11-20T10:03:20.400000Z",
        "duration_seconds": 191,
        "outcome": "answered",
        "recording": {"state": "available", "url": "https://pbx.example/rec/7f9c.wav", "duration_seconds": 191},
        "custom": {
            "vcon": "0.0.2",
            "subject": "A question",
            "mediatype": "audio/x-wav",
            "filename": "7f9c.wav",
            "content_hash": "sha512-abc",
        },
    }


def test_a_changed_container_is_another_event_of_the_same_call():
    found = one("vcon", vcon(updated_at="2026-11-20T11:00:00Z"))
    assert (found.source_event_id, found.call["id"]) == (f"{UUID}:2026-11-20T11:00:00Z", UUID)


def test_an_agent_who_began_the_call_called_out():
    call = told(one("vcon", with_dialog(originator=1)))
    assert (call["direction"], call["external_number"], call["caller_name"]) == ("outbound", "+14155550100", "John Doe")


def test_without_a_role_the_direction_stays_unknown():
    parties = [without(each, "role") for each in VCON["parties"]]
    call = told(one("vcon", vcon(parties=parties)))
    assert [name in call for name in ("direction", "external_number", "agent")] == [False, False, False]
    assert (call["caller_name"], call["dnis"]) == ("Jane Roe", "+18005551212")


@pytest.mark.parametrize(
    ("changed", "recording", "outcome"),
    [
        ({"url": None, "body": "AAAA"}, {"state": "expected"}, "answered"),
        ({"type": "incomplete", "disposition": "no-answer"}, {"state": "none"}, "missed"),
        ({"type": "incomplete", "disposition": "busy"}, {"state": "none"}, "busy"),
        ({"type": "incomplete"}, {"state": "none"}, "failed"),
        ({"type": "text"}, {"state": "none"}, "answered"),
        ({"type": "transfer"}, {"state": "none"}, None),
    ],
)
def test_the_dialogs_say_what_became_of_the_call(changed, recording, outcome):
    call = told(one("vcon", with_dialog(**changed)))
    assert (call["recording"], call.get("outcome")) == (recording, outcome)


def test_a_call_of_several_dialogs_lasts_from_the_first_to_the_last():
    later = {**DIALOG, "start": "2026-11-20T10:05:00Z", "duration": 60}
    call = told(one("vcon", vcon(dialog=[DIALOG, later])))
    assert (call["started_at"], call["ended_at"]) == ("2026-11-20T10:00:09Z", "2026-11-20T10:06:00Z")


def test_neither_transcript_nor_attachment_is_kept():
    assert "canary" not in json.dumps(told(one("vcon", vcon())))


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"[]", "The body is no vCon: it has no member vcon."),
        (
            b'{"payload": "e30", "signatures": []}',
            vcon_module._SIGNED,
        ),
        (
            b'{"protected": "e30", "ciphertext": "e30"}',
            "The vCon is encrypted (JWE), and there is no key for it here: post it decrypted.",
        ),
        (vcon(uuid=None), "The vCon has no uuid."),
        (vcon(dialog=[]), "The vCon has no dialog, so that it tells of no call."),
        (vcon(dialog=[{}] * 1001), "The vCon has more than 1000 members in dialog."),
    ],
)
def test_what_is_no_readable_container_is_refused_in_a_sentence(body, reason):
    with pytest.raises(NotUnderstood) as refused:
        parsed("vcon", body)
    assert refused.value.reason == reason


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*DIALOG, "tel", "role", "name"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.sampled_from(list(VCON)), JSON), st.dictionaries(st.sampled_from(list(DIALOG)), JSON))
def test_no_container_raises_anything_but_the_refusal(odd, dialog):
    body = json.dumps({**VCON, "dialog": [{**DIALOG, **dialog}], **odd}).encode()
    reason = "."
    try:
        FORMATS["vcon"].parse(posted(body), SourceSettings())
    except NotUnderstood as refused:
        reason = refused.reason
    assert reason.endswith(".")
