"""What became of a call at Plivo, who ended it, and what the caller's network vouched for."""

from dispatcher.sources.format import NotUnderstood
from dispatcher.sources.normal.causes import outcome_of_word
from dispatcher.sources.posts.fields import Fields
from dispatcher.sources.posts.said import count, said

_BY_STATUS = {
    "completed": "answered",
    "busy": "busy",
    "failed": "failed",
    "timeout": "missed",
    "no-answer": "missed",
    "cancel": "cancelled",
}
UNDER_WAY = frozenset({"queued", "ringing", "early", "in-progress"})
_ENDED_BY = {"caller": "caller", "callee": "callee", "plivo": "system"}


def outcome(fields: Fields) -> str | None:
    """One of the canonical outcomes; None where a record says neither that it was answered nor why not.

    Of an inbound call Plivo says `completed` whatever became of it, so that the time of the answer decides. Raises
    `NotUnderstood` for a status that Plivo does not document.
    """
    status = said(fields.get("CallStatus"))
    if status is not None and status not in _BY_STATUS:
        raise NotUnderstood("The CallStatus is none that Plivo documents.")
    if status not in (None, "completed"):
        return _BY_STATUS[status]
    if said(fields.get("AnswerTime")) or count(fields.get("BillDuration")):
        return "answered"
    if status == "completed" and "AnswerTime" not in fields:
        return "answered"
    found = outcome_of_word(said(fields.get("HangupCause")) or said(fields.get("HangupCauseName")) or "")
    if found not in (None, "answered"):
        return found
    return "missed" if said(fields.get("Direction")) == "inbound" else None


def ended_by(fields: Fields) -> str | None:
    """`caller`, `callee` or `system`; a carrier or an API request ended it for neither."""
    return _ENDED_BY.get((said(fields.get("HangupSource")) or "").lower())


def attestation(fields: Fields) -> str | None:
    """STIR/SHAKEN: the letter where the signature was verified, `failed` where it was not."""
    verified = (said(fields.get("STIRVerification")) or "").lower()
    letter = said(fields.get("STIRAttestation"))
    if verified in ("not verified", "failed"):
        return "failed"
    return letter if verified == "verified" and letter in ("A", "B", "C") else None
