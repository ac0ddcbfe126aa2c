"""`onhook credential`: how targets are told who asks. Secrets come from files, standard input or the environment."""

import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dispatcher.cli.failures import CommandFailed, listed
from dispatcher.cli.options import AsJson
from dispatcher.cli.printing import print_changes, print_fields, print_json, print_rows
from dispatcher.cli.storage import Opened, with_store

if TYPE_CHECKING:
    from dispatcher.credential_trial import Trial
    from dispatcher.credentials import Credentials
    from dispatcher.ports import SavedCredential

app = typer.Typer(no_args_is_help=True, help="Show, apply, rotate and test credentials.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="The credential's name.")]
Slot = Annotated[int, typer.Option("--secret", help="Which secret: 1 or 2.", min=1, max=2)]
SecretFile = Annotated[
    Path | None,
    typer.Option("--secret-file", help="A file with the secret; - is standard input.", show_default=False),
]
SecretEnv = Annotated[
    str | None, typer.Option("--secret-env", help="The variable that holds the secret.", show_default=False)
]
COLUMNS = ("name", "kind", "secrets", "preferred", "tls", "updated_at", "description")


@app.command("list", epilog="Example: onhook credential list --json")
@with_store
def list_credentials(opened: Opened, as_json: AsJson = False) -> None:
    """List the credentials, never their secrets."""
    from dispatcher.adapters.sql.schema import DEFAULT_WORKSPACE

    kept, saved = _kept(opened), opened.store.admin.credentials(DEFAULT_WORKSPACE)
    rows = [kept.shown(each) for each in saved]
    if not as_json:
        rows = [_row(row, each) for row, each in zip(rows, saved, strict=True)]
    print_rows(rows, COLUMNS, as_json=as_json, empty="There are no credentials yet: onhook credential apply --help")


@app.command(epilog="Example: onhook credential show crm-basic")
@with_store
def show(opened: Opened, name: Name, as_json: AsJson = False) -> None:
    """Show a credential, its secrets masked, its certificates described."""
    shown = _kept(opened).shown(_find(opened, name))
    print_json(shown) if as_json else print_fields(shown)


@app.command(epilog="Example: onhook credential apply crm-basic.yaml")
@with_store
def apply(
    opened: Opened,
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="YAML or JSON; - is standard input.")],
    as_json: AsJson = False,
) -> None:
    """Create or replace the credentials of files, by their names. A secret (and PEM) may be given as {file: PATH} or
    {env: VARIABLE} instead of itself; *** keeps the one that is stored. All are checked before any is saved."""
    from dispatcher.cli.documents import read_documents
    from dispatcher.domain.credentials.spec import CredentialRefused

    kept = _kept(opened)
    documents = [(each.place, _with_secrets(opened, each.value)) for each in read_documents(files)]
    saves = [(place, _planned(kept, document)) for place, document in documents]
    done = []
    for place, save in saves:
        try:
            done.append(save())
        except CredentialRefused as refused:
            raise listed(f"{place} is refused:", refused.faults) from refused
    print_changes(done, "credential", as_json=as_json)


@app.command(epilog="Example: onhook credential delete crm-basic")
@with_store
def delete(opened: Opened, name: Name) -> None:
    """Delete a credential. Refused while profiles use it."""
    from dispatcher.adapters.sql.schema import DEFAULT_WORKSPACE

    if not opened.store.admin.delete_credential(DEFAULT_WORKSPACE, name):
        raise _unknown(name)
    print(f"{name}: deleted")


@app.command(epilog="Example: onhook credential rotate crm-basic --secret 2 --secret-file new-password.txt")
@with_store
def rotate(
    opened: Opened,
    name: Name,
    secret: Slot,
    secret_file: SecretFile = None,
    secret_env: SecretEnv = None,
    retire: Annotated[bool, typer.Option("--retire", help="Empty the slot instead; not the last one.")] = False,
) -> None:
    """Put a new secret into a slot and prefer it. The other one stays good, and is tried where a target does not take
    the new one yet. Without an option the secret is asked for, or read from standard input."""
    from dispatcher.adapters.sql.schema import DEFAULT_WORKSPACE
    from dispatcher.domain.credentials.spec import CredentialRefused

    new = None if retire else _secret(opened, secret_file, secret_env)
    try:
        saved = _kept(opened).rotate(DEFAULT_WORKSPACE, name, secret, new)
    except CredentialRefused as refused:
        raise listed("Nothing was changed:", refused.faults) from refused
    if saved is None:
        raise _unknown(name)
    print(f"{name}: secret {secret} {'retired' if retire else 'set and preferred'}")


@app.command(epilog="Example: onhook credential test crm-oauth --url https://crm.example/api/me")
@with_store
def test(
    opened: Opened,
    name: Name,
    url: Annotated[
        str | None, typer.Option(help="Send a GET with the credential there, too.", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Fetch a token, where the kind needs one, and ask a URL. No token and no body is shown; exit code 1 if refused."""
    from dispatcher.adapters.sql.schema import DEFAULT_WORKSPACE
    from dispatcher.credential_trial import fault_of_url, try_credential
    from dispatcher.wiring import USER_AGENT, build_sender

    if url is not None and (fault := fault_of_url(url)) is not None:
        raise listed("Nothing was tried:", [fault])
    credential = _find(opened, name).credential
    sender = build_sender(opened.settings, opened.store.admin)
    try:
        proxy = opened.store.admin.load_catalogue().proxies.get(DEFAULT_WORKSPACE)
        trial = try_credential(sender, credential, url, USER_AGENT, proxy)
    finally:
        sender.stop(1.0)
    if as_json:
        print_json(asdict(trial))
    else:
        print("\n".join(_sentences(name, trial)))
    if not trial.ok:
        raise typer.Exit(1)


def _sentences(name: str, trial: "Trial") -> list[str]:
    said = []
    if trial.token is not None:
        told = trial.token
        said.append(
            f"{name}: a token was obtained, good until {told['expires_at']:%Y-%m-%d %H:%M:%SZ}"
            if told["obtained"]
            else f"{name}: no token ({told['error']}: {told['detail']})"
        )
    if trial.answer is not None:
        told, took = trial.answer, trial.answer["timings"]["total_ms"]
        reached = f"the target answered {told['status']}" if told["status"] else f"{told['error']}: {told['detail']}"
        said.append(f"{name}: {reached} after {took:.0f} ms{'' if trial.ok else ', which is not good'}")
    return said or [f"{name}: this kind fetches no token; name a --url to try it on"]


def _planned(kept: "Credentials", document: Any) -> Callable[[], dict[str, str]]:
    """Checks a document; what saves it. Raises CommandFailed where it is refused."""
    from dispatcher.adapters.sql.schema import DEFAULT_WORKSPACE
    from dispatcher.credentials import saved_part
    from dispatcher.domain.credentials.spec import CredentialRefused, parse_credential

    name = document.get("name") if isinstance(document, dict) else None
    before = kept.store.credential(DEFAULT_WORKSPACE, name) if isinstance(name, str) else None
    try:
        spec = parse_credential(saved_part(document), kept.engines, before.credential.spec if before else None)
    except CredentialRefused as refused:
        raise listed(f"{name or 'a credential'} is refused:", refused.faults) from refused

    def save() -> dict[str, str]:
        if before is None:
            kept.create(DEFAULT_WORKSPACE, document)
            return {"credential": spec.name, "change": "created"}
        after = kept.change(DEFAULT_WORKSPACE, spec.name, lambda _: document)
        changed = after is None or after.credential.revision != before.credential.revision
        return {"credential": spec.name, "change": "updated" if changed else "unchanged"}

    return save


def _with_secrets(opened: Opened, value: Any) -> Any:
    """The document with what it names instead of secrets put in, at its top and under `tls`."""
    if not isinstance(value, dict):
        return value
    found = {key: _named(opened, each) for key, each in value.items()}
    if isinstance(found.get("tls"), dict):
        found["tls"] = {key: _named(opened, each) for key, each in found["tls"].items()}
    return found


def _named(opened: Opened, value: Any) -> Any:
    if isinstance(value, dict) and set(value) == {"file"} and isinstance(value["file"], str):
        return _file_text(Path(value["file"]))
    if isinstance(value, dict) and set(value) == {"env"} and isinstance(value["env"], str):
        return _variable(opened, value["env"])
    return value


def _secret(opened: Opened, file: Path | None, variable: str | None) -> str:
    if file is not None and variable is not None:
        raise CommandFailed("Give the secret by --secret-file or by --secret-env, not by both.")
    if variable is not None:
        return _variable(opened, variable)
    if file is None and sys.stdin.isatty():
        return str(typer.prompt("The new secret", hide_input=True, confirmation_prompt=True, err=True))
    return _file_text(file or Path("-"))


def _file_text(path: Path) -> str:
    from dispatcher.cli.documents import read_bytes

    try:
        return read_bytes(path).decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise CommandFailed(f"{path} is no text in UTF-8.") from None


def _variable(opened: Opened, name: str) -> str:
    value = opened.settings.environment().get(name)
    if value is None:
        raise CommandFailed(f"The variable {name} is not set.")
    return value


def _row(shown: dict[str, Any], saved: "SavedCredential") -> dict[str, Any]:
    spec = saved.credential.spec
    return {**shown, "secrets": sorted(spec.slots) or None, "tls": spec.tls is not None}


def _kept(opened: Opened) -> "Credentials":
    from dispatcher.clock import utc_now
    from dispatcher.credentials import Credentials
    from dispatcher.wiring import CREDENTIAL_ENGINES

    return Credentials(opened.store.admin, CREDENTIAL_ENGINES, utc_now)


def _find(opened: Opened, name: str) -> "SavedCredential":
    from dispatcher.adapters.sql.schema import DEFAULT_WORKSPACE

    saved = opened.store.admin.credential(DEFAULT_WORKSPACE, name)
    if saved is None:
        raise _unknown(name)
    return saved


def _unknown(name: str) -> CommandFailed:
    return CommandFailed(f"There is no credential {name}: `onhook credential list` shows those that are.")
