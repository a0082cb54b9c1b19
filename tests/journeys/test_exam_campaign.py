"""A campaign around another date, made only of files: checked, planned and sent by the same engine."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from importlib.resources import files
from pathlib import Path

import pytest
import town as town_module
from town import BRAND, Town

from campaigns import Catalog
from campaigns.checking import check_campaign
from campaigns.scaffolding import patterns, scaffold
from delivery import OutboxConfig, open_provider
from delivery.inbox import StoredEmail, read_outbox
from runup.database import Database, upgrade
from subscribers.wall_time import local

TODAY = date(2026, 11, 23)
SHELF = files("templates") / "_examples"
FIRST = ["confirm", "welcome"]


@pytest.fixture
def exam_town(tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Town]:
    """The town where people sign up for an exam, on a shelf that holds a copy of the example."""
    monkeypatch.setattr(town_module, "SEQUENCE", "exam")
    scaffold(SHELF / "exam", tmp_path / "shelf" / "exam", name="Exam")
    database = Database(sqlite_url)
    upgrade(database)
    catalog = Catalog(folder=tmp_path / "shelf", brand=BRAND)
    made = Town(
        database=database,
        catalog=catalog,
        provider=open_provider(OutboxConfig(folder=tmp_path / "outbox")),
    )
    yield made
    made.close()
    database.close()


def mailbox(tmp_path: Path) -> list[StoredEmail]:
    return sorted(read_outbox(tmp_path / "outbox"), key=lambda email: email.date)


def moments(emails: list[StoredEmail]) -> list[str]:
    return [
        f"{local(email.date, 'Europe/Berlin'):%a %d %H}h {email.subject}"
        for email in emails
    ]  # fmt: skip


@pytest.mark.parametrize("example", ["exam", "minimal"])
def test_the_examples_pass_the_check_without_a_remark(example: str) -> None:
    assert [str(finding) for finding in check_campaign(SHELF / example, today=TODAY)] == []


def test_no_example_is_on_the_shelf_until_somebody_takes_it() -> None:
    catalog = Catalog(brand=BRAND)
    assert catalog.keys() == ["newsletter", "second_interview"]
    assert set(patterns(catalog)) - {"newsletter"} == {"exam", "minimal", "second_interview"}


def test_ana_gets_the_emails_around_her_exam_on_their_days(exam_town: Town, tmp_path: Path) -> None:
    exam_town.ana(interview_date="2026-12-11", format="one_to_one", role="statistics", mode="onsite")
    exam_town.tick_until("2026-12-20T10:00", every=timedelta(hours=6))

    assert moments(mailbox(tmp_path)) == [
        "Mon 23 10h Your exam, your dates",
        "Fri 27 17h Plan from the last day back",
        "Fri 04 17h Close the book and write",
        "Tue 08 17h Say it out loud once",
        "Thu 10 17h Pack tonight, sleep tonight",
        "Fri 11 07h Two minutes before you start",
        "Fri 11 20h Close the folder",
    ]


def test_a_written_exam_has_no_email_about_speaking(exam_town: Town, tmp_path: Path) -> None:
    exam_town.ana(interview_date="2026-12-11", format="unknown")
    exam_town.tick_until("2026-12-12T10:00", every=timedelta(hours=6))

    subjects = [email.subject for email in mailbox(tmp_path)]
    assert "Say it out loud once" not in subjects
    assert "Pack tonight, sleep tonight" in subjects


def test_who_comes_late_gets_one_email_with_the_core_of_what_was_missed(
    exam_town: Town, tmp_path: Path
) -> None:
    exam_town.ana(interview_date="2026-11-26", format="panel")
    exam_town.tick_until("2026-11-27T10:00", every=timedelta(hours=6))

    emails = mailbox(tmp_path)
    subjects = [email.subject for email in emails]
    assert subjects[0] == "The exam, in short"
    assert "Plan from the last day back" not in subjects
    for core in ("FROM THE EXAM BACK TO TODAY", "ONE PAPER, BOOK CLOSED", "TWO MINUTES PER TOPIC"):
        assert core in emails[0].text


def test_a_moved_exam_moves_its_emails(exam_town: Town, tmp_path: Path) -> None:
    ana = exam_town.ana(interview_date="2026-12-11")
    exam_town.tick_until("2026-12-01T10:00", every=timedelta(hours=6))
    exam_town.move(ana, "2026-12-18")
    exam_town.tick_until("2026-12-18T08:00", every=timedelta(hours=6))

    emails = moments(mailbox(tmp_path))
    assert "Tue 01 10h Your exam has a new date" in emails
    assert "Thu 17 17h Pack tonight, sleep tonight" in emails
    assert len([email for email in emails if "Plan from the last day back" in email]) == 1


def test_no_email_of_the_exam_speaks_of_an_interview(exam_town: Town, tmp_path: Path) -> None:
    exam_town.ana(interview_date="2026-12-11", format="panel")
    exam_town.stranger("sam")
    exam_town.tick_until("2026-12-13T10:00", every=timedelta(hours=6))

    emails = mailbox(tmp_path)
    assert len(emails) > 7
    assert [email.subject for email in emails if "interview" in (email.text + email.html).lower()] == []
