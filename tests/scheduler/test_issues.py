"""Issues of a newsletter: who gets one, when, and what keeps it from leaving."""

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
    issue_sends,
    join,
    plan_at,
    reader,
    scheduled,
    why,
)
from sendgrid_fake import SendGridFake
from sendgrid_faults import answer
from sqlalchemy import select
from town import KEY, Town

from campaigns.newsletter import NewsletterIssue, published
from delivery.inbox import read_outbox
from scheduler import Send
from scheduler import issue_sends as making
from scheduler.issues import IssueError, approve, cancel, pause, reopen, resend, resume, schedule, unschedule
from scheduler.pacing import Pace
from subscribers import (
    Reason,
    Subscriber,
    Subscription,
    address_hmac,
    leave_list,
    pause_emails,
    suppress,
    unsubscribe,
)
from subscribers.own_data import erase


def test_everybody_on_the_list_gets_it_once_and_then_everybody_may_read_it(town: Town, outbox: Path) -> None:
    people = [reader(town, name) for name in ("ana", "kiri", "sam")]
    number = scheduled(town)
    town.tick()
    town.later(seconds=2).tick()
    assert {why(town, one) for one in people} == {("accepted", "accepted")}
    assert sorted(email.recipient for email in read_outbox(outbox)) == [
        "ana@example.com",
        "kiri@example.com",
        "sam@example.com",
    ]
    row = issue(town, number)
    assert (row.state, row.sent_at) == ("sent", town.now)
    with town.database.read() as session:
        assert [each.id for each in published(session, ["weekly"])] == [number]
    before = town.snapshot()
    town.later(hours=30).tick()
    assert town.snapshot() == before


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


def test_whoever_waits_for_their_yes_has_left_or_must_not_be_written_to_gets_nothing_and_we_know_why(
    town: Town,
) -> None:
    bounced, left_all, gone, left, paused = (
        reader(town, name) for name in ("bounced", "all", "gone", "left", "paused")
    )
    ok = reader(town, "ok")
    with town.write() as session:
        person = {one: session.get_one(Subscriber, one) for one in (left_all, gone, left, paused)}
        suppress(session, address_hmac("bounced@example.com", KEY), Reason.BOUNCED, now=town.now)
        unsubscribe(session, person[left_all], now=town.now)
        erase(session, person[gone], now=town.now)
        leave_list(session, person[left], "weekly", now=town.now)
        pause_emails(session, person[paused], until_on=None, now=town.now)
        waiting = Subscriber(address="w@example.com", home_zone="UTC", created_at=town.now)
        session.add(waiting)
        session.flush()
        session.add(Subscription(subscriber_id=waiting.id, list_key="weekly", subscribed_at=town.now))
        for one in person:
            town.reconcile(session, one)
    number = scheduled(town)
    town.tick()
    assert why(town, ok) == ("accepted", "accepted")
    assert why(town, bounced) == ("suppressed", "suppressed_bounce")
    assert why(town, left_all) == ("suppressed", "unsubscribed")
    assert why(town, paused) == ("expired", "paused_by_subscriber")
    assert issue_sends(town) == 4, "who is not on the list has no row"
    told = how_far(town, number)
    assert (told.readers, told.arrived, sum(told.left_out.values())) == (4, 1, 3)


def test_an_audience_of_five_says_what_became_of_the_other_five(town: Town) -> None:
    """A list of ten of which five are admitted: the numbers say five, not ten (Plunk #337)."""
    crowd(town, 5, zone="Asia/Tokyo", first=10)
    crowd(town, 5, zone="Europe/Berlin", first=20)
    number = scheduled(town, audience="subscriber.home_zone == 'Asia/Tokyo'")
    town.tick()
    told = how_far(town, number)
    assert (told.readers, told.arrived, told.waiting, told.left_out) == (5, 5, 0, {})


@pytest.mark.parametrize("die_after", [1, 2, 3])
def test_a_crash_while_sends_are_made_loses_and_doubles_nobody(town: Town, die_after: int) -> None:
    crowd(town, 25)
    number = scheduled(town)
    with town.write() as session:
        session.get_one(NewsletterIssue, number).state = "sending"
        session.get_one(NewsletterIssue, number).started_at = town.now
    for _ in range(die_after):
        with town.write() as session:
            making.expand(session, number, now=town.now, most=7)
    with pytest.raises(RuntimeError, match="killed"):
        _die_before_the_commit(town, number)
    town.tick()
    assert (issue_sends(town), how_far(town, number).arrived) == (25, 25)


def _die_before_the_commit(town: Town, number: int) -> None:
    with town.write() as session:
        making.expand(session, number, now=town.now, most=7)
        raise RuntimeError("killed")


def test_one_hour_of_the_day_where_each_reader_lives(town: Town) -> None:
    people = {
        zone: reader(town, zone.partition("/")[2].lower(), zone)
        for zone in ("Pacific/Kiritimati", "Asia/Tokyo", "Europe/Berlin", "America/New_York")
    }
    number = scheduled(town, local_on=date(2026, 11, 25), local_time=time(9))
    assert issue_sends(town) == 0
    town.tick_until("2026-11-26 12:00")
    with town.database.read() as session:
        left = {send.subscriber_id: send.left_at for send in session.scalars(select(Send))}
    assert {zone: left[one] for zone, one in people.items()} == {
        "Pacific/Kiritimati": datetime(2026, 11, 24, 19, 0, tzinfo=UTC),
        "Asia/Tokyo": datetime(2026, 11, 25, 0, 0, tzinfo=UTC),
        "Europe/Berlin": datetime(2026, 11, 25, 8, 0, tzinfo=UTC),
        "America/New_York": datetime(2026, 11, 25, 14, 0, tzinfo=UTC),
    }
    assert issue(town, number).state == "sent"


def test_an_hour_that_a_zone_skips_comes_one_gap_later(town: Town) -> None:
    """Troll skips from one to three on 28 March 2027; RFC 5545 takes the offset before the gap."""
    reader(town, "troll", "Antarctica/Troll")
    town.now = datetime(2027, 3, 27, 9, 0, tzinfo=UTC)
    scheduled(town, local_on=date(2027, 3, 28), local_time=time(1, 30))
    town.later(hours=12).tick()
    (send,) = town.sends()
    assert (send.due_at, send.local_at) == (datetime(2027, 3, 28, 1, 30, tzinfo=UTC), "2027-03-28T03:30:00")


def test_paused_nothing_leaves_and_resumed_the_rest_does(town: Town) -> None:
    crowd(town, 6)
    number = scheduled(town, **plan_at(town, per_hour=120))
    town.tick()
    assert how_far(town, number).arrived == 2
    with town.write() as session:
        pause(session, number, now=town.now)
    town.later(hours=1).tick()
    assert how_far(town, number).arrived == 2
    with town.write() as session:
        resume(session, number, now=town.now)
    town.tick()
    town.later(minutes=1).tick()
    assert how_far(town, number).arrived == 6


def test_a_cancel_that_works(town: Town) -> None:
    crowd(town, 6)
    number = scheduled(town, **plan_at(town, per_hour=120))
    town.tick()
    with town.write() as session:
        cancel(session, number, now=town.now)
    town.later(hours=2).tick()
    town.later(seconds=2).tick()
    told = how_far(town, number)
    assert (told.state, told.arrived, told.left_out) == ("canceled", 2, {"canceled": 4})
    with town.database.read() as session:
        assert published(session, ["weekly"]) == []


def test_a_warm_up_lets_few_leave_on_the_first_days(town: Town) -> None:
    crowd(town, 20)
    number = scheduled(town, **plan_at(town, warm_up=(3, 5), expires_after=timedelta(days=4)))
    arrived = []
    for _ in range(3):
        town.tick()
        town.later(hours=12).tick()
        arrived.append(how_far(town, number).arrived)
        town.later(hours=12)
    assert arrived == [3, 8, 20]


def test_limits_that_cannot_hold_are_refused_before_anything_leaves(town: Town) -> None:
    crowd(town, 100)
    with pytest.raises(IssueError, match="take 10 hours, and they end after 2 hours"):
        scheduled(town, **plan_at(town, per_hour=10, expires_after=timedelta(hours=2)))
    assert Pace(None, (10, 20)).lasts(100) == timedelta(days=2)
    assert Pace(10, (1000,)).lasts(480) == timedelta(days=2)


def test_what_ends_unsent_says_so_and_is_sent_again_to_those_alone(town: Town, outbox: Path) -> None:
    crowd(town, 6)
    number = scheduled(town, **plan_at(town, per_hour=120))
    town.tick()
    with town.write() as session:
        pause(session, number, now=town.now)
    town.later(hours=25).tick()
    assert how_far(town, number).left_out == {"paused_expired": 4}
    town.later(seconds=2).tick()
    assert issue(town, number).state == "sent"
    had = {email.recipient for email in read_outbox(outbox)}
    with town.write() as session:
        resend(session, number, now=town.now)
    for _ in range(3):
        town.tick()
        town.later(minutes=2)
    told = how_far(town, number)
    assert (told.readers, told.arrived, told.left_out, told.state) == (6, 6, {}, "sent")
    received = [email.recipient for email in read_outbox(outbox)]
    assert (len(received), len(set(received))) == (6, 6)
    assert len(had) == 2
    with town.write() as session, pytest.raises(IssueError, match="nobody to send it to again"):
        resend(session, number, now=town.now)


def test_a_newsletter_steps_back_for_the_eve_of_an_interview(town: Town) -> None:
    ana = town.ana()
    join(town, ana.subscriber_id)
    town.tick_until("2026-12-02 18:00")
    number = scheduled(town, **plan_at(town, expires_after=timedelta(days=5)))
    town.tick_until("2026-12-04 20:00")
    eve, thanks = town.send("day_before"), town.send("thanks")
    assert (eve.state, thanks.state) == ("accepted", "accepted")
    assert how_far(town, number).arrived == 0
    town.tick_until("2026-12-07 09:00")
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
    town.tick_until("2026-12-08 09:00")
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
