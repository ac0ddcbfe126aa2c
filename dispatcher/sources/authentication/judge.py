"""Whether a post really comes from the source's call system. An unset authentication is closed, never open."""

from collections.abc import Sequence
from dataclasses import replace

from dispatcher.sources.authentication.kinds import ADDRESSES, KINDS, TOKEN
from dispatcher.sources.authentication.members import Auth
from dispatcher.sources.authentication.refusals import Forbidden, Why
from dispatcher.sources.authentication.spec import check_auth, checks_of
from dispatcher.sources.format import Posted


def usable_checks(auth: Auth | None) -> list[Auth]:
    """The checks of a source's authentication. Raises `Forbidden` where it has none, or one that is broken."""
    if not auth or auth.get("kind") is None:
        raise Forbidden("The source takes nothing until its authentication is set.", Why.CLOSED)
    if check_auth(auth):
        raise Forbidden("The source takes nothing until its authentication is mended.", Why.CLOSED)
    return checks_of(auth)


def verify(auth: Auth | None, posted: Posted) -> None:
    """Returns if the post satisfies a source's `auth`; raises `NotAuthenticated` or `Forbidden` if not.

    The kind `token` is judged by the API, which knows the tokens: handing it in is a programming error.
    """
    for check in usable_checks(auth):
        KINDS[check["kind"]].verify(check, posted)


def verify_addresses(checks: Sequence[Auth], posted: Posted) -> None:
    """The part of `verify` that needs no more than the address; `checks` are those of `usable_checks`."""
    for check in checks:
        if check["kind"] == ADDRESSES:
            KINDS[ADDRESSES].verify(check, posted)


def verify_shown(checks: Sequence[Auth], posted: Posted) -> None:
    """The part of `verify` that is about what the post shows, but for a token of ours, which the API judges."""
    for check in checks:
        if check["kind"] not in (ADDRESSES, TOKEN):
            KINDS[check["kind"]].verify(check, posted)


def want_token(checks: Sequence[Auth]) -> bool:
    """Whether one of Onhook's own tokens must be shown."""
    return any(check["kind"] == TOKEN for check in checks)


def without_tokens(checks: Sequence[Auth], posted: Posted) -> Posted:
    """The post, once it is verified, without the constants that opened the door: no format keeps what it never sees.

    A token in the body stays, for its place is the format's to know.
    """
    names = {check["name"] for check in checks if check["kind"] == "query_token"}
    headers = {check["header"].lower() for check in checks if check["kind"] == "header_token"}
    if not names and not headers:
        return posted
    return replace(
        posted,
        query=[(name, value) for name, value in posted.query if name not in names],
        headers={name: value for name, value in posted.headers.items() if name not in headers},
        url=posted.url.partition("?")[0],
    )
