"""Try a profile out: show the request that it would send for an event, or send it as a test that counts nowhere."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson

from dispatcher.deliver import context_of
from dispatcher.domain.credentials.request_authentication import shown_authenticated
from dispatcher.domain.credentials.secret_forms import MASK
from dispatcher.domain.credentials.soap_envelope import NoEnvelope
from dispatcher.domain.delivery import Claim, NewDelivery
from dispatcher.domain.event import CallEvent
from dispatcher.domain.exchange import ErrorWord, Request
from dispatcher.domain.ids import delivery_id
from dispatcher.domain.private_view import keyed_hash
from dispatcher.domain.profile import EVERY_EVENT, ProfileSpec
from dispatcher.domain.requests.own_headers import SIGNATURE, own_headers
from dispatcher.domain.shape import Fault
from dispatcher.domain.waiting import Decision, Ready, assembled, decide
from dispatcher.ingest import new_event
from dispatcher.ports import (
    BrokerUnavailable,
    CallRecord,
    Catalogue,
    Clock,
    Conflict,
    Hints,
    Profile,
    RehearsalStore,
    RenderError,
    SavedProfile,
    Source,
    Templates,
)
from dispatcher.rehearsal import Choice, Rehearsal, Subject
from dispatcher.verdicts import judge_records

PRIVATE_DRAFT = "A draft is not tried on a stored event that is private: give an event of your own."
PRIVATE_EVENT = "The event fired a private profile: a profile that is not private is not sent for it."
ERASED = "The event is erased: nothing can be built from it."
_GENERATION_BYTES = 4


class NothingToTry(Exception):
    """There is no such event, or none that the profile takes. The text says which."""


class CannotBuild(Exception):
    """The request cannot be built for this event; `faults` says where and why, without a value of the call."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__(f"the request cannot be built for {len(faults)} reason(s)")
        self.faults = faults


class Rehearser:
    """Rehearses and sends tests. Safe to use from several threads. `random_bytes` need only be well spread."""

    def __init__(
        self,
        store: RehearsalStore,
        templates: Templates,
        hints: Hints,
        clock: Clock,
        random_bytes: Callable[[int], bytes],
        *,
        user_agent: str,
        rehint_seconds: float = 5.0,
    ) -> None:
        self._store, self._templates, self._hints, self._clock = store, templates, hints, clock
        self._random_bytes, self._user_agent = random_bytes, user_agent
        self._rehint = timedelta(seconds=rehint_seconds)

    # --- what it is tried on

    def stored(
        self,
        profile: Profile,
        choice: Choice,
        draft: ProfileSpec | None = None,
        followed: Mapping[str, Any] | None = None,
    ) -> Subject:
        """A stored event, as profile or draft sees it. Raises `NothingToTry`, and `Conflict` for an erased one."""
        spec = draft or profile.spec
        record = self._chosen(profile, spec, choice)
        if record.event.get("erased_at") is not None:
            raise Conflict(ERASED)
        records = self._of_the_call(record) if spec.waits else [record]
        context = assembled(record.context, [each.context for each in records]) if spec.waits else record.context
        outputs = followed if followed is not None else self._outputs(profile.workspace_id, spec, record)
        private = any(each.private for each in judge_records(self._store, records))
        return Subject(record.event["id"], _with_followed(context, outputs), private, None)

    def given(self, source: Source, event: CallEvent, followed: Mapping[str, Any] | None = None) -> Subject:
        """An event that the caller brings, as if this source had posted it. Under its own id it is no duplicate."""
        new = new_event(event, source, self._clock)
        context = _with_followed(orjson.loads(new.body), followed)
        return Subject(new.id, context, False, replace(new, source_event_id=None, body=orjson.dumps(context)))

    def _chosen(self, profile: Profile, spec: ProfileSpec, choice: Choice) -> CallRecord:
        if choice.call_id is not None:
            return self._of_call(profile, spec, choice.call_id)
        event_id = choice.event_id
        if event_id is None:
            types = () if EVERY_EVENT in spec.events else spec.events
            event_id = self._store.newest_event(profile.workspace_id, types)
            if event_id is None:
                raise NothingToTry("No event that the profile takes is stored yet: give one.")
        record = self._store.event(profile.workspace_id, event_id)
        if record is None:
            raise NothingToTry("There is no such event.")
        return record

    def _of_call(self, profile: Profile, spec: ProfileSpec, call_id: str) -> CallRecord:
        """The call's newest event that fires; else the newest that the profile takes; else the newest."""
        records = self._store.call(profile.workspace_id, call_id)
        readable = [each for each in records if each.event.get("erased_at") is None]
        if not readable:
            if records:
                raise Conflict(ERASED)
            raise NothingToTry("There is no such call.")
        taken = [each for each in readable if spec.takes(each.event["type"])]
        # Never by a draft's criteria: which event they choose would tell of private ones among them.
        criteria = profile.spec.criteria
        firing = [each for each in taken if criteria is None or criteria.holds(each.context)]
        return (firing or taken or readable)[-1]

    def _of_the_call(self, record: CallRecord) -> list[CallRecord]:
        """Every event of the record's call that its source sent and that can be read."""
        found = self._store.call(record.workspace_id, record.event["call_id"])
        same = [each for each in found if each.event["source"] == record.event["source"]]
        return [each for each in same if each.event.get("erased_at") is None] or [record]

    def _outputs(self, workspace_id: UUID, spec: ProfileSpec, record: CallRecord) -> dict[str, Any] | None:
        if spec.follow is None:
            return None
        followed = self._store.profile(workspace_id, spec.follow.profile)
        return None if followed is None else self._store.outputs_for(record.event["id"], followed.profile.id)

    # --- what comes of it

    def rehearse(
        self, saved: SavedProfile, subject: Subject, draft: ProfileSpec | None = None, *, signed: bool = True
    ) -> Rehearsal:
        """The request of the saved profile, or of the draft with the saved one's keys, for the subject.

        Without `signed` the signature is masked: a real one over any event that a caller gives would let him speak in
        our name. Raises `CannotBuild` for an undefined variable too, and `Conflict` for a draft on a private event.
        """
        catalogue = self._store.load_catalogue()
        profile = _as_sent(catalogue, saved.profile)
        hidden = subject.given is None and (subject.private or profile.spec.private)
        if draft is not None:
            if hidden:
                # Its criteria and the size of its body could be made to tell the event's values one by one.
                raise Conflict(PRIVATE_DRAFT)
            profile = replace(profile, spec=draft)
            hidden = subject.given is None and draft.private
        spec, context = profile.spec, subject.context
        verdict = spec.criteria.verdict(context) if spec.criteria is not None and spec.takes(context["type"]) else None
        fires, reason = _judged(spec, context["type"], held=verdict is None or verdict.held)
        now = self._clock()
        waits = decide(spec.wait_for, spec.follow, context["call"], context.get("followed"), now, now)
        request = self._request(catalogue, profile, subject, waits, signed=signed)
        hashed = self._hash(profile, request.body) if hidden else None
        return Rehearsal(subject, fires, reason, verdict, waits, request, hidden, hashed, tuple(_notes(spec, request)))

    def send(self, saved: SavedProfile, subject: Subject) -> UUID:
        """Stores a test delivery, due now, for any worker to carry as it carries every other; its id.

        The books, the lists, dedupe and whatever is counted leave it out. Raises `Conflict` where a stored event is
        erased meanwhile, or private while the profile is not.
        """
        profile = saved.profile
        if subject.private and not profile.spec.private:
            raise Conflict(PRIVATE_EVENT)
        identifier = self._new_id(profile, subject)
        delivery = NewDelivery(
            identifier, profile.workspace_id, subject.event_id, profile.id, profile.revision, claim_id=None
        )
        now = self._clock()
        self._store.add_test(subject.given, delivery, now, now + self._rehint, private=profile.spec.private)
        with suppress(BrokerUnavailable):  # stored is stored: the sweeper hints it
            self._hints.deliver(profile.id, [identifier])
        return identifier

    def _new_id(self, profile: Profile, subject: Subject) -> UUID:
        # Generation 0 is the evaluation's; of the others one is taken at random, so that every test is a new delivery.
        generation = int.from_bytes(self._random_bytes(_GENERATION_BYTES), "big") or 1
        return delivery_id(subject.event_id, profile.id, generation)

    def _request(
        self, catalogue: Catalogue, profile: Profile, subject: Subject, waits: Decision, *, signed: bool
    ) -> Request:
        now, spec = self._clock(), profile.spec
        identifier = self._new_id(profile, subject)
        partial = waits != Ready()
        claim = Claim(
            identifier, identifier, profile.id, profile.revision, 1, 0, now, subject.context, test=True, partial=partial
        )
        context = context_of(claim)
        try:
            hash_key = self._store.hash_key(profile.workspace_id)
            self._templates.prepare(spec, workspace_id=profile.workspace_id)
            template = self._templates.compile(spec, hash_key, workspace_id=profile.workspace_id)
            undefined = template.undefined(context)
            if undefined:
                raise CannotBuild(undefined)
            rendered = template.render(context)
        except RenderError as error:
            raise CannotBuild([_fault_of(error)]) from None
        keys = profile.signing_keys(now) if spec.sign and signed else ()
        headers = rendered.headers + own_headers(identifier, keys, rendered.body, now, self._user_agent)
        if spec.sign and not signed:
            headers.append((SIGNATURE, f"v1,{MASK}"))
        timeout = spec.timeout_seconds
        request = Request(rendered.method, rendered.url, headers, rendered.body, timeout, timeout)
        request.proxy = catalogue.proxies.get(profile.workspace_id)
        if spec.credential is None:
            return request
        credential = catalogue.credentials.get((profile.workspace_id, spec.credential))
        if credential is None:
            got = "a name that no credential has"
            raise CannotBuild([{"field": "credential", "expected": "the name of a credential", "got": got}])
        try:
            return shown_authenticated(request, credential.spec, now)
        except NoEnvelope as refused:
            expected = "a SOAP envelope that the credential can go into"
            raise CannotBuild([{"field": "request.body", "expected": expected, "got": str(refused)}]) from None

    def _hash(self, profile: Profile, body: bytes | None) -> str | None:
        return keyed_hash(self._store.hash_key(profile.workspace_id), body)


def _fault_of(error: RenderError) -> Fault:
    if error.word is ErrorWord.BAD_VALUE:
        return {"field": error.field, "expected": error.reason.removeprefix("expected "), "got": "another value"}
    return {"field": error.field, "expected": "a template that can be rendered", "got": error.reason}


def _as_sent(catalogue: Catalogue, profile: Profile) -> Profile:
    """The profile as workers know it; as saved, where it cannot be read any more."""
    return catalogue.profiles.get(profile.id, profile)


def _notes(spec: ProfileSpec, request: Request) -> Iterator[str]:
    """What the text of a request does not tell."""
    if spec.credential is not None:
        yield f"{MASK} stands for what the credential {spec.credential} puts there."
    if request.tls is not None and request.tls.certificate is not None:
        yield "It goes with the credential's client certificate: curl needs --cert and --key."
    if request.tls is not None and request.tls.ca is not None:
        yield "The credential's own certificate authorities are trusted: curl needs --cacert."
    if request.proxy is not None:
        yield "It goes through the workspace's egress proxy."


def _with_followed(context: dict[str, Any], followed: Mapping[str, Any] | None) -> dict[str, Any]:
    return context if followed is None else {**context, "followed": dict(followed)}


def _judged(spec: ProfileSpec, event_type: str, *, held: bool) -> tuple[bool, str]:
    if not spec.takes(event_type):
        return False, f"the profile is not for {event_type}"
    if not held:
        return False, "its criteria do not hold"
    if not spec.enabled:
        return False, "the profile is disabled (it would fire otherwise)"
    return True, "its criteria hold" if spec.criteria is not None else f"it takes every {event_type}"
