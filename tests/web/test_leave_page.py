"""Off one newsletter and nothing else: the page of its link, and the one click of a mail program."""

from __future__ import annotations

import pytest

from scheduler import outlook, reconcile
from subscribers import (
    NewsletterList,
    Purpose,
    Subscriber,
    Subscription,
    address_hmac,
    is_suppressed,
    join_list,
    lists_of,
)

ONE_CLICK = "List-Unsubscribe=One-Click"
LETTERS = [NewsletterList(key="newsletter", name="The letter"), NewsletterList(key="jobs", name="Jobs")]


@pytest.fixture
def reader(visitor):
    """Ana reads two newsletters beside the emails about her interview."""
    interview = visitor.confirmed()
    app = visitor.application
    with app.database.write() as session:
        ana = session.get_one(Subscriber, interview.subscriber_id)
        for letter in LETTERS:
            join_list(session, ana, letter, now=app.clock(), source="plan")
        reconcile(session, ana.id, catalog=app.catalog, now=app.clock())
    return interview


@pytest.fixture
def link(visitor, reader):
    with visitor.application.database.read() as session:
        [place] = session.query(Subscription).filter_by(list_key="newsletter")
        return visitor.path(Purpose.LEAVE, place.id)


def lists(visitor, reader):
    with visitor.application.database.read() as session:
        return lists_of(session, reader.subscriber_id)


def coming(visitor, reader):
    with visitor.application.database.read() as session:
        lines = outlook(session, reader.subscriber_id, catalog=visitor.application.catalog)
    return [line.step for line in lines if line.kind == "coming"]


def test_scanners_that_open_the_link_end_nothing(visitor, link):
    before = visitor.dump()
    assert "The newsletter" in visitor.get(link).text
    assert visitor.http.head(link).status_code == 200
    assert visitor.http.options(link).status_code == 405
    assert visitor.dump() == before


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/x-www-form-urlencoded", ONE_CLICK.encode()),
        ("multipart/form-data; boundary=b", b"--b\r\nbroken"),
        ("text/plain", b""),
    ],
    ids=["urlencoded", "broken", "empty"],
)
def test_one_click_ends_this_newsletter_and_nothing_else(visitor, reader, link, kind, body):
    before = coming(visitor, reader)
    visitor.http.cookies.clear()
    headers = {"Content-Type": kind, "Origin": "https://mail.example.com", "Sec-Fetch-Site": "cross-site"}
    answer = visitor.http.post(link, content=body, headers=headers)
    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers
    assert lists(visitor, reader) == {"jobs"}
    assert coming(visitor, reader) == before
    with visitor.application.database.read() as session:
        key = address_hmac("ana@example.com", visitor.application.hmac_key)
        assert is_suppressed(session, key, scope="newsletter")
        assert not is_suppressed(session, key)


def test_twice_is_once_with_the_same_answer(visitor, link):
    first = visitor.http.post(link, content=ONE_CLICK)
    after = visitor.dump()
    second = visitor.http.post(link, content=ONE_CLICK)
    assert (first.status_code, first.content) == (second.status_code, second.content)
    assert visitor.dump() == after


def test_after_erasure_and_for_nobody_the_answer_is_the_same(visitor, reader, link):
    first = visitor.http.post(link, content=ONE_CLICK)
    visitor.send(visitor.path(Purpose.PLAN, reader.id, "delete"), {})
    assert visitor.http.post(link, content=ONE_CLICK).content == first.content
    nobody = visitor.http.post(visitor.path(Purpose.LEAVE, 4711), content=ONE_CLICK)
    assert (nobody.status_code, nobody.content) == (200, first.content)


def test_coming_back_is_one_tick_on_the_plan(visitor, reader, link):
    visitor.http.post(link, content=ONE_CLICK)
    plan = visitor.path(Purpose.PLAN, reader.id)
    visitor.send(f"{plan}/newsletter", {"list-newsletter": "yes"}, page=plan)
    assert "newsletter" in lists(visitor, reader)
    with visitor.application.database.read() as session:
        key = address_hmac("ana@example.com", visitor.application.hmac_key)
        assert not is_suppressed(session, key, scope="newsletter")
