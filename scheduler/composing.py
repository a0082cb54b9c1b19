"""From a draft to the email that leaves: facts to context, content to email."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta

from campaigns.catalog import Catalog
from campaigns.context import Brand, Context, LinkSet
from campaigns.facts import appointment, reader
from campaigns.issue_words import issue_context, renderer_of
from campaigns.moments import LAST_BEFORE
from campaigns.rendering import Content, Renderer, RenderError
from delivery.email import Email
from scheduler.draft import Draft
from scheduler.marking import OFF, Marks
from scheduler.newsletter_links import newsletter_links
from subscribers.links import Links, Purpose
from subscribers.wall_time import local, resolve


@dataclass(frozen=True, kw_only=True)
class Sender:
    """Who our emails come from."""

    address: str
    name: str
    reply_to: str = ""


@dataclass(frozen=True, kw_only=True)
class Composed:
    """A finished email, and until when its wording is true."""

    send_id: int
    email: Email
    true_until: datetime
    targets: Mapping[str, str] = field(default_factory=dict)
    """Where its counted links lead, by digest: kept before it leaves."""


@dataclass(frozen=True, kw_only=True)
class Composer:
    """Writes the emails of all campaigns. Pure but for the words on the shelf."""

    catalog: Catalog
    links: Links
    brand: Brand
    sender: Sender
    marks: Marks = OFF

    def compose(self, draft: Draft, *, now: datetime) -> Composed:
        """The email of `draft` as it reads at `now`. Raises RenderError; nobody else's email is concerned."""
        context = self.context(draft, now=now)
        content, targets = self._marked(draft, self._words(draft, context))
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
                unsubscribe_url=context.links.unsubscribe,
                list_id=self._list_id(draft) if draft.needs_consent else "",
                categories=_categories(draft),
            )
        except ValueError as error:
            file = f"{draft.campaign}/{draft.step}"
            raise RenderError(draft.campaign, draft.step, file, 0, str(error)) from None
        return Composed(
            send_id=draft.send_id, email=email, true_until=_true_until(draft, now=now), targets=targets
        )

    def _words(self, draft: Draft, context: Context) -> Content:
        return self._renderer(draft).render(draft.wording or draft.step, context)

    def _marked(self, draft: Draft, content: Content) -> tuple[Content, Mapping[str, str]]:
        """As the operator wants links to be; never for somebody who has not agreed yet, or no more."""
        if self.marks.is_off or not draft.needs_consent:
            return content, {}
        return self.marks.mark(
            content, links=self.links, send_id=draft.send_id, campaign=draft.campaign, step=draft.step
        )

    def context(self, draft: Draft, *, now: datetime) -> Context:
        if draft.passage is None:
            return issue_context(
                subscriber=reader(draft.person),
                links=newsletter_links(self.links, draft),
                brand=self.brand,
                locale=draft.person.locale,
            )
        return Context(
            subscriber=reader(draft.person),
            interview=appointment(draft.passage, draft.person, now=now),
            links=self._links(draft, draft.interview_id or 0),
            brand=self.brand,
            plan=draft.plan,
            merged=draft.merged,
            is_rush=now > draft.passage.starts_at - LAST_BEFORE,
            locale=draft.person.locale,
        )

    def _renderer(self, draft: Draft) -> Renderer:
        if draft.issue is None:
            return self.catalog.renderer(draft.campaign)
        try:
            return renderer_of(draft.issue)
        except ValueError as error:
            file = f"{draft.issue.list_key}/{draft.issue.slug}"
            raise RenderError(
                draft.campaign, draft.step, file, 0, f"its words cannot be read: {error}"
            ) from None

    def _links(self, draft: Draft, interview_id: int) -> LinkSet:
        if not draft.needs_consent:
            # A confirmation and a goodbye go to somebody who is not with us: no door into their data.
            return LinkSet(confirm=self.links.url(Purpose.CONFIRM, interview_id))
        plan = self.links.url(Purpose.PLAN, interview_id)
        site = self.links.base_url.rstrip("/")
        return LinkSet(
            plan=plan,
            move=f"{plan}/move",
            cancel=f"{plan}/cancel",
            outcome=f"{plan}/outcome",
            decision=f"{plan}/decision",
            calendar=self.links.url(Purpose.CALENDAR, interview_id) + ".ics",
            next_round=f"{site}/",
            newsletter=f"{plan}/newsletter",
            unsubscribe=self.links.url(Purpose.UNSUBSCRIBE, draft.subscriber_id),
        )

    def _list_id(self, draft: Draft) -> str:
        name = draft.issue.list_key if draft.issue else draft.campaign
        return f"{name.replace('_', '-')}.{self.sender.address.rpartition('@')[2]}"


def _categories(draft: Draft) -> tuple[str, ...]:
    if draft.issue is None:
        return (draft.campaign, draft.step)
    return (draft.campaign, draft.issue.list_key, draft.issue.slug)


def _true_until(draft: Draft, *, now: datetime) -> datetime:
    """When "tomorrow" stops being tomorrow where the reader is, or the short version becomes the rush."""
    if draft.passage is None:
        return now + timedelta(days=1)  # speaks of no day
    day = local(now, draft.person.home_zone).date() + timedelta(days=1)
    # The next day begins at its first existing minute: in some zones midnight is skipped.
    midnight = resolve(day, time(0), draft.person.home_zone)
    rush = draft.passage.starts_at - LAST_BEFORE
    return min(midnight, rush) if now <= rush else midnight
