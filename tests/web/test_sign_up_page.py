from __future__ import annotations

import re
from datetime import date, time
from html import unescape

import pytest
from sqlalchemy import select

from scheduler import Send
from subscribers import WORDING, Consent


def test_the_landing_page_says_what_comes_and_agrees_to_nothing_by_itself(visitor):
    page = visitor.get("/")
    assert page.status_code == 200
    assert "What arrives, and when" in page.text
    assert WORDING in page.text
    consent = re.search(r'<input id="consent"[^>]*>', page.text)[0]
    assert "checked" not in consent


def test_the_landing_page_stays_small(visitor):
    sizes = []
    page = visitor.get("/", headers={"Accept-Encoding": "gzip"})
    for path in ["/", *re.findall(r'(?:href|src)="(/static/[^"]+)"', page.text)]:
        answer = visitor.get(path, headers={"Accept-Encoding": "gzip"})
        assert answer.status_code == 200
        sizes.append(int(answer.headers["content-length"]))
    assert len(sizes) == 5
    assert sum(sizes) < 60_000


def test_nothing_on_any_page_comes_from_somebody_else(visitor):
    for path in ("/", "/check-your-inbox", "/nowhere"):
        page = visitor.get(path).text
        assert not re.findall(r'(?:src|href|action)="(?!/|#|\?)[^"]*"', page)
        assert not re.findall(r"<(?:script|style)[^>]*>[^<]", page)
        assert " style=" not in page


def test_ana_signs_up_and_only_a_confirmation_is_planned(visitor):
    answer = visitor.sign_up(
        mode="video", interviewers="new", format="panel", company="Nordwind", role="Analyst",
        country="DE", decision_on="2026-12-11", interview_zone="America/New_York",
    )  # fmt: skip
    assert (answer.status_code, answer.headers["location"]) == (303, "/check-your-inbox")
    assert "Check your inbox" in visitor.get(answer.headers["location"]).text
    [interview] = visitor.interviews()
    assert (interview.held_on, interview.start_time) == (date(2026, 12, 4), time(14, 0))
    assert (interview.zone, interview.subscriber.home_zone) == ("America/New_York", "Europe/Berlin")
    assert (interview.mode, interview.interviewers, interview.format) == ("video", "new", "panel")
    assert (interview.company, interview.country) == ("Nordwind", "DE")
    assert interview.confirmed_at is None
    with visitor.application.database.read() as session:
        planned = [send.step for send in session.scalars(select(Send).order_by(Send.due_at))]
        assert planned == ["confirm", "confirm_again"]
        consent = session.scalars(select(Consent)).one()
        assert (consent.wording, consent.source) == (WORDING, "form")
        assert re.fullmatch("[0-9a-f]{64}", consent.sender_hmac)


def test_the_bare_minimum_is_address_date_zone_and_consent(visitor):
    answer = visitor.send(
        "/sign-up",
        {
            "email": "sam@example.com",
            "interview_date": "2026-12-04",
            "home_zone": "America/St_Johns",
            "consent": "yes",
            # What an untouched form sends: fields that are there and empty.
            "interview_time": "", "first_name": "", "interview_zone": "", "country": "", "decision_on": "",
            "company": "", "role": "", "website": "",
        },
        page="/",
    )  # fmt: skip
    assert answer.status_code == 303
    assert [i.subscriber.address for i in visitor.interviews()] == ["sam@example.com"]


def test_a_known_and_an_unknown_address_get_the_same_answer(visitor):
    visitor.confirmed()
    known, unknown = visitor.sign_up(), visitor.sign_up(email="kiri@example.com")

    def seen(answer):
        per_answer = ("date", "set-cookie", "x-request-id")
        headers = {name: value for name, value in answer.headers.items() if name not in per_answer}
        return answer.status_code, answer.content, headers

    assert seen(known) == seen(unknown)


def test_a_robot_that_fills_the_hidden_field_gets_the_usual_answer_and_stores_nothing(visitor):
    before = visitor.dump()
    answer = visitor.sign_up(website="https://example.com/pills")
    assert (answer.status_code, answer.headers["location"]) == (303, "/check-your-inbox")
    assert visitor.dump() == before


def test_extra_fields_change_nothing(visitor):
    visitor.sign_up(is_confirmed="1", confirmed_at="2026-01-01", subscriber_id="7", campaign="other")
    [interview] = visitor.interviews()
    assert interview.confirmed_at is None
    assert interview.campaign == "second_interview"


def test_a_link_prefills_the_form(visitor):
    page = visitor.get("/?date=2026-12-04&time=14:00&zone=Europe/Berlin&mode=video&consent=yes").text
    assert re.search(r'id="interview_date"[^>]*value="2026-12-04"', page)
    assert re.search(r'id="interview_time"[^>]*value="14:00"', page)
    assert '<option value="Europe/Berlin" selected>' in page
    assert re.search(r'value="video" checked', page)
    assert not re.search(r'id="consent"[^>]*checked', page)


def test_a_zone_under_its_older_name_stays_chosen(visitor):
    assert "<option selected>Asia/Calcutta</option>" in visitor.get("/?zone=Asia/Calcutta").text


@pytest.mark.parametrize("evil", ['"><script>alert(1)</script>', "' onfocus=alert(1) x='", "{{ 7*7 }}"])
def test_what_a_link_carries_is_escaped(visitor, evil):
    page = visitor.get("/", params={"email": evil, "zone": evil, "mode": evil, "interview_date": evil}).text
    assert "<script>alert" not in page
    assert "onfocus=alert" not in re.sub(r'value="[^"]*"', "", page)
    assert "49" not in re.findall(r'id="email"[^>]*value="([^"]*)"', page)


def test_after_an_error_everything_typed_is_still_there_and_the_error_stands_at_its_field(visitor):
    answer = visitor.sign_up(
        email="ana@", interview_time="14:00", mode="phone", format="case", company="Nordwind & Söhne",
        interview_zone="America/New_York",
    )  # fmt: skip
    assert answer.status_code == 422
    page = answer.text
    assert "<title>Error: " in page
    assert re.search(
        r'id="email"[^>]*value="ana@"[^>]*aria-describedby="email-error ?"[^>]*aria-invalid="true"', page
    )
    assert 'id="email-error"' in page
    assert '<a href="#email">' in page
    assert re.search(r'id="company"[^>]*value="Nordwind &amp; Söhne"', page)
    assert re.search(r'id="mode-phone"[^>]*checked', page)
    assert re.search(r'id="consent"[^>]*checked', page)
    assert '<option value="America/New_York" selected>' in page
    assert re.search(r'<details class="more" open>\s*<summary>The interview is in another', page)


def test_all_errors_are_told_at_once_in_the_order_of_the_page(visitor):
    page = visitor.send("/sign-up", {"email": "x"}, page="/").text
    assert re.findall(r'<a href="#([\w-]+)">', page) == [
        "interview_date", "home_zone", "email", "consent",
    ]  # fmt: skip
    assert "Please enter the day of your interview." in unescape(page)


def test_a_form_that_lay_open_for_two_days_comes_back_filled_in(visitor, clock):
    token = visitor.token_on("/")
    clock.forward(days=2)
    fields = {
        "form_token": token,
        "email": "ana@example.com",
        "interview_date": "2026-12-04",
        "consent": "yes",
    }
    answer = visitor.http.post("/sign-up", data=fields)
    assert answer.status_code == 403
    assert "Please send it once more" in answer.text
    assert re.search(r'id="email"[^>]*value="ana@example.com"', answer.text)
    assert visitor.interviews() == []
