"""What became of a FreeSWITCH leg, and who ended it, by its cause and the SIP stack's notes."""

from dispatcher.sources.freeswitch.record import Record
from dispatcher.sources.normal.causes import outcome_of_word


def outcome(record: Record, answered: bool, direction: str | None) -> str | None:
    """One word of the canonical outcomes; None where the record gives no cause.

    A caller who left the queue without an agent is `abandoned`, although the switch had answered the channel. Anybody
    who calls the business and hangs up while it rings has been `missed`; where the business rang, it has `cancelled`.
    """
    if record.var("cc_side") == "member" and record.var("cc_cause") == "cancel":
        return "abandoned"
    if answered:
        return "voicemail" if record.var("last_app") == "voicemail" else "answered"
    cause = record.var("hangup_cause")
    if cause is None:
        return None
    found = "cancelled" if cause == "NORMAL_CLEARING" else outcome_of_word(cause) or "failed"
    return "missed" if found == "cancelled" and direction == "inbound" else found


def ended_by(record: Record, leg: str) -> str | None:
    """`caller` or `callee`, where the SIP stack noted it: a BYE received came from this leg's own telephone.

    A BYE that the switch sent on a bridged leg followed the other side's; without a bridge it was the switch's own.
    """
    here, there = ("caller", "callee") if leg == "a" else ("callee", "caller")
    match record.var("sip_hangup_disposition"):
        case "recv_bye" | "recv_cancel":
            return here
        case "send_bye":
            return there if record.var("bridge_uuid", "last_bridge_to") else "system"
        case _:
            return None
