"""`runup bounces`."""

from __future__ import annotations

from cyclopts import App

from runup.cli.errors import BadInput, Failed
from runup.cli.opening import opened
from runup.cli.terminal import print_json, say, show_pairs
from runup.providing import collector_of

app = App(name="bounces", help="What comes back by email: bounces, delays, complaints.")


@app.command
def read(*, most: int = 500, json: bool = False) -> None:
    """Read the bounce mailbox once, and apply what it says. Workers do that every minute.

    What was read is marked, or moved to the subfolder .handled of a Maildir; nothing is deleted.

    Parameters
    ----------
    most
        How many messages at most.
    json
        Print JSON: messages, events (bounces, delays, deliveries, complaints), new (not known before),
        unusable (messages that reported nothing of ours, by kind), applied.
    """
    from delivery.mailboxes import MailboxError
    from scheduler.hearing import hear
    from scheduler.transaction import transact

    if most < 1:
        raise BadInput("--most: must be 1 or more")
    with opened() as application:
        collector = collector_of(application)
        if collector is None:
            raise BadInput("there is no bounce mailbox: set bounce_mailbox, see docs/how-to/use-smtp.md")
        try:
            returned = collector.collect(most=most)
        except MailboxError as error:
            raise Failed(f"the bounce mailbox cannot be read: {error}") from None
        applied = 0
        while heard := transact(application.database, lambda s: hear(s, now=application.clock())).records:
            applied += heard
    if json:
        print_json(
            {
                "messages": returned.messages,
                "events": returned.events,
                "new": returned.new,
                "unusable": dict(returned.none),
                "applied": applied,
            }
        )
    elif not returned.messages:
        say("Nothing has come back.")
    else:
        unusable = [(what.replace("_", " ").capitalize(), str(n)) for what, n in returned.none.items()]
        show_pairs(
            [
                ("Messages read", str(returned.messages)),
                ("Bounces, delays, deliveries, complaints", f"{returned.events}, {returned.new} of them new"),
                *unusable,
            ]
        )
