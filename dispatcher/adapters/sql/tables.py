"""The schema, in SQLAlchemy Core. Migrations bring a database to it; a test holds the two equal.

Hot tables carry no foreign keys: each would cost a look-up per row, and nothing of theirs is ever
deleted by hand. `wake_at` is when the sweeper must look at a row; NULL when never.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    Uuid,
    false,
)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def to_microseconds(moment: datetime) -> int:
    """Microseconds since 1970: how SQLite, which has no type for time, keeps a moment."""
    return (moment - EPOCH) // MICROSECOND


def from_microseconds(value: int) -> datetime:
    """The aware moment, in UTC, of microseconds since 1970."""
    return EPOCH + timedelta(microseconds=value)


class Moment(TypeDecorator[datetime]):
    """An aware moment: `timestamptz` in PostgreSQL, integer microseconds since 1970 in SQLite."""

    impl = BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(BigInteger())
        return dialect.type_descriptor(DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None or dialect.name != "sqlite":
            return value
        return to_microseconds(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return from_microseconds(value) if dialect.name == "sqlite" else value.astimezone(UTC)


metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
    }
)

workspaces = Table(
    "workspaces",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("hash_key", LargeBinary),
    Column("egress_proxy", LargeBinary),
)
"""`hash_key` is made when it is first needed: the filter `hash` and the hashes of private values are keyed with it."""

catalogue = Table(
    "catalogue",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("version", BigInteger, nullable=False),
)
"""One row: the version that grows with every change of any profile."""

profiles = Table(
    "profiles",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("workspace_id", Uuid, nullable=False),
    Column("name", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("disabled_reason", Text),
    Column("document", LargeBinary, nullable=False),
    Column("signing_secret", LargeBinary, nullable=False),
    Column("previous_secret", LargeBinary),
    Column("previous_secret_until", Moment),
    Column("pace_at", Moment),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    Column("deleted_at", Moment),
)
_LIVE = profiles.c.deleted_at.is_(None)
Index(
    "profiles_name_key",
    profiles.c.workspace_id,
    profiles.c.name,
    unique=True,
    postgresql_where=_LIVE,
    sqlite_where=_LIVE,
)

profile_revisions = Table(
    "profile_revisions",
    metadata,
    Column("profile_id", Uuid, primary_key=True),
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    Column("workspace_id", Uuid, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("deleted", Boolean, nullable=False),
    Column("document", LargeBinary, nullable=False),
    Column("created_at", Moment, nullable=False),
)
"""Every state that a profile was ever in, by the catalogue version that brought it: verdicts are reproduced from it."""

credentials = Table(
    "credentials",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("workspace_id", Uuid, nullable=False),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("document", LargeBinary, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    UniqueConstraint("workspace_id", "name"),
)

access_tokens = Table(
    "access_tokens",
    metadata,
    Column("credential_id", Uuid, primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("token", LargeBinary),
    Column("obtained_at", Moment),
    Column("expires_at", Moment),
    Column("refused_until", Moment),
    Column("refusal", Text),
    Column("refusals", Integer),
    Column("renewing_until", Moment),
    Column("renewer", Uuid),
)
"""What a target's token service gave, shared by all workers. `renewer` is who fetches the next one, while the lease
`renewing_until` lasts; after a refusal nobody asks again before `refused_until`."""

sources = Table(
    "sources",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("workspace_id", Uuid, nullable=False),
    Column("name", Text, nullable=False, unique=True),
    Column("format", Text, nullable=False),
    Column("auth", LargeBinary),
    Column("time_zone", Text, nullable=False),
    Column("country", Text),
    Column("config", JSON, nullable=False),
    Column("created_at", Moment, nullable=False),
)

tokens = Table(
    "tokens",
    metadata,
    Column("id", Text, primary_key=True),
    Column("workspace_id", Uuid, nullable=False),
    Column("name", Text, nullable=False),
    Column("scopes", JSON, nullable=False),
    Column("digest_1", LargeBinary, nullable=False),
    Column("digest_2", LargeBinary, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("revoked_at", Moment),
    Column("requests", BigInteger, nullable=False),
    Column("last_used_at", Moment),
)

events = Table(
    "events",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("workspace_id", Uuid, nullable=False),
    Column("source_id", Uuid, nullable=False),
    Column("source_event_id", Text),
    Column("type", Text, nullable=False),
    Column("call_id", Text, nullable=False),
    Column("occurred_at", Moment, nullable=False),
    Column("received_at", Moment, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("test", Boolean, nullable=False, server_default=false()),
    Column("erased_at", Moment),
    UniqueConstraint("source_id", "source_event_id"),
    Index(None, "call_id", "workspace_id"),
)
"""What was said, encrypted; never changed, but erased (`body` empty) once a private profile's deliveries are final."""

evaluations = Table(
    "evaluations",
    metadata,
    Column("event_id", Uuid, primary_key=True),
    Column("wake_at", Moment),
    Column("evaluated_at", Moment),
    Column("version", BigInteger),
    Column("made", Integer),
    Column("erase_at", Moment),
)
Index(
    "evaluations_erase_at_idx",
    evaluations.c.erase_at,
    postgresql_where=evaluations.c.erase_at.is_not(None),
    sqlite_where=evaluations.c.erase_at.is_not(None),
)
Index(
    "evaluations_wake_at_idx",
    evaluations.c.wake_at,
    postgresql_where=evaluations.c.wake_at.is_not(None),
    sqlite_where=evaluations.c.wake_at.is_not(None),
)
"""Whether an event was evaluated, and by which catalogue version: narrow, because it changes where events do not."""

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("workspace_id", Uuid, nullable=False),
    Column("event_id", Uuid, nullable=False),
    Column("profile_id", Uuid, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text),
    Column("attempts", Integer, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("due_at", Moment),
    Column("wake_at", Moment),
    Column("claim_id", Uuid),
    Column("opened_at", Moment, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("finished_at", Moment),
    Column("partial", Boolean, nullable=False, server_default=false()),
    Column("test", Boolean, nullable=False, server_default=false()),
    Column("outputs", LargeBinary),
)
"""`attempts` are those spent, `tries` the rows in the log. While it is `sending`, `wake_at` is where its lease ends."""

_TO_WAKE = deliveries.c.wake_at.is_not(None)
Index(
    "deliveries_wake_at_idx",
    deliveries.c.profile_id,
    deliveries.c.wake_at,
    postgresql_where=_TO_WAKE,
    sqlite_where=_TO_WAKE,
)
_SENDING = deliveries.c.state == "sending"
Index(
    "deliveries_sending_idx",
    deliveries.c.profile_id,
    deliveries.c.wake_at,
    postgresql_where=_SENDING,
    sqlite_where=_SENDING,
)
"""For lost claims and limits: neither may have to look through a profile's backlog."""
Index("deliveries_profile_id_idx", deliveries.c.profile_id, deliveries.c.id)

waiting = Table(
    "waiting",
    metadata,
    Column("delivery_id", Uuid, primary_key=True),
    Column("source_id", Uuid, nullable=False),
    Column("call_id", Text, nullable=False),
    Column("woken", Boolean, nullable=False),
    Index(None, "call_id", "source_id"),
)
"""Deliveries that wait for news of their call. `woken`: there were some since the delivery was last looked at."""

attempts = Table(
    "attempts",
    metadata,
    Column("delivery_id", Uuid, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("started_at", Moment, nullable=False),
    Column("duration_ms", Float),
    Column("outcome", Text, nullable=False),
    Column("status", Integer),
    Column("error", Text),
    Column("detail", Text),
    Column("dns_ms", Float),
    Column("connect_ms", Float),
    Column("tls_ms", Float),
    Column("first_byte_ms", Float),
    Column("excerpt", LargeBinary),
)

wsdl_contents = Table(
    "wsdl_contents",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("workspace_id", Uuid, nullable=False),
    Column("content_hash", Text, nullable=False),
    Column("bundle", LargeBinary, nullable=False),
    Column("description", LargeBinary, nullable=False),
    Column("size_bytes", Integer, nullable=False),
    Column("created_at", Moment, nullable=False),
    UniqueConstraint("workspace_id", "content_hash"),
)
"""WSDLs with all they import; `size_bytes` is what the documents have together, before they are compressed."""

wsdl_versions = Table(
    "wsdl_versions",
    metadata,
    Column("workspace_id", Uuid, primary_key=True),
    Column("location_digest", Text, primary_key=True),
    Column("content_hash", Text, primary_key=True),
    Column("location", LargeBinary, nullable=False),
    Column("credential", Text),
    Column("fetched_at", Moment, nullable=False),
)
"""What was found where: a location gives other contents in the course of time, and profiles keep to one of them."""

polled_agents = Table(
    "polled_agents",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("source_id", Uuid, nullable=False),
    Column("agent", Text, nullable=False),
    Column("holder", Uuid),
    Column("lease_until", Moment),
    Column("state", LargeBinary),
    Column("updated_at", Moment, nullable=False),
    UniqueConstraint("source_id", "agent"),
)
"""Agents whose calls are asked for again and again: by whom now, until when, and what was last known of them."""

assemblies = Table(
    "assemblies",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("workspace_id", Uuid, nullable=False),
    Column("source_id", Uuid, nullable=False),
    Column("call_id", Text, nullable=False),
    Column("opened_at", Moment, nullable=False),
    Column("changed_at", Moment, nullable=False),
    Column("due_at", Moment),
    Column("wake_at", Moment, nullable=False),
    Column("told_at", Moment),
    Column("has_legs", Boolean, nullable=False),
    Column("ended", Boolean, nullable=False),
    Column("legs", JSON, nullable=False),
    Column("version", Integer, nullable=False),
    Index(None, "wake_at"),
    Index(None, "call_id", "source_id"),
)
"""Calls that come in parts; see `domain.assembly.Assembly`."""

_UNTOLD = assemblies.c.due_at.is_not(None)
Index("assemblies_due_at_idx", assemblies.c.workspace_id, postgresql_where=_UNTOLD, sqlite_where=_UNTOLD)
"""For counting them: most of what is kept has been told."""

assembly_keys = Table(
    "assembly_keys",
    metadata,
    Column("key", Text, primary_key=True),
    Column("source_id", Uuid, primary_key=True),
    Column("assembly_id", Uuid, nullable=False),
    Index(None, "assembly_id"),
)
"""By which of its source's ids a call's parts find each other."""

call_parts = Table(
    "call_parts",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("source_id", Uuid, nullable=False),
    Column("part_id", Text),
    Column("assembly_id", Uuid, nullable=False),
    Column("told", Boolean, nullable=False),
    Column("received_at", Moment, nullable=False),
    Column("body", LargeBinary, nullable=False),
    UniqueConstraint("source_id", "part_id"),
    Index(None, "assembly_id", "id"),
)
"""What one record said of a call, encrypted; `body` is empty once an event of the call was erased."""

quarantine = Table(
    "quarantine",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("workspace_id", Uuid, nullable=False),
    Column("source_id", Uuid, nullable=False),
    Column("received_at", Moment, nullable=False),
    Column("reason", Text, nullable=False),
    Column("size_bytes", Integer, nullable=False),
    Column("posted", LargeBinary, nullable=False),
)

audit_log = Table(
    "audit_log",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("workspace_id", Uuid, nullable=False),
    Column("at", Moment, nullable=False),
    Column("token_id", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
)
