"""`onhook call`: what is known of a call, and why it reached a target, or did not."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from dispatcher.cli.failures import CommandFailed
from dispatcher.cli.options import AsJson
from dispatcher.cli.printing import aligned, print_json, text_of
from dispatcher.cli.storage import Opened, with_store

app = typer.Typer(no_args_is_help=True, help="Show calls.")

COLUMNS = ("type", "received_at", "profile", "fired", "state", "attempts", "reason", "delivery")


@app.callback()
def _calls() -> None:
    """A group, although it holds one command so far."""


@app.command(epilog="Example: onhook call show 7f9c2b44")
@with_store
def show(
    opened: Opened,
    call_id: Annotated[str, typer.Argument(metavar="ID", help="The call's id: `call_id` of its events.")],
    as_json: AsJson = False,
) -> None:
    """Show a call: what is known of it, its events, what each profile made of them, and what came of that.

    --json has each clause of the criteria; `onhook delivery show ID` has what was sent and answered.
    """
    from dispatcher.adapters.sql.schema import DEFAULT_WORKSPACE
    from dispatcher.call_page import page_of_call

    page = page_of_call(opened.store.admin, DEFAULT_WORKSPACE, call_id)
    if page is None:
        raise CommandFailed(f"There is no call {text_of(call_id)}: `onhook event list` shows the newest events.")
    if as_json:
        print_json(page)
        return
    for line in _lines(page["call"]):
        print(line)
    waits = page.get("open")
    if waits is not None:
        print(f"open: {waits['parts']} part(s) wait, to be told at {text_of(waits['due_at'])} unless more come")
    if page["events"]:
        print("\n" + "\n".join(aligned([row for each in page["events"] for row in _rows(each)], COLUMNS)))


def _lines(members: Mapping[str, Any], path: str = "") -> list[str]:
    """A line for each value, by its dotted path."""
    lines: list[str] = []
    for name, value in members.items():
        if isinstance(value, dict):
            lines += _lines(value, f"{path}{name}.")
        else:
            lines.append(f"{path}{name}: {text_of(value)}")
    return lines


def _rows(event: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A row for each profile: its deliveries, or why there is none; of an event that no profile was asked of, one."""
    about = {"type": event["type"], "received_at": event["received_at"]}
    if not event["verdicts"]:
        return [about | {"reason": "no profile" if event["evaluated"] else "waits for a worker"}]
    rows = []
    for verdict in event["verdicts"]:
        said = about | {name: verdict[name] for name in ("profile", "fired", "reason")}
        sent = [each for each in event["deliveries"] if each["profile"] == verdict["profile"]]
        rows += [said | _came_to(each) for each in sent] or [said]
    return rows


def _came_to(delivery: Mapping[str, Any]) -> dict[str, Any]:
    last = (delivery["attempts"] or [{}])[-1]
    reason = delivery["reason"] or last.get("error")
    state, attempts = delivery["state"], delivery["attempts_spent"]
    return {"state": state, "attempts": attempts, "reason": reason, "delivery": delivery["id"]}
