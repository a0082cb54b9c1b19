"""The last checks: each of them alone keeps an email from leaving."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import ClassVar

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session
from town import KEY, SEQUENCE, Town, composer

from campaigns.enrollment import Campaign, pause
from delivery import read_outbox
from scheduler import Attempt, Composer, Send, State
from scheduler.claiming import CALL, LEASE, claim, find_due
from scheduler.composing import Composed
from scheduler.draft import Draft
from scheduler.drafting import read_drafts
from scheduler.intending import GUARD, Verdict, intend, write_attempts
from subscribers import Interview, Reason, Subscriber, address_hmac, suppress, unsubscribe
from subscribers.own_data import erase

GAPS = {SEQUENCE: timedelta(hours=18)}


@pytest.fixture
def claimed(town: Town) -> list[Draft]:
    """Ana's "Go one level deeper", claimed and read, on Friday morning."""
    town.ana()
    town.tick()
    town.at("2026-11-27 09:09:30")
    return claim_due(town)


def claim_due(town: Town) -> list[Draft]:
    with town.write() as session:
        found = find_due(session, most=10, now=town.now, campaigns=[SEQUENCE])
        ids = [due.send_id for due in found]
        claim(session, ids, token="mine", now=town.now)
        return read_drafts(session, ids, catalog=town.catalog)


def checked(town: Town, drafts: list[Draft], holder: str = "mine") -> Verdict:
    with town.write() as session:
        return intend(session, drafts, token=holder, gaps=GAPS, now=town.now)


def test_what_passes_is_sending_with_its_moment_and_number(town: Town, claimed: list[Draft]) -> None:
    (draft,) = claimed
    with town.write() as session:
        assert intend(session, claimed, token="mine", gaps=GAPS, now=town.now).passed == {draft.send_id}
        write_attempts(session, claimed, worker="w", provider="outbox", now=town.now)
    send = town.send("details")
    assert (send.state, send.attempts, send.claims) == (State.SENDING, 1, 0)
    assert send.intent_at == send.left_at == town.now
    with town.database.read() as session:
        attempt = session.scalars(select(Attempt).where(Attempt.send_id == send.id)).one()
    assert (attempt.number, attempt.kind, attempt.finished_at) == (1, "", None)


def test_an_intent_is_written_once(town: Town, claimed: list[Draft]) -> None:
    assert checked(town, claimed).passed
    assert not checked(town, claimed).passed


def _facts_changed(session: Session, town: Town) -> None:
    session.execute(update(Subscriber).values(epoch=Subscriber.epoch + 1))


def _unsubscribed(session: Session, town: Town) -> None:
    unsubscribe(session, session.scalars(select(Subscriber)).one(), now=town.now)
    _as_planned(session)


def _bounced(session: Session, town: Town) -> None:
    suppress(session, address_hmac("ana@example.com", KEY), Reason.BOUNCED, now=town.now)
    _as_planned(session)


def _erased(session: Session, town: Town) -> None:
    erase(session, session.scalars(select(Subscriber)).one(), now=town.now)
    _as_planned(session)


def _unconfirmed(session: Session, town: Town) -> None:
    session.execute(update(Interview).values(confirmed_at=None))


def _paused(session: Session, town: Town) -> None:
    pause(session, session.get_one(Campaign, SEQUENCE), now=town.now)


def _ending(session: Session, town: Town) -> None:
    session.execute(update(Send).values(expires_at=town.now + CALL - timedelta(seconds=1)))


def _lease_too_short(session: Session, town: Town) -> None:
    session.execute(update(Send).values(lease_until=town.now + CALL + GUARD))


def _lease_of_another(session: Session, town: Town) -> None:
    session.execute(update(Send).values(lease_token="yours"))


def _withdrawn(session: Session, town: Town) -> None:
    claimed = update(Send).where(Send.state == State.CLAIMED)
    session.execute(claimed.values(state=State.PLANNED, lease_token=None))


def _as_planned(session: Session) -> None:
    """Leave the check of the epoch out of it."""
    session.flush()
    session.execute(
        update(Send).values(
            epoch=select(Subscriber.epoch).where(Subscriber.id == Send.subscriber_id).scalar_subquery()
        )
    )


@pytest.mark.parametrize(
    "change",
    [
        _facts_changed, _unsubscribed, _bounced, _erased, _unconfirmed, _paused, _ending, _lease_too_short,
        _lease_of_another, _withdrawn,
    ],
    ids=lambda change: change.__name__.strip("_"),
)  # fmt: skip
def test_one_change_between_claim_and_intent_is_enough(
    town: Town, claimed: list[Draft], change: Callable[[Session, Town], None]
) -> None:
    with town.write() as session:
        change(session, town)
    assert not checked(town, claimed).passed
    assert town.send("details").state != State.SENDING


def test_a_lease_with_a_moment_to_spare_passes(town: Town, claimed: list[Draft]) -> None:
    town.now += LEASE - CALL - GUARD - timedelta(seconds=1)
    assert checked(town, claimed).passed


def test_an_email_that_left_late_keeps_the_next_one_away_for_the_gap(
    town: Town, claimed: list[Draft]
) -> None:
    with town.write() as session:
        left = town.now - timedelta(hours=17)
        session.execute(update(Send).where(Send.step == "welcome").values(left_at=left))
    verdict = checked(town, claimed)
    assert not verdict.passed
    assert verdict.close == {claimed[0].send_id: left + timedelta(hours=18)}


def test_two_in_one_batch_to_one_person_are_one_now_and_one_later(town: Town, claimed: list[Draft]) -> None:
    with town.write() as session:
        values = {"ready_at": town.now, "due_at": town.now, "planned_at": town.now}
        session.execute(update(Send).where(Send.step == "people").values(**values))
    both = [*claimed, *claim_due(town)]
    assert {draft.step for draft in both} == {"details", "people"}
    verdict = checked(town, both)
    assert (len(verdict.passed), len(verdict.close)) == (1, 1)


def test_an_answer_to_an_act_waits_for_no_gap(town: Town) -> None:
    ana = town.ana()
    town.tick()
    town.later(minutes=5).move(ana, "2026-12-11")
    town.tick()
    assert town.left() == ["welcome", "moved"]


class SlowWriter(Composer):
    """Takes four seconds over the first email."""

    town: ClassVar[Town]

    def compose(self, draft: Draft, *, now: datetime) -> Composed:
        made = super().compose(draft, now=now)
        self.town.later(seconds=4)
        return made


@pytest.mark.parametrize(("checked_at", "sent"), [("23:59:50", 1), ("23:59:58", 0)])
def test_tomorrow_is_said_only_until_midnight_where_the_reader_is(
    town: Town, outbox: Path, checked_at: str, sent: int
) -> None:
    """Writing takes four seconds, so that the last check of the second one comes after midnight."""
    town.ana()
    town.tick()
    town.at(f"2026-12-03 {checked_at}")
    with town.write() as session:
        unsent = session.scalars(select(Send).where(Send.state == State.PLANNED)).all()
        for send in unsent:  # as a worker would find it that had nothing else to do all week
            send.planned_at = town.now
            if send.step != "day_before":
                send.ready_at = send.expires_at = town.now + timedelta(days=1)
            else:
                send.ready_at = town.now
    SlowWriter.town = town
    plain = composer(town.catalog)
    slow = SlowWriter(catalog=plain.catalog, links=plain.links, brand=plain.brand, sender=plain.sender)
    assert town.tick(composer=slow).accepted == sent
    assert sum("Tomorrow is the day" in email.text for email in read_outbox(outbox)) == sent


def test_the_wordings_end_is_the_next_midnight_of_the_home_zone(town: Town) -> None:
    town.person("kiri", home_zone="Pacific/Kiritimati", interview_zone="Pacific/Kiritimati")
    (draft,) = claim_due(town)
    made = composer(town.catalog).compose(draft, now=town.now)
    # Monday 09:00 UTC is Monday 23:00 on Kiritimati.
    assert made.true_until == town.now.replace(hour=10, minute=0)
