from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from scheduler import Send
from subscribers import Purpose


@pytest.fixture
def pending(visitor):
    visitor.sign_up()
    return visitor.interviews()[0]


@pytest.fixture
def link(visitor, pending):
    return visitor.path(Purpose.CONFIRM, pending.id)


def test_opening_the_link_shows_the_day_and_changes_nothing(visitor, link):
    before = visitor.dump()
    page = visitor.get(link)
    assert page.status_code == 200
    assert "4 December 2026, 14:00" in page.text
    visitor.http.head(link)
    visitor.get(link, headers={"Sec-Purpose": "prefetch", "Purpose": "prefetch"})
    visitor.http.options(link)
    assert visitor.dump() == before


def test_the_button_confirms_plans_and_shows_the_plan(visitor, link):
    answer = visitor.send(link, {})
    assert answer.status_code == 303
    plan = visitor.get(answer.headers["location"])
    assert plan.status_code == 200
    assert "Confirmed. Your plan stands." in plan.text
    assert "About the money" in plan.text
    assert visitor.interviews()[0].confirmed_at is not None
    with visitor.application.database.read() as session:
        steps = set(session.scalars(select(Send.step)))
    assert {"welcome", "details", "day_before", "thanks"} <= steps


def test_pressing_the_button_twice_is_pressing_it_once(visitor, link):
    token = visitor.token_on(link)
    first = visitor.http.post(link, data={"form_token": token})
    after = visitor.dump()
    second = visitor.http.post(link, data={"form_token": token})
    assert first.headers["location"] == second.headers["location"]
    assert visitor.dump() == after
    page = visitor.get(link).text
    assert "You have confirmed this already" in page
    assert visitor.get(re.search(r'href="(/plan/[^"]+)"', page)[1]).status_code == 200


def test_after_72_hours_the_link_says_so_and_leads_to_the_form(visitor, link, clock):
    token = visitor.token_on(link)
    clock.forward(hours=72, seconds=1)
    page = visitor.get(link)
    assert page.status_code == 410
    assert "This link has expired" in page.text
    assert 'href="/"' in page.text
    answer = visitor.http.post(link, data={"form_token": visitor.token_on("/")})
    assert answer.status_code == 410
    assert visitor.http.post(link, data={"form_token": token}).status_code in (403, 410)
    assert visitor.interviews()[0].confirmed_at is None


def test_at_the_72nd_hour_it_still_works(visitor, link, clock):
    clock.forward(hours=72)
    assert visitor.send(link, {}).status_code == 303


def test_a_sign_up_of_a_stranger_leaves_a_confirmed_plan_alone(visitor, link):
    visitor.send(link, {})
    visitor.sign_up(first_name="Mallory", home_zone="Asia/Tokyo")
    assert visitor.interviews()[0].subscriber.first_name == "Ana"
    assert visitor.interviews()[0].subscriber.home_zone == "Europe/Berlin"


def test_signing_up_again_for_the_same_day_leads_to_the_one_plan_however_often_confirmed(visitor, link):
    visitor.send(link, {})
    first, second = visitor.interviews()[0], visitor.confirmed(mode="video")
    again = visitor.path(Purpose.CONFIRM, second.id)
    token = visitor.token_on("/")
    for _ in range(2):
        answer = visitor.http.post(again, data={"form_token": token})
        assert answer.headers["location"].startswith(visitor.path(Purpose.PLAN, first.id))
    assert visitor.path(Purpose.PLAN, first.id) in visitor.get(again).text
    assert visitor.interviews()[0].mode == "video"
