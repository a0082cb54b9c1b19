"""Onto a newsletter by its own form: asked for by anybody, confirmed by whoever reads the address."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from scheduler import Send
from subscribers import Consent, Purpose, Subscriber, Subscription, lists_of

LISTS = """
[weekly]
name = "The weekly"
about = "One thing to try, every Monday."

[jobs]
name = "Jobs"

[alumni]
name = "For our alumni"
public = false
"""
KIRI = {"email": "kiri@example.com", "home_zone": "Pacific/Kiritimati", "list-weekly": "yes"}


@pytest.fixture
def application(open_application, tmp_path):
    (tmp_path / "lists.toml").write_text(LISTS)
    return open_application()


def ask(visitor, **fields):
    return visitor.send("/newsletter", KIRI | fields)


def kiri(visitor):
    with visitor.application.database.read() as session:
        return session.scalars(select(Subscriber)).one()


def on_lists(visitor):
    with visitor.application.database.read() as session:
        return lists_of(session, kiri(visitor).id)


def steps(visitor):
    with visitor.application.database.read() as session:
        return [send.step for send in session.scalars(select(Send).order_by(Send.id))]


def join_path(visitor):
    with visitor.application.database.read() as session:
        first = session.scalars(select(Subscription).order_by(Subscription.id)).first()
        return visitor.path(Purpose.JOIN, first.id)


def joined(visitor, **fields):
    assert ask(visitor, **fields).status_code == 303
    path = join_path(visitor)
    assert visitor.send(path, {}).status_code == 303
    return path


def test_the_form_shows_the_public_newsletters_and_agrees_to_nothing_by_itself(visitor):
    page = visitor.get("/newsletter").text
    assert "The weekly" in page
    assert "One thing to try, every Monday." in page
    assert "Jobs" in page
    assert "alumni" not in page
    assert "checked" not in page
    assert 'href="/newsletter/archive"' in page
    assert 'href="/newsletter"' in visitor.get("/").text
    assert 'href="/newsletter"' in visitor.get("/newsletter/archive").text


def test_a_link_may_tick_a_public_newsletter_and_no_other(visitor):
    page = visitor.get("/newsletter?list=weekly&list=alumni&email=kiri@example.com").text
    assert re.findall(r'id="list-(\w+)"[^>]*checked', page) == ["weekly"]
    assert 'value="kiri@example.com"' in page


def test_kiri_asks_for_two_and_one_button_confirms_both(visitor):
    answer = ask(visitor, **{"list-jobs": "yes"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/newsletter/check-your-inbox")
    assert "Check your inbox" in visitor.get("/newsletter/check-your-inbox").text
    assert (steps(visitor), on_lists(visitor)) == (["join", "join_again"], set())
    path = join_path(visitor)
    before = visitor.dump()
    page = visitor.get(path)  # a mail scanner opens it
    assert "The weekly" in page.text
    assert "Jobs" in page.text
    assert visitor.dump() == before
    answer = visitor.send(path, {})
    assert (answer.status_code, answer.headers["location"]) == (303, path)
    assert on_lists(visitor) == {"weekly", "jobs"}
    after = visitor.get(path).text
    assert "Confirmed" in after
    assert "/newsletters/" in after


def test_the_consent_is_kept_in_the_words_and_language_it_was_read_in(visitor):
    visitor.get("/newsletter?lang=de")
    ask(visitor)
    with visitor.application.database.read() as session:
        consent = session.scalars(select(Consent)).one()
        assert session.scalars(select(Subscriber)).one().locale == "de"
    assert consent.wording.startswith("Ja, schickt mir „The weekly“.")
    assert (consent.purpose, consent.source, consent.confirmed_at) == ("newsletter:weekly", "form", None)
    assert len(consent.sender_hmac) == 64


@pytest.mark.parametrize("key", ["alumni", "no-such", "weekly' OR 1=1", ""])
def test_a_known_list_id_does_not_open_a_private_list(visitor, key):
    answer = ask(visitor, **{f"list-{key}": "yes"})
    assert answer.status_code == 422
    assert "There is no such newsletter; please choose from those shown." in answer.text
    told = visitor.http.post(
        "/api/newsletter-sign-ups", json={"email": "eve@example.com", "lists": [key], "consent": True}
    )
    assert (told.status_code, list(told.json()["errors"])) == (422, ["lists"])
    assert steps(visitor) == []


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"list-weekly": ""}, "lists"),
        ({"email": "kiri@"}, "email"),
        ({"email": "kiri@example.com\r\nBcc: sam@example.com"}, "email"),
        ({"home_zone": "../../etc/passwd"}, "home_zone"),
        ({"first_name": "see www.example.com"}, "first_name"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_nothing_is_stored(visitor, fields, field):
    before = visitor.dump()
    answer = ask(visitor, **fields)
    assert answer.status_code == 422
    assert f'id="{field}-error"' in answer.text
    assert visitor.dump() == before


def test_a_robot_that_fills_in_everything_is_told_what_everybody_is_told(visitor):
    assert ask(visitor, website="https://spam.example").status_code == 303
    assert steps(visitor) == []


def test_a_page_is_sent_once_and_not_before_anybody_could_read_it(visitor):
    token = visitor.token_on("/newsletter")
    quick = visitor.http.post("/newsletter", data=KIRI | {"form_token": token})
    assert (quick.status_code, steps(visitor)) == (403, [])
    visitor.application.clock.forward(seconds=3)
    for _ in range(2):  # a button pressed twice
        assert visitor.http.post("/newsletter", data=KIRI | {"form_token": token}).status_code == 303
    assert steps(visitor) == ["join", "join_again"]
    other = visitor.http.post("/newsletter", data=KIRI | {"form_token": token, "email": "sam@example.com"})
    assert (other.status_code, len(steps(visitor))) == (403, 2)


def test_a_form_of_another_site_changes_nothing(visitor):
    answer = visitor.send("/newsletter", KIRI, headers={"Origin": "https://evil.example"})
    assert (answer.status_code, steps(visitor)) == (403, [])


def seen(answer):
    headers = {
        name: value
        for name, value in answer.headers.items()
        if name not in ("date", "set-cookie", "x-request-id")
    }
    return answer.status_code, answer.content, headers


def test_reader_stranger_and_somebody_waiting_get_the_same_answer(visitor):
    joined(visitor)
    reader, stranger = ask(visitor), ask(visitor, email="sam@example.com")
    waiting = ask(visitor, email="sam@example.com")
    assert seen(reader) == seen(stranger) == seen(waiting)
    fields = {"lists": ["weekly"], "consent": True}
    told = [
        visitor.http.post("/api/newsletter-sign-ups", json=fields | {"email": f"{name}@example.com"})
        for name in ("kiri", "ana")
    ]
    assert seen(told[0]) == seen(told[1])
    assert told[0].status_code == 202
    assert on_lists_of(visitor, "kiri@example.com") == {"weekly"}


def on_lists_of(visitor, address):
    with visitor.application.database.read() as session:
        found = session.scalars(select(Subscriber).filter_by(address=address)).one()
        return lists_of(session, found.id)


def test_five_requests_for_one_mailbox_and_no_more_are_written_down(visitor):
    for number in range(8):
        ask(visitor, email=f"ki.ri+{number}@gmail.com")
    with visitor.application.database.read() as session:
        assert len(session.scalars(select(Subscription)).all()) == 5


def test_a_link_works_for_three_days(visitor):
    ask(visitor)
    path = join_path(visitor)
    visitor.application.clock.forward(hours=73)
    late = visitor.get(path)
    assert (late.status_code, 'href="/newsletter"' in late.text) == (410, True)
    token = visitor.token_on("/newsletter")
    assert visitor.http.post(path, data={"form_token": token}).status_code == 410
    assert on_lists(visitor) == set()


def test_a_token_of_another_purpose_or_of_nobody_opens_nothing(visitor):
    joined(visitor)
    paths = [
        visitor.path(Purpose.LEAVE, 1).replace("/leave/", "/join/"),
        visitor.path(Purpose.JOIN, 4711),
        visitor.path(Purpose.JOIN, 1).replace("/join/", "/newsletters/"),
        visitor.path(Purpose.NEWSLETTERS, 4711),
    ]
    answers = [visitor.get(path) for path in paths]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.text for answer in answers}) == 1
    secret = visitor.get(visitor.path(Purpose.NEWSLETTERS, 1))
    assert (secret.headers["referrer-policy"], secret.headers["cache-control"]) == ("no-referrer", "no-store")


def test_a_reader_without_an_interview_chooses_again_takes_the_data_and_goes(visitor):
    joined(visitor)
    path = visitor.path(Purpose.NEWSLETTERS, kiri(visitor).id)
    assert "The weekly" in visitor.get(path).text
    answer = visitor.send(path, {"list-jobs": "yes", "list-alumni": "yes"})
    assert (answer.status_code, on_lists(visitor)) == (303, {"jobs"})
    assert "Noted." in visitor.get(answer.headers["location"]).text
    data = visitor.get(f"{path}/data.json").json()
    assert (data["subscriber"]["address"], data["emails"][0]["step"]) == ("kiri@example.com", "join")
    assert {place["list_key"] for place in data["newsletters"]} == {"weekly", "jobs"}
    assert visitor.send(f"{path}/delete", {}).headers["location"] == "/deleted"
    assert "kiri@example.com" not in str(visitor.dump())
    assert visitor.get(path).status_code == 404
    assert visitor.get(join_path_of(visitor)).status_code == 404


def join_path_of(visitor):
    return visitor.path(Purpose.JOIN, 1)


def test_programs_find_the_public_newsletters_with_their_wording(visitor):
    found = visitor.get("/api/newsletters").json()
    assert [each["key"] for each in found] == ["weekly", "jobs"]
    assert found[0]["wording"].startswith("Yes, send me “The weekly”.")


@pytest.mark.parametrize(
    "wrong",
    [
        {"consent": False},
        {"lists": []},
        {"lists": "weekly"},
        {"lists": [1]},
        {"lists": ["weekly"] * 60},
        {"private": True},
        {"home_zone": "Etc/GMT+99"},
    ],
)
def test_the_api_refuses_what_the_form_refuses(visitor, wrong):
    fields = {"email": "kiri@example.com", "lists": ["weekly"], "consent": True} | wrong
    answer = visitor.http.post("/api/newsletter-sign-ups", json=fields)
    assert (answer.status_code, list(answer.json()["errors"])) == (422, list(wrong))
    assert steps(visitor) == []
