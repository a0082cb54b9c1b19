"""Readers of a newsletter come in from files and go out to files, with their tags."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete, select

from runup.database import Database
from subscribers import (
    Consent,
    Subscriber,
    Subscription,
    Suppression,
    address_hmac,
    find_subscriber,
    find_suppression,
    leave_list,
    tags_of,
)
from subscribers.csv_file import read_csv, write_csv
from subscribers.transfer import Change, ImportOptions, Taken, take_in
from subscribers.transfer_out import rows_of
from subscribers.transfer_record import COLUMNS, Known

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
KEY = b"k" * 32
KIRI = "email,home_zone,list\nkiri@example.com,Pacific/Kiritimati,newsletter\n"
KIRI_AGREED = (
    "email,home_zone,list,consent_at,consent_proof\n"
    "kiri@example.com,Pacific/Kiritimati,newsletter,2026-11-01T10:00Z,fair 3\n"
)


@pytest.fixture
def books(sqlite_url: str) -> Iterator[Database]:
    database = Database(sqlite_url)
    yield database
    database.close()


def bring_in(
    database: Database,
    text: str,
    *,
    is_confirmed: bool = False,
    now: datetime = NOW,
    is_dry_run: bool = False,
) -> list[Taken]:
    options = ImportOptions(
        known=Known(campaign="exam", campaigns=["exam"], lists=["newsletter", "jobs"]),
        source="import: people.csv",
        hmac_key=KEY,
        is_confirmed=is_confirmed,
        is_dry_run=is_dry_run,
    )
    _, lines = read_csv(io.BytesIO(text.encode()))
    return list(take_in(database, lines, options=options, now=now, changed=lambda *_: None))


def changes(taken: list[Taken]) -> list[Change]:
    return [row.change for row in taken]


def place(database: Database) -> Subscription:
    with database.read() as session:
        return session.scalars(select(Subscription)).one()


def exported(database: Database) -> str:
    target = io.StringIO(newline="")
    with database.read() as session:
        write_csv(target, COLUMNS, rows_of(session))
    return target.getvalue()


def test_kiri_is_put_on_a_list_and_waits_for_her_yes(books: Database) -> None:
    (taken,) = bring_in(books, KIRI)
    assert (taken.change, taken.is_new, taken.asks) == (Change.ADDED, True, True)
    assert (place(books).list_key, place(books).confirmed_at, place(books).ended_at) == (
        "newsletter", None, None,
    )  # fmt: skip
    assert changes(bring_in(books, KIRI)) == [Change.UNCHANGED]


def test_with_proof_kiri_has_said_yes(books: Database) -> None:
    bring_in(books, KIRI)
    assert changes(bring_in(books, KIRI_AGREED, is_confirmed=True)) == [Change.UPDATED]
    assert place(books).confirmed_at == NOW
    with books.read() as session:
        asked, agreed = session.scalars(select(Consent).order_by(Consent.id)).all()
        assert session.scalars(select(Subscriber)).one().confirmed_at == NOW
    assert (asked.purpose, asked.confirmed_at) == ("newsletter:newsletter", None)
    assert (agreed.proof, agreed.agreed_at) == ("fair 3", datetime(2026, 11, 1, 10, tzinfo=UTC))
    assert changes(bring_in(books, KIRI_AGREED, is_confirmed=True)) == [Change.UNCHANGED]


def test_who_has_left_a_list_is_not_put_on_it_again(books: Database) -> None:
    bring_in(books, KIRI_AGREED, is_confirmed=True)
    with books.write() as session:
        kiri = find_subscriber(session, address_hmac("kiri@example.com", KEY))
        assert kiri is not None
        leave_list(session, kiri, "newsletter", now=NOW)
    (again,) = bring_in(books, KIRI_AGREED, is_confirmed=True)
    assert (again.change, again.why) == (Change.LEFT_OUT, "unsubscribed")
    assert place(books).ended_at == NOW
    other = KIRI_AGREED.replace(",newsletter,", ",jobs,")
    assert changes(bring_in(books, other, is_confirmed=True)) == [Change.ADDED], (
        "the other list is hers to have"
    )


def test_one_row_can_tell_of_an_interview_and_a_list(books: Database) -> None:
    both = (
        "email,home_zone,interview_date,list,tags\n"
        "ana@example.com,Europe/Berlin,2026-12-04,jobs,vip spring\n"
        "ana@example.com,Europe/Berlin,2026-12-04,newsletter,Vip late\n"
    )
    assert changes(bring_in(books, both)) == [Change.ADDED, Change.ADDED]
    with books.read() as session:
        ana = session.scalars(select(Subscriber)).one()
        assert len(ana.interviews) == 1
        assert session.scalars(select(Subscription.list_key).order_by(Subscription.id)).all() == [
            "jobs", "newsletter",
        ]  # fmt: skip
        assert tags_of(session, ana.id) == ("late", "spring", "vip")


@pytest.mark.parametrize(
    ("cells", "column", "words"),
    [
        ("kiri@example.com,Pacific/Kiritimati,weekly,,", "list", "'weekly' is none of: jobs, newsletter"),
        ("kiri@example.com,,newsletter,,", "home_zone", "where do they live?"),
        ("Kiri <kiri@example.com>,Pacific/Kiritimati,jobs,,", "email", "not an email address"),
        (",Pacific/Kiritimati,jobs,,", "email", "please enter"),
        (
            "kiri@example.com,Pacific/Kiritimati,jobs,Acme,",
            "company",
            "without interview_date this says nothing",
        ),
        ("kiri@example.com,Pacific/Kiritimati,jobs,,=x", "tags", "cannot be a tag"),
        ("kiri@example.com,Pacific/Kiritimati,,,", "interview_date", "please enter the day"),
    ],
)
def test_a_wrong_row_of_a_list_says_its_column(books: Database, cells: str, column: str, words: str) -> None:
    (taken,) = bring_in(books, f"email,home_zone,list,company,tags\n{cells}\n")
    assert taken.change is Change.REFUSED
    assert words in taken.errors[column]


def test_a_dry_run_puts_nobody_on_a_list(books: Database) -> None:
    assert changes(bring_in(books, KIRI, is_dry_run=True)) == [Change.ADDED]
    assert exported(books).count("\n") == 1


def test_places_and_tags_go_out_and_come_back_the_same(books: Database) -> None:
    bring_in(books, KIRI_AGREED, is_confirmed=True)
    bring_in(
        books,
        "email,first_name,home_zone,interview_date,list,tags\n"
        "sam@example.com,Sam,America/St_Johns,2026-12-04,jobs,b a\nana@example.com,,Europe/Berlin,,jobs,\n",
        now=NOW + timedelta(hours=1),
    )
    with books.write() as session:
        ana = find_subscriber(session, address_hmac("ana@example.com", KEY))
        assert ana is not None
        leave_list(session, ana, "jobs", now=NOW + timedelta(hours=2))
    first = exported(books)
    assert first.count("\n") == 5
    assert ",a b," in first
    with books.write() as session:
        for person in session.scalars(select(Subscriber)).all():
            session.delete(person)
        session.execute(delete(Suppression))
    later = NOW + timedelta(days=1)
    assert changes(bring_in(books, first, is_confirmed=True, now=later)) == [Change.ADDED] * 4
    assert exported(books) == first
    with books.read() as session:
        assert find_suppression(session, address_hmac("ana@example.com", KEY), scope="jobs") is not None
    assert changes(bring_in(books, first, is_confirmed=True, now=later)) == [Change.UNCHANGED] * 4
    assert exported(books) == first
