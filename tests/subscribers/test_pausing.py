"""A rest from our emails: until a day, until further notice, of everything or of one interview."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from subscribers import (
    EmailPause,
    InvalidPause,
    SignUp,
    confirm,
    go_on,
    lasting_pause,
    pause_emails,
    sign_up,
)
from subscribers.own_data import erase, own_data

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
KEY = b"the tests' own key"


@pytest.fixture
def session(database):
    with database.write() as session:
        yield session


def joined(session, *, now=NOW, day="2026-12-04", zone="Europe/Berlin"):
    values = {"email": "ana@example.com", "interview_date": day, "home_zone": zone, "consent": "yes"}
    form = SignUp.parse(values, now=now)
    interview = sign_up(session, form, campaign="second_interview", hmac_key=KEY, now=now, source="form")
    return confirm(session, interview, now=now)


def test_a_pause_until_a_day_ends_on_its_morning_where_the_person_lives(session):
    ana = joined(session, zone="Pacific/Kiritimati").subscriber
    assert pause_emails(session, ana, until_on=date(2026, 12, 1), now=NOW)
    pause = lasting_pause(session, ana, now=NOW)
    assert pause.ends_at(ana.home_zone) == datetime(2026, 11, 30, 17, 0, tzinfo=UTC)
    assert lasting_pause(session, ana, now=datetime(2026, 11, 30, 17, 0, tzinfo=UTC)) is None


def test_twice_is_once_and_another_day_changes_the_pause_that_lasts(session):
    ana = joined(session).subscriber
    assert pause_emails(session, ana, until_on=None, now=NOW)
    epoch = ana.epoch
    assert not pause_emails(session, ana, until_on=None, now=NOW + timedelta(days=1))
    assert ana.epoch == epoch
    assert pause_emails(session, ana, until_on=date(2026, 12, 1), now=NOW + timedelta(days=1))
    assert ana.epoch == epoch + 1
    assert session.query(EmailPause).count() == 1


def test_going_on_ends_it_once_and_says_whether_there_was_anything_to_end(session):
    ana = joined(session).subscriber
    assert not go_on(session, ana, now=NOW)
    pause_emails(session, ana, until_on=None, now=NOW)
    assert go_on(session, ana, now=NOW + timedelta(days=2))
    assert not go_on(session, ana, now=NOW + timedelta(days=2))
    assert lasting_pause(session, ana, now=NOW + timedelta(days=2)) is None


def test_the_pause_of_one_interview_is_not_the_pause_of_all(session):
    interview = joined(session)
    ana = interview.subscriber
    pause_emails(session, ana, until_on=None, now=NOW, interview=interview)
    assert lasting_pause(session, ana, now=NOW) is None
    assert lasting_pause(session, ana, now=NOW, interview=interview) is not None
    assert not go_on(session, ana, now=NOW)


def test_who_confirms_another_interview_wants_emails_again(session):
    ana = joined(session).subscriber
    pause_emails(session, ana, until_on=None, now=NOW)
    joined(session, now=NOW + timedelta(days=1), day="2026-12-18")
    assert lasting_pause(session, ana, now=NOW + timedelta(days=1)) is None


@pytest.mark.parametrize("day", ["2026-11-22", "2026-11-23", "2027-11-24", "9999-12-31"])
def test_a_day_nobody_can_pause_until_is_refused_and_nothing_changes(session, day):
    ana = joined(session).subscriber
    epoch = ana.epoch
    with pytest.raises(InvalidPause):
        pause_emails(session, ana, until_on=date.fromisoformat(day), now=NOW)
    assert ana.epoch == epoch
    assert lasting_pause(session, ana, now=NOW) is None


def test_a_pause_is_part_of_ones_data_and_goes_with_it(session):
    ana = joined(session).subscriber
    pause_emails(session, ana, until_on=date(2026, 12, 1), now=NOW)
    [told] = own_data(session, ana)["pauses"]
    assert told["until_on"] == date(2026, 12, 1)
    erase(session, ana, now=NOW)
    assert session.query(EmailPause).count() == 0
