"""What a send belongs to, as a report names it: the step of a campaign, or the issue of a newsletter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from campaigns.newsletter import NewsletterIssue
from scheduler import Send

Key = tuple[str, str]
"""Campaign and step, or newsletter and issue."""
OF_SEND = (Send.campaign, Send.step, Send.issue_id)


@dataclass(frozen=True)
class Names:
    """The issues there are, in the order they were written."""

    issues: Mapping[int, Key]
    subjects: Mapping[Key, str]

    @classmethod
    def read(cls, session: Session) -> Names:
        found = select(
            NewsletterIssue.id, NewsletterIssue.list_key, NewsletterIssue.slug, NewsletterIssue.subject
        )
        rows = session.execute(found.order_by(NewsletterIssue.id)).all()
        return cls(
            {identity: (newsletter, slug) for identity, newsletter, slug, _ in rows},
            {(newsletter, slug): subject for _, newsletter, slug, subject in rows},
        )

    def key(self, campaign: str | None, step: str | None, issue_id: int | None) -> Key:
        """Of a row of OF_SEND; two empty words for no send at all."""
        if issue_id is not None:
            return self.issues.get(issue_id, ("", ""))
        return campaign or "", step or ""

    def of(self, campaign: str) -> list[ColumnElement[bool]]:
        """Conditions that hold for the sends of a campaign or newsletter; none for ""."""
        if not campaign:
            return []
        issues = [identity for identity, (newsletter, _) in self.issues.items() if newsletter == campaign]
        return [or_(and_(Send.campaign == campaign, Send.issue_id.is_(None)), Send.issue_id.in_(issues))]
