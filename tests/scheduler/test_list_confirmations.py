"""Somebody asks for a newsletter: one email asks for the yes, one reminds, and nothing else leaves."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from town import KEY, Town

from delivery.inbox import read_outbox
from scheduler import State
from subscribers import (
    ConfirmationExpired,
    Consent,
    InvalidSignUp,
    ListSignUp,
    NewsletterList,
    Reason,
    Subscriber,
    Subscription,
    address_hmac,
    ask_for_lists,
    confirm_lists,
    is_suppressed,
    lists_of,
    suppress,
)

WEEKLY = NewsletterList(key="weekly", name="The weekly")
JOBS = NewsletterList(key="jobs", name="Jobs")
ALUMNI = NewsletterList(key="alumni", name="Alumni", is_public=False)
LISTS = (WEEKLY, JOBS, ALUMNI)


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One database is enough here; test_issues.py asks for a yes on both."""
    return sqlite_url


def ask(town: Town, name: str = "kiri", *keys: str) -> int:
    """Through the form, as the site does it; returns the subscriber's id."""
    values = {"email": f"{name}@example.com", "home_zone": "Pacific/Kiritimati"}
    form = ListSignUp.parse(values, wanted=keys or ("weekly",), lists=LISTS)
    with town.write() as session:
        subscriber = ask_for_lists(
            session, form, hmac_key=KEY, now=town.now, source="form", sender_hmac="f" * 64
        )
        town.reconcile(session, subscriber.id)
        return subscriber.id


def say_yes(town: Town, subscriber_id: int, key: str = "weekly") -> list[str]:
    with town.write() as session:
        place = session.scalars(
            select(Subscription).filter_by(subscriber_id=subscriber_id, list_key=key)
        ).one()
        found = confirm_lists(session, place, lists=LISTS, now=town.now)
        town.reconcile(session, subscriber_id)
        return [each.list_key for each in found]


def on_lists(town: Town, subscriber_id: int) -> set[str]:
    with town.database.read() as session:
        return lists_of(session, subscriber_id)


def test_one_email_asks_and_after_the_yes_no_other_comes(town: Town, outbox: Path) -> None:
    kiri = ask(town, "kiri", "weekly", "jobs")
    town.tick()
    assert town.left() == ["join"]
    (email,) = read_outbox(outbox)
    assert "https://runup.example.com/join/" in email.text
    assert on_lists(town, kiri) == set()
    town.later(hours=2)
    assert say_yes(town, kiri) == ["weekly", "jobs"]
    assert on_lists(town, kiri) == {"weekly", "jobs"}
    town.later(days=3).tick()
    assert town.left() == ["join"]
    assert (town.send("join_again").state, town.send("join_again").detail) == (
        State.SUPERSEDED,
        "confirmed already",
    )


def test_without_a_yes_there_is_one_reminder_and_no_more(town: Town) -> None:
    kiri = ask(town)
    town.tick_until("2026-12-02 09:00", every=timedelta(hours=12))
    assert town.left() == ["join", "join_again"]
    reminder = town.send("join_again")
    assert reminder.left_at
    assert reminder.left_at - town.send("join").left_at >= timedelta(hours=24)
    assert on_lists(town, kiri) == set()
    with pytest.raises(ConfirmationExpired):
        say_yes(town, kiri)
    assert on_lists(town, kiri) == set()


def test_the_yes_is_kept_with_its_wording_moment_and_source(town: Town) -> None:
    kiri = ask(town)
    asked = town.now
    town.later(hours=1)
    say_yes(town, kiri)
    say_yes(town, kiri)  # twice is once
    with town.database.read() as session:
        consent = session.scalars(select(Consent)).one()
        assert session.get_one(Subscriber, kiri).confirmed_at == town.now
    assert (consent.purpose, consent.wording) == ("newsletter:weekly", WEEKLY.wording)
    assert (consent.agreed_at, consent.confirmed_at) == (asked, town.now)
    assert (consent.source, consent.sender_hmac, bool(consent.wording_version)) == ("form", "f" * 64, True)


def test_whoever_types_an_address_changes_nothing_on_the_lists_of_its_owner(town: Town) -> None:
    kiri = ask(town)
    say_yes(town, kiri)
    town.tick()
    before = town.snapshot()
    ask(town, "kiri", "weekly")
    town.tick()
    assert (on_lists(town, kiri), town.snapshot()) == ({"weekly"}, before)


def test_somebody_confirmed_confirms_each_further_list(town: Town) -> None:
    ana = town.ana()
    asked = ask(town, "ana", "jobs")
    assert asked == ana.subscriber_id
    assert on_lists(town, asked) == set()
    assert say_yes(town, asked, "jobs") == ["jobs"]


@pytest.mark.parametrize("key", ["alumni", "no-such-list"])
def test_a_known_list_id_does_not_open_a_private_list(key: str) -> None:
    with pytest.raises(InvalidSignUp) as refused:
        ListSignUp.parse({"email": "eve@example.com"}, wanted=("weekly", key), lists=LISTS)
    assert refused.value.errors == {"lists": "there is no such newsletter; please choose from those shown"}


def test_a_list_made_private_meanwhile_is_not_confirmed(town: Town) -> None:
    kiri = ask(town)
    closed = NewsletterList(key="weekly", name="The weekly", is_public=False)
    with town.write() as session:
        place = session.scalars(select(Subscription)).one()
        with pytest.raises(ConfirmationExpired):
            confirm_lists(session, place, lists=[closed], now=town.now)
    assert on_lists(town, kiri) == set()


def test_requests_for_interviews_and_newsletters_share_what_may_reach_an_address(town: Town) -> None:
    town.stranger("kiri")
    ask(town)
    town.tick()
    assert town.left() == ["confirm"]
    town.later(minutes=11).tick()
    assert town.left() == ["confirm", "join"]
    for _ in range(5):
        town.later(minutes=11)
        ask(town)
        town.tick()
    assert town.left() == ["confirm", "join", "join"]  # three a day, whatever they are for


def test_who_had_left_everything_gets_the_newsletter_they_ask_for_and_nothing_else(town: Town) -> None:
    ana = town.ana()
    asked = ask(town, "ana", "jobs")
    say_yes(town, asked, "jobs")
    town.unsubscribe(ana)
    town.later(hours=1)
    ask(town, "ana", "weekly")
    town.tick()
    assert town.left()[-1] == "join"
    say_yes(town, asked, "weekly")
    assert on_lists(town, asked) == {"weekly"}
    with town.database.read() as session:
        assert not is_suppressed(session, address_hmac("ana@example.com", KEY))
    town.tick_until("2026-12-07 09:00", every=timedelta(hours=12))
    assert "day_before" not in town.left()
    assert "join_again" not in town.left()


def test_an_address_that_bounced_is_asked_nothing(town: Town) -> None:
    with town.write() as session:
        suppress(session, address_hmac("kiri@example.com", KEY), Reason.BOUNCED, now=town.now)
    ask(town)
    town.tick_until("2026-11-26 09:00")
    assert town.left() == []


def test_planning_again_changes_nothing(town: Town) -> None:
    kiri = ask(town, "kiri", "weekly", "jobs")
    before = town.snapshot()
    with town.write() as session:
        town.reconcile(session, kiri)
    assert town.snapshot() == before


def test_leaving_before_the_yes_withdraws_the_reminder(town: Town) -> None:
    kiri = ask(town)
    town.tick()
    with town.write() as session:
        place = session.scalars(select(Subscription)).one()
        place.ended_at = town.now
        town.reconcile(session, kiri)
    assert town.send("join_again").reason == "unsubscribed"
