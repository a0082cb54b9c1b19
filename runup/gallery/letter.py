"""A rendered email as it would leave, and the sample readers it is rendered for."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from campaigns import Catalog, Sequence, Step
from campaigns.compiling import CompiledCampaign
from campaigns.context import Context, PlanEntry
from campaigns.expressions import ConditionError
from campaigns.names import names_of
from campaigns.preview import Branch, sample_contexts
from campaigns.rendering import Content
from campaigns.sequence import CalendarRule, Day, Late
from delivery.email import Email
from scheduler.composing import Sender


def sample_branches(
    catalog: Catalog, campaign: str, step: Step, *, language: str = ""
) -> list[tuple[int, Branch]]:
    """The sample readers who are sent this step at all, with their numbers, which stay what they are; of
    `language`, or of the campaign's own."""
    compiled, sequence = catalog.compiled(campaign), catalog.sequence(campaign)
    mergeable = [one.key for one in sequence.steps if one.late is Late.MERGE] if step.is_catchup else []
    branches = sample_contexts(
        facts=compiled.facts,
        brand=catalog.brand,
        mergeable=mergeable,
        locale=language or compiled.language.code,
    )
    return [
        (number, _with_own_plan(branch, sequence))
        for number, branch in enumerate(branches, start=1)
        if _is_sent(step, branch, compiled)
    ]


def _is_sent(step: Step, branch: Branch, compiled: CompiledCampaign) -> bool:
    try:
        return step.when is None or step.when.holds(names_of(branch.context, compiled.facts, step.key))
    except ConditionError:
        return True


def _with_own_plan(branch: Branch, sequence: Sequence) -> Branch:
    """The emails to come are the next ones of this campaign, as far as the calendar alone tells them."""
    context = branch.context
    coming = sorted(
        (
            PlanEntry(key=step.key, title=step.title, titles=step.titles, at=at)
            for step in sequence.steps
            if (at := _on_the_calendar(step, context))
        ),
        key=lambda entry: entry.at,
    )
    return replace(branch, context=replace(context, plan=tuple(coming[: len(context.plan)])))


def _on_the_calendar(step: Step, context: Context) -> datetime | None:
    """When this reader would get it, if that is counted from the interview's day and still to come."""
    rule, interview = step.otherwise or step.rule, context.interview
    if not isinstance(rule, CalendarRule) or rule.counted_from is not Day.INTERVIEW or rule.after_step:
        return None
    if rule.day < -interview.days_left:
        return None
    home = ZoneInfo(context.subscriber.home_zone)
    return datetime.combine(interview.day + timedelta(days=rule.day), rule.time, home)


def letter(
    content: Content,
    context: Context,
    step: Step,
    *,
    sender: Sender,
    recipient: str,
    reference: str,
    now: datetime,
    campaign: str,
    subject_prefix: str = "",
) -> Email:
    """The email as a provider gets it, headers and all. Its links are the context's."""
    needs_consent = not step.despite_unsubscribe
    return Email(
        reference=reference,
        attempt=1,
        sender=sender.address,
        sender_name=sender.name,
        reply_to=sender.reply_to,
        recipient=recipient,
        recipient_name=context.subscriber.first_name if needs_consent else "",
        subject=subject_prefix + content.subject,
        html=content.html,
        text=content.text,
        date=now,
        unsubscribe_url=context.links.unsubscribe if needs_consent else "",
        list_id=f"{campaign.replace('_', '-')}.{sender.address.rpartition('@')[2]}" if needs_consent else "",
        categories=("test",),
    )
