from __future__ import annotations

import pytest
from sqlalchemy import select

from scheduler import Send
from subscribers import WORDING, Consent

ANA = {
    "email": "ana@example.com",
    "first_name": "Ana",
    "interview_date": "2026-12-04",
    "interview_time": "14:00",
    "home_zone": "Europe/Berlin",
    "mode": "video",
    "consent": True,
}


def sign_up(visitor, **fields):
    return visitor.http.post("/api/sign-ups", json=ANA | fields)


def test_a_program_signs_ana_up_and_only_a_confirmation_is_planned(visitor):
    answer = sign_up(visitor)
    assert (answer.status_code, answer.json()["status"]) == (202, "check_your_inbox")
    assert "set-cookie" not in answer.headers
    [interview] = visitor.interviews()
    assert (interview.subscriber.address, interview.mode) == ("ana@example.com", "video")
    assert interview.confirmed_at is None
    with visitor.application.database.read() as session:
        planned = [send.step for send in session.scalars(select(Send).order_by(Send.due_at))]
        assert planned == ["confirm", "confirm_again"]
        consent = session.scalars(select(Consent)).one()
        assert (consent.wording, consent.source) == (WORDING, "api")


def test_a_known_and_an_unknown_address_get_the_same_answer_from_the_api(visitor):
    visitor.confirmed()
    known, unknown = sign_up(visitor), sign_up(visitor, email="kiri@example.com")

    def seen(answer):
        per_answer = ("date", "x-request-id")
        headers = {name: value for name, value in answer.headers.items() if name not in per_answer}
        return answer.status_code, answer.content, headers

    assert seen(known) == seen(unknown)


@pytest.mark.parametrize(
    "wrong",
    [
        {"email": "ana@"},
        {"email": "ana@example.com\r\nBcc: sam@example.com"},
        {"interview_date": "2026-02-30"},
        {"home_zone": "localtime"},
        {"first_name": "see www.example.com"},
        {"consent": False},
        {"consent": "yes"},
        {"consent": 1},
        {"company": ["Nordwind"]},
        {"is_confirmed": True},
        {"subscriber_id": 7},
    ],
    ids=str,
)
def test_what_is_wrong_is_told_at_its_field_and_nothing_is_stored(visitor, wrong):
    answer = sign_up(visitor, **wrong)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert list(answer.json()["errors"]) == list(wrong)
    assert not any(visitor.dump().values())


def test_every_wrong_field_is_told_at_once(visitor):
    answer = visitor.http.post("/api/sign-ups", json={})
    assert set(answer.json()["errors"]) == {"email", "interview_date", "home_zone", "consent"}


def test_the_description_lists_the_api_and_no_page(visitor):
    described = visitor.get("/api/openapi.json").json()
    newsletters = {"/api/newsletters", "/api/newsletter-sign-ups"}
    assert set(described["paths"]) == {"/api/plan", "/api/sign-ups", *newsletters}
    post = described["paths"]["/api/sign-ups"]["post"]
    fields = post["requestBody"]["content"]["application/json"]["schema"]["properties"]
    assert fields["consent"]["type"] == "boolean"
    assert {"email", "interview_date", "home_zone", "decision_on"} < set(fields)
    assert {"202", "400", "408", "410", "413", "415", "422", "429", "503"} == set(post["responses"])


def test_another_site_cannot_call_the_api_from_a_browser(visitor):
    asked = visitor.http.options(
        "/api/sign-ups",
        headers={
            "Origin": "https://evil.example.com",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type",
        },
    )
    assert asked.status_code == 405
    assert not [name for name in asked.headers if name.startswith("access-control")]


def test_an_address_of_the_api_that_is_not_there_answers_as_the_api_does(visitor):
    answer = visitor.get("/api/subscribers")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
