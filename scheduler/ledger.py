"""From a plan to the rows that keep it: what is inserted, moved, withdrawn."""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from campaigns.list_confirmations import NEWSLETTER
from campaigns.planning import PlannedSend, Situation
from campaigns.reasons import Reason
from campaigns.sequence import Anchor, Step
from scheduler.send import UNSENT, Send, State, final_state
from subscribers.wall_time import local, tzdata_version

Owner = tuple[int, int]
"""An enrollment, or a place on a newsletter list: the other is 0."""
Key = tuple[Owner, str, str]
"""What a row is for: its owner, step and occasion."""


class Ledger:
    """The rows of one person, while they are brought in line with a plan. Knows no database.

    The sends of issues are not its own: no plan speaks of them (issue_rows.py).

    Withdraw first, and make that durable: a row taken up for another occasion must not meet the old one.
    """

    def __init__(self, situation: Situation, rows: Iterable[Send], *, epoch: int, now: datetime) -> None:
        rows = [row for row in rows if row.issue_id is None]
        self.situation = situation
        self.passages = {passage.id: passage for passage in situation.passages}
        self.epoch = epoch
        self.now = now
        self.unsent = {_key(row): row for row in rows if row.state in UNSENT}
        self.known = {_key(row) for row in rows}
        self.occurrences: dict[tuple[Owner, str], int] = defaultdict(int)
        for row in rows:
            key = (_owner(row), row.step)
            self.occurrences[key] = max(self.occurrences[key], row.occurrence + 1)

    def withdraw(self, planned: Iterable[PlannedSend]) -> None:
        """Close the unsent rows that the plan leaves out or no longer speaks of."""
        wanted = _by_key(planned)
        for key, row in self.unsent.items():
            send = wanted.get(key)
            if send is None:
                _close(row, self._reason_gone(row), now=self.now)
            elif send.settled:
                # Planned while nobody knew that it had left, or may have: in a catch-up that was in doubt.
                is_merged = send.reason is Reason.MERGED_INTO_CATCHUP
                reason = Reason.MERGED_INTO_CATCHUP if is_merged else Reason.CONDITION_FALSE
                _close(row, reason, "" if is_merged else "it has left, or may have", now=self.now)
            elif send.due_at is None:
                assert send.reason
                _close(row, send.reason, send.detail, now=self.now)

    def schedule(self, planned: Iterable[PlannedSend]) -> list[Send]:
        """Give every send that is to leave its row and moment; returns the rows that are new."""
        new: list[Send] = []
        for key, send in _by_key(planned).items():
            if send.settled:
                continue
            row = self.unsent.get(key) if send.due_at else None
            if row is not None:
                self._schedule(row, send)
            elif send.due_at or key not in self.known:
                new.append(self._made(send))
        return new

    def _schedule(self, row: Send, send: PlannedSend) -> None:
        assert send.due_at
        if row.state == State.CLAIMED:
            # Its worker finds the lease gone at the last check and makes no call. It did not die over it.
            row.state, row.lease_token, row.lease_until = State.PLANNED, None, None
            row.claims = max(row.claims - 1, 0)
        if row.ready_at is None or row.due_at != send.due_at:
            not_before = row.ready_at if row.state == State.RETRY_WAIT else None
            row.ready_at = max(send.due_at, not_before) if not_before else send.due_at
        for name, value in self._told(send, row.campaign).items():
            if (
                getattr(row, name) != value
            ):  # most of a row stays; what is set is looked at once more on the way
                setattr(row, name, value)

    def _told(self, send: PlannedSend, campaign: str) -> dict[str, Any]:
        """What a row that is to leave has of its plan."""
        assert send.due_at
        zone = self.situation.person.home_zone
        return {
            "due_at": send.due_at,
            "expires_at": send.expires_at,
            "reason": send.reason,
            "detail": send.detail,
            "merged": " ".join(send.merged),
            "zone": zone,
            "tzdata_version": tzdata_version(),
            "local_at": local(send.due_at, zone).replace(tzinfo=None).isoformat(timespec="seconds"),
            "epoch": self.epoch,
            "planned_at": self.now,
            **_manners(self._step_of(campaign, send.step)),
        }

    def _made(self, send: PlannedSend) -> Send:
        owner = (send.enrollment, send.place)
        campaign = NEWSLETTER if send.place else self.passages[send.enrollment].campaign
        known = {
            "enrollment_id": send.enrollment or None,
            "subscription_id": send.place or None,
            "subscriber_id": self.situation.person.id,
            "campaign": campaign,
            "step": send.step,
            "occasion": send.occasion,
            "occurrence": self.occurrences[owner, send.step],
            "state": State.PLANNED,
            "reference": secrets.token_hex(16),
            "resends": 0,
        }
        self.occurrences[owner, send.step] += 1
        if send.due_at:
            return Send(**known, ready_at=send.due_at, **self._told(send, campaign))
        return self._left_out(known, send, campaign)

    def _left_out(self, known: dict[str, Any], send: PlannedSend, campaign: str) -> Send:
        """A row that tells why nothing comes."""
        assert send.reason
        row = Send(
            **known,
            expires_at=send.expires_at,
            planned_at=self.now,
            epoch=self.epoch,
            merged=" ".join(send.merged),
            **_manners(self._step_of(campaign, send.step)),
        )
        _close(row, send.reason, send.detail, now=self.now)
        return row

    def _step_of(self, campaign: str, key: str) -> Step:
        return self.situation.sequences[campaign].step(key)

    def _reason_gone(self, row: Send) -> Reason:
        """Why the plan no longer speaks of an unsent row."""
        if row.step not in self.situation.sequences[row.campaign]:
            return Reason.STEP_REMOVED
        if row.enrollment_id is None:
            return Reason.CONDITION_FALSE  # asked for anew meanwhile
        passage = self.passages[row.enrollment_id]
        has_moved = row.occasion != f"r{passage.revision}" and passage.moved_at is not None
        return Reason.MOVED if has_moved and row.needs_consent else Reason.CONDITION_FALSE


def _by_key(planned: Iterable[PlannedSend]) -> dict[Key, PlannedSend]:
    return {((send.enrollment, send.place), send.step, send.occasion): send for send in planned}


def _key(row: Send) -> Key:
    return (_owner(row), row.step, row.occasion)


def _owner(row: Send) -> Owner:
    return (row.enrollment_id or 0, row.subscription_id or 0)


def _manners(step: Step) -> dict[str, Any]:
    """What a row keeps of its step's rules, for those who read rows and not timetables."""
    return {
        "waits_for_gap": step.waits_for_gap,
        "counts_for_gap": not step.is_notice,
        "needs_consent": not step.despite_unsubscribe,
        "asks_consent": step.answers is Anchor.SIGNED_UP,
        "on_unknown": step.on_unknown,
    }


def _close(row: Send, reason: Reason, detail: str = "", *, now: datetime) -> None:
    if row.resends:
        # Its first attempt may have left; only the second certainly did not.
        detail, reason = f"not sent once more: {reason}", Reason.UNKNOWN
    row.state, row.reason, row.detail, row.finished_at = final_state(reason), reason, detail, now
    row.lease_token = row.lease_until = row.ready_at = None
