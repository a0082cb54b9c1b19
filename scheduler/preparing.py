from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.applied_catalog import Applied, applied
from campaigns.errors import CampaignError
from campaigns.reasons import Reason
from campaigns.rendering import RenderError
from runup.database import Database
from scheduler.claiming import LANES, PERSONAL, Due, claim, find_due, release
from scheduler.composing import Composed, Composer
from scheduler.draft import Draft
from scheduler.drafting import read_drafts
from scheduler.gate import Admission, Gate
from scheduler.intending import intend, write_attempts
from scheduler.outcomes import give_back, record_render_error
from scheduler.pacing import keep_pace
from scheduler.reading import keep_targets
from scheduler.replanning import Replanner
from scheduler.send import Send
from scheduler.shelf import Shelf
from scheduler.transaction import transact
from scheduler.trial_sends import record_variants
from scheduler.wire import Call

log = structlog.get_logger(__name__)

LOOK_AHEAD = 2_000
NEXT_CHECK = timedelta(seconds=1)
"""After a last check that failed: whatever planning makes of it, a tick whose clock stands still ends."""


@dataclass(kw_only=True)
class Preparer:
    """Claim, write the email, last checks and intent: from due rows to calls that may be made."""

    database: Database
    composer: Composer
    shelf: Shelf
    replanner: Replanner
    gate: Gate
    worker: str
    provider: str
    clock: Callable[[], datetime]
    stopwatch: Callable[[], float]
    stopping: Callable[[], bool]
    token: Callable[[], str]
    _due: deque[Due] = field(default_factory=deque)
    _owed: list[tuple[str, list[int]]] = field(default_factory=list)
    """Claimed, perhaps, and an error kept us from going on: given back as soon as the database lets us."""
    _to_plan: set[int] = field(default_factory=set)
    _kept: set[str] = field(default_factory=set)
    _full: set[int] = field(default_factory=set)
    """Issues that have reached a limit of their own, until the next look."""

    def calls(self, most: int) -> list[Call]:
        """At most `most` calls whose intent is durable; empty when nothing is due."""
        while not self.stopping() and (ids := self._claim(most, token := self.token())):
            self._owed.append((token, ids))
            calls = self._prepare(ids, token=token)
            self._owed.pop()
            if calls:
                return calls
        return []

    def plan_again(self) -> int:
        """Those whose sends failed their last checks: the facts had changed. Returns how many that were."""
        concerned, self._to_plan = sorted(self._to_plan), set()
        return self.replanner.people(concerned)

    def pay_back(self) -> None:
        """Give back what an earlier error left with us. We know that none of it was called."""
        while self._owed:
            token, ids = self._owed[-1]
            transact(self.database, lambda s: give_back(s, ids, token=token, now=self.clock()))  # noqa: B023
            self._owed.pop()

    def forget(self) -> None:
        """What looked due before a pause in the work is looked for anew."""
        self._due.clear()
        self._full.clear()

    def _claim(self, most: int, token: str) -> list[int]:
        self._look()
        while some := self._next(most):
            # A connection lost at the commit leaves open whether they are ours. Whoever lives gives back:
            # three that wait for their lease to end would pass for three deaths.
            self._owed.append((token, [due.send_id for due in some]))
            admission, free, taken = transact(self.database, partial(self._take, some=some, token=token))
            self._owed.pop()
            if admission is None:
                continue  # their issues have reached a limit; others may leave
            self.gate.admitted(admission)
            if admission.room < len(free):
                self._due.extendleft(reversed(free[admission.room :]))
            if taken or not admission.room:
                return taken
        return []

    def _take(
        self, session: Session, *, some: list[Due], token: str
    ) -> tuple[Admission | None, list[Due], list[int]]:
        now = self.clock()
        free, full = keep_pace(session, some, now=now)
        self._full |= full
        if not free:
            return None, [], []
        ids = [due.send_id for due in free]
        admission = self.gate.admit(session, wanted=len(ids), now=now)
        taken = claim(session, ids[: admission.room], token=token, now=now) if admission.room else []
        self.gate.bucket.spend(session, admission.level, len(taken))
        return admission, free, taken

    def _look(self) -> None:
        """What is due. A newsletter of any length waits for a person's own date, batch by batch."""
        if self._due and self._due[0].lane == PERSONAL:
            return
        lanes = (PERSONAL,) if self._due else LANES
        with self.database.read() as session:
            for lane in lanes:
                found = find_due(
                    session,
                    lane=lane,
                    most=LOOK_AHEAD,
                    now=self.clock(),
                    campaigns=self.shelf.usable,
                    but=self._full,
                )
                if found:
                    self._due.extendleft(reversed(found))
                    return

    def _next(self, most: int) -> list[Due]:
        """The first few that are due. A suspect goes alone: should it be poison, nobody dies with it."""
        some = [self._due.popleft()] if self._due else []
        while self._due and len(some) < most and not some[0].is_suspect and not self._due[0].is_suspect:
            some.append(self._due.popleft())
        return some

    def _prepare(self, ids: list[int], *, token: str) -> list[Call]:
        with self.database.read() as session:
            # Claimed before this: should another version be applied now, the last checks find the rows stale.
            shelf = applied(session, self.composer.catalog)
            drafts = read_drafts(session, ids, catalog=shelf)
        composed = {} if self.stopping() else self._compose(drafts, shelf, token=token)
        gaps = {key: shelf.sequence(key).gap for key in {draft.campaign for draft in drafts}}
        return self._intend(ids, drafts, composed, gaps=gaps, token=token)

    def _compose(self, drafts: Sequence[Draft], shelf: Applied, *, token: str) -> dict[int, Composed]:
        now, composer = self.clock(), replace(self.composer, catalog=shelf)
        composed: dict[int, Composed] = {}
        for draft in drafts:
            try:
                composed[draft.send_id] = composer.compose(draft, now=now)
            except RenderError as error:
                self._poisoned(draft, error, token=token)
            except CampaignError as error:
                # Not one email but the campaign: its sends wait until it can be read again.
                self.shelf.broke(draft.campaign, error, now=now)
                self.forget()
        self._keep_targets(composed)
        return composed

    def _keep_targets(self, composed: Mapping[int, Composed]) -> None:
        """No email leaves with a link that leads nowhere. They are few, and the same for everybody."""
        found = {digest: url for one in composed.values() for digest, url in one.targets.items()}
        new = {digest: url for digest, url in found.items() if digest not in self._kept}
        if new:
            transact(self.database, lambda s: keep_targets(s, new, now=self.clock()))
            self._kept |= new.keys()

    def _poisoned(self, draft: Draft, error: RenderError, *, token: str) -> None:
        """It would fail again for this person; nobody else is concerned."""
        log.error("render_error", send=draft.send_id, step=draft.step, error=str(error))
        said, now = str(error), self.clock()
        transact(self.database, lambda s: record_render_error(s, draft.send_id, said, token=token, now=now))

    def _intend(
        self,
        ids: list[int],
        drafts: Sequence[Draft],
        composed: dict[int, Composed],
        *,
        gaps: Mapping[str, timedelta],
        token: str,
    ) -> list[Call]:
        now = self.clock()
        ready = [d for d in drafts if d.send_id in composed and now < composed[d.send_id].true_until]

        issues = {draft.send_id for draft in ready if draft.issue}

        def act(session: Session) -> tuple[set[int], set[int]]:
            verdict = intend(session, ready, token=token, gaps=gaps, now=now)
            passed = [draft for draft in ready if draft.send_id in verdict.passed]
            write_attempts(session, passed, worker=self.worker, provider=self.provider, now=now)
            record_variants(session, passed)
            for send_id, ready_at in verdict.close.items():
                reason = Reason.DEFERRED_GAP if send_id in issues else None
                release(session, [send_id], token=token, ready_at=ready_at, reason=reason)
            failed = [i for i in ids if i not in verdict.passed and i not in verdict.close]
            self.gate.give_back(session, len(ids) - len(verdict.passed))
            return verdict.passed, self._give_up(session, failed, token=token, now=now)

        # Read before: a process that is stopped right after its COMMIT must know how old its checks are.
        intended = self.stopwatch()
        passed, concerned = transact(self.database, act)
        self._to_plan |= concerned
        return [
            Call(send_id=d.send_id, email=composed[d.send_id].email, token=token, intended=intended)
            for d in ready
            if d.send_id in passed
        ]

    def _give_up(self, session: Session, ids: list[int], *, token: str, now: datetime) -> set[int]:
        """Release what failed its last checks; returns whose plan says why."""
        if not ids:
            return set()
        release(session, ids, token=token, ready_at=now + NEXT_CHECK)
        return set(session.scalars(select(Send.subscriber_id).where(Send.id.in_(ids))))
