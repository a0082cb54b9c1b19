"""What the sign-up form promises: the details are deleted thirty days after the interview."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select
from town import Town

from runup.database import Base
from scheduler import Send, State
from scheduler.retention import forget_overdue
from scheduler.send import OPEN
from subscribers import Interview, Subscriber, Subscription
from subscribers.own_data import erase

AFTER = "2027-01-05T09:00"
"""Thirty-two days after Friday 4 December."""


def forget(town: Town) -> int:
    with town.write() as session:
        return forget_overdue(session, catalog=town.catalog, now=town.now)


def everything(town: Town) -> str:
    with town.database.read() as session:
        return " ".join(
            str(row) for table in Base.metadata.sorted_tables for row in session.execute(select(table))
        )


def test_thirty_days_after_the_interview_nothing_is_known_of_ana(town: Town) -> None:
    town.ana(company="Quarkwerke")
    town.tick_until("2027-01-02T09:00", every=timedelta(days=3))
    assert forget(town) == 0
    assert "Quarkwerke" in everything(town)
    town.at(AFTER)
    assert forget(town) == 1
    for told in ("ana@", "Ana", "Quarkwerke"):
        assert told not in everything(town)
    with town.database.read() as session:
        assert session.scalars(select(Subscriber)).one().address is None


def test_what_was_sent_stays_as_a_bare_count(town: Town) -> None:
    town.ana()
    town.tick_until("2027-01-02T09:00", every=timedelta(days=3))
    with town.database.read() as session:
        before = sorted(session.execute(select(Send.step, Send.state)).all())
    town.at(AFTER)
    forget(town)
    with town.database.read() as session:
        assert sorted(session.execute(select(Send.step, Send.state)).all()) == before
        assert not session.scalars(select(Send).where(Send.state.in_(OPEN))).all()


def test_forgetting_twice_is_forgetting_once(town: Town) -> None:
    town.ana()
    town.tick_until("2027-01-02T09:00", every=timedelta(days=3))
    town.at(AFTER)
    assert forget(town) == 1
    assert forget(town) == 0


def test_who_is_forgotten_is_welcome_to_sign_up_again(town: Town) -> None:
    town.ana()
    town.tick_until("2027-01-02T09:00", every=timedelta(days=3))
    town.at(AFTER)
    forget(town)
    town.ana(interview_date="2027-01-22")
    town.tick()
    with town.database.read() as session:
        newest = session.scalars(select(Interview).order_by(Interview.id.desc())).first()
        left = session.scalars(
            select(Send).where(Send.state == State.ACCEPTED).order_by(Send.id.desc())
        ).first()
    assert newest is not None
    assert left is not None
    assert (newest.held_on.isoformat(), left.step) == ("2027-01-22", "welcome")


def test_of_two_interviews_only_the_old_one_is_forgotten(town: Town) -> None:
    town.ana(company="Quarkwerke")
    town.ana(interview_date="2027-01-20", company="Nordwind")
    town.at(AFTER)
    assert forget(town) == 1
    told = everything(town)
    assert "Quarkwerke" not in told
    assert "Nordwind" in told
    assert "ana@example.com" in told


def test_who_stays_for_the_newsletter_is_known_but_not_their_interview(town: Town) -> None:
    interview = town.ana(company="Quarkwerke")
    with town.write() as session:
        session.add(
            Subscription(
                subscriber_id=interview.subscriber_id,
                list_key="news",
                subscribed_at=town.now,
                confirmed_at=town.now,
            )
        )
    town.at(AFTER)
    assert forget(town) == 1
    told = everything(town)
    assert "ana@example.com" in told
    assert "Quarkwerke" not in told


def test_a_sign_up_nobody_confirmed_is_forgotten_after_a_week(town: Town) -> None:
    town.stranger("kiri", interview_date="2027-05-07")
    town.later(days=6)
    assert forget(town) == 0
    town.later(days=2)
    assert forget(town) == 1
    assert "kiri@" not in everything(town)


def test_many_are_forgotten_in_bounded_steps(town: Town) -> None:
    town.people(7)
    town.at(AFTER)
    with town.write() as session:
        assert forget_overdue(session, catalog=town.catalog, now=town.now, most=5) == 5
    assert forget(town) == 2


def test_coming_back_after_an_erasure_is_ones_own_choice(town: Town) -> None:
    interview = town.ana()
    with town.write() as session:
        erase(session, session.get_one(Subscriber, interview.subscriber_id), now=town.now)
        town.reconcile(session, interview.subscriber_id)
    town.later(days=1, minutes=1)
    again = town.stranger("ana")
    town.tick()
    with town.database.read() as session:
        left = session.scalars(select(Send.step).where(Send.subscriber_id == again.subscriber_id)).all()
    assert sorted(left) == ["confirm", "confirm_again"]
