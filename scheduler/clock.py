"""The only file that imports APScheduler: what runs how often. It only wakes us; the rows are the truth."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

import structlog
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger

from delivery.mailboxes import MailboxError
from delivery.records import forget_old_records
from scheduler.braking import active_hold
from scheduler.heartbeat import sign_off
from scheduler.issue_trials import judge_issues
from scheduler.outbox import forget_old_posts
from scheduler.posting import Poster
from scheduler.retention import forget_overdue
from scheduler.returned import Collector
from scheduler.transaction import transact
from scheduler.trials import judge_all
from scheduler.worker import Worker

log = structlog.get_logger(__name__)
# A tick that takes longer than the time between two is no news: the next wake-up is one of them.
logging.getLogger("apscheduler").setLevel(logging.ERROR)

EVERY = 2.0
"""Seconds between two ticks."""
SILENT_AFTER = 60.0
"""Seconds without a finished tick after which the watchdog calls for help."""


class Clock:
    """Ticks a worker until stopped. No email is a job here: a lost or doubled wake-up does no harm.

    `on_silence` is called once when the worker has finished nothing for `silent_after` seconds; a scheduler
    thread can die without a word, and a worker that does nothing looks like a worker with nothing to do.
    `collector` reads what comes back by email, every minute; `poster` tells the receivers of webhooks.
    """

    def __init__(
        self,
        worker: Worker,
        *,
        collector: Collector | None = None,
        poster: Poster | None = None,
        every: float = EVERY,
        silent_after: float = SILENT_AFTER,
        on_silence: Callable[[float], None] | None = None,
    ) -> None:
        self._worker = worker
        self._collector = collector
        self._poster = poster
        self._every = every
        self._silent_after = silent_after
        self._on_silence = on_silence or _cry
        self._stopwatch = worker.stopwatch
        self._cried = False
        self._done = threading.Event()
        self._watchdog = threading.Thread(target=self._watch, name="watchdog", daemon=True)
        # A late or doubled wake-up is one wake-up; the default drops what is a second late.
        self._scheduler = BackgroundScheduler(
            timezone="UTC",
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
        )
        self._scheduler.add_job(
            self._tick, IntervalTrigger(seconds=every, timezone="UTC"), next_run_time=None, id="tick"
        )
        self._scheduler.add_job(self.forget, IntervalTrigger(hours=1, timezone="UTC"), id="forget")
        self._scheduler.add_job(self.post, IntervalTrigger(seconds=every, timezone="UTC"), id="post")
        self._scheduler.add_job(self.judge, IntervalTrigger(minutes=5, timezone="UTC"), id="judge")
        self._scheduler.add_job(self.collect, IntervalTrigger(minutes=1, timezone="UTC"), id="collect")

    @property
    def silence(self) -> float:
        """Seconds since the worker last finished anything."""
        return self._stopwatch() - self._worker.alive_at

    def start(self) -> None:
        self._scheduler.start()
        self._scheduler.resume_job("tick")
        self._watchdog.start()

    def stop(self) -> None:
        """Claim nothing more, let the calls under way answer, give everything back."""
        self._worker.stop()
        self._done.set()
        for duty in (self._collector, self._poster):
            if duty is not None:
                duty.stopped.set()
        if self._scheduler.running:
            self._scheduler.shutdown(wait=True)
        self._worker.close()
        self._sign_off()

    def _sign_off(self) -> None:
        worker = self._worker
        try:
            transact(worker.database, lambda session: sign_off(session, worker.boot))
        except Exception:
            # Then it looks as if it had died, for as long as a sign of life is believed.
            log.exception("not_signed_off")

    def _tick(self) -> None:
        # A rate lets some leave every moment: waiting for the next wake-up would waste the tokens of one.
        while 0 < (rest := self._tick_once()) < self._every and not self._done.wait(rest):
            pass

    def _tick_once(self) -> float:
        """Returns the seconds after which the rate lets more leave; 0 for as always."""
        try:
            tally = self._worker.tick()
        except Exception:
            # The next tick finds the rows as they are; dying here would silence every tick after.
            log.exception("tick_failed")
            return 0.0
        if tally.accepted or tally.failed or tally.held:
            log.info("tick", accepted=tally.accepted, failed=tally.failed, held=tally.held)
        return tally.rest

    def forget(self) -> None:
        """Delete what we said we would; nothing while a brake is on or the clock is in doubt."""
        worker, now = self._worker, self._worker.clock()
        try:
            if self._is_stopped(worker):
                return
            forgotten = transact(
                worker.database,
                lambda session: forget_overdue(session, catalog=worker.composer.catalog, now=now),
            )
            transact(worker.database, lambda session: forget_old_records(session, now=now))
            transact(worker.database, lambda session: forget_old_posts(session, now=now))
            if worker.journal is not None:
                worker.journal.forget(now=now)
        except Exception:
            log.exception("forgetting_failed")
            return
        if forgotten:
            log.info("forgotten", people_and_interviews=forgotten)

    def post(self) -> None:
        """Tell the receivers of webhooks what is new. What cannot be told now is told later."""
        if self._poster is None:
            return
        try:
            posted = self._poster.post()
        except Exception:
            log.exception("posting_failed")
        else:
            if posted:
                log.info("posted", messages=posted)

    def judge(self) -> None:
        """Trials of variants: who has answered, and what is decided by now; not by a clock in doubt."""
        worker = self._worker
        try:
            if not self._is_stopped(worker):
                judge_all(worker.database, worker.composer.catalog, now=worker.clock())
                judge_issues(worker.database, now=worker.clock())
        except Exception:
            log.exception("judging_failed")

    def collect(self) -> None:
        """Read the bounce mailbox, if there is one. What cannot be read today is read tomorrow."""
        if self._collector is None:
            return
        try:
            returned = self._collector.collect()
        except MailboxError as error:
            log.warning("bounce_mailbox_unreadable", why=str(error))
        except Exception:
            log.exception("collecting_failed")
        else:
            if returned.messages:
                log.info("returned", messages=returned.messages, new=returned.new, **returned.none)

    @staticmethod
    def _is_stopped(worker: Worker) -> bool:
        if worker.guard is not None and worker.guard.look(worker.database):
            return True
        with worker.database.read() as session:
            return active_hold(session) is not None

    def look(self) -> None:
        """Cry once when the silence has become too long, and again only after it was broken."""
        silence = self.silence
        if silence > self._silent_after and not self._cried:
            self._on_silence(silence)
        self._cried = silence > self._silent_after

    def _watch(self) -> None:
        while not self._done.wait(min(1.0, self._silent_after / 4)):
            self.look()


def _cry(seconds: float) -> None:
    log.critical("worker_silent", seconds=round(seconds))
