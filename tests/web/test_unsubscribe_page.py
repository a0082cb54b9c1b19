from __future__ import annotations

import pytest
from sqlalchemy import delete, select

from scheduler import Send
from subscribers import Consent, Interview, Purpose, Subscriber, address_hmac, is_suppressed

ONE_CLICK = "List-Unsubscribe=One-Click"


@pytest.fixture
def subscriber(visitor):
    return visitor.confirmed().subscriber


@pytest.fixture
def link(visitor, subscriber):
    return visitor.path(Purpose.UNSUBSCRIBE, subscriber.id)


@pytest.fixture
def stranger(visitor):
    """A mail program: no cookie, no Origin."""
    visitor.http.cookies.clear()
    return visitor.http


def has_left(visitor):
    with visitor.application.database.read() as session:
        return is_suppressed(session, address_hmac("ana@example.com", visitor.application.hmac_key))


def open_steps(visitor):
    with visitor.application.database.read() as session:
        return set(session.scalars(select(Send.step).where(Send.finished_at.is_(None))))


def test_scanners_that_open_the_link_stop_nothing(visitor, link):
    before = visitor.dump()
    assert visitor.get(link).status_code == 200
    assert visitor.http.head(link).status_code == 200
    assert visitor.http.options(link).status_code == 405
    assert visitor.dump() == before


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/x-www-form-urlencoded", ONE_CLICK.encode()),
        (
            "multipart/form-data; boundary=b",
            b'--b\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--b--\r\n',
        ),
        ("application/x-www-form-urlencoded", b""),
        ("text/plain", ONE_CLICK.encode()),
        ("application/x-www-form-urlencoded", b"List-Unsubscribe=One-Click&List-Unsubscribe=One-Click"),
        ("multipart/form-data; boundary=b", b"--b\r\nbroken"),
    ],
    ids=["urlencoded", "multipart", "empty", "unlabeled", "doubled", "broken"],
)
def test_one_click_works_whatever_the_mail_program_sends(visitor, link, stranger, kind, body):
    answer = stranger.post(link, content=body, headers={"Content-Type": kind})
    assert answer.status_code == 200
    assert "location" not in answer.headers
    assert "set-cookie" not in answer.headers
    assert has_left(visitor)
    assert open_steps(visitor) == set()


def test_one_click_from_another_site_works_too(visitor, link, stranger):
    answer = stranger.post(
        link,
        content=ONE_CLICK,
        headers={
            "Content-Type": "application/x-www-form-urlencoded",
            "Origin": "https://mail.example.com",
            "Sec-Fetch-Site": "cross-site",
        },
    )
    assert answer.status_code == 200
    assert has_left(visitor)


def test_twice_is_once_with_the_same_answer(visitor, link, stranger):
    first = stranger.post(link, content=ONE_CLICK)
    after = visitor.dump()
    second = stranger.post(link, content=ONE_CLICK)
    assert (first.status_code, first.content) == (second.status_code, second.content)
    assert visitor.dump() == after


def test_the_pages_button_says_goodbye_by_email_only_when_asked(visitor, link):
    page = visitor.get(link).text
    assert "checked" not in page
    answer = visitor.http.post(link, data={"goodbye": "yes"})
    assert answer.status_code == 200
    assert "Done. No more emails." in answer.text
    assert open_steps(visitor) == {"goodbye"}


def test_the_pages_button_without_the_box_sends_nothing_more(visitor, link):
    visitor.http.post(link, data={})
    assert open_steps(visitor) == set()


def test_after_erasure_the_answer_is_the_same(visitor, link, stranger, subscriber):
    first = stranger.post(link, content=ONE_CLICK)
    with visitor.application.database.write() as session:
        found = session.get(Subscriber, subscriber.id)
        found.address = found.address_hmac = None
        found.erased_at = visitor.application.clock()
    assert stranger.post(link, content=ONE_CLICK).content == first.content


def test_a_row_that_is_gone_gets_the_same_answer(visitor, stranger):
    known = visitor.path(Purpose.UNSUBSCRIBE, 4711)
    with visitor.application.database.write() as session:
        for table in (Consent, Interview, Subscriber):
            session.execute(delete(table))
    answer = stranger.post(known, content=ONE_CLICK)
    assert answer.status_code == 200
    assert "Done. No more emails." in answer.text


def test_coming_back_works_by_the_form(visitor, link, stranger):
    stranger.post(link, content=ONE_CLICK)
    visitor.confirmed()
    assert not has_left(visitor)
