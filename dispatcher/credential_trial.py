"""Try a credential: fetch its token, ask a URL with it, and say what came of it. No secret and no body is shown."""

from dataclasses import asdict, dataclass
from datetime import datetime
from queue import Empty, SimpleQueue
from typing import Any, TypeVar
from urllib.parse import urlsplit

from dispatcher.domain.credentials.credential import Credential
from dispatcher.domain.exchange import ErrorWord, Exchange, Request
from dispatcher.domain.shape import Fault
from dispatcher.ports import AuthenticatedSender

TRIAL_SECONDS = 15.0
"""For the token, and again for the request: a person waits."""
CONNECT_SECONDS = 5.0
_MARGIN_SECONDS = 3.0
_NOT_AUTHENTICATED = frozenset({401, 403, 407})

Told = TypeVar("Told")


@dataclass(frozen=True)
class Trial:
    """What came of it. `token` is None for a kind that fetches none, `answer` where no URL was asked.

    `ok`: the token was there, and the target, if asked, answered anything but 401, 403 and 407.
    """

    kind: str
    ok: bool
    token: dict[str, Any] | None
    answer: dict[str, Any] | None


def fault_of_url(url: object) -> Fault | None:
    """What is wrong with the URL of a trial; None if it may be asked."""
    fit = False
    if isinstance(url, str) and url.isascii() and url.isprintable() and " " not in url:
        try:
            parts = urlsplit(url)
            fit = parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc
        except ValueError:
            fit = False
    expected = "an http or https URL in ASCII, without user and password"
    return None if fit else {"field": "url", "expected": expected, "got": "something else"}


def try_credential(
    sender: AuthenticatedSender, credential: Credential, url: str | None, user_agent: str, proxy: str | None = None
) -> Trial:
    """Fetches a new token, where the kind needs one, and then, with a URL, sends a GET with the credential.

    Both go through the sender's egress guard, and the workspace's proxy. Blocks for half a minute at most.
    """
    asked = Request(
        "GET", url or "", [("User-Agent", user_agent)], None, CONNECT_SECONDS, TRIAL_SECONDS, credential, None, proxy
    )
    token = None
    if credential.spec.fetches:
        answers: SimpleQueue[datetime | Exchange] = SimpleQueue()
        sender.fetch_token(asked, answers.put)
        token = _token(_awaited(answers))
        if not token["obtained"]:
            return Trial(credential.spec.kind.value, ok=False, token=token, answer=None)
    if url is None:
        return Trial(credential.spec.kind.value, ok=True, token=token, answer=None)
    ended: SimpleQueue[Exchange] = SimpleQueue()
    sender.send([(asked, ended.put)])
    exchange = _awaited(ended) or _overdue()
    taken = exchange.answer is not None and exchange.answer.status not in _NOT_AUTHENTICATED
    return Trial(credential.spec.kind.value, ok=taken, token=token, answer=_answer(exchange))


def _awaited(told: SimpleQueue[Told]) -> Told | None:
    try:
        return told.get(timeout=TRIAL_SECONDS + _MARGIN_SECONDS)
    except Empty:
        return None


def _overdue() -> Exchange:
    return Exchange(error=ErrorWord.TIMEOUT, detail="no answer within the time-out")


def _token(told: datetime | Exchange | None) -> dict[str, Any]:
    if isinstance(told, datetime):
        return {"obtained": True, "expires_at": told, "error": None, "detail": None}
    failed = told or _overdue()
    return {"obtained": False, "expires_at": None, "error": failed.error, "detail": failed.detail}


def _answer(exchange: Exchange) -> dict[str, Any]:
    status = exchange.answer.status if exchange.answer is not None else None
    return {
        "status": status,
        "error": exchange.error,
        "detail": exchange.detail or None,
        "timings": asdict(exchange.timings),
    }
