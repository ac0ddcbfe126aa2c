"""Why a call ended, by ITU-T Q.850, by SIP and in vendors' words, as one of the canonical outcomes."""

import re
from collections.abc import Mapping
from types import MappingProxyType

from dispatcher.sources.posts.said import code as code_of

_BUSY, _MISSED, _REJECTED, _CANCELLED, _FAILED = "busy", "missed", "rejected", "cancelled", "failed"

_Q850: Mapping[int, tuple[str, str | None]] = MappingProxyType(
    {
        1: ("UNALLOCATED_NUMBER", _FAILED),
        2: ("NO_ROUTE_TRANSIT_NET", _FAILED),
        3: ("NO_ROUTE_DESTINATION", _FAILED),
        4: ("SEND_SPECIAL_INFORMATION_TONE", _FAILED),
        5: ("MISDIALLED_TRUNK_PREFIX", _FAILED),
        6: ("CHANNEL_UNACCEPTABLE", _FAILED),
        7: ("CALL_AWARDED_DELIVERED", None),
        8: ("PREEMPTION", _FAILED),
        9: ("PREEMPTION_CIRCUIT_RESERVED", _FAILED),
        16: ("NORMAL_CLEARING", None),
        17: ("USER_BUSY", _BUSY),
        18: ("NO_USER_RESPONSE", _MISSED),
        19: ("NO_ANSWER", _MISSED),
        20: ("SUBSCRIBER_ABSENT", _FAILED),
        21: ("CALL_REJECTED", _REJECTED),
        22: ("NUMBER_CHANGED", _FAILED),
        23: ("REDIRECTION_TO_NEW_DESTINATION", None),
        25: ("EXCHANGE_ROUTING_ERROR", _FAILED),
        26: ("NON_SELECTED_USER_CLEARING", _CANCELLED),
        27: ("DESTINATION_OUT_OF_ORDER", _FAILED),
        28: ("INVALID_NUMBER_FORMAT", _FAILED),
        29: ("FACILITY_REJECTED", _FAILED),
        30: ("RESPONSE_TO_STATUS_ENQUIRY", None),
        31: ("NORMAL_UNSPECIFIED", None),
        34: ("NORMAL_CIRCUIT_CONGESTION", _FAILED),
        38: ("NETWORK_OUT_OF_ORDER", _FAILED),
        41: ("NORMAL_TEMPORARY_FAILURE", _FAILED),
        42: ("SWITCH_CONGESTION", _FAILED),
        43: ("ACCESS_INFO_DISCARDED", _FAILED),
        44: ("REQUESTED_CHAN_UNAVAIL", _FAILED),
        46: ("PRECEDENCE_CALL_BLOCKED", _FAILED),
        47: ("RESOURCE_UNAVAILABLE", _FAILED),
        50: ("FACILITY_NOT_SUBSCRIBED", _FAILED),
        52: ("OUTGOING_CALL_BARRED", _FAILED),
        54: ("INCOMING_CALL_BARRED", _FAILED),
        57: ("BEARERCAPABILITY_NOTAUTH", _FAILED),
        58: ("BEARERCAPABILITY_NOTAVAIL", _FAILED),
        63: ("SERVICE_UNAVAILABLE", _FAILED),
        65: ("BEARERCAPABILITY_NOTIMPL", _FAILED),
        66: ("CHAN_NOT_IMPLEMENTED", _FAILED),
        69: ("FACILITY_NOT_IMPLEMENTED", _FAILED),
        79: ("SERVICE_NOT_IMPLEMENTED", _FAILED),
        81: ("INVALID_CALL_REFERENCE", _FAILED),
        88: ("INCOMPATIBLE_DESTINATION", _FAILED),
        95: ("INVALID_MSG_UNSPECIFIED", _FAILED),
        96: ("MANDATORY_IE_MISSING", _FAILED),
        97: ("MESSAGE_TYPE_NONEXIST", _FAILED),
        98: ("WRONG_MESSAGE", _FAILED),
        99: ("IE_NONEXIST", _FAILED),
        100: ("INVALID_IE_CONTENTS", _FAILED),
        101: ("WRONG_CALL_STATE", _FAILED),
        102: ("RECOVERY_ON_TIMER_EXPIRE", _MISSED),
        103: ("MANDATORY_IE_LENGTH_ERROR", _FAILED),
        111: ("PROTOCOL_ERROR", _FAILED),
        127: ("INTERWORKING", _FAILED),
    }
)
"""FreeSWITCH's names for the codes, and what became of a call that was never answered. 16 and 31 end every other call
that was, so that they say nothing. A timer that ran out (102) is a telephone that nobody was at."""

_SIP: Mapping[int, str | None] = MappingProxyType(
    {
        401: None,
        407: None,
        408: _MISSED,
        433: _REJECTED,
        480: _MISSED,
        486: _BUSY,
        487: _CANCELLED,
        491: None,
        600: _BUSY,
        603: _REJECTED,
        607: _REJECTED,
        608: _REJECTED,
    }
)
"""RFC 3261, 5079, 8197 (607, unwanted), 8688 (608, rejected on the way). 401, 407 and 491 only ask to try again."""

_WORDS: Mapping[str, str] = MappingProxyType(
    {
        word: outcome
        for outcome, words in {
            "answered": "answer answered completed connected accepted successful pickedup",
            _BUSY: "busy userbusy linebusy busyhere busyeverywhere",
            _MISSED: "missed missedcall noanswer notanswered unanswered noreply noresponse timeout ringtimeout timedout"
            " allottedtimeout progresstimeout noanswertimeout temporarilyunavailable requesttimeout",
            _REJECTED: "rejected reject callrejected declined decline denied refused dnd donotdisturb blocked unwanted",
            _CANCELLED: "cancel canceled cancelled callcancelled callcanceled originatorcancel callercancel"
            " loserace pickedoff answeredelsewhere requestterminated callerhangup",
            _FAILED: "failed failure error congestion unreachable unallocated unallocatednumber invalidnumber notfound"
            " invalid chanunavail channelunavailable notreachable unavailable invalidargs usernotregistered"
            " invalidgateway gatewaydown mediatimeout outoforder networkfailure systemerror crash systemshutdown",
            "voicemail": "voicemail vm answeringmachine voicemailleft leftvoicemail",
            "abandoned": "abandoned abandon abandonedinqueue callerabandoned",
        }.items()
        for word in words.split()
    }
    | {name.replace("_", "").lower(): outcome for name, outcome in _Q850.values() if outcome is not None}
)
_NOT_LETTERS = re.compile(r"[^a-z0-9]")
_MAX_CHARACTERS = 64
_VERSTAT = re.compile(
    r"(?:^|verstat=)\"?(no-tn-validation|tn-validation-passed|tn-validation-failed)(?:-([abc]))?(?![a-z])",
    re.IGNORECASE,
)
_ATTESTATIONS: Mapping[str, str] = MappingProxyType(
    {
        "a": "A",
        "b": "B",
        "c": "C",
        "full": "A",
        "partial": "B",
        "gateway": "C",
        "fullattestation": "A",
        "partialattestation": "B",
        "gatewayattestation": "C",
        "shakenfull": "A",
        "shakenpartial": "B",
        "shakengateway": "C",
        "none": "none",
        "notvalidated": "none",
        "failed": "failed",
        "invalid": "failed",
    }
)


def outcome_of_q850(code: object) -> str | None:
    """What became of a call that was never answered, by its cause of ITU-T Q.850.

    None where the code says nothing of it (16, 31), or is none of the 127; one without a name of its own is `failed`.
    """
    number = code_of(code)
    if number is None or number > 127:
        return None
    return _Q850[number][1] if number in _Q850 else _FAILED


def name_of_q850(code: object) -> str | None:
    """FreeSWITCH's name of a cause, such as `USER_BUSY`; None for a code without one."""
    return _Q850.get(code_of(code) or 0, (None, None))[0]


def outcome_of_sip(code: object) -> str | None:
    """What became of a call by the final status of its INVITE: also from the text `sip:486`.

    2xx is `answered`. None for what is not final, a redirection, and a challenge to try again with a password.
    """
    number = code_of(code.strip().lower().removeprefix("sip:") if isinstance(code, str) else code)
    if number is None or not 200 <= number < 700 or number // 100 == 3:
        return None
    return "answered" if number < 300 else _SIP.get(number, _FAILED)


def outcome_of_word(text: object) -> str | None:
    """What became of a call in a vendor's word for it, however it is cased and spaced (`no-answer`, `NOANSWER`).

    None for a word that is not known or says nothing of it, as `normalClearing`.
    """
    word = _word(text)
    return _WORDS.get(word) if word else None


def attestation(text: object) -> str | None:
    """STIR/SHAKEN by the letter, its name of ATIS-1000074 (`full`), or `verstat` (also as a parameter of a SIP URI).

    `TN-Validation-Passed` without a letter, and nothing at all, say nothing: no level is ever concluded.
    """
    if not isinstance(text, str) or len(text) > 512:
        return None
    verstat = _VERSTAT.search(text.strip())
    if verstat is None:
        return _ATTESTATIONS.get(_word(text))
    match verstat[1].lower():
        case "tn-validation-passed":
            return verstat[2].upper() if verstat[2] else None
        case "tn-validation-failed":
            return "failed"
        case _:
            return "none"


def _word(text: object) -> str:
    return _NOT_LETTERS.sub("", text.lower()) if isinstance(text, str) and len(text) <= _MAX_CHARACTERS else ""
