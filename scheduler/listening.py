from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from delivery.provider import Provider
from runup.database import Database
from scheduler.canary import Aviary
from scheduler.composing import Sender
from scheduler.doubt import Jury
from scheduler.hearing import MOST, hear
from scheduler.journal import Journal
from scheduler.replaying import replay
from scheduler.transaction import transact


@dataclass(kw_only=True)
class Listener:
    """What a worker does about what has left: hear of it, settle what is in doubt, ask where none tells."""

    jury: Jury
    aviary: Aviary
    progress: Callable[[], None] = lambda: None
    _has_replayed: bool = False

    @classmethod
    def of(
        cls,
        database: Database,
        provider: Provider,
        clock: Callable[[], datetime],
        *,
        journal: Journal | None,
        sender: Sender,
        canary_address: str,
        progress: Callable[[], None],
    ) -> Listener:
        return cls(
            jury=Jury(database=database, provider=provider, clock=clock, journal=journal),
            aviary=Aviary(
                database=database, provider=provider, clock=clock, sender=sender, address=canary_address
            ),
            progress=progress,
        )

    def listen(self) -> None:
        """Once a round. Events come first: they are the best evidence there is."""
        database, clock = self.jury.database, self.jury.clock
        if not self._has_replayed and self.jury.journal is not None:
            replay(database, self.jury.journal, now=clock())
        self._has_replayed = True
        while transact(database, lambda session: hear(session, now=clock())).records == MOST:
            self.progress()
        self.jury.settle_all()
        self.aviary.look()
