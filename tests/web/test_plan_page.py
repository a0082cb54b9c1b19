from __future__ import annotations

import re
from datetime import date, time
from html import unescape

import pytest
from sqlalchemy import select

from scheduler import Send
from subscribers import Purpose


@pytest.fixture
def interview(visitor):
    return visitor.confirmed()


@pytest.fixture
def plan(visitor, interview):
    return visitor.path(Purpose.PLAN, interview.id)


def planned(visitor):
    with visitor.application.database.read() as session:
        rows = session.execute(select(Send.step, Send.local_at).where(Send.state == "planned"))
        return {row.step: row.local_at[:10] for row in rows}


def change(visitor, plan, part, **fields):
    answer = visitor.send(f"{plan}/{part}", fields)
    assert answer.status_code == 303, answer.text
    return unescape(visitor.get(answer.headers["location"]).text)


def test_ana_sees_her_day_what_comes_and_when(visitor, plan):
    page = unescape(visitor.get(plan).text)
    assert "Ana, your interview is in 11 days" in page
    assert "Friday <span>4 December 2026, 14:00" in page
    assert re.search(
        r"<b>Go one level deeper</b><time datetime=\"2026-11-27T09:0\d\+01:00\">Friday 27 November, 09:0",
        page,
    )
    assert "Nothing more." not in page


def test_two_zones_are_printed_when_the_clocks_differ(visitor):
    interview = visitor.confirmed(
        email="sam@example.com",
        home_zone="America/St_Johns",
        interview_zone="Pacific/Kiritimati",
        interview_time="09:00",
    )
    page = unescape(visitor.get(visitor.path(Purpose.PLAN, interview.id)).text)
    assert "Kiritimati time. For you that is Thursday, 15:30, St Johns time" in page
    assert "your interview is in 10 days" in page


def test_the_distance_is_counted_on_the_readers_calendar(visitor, plan, clock):
    clock.now = clock.now.replace(month=12, day=3, hour=22, minute=30)
    assert "your interview is tomorrow" in visitor.get(plan).text
    clock.forward(hours=1)
    assert "your interview is today" in visitor.get(plan).text


def test_without_a_start_time_the_page_asks_for_it(visitor):
    interview = visitor.confirmed(email="kiri@example.com", interview_time="")
    assert "Once you know the start time" in visitor.get(visitor.path(Purpose.PLAN, interview.id)).text


def test_a_late_joiner_is_told_what_was_left_out_and_why(visitor):
    interview = visitor.confirmed(interview_date="2026-11-25")
    page = unescape(visitor.get(visitor.path(Purpose.PLAN, interview.id)).text)
    assert "The short version" in page
    assert "Left out, and why" in page
    assert re.search(r"<b>Go one level deeper</b> <span>[A-Z][^<]+\.</span>", page)


def test_moving_the_date_moves_every_email(visitor, plan):
    page = change(
        visitor,
        plan,
        "move",
        interview_date="2026-12-11",
        interview_time="09:30",
        interview_zone="Europe/London",
    )
    assert "The date is changed" in page
    assert "11 December 2026, 09:30" in page
    [interview] = visitor.interviews()
    assert (interview.held_on, interview.start_time) == (date(2026, 12, 11), time(9, 30))
    assert (interview.zone, interview.revision) == ("Europe/London", 1)
    assert planned(visitor)["day_before"] == "2026-12-10"


@pytest.mark.parametrize(
    ("part", "fields", "at"),
    [
        ("move", {"interview_date": ""}, "interview_date"),
        ("move", {"interview_date": "2026-02-30"}, "interview_date"),
        ("move", {"interview_date": "2030-01-01"}, "interview_date"),
        ("move", {"interview_date": "2026-09-01"}, "interview_date"),
        ("move", {"interview_date": "2026-12-11", "interview_time": "25:00"}, "interview_time"),
        ("move", {"interview_date": "2026-12-11", "interview_zone": "Mars/Base"}, "interview_zone"),
        ("outcome", {}, "outcome"),
        ("outcome", {"outcome": "<script>alert(1)</script>"}, "outcome"),
        ("decision", {"decision_on": "2026-12-03"}, "decision_on"),
        ("decision", {"decision_on": "soon"}, "decision_on"),
        ("details", {"mode": "teleport", "interviewers": "new", "format": "panel"}, "mode"),
        ("details", {"mode": "video", "interviewers": "", "format": "panel"}, "interviewers"),
        ("zone", {"home_zone": ""}, "home_zone"),
        ("zone", {"home_zone": "../etc/passwd"}, "home_zone"),
    ],
)
def test_a_bad_change_is_told_at_its_field_and_changes_nothing(visitor, plan, part, fields, at):
    before = visitor.dump()
    answer = visitor.send(f"{plan}/{part}", fields)
    assert answer.status_code == 422
    assert f'id="{at}-error"' in answer.text
    assert re.search(rf'<details class="change" id="{part}-part" open>', answer.text)
    for value in fields.values():
        assert "<script>alert" not in answer.text
        assert (
            value == ""
            or unescape(answer.text).count(value)
            or part in ("outcome", "details", "zone", "move")
        )
    assert visitor.dump() == before


def test_canceling_asks_first_then_stops_everything(visitor, plan):
    page = visitor.get(f"{plan}/cancel").text
    assert "Is the interview canceled?" in page
    page = change(visitor, plan, "cancel")
    assert "The interview is canceled." in page
    assert visitor.interviews()[0].canceled_at is not None
    assert set(planned(visitor)) == {"canceled"}


def test_a_canceled_interview_is_taken_up_again_with_a_new_date(visitor, plan):
    change(visitor, plan, "cancel")
    assert "It is on again" in visitor.get(plan).text
    change(visitor, plan, "move", interview_date="2026-12-15", interview_time="")
    assert visitor.interviews()[0].canceled_at is None
    assert planned(visitor)["day_before"] == "2026-12-14"


@pytest.mark.parametrize(
    ("outcome", "words", "step"),
    [
        ("offer", "Congratulations!", "offer"),
        ("rejected", "We are sorry.", "rejected"),
        ("next_round", "Enter the new date", "next_round"),
    ],
)
def test_telling_the_outcome_stops_the_nudges(visitor, plan, clock, outcome, words, step):
    clock.forward(days=14)
    assert words in change(visitor, plan, "outcome", outcome=outcome)
    assert visitor.interviews()[0].outcome == outcome
    assert step in planned(visitor)
    assert not {"checkin", "second_nudge"} & set(planned(visitor))


def test_after_the_interview_the_page_asks_how_it_went(visitor, plan, clock):
    heard = f'<a class="button primary" href="{plan}/outcome">I have heard back</a>'
    assert heard not in visitor.get(plan).text
    clock.forward(days=12)
    page = visitor.get(plan).text
    assert "your interview was yesterday" in page
    assert heard in page
    change(visitor, plan, "outcome", outcome="rejected")
    assert heard not in visitor.get(plan).text


def test_the_decision_day_moves_the_nudge_and_can_be_taken_back(visitor, plan):
    change(visitor, plan, "decision", decision_on="2026-12-16")
    assert planned(visitor)["checkin"] == "2026-12-17"
    change(visitor, plan, "decision", decision_on="")
    assert visitor.interviews()[0].decision_on is None


def test_details_and_home_zone_change(visitor, plan):
    change(visitor, plan, "details", mode="onsite", interviewers="same", format="case")
    change(visitor, plan, "zone", home_zone="Pacific/Kiritimati")
    [interview] = visitor.interviews()
    assert (interview.mode, interview.interviewers, interview.format) == ("onsite", "same", "case")
    assert interview.subscriber.home_zone == "Pacific/Kiritimati"
    assert "Kiritimati time" in visitor.get(plan).text


@pytest.mark.parametrize(
    ("part", "fields"),
    [
        (
            "move",
            {"interview_date": "2026-12-04", "interview_time": "14:00", "interview_zone": "Europe/Berlin"},
        ),
        ("decision", {"decision_on": ""}),
        ("details", {"mode": "unknown", "interviewers": "unknown", "format": "unknown"}),
        ("zone", {"home_zone": "Europe/Berlin"}),
    ],
)
def test_saving_what_is_so_already_changes_nothing(visitor, plan, part, fields):
    before = visitor.dump()
    assert "That is how it was already." in change(visitor, plan, part, **fields)
    assert visitor.dump() == before


@pytest.mark.parametrize("part", ["move", "outcome", "decision", "details", "zone"])
def test_a_link_of_an_email_opens_its_form_and_changes_nothing(visitor, plan, part):
    before = visitor.dump()
    page = visitor.get(f"{plan}/{part}")
    assert page.status_code == 200
    assert re.search(rf'<details class="change" id="{part}-part" open>', page.text)
    assert visitor.dump() == before


def test_what_stands_in_the_address_is_never_printed(visitor, plan):
    page = visitor.get(plan, params={"done": "<b>You won</b>"}).text
    assert "You won" not in page
    assert 'class="done"' not in page


def test_two_interviews_have_a_page_each_and_know_of_one_another(visitor, plan):
    second = visitor.confirmed(interview_date="2026-12-18")
    page = visitor.get(plan).text
    assert "Friday, 18 December 2026" in page
    path = re.search(r'<li><a href="(/plan/[^"]+)">Friday, 18 December', page)[1]
    assert path == visitor.path(Purpose.PLAN, second.id)
    visitor.send(f"{path}/cancel", {})
    assert "Friday, 18 December 2026" not in visitor.get(plan).text
    assert visitor.interviews()[0].canceled_at is None


def test_another_interview_starts_on_a_prefilled_form(visitor, plan):
    path = unescape(re.search(r'<a href="(/\?[^"]+)">I have another interview', visitor.get(plan).text)[1])
    assert '<option value="Europe/Berlin" selected>' in visitor.get(path).text


def test_an_unconfirmed_interview_has_no_plan_page(visitor):
    visitor.sign_up(email="kiri@example.com")
    assert visitor.get(visitor.path(Purpose.PLAN, visitor.interviews()[0].id)).status_code == 404


def test_somebody_who_left_is_told_so_and_how_to_come_back(visitor, plan, interview):
    visitor.http.post(visitor.path(Purpose.UNSUBSCRIBE, interview.subscriber_id))
    page = visitor.get(plan).text
    assert "You have unsubscribed" in page
    assert "Nothing more." in page
