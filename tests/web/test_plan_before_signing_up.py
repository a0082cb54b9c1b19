from __future__ import annotations

from html import unescape

import pytest

ASKED = {
    "interview_date": "2026-12-04",
    "interview_time": "14:00",
    "home_zone": "Europe/Berlin",
    "interview_zone": "",
    "mode": "video",
}


def ask(visitor, **fields):
    return visitor.http.post("/api/plan", json=ASKED | fields)


def test_ana_sees_what_arrives_and_when_and_nothing_is_stored(visitor):
    before = visitor.dump()
    answer = ask(visitor)
    assert answer.status_code == 200
    plan = answer.json()
    assert [(line["step"], line["when"]) for line in plan["lines"][:4]] == [
        ("welcome", "As soon as you confirm"),
        ("details", "Friday 27 November, 09:00"),
        ("people", "Sunday 29 November, 09:00"),
        ("format", "Monday 30 November, 09:00"),
    ]
    [interview] = [line for line in plan["lines"] if not line["step"]]
    assert (interview["title"], interview["at"]) == ("Your interview", "2026-12-04T14:00:00+01:00")
    assert plan["zone"] == "Europe/Berlin"
    assert "The first as soon as you confirm" in plan["summary"]
    assert not plan["is_late"]
    assert "set-cookie" not in answer.headers
    assert visitor.dump() == before


def test_what_is_shown_is_what_is_planned_after_confirming(visitor):
    shown = {line["step"]: line["at"] for line in ask(visitor, mode="").json()["lines"] if line["step"]}
    interview = visitor.confirmed()
    with visitor.application.database.read() as session:
        from scheduler import outlook

        lines = outlook(session, interview.subscriber_id, catalog=visitor.application.catalog)
    planned = {line.step: line.at for line in lines if line.kind == "coming"}
    assert set(shown) == set(planned) - {"confirm"}
    for step, at in shown.items():
        # Everybody's own few minutes come on top.
        assert 0 <= (planned[step] - planned[step].fromisoformat(at)).total_seconds() <= 9 * 60


def test_sam_reads_the_plan_on_his_own_clock_and_the_interview_on_both(visitor):
    plan = ask(visitor, home_zone="America/St_Johns", interview_zone="Europe/London").json()
    [interview] = [line for line in plan["lines"] if not line["step"]]
    assert interview["when"] == "Friday 4 December, 10:30"
    assert interview["title"] == "Your interview (Friday 4 December, 14:00, London time)"


def test_kiri_is_late_and_told_so(visitor):
    plan = ask(visitor, interview_date="2026-11-25", home_zone="Pacific/Kiritimati").json()
    assert plan["is_late"]
    assert plan["summary"].startswith("Your interview is close")
    first = plan["lines"][0]
    assert (first["step"], first["when"]) == ("catchup", "As soon as you confirm")
    assert "About the money" in first["instead_of"]


def test_an_interview_that_is_over_is_called_over(visitor):
    assert ask(visitor, interview_date="2026-11-20").json()["summary"].startswith("Your interview is over")
    assert "a while ago" in ask(visitor, interview_date="2026-10-01").json()["summary"]


def test_an_unknown_start_time_is_shown_as_a_day(visitor):
    lines = ask(visitor, interview_time="").json()["lines"]
    [interview] = [line for line in lines if not line["step"]]
    assert (interview["at"], interview["when"]) == (None, "Friday, 4 December 2026")


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"interview_date": ""}, "interview_date"),
        ({"interview_date": "2026-02-30"}, "interview_date"),
        ({"interview_date": "9999-12-31"}, "interview_date"),
        ({"interview_time": "25:00"}, "interview_time"),
        ({"home_zone": ""}, "home_zone"),
        ({"home_zone": "../../etc/passwd"}, "home_zone"),
        ({"interview_zone": "Etc/GMT+99"}, "interview_zone"),
        ({"mode": "teleport"}, "mode"),
        ({"interview_date": 5}, "interview_date"),
        ({"mode": None}, "mode"),
        ({"home_zone": "x" * 401}, "home_zone"),
        ({"email": "ana@example.com"}, "email"),
    ],
)
def test_what_is_wrong_is_told_per_field(visitor, fields, wrong):
    answer = ask(visitor, **fields)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["status"], list(problem["errors"])) == (422, [wrong])


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("application/x-www-form-urlencoded", b"interview_date=2026-12-04", 415),
        ("text/plain", b"{}", 415),
        ("application/json", b"", 400),
        ("application/json", b"[]", 400),
        ("application/json", b"null", 400),
        ("application/json", b'{"mode": "\xff"}', 400),
        ("application/json", b'{"mode": "video", "mode": "phone"}', 400),
        ("application/json", b"[" * 60_000, 400),
        ("application/json", b'{"mode": "' + b"x" * 70_000 + b'"}', 413),
    ],
)
def test_what_is_no_json_object_is_refused_as_problem_details(visitor, kind, body, status):
    answer = visitor.http.post("/api/plan", content=body, headers={"Content-Type": kind})
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status


def test_without_scripts_a_link_with_the_day_and_a_form_with_an_error_show_the_plan(visitor):
    for page in (
        visitor.get("/?date=2026-12-04&time=14:00&zone=Europe/Berlin").text,
        visitor.sign_up(email="ana@").text,
    ):
        assert "<b>Friday 27 November, 09:00</b><span>Go one level deeper</span>" in page
        assert '<li class="day"><b>Friday 4 December, 14:00</b>' in page
    late = unescape(visitor.get("/?date=2026-11-25&zone=Europe/Berlin").text)
    assert "Your interview is close: what you missed comes at once, in one short version" in late


def test_a_wrong_day_in_a_link_shows_the_page_without_a_plan(visitor):
    page = visitor.get("/?date=2026-02-30&zone=Europe/Berlin")
    assert page.status_code == 200
    assert "<b>A week before</b>" in page.text
