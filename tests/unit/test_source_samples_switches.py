"""Payloads that switches really sent: each gives exactly these events or parts of calls, or is named as none.

They lie outside of the project, in the folder that ONHOOK_SAMPLES names; without it these tests are skipped.
"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest

from dispatcher.sources import FORMATS, NotUnderstood
from tests.unit.sample_files import NoEvent, content_of, needs_samples
from tests.unit.switch_posts import SourceSettings, events_of, posted, told

pytestmark = needs_samples


@dataclass(frozen=True)
class Sample:
    """`how` it is posted: the file as the body, or percent-encoded as the form field `cdr`.

    `expected` has the type and the call of each event or part, without `custom` and the forms of its numbers.
    """

    file: str
    format: str
    how: str
    expected: list[tuple[str, dict[str, Any]]]


SAMPLES = (
    Sample(
        "freeswitch/json_cdr_unanswered_style.json",
        "freeswitch",
        "body",
        [
            (
                "call.finished",
                {
                    "id": "3da8bf84-c133-4959-9e24-e72875cb33a1",
                    "direction": "internal",
                    "dnis": "1002",
                    "agent": {"extension": "1002"},
                    "started_at": "2018-01-11T10:25:44.534355Z",
                    "answered_at": "2018-01-11T10:25:47.954373Z",
                    "ended_at": "2018-01-11T10:26:55.494269Z",
                    "duration_seconds": 71,
                    "talk_seconds": 68,
                    "hold_seconds": 67,
                    "ring_seconds": 3,
                    "outcome": "answered",
                    "ended_by": "callee",
                    "hangup_cause": "NORMAL_CLEARING",
                    "q850": 16,
                    "sip_code": 200,
                    "recording": {"state": "none"},
                },
            ),
        ],
    ),
    Sample(
        "freeswitch/xml_cdr_form_body_excerpt.xml",
        "freeswitch",
        "cdr field",
        [
            (
                "call.finished",
                {
                    "id": "8039fb4f-e1c9-4def-b097-7c71435bb73c",
                    "direction": "inbound",
                    "external_number": "10086",
                    "dnis": "60019",
                    "started_at": "2021-01-07T01:42:20.553303Z",
                    "answered_at": "2021-01-07T01:42:21Z",
                    "ended_at": "2021-01-07T01:46:44Z",
                    "duration_seconds": 264,
                    "talk_seconds": 263,
                    "ring_seconds": 0,
                    "outcome": "answered",
                    "ended_by": "system",
                    "hangup_cause": "NORMAL_CLEARING",
                    "q850": 16,
                    "recording": {"state": "none"},
                },
            ),
        ],
    ),
    Sample(
        "freeswitch/esl_channel_hangup_complete.txt",
        "freeswitch",
        "body",
        [
            (
                "call.finished",
                {
                    "id": "e3133bf7-dcde-4daf-9663-9a79ffcef5ad",
                    "direction": "internal",
                    "dnis": "1003",
                    "agent": {"extension": "1003"},
                    "account_codes": ["1001"],
                    "started_at": "2015-07-07T14:52:08.471153Z",
                    "answered_at": "2015-07-07T14:52:08.971147Z",
                    "ended_at": "2015-07-07T14:53:14.010851Z",
                    "duration_seconds": 66,
                    "talk_seconds": 66,
                    "hold_seconds": 0,
                    "ring_seconds": 0,
                    "outcome": "answered",
                    "ended_by": "caller",
                    "hangup_cause": "NORMAL_CLEARING",
                    "q850": 16,
                    "sip_code": 200,
                    "recording": {"state": "none"},
                },
            ),
        ],
    ),
    Sample(
        "asterisk/ari_StasisEnd.json",
        "asterisk",
        "body",
        [
            (
                "call.finished",
                {
                    "id": "1400609726.3",
                    "direction": "internal",
                    "dnis": "1000",
                    "agent": {"extension": "1000"},
                    "started_at": "2014-05-20T18:15:26.628000Z",
                    "ended_at": "2014-05-20T18:30:01.852000Z",
                    "duration_seconds": 875,
                    "outcome": "answered",
                },
            ),
        ],
    ),
    Sample(
        "asterisk/cdr_csv_selftest.txt",
        "asterisk",
        "body",
        [
            (
                "call.finished",
                {
                    "id": "1231977075.0",
                    "caller_name": "Test User",
                    "dnis": "100",
                    "started_at": "2009-01-14T23:51:15Z",
                    "answered_at": "2009-01-14T23:51:15Z",
                    "ended_at": "2009-01-14T23:51:20Z",
                    "duration_seconds": 5,
                    "talk_seconds": 5,
                    "ring_seconds": 0,
                    "outcome": "answered",
                    "hangup_cause": "ANSWERED",
                },
            ),
            (
                "call.finished",
                {
                    "id": "1231977075.0",
                    "caller_name": "Test User",
                    "dnis": "100",
                    "started_at": "2009-01-14T23:51:15Z",
                    "answered_at": "2009-01-14T23:51:15Z",
                    "ended_at": "2009-01-14T23:51:20Z",
                    "duration_seconds": 5,
                    "talk_seconds": 7,
                    "outcome": "answered",
                    "hangup_cause": "ANSWERED",
                },
            ),
            (
                "call.finished",
                {
                    "id": "1231977075.0",
                    "caller_name": "Test User",
                    "dnis": "100",
                    "started_at": "2009-01-14T23:51:15Z",
                    "ended_at": "2009-01-14T23:51:20Z",
                    "duration_seconds": 5,
                    "talk_seconds": 0,
                    "outcome": "failed",
                    "hangup_cause": "FAILED",
                },
            ),
            (
                "call.finished",
                {
                    "id": "1231977075.0",
                    "caller_name": "Test User",
                    "dnis": "100",
                    "started_at": "2009-01-14T23:51:15Z",
                    "ended_at": "2009-01-14T23:51:20Z",
                    "duration_seconds": 5,
                    "talk_seconds": 0,
                    "outcome": "missed",
                    "hangup_cause": "NO ANSWER",
                },
            ),
            (
                "call.finished",
                {
                    "id": "1231977075.0",
                    "caller_name": "Test User",
                    "dnis": "100",
                    "started_at": "2009-01-14T23:51:15Z",
                    "ended_at": "2009-01-14T23:51:20Z",
                    "duration_seconds": 5,
                    "talk_seconds": 0,
                    "outcome": "busy",
                    "hangup_cause": "BUSY",
                },
            ),
        ],
    ),
    Sample(
        "asterisk/cdr_spec_blind_transfer.txt",
        "asterisk",
        "body",
        [
            (
                "call.finished",
                {
                    "id": "Asterisk-01-1362424276.2",
                    "direction": "internal",
                    "caller_name": "Alice",
                    "dnis": "200",
                    "agent": {"extension": "200"},
                    "started_at": "2013-03-04T13:11:18Z",
                    "answered_at": "2013-03-04T13:11:28Z",
                    "ended_at": "2013-03-04T13:11:48Z",
                    "duration_seconds": 30,
                    "talk_seconds": 20,
                    "ring_seconds": 10,
                    "outcome": "answered",
                    "hangup_cause": "ANSWERED",
                },
            ),
            (
                "call.finished",
                {
                    "id": "Asterisk-01-1362424276.2",
                    "direction": "internal",
                    "caller_name": "Alice",
                    "dnis": "300",
                    "agent": {"extension": "300"},
                    "started_at": "2013-03-04T13:11:48Z",
                    "answered_at": "2013-03-04T13:11:53Z",
                    "ended_at": "2013-03-04T13:12:53Z",
                    "duration_seconds": 65,
                    "talk_seconds": 60,
                    "ring_seconds": 5,
                    "outcome": "answered",
                    "hangup_cause": "ANSWERED",
                },
            ),
        ],
    ),
    Sample(
        "asterisk/cel_csv_selftest.txt",
        "asterisk",
        "body",
        [
            ("x.cel.chan_start", {"id": "1335310195.0", "started_at": "2012-04-24T23:29:55.513823Z"}),
            (
                "x.cel.answer",
                {"id": "1335310195.0", "answered_at": "2012-04-24T23:29:55.526544Z", "outcome": "answered"},
            ),
            (
                "x.cel.answer",
                {
                    "id": "1335310195.0",
                    "answered_at": "2012-04-24T23:29:55.530613Z",
                    "outcome": "answered",
                    "started_at": "2012-04-24T23:29:55Z",
                },
            ),
            ("x.cel.hangup", {"id": "1335310195.0", "q850": 16, "outcome": "answered", "hangup_cause": "ANSWER"}),
            (
                "call.finished",
                {
                    "id": "1335310195.0",
                    "started_at": "2012-04-24T23:29:55Z",
                    "ended_at": "2012-04-24T23:30:13.625295Z",
                    "duration_seconds": 18,
                },
            ),
        ],
    ),
    Sample(
        "kamailio/evapi_CGR_CALL_END.json",
        "kamailio",
        "body",
        [
            (
                "call.finished",
                {
                    "id": "46c01a5c249b469e76333fc6bfa87f6a@0:0:0:0:0:0:0:0",
                    "dnis": "1002",
                    "answered_at": "2014-12-29T07:48:30Z",
                    "ended_at": "2014-12-29T07:48:33Z",
                    "talk_seconds": 3,
                    "ring_seconds": 4,
                    "outcome": "answered",
                    "sip_code": 200,
                },
            ),
        ],
    ),
    Sample(
        "threecx/cdr_active_socket_line.txt",
        "threecx",
        "body",
        [
            (
                "call.finished",
                {
                    "id": "4cc2c72490010000_26808",
                    "report_id": "288831",
                    "direction": "outbound",
                    "external_number": "+46701740605",
                    "dnis": "+46701740605",
                    "agent": {"extension": "10016", "name": "Backup no2"},
                    "started_at": "2024-06-17T05:59:49Z",
                    "answered_at": "2024-06-17T05:59:58Z",
                    "ended_at": "2024-06-17T06:00:23Z",
                    "talk_seconds": 25,
                    "duration_seconds": 34,
                    "outcome": "answered",
                    "ended_by": "caller",
                    "hangup_cause": "TerminatedBySrc",
                },
            ),
        ],
    ),
    Sample(
        "vcon/ab_call_ext_rec.json",
        "vcon",
        "body",
        [
            (
                "call.finished",
                {
                    "id": "0195544a-b9b1-8ee4-b9a2-279e0d16bc46",
                    "caller_name": "Alice",
                    "dnis": "+19876543210",
                    "started_at": "2022-06-21T17:53:26Z",
                    "ended_at": "2022-06-21T17:53:59.120000Z",
                    "duration_seconds": 33,
                    "outcome": "answered",
                    "recording": {
                        "state": "available",
                        "url": "https://github.com/ietf-wg-vcon/draft-ietf-vcon-vcon-container/raw/refs/heads/main/examples/ab_call.mp3",
                        "duration_seconds": 33,
                    },
                },
            ),
        ],
    ),
    Sample(
        "avaya_ipoffice/smdr_examples.txt",
        "smdr_avaya",
        "body",
        [
            (
                "call.finished",
                {
                    "id": "1000014155@2008-06-28T09:28:41Z",
                    "report_id": "1000014155",
                    "direction": "inbound",
                    "external_number": "8004206",
                    "dnis": "4324",
                    "agent": {"extension": "4324", "name": "Joe Bloggs"},
                    "started_at": "2008-06-28T09:28:41Z",
                    "ended_at": "2008-06-28T09:28:50Z",
                    "duration_seconds": 9,
                    "talk_seconds": 0,
                    "hold_seconds": 0,
                    "outcome": "missed",
                },
            ),
            (
                "call.finished",
                {
                    "id": "28@2008-10-20T06:43:58Z",
                    "report_id": "28",
                    "direction": "internal",
                    "dnis": "11",
                    "agent": {"extension": "15", "name": "Extn15"},
                    "started_at": "2008-10-20T06:43:58Z",
                    "answered_at": "2008-10-20T06:44:19Z",
                    "ended_at": "2008-10-20T06:44:29Z",
                    "duration_seconds": 31,
                    "talk_seconds": 10,
                    "hold_seconds": 0,
                    "ring_seconds": 21,
                    "outcome": "voicemail",
                },
            ),
            (
                "x.avaya.segment",
                {
                    "id": "1000014160@2008-06-28T09:30:57Z",
                    "report_id": "1000014160",
                    "direction": "inbound",
                    "external_number": "01707392200",
                    "dnis": "299999",
                    "agent": {"extension": "4750", "name": "John Smith"},
                    "started_at": "2008-06-28T09:30:57Z",
                    "answered_at": "2008-06-28T09:31:04Z",
                    "duration_seconds": 31,
                    "talk_seconds": 13,
                    "hold_seconds": 11,
                    "ring_seconds": 7,
                    "outcome": "answered",
                },
            ),
            (
                "call.finished",
                {
                    "id": "1000014160@2008-06-28T09:30:57Z",
                    "report_id": "1000014160",
                    "direction": "inbound",
                    "external_number": "01707392200",
                    "dnis": "299999",
                    "started_at": "2008-06-28T09:30:57Z",
                    "answered_at": "2008-06-28T09:30:57Z",
                    "ended_at": "2008-06-28T09:31:18Z",
                    "duration_seconds": 21,
                    "talk_seconds": 21,
                    "hold_seconds": 0,
                    "ring_seconds": 0,
                    "outcome": "voicemail",
                },
            ),
            (
                "call.finished",
                {
                    "id": "1000013@2008-08-01T15:14:19Z",
                    "report_id": "1000013",
                    "direction": "inbound",
                    "external_number": "01707299900",
                    "dnis": "390664",
                    "agent": {"extension": "23", "name": "Extn23"},
                    "started_at": "2008-08-01T15:14:19Z",
                    "answered_at": "2008-08-01T15:14:26Z",
                    "ended_at": "2008-08-01T15:14:31Z",
                    "duration_seconds": 12,
                    "talk_seconds": 5,
                    "hold_seconds": 0,
                    "ring_seconds": 7,
                    "outcome": "answered",
                },
            ),
            (
                "call.finished",
                {
                    "id": "1000013898@2008-06-26T10:27:44Z",
                    "report_id": "1000013898",
                    "direction": "internal",
                    "dnis": "4207",
                    "agent": {"extension": "4207", "name": "John Smith"},
                    "started_at": "2008-06-26T10:27:44Z",
                    "answered_at": "2008-06-26T10:27:48Z",
                    "ended_at": "2008-06-26T10:28:32Z",
                    "duration_seconds": 48,
                    "talk_seconds": 44,
                    "hold_seconds": 0,
                    "ring_seconds": 4,
                    "outcome": "answered",
                },
            ),
        ],
    ),
    Sample(
        "esi/smdr_csv_example.txt",
        "smdr_esi",
        "body",
        [
            (
                "call.finished",
                {
                    "id": "esi:91526e248a7c59ea4377883a",
                    "direction": "inbound",
                    "caller_name": "ESTECH SYS INC.",
                    "external_number": "9725550100",
                    "agent": {"extension": "101"},
                    "started_at": "2002-07-04T00:08:52Z",
                    "ended_at": "2002-07-04T00:09:51Z",
                    "duration_seconds": 59,
                    "talk_seconds": 59,
                    "outcome": "answered",
                },
            ),
        ],
    ),
)
NO_EVENTS = (
    NoEvent("asterisk/ari_stasisStart.json", "a call that begins", "asterisk"),
    NoEvent("asterisk/ari_channelStateChange.json", "a call under way", "asterisk"),
    NoEvent("threecx/webhook_bundle_ringing.json", "a call that rings", "threecx"),
    NoEvent("mitel/communication_service_ip_smdr_example.txt", "a call that rings", "smdr_mitel"),
    NoEvent("threecx/crm_template_callservice.xml", "a template that makes 3CX post, and no post"),
    NoEvent("threecx/crm_template_zammad.xml", "a template that makes 3CX post, and no post"),
)


def body_of(file: str, how: str = "body") -> bytes:
    content = content_of(file)
    return b"cdr=" + quote(content, safe="").encode() if how == "cdr field" else content


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.file)
def test_a_payload_gives_exactly_this(sample: Sample) -> None:
    found = FORMATS[sample.format].parse(posted(body_of(sample.file, sample.how)), SourceSettings())
    calls = [{name: value for name, value in told(each).items() if name != "custom"} for each in found]
    assert [(event.type, call) for event, call in zip(events_of(found), calls, strict=True)] == sample.expected


@pytest.mark.parametrize("each", NO_EVENTS, ids=lambda each: each.file)
def test_a_file_that_is_no_call_event_gives_nothing(each: NoEvent) -> None:
    if each.format is not None:
        assert list(FORMATS[each.format].parse(posted(body_of(each.file)), SourceSettings())) == []
    else:
        with pytest.raises(NotUnderstood):
            FORMATS["threecx"].parse(posted(body_of(each.file)), SourceSettings())
