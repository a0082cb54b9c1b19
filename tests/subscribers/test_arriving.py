"""Sign-ups of one moment, written down together: the same rows as one after the other, on both databases."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from threading import Barrier
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from runup.database import Database
from subscribers import Consent, Interview, Mode, SignUp, Subscriber, confirm, sign_up
from subscribers.arriving import Arrival, sign_up_together

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
KEY = b"k" * 32
ANA = SignUp(
    address="ana@example.com",
    first_name="Ana",
    held_on=date(2026, 12, 4),
    start_time=time(14),
    zone="Europe/Berlin",
    home_zone="America/St_Johns",
    mode=Mode.VIDEO,
    company="Nordwind",
    decision_on=date(2026, 12, 11),
    locale="de",
)
SAM = replace(ANA, address="sam@example.com", first_name="Sam", start_time=None, decision_on=None)
_OWN = {"id", "subscriber_id", "interview_id"}


def together(session: Session, *forms: SignUp, now: datetime = NOW) -> list[int]:
    sent = [Arrival(form=form, source="api", sender_hmac="f" * 64, wording="Ja") for form in forms]
    return sign_up_together(session, sent, campaign="second_interview", hmac_key=KEY, now=now)


def alone(session: Session, form: SignUp) -> Interview:
    return sign_up(
        session, form, campaign="second_interview", hmac_key=KEY, now=NOW, source="api", sender_hmac="f" * 64,
        wording="Ja",
    )  # fmt: skip


def rows(session: Session) -> list[list[dict[str, Any]]]:
    """Everything that is known of everybody, but for which number it has."""
    found = []
    for model in (Subscriber, Interview, Consent):
        columns: Sequence[Any] = [each for each in model.__table__.columns if each.name not in _OWN]
        found.append(sorted((dict(row) for row in session.execute(select(*columns)).mappings()), key=repr))
    return found


def count(session: Session) -> list[int]:
    models = (Subscriber, Interview, Consent)
    return [session.scalar(select(func.count()).select_from(model)) or 0 for model in models]


def test_together_leaves_what_each_alone_leaves(database: Database) -> None:
    with database.write() as session:
        before = session.begin_nested()
        alone(session, ANA)
        alone(session, SAM)
        one_by_one = rows(session)
        before.rollback()
        people = together(session, SAM, ANA)
        assert rows(session) == one_by_one
        assert sorted(session.scalars(select(Subscriber.id))) == people
        for interview in session.scalars(select(Interview)):
            consent = session.scalars(select(Consent).filter_by(interview_id=interview.id)).one()
            assert consent.subscriber_id == interview.subscriber_id


def test_one_address_twice_in_a_moment_is_one_person_whose_last_word_counts(database: Database) -> None:
    shouted = replace(ANA, address="ANA@example.com", start_time=time(9), company="Südwind")
    with database.write() as session:
        people = together(session, ANA, SAM, shouted)
        assert (count(session), len(people)) == ([2, 2, 3], 2)
        ana = session.scalars(select(Interview).where(Interview.company == "Südwind")).one()
        assert (ana.start_time, ana.subscriber.address) == (time(9), "ana@example.com")


def test_a_form_in_a_crowd_never_changes_what_is_confirmed(database: Database) -> None:
    with database.write() as session:
        mine = confirm(session, alone(session, ANA), now=NOW)
        epoch = mine.subscriber.epoch
        mallory = replace(ANA, first_name="Mallory", home_zone="Asia/Tokyo", start_time=time(9))
        assert mine.subscriber_id in together(session, SAM, mallory, now=NOW + timedelta(hours=1))
        session.refresh(mine)
        session.refresh(mine.subscriber)
        assert (mine.start_time, mine.subscriber.first_name) == (time(14), "Ana")
        assert (mine.subscriber.home_zone, mine.subscriber.epoch) == ("America/St_Johns", epoch + 1)
        assert count(session) == [2, 3, 3], "what Mallory typed waits for Ana's yes"


def test_crowds_with_people_in_common_wait_for_each_other_and_write_nobody_twice(database: Database) -> None:
    """Four processes' worth, each in another order: nobody ends in a deadlock."""
    forms = [replace(ANA, address=f"person{number}@example.com") for number in range(12)]
    orders = [forms, forms[::-1], forms[6:] + forms[:6], forms[1::2] + forms[::2]]
    at_the_door = Barrier(len(orders))

    def arrive(order: list[SignUp]) -> list[int]:
        at_the_door.wait()
        with database.write() as session:
            return together(session, *order)

    with ThreadPoolExecutor(len(orders)) as threads:
        people = list(threads.map(arrive, orders))
    assert all(each == people[0] for each in people)
    with database.read() as session:
        assert count(session) == [12, 12, 48]
