"""Whether a post really comes from the source's call system. An unset authentication is closed, never open."""

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


def verify_address_of(auth: Auth | None, posted: Posted) -> None:
    """The part of `verify` that needs no more than the address; a source that is closed is refused."""
    for check in usable_checks(auth):
        if check["kind"] == ADDRESSES:
            KINDS[ADDRESSES].verify(check, posted)


def verify_rest(auth: Auth | None, posted: Posted) -> None:
    """`verify` for a post whose token of ours, if the source wants one, the API has judged."""
    for check in usable_checks(auth):
        if check["kind"] != TOKEN:
            KINDS[check["kind"]].verify(check, posted)


def wants_token(auth: Auth | None) -> bool:
    """Whether one of Onhook's own tokens must be shown. Raises `Forbidden` as `verify` does."""
    return any(check["kind"] == TOKEN for check in usable_checks(auth))


def without_tokens(auth: Auth | None, posted: Posted) -> Posted:
    """The post, once it is verified, without the constants that opened the door: no format keeps what it never sees.

    A token in the body stays, for its place is the format's to know.
    """
    checks = usable_checks(auth)
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
