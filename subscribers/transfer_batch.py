"""A few rows of an import in one transaction: people nobody knew all at once, everybody else one by one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from subscribers.interview import Interview
from subscribers.signup import find_or_add
from subscribers.subscriber import Subscriber
from subscribers.suppression import EVERYTHING, Reason, Suppression, suppress
from subscribers.tags import tag
from subscribers.transfer import Change, ImportOptions, Row, Taken
from subscribers.transfer_new import add_interview, add_people
from subscribers.transfer_places import put_on_list
from subscribers.transfer_record import Record
from subscribers.transfer_update import fill_gaps, find_same

_Changed = Callable[[Session, int], object]


def bring_in(
    session: Session, rows: Sequence[Row], *, options: ImportOptions, now: datetime, changed: _Changed
) -> list[Taken]:
    """What became of each row, in their order; `changed` is called with the ids of people who did."""
    keys = {row.key for row in rows if row.record}
    forbidden = _suppressions(session, keys)
    new = _strangers(rows, known=_known(session, keys) | forbidden.keys())
    added = add_people(session, new, options=options, now=now)
    taken = []
    for row in rows:
        if row.record is None:
            taken.append(Taken(row.line, Change.REFUSED, row.errors))
            continue
        person = added.get(row.key) if new.get(row.key) is row else None
        if person is not None:
            done = _taken(row, Change.ADDED, is_new=True)
        else:
            done, person = _take(session, row, forbidden.get(row.key, {}), options=options, now=now)
        taken.append(done)
        if person is not None and done.change is not Change.UNCHANGED and not options.is_dry_run:
            changed(session, person)
    return taken


def _suppressions(session: Session, keys: set[str]) -> dict[str, dict[str, str]]:
    """Of those who must not be written to: the reason by scope."""
    found = select(Suppression.address_hmac, Suppression.scope, Suppression.reason)
    by_key: dict[str, dict[str, str]] = {}
    for key, scope, reason in session.execute(found.where(Suppression.address_hmac.in_(keys))):
        by_key.setdefault(key, {})[scope] = reason
    return by_key


def _known(session: Session, keys: set[str]) -> set[str | None]:
    found = select(Subscriber.address_hmac).where(Subscriber.address_hmac.in_(keys))
    return set(session.scalars(found))


def _strangers(rows: Sequence[Row], *, known: set[str | None]) -> dict[str, Row]:
    """The first row of each person whom nobody knows and nothing is known against."""
    new: dict[str, Row] = {}
    for row in rows:
        if row.record and row.key not in known:
            new.setdefault(row.key, row)
    return new


def _take(
    session: Session, row: Row, forbidden: dict[str, str], *, options: ImportOptions, now: datetime
) -> tuple[Taken, int | None]:
    record = row.record
    assert record is not None
    why = forbidden.get(EVERYTHING, "")
    # A row that itself says "suppressed" brings its history along; an erased person's data never comes back.
    if why and (record.suppressed is None or why == Reason.ERASED):
        return _left_out(row, why), None
    why = forbidden.get(record.list_key, "") if record.list_key else ""
    if why and record.form is None and not record.list_left_at:
        return _left_out(row, why), None
    subscriber = find_or_add(session, record, hmac_key=options.hmac_key, now=now)
    is_new, epoch = subscriber.epoch == 0, subscriber.epoch
    is_added = record.form is not None and _tell_interview(session, subscriber, record, options, now=now)
    if record.list_key and (not why or record.list_left_at):
        is_added |= put_on_list(session, subscriber, record, source=options.source, now=now)
    tag(session, subscriber, record.tags)
    _keep_silent(session, subscriber, record, now=now)
    session.flush()
    if is_added:
        return _taken(row, Change.ADDED, is_new=is_new), subscriber.id
    change = Change.UNCHANGED if subscriber.epoch == epoch else Change.UPDATED
    return Taken(row.line, change), subscriber.id


def _tell_interview(
    session: Session, subscriber: Subscriber, record: Record, options: ImportOptions, *, now: datetime
) -> bool:
    """Returns whether the interview is new."""
    same: Interview | None = find_same(session, subscriber, record)
    if same is not None:
        fill_gaps(session, subscriber, same, record, source=options.source, now=now)
        return False
    add_interview(session, subscriber, record, source=options.source, now=now)
    return True


def _keep_silent(session: Session, subscriber: Subscriber, record: Record, *, now: datetime) -> None:
    if record.suppressed and subscriber.address_hmac:
        at = record.suppressed_at or now
        suppress(session, subscriber.address_hmac, record.suppressed, now=at)
        if record.suppressed is Reason.UNSUBSCRIBED:
            subscriber.unsubscribed_at = subscriber.unsubscribed_at or at


def _taken(row: Row, change: Change, *, is_new: bool) -> Taken:
    record = row.record
    assert record is not None
    is_over = record.canceled_at or record.suppressed or (record.list_left_at and not record.form)
    return Taken(row.line, change, is_new=is_new, asks=not (record.confirmed_at or is_over))


def _left_out(row: Row, why: str) -> Taken:
    return Taken(row.line, Change.LEFT_OUT, why=why)
