"""Issues of a newsletter: who gets one, when, and what keeps it from leaving; on both databases."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest
from letters import (
    WEEKLY,
    crowd,
    how_far,
    issue,
    issue_sends,
    plan_at,
    reader,
    scheduled,
    why,
)
from sqlalchemy import select
from town import KEY, Town

from campaigns.newsletter import NewsletterIssue, published
from delivery.inbox import read_outbox
from scheduler import Send
from scheduler import issue_sends as making
from scheduler.issues import IssueError, cancel, pause, resend, resume
from subscribers import (
    ListSignUp,
    Reason,
    Subscriber,
    Subscription,
    address_hmac,
    ask_for_lists,
    confirm_lists,
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


def test_who_says_yes_in_time_gets_the_issue_and_who_does_not_gets_none(town: Town) -> None:
    asked = {}
    for name in ("kiri", "sam"):
        form = ListSignUp.parse({"email": f"{name}@example.com"}, wanted=["weekly"], lists=[WEEKLY])
        with town.write() as session:
            asked[name] = ask_for_lists(session, form, hmac_key=KEY, now=town.now, source="form").id
            town.reconcile(session, asked[name])
    town.tick()
    assert town.left() == ["join", "join"]
    with town.write() as session:
        place = session.scalars(select(Subscription).filter_by(subscriber_id=asked["kiri"])).one()
        confirm_lists(session, place, lists=[WEEKLY], now=town.now)
        town.reconcile(session, asked["kiri"])
    number = scheduled(town)
    town.tick()
    assert why(town, asked["kiri"]) == ("accepted", "accepted")
    assert (how_far(town, number).readers, town.left()) == (1, ["join", "join", "issue"])
