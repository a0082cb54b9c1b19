"""People come in from files and go out to files: once each, with consent, and never against their will."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from runup.database import Database
from subscribers import (
    Consent,
    Interview,
    Reason,
    SignUp,
    Subscriber,
    Suppression,
    address_hmac,
    confirm,
    find_subscriber,
    find_suppression,
    is_suppressed,
    move,
    sign_up,
    suppress,
)
from subscribers.csv_file import read_csv, write_csv
from subscribers.transfer import Change, ImportOptions, Taken, take_in
from subscribers.transfer_out import rows_of
from subscribers.transfer_record import COLUMNS, Known

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
KEY = b"k" * 32
Import = Callable[..., list[Taken]]


@pytest.fixture
def bring_in(database: Database) -> Import:
    """Import a file given as text; returns what became of each row."""

    def run(
        text: str,
        *,
        now: datetime = NOW,
        changed: Callable[[Session, int], object] | None = None,
        **options: bool,
    ) -> list[Taken]:
        _, lines = read_csv(io.BytesIO(text.encode()))
        chosen = ImportOptions(
            known=Known(
                campaign="second_interview",
                campaigns=("second_interview", "exam"),
                lists=("newsletter", "jobs"),
            ),
            source="import: people.csv",
            hmac_key=KEY,
            **options,
        )
        return list(take_in(database, lines, options=chosen, now=now, changed=changed or (lambda *_: None)))

    return run


def changes(taken: list[Taken]) -> list[Change]:
    return [row.change for row in taken]


def exported(database: Database) -> str:
    target = io.StringIO(newline="")
    with database.read() as session:
        write_csv(target, COLUMNS, rows_of(session))
    return target.getvalue()


def the_interview(database: Database) -> Interview:
    with database.read() as session:
        return session.scalars(select(Interview)).one()


ANA = (
    "email,first_name,home_zone,interview_date,interview_time\n"
    "ana@example.com,Ana,Europe/Berlin,2026-12-04,14:00\n"
)
ANA_AGREED = (
    "email,home_zone,interview_date,consent_at,consent_proof\n"
    "ana@example.com,Europe/Berlin,2026-12-04,2026-11-01T10:00Z,paper form 12\n"
)


def test_ana_is_brought_in_and_not_yet_confirmed(database: Database, bring_in: Import) -> None:
    told: list[int] = []
    assert changes(bring_in(ANA, changed=lambda _, person: told.append(person))) == [Change.ADDED]
    interview = the_interview(database)
    assert (interview.held_on, interview.start_time, interview.zone) == (
        date(2026, 12, 4),
        time(14),
        "Europe/Berlin",
    )
    assert interview.confirmed_at is None
    assert told == [interview.subscriber_id]


def test_the_same_file_twice_is_one_person_with_one_interview(database: Database, bring_in: Import) -> None:
    told: list[int] = []
    bring_in(ANA)
    again = bring_in(ANA, now=NOW + timedelta(hours=1), changed=lambda _, person: told.append(person))
    assert changes(again) == [Change.UNCHANGED]
    assert told == []
    assert the_interview(database).requested_at == NOW


def test_the_same_row_twice_in_one_file_counts_once(database: Database, bring_in: Import) -> None:
    line = ANA.splitlines()[1]
    assert changes(bring_in(f"{ANA}{line}\n{line.upper()}\n".replace("EUROPE/BERLIN", "Europe/Berlin"))) == [
        Change.ADDED, Change.UNCHANGED, Change.UNCHANGED,
    ]  # fmt: skip
    the_interview(database)


def test_an_import_that_was_cut_short_is_run_again(database: Database, bring_in: Import) -> None:
    lines = [f"p{number}@example.com,Europe/Berlin,2026-12-04" for number in range(250)]
    text = "\n".join(["email,home_zone,interview_date", *lines])

    def fail_at_the_last(_: Session, person: int) -> None:
        if person >= 240:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bring_in(text, changed=fail_at_the_last)
    with database.read() as session:
        assert session.scalar(select(func.count(Subscriber.id))) == 200
    again = changes(bring_in(text))
    assert again.count(Change.UNCHANGED) == 200
    assert again.count(Change.ADDED) == 50


def test_a_row_that_is_wrong_says_every_column_and_stops_nobody(database: Database, bring_in: Import) -> None:
    refused, ana = bring_in(
        "email,home_zone,interview_date,mode\nana@,Mars/Base,2026-02-30,walk\nana@example.com,Europe/Berlin,2026-12-04,\n"
    )
    assert refused.number == 2
    assert refused.change is Change.REFUSED
    assert set(refused.errors) == {"email", "home_zone", "interview_date", "mode"}
    assert ana.change is Change.ADDED
    the_interview(database)


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("interview_date", "2027-12-04", "more than a year ahead"),
        ("interview_date", "2026-09-01", "days past"),
        ("email", "ana@example.com\x0bBcc: eve@example.com", "invisible character"),
        ("email", "Ana <ana@example.com>", "not an email address"),
        ("first_name", "www.example.com", "web addresses"),
        ("outcome", "maybe", "none of: offer"),
        ("suppressed", "erased", "no row"),
        ("campaign", "nothing", "none of: exam, second_interview"),
        ("consent_at", "yesterday", "no moment"),
        ("consent_at", "2026-11-01T10:00", "no time zone"),
        ("consent_at", "2036-11-01", "in the future"),
        ("locale", "$$", "no language"),
    ],
)
def test_each_kind_of_nonsense_is_named_at_its_column(
    bring_in: Import, column: str, value: str, words: str
) -> None:
    row = {
        "email": "ana@example.com",
        "home_zone": "Europe/Berlin",
        "interview_date": "2026-12-04",
        column: value,
    }
    (taken,) = bring_in(",".join(row) + "\n" + ",".join(f'"{cell}"' for cell in row.values()) + "\n")
    assert words in taken.errors[column]


def test_confirmed_needs_the_flag_and_the_proof(database: Database, bring_in: Import) -> None:
    (refused,) = bring_in(ANA, is_confirmed=True)
    assert set(refused.errors) == {"consent_at", "consent_proof"}
    assert changes(bring_in(ANA_AGREED)) == [Change.ADDED]
    assert the_interview(database).confirmed_at is None
    assert changes(bring_in(ANA_AGREED, is_confirmed=True)) == [Change.UPDATED]
    assert the_interview(database).confirmed_at == NOW
    with database.read() as session:
        consents = session.scalars(select(Consent).order_by(Consent.id)).all()
    assert [(c.proof, c.source, c.agreed_at) for c in consents] == [
        ("paper form 12", "import: people.csv", datetime(2026, 11, 1, 10, tzinfo=UTC))
    ] * 2


def test_who_must_not_be_written_to_is_left_out(database: Database, bring_in: Import) -> None:
    with database.write() as session:
        suppress(session, address_hmac("ana@example.com", KEY), Reason.COMPLAINED, now=NOW)
    assert changes(bring_in(ANA_AGREED, is_confirmed=True)) == [Change.LEFT_OUT]
    with database.read() as session:
        assert session.scalar(select(func.count(Subscriber.id))) == 0
        assert is_suppressed(session, address_hmac("ana@example.com", KEY))


def test_an_unsubscribed_person_is_not_confirmed_again_by_a_file(
    database: Database, bring_in: Import
) -> None:
    bring_in(
        ANA_AGREED.replace("consent_proof\n", "consent_proof,suppressed\n").replace(
            "12\n", "12,unsubscribed\n"
        )
    )
    assert changes(bring_in(ANA_AGREED, is_confirmed=True)) == [Change.LEFT_OUT]
    assert the_interview(database).confirmed_at is None


def test_an_erased_person_does_not_come_back_even_with_a_history(
    database: Database, bring_in: Import
) -> None:
    with database.write() as session:
        suppress(session, address_hmac("ana@example.com", KEY), Reason.ERASED, now=NOW)
    row = ANA.replace("interview_time\n", "interview_time,suppressed\n").replace(
        "14:00\n", "14:00,unsubscribed\n"
    )
    assert changes(bring_in(row)) == [Change.LEFT_OUT]


def test_a_file_fills_gaps_and_overwrites_nothing(database: Database, bring_in: Import) -> None:
    bring_in("email,home_zone,interview_date,mode\nana@example.com,Europe/Berlin,2026-12-04,video\n")
    more = (
        "email,first_name,home_zone,interview_date,mode,company\n"
        "ana@example.com,Ana,Europe/Berlin,2026-12-04,phone,ACME\n"
    )
    assert changes(bring_in(more)) == [Change.UPDATED]
    interview = the_interview(database)
    assert (interview.mode, interview.company) == ("video", "ACME")
    with database.read() as session:
        assert session.scalars(select(Subscriber)).one().first_name == "Ana"


def test_an_old_file_does_not_bring_back_a_date_that_was_moved(database: Database, bring_in: Import) -> None:
    bring_in(ANA_AGREED, is_confirmed=True)
    with database.write() as session:
        interview = session.scalars(select(Interview)).one()
        move(session, interview, held_on=date(2026, 12, 9), start_time=None, zone="Europe/Berlin", now=NOW)
    assert changes(bring_in(ANA_AGREED, is_confirmed=True)) == [Change.UNCHANGED]
    assert the_interview(database).held_on == date(2026, 12, 9)


def test_two_interviews_of_one_person_are_two(database: Database, bring_in: Import) -> None:
    both = ANA + "ana@example.com,Ana,Europe/Berlin,2026-12-11,\n"
    assert changes(bring_in(both)) == [Change.ADDED, Change.ADDED]
    with database.read() as session:
        assert session.scalar(select(func.count(Subscriber.id))) == 1
        assert session.scalar(select(func.count(Interview.id))) == 2


def test_a_dry_run_keeps_nothing_and_counts_the_same(database: Database, bring_in: Import) -> None:
    told: list[int] = []
    assert changes(bring_in(ANA, is_dry_run=True, changed=lambda _, person: told.append(person))) == [
        Change.ADDED
    ]
    assert told == []
    with database.read() as session:
        for table in (Subscriber, Interview, Consent, Suppression):
            assert session.scalar(select(func.count()).select_from(table)) == 0
    assert changes(bring_in(ANA)) == [Change.ADDED]


def test_export_and_import_and_export_are_the_same(database: Database, bring_in: Import) -> None:
    _lives(database)
    first = exported(database)
    assert first.count("\n") == 6
    with database.write() as session:
        for table in (Consent, Interview, Suppression, Subscriber):
            for row in session.scalars(select(table)).all():
                session.delete(row)
            session.flush()
    later = NOW + timedelta(days=1)
    assert changes(bring_in(first, now=later, is_confirmed=True)) == [Change.ADDED] * 5
    assert exported(database) == first
    assert changes(bring_in(first, now=later, is_confirmed=True)).count(Change.UNCHANGED) == 5
    assert exported(database) == first


def test_no_exported_cell_runs_in_a_spreadsheet(database: Database) -> None:
    _lives(database)
    for line in exported(database).splitlines()[1:]:
        for cell in line.split(","):
            assert not cell.strip('"').startswith(("=", "+", "-", "@"))


def _lives(database: Database) -> None:
    """Ana told much, Kiri has not confirmed, Sam unsubscribed, Eve has a formula for a name and two dates."""
    with database.write() as session:
        _joins(
            session, "ana@example.com", "Ana", "14:00", mode="video", company="Müller, Söhne", country="DE"
        )
        _joins(session, "kiri@example.com", "Kiri", "", is_confirmed=False, home_zone="Pacific/Kiritimati")
        _joins(session, "sam@example.com", "Sam", "09:30", home_zone="America/St_Johns")
        suppress(session, address_hmac("sam@example.com", KEY), Reason.UNSUBSCRIBED, now=NOW)
        sam = find_subscriber(session, address_hmac("sam@example.com", KEY))
        assert sam is not None
        sam.unsubscribed_at = NOW
        gone = _joins(session, "+eve@example.com", "=1+1", "10:00", role="@sum")
        gone.canceled_at = NOW
        told = _joins(session, "+eve@example.com", "=1+1", "10:00", role="'quoted")
        told.outcome, told.outcome_at = "offer", NOW
        assert find_suppression(session, address_hmac("ana@example.com", KEY)) is None


def _joins(
    session: Session, email: str, name: str, at: str, *, is_confirmed: bool = True, **told: str
) -> Interview:
    values = {
        "email": email,
        "first_name": name,
        "home_zone": "Europe/Berlin",
        "interview_date": "2026-12-04",
    }
    values |= {"interview_time": at, "consent": "yes", **told}
    count = session.scalar(select(func.count(Interview.id))) or 0
    now = NOW + timedelta(seconds=count) - timedelta(hours=1)
    form = SignUp.parse(values, now=now)
    interview = sign_up(session, form, campaign="second_interview", hmac_key=KEY, now=now, source="form")
    return confirm(session, interview, now=now) if is_confirmed else interview
