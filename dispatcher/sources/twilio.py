"""Twilio's voice webhooks: status, recording and transcription callbacks, as a form or (by GET) in the query."""

from dispatcher.sources.format import Format, Parsed, Posted, SourceSettings
from dispatcher.sources.normal.causes import attestation
from dispatcher.sources.normal.times import rfc2822
from dispatcher.sources.posts.fields import form_of
from dispatcher.sources.twiml import Callback, Moments, Tongue
from dispatcher.sources.twiml.callbacks import read_callback


def parse(posted: Posted, settings: SourceSettings) -> list[Parsed]:
    """The call's end as a part, its recordings, transcriptions and child legs as facts of it; none in mid-call."""
    return read_callback(Callback(form_of(posted), posted, settings, _TWILIO))


_TWILIO = Tongue(
    vendor="Twilio",
    moments=lambda fields: Moments(ended=rfc2822(fields.get("Timestamp"))),
    ending=lambda _: {},
    attestation=lambda fields: attestation(fields.get("StirVerstat")),
    direction=lambda *_: None,
)

FORMAT = Format(
    name="twilio",
    parse=parse,
    auth_kinds=frozenset({"twilio", "basic", "token", "query_token"}),
    methods=frozenset({"POST", "GET"}),
    success_status=204,
    quiet_seconds=3.0,
)
