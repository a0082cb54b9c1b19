"""What an issue waits for, and what its doors allow: rules that no database changes."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest
from letters import (
    WEEKLY,
    crowd,
    draft,
    how_far,
    issue,
    join,
    plan_at,
    reader,
    scheduled,
    why,
)
from sendgrid_fake import SendGridFake
from sendgrid_faults import answer
from town import Town

from delivery.inbox import read_outbox
from scheduler.issues import IssueError, approve, cancel, pause, reopen, resend, resume, schedule, unschedule
from scheduler.pacing import Pace
from subscribers import (
    Subscriber,
    pause_emails,
)


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One database is enough here."""
    return sqlite_url


def test_the_email_leaves_its_list_with_one_click(town: Town, outbox: Path) -> None:
    reader(town, "ana")
    scheduled(town)
    town.tick()
    (email,) = read_outbox(outbox)
    assert email.subject == "One thing to try"
    assert "https://runup.example.com/leave/" in email.text
    assert "https://runup.example.com/newsletters/" in email.text
    headers = dict(email.headers)
    assert "/leave/" in headers["List-Unsubscribe"]
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert "weekly.runup.example.com" in headers["List-Id"]


def test_an_hour_that_a_zone_skips_comes_one_gap_later(town: Town) -> None:
    """Troll skips from one to three on 28 March 2027; RFC 5545 takes the offset before the gap."""
    reader(town, "troll", "Antarctica/Troll")
    town.now = datetime(2027, 3, 27, 9, 0, tzinfo=UTC)
    scheduled(town, local_on=date(2027, 3, 28), local_time=time(1, 30))
    town.later(hours=12).tick()
    (send,) = town.sends()
    assert (send.due_at, send.local_at) == (datetime(2027, 3, 28, 1, 30, tzinfo=UTC), "2027-03-28T03:30:00")


def test_limits_that_cannot_hold_are_refused_before_anything_leaves(town: Town) -> None:
    crowd(town, 100)
    with pytest.raises(IssueError, match="take 10 hours, and they end after 2 hours"):
        scheduled(town, **plan_at(town, per_hour=10, expires_after=timedelta(hours=2)))
    assert Pace(None, (10, 20)).lasts(100) == timedelta(days=2)
    assert Pace(10, (1000,)).lasts(480) == timedelta(days=2)


def test_a_newsletter_steps_back_for_the_eve_of_an_interview(town: Town) -> None:
    ana = town.ana()
    join(town, ana.subscriber_id)
    town.tick_until("2026-12-02 18:00", every=timedelta(hours=12))
    number = scheduled(town, **plan_at(town, expires_after=timedelta(days=5)))
    town.tick_until("2026-12-04 20:00", every=timedelta(hours=12))
    eve, thanks = town.send("day_before"), town.send("thanks")
    assert (eve.state, thanks.state) == ("accepted", "accepted")
    assert how_far(town, number).arrived == 0
    town.tick_until("2026-12-07 09:00", every=timedelta(hours=12))
    (sent,) = town.sends(issue_id=number)
    assert sent.left_at
    assert thanks.left_at
    assert sent.left_at >= thanks.left_at + timedelta(hours=18)


def test_a_newsletter_waits_for_the_gap_and_never_pushes_a_sequence_email(town: Town) -> None:
    ana, without = town.ana(), town.person("sam")
    join(town, ana.subscriber_id)
    town.tick()
    number = scheduled(town)
    town.tick()
    assert how_far(town, number).waiting == 1, "the welcome has just left"
    town.tick_until("2026-12-08 09:00", every=timedelta(hours=12))
    assert why(town, ana.subscriber_id) == ("accepted", "accepted")

    def left(one: int) -> list[tuple[str, datetime | None]]:
        sends = town.sends(subscriber_id=one, state="accepted", issue_id=None)
        return [(send.step, send.left_at and send.left_at.replace(minute=0, second=0)) for send in sends]

    assert left(ana.subscriber_id) == left(without.subscriber_id)


def test_what_waits_for_somebodys_gap_past_its_end_ends_with_that_reason(town: Town) -> None:
    ana = town.ana()
    join(town, ana.subscriber_id)
    town.tick()
    scheduled(town, **plan_at(town, expires_after=timedelta(hours=3)))
    town.tick()
    town.later(hours=4).tick()
    assert why(town, ana.subscriber_id) == ("expired", "deferred_gap")


def test_many_that_wait_by_the_rule_and_end_together_put_no_brake_on(town: Town) -> None:
    people = town.people(25)
    for one in people:
        join(town, one.subscriber_id)
    town.tick()
    number = scheduled(town, **plan_at(town, expires_after=timedelta(hours=3)))
    town.tick()
    town.later(hours=4)
    assert town.tick().held == ""
    assert how_far(town, number).left_out == {"deferred_gap": 25}


def test_a_pause_of_the_reader_holds_it_until_that_ends(town: Town) -> None:
    kiri = reader(town, "kiri")
    with town.write() as session:
        person = session.get_one(Subscriber, kiri)
        pause_emails(session, person, until_on=date(2026, 11, 25), now=town.now)
        town.reconcile(session, kiri)
    scheduled(town, **plan_at(town, expires_after=timedelta(days=3)))
    town.tick()
    assert why(town, kiri) == ("planned", None)
    town.tick_until("2026-11-25 07:30")
    (send,) = town.sends()
    assert send.left_at == datetime(2026, 11, 25, 6, 0, tzinfo=UTC)


def test_each_door_opens_in_its_own_state_only(town: Town) -> None:
    reader(town, "kiri")
    number = draft(town)
    doors = {
        "schedule": lambda session: schedule(session, number, now=town.now, at=town.now),
        "unschedule": lambda session: unschedule(session, number),
        "pause": lambda session: pause(session, number, now=town.now),
        "resume": lambda session: resume(session, number, now=town.now),
        "resend": lambda session: resend(session, number, now=town.now),
        "reopen": lambda session: reopen(session, number),
    }
    before = issue(town, number).state
    for door in doors.values():
        with town.write() as session, pytest.raises(IssueError):
            door(session)
    assert issue(town, number).state == before == "draft"
    with town.write() as session:
        approve(session, number, now=town.now)
        with pytest.raises(IssueError, match="only one that is draft"):
            approve(session, number, now=town.now)
        schedule(session, number, now=town.now, at=town.now + timedelta(hours=1))
        cancel(session, number, now=town.now)
        with pytest.raises(IssueError, match="is canceled"):
            cancel(session, number, now=town.now)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({}, "either one moment"),
        ({"at": datetime(2026, 11, 23, 9)}, "has no time zone"),
        ({"local_on": date(2026, 11, 25)}, "needs a day and a time"),
        ({"local_on": date(2026, 11, 20), "local_time": time(9)}, "has passed everywhere"),
        ({"at": datetime(2026, 11, 21, 9, tzinfo=UTC)}, "has passed everywhere"),
        ({"at": datetime(2026, 11, 24, 9, tzinfo=UTC), "warm_up": (5, 3)}, "grows from day to day"),
        ({"at": datetime(2026, 11, 24, 9, tzinfo=UTC), "per_hour": 0}, "at least 1"),
    ],
)
def test_a_moment_or_a_limit_that_makes_no_sense_is_refused(
    town: Town, how: dict[str, object], message: str
) -> None:
    reader(town, "kiri")
    number = draft(town)
    with town.write() as session:
        approve(session, number, now=town.now)
        with pytest.raises(IssueError, match=message):
            schedule(session, number, now=town.now, **how)  # type: ignore[arg-type]


def test_a_list_without_readers_is_refused_and_not_sent_to_nobody(town: Town) -> None:
    with pytest.raises(IssueError, match=f"nobody is on the list {WEEKLY.key!r}"):
        scheduled(town)


def test_words_that_the_provider_refuses_pause_the_issue_and_not_the_confirmations(
    posting_town: Town, sendgrid: SendGridFake
) -> None:
    town = posting_town
    crowd(town, 8)
    number = scheduled(town)
    refused = answer(400, body=b'{"errors": [{"message": "The subject is required"}]}')
    sendgrid.choose_fault = lambda: refused
    town.tick()
    row = issue(town, number)
    assert row.paused_at is not None
    assert "refused" in row.why_paused
