"""From a claimed send to the email that leaves: facts to context, content to email."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from campaigns.catalog import Catalog
from campaigns.context import Brand, Context, LinkSet, PlanEntry
from campaigns.enrollment import Enrollment
from campaigns.facts import Passage, Person, appointment, reader
from campaigns.moments import LAST_BEFORE, is_at_once
from campaigns.rendering import RenderError
from delivery.email import Email
from scheduler.send import UNSENT, Send
from scheduler.situation import passage, person
from subscribers.links import Links, Purpose
from subscribers.wall_time import local, resolve


@dataclass(frozen=True, kw_only=True)
class Sender:
    """Who our emails come from."""

    address: str
    name: str
    reply_to: str = ""


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A claimed send with all its words need, read in one go so that rendering needs no database."""

    send_id: int
    campaign: str
    step: str
    reference: str
    attempt: int
    subscriber_id: int
    interview_id: int
    address: str = field(repr=False)
    person: Person = field(repr=False)
    passage: Passage = field(repr=False)
    merged: tuple[str, ...]
    plan: tuple[PlanEntry, ...]
    needs_consent: bool


@dataclass(frozen=True, kw_only=True)
class Composed:
    """A finished email, and until when its wording is true."""

    send_id: int
    email: Email
    true_until: datetime


def read_drafts(session: Session, ids: Collection[int], *, catalog: Catalog) -> list[Draft]:
    """What is needed to write these emails. A person who has been erased has none: their send is left out."""
    sends = session.scalars(
        select(Send)
        .where(Send.id.in_(ids))
        .options(joinedload(Send.subscriber), joinedload(Send.enrollment).joinedload(Enrollment.interview))
        .order_by(Send.expires_at, Send.id)
    ).all()
    plans = _plans(session, sends, catalog=catalog)
    return [
        Draft(
            send_id=send.id,
            campaign=send.campaign,
            step=send.step,
            reference=send.reference,
            attempt=send.attempts + 1,
            subscriber_id=send.subscriber_id,
            interview_id=send.enrollment.interview_id,
            address=send.subscriber.address,
            person=person(session, send.subscriber),
            passage=passage(send.enrollment),
            merged=tuple(send.merged.split()),
            plan=plans[send.enrollment_id],
            needs_consent=send.needs_consent,
        )
        for send in sends
        if send.subscriber.address
    ]


def _plans(
    session: Session, sends: Collection[Send], *, catalog: Catalog
) -> dict[int, tuple[PlanEntry, ...]]:
    """What is to come, per enrollment; only emails that answer an act show it, so only they pay for it."""
    showing = {
        send.enrollment_id for send in sends if is_at_once(catalog.sequence(send.campaign).step(send.step))
    }
    entries: dict[int, list[PlanEntry]] = defaultdict(list)
    if not showing:
        return defaultdict(tuple)
    claimed = {send.id for send in sends}
    for row in session.scalars(
        select(Send).where(Send.enrollment_id.in_(showing), Send.state.in_(UNSENT)).order_by(Send.due_at)
    ):
        if row.id not in claimed and row.due_at and row.step in catalog.sequence(row.campaign):
            title = catalog.sequence(row.campaign).step(row.step).title
            entries[row.enrollment_id].append(
                PlanEntry(key=row.step, title=title, at=local(row.due_at, row.zone))
            )
    return defaultdict(tuple, {key: tuple(value) for key, value in entries.items()})


@dataclass(frozen=True, kw_only=True)
class Composer:
    """Writes the emails of all campaigns. Pure but for the words on the shelf."""

    catalog: Catalog
    links: Links
    brand: Brand
    sender: Sender

    def compose(self, draft: Draft, *, now: datetime) -> Composed:
        """The email of `draft` as it reads at `now`. Raises RenderError; nobody else's email is concerned."""
        content = self.catalog.renderer(draft.campaign).render(draft.step, self.context(draft, now=now))
        one_click = self.links.url(Purpose.UNSUBSCRIBE, draft.subscriber_id) if draft.needs_consent else ""
        try:
            email = Email(
                reference=draft.reference,
                attempt=draft.attempt,
                sender=self.sender.address,
                sender_name=self.sender.name,
                reply_to=self.sender.reply_to,
                recipient=draft.address,
                recipient_name=draft.person.first_name if draft.needs_consent else "",
                subject=content.subject,
                html=content.html,
                text=content.text,
                date=now,
                unsubscribe_url=one_click,
                list_id=self._list_id(draft.campaign) if draft.needs_consent else "",
                categories=(draft.campaign, draft.step),
            )
        except ValueError as error:
            file = f"{draft.campaign}/{draft.step}"
            raise RenderError(draft.campaign, draft.step, file, 0, str(error)) from None
        return Composed(send_id=draft.send_id, email=email, true_until=_true_until(draft, now=now))

    def context(self, draft: Draft, *, now: datetime) -> Context:
        return Context(
            subscriber=reader(draft.person),
            interview=appointment(draft.passage, draft.person, now=now),
            links=self._links(draft),
            brand=self.brand,
            plan=draft.plan,
            merged=draft.merged,
            is_rush=now > draft.passage.starts_at - LAST_BEFORE,
            locale=draft.person.locale,
        )

    def _links(self, draft: Draft) -> LinkSet:
        if not draft.needs_consent:
            # A confirmation and a goodbye go to somebody who is not with us: no door into their data.
            return LinkSet(confirm=self.links.url(Purpose.CONFIRM, draft.interview_id))
        plan = self.links.url(Purpose.PLAN, draft.interview_id)
        site = self.links.base_url.rstrip("/")
        return LinkSet(
            plan=plan,
            move=f"{plan}/move",
            cancel=f"{plan}/cancel",
            outcome=f"{plan}/outcome",
            decision=f"{plan}/decision",
            calendar=self.links.url(Purpose.CALENDAR, draft.interview_id) + ".ics",
            next_round=f"{site}/",
            newsletter=f"{plan}/newsletter",
            unsubscribe=self.links.url(Purpose.UNSUBSCRIBE, draft.subscriber_id),
        )

    def _list_id(self, campaign: str) -> str:
        return f"{campaign.replace('_', '-')}.{self.sender.address.rpartition('@')[2]}"


def _true_until(draft: Draft, *, now: datetime) -> datetime:
    """When "tomorrow" stops being tomorrow where the reader is, or the short version becomes the rush."""
    day = local(now, draft.person.home_zone).date() + timedelta(days=1)
    # The next day begins at its first existing minute: in some zones midnight is skipped.
    midnight = resolve(day, time(0), draft.person.home_zone)
    rush = draft.passage.starts_at - LAST_BEFORE
    return min(midnight, rush) if now <= rush else midnight
