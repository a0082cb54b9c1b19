"""People who mean ill, and programs: they get what everybody gets, until they are told to wait."""

from __future__ import annotations

import re
from datetime import timedelta

import httpx
import pytest

from runup.web.rate_limits import Limit, TooMany, Turnstile
from runup.web.senders import network_of
from subscribers import mailbox_of

ANA = {
    "email": "ana@example.com",
    "interview_date": "2026-12-04",
    "home_zone": "Europe/Berlin",
    "consent": "yes",
}


def from_api(http, number, **headers):
    fields = ANA | {"email": f"person{number}@example.com", "consent": True}
    return http.post("/api/sign-ups", json=fields, headers=headers)


def test_the_sixty_first_sign_up_of_a_network_in_ten_minutes_is_told_to_wait(visitor, clock):
    answers = [from_api(visitor.http, number).status_code for number in range(60)]
    assert answers == [202] * 60
    before = visitor.dump()
    refused = from_api(visitor.http, 60)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "600")
    assert refused.headers["content-type"] == "application/problem+json"
    page = visitor.sign_up(email="kiri@example.com")
    assert page.status_code == 429
    assert "Please try again a little later" in page.text
    assert 0 < int(page.headers["retry-after"]) <= 600
    assert visitor.dump() == before
    clock.forward(minutes=10)
    assert from_api(visitor.http, 61).status_code == 202


def test_plans_and_files_have_their_limits_and_reading_pages_has_none(visitor):
    statuses = [visitor.http.post("/api/plan", json={}).status_code for _ in range(301)]
    assert statuses == [422] * 300 + [429]
    token = visitor.token_on("/")
    files = {"invitation": ("a.ics", b"x", "text/calendar")}
    statuses = [
        visitor.http.post("/invitation", data={"form_token": token}, files=files).status_code
        for _ in range(61)
    ]
    assert statuses == [422] * 60 + [429]
    assert visitor.get("/").status_code == 200


@pytest.mark.parametrize("name", ["X-Forwarded-For", "X-Real-IP", "Forwarded", "True-Client-IP"])
def test_headers_from_anybody_do_not_dodge_the_limit(visitor, name):
    answers = [
        from_api(visitor.http, number, **{name: f"198.51.100.{number}"}).status_code for number in range(61)
    ]
    assert answers == [202] * 60 + [429]


def test_behind_a_trusted_proxy_every_visitor_counts_alone(open_application, serve):
    url = serve(open_application(trusted_proxies=("127.0.0.1", "10.0.0.0/8")))
    with httpx.Client(base_url=url, trust_env=False, timeout=60) as http:
        for number in range(60):
            # What stands left of the proxies' own entries the visitor has made up.
            made_up = f"203.0.113.{number}, 198.51.100.7, 10.1.2.3"
            assert from_api(http, number, **{"X-Forwarded-For": made_up}).status_code == 202
        assert from_api(http, 60, **{"X-Forwarded-For": "1.2.3.4, 198.51.100.7, 10.1.2.3"}).status_code == 429
        assert from_api(http, 61, **{"X-Forwarded-For": "198.51.100.8, 10.1.2.3"}).status_code == 202
        for number in range(60):
            address = f"2001:db8:1:2:{number:x}::1"
            assert from_api(http, 100 + number, **{"X-Forwarded-For": address}).status_code == 202
        assert from_api(http, 200, **{"X-Forwarded-For": "2001:db8:1:2:ffff::9"}).status_code == 429
        assert from_api(http, 201, **{"X-Forwarded-For": "2001:db8:1:3::9"}).status_code == 202


VARIANTS = ["vic.tim@gmail.com", "victim+1@gmail.com", "v.i.c.t.i.m@googlemail.com", "Victim+a+b@Gmail.com"]


def test_one_mailbox_is_written_down_five_times_an_hour_whatever_its_spelling(visitor, clock):
    answers = [visitor.sign_up(email=address) for address in [*VARIANTS, *VARIANTS, "victim@gmail.com"]]
    assert {(a.status_code, a.headers["location"], a.content) for a in answers} == {
        (303, "/check-your-inbox", b"")
    }
    assert len(visitor.dump()["consent"]) == 5
    visitor.sign_up(email="other@gmail.com")
    assert len(visitor.dump()["consent"]) == 6
    # The addresses themselves stay as people typed them.
    assert "victim+1@gmail.com" in {i.subscriber.address for i in visitor.interviews()}
    clock.forward(hours=1)
    visitor.sign_up(email="victim@gmail.com")
    assert len(visitor.dump()["consent"]) == 7


def test_a_form_that_comes_back_at_once_is_shown_again_and_can_be_sent_a_moment_later(visitor, clock):
    token = visitor.token_on("/")
    answer = visitor.http.post("/sign-up", data=ANA | {"form_token": token})
    assert answer.status_code == 403
    assert "Please send it once more" in answer.text
    assert re.search(r'id="email"[^>]*value="ana@example.com"', answer.text)
    assert not any(visitor.dump().values())
    clock.forward(seconds=2)
    again = re.search(r'name="form_token" value="([^"]+)"', answer.text)[1]
    assert visitor.http.post("/sign-up", data=ANA | {"form_token": again}).status_code == 303


def test_somebody_who_mends_a_typing_error_in_a_second_is_not_taken_for_a_robot(visitor, clock):
    answer = visitor.sign_up(email="ana@")
    again = re.search(r'name="form_token" value="([^"]+)"', answer.text)[1]
    clock.forward(seconds=1)
    assert visitor.http.post("/sign-up", data=ANA | {"form_token": again}).status_code == 303


def test_a_button_pressed_twice_is_one_sign_up_and_a_page_used_for_another_is_refused(visitor, clock):
    token = visitor.token_on("/")
    clock.forward(seconds=5)
    first = visitor.http.post("/sign-up", data=ANA | {"form_token": token})
    before = visitor.dump()
    second = visitor.http.post("/sign-up", data=ANA | {"form_token": token})
    assert first.status_code == second.status_code == 303
    other = visitor.http.post("/sign-up", data=ANA | {"form_token": token, "email": "sam@example.com"})
    assert other.status_code == 403
    assert "had been sent before" in other.text
    assert visitor.dump() == before
    again = re.search(r'name="form_token" value="([^"]+)"', other.text)[1]
    clock.forward(seconds=5)
    fields = ANA | {"form_token": again, "email": "sam@example.com"}
    assert visitor.http.post("/sign-up", data=fields).status_code == 303


def test_too_fast_too_old_and_used_pages_all_answer_the_same_way(visitor, clock):
    used = visitor.token_on("/")
    clock.forward(seconds=5)
    visitor.http.post("/sign-up", data=ANA | {"form_token": used})
    sam = ANA | {"email": "sam@example.com"}
    answers = [
        visitor.http.post("/sign-up", data=sam | {"form_token": token})
        for token in (visitor.token_on("/"), used, "forged")
    ]
    old = visitor.token_on("/")
    clock.forward(hours=25)
    answers.append(visitor.http.post("/sign-up", data=sam | {"form_token": old}))

    def seen(answer):
        return answer.status_code, re.sub(r'name="form_token" value="[^"]+"', "", answer.text)

    # A day later the plan on the page is another; the rest is the same.
    assert len({seen(answer) for answer in answers[:3]}) == 1
    assert answers[3].status_code == 403
    assert "Please send it once more" in answers[3].text


def test_waiting_as_long_as_told_always_helps(clock):
    turnstile, limit = Turnstile(), Limit("tries", 2, timedelta(minutes=1))
    turnstile.take("a", limit, now=clock())
    clock.forward(seconds=20)
    turnstile.take("a", limit, now=clock())
    for _ in range(5):
        with pytest.raises(TooMany) as told:
            turnstile.take("a", limit, now=clock())
        assert told.value.seconds == 40
    turnstile.take("b", limit, now=clock())
    clock.forward(seconds=40)
    turnstile.take("a", limit, now=clock())


def test_a_crowd_does_not_fill_the_memory(clock, monkeypatch):
    monkeypatch.setattr("runup.web.rate_limits.MOST_REMEMBERED", 100)
    turnstile, limit = Turnstile(), Limit("tries", 1, timedelta(minutes=1))
    for number in range(1_000):
        turnstile.take(f"visitor {number}", limit, now=clock())
    remembered = [n for n in range(1_000) if turnstile.has_passed(f"visitor {n}", limit, now=clock())]
    assert remembered == list(range(900, 1_000))


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", "unknown"),
        ("not an address", "unknown"),
    ],
)
def test_a_network_is_what_one_person_can_have(address, network):
    assert network_of(address) == network


def test_dots_count_for_google_alone():
    assert mailbox_of("a.b+x@example.com") == "a.b@example.com"
    assert mailbox_of("A.B+x@GoogleMail.com") == "ab@gmail.com"
    assert mailbox_of("+@example.com") == "+@example.com"
