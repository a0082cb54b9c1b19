"""Spellings of one mailbox are one for limits, also of people who came before it was kept."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import select, update

from runup.database import Database
from subscribers import SignUp, Subscriber, mailbox_hmac, sign_up
from subscribers.mailboxes import fill_mailboxes
from subscribers.own_data import erase

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def test_a_mailbox_is_told_once_and_forgotten_with_its_person(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    with database.write() as session:
        for email in ("an.a+1@gmail.com", "ana@googlemail.com", "sam@example.com"):
            form = SignUp.parse(
                {
                    "email": email,
                    "interview_date": "2026-12-04",
                    "home_zone": "Europe/Berlin",
                    "consent": "1",
                },
                now=NOW,
            )
            sign_up(session, form, campaign="s", hmac_key=b"k", now=NOW, source="form")
        found = select(Subscriber.mailbox_hmac).order_by(Subscriber.id)
        ana, again, sam = session.scalars(found).all()
        assert ana == again == mailbox_hmac("ANA@gmail.com", b"k") != sam
        session.execute(update(Subscriber).values(mailbox_hmac=None))
        session.expire_all()
        assert [fill_mailboxes(session, hmac_key=b"k", most=2) for _ in range(3)] == [2, 1, 0]
        assert session.scalars(found).all() == [ana, again, sam]
        person = session.scalars(select(Subscriber)).first()
        assert person is not None
        erase(session, person, now=NOW)
        assert person.mailbox_hmac is None
        assert fill_mailboxes(session, hmac_key=b"k") == 0
    database.close()
