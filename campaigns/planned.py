"""What goes into a plan and what comes out of it: frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence as Many
from dataclasses import dataclass, field, replace
from datetime import datetime

from campaigns.facts import Passage, Past, Person, Place
from campaigns.reasons import Reason
from campaigns.sequence import Sequence


@dataclass(frozen=True, kw_only=True)
class PlannedSend:
    """One step of one enrollment: when it will leave, or why it will not.

    `due_at` None means it is left out, for `reason`. With a `due_at` the reason is None or a deferral. A
    settled step (it has left, or was tried for good) carries its reason and `settled=True`.
    """

    enrollment: int
    step: str
    title: str
    occasion: str
    due_at: datetime | None
    expires_at: datetime | None
    reason: Reason | None = None
    detail: str = ""
    merged: tuple[str, ...] = ()
    settled: bool = False
    left_at: datetime | None = None
    place: int = 0
    """The place on a newsletter list whose confirmation it is; then `enrollment` is 0."""

    @property
    def is_open(self) -> bool:
        """It is still to leave."""
        return not self.settled and self.due_at is not None

    def left_out(self, reason: Reason, detail: str = "") -> PlannedSend:
        return replace(self, due_at=None, reason=reason, detail=detail or self.detail, merged=())

    def deferred(self, due: datetime, reason: Reason | None) -> PlannedSend:
        """At `due` instead; left out, for the deferral's reason, when its end comes first."""
        if due == self.due_at and reason is None:
            return self
        if self.expires_at and due >= self.expires_at:
            late = reason or Reason.EXPIRED_LATE_JOIN
            return self.left_out(late, "waiting would have gone past its end")
        return replace(self, due_at=due, reason=reason or self.reason)


@dataclass(frozen=True, kw_only=True)
class Pause:
    """A time in which a campaign was not allowed to send; `ended_at` None while it lasts."""

    campaign: str
    began_at: datetime
    ended_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Situation:
    """Everything a plan follows from. The same situation gives the same plan."""

    sequences: Mapping[str, Sequence]
    person: Person
    passages: Many[Passage]
    history: Many[Past] = ()
    perhaps_left: Many[Past] = ()
    """What is still to leave, once more: its first attempt may have."""
    pauses: Many[Pause] = ()
    added: Mapping[tuple[str, str], datetime] = field(default_factory=dict)
    """When a step (campaign, key) became part of its campaign: what was due before is not sent."""
    asked_elsewhere: Many[datetime] = ()
    """When other spellings of the person's mailbox were asked to confirm."""
    places: Many[Place] = ()
    """On newsletter lists: those that wait for their yes, and those that were once asked for it."""
