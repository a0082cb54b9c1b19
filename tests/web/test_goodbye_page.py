"""The page that says goodbye offers what else somebody may have meant: one POST each, within a day."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from scheduler import outlook, reconcile
from subscribers import (
    EmailPause,
    Interview,
    NewsletterList,
    Purpose,
    Reason,
    Subscriber,
    address_hmac,
    is_suppressed,
    join_list,
    lists_of,
    suppress,
)

LETTER = NewsletterList(key="newsletter", name="The letter")


@pytest.fixture
def interview(visitor):
    interview = visitor.confirmed()
    visitor.application.clock.forward(minutes=10)
    return interview


@pytest.fixture
def reader(visitor, interview):
    """Ana is on the newsletter, too."""
    app = visitor.application
    with app.database.write() as session:
        ana = session.get_one(Subscriber, interview.subscriber_id)
        join_list(session, ana, LETTER, now=app.clock(), source="plan")
        reconcile(session, ana.id, catalog=app.catalog, now=app.clock())
    return interview


def say_goodbye(visitor, interview):
    """As a person does on the page."""
    return visitor.http.post(visitor.path(Purpose.UNSUBSCRIBE, interview.subscriber_id), data={"page": "yes"})


def offered(page):
    return dict(re.findall(r'name="only" value="([^"]+)">([^<]+)<', page.text))


def keep(visitor, page, only):
    action = re.search(r'action="(/keep/[^"]+)"', page.text)[1]
    token = re.search(r'name="form_token" value="([^"]+)"', page.text)[1]
    return visitor.http.post(action, data={"form_token": token, "only": only})


def coming(visitor, interview):
    app = visitor.application
    with app.database.read() as session:
        lines = outlook(session, interview.subscriber_id, catalog=app.catalog)
    return [line.step for line in lines if line.kind == "coming" and line.interview_id == interview.id]


def lists(visitor, interview):
    with visitor.application.database.read() as session:
        return lists_of(session, interview.subscriber_id)


def test_it_offers_only_what_there_is(visitor, interview):
    assert list(offered(say_goodbye(visitor, interview))) == [f"interview-{interview.id}", "everything"]


def test_a_reader_of_the_newsletter_may_have_meant_only_the_interview(visitor, reader):
    page = say_goodbye(visitor, reader)
    assert offered(page)["newsletter"] == "Only the newsletter"
    answer = keep(visitor, page, "newsletter")
    assert answer.status_code == 200
    assert "the newsletter goes on" in answer.text
    assert coming(visitor, reader) == []
    assert lists(visitor, reader) == {"newsletter"}


def test_or_only_the_newsletter(visitor, reader):
    answer = keep(visitor, say_goodbye(visitor, reader), f"interview-{reader.id}")
    assert "Its emails go on." in answer.text
    assert "details" in coming(visitor, reader)
    assert lists(visitor, reader) == set()


def test_with_two_interviews_one_goes_on_and_the_other_rests(visitor, interview):
    other = visitor.confirmed(interview_date="2026-12-18", company="Nordwind")
    page = say_goodbye(visitor, interview)
    assert len(offered(page)) == 3
    keep(visitor, page, f"interview-{other.id}")
    assert coming(visitor, interview) == []
    assert coming(visitor, other) != []


def test_a_mistake_is_taken_back_whole(visitor, reader):
    before = coming(visitor, reader)
    answer = keep(visitor, say_goodbye(visitor, reader), "everything")
    assert "Everything goes on as before." in answer.text
    assert coming(visitor, reader) == before
    assert lists(visitor, reader) == {"newsletter"}
    plan = re.search(r'href="(/plan/[^"]+)"', answer.text)[1]
    assert visitor.get(plan).status_code == 200


def test_the_second_press_changes_nothing(visitor, reader):
    page = say_goodbye(visitor, reader)
    keep(visitor, page, "newsletter")
    before = visitor.dump()
    answer = keep(visitor, page, "everything")
    assert "That is settled already" in answer.text
    assert visitor.dump() == before


def test_after_a_day_it_is_too_late(visitor, reader, clock):
    page = say_goodbye(visitor, reader)
    clock.forward(hours=24, seconds=1)
    before = visitor.dump()
    action = re.search(r'action="(/keep/[^"]+)"', page.text)[1]
    token = visitor.token_on("/")
    answer = visitor.http.post(action, data={"form_token": token, "only": "everything"})
    assert "That is settled already" in answer.text
    assert visitor.dump() == before


def test_a_complaint_is_nobodys_to_take_back(visitor, reader):
    page = say_goodbye(visitor, reader)
    app = visitor.application
    with app.database.write() as session:
        from subscribers import lift

        key = address_hmac("ana@example.com", app.hmac_key)
        lift(session, key)
        suppress(session, key, Reason.COMPLAINED, now=app.clock())
    before = visitor.dump()
    keep(visitor, page, "everything")
    assert visitor.dump() == before


@pytest.mark.parametrize("only", ["", "interview-4711", "interview-", "all", "newsletter ", "x" * 500])
def test_only_the_buttons_of_the_page_count(visitor, reader, only):
    page = say_goodbye(visitor, reader)
    before = visitor.dump()
    assert keep(visitor, page, only).status_code == 422
    assert visitor.dump() == before


def test_an_interview_of_somebody_else_cannot_be_named(visitor, interview):
    sam = visitor.confirmed(email="sam@example.com")
    page = say_goodbye(visitor, interview)
    before = visitor.dump()
    assert keep(visitor, page, f"interview-{sam.id}").status_code == 422
    assert visitor.dump() == before


def test_the_one_click_of_a_mail_program_gets_no_buttons_and_no_cookie(visitor, reader):
    visitor.http.cookies.clear()
    answer = visitor.http.post(
        visitor.path(Purpose.UNSUBSCRIBE, reader.subscriber_id), content="List-Unsubscribe=One-Click"
    )
    assert offered(answer) == {}
    assert "set-cookie" not in answer.headers


def test_its_link_is_for_nothing_else_and_needs_our_own_form(visitor, reader):
    app = visitor.application
    say_goodbye(visitor, reader)
    before = visitor.dump()
    unsubscribe = app.links.sign(Purpose.UNSUBSCRIBE, reader.subscriber_id)
    sent = {"form_token": visitor.token_on("/"), "only": "everything"}
    assert visitor.http.post(f"/keep/{unsubscribe}", data=sent).status_code == 404
    own = visitor.path(Purpose.KEEP, reader.subscriber_id)
    assert visitor.http.post(own, data={"only": "everything"}).status_code == 403
    foreign = {"Origin": "https://evil.example.com", "Sec-Fetch-Site": "cross-site"}
    assert visitor.http.post(own, data=sent, headers=foreign).status_code == 403
    assert visitor.get(own).status_code == 405
    assert visitor.dump() == before


def test_of_somebody_erased_nothing_is_said(visitor, reader):
    page = say_goodbye(visitor, reader)
    plan = visitor.path(Purpose.PLAN, reader.id)
    visitor.send(f"{plan}/delete", {})
    before = visitor.dump()
    answer = keep(visitor, page, "everything")
    assert "That is settled already" in answer.text
    assert visitor.dump() == before
    assert offered(say_goodbye(visitor, reader)) == {}


def test_what_was_missed_meanwhile_does_not_burst(visitor, interview):
    keep(visitor, say_goodbye(visitor, interview), "everything")
    with visitor.application.database.read() as session:
        [pause] = session.scalars(select(EmailPause))
        assert pause.ended_at is not None
        assert session.get_one(Interview, interview.id).subscriber.unsubscribed_at is None
        assert not is_suppressed(session, address_hmac("ana@example.com", visitor.application.hmac_key))
