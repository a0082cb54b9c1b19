"""From an issue to its sends: page by page, each in a transaction that remembers how far it came."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from sqlalchemy import (
    Insert,
    Row,
    Select,
    bindparam,
    false,
    func,
    insert,
    literal_column,
    or_,
    select,
    true,
)
from sqlalchemy.orm import Session

from campaigns.audience import Audience
from campaigns.audience_facts import read_facts
from campaigns.list_confirmations import NEWSLETTER
from campaigns.newsletter import IssueState, NewsletterIssue
from campaigns.reasons import Reason
from campaigns.sequence import OnUnknown
from campaigns.trial_table import IssueTrial, trial_of
from runup.database import Instant
from scheduler.claiming import NEWSLETTER as LANE
from scheduler.issue_readers import never_got, place_of_reader
from scheduler.issue_trials import name_of, rest_waits_until
from scheduler.send import Send, State, final_state
from scheduler.situation import SUPPRESSED
from subscribers.lists import Subscription, is_theirs
from subscribers.pausing import EmailPause
from subscribers.subscriber import Subscriber
from subscribers.suppression import EVERYTHING, Suppression
from subscribers.wall_time import UnknownZone, local, resolve, tzdata_version

STEP = "issue"
PAGE = 2_000
"""Places one transaction looks at: few enough that the site's writes hardly wait."""


def expand(session: Session, issue_id: int, *, now: datetime, most: int = PAGE) -> int:
    """Make the sends of the next `most` readers; returns how many were looked at, fewer when that was all.

    Everybody on the list whom the audience admits gets a row: to leave at their moment, or ended at once with
    the reason why it will not. A process that dies begins at the page it was at, and nobody gets two.
    """
    issue = session.scalar(
        select(NewsletterIssue)
        .where(NewsletterIssue.id == issue_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if issue is None or issue.state != IssueState.SENDING or issue.paused_at or issue.expanded_at:
        return 0
    rows = session.execute(_page(issue).limit(most)).all()
    wanted, unanswered = _admitted(session, issue, rows, now=now)
    maker = _Maker(issue=issue, pauses=_pauses(session, wanted), now=now, unanswered=unanswered)
    if made := [maker.make(row) for row in wanted]:
        session.execute(_insert(issue, now=now), made)
    issue.expanded_to = rows[-1].position if rows else issue.expanded_to
    if len(rows) < most:
        issue.expanded_at = now
    return len(rows)


def _page(issue: NewsletterIssue) -> Select[Any]:
    """The next readers: of the list, or in a later round of those whose send never left."""
    suppressed = (
        select(func.min(Suppression.reason))
        .where(Suppression.address_hmac == Subscriber.address_hmac)
        .where(or_(Suppression.scope == EVERYTHING, Suppression.scope == issue.list_key))
        .correlate(Subscriber)
        .scalar_subquery()
        .label("suppressed")
    )
    reader = (Subscriber.id, Subscriber.home_zone, suppressed)
    if issue.round == 0:
        return (
            select(Subscription.id.label("position"), *reader)
            .join(Subscriber, Subscriber.id == Subscription.subscriber_id)
            .where(Subscription.list_key == issue.list_key, is_theirs())
            .where(Subscription.id > issue.expanded_to)
            .order_by(Subscription.id)
        )
    return (
        select(Send.id.label("position"), *reader)
        .join(Subscriber, Subscriber.id == Send.subscriber_id)
        .join(Subscription, place_of_reader(issue))
        .where(Send.issue_id == issue.id, Send.occurrence < issue.round)
        .where(never_got(also_unknown=issue.also_unknown), Send.id > issue.expanded_to)
        .order_by(Send.id)
    )


def _insert(issue: NewsletterIssue, *, now: datetime) -> Insert:
    """What all rows of a page share is written out: what the driver is not handed for each costs nothing."""
    looked_at = now.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")
    shared: dict[str, Any] = {
        "issue_id": literal_column(str(issue.id)),
        "occurrence": literal_column(str(issue.round)),
        "campaign": literal_column(f"'{NEWSLETTER}'"),
        "step": literal_column(f"'{STEP}'"),
        "tzdata_version": literal_column(f"'{tzdata_version()}'"),
        # Rather no issue than two.
        "on_unknown": literal_column(f"'{OnUnknown.DROP}'"),
        "lane": literal_column(str(LANE)),
        "planned_at": literal_column(f"'{looked_at}'"),
        # It waits for a person's other emails, and none of them waits for it.
        "waits_for_gap": true(),
        "counts_for_gap": false(),
        "needs_consent": true(),
        "asks_consent": false(),
    }
    shared |= {name: literal_column("''") for name in ("occasion", "detail", "merged")}
    shared |= {name: literal_column("0") for name in ("epoch", "resends", "claims", "attempts")}
    moment = Instant()
    own = {
        "subscriber_id": bindparam("of"),
        "state": bindparam("in_state"),
        "reason": bindparam("because"),
        "reference": bindparam("known_as"),
        "due_at": bindparam("at", type_=moment),
        "expires_at": bindparam("until", type_=moment),
        "local_at": bindparam("wall"),
        "zone": bindparam("there"),
        "ready_at": bindparam("ready", type_=moment),
        "finished_at": bindparam("ended", type_=moment),
    }
    return insert(Send.__table__).values(shared | own)  # type: ignore[arg-type]  # it is a Table


def _admitted(
    session: Session, issue: NewsletterIssue, rows: Sequence[Row[Any]], *, now: datetime
) -> tuple[Sequence[Row[Any]], Collection[int]]:
    """Whom the audience admits; among them those of whom it has no answer, which is never a no."""
    if not issue.audience or not rows:
        return rows, ()
    audience = Audience.parse(issue.audience)
    facts = read_facts(session, audience, issue.list_key, [row.id for row in rows], now=now)
    answers = {row.id: audience.answer(facts[row.id]) for row in rows if row.id in facts}
    unanswered = {reader for reader, answer in answers.items() if answer is None}
    return [row for row in rows if answers.get(row.id, False) is not False], unanswered


def _pauses(session: Session, rows: Collection[Row[Any]]) -> dict[int, EmailPause]:
    """The pauses of everything that these readers asked for and have not ended."""
    lasting = select(EmailPause).where(EmailPause.interview_id.is_(None), EmailPause.ended_at.is_(None))
    of_rows = lasting.where(EmailPause.subscriber_id.in_([row.id for row in rows]))
    return {pause.subscriber_id: pause for pause in session.scalars(of_rows)}


@dataclass(kw_only=True)
class _Maker:
    issue: NewsletterIssue
    pauses: dict[int, EmailPause]
    now: datetime
    unanswered: Collection[int] = ()
    """Readers who get a row that says so."""
    _moments: dict[tuple[str, bool], tuple[datetime, str, str]] = field(default_factory=dict)
    """By zone, and whether nobody has to be waited for: when it is due there, and the wall time and the zone
    that was computed from."""

    def make(self, row: Row[Any]) -> dict[str, Any]:
        due, local_at, zone = self._moment(row.home_zone, is_first=self._is_first(row.id))
        expires = due + timedelta(seconds=self.issue.expires_after)
        ready, reason = why_not(
            suppressed=row.suppressed or "",
            pause=self.pauses.get(row.id),
            zone=zone,
            due=due,
            expires=expires,
            now=self.now,
        )
        if row.id in self.unanswered:
            reason = reason or Reason.RENDER_ERROR
        return {
            "of": row.id,
            "in_state": final_state(reason) if reason else State.PLANNED,
            "because": reason,
            "known_as": secrets.token_hex(16),
            "at": due,
            "until": expires,
            "wall": local_at,
            "there": zone,
            "ready": None if reason else ready,
            "ended": self.now if reason else None,
        }

    def _is_first(self, reader: int) -> bool:
        """Everybody is, but for those who wait until a first part of the readers has decided."""
        return not (self._rest and self._trial) or self._trial.is_first(name_of(self.issue), reader)

    @cached_property
    def _trial(self) -> IssueTrial | None:
        return trial_of(self.issue.words)

    @cached_property
    def _rest(self) -> datetime | None:
        return rest_waits_until(self.issue)

    def _moment(self, zone: str, *, is_first: bool) -> tuple[datetime, str, str]:
        if (zone, is_first) not in self._moments:
            self._moments[zone, is_first] = self._computed(zone, is_first=is_first)
        return self._moments[zone, is_first]

    def _computed(self, zone: str, *, is_first: bool) -> tuple[datetime, str, str]:
        try:
            due = self.issue.scheduled_at
            if due is None:
                assert self.issue.local_on
                assert self.issue.local_time
                due = resolve(self.issue.local_on, self.issue.local_time, zone)
            due = max(due, self._rest) if self._rest and not is_first else due
            wall = local(due, zone).replace(tzinfo=None)
        except UnknownZone:
            return self._moment("UTC", is_first=is_first)  # a zone that the data knows no more
        return due, wall.isoformat(timespec="seconds"), zone


def why_not(
    *,
    suppressed: str,
    pause: EmailPause | None,
    zone: str,
    due: datetime,
    expires: datetime,
    now: datetime,
) -> tuple[datetime, Reason | None]:
    """When an issue may leave to a reader; or why it will not. `suppressed`: the suppression's reason."""
    if suppressed:
        return due, SUPPRESSED[suppressed]
    if expires <= now:
        return due, Reason.EXPIRED_OUTAGE
    ends_at = pause.ends_at(zone) if pause else due
    if ends_at is None or ends_at >= expires:
        return due, Reason.PAUSED_BY_SUBSCRIBER
    return max(due, ends_at), None
