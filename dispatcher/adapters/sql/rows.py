"""Results of attempts as columns: what both databases write, in one order."""

import logging
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

import orjson

from dispatcher.adapters.vault import CannotOpen, Vault
from dispatcher.domain.delivery import Result
from dispatcher.domain.exchange import Timings

logger = logging.getLogger(__name__)

_NOT_SENT = Timings()


def opened(vault: Vault, bodies: Iterable[tuple[UUID, bytes]]) -> dict[UUID, dict[str, Any]]:
    """The events' contexts, by id. One that is erased is left out, and one that cannot be opened, with a line in the
    log: its neighbours in the batch have nothing to do with it."""
    contexts: dict[UUID, dict[str, Any]] = {}
    for event_id, body in bodies:
        if not body:
            continue
        try:
            contexts[event_id] = orjson.loads(vault.open(body, event_id.bytes))
        except CannotOpen as reason:
            logger.error("event.cannot_be_opened", extra={"fields": {"event_id": str(event_id), "reason": str(reason)}})  # noqa: TRY400
    return contexts


def attempt_columns(results: Sequence[Result], vault: Vault) -> dict[str, list[Any]]:
    """The columns of `attempts` (and of the delivery's next state), a list each; excerpts sealed."""
    attempts = [result.attempt for result in results]
    timings = [attempt.exchange.timings if attempt.exchange else _NOT_SENT for attempt in attempts]
    return {
        "delivery_id": [result.delivery_id for result in results],
        "claim_id": [result.claim_id for result in results],
        "state": [result.next.state.value for result in results],
        "reason": [result.next.reason for result in results],
        "attempts": [result.next.attempts for result in results],
        "number": [attempt.number for attempt in attempts],
        "started_at": [attempt.started_at for attempt in attempts],
        "duration_ms": [each.total_ms if each is not _NOT_SENT else None for each in timings],
        "outcome": [attempt.outcome for attempt in attempts],
        "status": [
            attempt.exchange.answer.status if attempt.exchange and attempt.exchange.answer else None
            for attempt in attempts
        ],
        "error": [attempt.error.value if attempt.error else None for attempt in attempts],
        "detail": [attempt.detail for attempt in attempts],
        "dns_ms": [each.dns_ms for each in timings],
        "connect_ms": [each.connect_ms for each in timings],
        "tls_ms": [each.tls_ms for each in timings],
        "first_byte_ms": [each.first_byte_ms for each in timings],
        "excerpt": [
            vault.seal(result.attempt.excerpt, result.delivery_id.bytes) if result.attempt.excerpt is not None else None
            for result in results
        ],
        "outputs": [
            vault.seal(result.outputs, result.delivery_id.bytes) if result.outputs is not None else None
            for result in results
        ],
        "partial": [result.partial for result in results],
    }
