"""What `doctor` looks at in the rows: who works, what stops them, what is heard back, what is broken."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from campaigns import CampaignError, Catalog
from delivery.records import last_heard_at
from runup.application import brand_of
from runup.database import Database
from runup.examining import Finding, Level
from runup.reports import Status, status
from runup.settings import Settings
from scheduler import Attempt, Send
from scheduler.invariants import MOST, Violation, forgotten, violations
from scheduler.outcomes import OK
from scheduler.send import WAITING, is_in
from subscribers import tzdata_version

WINDOWS = 10
"""So many times MOST of the newest sends are held against the rules: all of a small installation."""
SHOWN = 5
FEED_IS_LATE = timedelta(hours=1)
FEWEST = 20
COST = (
    "when calls fail nobody can tell what left: of a million emails some 8,000 leave twice and 21,000 end as "
    "unknown, against almost none with a feed"
)
"""By a model of a million emails, 10 % of which meet a failing call; docs/reference/proofs.md measures it."""


def examine_feed(settings: Settings) -> Iterator[Finding]:
    """The feed is no ornament: it is the provider's acknowledgement."""
    if settings.provider != "sendgrid":
        return
    if settings.sendgrid_webhook_keys:
        yield Finding(Level.OK, "feed", "SendGrid's events are taken, signed")
        return
    remedy = (
        "switch the signed event webhook on and set RUNUP_SENDGRID_WEBHOOK_KEYS; docs/how-to/use-sendgrid.md"
    )
    yield Finding(Level.FAILED, "feed", f"SendGrid's events are not taken: {COST}", remedy)


def examine_work(settings: Settings, database: Database, *, now: datetime) -> Iterator[Finding]:
    with database.read() as session:
        found = status(session, now=now)
        yield from _worker(found)
        if settings.provider == "sendgrid" and settings.sendgrid_webhook_keys:
            yield from _silence(session, now=now)
        yield from _zones(session)
        yield from _rules(settings, session, found, now=now)


def _worker(found: Status) -> Iterator[Finding]:
    if found.is_ticking:
        yield Finding(Level.OK, "worker", f"{found.workers} at work")
    else:
        remedy = "`runup serve` or `runup work` starts one; let systemd keep it running"
        level = Level.FAILED if found.due else Level.WARNING
        yield Finding(level, "worker", f"none is at work; {found.due} sends are due", remedy)
    for hold in found.holds:
        remedy = "look what it says, then `runup sends release`, which shows what would leave"
        yield Finding(Level.FAILED, "worker", f"stopped ({hold['kind']}): {hold['detail']}", remedy)
    if found.note and not found.holds:
        yield Finding(Level.WARNING, "worker", found.note, "it goes on by itself when that is over")
    if found.in_doubt:
        remedy = "`runup sends doubt` says what will happen to each, and when"
        yield Finding(Level.WARNING, "doubt", f"{found.in_doubt} sends are in doubt", remedy)
    if found.late and found.is_ticking:
        remedy = "see what the worker's log says of the provider"
        yield Finding(Level.WARNING, "worker", f"{found.late} sends are late", remedy)
    if found.doubled:
        remedy = "`runup sends show` of each says why; more than a few a year are a bug of ours"
        yield Finding(Level.WARNING, "doubt", f"{found.doubled} sends left twice", remedy)


def _silence(session: Session, *, now: datetime) -> Iterator[Finding]:
    """Emails left, their events should have come, and nothing was heard since."""
    heard = last_heard_at(session, "sendgrid")
    since = max(heard, now - timedelta(days=7)) if heard else now - timedelta(days=7)
    left = session.scalar(
        select(func.count()).where(
            Attempt.kind == OK, Attempt.intent_at > since, Attempt.intent_at < now - FEED_IS_LATE
        )
    )
    if not left:
        return
    ever = f"since {heard:%Y-%m-%d %H:%M}Z" if heard else "ever"
    words = f"no event was heard {ever}, though {left} emails left after that and more than an hour ago"
    remedy = "look at the event webhook in SendGrid's settings: its address, and that it is switched on"
    yield Finding(Level.FAILED if left >= FEWEST else Level.WARNING, "feed", words, remedy)


def _zones(session: Session) -> Iterator[Finding]:
    other = session.scalar(
        select(func.count()).where(is_in(*WAITING), Send.tzdata_version != tzdata_version())
    )
    if other:
        words = f"{other} sends were planned with another release of the time zone data"
        remedy = "the worker plans them again before they leave; nothing is to be done while one is at work"
        yield Finding(Level.WARNING, "time zones", words, remedy)


def _rules(settings: Settings, session: Session, found: Status, *, now: datetime) -> Iterator[Finding]:
    broken, looked_at = _broken(settings, session)
    if found.is_ticking and not found.holds:
        broken += forgotten(session, now=now)
    for violation in broken[:SHOWN]:
        words = f"send {violation.send_id}: {violation.words} (rule {violation.rule})"
        remedy = f"`runup sends show {violation.send_id}`, and please report it: no row should ever be so"
        yield Finding(Level.FAILED, "rows", words, remedy)
    if len(broken) > SHOWN:
        yield Finding(Level.FAILED, "rows", f"and {len(broken) - SHOWN} more that break a rule", "")
    if not broken:
        yield Finding(Level.OK, "rows", f"{looked_at:,} sends keep every rule they can be asked about")


def _broken(settings: Settings, session: Session) -> tuple[list[Violation], int]:
    """From the newest on, as many as can be looked at in a few seconds."""
    newest = session.scalar(select(func.max(Send.id))) or 0
    after = max(newest - WINDOWS * MOST, 0)
    looked_at = session.scalar(select(func.count()).where(Send.id > after)) or 0
    gaps, broken = _gaps(settings), []
    while after < newest:
        broken += violations(session, after=after, most=MOST, gaps=gaps)
        last = session.scalar(
            select(func.max(Send.id)).where(
                Send.id.in_(select(Send.id).where(Send.id > after).order_by(Send.id).limit(MOST))
            )
        )
        after = last or newest
    return broken, looked_at


def _gaps(settings: Settings) -> dict[str, timedelta]:
    catalog = Catalog(folder=settings.templates, brand=brand_of(settings))
    try:
        return {key: catalog.sequence(key).gap for key in sorted(catalog.keys())}
    except (CampaignError, OSError):
        return {}  # said already
