"""Whether a post really comes from the source's call system: kinds of checks, a file for each family. Pure."""

from dispatcher.sources.authentication.judge import (
    usable_checks,
    verify,
    verify_addresses,
    verify_shown,
    want_token,
    without_tokens,
)
from dispatcher.sources.authentication.kinds import KINDS
from dispatcher.sources.authentication.refusals import Forbidden, NotAuthenticated, Why
from dispatcher.sources.authentication.spec import MASK, check_auth, holds_mask, read_auth, shown_auth, unmasked

__all__ = [
    "KINDS",
    "MASK",
    "Forbidden",
    "NotAuthenticated",
    "Why",
    "check_auth",
    "holds_mask",
    "read_auth",
    "shown_auth",
    "unmasked",
    "usable_checks",
    "verify",
    "verify_addresses",
    "verify_shown",
    "want_token",
    "without_tokens",
]
