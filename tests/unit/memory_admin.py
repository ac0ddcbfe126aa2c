"""What doors ask of the database, in memory, on top of the workers' twin: for the tests of the API and its verbs."""

from base64 import b64encode
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from dispatcher.adapters.memory.rows import DeliveryRow, EventRow
from dispatcher.adapters.memory.store import MemoryStore
from dispatcher.domain.delivery import FINAL_STATES, NewDelivery, State
from dispatcher.domain.ids import first_at
from dispatcher.domain.profile import ProfileSpec
from dispatcher.ports import (
    CallRecord,
    Catalogue,
    Conflict,
    DeliveryFilter,
    HeldFilter,
    HeldPost,
    NewEvent,
    OpenCall,
    Page,
    PastEvent,
    Profile,
    SavedProfile,
    Source,
    StoreUnavailable,
    Token,
)
from tests.unit.memory_credentials import MemoryCredentials
from tests.unit.memory_workspaces import MemoryWorkspaces
from tests.unit.memory_wsdls import MemoryWsdls


def reachable(method: Callable[..., Any]) -> Callable[..., Any]:
    """Nothing answers while the store is away."""

    def alone(store: "MemoryAdmin", *args: Any) -> Any:
        if store.away:
            raise StoreUnavailable("away")
        with store.lock:
            return method(store, *args)

    return alone


class MemoryAdmin(MemoryCredentials, MemoryWorkspaces, MemoryWsdls, MemoryStore):
    """Implements AdminStore and ReplayStore."""

    def __init__(self) -> None:
        super().__init__()
        self.saved_sources: dict[str, Source] = {}
        self.saved_tokens: dict[str, Token] = {}
        self.token_reads = 0
        self.held: list[dict[str, Any]] = []
        self.audit_log: list[tuple[str, str, str]] = []
        self.secrets: dict[UUID, tuple[str, str | None, datetime | None]] = {}
        self.history: dict[int, list[Profile]] = {}
        self.documents: dict[UUID, list[dict[str, Any]]] = {}

    def _remember(self, workspace_id: UUID, saved: SavedProfile | None, now: datetime) -> None:
        self.history[self._profiles.version] = [row.profile for row in self._profiles.rows.values() if not row.deleted]
        if saved is not None:
            log = self.documents.setdefault(saved.profile.id, [])
            if not log or log[0]["revision"] != saved.profile.revision:
                document = saved.profile.spec.document
                log.insert(0, {"revision": saved.profile.revision, "created_at": now, "document": document})

    # --- profiles

    def create_profile(self, workspace_id: UUID, spec: ProfileSpec, now: datetime) -> SavedProfile:
        saved = super().create_profile(workspace_id, spec, now)
        self.secrets[saved.profile.id] = ("whsec_" + b64encode(bytes(32)).decode(), None, None)
        self._remember(workspace_id, saved, now)
        return saved

    def update_profile(
        self, workspace_id: UUID, name: str, spec: ProfileSpec, now: datetime, revision: int | None = None
    ) -> SavedProfile | None:
        saved = super().update_profile(workspace_id, name, spec, now, revision)
        self._remember(workspace_id, saved, now)
        return saved

    def delete_profile(self, workspace_id: UUID, name: str, now: datetime) -> bool:
        deleted = super().delete_profile(workspace_id, name, now)
        self._remember(workspace_id, None, now)
        return deleted

    @reachable
    def profiles(self, workspace_id: UUID) -> list[SavedProfile]:
        rows = [row for row in self._profiles.rows.values() if not row.deleted]
        return [row.saved for row in rows if row.profile.workspace_id == workspace_id]

    @reachable
    def credential_names(self, workspace_id: UUID) -> list[str]:
        return ["crm-basic", *super().credential_names(workspace_id)]

    @reachable
    def revisions(self, workspace_id: UUID, name: str) -> list[dict[str, Any]]:
        saved = self.profile(workspace_id, name)
        return self.documents[saved.profile.id] if saved else []

    @reachable
    def catalogue_at(self, workspace_id: UUID, version: int) -> list[Profile]:
        return [each for each in self.history.get(version, []) if each.workspace_id == workspace_id]

    @reachable
    def signing_secrets(self, workspace_id: UUID, name: str, now: datetime) -> tuple[str, str | None] | None:
        saved = self.profile(workspace_id, name)
        if saved is None:
            return None
        current, previous, until = self.secrets[saved.profile.id]
        return current, previous if until is not None and until > now else None

    @reachable
    def rotate_signing_secret(
        self, workspace_id: UUID, name: str, secret: str, previous_until: datetime, now: datetime
    ) -> bool:
        saved = self.profile(workspace_id, name)
        if saved is None:
            return False
        self.secrets[saved.profile.id] = (secret, self.secrets[saved.profile.id][0], previous_until)
        return True

    # --- sources, tokens, quarantine, audit

    @reachable
    def source(self, name: str) -> Source | None:
        return self.saved_sources.get(name)

    @reachable
    def sources(self, workspace_id: UUID) -> list[Source]:
        return [each for each in self.saved_sources.values() if each.workspace_id == workspace_id]

    @reachable
    def save_source(self, source: Source, now: datetime) -> None:
        before = self.saved_sources.get(source.name)
        if before is not None and before.workspace_id != source.workspace_id:
            raise Conflict("taken")
        self.saved_sources[source.name] = source

    @reachable
    def delete_source(self, workspace_id: UUID, name: str) -> bool:
        return self.saved_sources.pop(name, None) is not None

    @reachable
    def add_token(self, token: Token) -> None:
        self.saved_tokens[token.id] = token

    @reachable
    def token(self, token_id: str) -> Token | None:
        self.token_reads += 1
        return self.saved_tokens.get(token_id)

    @reachable
    def tokens(self, workspace_id: UUID) -> list[Token]:
        return [each for each in self.saved_tokens.values() if each.workspace_id == workspace_id]

    @reachable
    def set_secret(self, workspace_id: UUID, token_id: str, which: int, digest: bytes) -> bool:
        token = self.saved_tokens.get(token_id)
        if token is None or token.workspace_id != workspace_id or token.revoked_at is not None:
            return False
        first, second = token.secret_digests
        digests = (digest, second) if which == 1 else (first, digest)
        self.saved_tokens[token_id] = replace(token, secret_digests=digests)
        return True

    @reachable
    def revoke_token(self, workspace_id: UUID, token_id: str, now: datetime) -> bool:
        token = self.saved_tokens.get(token_id)
        if token is None or token.workspace_id != workspace_id or token.revoked_at is not None:
            return False
        self.saved_tokens[token_id] = replace(token, revoked_at=now)
        return True

    @reachable
    def count_token_use(self, uses: Mapping[str, tuple[int, datetime]]) -> None:
        for token_id, (requests, at) in uses.items():
            token = self.saved_tokens[token_id]
            self.saved_tokens[token_id] = replace(token, requests=token.requests + requests, last_used_at=at)

    @reachable
    def quarantine(
        self, identifier: UUID, source: Source, body: bytes, headers: Mapping[str, str], reason: str, now: datetime,
        method: str = "POST", query: Sequence[tuple[str, str]] = (),
    ) -> None:  # fmt: skip
        self.held.append(
            {
                "id": identifier,
                "source": source.name,
                "received_at": now,
                "reason": reason,
                "size_bytes": len(body),
                "headers": dict(headers),
                "body": body,
                "method": method,
                "query": list(query),
            }
        )

    @reachable
    def quarantined(self, workspace_id: UUID, cursor: str | None, limit: int) -> Page:
        hidden = ("headers", "body", "method", "query")
        shown = [{key: value for key, value in each.items() if key not in hidden} for each in self.held]
        return _page(shown, cursor, limit)

    @reachable
    def held_posts(self, workspace_id: UUID, chosen: HeldFilter, after: UUID | None, limit: int) -> list[HeldPost]:
        found = [
            HeldPost(**{key: value for key, value in each.items() if key != "size_bytes"})
            for each in sorted(self.held, key=lambda each: each["id"])
            if (after is None or each["id"] > after)
            and (chosen.ids is None or each["id"] in chosen.ids)
            and (chosen.source is None or each["source"] == chosen.source)
            and (chosen.since is None or each["received_at"] >= chosen.since)
            and (chosen.until is None or each["received_at"] < chosen.until)
        ]
        return found[:limit]

    @reachable
    def still_held(self, workspace_id: UUID, post_id: UUID, reason: str) -> None:
        for each in self.held:
            if each["id"] == post_id:
                each["reason"] = reason

    @reachable
    def release(self, workspace_id: UUID, post_ids: Sequence[UUID]) -> int:
        before = len(self.held)
        self.held = [each for each in self.held if each["id"] not in post_ids]
        return before - len(self.held)

    @reachable
    def open_call(self, workspace_id: UUID, call_id: str) -> OpenCall | None:
        return self.assemblies.open_call(workspace_id, call_id)

    @reachable
    def audit(self, workspace_id: UUID, token_id: str, action: str, subject: str, now: datetime) -> None:
        self.audit_log.append((token_id, action, subject))

    # --- pages

    def _chosen(self, workspace_id: UUID, chosen: DeliveryFilter) -> list[dict[str, Any]]:
        rows = [self.delivery(workspace_id, each.id) for each in self._deliveries.values()]
        wanted = {
            name: getattr(chosen, name)
            for name in ("state", "profile", "call_id", "event_id", "test")
            if getattr(chosen, name) is not None
        }
        return [
            row
            for row in rows
            if row is not None
            and all(row[name] == value for name, value in wanted.items())
            and (chosen.since is None or row["created_at"] >= chosen.since)
            and (chosen.until is None or row["created_at"] < chosen.until)
        ]

    @reachable
    def deliveries(self, workspace_id: UUID, chosen: DeliveryFilter, cursor: str | None, limit: int) -> Page:
        return _page(self._chosen(workspace_id, chosen), cursor, limit)

    @reachable
    def events(self, workspace_id: UUID, cursor: str | None, limit: int) -> Page:
        return _page([self._event(row) for row in self._events.values() if not row.test], cursor, limit)

    def recent_events(
        self, workspace_id: UUID, since: datetime | None, until: datetime | None, limit: int
    ) -> Generator[PastEvent]:
        yield from self._recent_events(workspace_id, since, until)[:limit]

    @reachable
    def _recent_events(self, workspace_id: UUID, since: datetime | None, until: datetime | None) -> list[PastEvent]:
        first, end = first_at(since) if since else None, first_at(until) if until else None
        found = [
            row
            for row in self._events.values()
            if row.event.workspace_id == workspace_id
            and (first is None or row.event.id >= first)
            and (end is None or row.event.id < end)
        ]
        return [_past(row) for row in sorted(found, key=lambda row: row.event.id, reverse=True)]

    @reachable
    def event(self, workspace_id: UUID, event_id: UUID) -> CallRecord | None:
        row = self._events.get(event_id)
        return self._record(row) if row is not None and row.event.workspace_id == workspace_id else None

    @reachable
    def call(self, workspace_id: UUID, call_id: str) -> list[CallRecord]:
        rows = [row for row in self._events.values() if row.event.call_id == call_id and not row.test]
        return [self._record(row) for row in rows if row.event.workspace_id == workspace_id]

    def _record(self, row: EventRow) -> CallRecord:
        made = []
        for each in self._deliveries.values():
            if each.event_id == row.event.id:
                shown = self.delivery(each.workspace_id, each.id) or {}
                made.append({**shown, "attempts_log": self.attempts(each.workspace_id, each.id)})
        event = row.event
        erased = {"id": event.source_event_id, "type": event.type, "call": {"id": event.call_id}}
        context = orjson.loads(event.body) if event.body else erased
        return CallRecord(self._event(row), context, event.workspace_id, row.version, made)

    def _event(self, row: EventRow) -> dict[str, Any]:
        names = {source.id: source.name for source in self.saved_sources.values()}
        return {
            "id": row.event.id,
            "source": names.get(row.event.source_id),
            "source_event_id": row.event.source_event_id,
            "type": row.event.type,
            "call_id": row.event.call_id,
            "occurred_at": row.event.occurred_at,
            "evaluated_at": row.evaluated_at,
            "deliveries_made": row.made,
            "private": row.erase_at is not None or row.erased_at is not None,
            "erased_at": row.erased_at,
            "test": row.test,
        }

    # --- tests

    def load_catalogue(self) -> Catalogue:
        keys = {key: saved.credential for key, saved in self.saved_credentials.items()}
        return replace(super().load_catalogue(), credentials=keys)

    @reachable
    def newest_event(self, workspace_id: UUID, types: Collection[str]) -> UUID | None:
        rows = [row for row in self._events.values() if row.event.workspace_id == workspace_id and not row.test]
        return max((row.event.id for row in rows if not types or row.event.type in types), default=None)

    @reachable
    def outputs_for(self, event_id: UUID, profile_id: UUID) -> dict[str, Any] | None:
        call_id = self._events[event_id].event.call_id
        found = [
            row
            for row in self._deliveries.values()
            if (row.profile_id, row.state, row.test) == (profile_id, State.DELIVERED, False)
            and self._events[row.event_id].event.call_id == call_id
        ]
        newest = max(found, key=lambda row: row.id, default=None)
        if newest is None:
            return None
        return {} if newest.outputs is None else orjson.loads(newest.outputs)["values"]

    def add_test(
        self, event: NewEvent | None, delivery: NewDelivery, now: datetime, wake_at: datetime, *, private: bool
    ) -> None:
        self._add_test(event, delivery, now, wake_at)

    @reachable
    def _add_test(self, event: NewEvent | None, delivery: NewDelivery, now: datetime, wake_at: datetime) -> None:
        if event is not None:
            self._events[event.id] = EventRow(event, None, now, self._profiles.version, 0, test=True)
        row = DeliveryRow(
            delivery.id, delivery.workspace_id, delivery.event_id, delivery.profile_id, delivery.revision,
            State.PENDING, now, wake_at, None, now, now, test=True,
        )  # fmt: skip
        self._deliveries[delivery.id] = row

    # --- replay

    @reachable
    def replay(
        self, workspace_id: UUID, ids: Sequence[UUID], now: datetime, wake_at: datetime
    ) -> list[tuple[UUID, UUID]]:
        found = [self._deliveries[each] for each in ids if each in self._deliveries]
        return [self._reopen(row, now, wake_at) for row in found if self._is_replayable(row)]

    def _is_replayable(self, row: DeliveryRow) -> bool:
        erased = self._events[row.event_id].erased_at is not None
        return row.state in FINAL_STATES and not self._profiles.rows[row.profile_id].deleted and not erased

    @reachable
    def is_erased(self, workspace_id: UUID, delivery_id: UUID) -> bool:
        row = self._deliveries.get(delivery_id)
        return row is not None and self._events[row.event_id].erased_at is not None

    def _reopen(self, row: DeliveryRow, now: datetime, wake_at: datetime) -> tuple[UUID, UUID]:
        row.state, row.reason, row.attempts, row.finished_at = State.PENDING, "replayed", 0, None
        row.due_at, row.wake_at, row.opened_at = now, wake_at, now
        return row.id, row.profile_id

    @reachable
    def matching(self, workspace_id: UUID, chosen: DeliveryFilter, before: UUID | None, limit: int) -> list[UUID]:
        final = self._replayable(workspace_id, chosen)
        return sorted((each for each in final if before is None or each < before), reverse=True)[:limit]

    def _replayable(self, workspace_id: UUID, chosen: DeliveryFilter) -> list[UUID]:
        ids = [row["id"] for row in self._chosen(workspace_id, chosen)]
        return [each for each in ids if self._is_replayable(self._deliveries[each])]

    @reachable
    def count_matching(self, workspace_id: UUID, chosen: DeliveryFilter) -> int:
        return len(self._replayable(workspace_id, chosen))

    @reachable
    def discard(self, workspace_id: UUID, delivery_id: UUID, reason: str, now: datetime) -> bool:
        row = self._deliveries.get(delivery_id)
        if row is None or not row.waits:
            return False
        row.end(State.DISCARDED, reason, now)
        return True


def _past(row: EventRow) -> PastEvent:
    event, erased = row.event, row.erased_at is not None
    context = None if row.test or erased else orjson.loads(event.body)
    private = erased or row.erase_at is not None
    return PastEvent(
        event.id, event.call_id, event.type, event.occurred_at, row.version, row.test, private, erased, context
    )


def _page(items: list[dict[str, Any]], cursor: str | None, limit: int) -> Page:
    newest = sorted(items, key=lambda each: str(each["id"]), reverse=True)
    rest = [each for each in newest if cursor is None or str(each["id"]) < cursor]
    return Page(rest[:limit], str(rest[limit - 1]["id"]) if len(rest) > limit else None)
