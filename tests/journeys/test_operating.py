"""What the operator's side lives through: pauses and outages."""

from __future__ import annotations

from journey import FRIDAY, Town, berlin


def test_a_pause_holds_everything_and_resuming_does_not_burst(town: Town) -> None:
    ana = town.person("Ana", "Europe/Berlin")
    ana.join(FRIDAY)
    town.go_to(berlin(-7, 8))
    town.run("campaigns", "pause", "second_interview")
    town.go_to(berlin(-3, 12))
    assert ana.steps == ["confirm", "welcome"]
    town.run("campaigns", "resume", "second_interview")
    town.go_to(berlin(-3, 13))
    # Four were due meanwhile: only the latest that is still valid leaves.
    assert ana.steps[2:] == ["salary"]
    town.go_to(berlin(0, 12))
    assert ana.received[3:] == ["questions Wed 02 09:00", "day_before Thu 03 16:00", "morning Fri 04 07:00"]
    reasons = ana.explain()
    assert {reasons[step] for step in ("details", "people", "format")} == {"paused_expired"}


def test_three_weeks_of_pause_leave_nothing_overdue_to_burst(town: Town) -> None:
    ana = town.person("Ana", "Europe/Berlin")
    ana.join(FRIDAY)
    town.go_to(berlin(-10, 8))
    town.run("campaigns", "pause", "second_interview")
    town.go_to(berlin(11, 8))
    town.run("campaigns", "resume", "second_interview")
    town.go_to(berlin(11, 9))
    assert len(ana.emails) <= 3


def test_after_an_outage_of_three_hours_the_email_is_late_and_alone(town: Town) -> None:
    ana = town.person("Ana", "Europe/Berlin")
    ana.join(FRIDAY)
    town.go_to(berlin(-3, 8, 30))
    town.stand_still_until(berlin(-3, 11, 30))
    town.go_to(berlin(-3, 11, 31))
    assert ana.received[-1] == "salary Tue 01 11:30"
    town.go_to(berlin(-2, 12))
    assert ana.steps[-2:] == ["salary", "questions"]


def test_after_an_outage_of_three_days_only_the_latest_is_sent(town: Town) -> None:
    ana = town.person("Ana", "Europe/Berlin")
    ana.join(FRIDAY)
    town.go_to(berlin(-6, 12))
    before = len(ana.emails)
    town.stand_still_until(berlin(-3, 12))
    town.go_to(berlin(-3, 13))
    assert ana.steps[before:] == ["salary"]
    reasons = ana.explain()
    assert reasons["people"] == reasons["format"] == "expired_outage"


def test_an_outage_over_the_interview_ends_in_silence_about_it(town: Town) -> None:
    ana = town.person("Ana", "Europe/Berlin")
    ana.join(FRIDAY)
    town.go_to(berlin(-2, 12))
    before = len(ana.emails)
    town.stand_still_until(berlin(2, 12))
    town.go_to(berlin(2, 13))
    assert ana.steps[before:] == []
    town.go_to(berlin(40, 12))
    assert ana.steps[before:] == ["checkin", "second_nudge", "farewell"]


def test_the_operator_sees_what_comes_next_and_how_things_stand(town: Town) -> None:
    ana = town.person("Ana", "Europe/Berlin")
    ana.join(FRIDAY)
    upcoming = town.run("sends", "next", "--json")
    assert [line["step"] for line in upcoming][:2] == ["details", "people"]
    status = town.run("status", "--json")
    assert status["states"]["planned"] == 12 - 1
    assert "a…@example.com" in town.run("sends", "list") or "ana@example.com" not in town.run("sends", "list")
