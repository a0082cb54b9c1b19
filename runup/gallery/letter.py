"""A rendered email as it would leave, and the sample readers it is rendered for."""

from __future__ import annotations

from datetime import datetime

from campaigns import Catalog, Step
from campaigns.compiling import CompiledCampaign
from campaigns.context import Context
from campaigns.expressions import ConditionError
from campaigns.names import names_of
from campaigns.preview import Branch, sample_contexts
from campaigns.rendering import Content
from campaigns.sequence import Late
from delivery.email import Email
from scheduler.composing import Sender


def sample_branches(catalog: Catalog, campaign: str, step: Step) -> list[tuple[int, Branch]]:
    """The sample readers who are sent this step at all, with their numbers, which stay what they are."""
    compiled, sequence = catalog.compiled(campaign), catalog.sequence(campaign)
    mergeable = [one.key for one in sequence.steps if one.late is Late.MERGE] if step.is_catchup else []
    branches = sample_contexts(facts=compiled.facts, brand=catalog.brand, mergeable=mergeable)
    return [pair for pair in enumerate(branches, start=1) if _is_sent(step, pair[1], compiled)]


def _is_sent(step: Step, branch: Branch, compiled: CompiledCampaign) -> bool:
    try:
        return step.when is None or step.when.holds(names_of(branch.context, compiled.facts, step.key))
    except ConditionError:
        return True


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
