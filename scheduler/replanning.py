from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy.orm import Session

from campaigns.catalog import Catalog
from campaigns.errors import CampaignError
from runup.database import Database
from scheduler.reconcile_many import reconcile_many
from scheduler.superseded import Place, of_old_versions, still_old
from scheduler.sweeping import PATROL_EVERY, out_of_date, patrol
from scheduler.transaction import transact
from scheduler.wire import since_boot
from subscribers.wall_time import UnknownZone

log = structlog.get_logger(__name__)

PAGE = 2_000
TOGETHER = 20
"""People planned in one transaction, to begin with: few enough that the site's writes hardly wait."""
FEWEST, MOST = 10, 200
"""A page of fewer costs more than it spares anybody, however busy the machine; one of more spares nothing."""
HELD = 0.2
"""Seconds for which a page of people may hold the database."""
Pick = Callable[[Session, Sequence[int]], Sequence[int]]


def _all(_session: Session, ids: Sequence[int]) -> Sequence[int]:
    return ids


def _fitting(together: int, *, took: float) -> int:
    """How many people the next page may have, so that the site's writes wait for none longer than HELD."""
    if took > HELD / 2:
        return max(together // 2, FEWEST)
    return min(together + together // 4, MOST) if took < HELD / 4 else together


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
    planned: Callable[[int], None] = lambda _: None
    """Told how many of an older version were planned again, a few at a time."""
    stopwatch: Callable[[], float] = since_boot
    _next_patrol: datetime | None = None
    _patrolled: int = 0

    def out_of_date(self, *, seconds: float = math.inf) -> tuple[int, bool]:
        """Everybody whose plan is out of date, each once; how many that were, and whether some are left.

        Ends after about `seconds`: who has just been brought in by the hundred thousand waits for the emails
        of everybody else. Nothing of theirs leaves before; the last checks see to that.
        """
        began, count, after = self.stopwatch(), 0, 0
        while not self.stopping():
            with self.database.read() as session:
                page = out_of_date(session, now=self.clock(), after=after, most=PAGE)
            done = self.people(page, until=began + seconds)
            count += done
            if done < len(page):
                return count, not self.stopping()
            if len(page) < PAGE:
                break
            after = page[-1]
        return count, False

    def of_old_versions(self, *, seconds: float = math.inf) -> int:
        """Whose sends an older version of their campaign planned; returns how many they were.

        Ends after about `seconds`. What is due does not wait for its turn here: that its last checks fail has
        its person planned at once.
        """
        began, count, place, together = self.stopwatch(), 0, Place(), TOGETHER
        while not self.stopping() and self.stopwatch() - began < seconds:
            with self.database.read() as session:
                page = of_old_versions(session, after=place, most=together)
            if not page:
                break
            place = page[-1]
            page_began = self.stopwatch()
            some = self._some(sorted({one.subscriber for one in page}), still_old)
            together = _fitting(together, took=self.stopwatch() - page_began)
            count += some
            self.planned(some)
            self.progress()
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

    def people(self, ids: Sequence[int], *, until: float = math.inf) -> int:
        """Plan these again, in their order and until the stopwatch shows that; returns how many."""
        first, together = 0, TOGETHER
        while first < len(ids):
            began = self.stopwatch()
            if self.stopping() or began > until:
                return first
            self._some(ids[first : first + together])
            self.progress()
            first += together
            together = _fitting(together, took=self.stopwatch() - began)
        return len(ids)

    def _some(self, ids: Sequence[int], pick: Pick = _all) -> int:
        """Those of `ids` that `pick` finds worth it, in one transaction; returns how many."""
        try:
            return transact(self.database, lambda session: self._plan(session, pick(session, ids)))
        except (CampaignError, UnknownZone) as error:
            if len(ids) == 1:
                log.error("cannot_plan", subscriber=ids[0], error=str(error))
                return 0
            return sum(self._some([identity], pick) for identity in ids)

    def _plan(self, session: Session, ids: Iterable[int]) -> int:
        return reconcile_many(session, sorted(ids), catalog=self.catalog, now=self.clock())
