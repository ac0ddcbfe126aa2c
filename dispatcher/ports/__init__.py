"""What the verbs and the doors need of the outside, in their own words.

Every store method raises `StoreUnavailable` when the database cannot answer now, and is one
transaction. Every moment is an aware datetime in UTC.
"""

from dispatcher.ports.administration import (
    AdminStore,
    CallRecord,
    CredentialStore,
    Page,
    PastEvent,
    SavedCredential,
    SavedProfile,
    Source,
    Token,
    Workspace,
    WorkspaceStore,
)
from dispatcher.ports.assembly import (
    AssemblyStore,
    DueCall,
    HeldPart,
    NewPart,
    OpenCall,
    OpenCallStore,
    PartStore,
    Telling,
)
from dispatcher.ports.delivery import CallState, DeliveryStore, PutBack, WaitingStore
from dispatcher.ports.evaluation import Catalogue, CatalogueStore, Evaluation, EvaluationStore, Profile, StoredEvent
from dispatcher.ports.events import Accepted, EventStore, NewEvent
from dispatcher.ports.outside import BrokerUnavailable, Clock, Conflict, StoreUnavailable
from dispatcher.ports.polling import PolledAgents
from dispatcher.ports.quarantine import HeldFilter, HeldPost, QuarantineStore
from dispatcher.ports.rehearsal import RehearsalStore, ShownRequest, ShowRequest
from dispatcher.ports.replay import DeliveryFilter, ReplayStore
from dispatcher.ports.schedule import Depth, Erased, ErasureStore, Hints, ScheduleStore
from dispatcher.ports.sending import (
    AuthenticatedSender,
    Done,
    Rendered,
    RenderError,
    RequestTemplate,
    Sender,
    Templates,
)

__all__ = [
    "Accepted",
    "AdminStore",
    "AssemblyStore",
    "AuthenticatedSender",
    "BrokerUnavailable",
    "CallRecord",
    "CallState",
    "Catalogue",
    "CatalogueStore",
    "Clock",
    "Conflict",
    "CredentialStore",
    "DeliveryFilter",
    "DeliveryStore",
    "Depth",
    "Done",
    "DueCall",
    "Erased",
    "ErasureStore",
    "Evaluation",
    "EvaluationStore",
    "EventStore",
    "HeldFilter",
    "HeldPart",
    "HeldPost",
    "Hints",
    "NewEvent",
    "NewPart",
    "OpenCall",
    "OpenCallStore",
    "Page",
    "PartStore",
    "PastEvent",
    "PolledAgents",
    "Profile",
    "PutBack",
    "QuarantineStore",
    "RehearsalStore",
    "RenderError",
    "Rendered",
    "ReplayStore",
    "RequestTemplate",
    "SavedCredential",
    "SavedProfile",
    "ScheduleStore",
    "Sender",
    "ShowRequest",
    "ShownRequest",
    "Source",
    "StoreUnavailable",
    "StoredEvent",
    "Telling",
    "Templates",
    "Token",
    "WaitingStore",
    "Workspace",
    "WorkspaceStore",
]
