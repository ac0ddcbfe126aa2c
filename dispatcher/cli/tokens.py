"""`onhook token`: API keys with two interchangeable secrets."""

import os
from typing import TYPE_CHECKING, Annotated

import typer

from dispatcher.cli.failures import CommandFailed, listed
from dispatcher.cli.options import AsJson
from dispatcher.cli.printing import print_fields, print_json, print_rows
from dispatcher.cli.storage import Opened, with_store

if TYPE_CHECKING:
    from dispatcher.tokens import Tokens

app = typer.Typer(no_args_is_help=True, help="Make, renew and revoke API tokens.")

TokenId = Annotated[str, typer.Argument(metavar="ID", help="The token, as `onhook token list` shows it.")]
COLUMNS = ("id", "name", "scopes", "requests", "last_used_at", "created_at", "revoked_at")


@app.command(epilog="Example: onhook token create --name pbx-berlin --scope ingest")
@with_store
def create(
    opened: Opened,
    name: Annotated[str, typer.Option(help="What it is for.")],
    scope: Annotated[list[str], typer.Option(help="ingest, read, write or admin; may be given several times.")],
    as_json: AsJson = False,
) -> None:
    """Make a token. Its secrets are shown this once; either opens the API, so that one can be renewed at a time."""
    from dispatcher.adapters.sql.schema import DEFAULT_WORKSPACE
    from dispatcher.tokens import TokenRefused

    try:
        minted = _tokens(opened).create(DEFAULT_WORKSPACE, name, scope)
    except TokenRefused as refused:
        raise listed("No token was made:", refused.faults) from refused
    token = minted.token
    words = {"id": token.id, "token": token.id, "secret_1": minted.secret_1, "secret_2": minted.secret_2}
    if as_json:
        print_json({**words, "name": token.name, "scopes": token.scopes})
    else:
        print_fields({key: words[key] for key in ("token", "secret_1", "secret_2")})


@app.command(epilog="Example: onhook token rotate ok_abcdefghijklmnop --secret 2")
@with_store
def rotate(
    opened: Opened,
    token_id: TokenId,
    secret: Annotated[int, typer.Option(help="Which secret: 1 or 2.", min=1, max=2)],
    as_json: AsJson = False,
) -> None:
    """Renew one secret. The old one is void at once, the other one stays valid."""
    from dispatcher.adapters.sql.schema import DEFAULT_WORKSPACE

    new = _tokens(opened).rotate(DEFAULT_WORKSPACE, token_id, secret)
    if new is None:
        raise _unknown(token_id)
    words = {f"secret_{secret}": new}
    print_json(words) if as_json else print_fields(words)


@app.command("list", epilog="Example: onhook token list --json")
@with_store
def list_tokens(opened: Opened, as_json: AsJson = False) -> None:
    """List the tokens, never their secrets."""
    from dispatcher.adapters.sql.schema import DEFAULT_WORKSPACE

    found = _tokens(opened).store.tokens(DEFAULT_WORKSPACE)
    rows = [{name: getattr(token, name) for name in COLUMNS} | {"scopes": sorted(token.scopes)} for token in found]
    print_rows(rows, COLUMNS, as_json=as_json, empty="There are no tokens yet: onhook token create --help")


@app.command(epilog="Example: onhook token revoke ok_abcdefghijklmnop")
@with_store
def revoke(opened: Opened, token_id: TokenId) -> None:
    """End a token for good. An API that is running takes note within a second."""
    from dispatcher.adapters.sql.schema import DEFAULT_WORKSPACE

    if not _tokens(opened).revoke(DEFAULT_WORKSPACE, token_id):
        raise _unknown(token_id)
    print(f"{token_id} is revoked.")


def _tokens(opened: Opened) -> "Tokens":
    from dispatcher.clock import utc_now
    from dispatcher.tokens import Tokens

    return Tokens(opened.store.admin, utc_now, os.urandom)


def _unknown(token_id: str) -> CommandFailed:
    return CommandFailed(f"There is no token {token_id}, or it is revoked: `onhook token list` shows those that are.")
