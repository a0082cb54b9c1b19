"""`runup sends`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from cyclopts import App, Parameter
from sqlalchemy import select
from sqlalchemy.orm import Session

from delivery.records import records_of
from runup.cli.errors import BadInput
from runup.cli.opening import opened
from runup.cli.people import find_person
from runup.cli.stops import say_stops, stops
from runup.cli.terminal import agreed, note, print_json, say, show, show_facts
from runup.workspace import nearest
from scheduler import Attempt, Send, State, release_brake
from subscribers import Subscriber, masked

app = App(name="sends", help="What left, what will leave, and why something did not.")
app.command("runup.cli.sends_doubt:doubt")
app.command("runup.cli.sends_next:next_", name="next", help="What leaves next, day by day and step by step.")
COLUMNS = {"id": "No", "local_at": "When (theirs)", "subscriber": "Who", "step": "Step", "state": "State",
            "reason": "Reason"}  # fmt: skip
_FACTS = {
    "id": "No", "campaign": "Campaign", "step": "Step", "subscriber": "Who", "state": "State",
    "reason": "Reason", "detail": "Detail", "due_at": "Due", "local_at": "Due, theirs", "zone": "Zone",
    "expires_at": "Expires", "left_at": "Left", "finished_at": "Finished", "attempts": "Attempts",
    "merged": "Stands for", "reference": "Reference",
}  # fmt: skip
_QUESTION = "Is this machine's clock right, and is nobody at work on another copy of this database?"
_ATTEMPT = {"number": "Attempt", "intent_at": "Begun", "provider": "Provider", "kind": "Came of it",
            "status": "Code", "error": "Error"}  # fmt: skip
_EVENT = {
    "occurred_at": "Heard of it",
    "type": "What",
    "attempt": "Attempt",
    "source": "From",
    "detail": "Said",
}
_EVENT_KEYS = ("occurred_at", "type", "attempt", "source", "is_permanent", "detail")
_KEYS = ("id", "campaign", "step", "occasion", "subscriber_id", "state", "reason", "detail", "due_at",
         "local_at", "zone", "expires_at", "left_at", "finished_at", "attempts",
         "merged", "reference")  # fmt: skip


@app.command(name="list")
def list_(
    *,
    state: Annotated[list[str] | None, Parameter(consume_multiple=False)] = None,
    campaign: str = "",
    step: str = "",
    who: str = "",
    limit: int = 50,
    json: bool = False,
) -> None:
    """Sends, the newest first.

    Parameters
    ----------
    state
        Only these, e.g. in_doubt; may be repeated.
    campaign
        Only this campaign's.
    step
        Only this step's.
    who
        Only this person's: an address or a number.
    limit
        How many at most; 0 for all.
    json
        Print JSON: id, campaign, step, occasion, subscriber_id, subscriber (shortened), state, reason,
        detail, due_at, local_at, zone, expires_at, left_at, finished_at, attempts, merged, reference.
    """
    for name in state or ():
        if name not in list(State):
            raise BadInput(
                f"--state: there is no state {name!r}{nearest(name, list(State)) or _all_states()}"
            )
    found = select(Send, Subscriber.address).join(Subscriber).order_by(Send.id.desc())
    found = found.where(Send.state.in_(state)) if state else found
    found = found.where(Send.campaign == campaign) if campaign else found
    found = found.where(Send.step == step) if step else found
    with opened() as application, application.database.read() as session:
        if who:
            found = found.where(Send.subscriber_id == find_person(session, application, who).id)
        rows = [
            send_facts(send, address)
            for send, address in session.execute(found.limit(limit) if limit else found)
        ]
    show(rows, COLUMNS, as_json=json, empty="none")
    if limit and len(rows) == limit:
        note(f"the newest {limit}; --limit 0 shows all")


@app.command(name="show")
def show_(number: int, /, *, json: bool = False) -> None:
    """One send with its attempts.

    Parameters
    ----------
    number
        Its number in `list`.
    json
        Print JSON: the keys of `list`; attempts with number, worker, provider, intent_at, finished_at, kind,
        status, provider_message_id, error, heard_at; and events with occurred_at, type, attempt, source,
        is_permanent, detail.
    """
    with opened() as application, application.database.read() as session:
        send = session.get(Send, number)
        if send is None:
            raise BadInput(f"there is no send {number}; `runup sends list` shows their numbers")
        facts, attempts = send_facts(send, send.subscriber.address), _attempts(session, send)
        events = [{key: getattr(r, key) for key in _EVENT_KEYS} for r in records_of(session, send.reference)]
    if json:
        print_json(facts | {"attempts": attempts, "events": events})
        return
    show_facts(facts, _FACTS, as_json=False)
    if attempts:
        say("")
        show(attempts, _ATTEMPT, as_json=False, empty="")
    if events:
        say("")
        show(events, _EVENT, as_json=False, empty="")


@app.command
def release(*, only: str = "", yes: bool = False, dry_run: bool = False, json: bool = False) -> None:
    """Show why workers are stopped and what would leave, and let them go on once you have looked.

    Parameters
    ----------
    only
        Let go of this kind only (clock, mass_expiry, moved_machine, older_than_journal, long_gap, damaged);
        all of them if left out.
    yes
        Do not ask.
    dry_run
        Show, and change nothing.
    json
        Print JSON, as it was before anything was released: holds (kind, began_at, detail), due, by_step,
        ending, first (id, local_at, subscriber, step).
    """
    with opened() as application:
        with application.database.read() as session:
            found = stops(session, now=application.clock())
        kinds = [hold["kind"] for hold in found["holds"]]
        if only and only not in kinds:
            raise BadInput(
                f"--only: {only!r} stops nothing{nearest(only, kinds)}; on: {', '.join(kinds) or 'none'}"
            )
        if json:
            print_json(found)
        elif not say_stops(application):
            say("Nothing is stopped.")
        if dry_run or not kinds:
            return
        if not agreed(_QUESTION, yes=yes):
            raise BadInput("nothing has changed; say --yes when all of it is so")
        with application.database.write() as session:
            release_brake(session, now=application.clock(), only=only)
    if not json:
        say("Released; workers go on with their next tick.")


def send_facts(send: Send, address: str | None) -> dict[str, Any]:
    row: dict[str, Any] = {key: getattr(send, key) for key in _KEYS}
    row["subscriber"] = masked(address)
    row["local_at"] = (
        datetime.fromisoformat(send.local_at).strftime("%a %Y-%m-%d %H:%M") if send.local_at else ""
    )
    row["merged"] = send.merged.split()
    return row


def _attempts(session: Session, send: Send) -> list[dict[str, Any]]:
    keys = (
        "number",
        "worker",
        "provider",
        "intent_at",
        "finished_at",
        "kind",
        "status",
        "provider_message_id",
        "error",
        "heard_at",
    )
    rows = session.scalars(select(Attempt).where(Attempt.send_id == send.id).order_by(Attempt.number))
    return [{key: getattr(row, key) for key in keys} for row in rows]


def _all_states() -> str:
    return f"; there are: {', '.join(State)}"
