"""What came back by email, read from its mailbox and kept: the SMTP side of feedback."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from threading import Event

from sqlalchemy.orm import Session

from delivery.bounces import Reading, read_returned
from delivery.mailboxes import Handle, Mailbox, MailboxConfig, MailboxError
from delivery.records import count, store
from runup.database import Database
from scheduler.transaction import transact

SOURCE = "bounces"
"""Names this feed in delivery records and counts."""
UNREACHABLE = "unreachable"
"""The count of passes on which the mailbox could not be read."""
MOST = 500
"""Messages read in one pass; the next is a minute away."""
_TOGETHER = 20
"""Messages stored in one transaction: as many megabytes at most are in memory."""


@dataclass(frozen=True)
class Returned:
    """What one pass read. `none` counts the messages that reported nothing of ours, by why."""

    messages: int = 0
    events: int = 0
    new: int = 0
    """Events that were not known before."""
    none: Counter[str] = field(default_factory=Counter)

    def __add__(self, other: Returned) -> Returned:
        return Returned(
            self.messages + other.messages,
            self.events + other.events,
            self.new + other.new,
            self.none + other.none,
        )


@dataclass(frozen=True, kw_only=True)
class Collector:
    """Reads the bounce mailbox. Several may read at once, and any may die: an event counts once, by its id.

    A message is marked as handled once what it says is durable. `hash_address` finds subscribers.
    """

    database: Database
    mailbox: MailboxConfig
    bounce_address: str
    hash_address: Callable[[str], str]
    clock: Callable[[], datetime]
    stopped: Event = field(default_factory=Event)
    """Set it, and a pass ends after the messages in hand."""

    def collect(self, *, most: int = MOST) -> Returned:
        """One pass. Raises MailboxError; what was read before that is kept, and it is counted."""
        try:
            mailbox = self.mailbox.open()
            try:
                return self._pass(mailbox, most)
            finally:
                mailbox.close()
        except MailboxError as error:
            self._count_trouble(error)
            raise

    def _pass(self, mailbox: Mailbox, most: int) -> Returned:
        total = Returned()
        for batch in _batches(mailbox.read(most), _TOGETHER):
            now = self.clock()
            readings = [read_returned(data, bounce_address=self.bounce_address, now=now) for _, data in batch]
            total += transact(self.database, lambda session: self._keep(session, readings, now))  # noqa: B023
            for handle, _ in batch:
                mailbox.done(handle)
            if self.stopped.is_set():
                break
        return total

    def _keep(self, session: Session, readings: list[Reading], now: datetime) -> Returned:
        events = [event for reading in readings for event in reading.events]
        new = store(session, events, source=SOURCE, hash_address=self.hash_address, now=now)
        none = Counter(str(reading.why_none) for reading in readings if reading.why_none is not None)
        for why, number in none.items():
            count(session, SOURCE, why, number, now=now)
        return Returned(len(readings), len(events), new, none)

    def _count_trouble(self, error: MailboxError) -> None:
        now = self.clock()
        transact(
            self.database, lambda session: count(session, SOURCE, UNREACHABLE, now=now, detail=str(error))
        )


def _batches(read: Iterator[tuple[Handle, bytes]], size: int) -> Iterator[list[tuple[Handle, bytes]]]:
    while batch := list(islice(read, size)):
        yield batch
