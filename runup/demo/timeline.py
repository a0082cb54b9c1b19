from __future__ import annotations

from babel.dates import format_datetime
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from runup.demo.inbox import Mailbox
from runup.demo.story import Actor


def timeline(actor: Actor, mailbox: Mailbox) -> RenderableType:
    """What left when, on the person's own clock, and what was left out and why."""
    head = Text.assemble((actor.name, "bold"), f" {actor.about}", (f"  ({actor.zone})", "dim"))
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, style="cyan")
    table.add_column(ratio=1, overflow="fold")
    for letter in mailbox.letters:
        at = format_datetime(letter.left_at, "EEE d MMM HH:mm", locale="en")
        table.add_row("  ✓", at, letter.email.subject)
    for line in mailbox.left_out:
        table.add_row(
            Text("  –", style="dim"),
            Text("left out", style="dim"),
            Text.assemble(line.title, (f": {line.why}", "dim")),
        )
    return Group(head, table, "")
