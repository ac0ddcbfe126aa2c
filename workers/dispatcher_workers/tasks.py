"""Task shims: ids in, one call, a sentence for the operator out."""

from uuid import UUID

from dispatcher.adapters.celery_queue import DELIVER, EVALUATE
from dispatcher_workers.app import app
from dispatcher_workers.lifecycle import runtime


@app.task(name=EVALUATE)
def evaluate(event_ids: list[str]) -> str:
    """Puts events to every profile and sends the first attempts."""
    return runtime().evaluate([UUID(hex=each) for each in event_ids])


@app.task(name=DELIVER)
def deliver(profile_id: str, delivery_ids: list[str]) -> str:
    """Sends deliveries of one profile that are due."""
    return runtime().deliver(UUID(hex=profile_id), [UUID(hex=each) for each in delivery_ids])
