"""A calendar that is subscribed to: always as things stand, cheap to ask for, and nobody else's."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from icalendar import Calendar

from subscribers import Purpose


@pytest.fixture
def interview(visitor):
    return visitor.confirmed()


@pytest.fixture
def feed(visitor, interview):
    return visitor.path(Purpose.FEED, interview.subscriber_id) + ".ics"


def events(answer):
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/calendar")
    return {str(event["UID"]).partition("@")[0]: event for event in Calendar.from_ical(answer.content).events}


def test_it_holds_every_interview_and_the_emails_to_come(visitor, interview, feed):
    other = visitor.confirmed(interview_date="2026-12-18", company="Nordwind")
    found = events(visitor.get(feed))
    assert {f"interview-{interview.id}", f"interview-{other.id}"} <= found.keys()
    assert f"email-details-{interview.id}" in found
    assert "Nordwind" not in visitor.get(feed).text


def test_the_emails_can_be_left_out(visitor, interview, feed):
    assert list(events(visitor.get(f"{feed}?only=interviews"))) == [f"interview-{interview.id}"]


def test_a_moved_date_moves_it_under_the_same_name_with_a_higher_number(visitor, interview, feed):
    name = f"interview-{interview.id}"
    before = events(visitor.get(feed))[name]
    visitor.send(
        visitor.path(Purpose.PLAN, interview.id, "move"),
        {"interview_date": "2026-12-11", "interview_time": "10:00", "interview_zone": "Europe/Berlin"},
    )
    after = events(visitor.get(feed))[name]
    assert after["SEQUENCE"] > before["SEQUENCE"]
    assert datetime(2026, 12, 11, 9, 0, tzinfo=UTC) == after.DTSTART


def test_a_canceled_one_stays_and_says_so(visitor, interview, feed):
    visitor.send(visitor.path(Purpose.PLAN, interview.id, "cancel"), {})
    event = events(visitor.get(feed))[f"interview-{interview.id}"]
    assert event["STATUS"] == "CANCELLED"


def test_a_pause_takes_its_emails_out_and_leaves_the_interview(visitor, interview, feed):
    visitor.send(visitor.path(Purpose.PLAN, interview.id, "pause"), {})
    assert list(events(visitor.get(feed))) == [f"interview-{interview.id}"]


def test_who_has_it_as_it_is_gets_nothing_and_who_has_not_gets_it(visitor, interview, feed, clock):
    first = visitor.get(feed)
    clock.forward(hours=6)
    same = visitor.get(feed, headers={"If-None-Match": first.headers["etag"]})
    assert (same.status_code, same.content) == (304, b"")
    assert same.headers["etag"] == first.headers["etag"]
    since = {"If-Modified-Since": first.headers["last-modified"]}
    assert visitor.get(feed, headers=since).status_code == 304
    visitor.send(visitor.path(Purpose.PLAN, interview.id, "cancel"), {})
    assert visitor.get(feed, headers={"If-None-Match": first.headers["etag"]}).status_code == 200
    assert visitor.get(feed, headers=since).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"If-Modified-Since": "yesterday"},
        {"If-Modified-Since": "Mon, 23 Nov 2026 99:99:99 GMT"},
        {"If-Modified-Since": "Mon, 01 Jan 1990 00:00:00 GMT"},
        {"If-None-Match": "x" * 4000},
        {"If-None-Match": '"a", W/"b"'},
        {"If-None-Match": ""},
    ],
)
def test_what_a_program_says_it_has_may_be_nonsense(visitor, feed, headers):
    assert visitor.get(feed, headers=headers).status_code == 200


def test_one_of_several_tags_is_enough(visitor, feed):
    etag = visitor.get(feed).headers["etag"]
    for known in (f'"other", {etag}', f"W/{etag}", "*"):
        assert visitor.get(feed, headers={"If-None-Match": known}).status_code == 304


def test_it_says_how_often_to_ask_and_that_nobody_between_us_may_keep_it(visitor, feed):
    answer = visitor.get(feed)
    assert "REFRESH-INTERVAL;VALUE=DURATION:PT6H" in answer.text
    assert "X-PUBLISHED-TTL:PT6H" in answer.text
    assert answer.headers["cache-control"] == "private, no-cache"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["x-robots-tag"] == "noindex, nofollow"


def test_asking_changes_nothing(visitor, feed):
    before = visitor.dump()
    assert visitor.get(feed).status_code == visitor.http.head(feed).status_code == 200
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        assert visitor.http.request(method, feed).status_code == 405
    assert visitor.dump() == before


def test_a_canceled_sign_up_that_was_merged_is_not_shown(visitor, interview, feed):
    merged = visitor.confirmed()
    assert len(visitor.interviews()) == 2
    names = events(visitor.get(feed)).keys()
    assert f"interview-{merged.id}" not in names
    assert f"interview-{interview.id}" in names


def test_of_nobody_and_of_the_erased_there_is_none(visitor, interview, feed):
    missing = visitor.get(visitor.path(Purpose.FEED, 4711))
    assert missing.status_code == 404
    visitor.send(visitor.path(Purpose.PLAN, interview.id, "delete"), {})
    erased = visitor.get(feed)
    assert (erased.status_code, erased.content) == (404, missing.content)


def test_the_plan_offers_it_to_subscribe_to(visitor, interview, feed):
    page = visitor.get(visitor.path(Purpose.PLAN, interview.id)).text
    host = visitor.application.brand.site_url.removeprefix("http:")
    assert f'href="webcal:{host}{feed}"' in page
    assert f"http:{host}{feed}" in page
