from __future__ import annotations

import json

import pytest
from sqlalchemy import select

from scheduler import Send
from scheduler.send import UNSENT
from subscribers import Purpose


@pytest.fixture
def interview(visitor):
    return visitor.confirmed(company="Nordwind", mode="video")


def plan_of(visitor, interview, action=""):
    return visitor.path(Purpose.PLAN, interview.id, action)


def test_ana_downloads_everything_we_keep_about_her_and_nothing_changes(visitor, interview):
    before = visitor.dump()
    answer = visitor.get(f"{plan_of(visitor, interview)}/data.json")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["content-disposition"] == 'attachment; filename="my-data.json"'
    assert answer.headers["cache-control"] == "no-store"
    data = answer.json()
    assert data["subscriber"]["address"] == "ana@example.com"
    assert data["subscriber"]["home_zone"] == "Europe/Berlin"
    assert [(i["held_on"], i["company"], i["mode"]) for i in data["interviews"]] == [
        ("2026-12-04", "Nordwind", "video")
    ]
    assert len(data["consents"]) == len(before["consent"]) > 0
    assert {"welcome", "details", "day_before"} <= {email["step"] for email in data["emails"]}
    assert "hmac" not in json.dumps(data)
    assert visitor.dump() == before


def test_nobody_finds_another_person_in_their_data(visitor, interview):
    visitor.confirmed(email="kiri@example.com", first_name="Kiri")
    assert "kiri" not in visitor.get(f"{plan_of(visitor, interview)}/data.json").text.lower()


def test_deleting_takes_a_second_step(visitor, interview):
    page = visitor.get(plan_of(visitor, interview)).text
    assert f'href="{plan_of(visitor, interview)}/delete"' in page
    before = visitor.dump()
    asked = visitor.get(f"{plan_of(visitor, interview)}/delete")
    assert "Delete everything about you?" in asked.text
    assert visitor.http.head(f"{plan_of(visitor, interview)}/delete").status_code == 200
    assert visitor.http.post(f"{plan_of(visitor, interview)}/delete").status_code == 403
    assert visitor.dump() == before


def test_who_deletes_everything_is_forgotten_and_hears_nothing_more(visitor, interview):
    plan = plan_of(visitor, interview)
    answer = visitor.send(f"{plan}/delete", {})
    assert (answer.status_code, answer.headers["location"]) == (303, "/deleted")
    assert "Your details are gone" in visitor.get("/deleted").text
    kept = repr(visitor.dump())
    for told in ("ana@example.com", "'Ana'", "Nordwind", "video"):
        assert told not in kept
    with visitor.application.database.read() as session:
        assert not {send.state for send in session.scalars(select(Send))} & set(UNSENT)
    for path in (plan, f"{plan}/data.json", f"{plan}/delete", f"{plan}/move"):
        assert visitor.get(path).status_code == 404
    before = visitor.dump()
    assert visitor.http.post(f"{plan}/delete", data={"form_token": visitor.token_on("/")}).status_code == 404
    assert visitor.dump() == before


def test_a_token_for_something_else_shows_and_deletes_nothing(visitor, interview):
    before = visitor.dump()
    for purpose in (Purpose.CONFIRM, Purpose.UNSUBSCRIBE, Purpose.CALENDAR):
        token = visitor.path(purpose, interview.id).rpartition("/")[2]
        form = {"form_token": visitor.token_on("/")}
        assert visitor.get(f"/plan/{token}/data.json").status_code == 404
        assert visitor.http.post(f"/plan/{token}/delete", data=form).status_code == 404
    assert visitor.dump() == before
