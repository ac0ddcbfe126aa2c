"""`onhook delivery`: did it reach the target, and if not, why."""

import time
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from dispatcher.cli.failures import CommandFailed
from dispatcher.cli.options import AsJson, Limit
from dispatcher.cli.printing import aligned, print_fields, print_json, print_rows, text_of
from dispatcher.cli.storage import Opened, with_store

if TYPE_CHECKING:
    from dispatcher.adapters.sql.store import Store
    from dispatcher.ports import DeliveryFilter
    from dispatcher.replay import Replayer

app = typer.Typer(no_args_is_help=True, help="Show, replay and discard deliveries.")

DeliveryId = Annotated[str, typer.Argument(metavar="ID", help="The delivery's id: the target saw it as webhook-id.")]
State = Annotated[
    str | None, typer.Option(help="pending, sending, retrying, delivered, dead or discarded.", show_default=False)
]
ProfileName = Annotated[str | None, typer.Option("--profile", help="Of this profile.", show_default=False)]
CallId = Annotated[str | None, typer.Option("--call", help="Of this call.", show_default=False)]

COLUMNS = ("id", "created_at", "profile", "call_id", "state", "attempts", "due_at", "reason")
ATTEMPT_COLUMNS = ("number", "started_at", "duration_ms", "status", "error", "outcome", "detail")
PAGE = 1000
TAIL_SECONDS = 0.5
TAIL_WINDOW = 500
"""How many of the newest deliveries `tail` watches for changes."""


@app.command("list", epilog="Example: onhook delivery list --state dead --profile crm-call-log")
@with_store
def list_deliveries(
    opened: Opened,
    state: State = None,
    profile: ProfileName = None,
    call: CallId = None,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """List deliveries, newest first."""
    rows = _newest(opened.store, _chosen(state, profile, call), limit)
    print_rows(rows, COLUMNS, as_json=as_json, empty="There are no such deliveries.")


@app.command(epilog="Example: onhook delivery show 01939a4e-7c1b-8d2f-9a55-0e6f1c2b3d4e")
@with_store
def show(opened: Opened, delivery_id: DeliveryId, as_json: AsJson = False) -> None:
    """Show a delivery with every attempt: what was sent, what came back (not for private profiles)."""
    from dispatcher.adapters.sql.schema import DEFAULT_WORKSPACE

    store = opened.store
    delivery = _find(store, delivery_id)
    attempts = store.admin.attempts(DEFAULT_WORKSPACE, delivery["id"])
    if as_json:
        print_json({**delivery, "attempts_log": attempts})
        return
    print_fields(delivery)
    if attempts:
        print("\n" + "\n".join(aligned(attempts, ATTEMPT_COLUMNS)))
        print_excerpts(attempts[-1])


@app.command(epilog="Example: onhook delivery replay --state dead --profile crm-call-log --dry-run")
@with_store
def replay(
    opened: Opened,
    delivery_id: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="One delivery; or choose with options.")
    ] = None,
    state: State = None,
    profile: ProfileName = None,
    call: CallId = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count them.")] = False,
    as_json: AsJson = False,
) -> None:
    """Send final deliveries again, under the same id: one, or all that the options choose."""
    from dispatcher.adapters.sql.schema import DEFAULT_WORKSPACE

    chosen = _chosen(state, profile, call)
    if (delivery_id is None) == (chosen == _chosen(None, None, None)):
        raise typer.BadParameter("name either one delivery, or at least one of --state, --profile, --call")
    store = opened.store
    replayer = _replayer(opened)
    if delivery_id is not None:
        found = _find(store, delivery_id)
        if not dry_run:
            replayer.replay(DEFAULT_WORKSPACE, found["id"])
        count = 1
    else:
        count = (replayer.count_matching if dry_run else replayer.replay_matching)(DEFAULT_WORKSPACE, chosen)
    if as_json:
        print_json({"count": count})
    else:
        print(
            f"{count} {'delivery' if count == 1 else 'deliveries'} {'would be' if dry_run else 'will be'} sent again."
        )


@app.command(epilog="Example: onhook delivery discard 01939a4e-7c1b-8d2f-9a55-0e6f1c2b3d4e --reason 'wrong customer'")
@with_store
def discard(
    opened: Opened,
    delivery_id: DeliveryId,
    reason: Annotated[str, typer.Option(help="Shown with the delivery.")] = "discarded on the command line",
) -> None:
    """Call off a delivery that is still open."""
    from dispatcher.adapters.sql.schema import DEFAULT_WORKSPACE

    store = opened.store
    _replayer(opened).discard(DEFAULT_WORKSPACE, _find(store, delivery_id)["id"], reason)
    print(f"{delivery_id} is discarded.")


@app.command(epilog="Example: onhook delivery tail --lines 20")
@with_store
def tail(
    opened: Opened,
    lines: Annotated[int, typer.Option(help="Of what happened before.", min=0, max=TAIL_WINDOW)] = 10,
    as_json: AsJson = False,
) -> None:
    """Follow deliveries: a line for each that is made or changes, until Ctrl-C."""
    store = opened.store
    seen: dict[UUID, tuple[object, ...]] = {}
    rows = _newest(store, _chosen(None, None, None), TAIL_WINDOW)
    try:
        _follow(rows, seen, show=rows[:lines], as_json=as_json)
        while True:
            time.sleep(TAIL_SECONDS)
            rows = _newest(store, _chosen(None, None, None), TAIL_WINDOW)
            _follow(rows, seen, show=rows, as_json=as_json)
    except KeyboardInterrupt:
        return


def _follow(
    rows: list[dict[str, Any]], seen: dict[UUID, tuple[object, ...]], *, show: list[dict[str, Any]], as_json: bool
) -> None:
    """Prints those of `show` that are new or changed, oldest first, and remembers all."""
    for row in reversed(show):
        if seen.get(row["id"]) != _condition(row):
            _print_line(row, as_json=as_json)
    seen.clear()
    seen.update((row["id"], _condition(row)) for row in rows)


def _condition(row: dict[str, Any]) -> tuple[object, ...]:
    return row["state"], row["attempts"], row["reason"]


def _print_line(row: dict[str, Any], *, as_json: bool) -> None:
    import orjson

    if as_json:
        print(orjson.dumps(row, option=orjson.OPT_UTC_Z).decode(), flush=True)
        return
    words = (row["id"], f"{row['profile']:<20}", f"{row['state']:<9}", f"call {row['call_id']}", row["reason"] or "")
    print("  ".join(map(text_of, words)).rstrip(), flush=True)


def print_excerpts(attempt: dict[str, Any]) -> None:
    """Prints what was sent and answered; of a private attempt sizes and hashes alone."""
    if attempt.get("private"):
        print("\nprivate: neither request nor answer is kept")
        for name in ("request_bytes", "body_hash", "response_bytes", "response_hash"):
            print(f"  {name:<14}  {text_of(attempt.get(name))}")
        return
    for part in ("request", "response"):
        said = attempt.get(part)
        if said is None:
            continue
        print(f"\nlast {part}")
        first = f"{said['method']} {said['url']}" if part == "request" else f"status {said['status']}"
        print(f"  {text_of(first)}")
        for name, value in said["headers"]:
            print(f"  {text_of(name)}: {text_of(value)}")
        for line in (said["body"] or "").splitlines():
            print(f"  | {text_of(line)}")
        if said.get("fault"):
            _print_fault(said["fault"])


def _print_fault(fault: dict[str, Any]) -> None:
    """What support looks for first stands last, where a terminal stops scrolling."""
    print("\nSOAP fault")
    for name, value in fault.items():
        said = ", ".join(value) if isinstance(value, list) else value
        if said:
            print(f"  {name:<8}  {text_of(said)}")


def _newest(store: "Store", chosen: "DeliveryFilter", limit: int) -> list[dict[str, Any]]:
    from dispatcher.adapters.sql.schema import DEFAULT_WORKSPACE

    rows: list[dict[str, Any]] = []
    cursor = None
    while len(rows) < limit:
        page = store.admin.deliveries(DEFAULT_WORKSPACE, chosen, cursor, min(PAGE, limit - len(rows)))
        rows += page.items
        cursor = page.next
        if cursor is None:
            break
    return rows


def _chosen(state: str | None, profile: str | None, call: str | None) -> "DeliveryFilter":
    from dispatcher.domain.delivery import State as States
    from dispatcher.ports import DeliveryFilter

    if state is not None and state not in list(States):
        raise typer.BadParameter(f"a state is one of {', '.join(States)}")
    return DeliveryFilter(state=state, profile=profile, call_id=call)


def _find(store: "Store", text: str) -> dict[str, Any]:
    from dispatcher.adapters.sql.schema import DEFAULT_WORKSPACE

    try:
        found = store.admin.delivery(DEFAULT_WORKSPACE, UUID(text))
    except ValueError:
        found = None
    if found is None:
        raise CommandFailed(f"There is no delivery {text}: `onhook delivery list` shows the newest.")
    return found


def _replayer(opened: Opened) -> "Replayer":
    from dispatcher.clock import utc_now
    from dispatcher.replay import Replayer
    from dispatcher.wiring import build_hints

    settings = opened.settings
    return Replayer(opened.store.admin, build_hints(settings), utc_now, rehint_seconds=settings.rehint_seconds)
