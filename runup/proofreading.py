"""The words of a simulation: every email, or each distinct one once, which finds what cannot be written."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from campaigns.facts import appointment
from campaigns.moments import LAST_BEFORE
from campaigns.rendering import RenderError
from delivery.provider import Provider
from scheduler import Composer
from scheduler.draft import Draft

Branch = tuple[Any, ...]
"""What tells one reader's email from another's, but for names, dates and links."""


@dataclass
class Collected:
    """Stands where the words are written, and keeps one draft of each branch: the first person's.

    `broken`: branches that are known to be unwritable, with the reason.
    """

    broken: dict[Branch, str] = field(default_factory=dict)
    drafts: dict[Branch, tuple[Draft, datetime]] = field(default_factory=dict)

    def __call__(self, draft: Draft, now: datetime) -> str:
        branch = branch_of(draft, now)
        if branch not in self.drafts:
            self.drafts[branch] = (draft, now)
        return self.broken.get(branch, "")

    def add(self, drafts: dict[Branch, tuple[Draft, datetime]]) -> None:
        """Those of another part of the crowd; of two the person with the smaller number stands for both, so
        that it makes no difference how a crowd was cut."""
        for branch, (draft, now) in drafts.items():
            known = self.drafts.get(branch)
            if known is None or (draft.subscriber_id, now) < (known[0].subscriber_id, known[1]):
                self.drafts[branch] = (draft, now)


@dataclass
class Everything:
    """Stands where the words are written, and writes every email; `provider` gets them, if there is one."""

    composer: Composer
    provider: Provider | None = None
    written: int = 0
    broken: dict[str, str] = field(default_factory=dict)
    """By step, the first error."""

    def __call__(self, draft: Draft, now: datetime) -> str:
        try:
            email = self.composer.compose(draft, now=now).email
        except RenderError as error:
            self.broken.setdefault(draft.step, str(error))
            return str(error)
        self.written += 1
        if self.provider is not None:
            self.provider.deliver(email)
        return ""


def branch_of(draft: Draft, now: datetime) -> Branch:
    passage, person = draft.passage, draft.person
    assert passage is not None, "a sequence's emails are about an interview"
    seen = appointment(passage, person, now=now)
    return (
        draft.wording or draft.step, person.locale, bool(person.first_name), person.has_newsletter,
        person.wants_goodbye,
        seen.mode, seen.interviewers, seen.format, bool(seen.company), bool(seen.role), seen.country,
        seen.start_time is None, seen.has_two_zones, seen.decision_on is None, seen.outcome, seen.is_past,
        max(-1, min(seen.days_left, 2)), now > passage.starts_at - LAST_BEFORE, draft.merged,
        bool(draft.plan),
    )  # fmt: skip


def broken(drafts: dict[Branch, tuple[Draft, datetime]], composer: Composer) -> dict[Branch, str]:
    """Those that cannot be written, with the reason. Raises CampaignError when nothing of it can."""
    found: dict[Branch, str] = {}
    for branch, (draft, now) in drafts.items():
        try:
            composer.compose(draft, now=now)
        except RenderError as error:
            found[branch] = str(error)
    return found
