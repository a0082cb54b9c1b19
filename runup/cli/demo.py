from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter, validators

from runup.cli.terminal import console


def demo(
    *,
    once: bool = False,
    port: Annotated[int, Parameter(validator=validators.Number(gte=0, lte=65535))] = 0,
    folder: Path | None = None,
) -> None:
    """See the whole product at work, on a clock that runs weeks in seconds.

    Starts the site, lets three people sign up through the real form, confirm, move a date and tell an
    outcome, runs six weeks through the real worker, prints who got what when, and serves an inbox.

    Parameters
    ----------
    once
        End after the timeline; for scripts and CI.
    port
        Where the site and the inbox answer on this machine; 0 takes a free port.
    folder
        Keep database and emails here; a temporary folder otherwise.
    """
    from runup.application import system_clock
    from runup.demo.inbox import mailboxes
    from runup.demo.stage import stage
    from runup.demo.story import Act, acts, opening, play
    from runup.demo.timeline import timeline
    from runup.logs import configure_logs

    configure_logs(quiet=True)
    out, began = console(), time.monotonic()
    with _folder(folder) as home, stage(home, start=opening(system_clock().date()), port=port) as set_up:
        out.print(f"The site answers at {set_up.site}. Six weeks begin.\n", style="bold")
        story = acts(set_up.clock())
        for event in play(set_up, story):
            if isinstance(event, Act):
                out.print(f"  {event.at:%a %-d %b %H:%M} UTC  {event.actor.name} {event.words}", style="dim")
        out.print()
        actors = {act.actor.address: act.actor for act in story}
        boxes = mailboxes(set_up.application)
        for box in boxes:
            assert box.subscriber.address
            out.print(timeline(actors[box.subscriber.address], box))
        count = sum(len(box.letters) for box in boxes)
        out.print(f"{count} emails, each at its hour, in {time.monotonic() - began:.1f} s.", style="bold")
        if once:
            return
        out.print(f"Open every one of them: {set_up.site}/inbox", style="bold cyan")
        out.print("Ctrl-C ends the demo.", style="dim")
        while True:
            time.sleep(3600)


@contextmanager
def _folder(chosen: Path | None) -> Iterator[Path]:
    if chosen is None:
        with tempfile.TemporaryDirectory(prefix="runup-demo-") as folder:
            yield Path(folder)
        return
    chosen.mkdir(parents=True, exist_ok=True)
    if any(chosen.iterdir()):
        from runup.cli.errors import Failed

        raise Failed(f"{chosen} is not empty; name a new folder for the demo")
    yield chosen
