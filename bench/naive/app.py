"""FastAPI, Celery, requests and the SQLAlchemy ORM: one task and one commit per step, a new connection per delivery.

It does the same job on the same canonical event: keep it, ask every profile, send one request per match, record the
attempt. Nothing in it is slow on purpose; it is what the documentation of each library shows. Its settings are
DATABASE_URL, BROKER_URL and TARGET_URL.
"""

import os
import time
import uuid
from datetime import UTC, datetime
from typing import Any

import requests
from celery import Celery
from fastapi import FastAPI
from pydantic import BaseModel
from sqlalchemy import JSON, ForeignKey, create_engine, event, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

DATABASE_URL = os.environ["DATABASE_URL"]
TARGET_URL = os.environ["TARGET_URL"]
IS_SQLITE = DATABASE_URL.startswith("sqlite")

# SQLite has one writer at a time: five processes need a patient time-out, or they fail with "database is locked".
engine = (
    create_engine(DATABASE_URL, connect_args={"timeout": 60})
    if IS_SQLITE
    else create_engine(DATABASE_URL, pool_size=20, max_overflow=40)
)
celery = Celery("bench.naive.app", broker=os.environ["BROKER_URL"])
celery.conf.update(task_ignore_result=True, task_acks_late=True)
api = FastAPI()

if IS_SQLITE:

    @event.listens_for(engine, "connect")
    def use_wal(connection: Any, _record: Any) -> None:
        """Readers beside a writer, and every commit on the disk, as the product has it."""
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")


class Base(DeclarativeBase):
    """Of every table."""


class Profile(Base):
    """Which calls go where."""

    __tablename__ = "profiles"
    id: Mapped[str] = mapped_column(primary_key=True)
    event_type: Mapped[str]
    min_duration_seconds: Mapped[int]
    target_url: Mapped[str]
    timeout_seconds: Mapped[float]


class Event(Base):
    """What was posted."""

    __tablename__ = "events"
    id: Mapped[str] = mapped_column(primary_key=True)
    source_event_id: Mapped[str | None]
    received_at: Mapped[datetime]
    payload: Mapped[dict[str, Any]] = mapped_column(JSON)


class Delivery(Base):
    """One event for one profile."""

    __tablename__ = "deliveries"
    id: Mapped[str] = mapped_column(primary_key=True)
    event_id: Mapped[str] = mapped_column(ForeignKey("events.id"))
    profile_id: Mapped[str]
    state: Mapped[str]


class Attempt(Base):
    """One request that was made."""

    __tablename__ = "attempts"
    id: Mapped[str] = mapped_column(primary_key=True)
    delivery_id: Mapped[str] = mapped_column(ForeignKey("deliveries.id"))
    status: Mapped[int | None]
    duration_ms: Mapped[float]


class PostedEvent(BaseModel):
    """The body of a post."""

    type: str
    call: dict[str, Any]
    id: str | None = None
    occurred_at: datetime | None = None


def create_schema() -> None:
    """Makes the tables and one profile."""
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add(
            Profile(
                id="p0", event_type="call.finished", min_duration_seconds=1, target_url=TARGET_URL, timeout_seconds=10
            )
        )
        session.commit()


@api.get("/readyz")
def readyz() -> dict[str, bool]:
    """Answers once the server runs."""
    return {"ok": True}


@api.post("/v1/events", status_code=202)
def accept(posted: PostedEvent) -> dict[str, str]:
    """Stores an event and queues its evaluation."""
    event_id = str(uuid.uuid4())
    with Session(engine) as session:
        payload = posted.model_dump(mode="json")
        session.add(Event(id=event_id, source_event_id=posted.id, received_at=datetime.now(UTC), payload=payload))
        session.commit()
    evaluate.delay(event_id)
    return {"id": event_id}


@celery.task
def evaluate(event_id: str) -> None:
    """Makes a delivery for every profile that the event meets."""
    with Session(engine) as session:
        posted = session.get_one(Event, event_id).payload
        made = []
        for profile in session.scalars(select(Profile)):
            if (
                posted["type"] == profile.event_type
                and posted["call"].get("duration_seconds", 0) >= profile.min_duration_seconds
            ):
                delivery = Delivery(id=str(uuid.uuid4()), event_id=event_id, profile_id=profile.id, state="pending")
                session.add(delivery)
                made.append(delivery.id)
        session.commit()
    for delivery_id in made:
        deliver.delay(delivery_id)


@celery.task(bind=True, max_retries=8)
def deliver(self: Any, delivery_id: str) -> None:
    """Sends one request and records it; tries again later where it failed."""
    with Session(engine) as session:
        delivery = session.get_one(Delivery, delivery_id)
        call = session.get_one(Event, delivery.event_id).payload["call"]
        profile = session.get_one(Profile, delivery.profile_id)
        body = {
            "call": call["id"],
            "recording": call["recording"]["url"],
            "agent": call["agent"]["name"],
            "seconds": call["duration_seconds"],
        }
        started, status = time.monotonic(), None
        try:
            headers = {"webhook-id": delivery.id, "x-event": call["id"]}
            status = requests.post(
                profile.target_url, json=body, headers=headers, timeout=profile.timeout_seconds
            ).status_code
        except requests.RequestException:
            pass
        duration_ms = (time.monotonic() - started) * 1000
        session.add(Attempt(id=str(uuid.uuid4()), delivery_id=delivery_id, status=status, duration_ms=duration_ms))
        delivered = status is not None and status < 300
        delivery.state = "delivered" if delivered else "retrying"
        session.commit()
    if not delivered:
        raise self.retry(countdown=2**self.request.retries)
