from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from scheduler.canary import Aviary
from scheduler.doubt import Jury
from scheduler.hearing import MOST, hear
from scheduler.replaying import replay
from scheduler.transaction import transact


@dataclass(kw_only=True)
class Listener:
    """What a worker does about what has left: hear of it, settle what is in doubt, ask where none tells."""

    jury: Jury
    aviary: Aviary
    progress: Callable[[], None] = lambda: None
    _has_replayed: bool = False

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
