"""A newsletter in the town: readers on its list, issues with words, and what left of them."""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy import func, insert, select
from town import BRAND, KEY, Town

from campaigns.issue_file import parse_markdown
from campaigns.issue_words import compile_issue
from campaigns.newsletter import NewsletterIssue
from scheduler import Send
from scheduler.issue_progress import Progress, progress
from scheduler.issues import approve, schedule
from subscribers import Subscriber, Subscription, address_hmac
from subscribers.joining import join_list
from subscribers.lists import NewsletterList

WEEKLY = NewsletterList(key="weekly", name="The weekly", about="One thing to try, every Monday.")
TEXT = """+++
subject = "One thing to try"
+++

# One thing to try

Ask what happened to the person who had the job before.
"""


@cache
def words() -> str:
    """An issue's words, compiled once."""
    issue = parse_markdown(TEXT, WEEKLY.key, "one-thing")
    return compile_issue(issue, list_name=WEEKLY.name, brand=BRAND).words


def reader(town: Town, name: str, zone: str = "Europe/Berlin") -> int:
    """Somebody who is on the list and has no interview; their id."""
    with town.write() as session:
        found = Subscriber(
            address=f"{name}@example.com",
            address_hmac=address_hmac(f"{name}@example.com", KEY),
            first_name=name.capitalize(),
            home_zone=zone,
            created_at=town.now,
            confirmed_at=town.now,
        )
        session.add(found)
        session.flush()
        join_list(session, found, WEEKLY, now=town.now, source="plan")
        town.reconcile(session, found.id)
        return found.id


def join(town: Town, subscriber_id: int) -> None:
    """Somebody known joins the list."""
    with town.write() as session:
        found = session.get_one(Subscriber, subscriber_id)
        join_list(session, found, WEEKLY, now=town.now, source="plan")
        town.reconcile(session, subscriber_id)


def crowd(town: Town, count: int, *, zone: str = "Europe/Berlin", first: int = 1_000_000) -> None:
    """Many readers, as fast as the database takes them."""
    with town.write() as session:
        people = [
            {
                "id": first + n, "address": f"r{first + n}@example.com", "address_hmac": f"{first + n:064d}",
                "first_name": "", "home_zone": zone, "locale": "en", "created_at": town.now,
                "confirmed_at": town.now, "wants_goodbye": False, "epoch": 0, "planned_epoch": 0,
            }
            for n in range(count)
        ]  # fmt: skip
        places = [
            {"subscriber_id": one["id"], "list_key": WEEKLY.key, "subscribed_at": town.now,
             "confirmed_at": town.now}
            for one in people
        ]  # fmt: skip
        session.execute(insert(Subscriber), people)
        session.execute(insert(Subscription), places)


def draft(town: Town, slug: str = "one-thing", list_key: str = WEEKLY.key, **values: Any) -> int:
    with town.write() as session:
        made = NewsletterIssue(
            list_key=list_key, slug=slug, subject="One thing to try", words=words(), created_at=town.now,
            **values,
        )  # fmt: skip
        session.add(made)
        session.flush()
        return made.id


def scheduled(
    town: Town, slug: str = "one-thing", *, audience: str = "", list_key: str = WEEKLY.key, **how: Any
) -> int:
    """Approved, and due now unless `how` says otherwise."""
    issue_id = draft(town, slug, list_key, audience=audience, is_public=True)
    with town.write() as session:
        approve(session, issue_id, now=town.now)
        schedule(session, issue_id, now=town.now, **(how or {"at": town.now}))
    return issue_id


def plan_at(town: Town, **how: Any) -> dict[str, Any]:
    return {"at": town.now} | how


def issue(town: Town, issue_id: int) -> NewsletterIssue:
    with town.database.read() as session:
        return session.get_one(NewsletterIssue, issue_id)


def how_far(town: Town, issue_id: int) -> Progress:
    with town.database.read() as session:
        return progress(session, issue_id, now=town.now)


def why(town: Town, subscriber_id: int) -> tuple[str, str | None]:
    """State and reason of what this reader's newest issue came to."""
    found = select(Send.state, Send.reason).where(
        Send.subscriber_id == subscriber_id, Send.issue_id.is_not(None)
    )
    with town.database.read() as session:
        row = session.execute(found.order_by(Send.id.desc()).limit(1)).one()
        return row.state, row.reason


def issue_sends(town: Town) -> int:
    with town.database.read() as session:
        return session.scalar(select(func.count()).where(Send.issue_id.is_not(None))) or 0
