"""From an issue's file to its row."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.issue_file import IssueFile
from campaigns.issue_words import CompiledIssue, fingerprint
from campaigns.newsletter import IssueState, NewsletterIssue

_LONGEST = 200


def find_row(session: Session, list_key: str, slug: str) -> NewsletterIssue | None:
    """The row of an issue; None while nobody has approved it."""
    return session.scalar(
        select(NewsletterIssue).where(NewsletterIssue.list_key == list_key, NewsletterIssue.slug == slug)
    )


def keep(session: Session, issue: IssueFile, compiled: CompiledIssue, *, now: datetime) -> NewsletterIssue:
    """Write what the file says into its row, which must be a draft or not there yet. It stays a draft."""
    row = find_row(session, issue.list_key, issue.slug)
    if row is None:
        row = NewsletterIssue(
            list_key=issue.list_key, slug=issue.slug, state=IssueState.DRAFT, created_at=now
        )
        session.add(row)
    assert row.state == IssueState.DRAFT, "what was approved stands"
    row.subject = compiled.archive.subject[:_LONGEST]
    row.preheader = compiled.archive.preheader[:_LONGEST]
    row.html, row.text = compiled.archive.html, compiled.archive.text
    row.words, row.audience = compiled.words, issue.front.audience
    row.is_public = issue.front.public
    session.flush()
    return row


def approved_as(row: NewsletterIssue) -> str:
    """The fingerprint of what its row keeps; empty while it keeps nothing."""
    return fingerprint(row.words, row.audience) if row.words else ""
