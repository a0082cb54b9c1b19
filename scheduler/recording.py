"""Answers that have come, until the database knows them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.orm import Session

from runup.database import Database
from scheduler.breaker import Reading
from scheduler.gate import Gate
from scheduler.gone import give_up, of_gone_addresses
from scheduler.journal import Journal
from scheduler.outcomes import Answer, record
from scheduler.refusals import of_the_words, pause_refused
from scheduler.transaction import transact


@dataclass(kw_only=True)
class Recorder:
    """Keeps answers until they are written down, with what they say of the provider.

    `journal`: where they are kept as well, should this process not live to see them written.
    """

    database: Database
    gate: Gate
    clock: Callable[[], datetime]
    journal: Journal | None = None
    _answers: list[Answer] = field(default_factory=list)

    def __len__(self) -> int:
        """How many are not written down yet."""
        return len(self._answers)

    def keep(self, answers: Sequence[Answer]) -> None:
        self._answers += answers
        if self.journal is not None:
            self.journal.append(answers, now=self.clock())

    def write_down(self) -> None:
        """All that is kept, in one transaction. Raises what the database raises; they are kept then."""
        if not self._answers:
            return
        try:
            reading = transact(self.database, self._record)
        except Exception:
            # Kept here for the next round, and on another file should there be none.
            if self.journal is not None:
                self.journal.sync(now=self.clock())
            raise
        answers, self._answers = self._answers, []
        self.gate.heard(reading, [answer.outcome for answer in answers])
        if refused := of_the_words(answers):
            transact(self.database, lambda session: pause_refused(session, refused, now=self.clock()))
        if gone := of_gone_addresses(answers):
            transact(self.database, lambda session: give_up(session, gone, now=self.clock()))

    def _record(self, session: Session) -> Reading:
        now = self.clock()
        record(session, self._answers, now=now)
        return self.gate.hear(session, [answer.outcome for answer in self._answers], now=now)
