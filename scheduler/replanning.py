from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy.orm import Session

from campaigns.catalog import Catalog
from campaigns.errors import CampaignError
from runup.database import Database
from scheduler.reconcile import reconcile
from scheduler.sweeping import PATROL_EVERY, out_of_date, patrol
from scheduler.transaction import transact
from subscribers.wall_time import UnknownZone

log = structlog.get_logger(__name__)

PAGE = 2_000
TOGETHER = 20
"""People planned in one transaction: few enough that the site's writes hardly wait."""


@dataclass(kw_only=True)
class Replanner:
    """Plans again whoever needs it.

    A campaign that cannot be read, or a zone that the time zone data knows no more, stops its own people and
    nobody else."""

    database: Database
    catalog: Catalog
    clock: Callable[[], datetime]
    stopping: Callable[[], bool]
    progress: Callable[[], None] = lambda: None
    """Called after every few people: planning a whole town takes a while."""
    _next_patrol: datetime | None = None
    _patrolled: int = 0

    def out_of_date(self) -> int:
        """Everybody whose plan is out of date, each once; returns how many that were."""
        count, after = 0, 0
        while not self.stopping():
            with self.database.read() as session:
                page = out_of_date(session, now=self.clock(), after=after, most=PAGE)
            count += self.people(page)
            if len(page) < PAGE:
                break
            after = page[-1]
        return count

    def patrol(self) -> int:
        """One step of the nightly walk over all rows; the first begins when the process does, so that rows of
        another tzdata release are planned again soon. Returns how many people that were."""
        now = self.clock()
        if self._next_patrol is not None and now < self._next_patrol:
            return 0
        with self.database.read() as session:
            found, last = patrol(session, now=now, after=self._patrolled)
        count = self.people(found)
        self._patrolled = last or 0
        self._next_patrol = now + PATROL_EVERY if last is None else None
        return count

    def people(self, ids: Sequence[int]) -> int:
        """Plan these again, in their order; returns how many."""
        for first in range(0, len(ids), TOGETHER):
            if self.stopping():
                return first
            self._some(ids[first : first + TOGETHER])
            self.progress()
        return len(ids)

    def _some(self, ids: Sequence[int]) -> None:
        try:
            transact(self.database, lambda session: self._plan(session, ids))
        except (CampaignError, UnknownZone) as error:
            if len(ids) == 1:
                log.error("cannot_plan", subscriber=ids[0], error=str(error))
                return
            for identity in ids:
                self._some([identity])

    def _plan(self, session: Session, ids: Sequence[int]) -> None:
        for identity in sorted(ids):
            reconcile(session, identity, catalog=self.catalog, now=self.clock())
