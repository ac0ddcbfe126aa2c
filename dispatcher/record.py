"""Record what attempts came to, as they come back, in group commits by one thread.

A slow target never holds up the record of a fast one. While the database is away, results are
kept and tried again; each counts as long as its claim stands.
"""

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from queue import Empty, SimpleQueue
from threading import Event, Thread
from time import sleep
from typing import Any
from uuid import UUID

import orjson
from tenacity import RetryError, Retrying, retry_if_exception_type, stop_when_event_set, wait_exponential
from tenacity.wait import wait_base

from dispatcher.domain.answers.outputs import capture
from dispatcher.domain.answers.view import ReadReply
from dispatcher.domain.credentials.request_authentication import shown_authenticated
from dispatcher.domain.credentials.secret_forms import masked, masked_cut
from dispatcher.domain.delivery import Attempt, Claim, Result, State, next_state
from dispatcher.domain.exchange import Answer, ErrorWord, Exchange, Request
from dispatcher.domain.outcome import Delivered, OurFault, Outcome, Rejected, RetryLater, outcome_of
from dispatcher.domain.private_view import private_view
from dispatcher.domain.soap.reply import Fault
from dispatcher.ports import Clock, DeliveryStore, Profile, RenderError, StoreUnavailable

logger = logging.getLogger(__name__)

GROUP_RESULTS = 500
"""Results in one commit at the most."""
LINGER_SECONDS = 0.01
"""Nobody waits for a record, so a short wait makes groups; what a crash leaves in it is sent twice."""
EXCERPT_BYTES = 4_096
"""Of each body, in the attempt log."""
RECONNECT_WAIT = wait_exponential(multiplier=0.1, max=2)


SwitchOff = Callable[[UUID, int, str, datetime], None]
"""`CatalogueStore.disable_profile`."""


@dataclass(slots=True)
class Unrecorded:
    """An attempt that ended: by an exchange, or before it by a template that could not be rendered."""

    profile: Profile
    claim: Claim
    started_at: datetime
    request: Request | None
    exchange: Exchange | None
    render_error: RenderError | None


class Recorder:
    """Decides and writes, in one thread of its own."""

    def __init__(
        self,
        store: DeliveryStore,
        switch_off: SwitchOff,
        clock: Clock,
        random: Callable[[], float],
        observe: Callable[[Profile, Result], None] = lambda _profile, _result: None,
        *,
        wait: wait_base = RECONNECT_WAIT,
        delivered: Callable[[Sequence[UUID]], object] = lambda _ids: None,
    ) -> None:
        """`delivered` is told of deliveries that other profiles' ones may wait for."""
        self._delivered = delivered
        self._switch_off_profile = switch_off
        self._store, self._clock, self._random, self._observe, self._wait = store, clock, random, observe, wait
        self._queue: SimpleQueue[Unrecorded | None] = SimpleQueue()
        self._give_up = Event()
        self._thread = Thread(target=self._run, name="record", daemon=True)
        self._thread.start()

    def put(self, ended: Unrecorded) -> None:
        """Queues an ended attempt and returns at once."""
        self._queue.put(ended)

    def stop(self, grace_seconds: float) -> bool:
        """Writes what is queued; False where the database did not take it within the grace.

        What is not written then is sent again, under the same id, once its lease has run out.
        """
        self._queue.put(None)
        self._thread.join(grace_seconds)
        self._give_up.set()
        return not self._thread.is_alive()

    def _run(self) -> None:
        while (first := self._queue.get()) is not None:
            sleep(LINGER_SECONDS)
            group, stopping = [first], False
            while len(group) < GROUP_RESULTS and not stopping:
                try:
                    more = self._queue.get_nowait()
                except Empty:
                    break
                if more is None:
                    stopping = True
                else:
                    group.append(more)
            self._record(group)
            if stopping:
                return

    def _record(self, group: list[Unrecorded]) -> None:
        try:
            decided = [self._decide(ended) for ended in group]
            results = [result for result, _ in decided]
            written = self._write(results)
            for ended, (result, outcome) in zip(group, decided, strict=True):
                if result.delivery_id not in written:
                    logger.info("record.claim_lost", extra={"fields": {"delivery_id": str(result.delivery_id)}})
                    continue
                self._observe(ended.profile, result)
                if isinstance(outcome, Rejected) and outcome.gone and not ended.claim.test:
                    self._switch_off(ended.profile)
            self._tell_followers(
                [
                    ended
                    for ended, (result, _) in zip(group, decided, strict=True)
                    if ended.profile.followed and result.next.state is State.DELIVERED and result.delivery_id in written
                ]
            )
        except RetryError:
            logger.warning("record.given_up", extra={"fields": {"results": len(group)}})
        except Exception:
            # The loop that must survive: these deliveries are attempted again when their leases end.
            logger.exception("record.failed")
            if len(group) > 1:
                # One result that cannot be written must not make the others of its group repeat.
                for ended in group:
                    self._record([ended])

    def _write(self, results: list[Result]) -> set[UUID]:
        for attempt in self._persistently():
            with attempt:
                return self._store.record(results, self._clock())
        raise AssertionError("tenacity ends by a result or an exception")

    def _tell_followers(self, delivered: list[Unrecorded]) -> None:
        ids = [ended.claim.id for ended in delivered if not ended.claim.test]
        for attempt in self._persistently() if ids else ():
            with attempt:
                self._delivered(ids)

    def _switch_off(self, profile: Profile) -> None:
        for attempt in self._persistently():
            with attempt:
                self._switch_off_profile(profile.id, profile.revision, "the target answered 410 Gone", self._clock())

    def _persistently(self) -> Retrying:
        return Retrying(
            retry=retry_if_exception_type(StoreUnavailable), wait=self._wait, stop=stop_when_event_set(self._give_up)
        )

    def _decide(self, ended: Unrecorded) -> tuple[Result, Outcome]:
        now = self._clock()
        outcome = _outcome(ended, now)
        claim, spec = ended.claim, ended.profile.spec
        following = next_state(claim, outcome, spec.retry, now, self._random())
        error = getattr(outcome, "error", None)
        detail = getattr(outcome, "detail", "")
        excerpt = _excerpt(ended)
        attempt = Attempt(claim.number, ended.started_at, outcome.name, error, detail, ended.exchange, excerpt)
        outputs = _outputs(ended) if spec.outputs and isinstance(outcome, Delivered) else None
        return Result(claim.id, claim.claim_id, attempt, following, outputs, claim.partial), outcome


def _outcome(ended: Unrecorded, now: datetime) -> Outcome:
    if ended.render_error is not None:
        error = ended.render_error
        return OurFault(error.word, str(error), final=not error.passing, lasting=error.passing)
    assert ended.exchange is not None
    try:
        return outcome_of(ended.exchange, ended.profile.spec.success, now, _reader(ended))
    except Exception as error:
        # An answer that no rule foresaw: unrecorded, it would be asked for again at the end of every lease.
        logger.exception("record.answer_not_understood")
        return RetryLater(ErrorWord.PROTOCOL, f"an answer that could not be judged ({type(error).__name__})")


def _reader(ended: Unrecorded) -> ReadReply | None:
    return None if ended.request is None else ended.request.read_reply


def _outputs(ended: Unrecorded) -> bytes | None:
    spec, answer = ended.profile.spec, ended.exchange.answer if ended.exchange else None
    if answer is None:
        return None
    return orjson.dumps({"private": spec.private, "values": capture(spec.outputs, answer, _reader(ended))})


def _excerpt(ended: Unrecorded) -> bytes | None:
    request, answer = ended.request, ended.exchange.answer if ended.exchange else None
    if request is None:
        return None
    if ended.profile.spec.private:
        return orjson.dumps(private_view(request, answer, ended.profile.hash_key))
    sent = request
    if request.credential is not None:
        # As it went out, the mask in each secret's place: whoever reads the log sees that it was there.
        with suppress(ValueError):  # what the sender could not put on the wire either, for the same reason
            sent = shown_authenticated(request, request.credential.spec, ended.started_at)
    told = {
        "request": {
            "method": sent.method,
            "url": sent.url,
            "headers": sent.headers,
            "body": _text(sent.body),
        },
        "response": answer and _told(answer, ended.exchange.secrets if ended.exchange else (), _reader(ended)),
    }
    return orjson.dumps(told)


def _told(answer: Answer, secrets: tuple[str, ...], read_reply: ReadReply | None) -> dict[str, Any]:
    """The answer for the log. Where it repeats a secret of the credential, the mask stands: in the whole body, before
    it is cut, since a cut through a secret would leave a part of it."""
    if secrets:
        headers = [(masked(name, secrets), masked(value, secrets)) for name, value in answer.headers]
        body = masked(answer.body.decode("utf-8", "replace"), secrets).encode()
        told = {"status": answer.status, "headers": headers, "body": _text(body)}
    else:
        told = {"status": answer.status, "headers": answer.headers, "body": _text(answer.body)}
    fault = None if read_reply is None else read_reply(answer).fault
    if fault is not None:
        told["fault"] = _masked_fault(fault, secrets)
    return told


def _masked_fault(fault: Fault, secrets: tuple[str, ...]) -> dict[str, Any]:
    """Its texts were cut when they were read, perhaps through a secret."""
    shown = fault.as_document()
    return {
        name: [masked_cut(each, secrets) for each in value] if isinstance(value, list) else masked_cut(value, secrets)
        for name, value in shown.items()
    }


def _text(body: bytes | None) -> str | None:
    return None if body is None else body[:EXCERPT_BYTES].decode("utf-8", "replace")
