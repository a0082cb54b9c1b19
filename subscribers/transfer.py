"""Many subscribers at once: in from a file, out to a file."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from itertools import islice

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from runup.database import Database
from subscribers.address import address_hmac
from subscribers.consent import Consent
from subscribers.csv_file import Line
from subscribers.interview import Interview
from subscribers.signup import InvalidSignUp, find_or_add
from subscribers.subscriber import Subscriber
from subscribers.suppression import EVERYTHING, Reason, Suppression, find_suppression, suppress
from subscribers.transfer_record import Record, cells_of
from subscribers.transfer_update import fill_gaps, find_same

_SAME_NAMES = (
    "held_on", "start_time", "zone", "mode", "interviewers", "format", "company", "role", "country",
    "decision_on",
)  # fmt: skip
BATCH = 100
"""Rows per transaction: long enough to be quick, short enough that the site's writes hardly wait."""


class Change(StrEnum):
    """What became of a row."""

    ADDED = "added"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    LEFT_OUT = "left_out"
    """The address must not be written to; its row is not kept."""
    REFUSED = "refused"


@dataclass(frozen=True, kw_only=True)
class ImportOptions:
    """`campaign` for rows that name none, one of `campaigns`; `source` is written into each consent."""

    campaign: str
    campaigns: Collection[str]
    source: str
    hmac_key: bytes = field(repr=False)
    is_confirmed: bool = False
    """Take the file's word that these people agreed: every row needs its proof (`Record.parse`)."""
    is_dry_run: bool = False


@dataclass(frozen=True)
class Taken:
    """A row of the file and what became of it. `errors`: per column; under "" what is wrong with it all."""

    number: int
    change: Change
    errors: Mapping[str, str] = field(default_factory=dict)


def take_in(
    database: Database,
    lines: Iterable[Line],
    *,
    options: ImportOptions,
    now: datetime,
    changed: Callable[[Session, int], object],
) -> Iterator[Taken]:
    """Bring in rows, BATCH to a transaction, and say what became of each once it is kept for good.

    The same row twice is one interview, so an import that was cut short is simply run again. It adds people
    and interviews and fills in what was unknown; what is known already is never overwritten, and who must
    not be written to stays that way. `changed` is called with the subscriber's id in the same transaction.
    """
    remaining = iter(lines)
    while batch := list(islice(remaining, BATCH)):
        with database.write() as session:
            trial = session.begin_nested() if options.is_dry_run else None
            taken = [_take(session, line, options=options, now=now, changed=changed) for line in batch]
            if trial is not None:
                trial.rollback()
        yield from taken


def rows_of(session: Session, *, most_at_once: int = 500) -> Iterator[dict[str, str]]:
    """Every interview of everybody who is not erased, as rows of a file, in the order they came."""
    last = 0
    while chunk := session.execute(_after(last).limit(most_at_once)).all():
        for interview, subscriber, consent, suppression in chunk:
            yield cells_of(subscriber, interview, consent, suppression)
        last = chunk[-1][0].id
        session.expunge_all()


def count_rows(session: Session) -> int:
    """How many rows `rows_of` will give."""
    counted = select(func.count(Interview.id)).join(Subscriber).where(Subscriber.address.is_not(None))
    return session.scalar(counted) or 0


def _after(interview_id: int):  # type: ignore[no-untyped-def]  # a Select of four tables has no short name
    latest_consent = (
        select(func.max(Consent.id)).where(Consent.interview_id == Interview.id).correlate(Interview)
    ).scalar_subquery()
    return (
        select(Interview, Subscriber, Consent, Suppression)
        .join(Subscriber, Subscriber.id == Interview.subscriber_id)
        .outerjoin(Consent, Consent.id == latest_consent)
        .outerjoin(
            Suppression,
            (Suppression.address_hmac == Subscriber.address_hmac) & (Suppression.scope == EVERYTHING),
        )
        .where(Interview.id > interview_id, Subscriber.address.is_not(None))
        .order_by(Interview.id)
    )


def _take(
    session: Session,
    line: Line,
    *,
    options: ImportOptions,
    now: datetime,
    changed: Callable[[Session, int], object],
) -> Taken:
    if line.problem:
        return Taken(line.number, Change.REFUSED, {"": line.problem})
    try:
        record = Record.parse(
            line.cells,
            campaign=options.campaign,
            campaigns=options.campaigns,
            is_confirmed=options.is_confirmed,
            now=now,
        )
    except InvalidSignUp as error:
        return Taken(line.number, Change.REFUSED, error.errors)
    change, subscriber_id = _write(session, record, options=options, now=now)
    if subscriber_id is not None and change is not Change.UNCHANGED and not options.is_dry_run:
        changed(session, subscriber_id)
    return Taken(line.number, change)


def _write(
    session: Session, record: Record, *, options: ImportOptions, now: datetime
) -> tuple[Change, int | None]:
    key = address_hmac(record.form.address, options.hmac_key)
    suppression = find_suppression(session, key)
    # A row that itself says "suppressed" brings its history along; an erased person's data never comes back.
    if suppression and (record.suppressed is None or suppression.reason == Reason.ERASED):
        return Change.LEFT_OUT, None
    subscriber = find_or_add(session, record.form, hmac_key=options.hmac_key, now=now)
    epoch = subscriber.epoch
    same = find_same(session, subscriber, record)
    if same is None:
        _add(session, subscriber, record, options=options, now=now)
    else:
        fill_gaps(session, subscriber, same, record, source=options.source, now=now)
    if record.suppressed:
        at = record.suppressed_at or now
        suppress(session, key, record.suppressed, now=at)
        if record.suppressed is Reason.UNSUBSCRIBED:
            subscriber.unsubscribed_at = subscriber.unsubscribed_at or at
    session.flush()
    if same is None:
        return Change.ADDED, subscriber.id
    return (Change.UNCHANGED if subscriber.epoch == epoch else Change.UPDATED), subscriber.id


def _add(
    session: Session, subscriber: Subscriber, record: Record, *, options: ImportOptions, now: datetime
) -> None:
    form, asked_at = record.form, record.signed_up_at or now
    details = {name: getattr(form, name) for name in _SAME_NAMES}
    interview = Interview(
        subscriber_id=subscriber.id,
        campaign=record.campaign,
        created_at=asked_at,
        requested_at=asked_at,
        confirmed_at=record.confirmed_at,
        canceled_at=record.canceled_at,
        outcome=record.outcome,
        outcome_at=record.outcome_at,
        revision=0,
        **details,
    )
    session.add(interview)
    session.flush()
    session.add(record.consent_for(interview, source=options.source, now=now))
    if record.confirmed_at and subscriber.confirmed_at is None:
        subscriber.confirmed_at = record.confirmed_at
    subscriber.touch()
