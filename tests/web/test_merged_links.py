"""Links in emails to a spelling that was merged go on working, for who is kept."""

from __future__ import annotations

import re

import pytest

from scheduler.merging import merge_people
from subscribers import (
    NewsletterList,
    Purpose,
    Subscriber,
    Subscription,
    address_hmac,
    is_suppressed,
    join_list,
)

NEWS = NewsletterList(key="newsletter", name="The newsletter")


@pytest.fixture
def ana(visitor):
    """Ana, once by her name and once with a plus sign, made one. Her kept and her given-up interview, and the
    place on a list of the second."""
    app = visitor.application
    kept = visitor.confirmed()
    app.clock.forward(minutes=15)
    lost = visitor.confirmed(email="ana+work@example.com")
    with app.database.write() as session:
        people = [session.get_one(Subscriber, each.subscriber_id) for each in (kept, lost)]
        for person in people:
            join_list(session, person, NEWS, now=app.clock(), source="form")
        place = session.query(Subscription).filter_by(subscriber_id=lost.subscriber_id).one().id
        merge_people(session, *people, catalog=app.catalog, now=app.clock())
    return kept, lost, place


def test_a_plan_a_calendar_and_a_feed_are_those_of_who_is_kept(visitor, ana):
    kept, lost, _ = ana
    pages = [visitor.get(visitor.path(Purpose.PLAN, each.id)) for each in (lost, kept)]
    assert [page.status_code for page in pages] == [200, 200]
    texts = [
        re.sub(r"/(plan|calendar|feed|unsubscribe)/[\w.-]+|value=\"[\w.-]{40,}\"", "", p.text) for p in pages
    ]
    assert texts[0] == texts[1]
    for purpose, old, new in (
        (Purpose.CALENDAR, lost.id, kept.id), (Purpose.FEED, lost.subscriber_id, kept.subscriber_id),
    ):  # fmt: skip
        answers = [visitor.get(visitor.path(purpose, each) + ".ics") for each in (old, new)]
        assert [answer.status_code for answer in answers] == [200, 200]
        assert answers[0].text == answers[1].text
    moved = visitor.send(
        visitor.path(Purpose.PLAN, lost.id, "move"),
        {"interview_date": "2026-12-11", "interview_time": "14:00", "interview_zone": "Europe/Berlin"},
        page=visitor.path(Purpose.PLAN, lost.id),
    )
    assert moved.status_code == 303
    assert [f"{each.held_on}" for each in visitor.interviews()] == ["2026-12-11", "2026-12-04"]


def test_leaving_and_unsubscribing_by_an_old_link_hold_for_who_is_kept(visitor, ana):
    kept, lost, place = ana
    app = visitor.application
    assert visitor.http.post(visitor.path(Purpose.LEAVE, place)).status_code == 200
    with app.database.read() as session:
        own = session.query(Subscription).filter_by(subscriber_id=kept.subscriber_id).one()
        assert own.ended_at is not None
    one_click = {"List-Unsubscribe": "One-Click"}
    answer = visitor.http.post(visitor.path(Purpose.UNSUBSCRIBE, lost.subscriber_id), data=one_click)
    assert answer.status_code == 200
    with app.database.read() as session:
        assert is_suppressed(session, address_hmac("ana@example.com", app.hmac_key))
    assert "Already confirmed" in visitor.get(visitor.path(Purpose.CONFIRM, lost.id)).text
