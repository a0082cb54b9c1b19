"""A campaign's life in seconds; nothing leaves. That it is the real one: journeys/test_rehearsals.py."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from terminals import Terminal

from delivery.inbox import read_outbox
from runup.population import population

FRIDAY = ("simulate", "--date", "2026-12-18", "--time", "14:00", "--zone", "Europe/Berlin")


def emails(terminal: Terminal, *words: str) -> dict[str, dict[str, str]]:
    found = terminal.ok(*FRIDAY, *words, "--json").json
    assert found["open"] == 0
    return {line["step"]: line for line in found["emails"]}


def test_ten_days_ahead_everything_leaves_on_its_day(bare: Terminal) -> None:
    lines = emails(bare)
    assert "catchup" not in lines
    assert lines["details"]["at"].startswith("2026-12-11T09:")
    assert lines["day_before"]["at"].startswith("2026-12-17T16:")
    assert {line["kind"] for line in lines.values()} == {"left"}


def test_a_simulation_needs_no_workspace_and_leaves_none(bare: Terminal) -> None:
    bare.ok(*FRIDAY)
    assert list(bare.folder.iterdir()) == []


def test_somebody_late_gets_the_short_version(bare: Terminal) -> None:
    lines = emails(bare, "--signed-up", "3")
    assert lines["catchup"]["kind"] == "left"
    assert lines["details"]["reason"] == "merged_into_catchup"


def test_a_moved_date_moves_what_is_to_come(bare: Terminal) -> None:
    lines = emails(bare, "--move", "2026-12-16T10:00=2026-12-22")
    assert lines["moved"]["at"].startswith("2026-12-16T10:00")
    assert lines["morning"]["at"].startswith("2026-12-22T07:")


def test_a_canceled_interview_leaves_one_email(bare: Terminal) -> None:
    lines = emails(bare, "--cancel", "2026-12-16")
    assert lines["canceled"]["kind"] == "left"
    assert lines["morning"]["reason"] == "canceled"


def test_an_outcome_told_stops_the_nudges(bare: Terminal) -> None:
    lines = emails(bare, "--outcome", "2026-12-21=rejected")
    assert lines["rejected"]["kind"] == "left"
    assert lines["checkin"]["reason"] == "outcome_known"


def test_unsubscribed_on_the_eve(bare: Terminal) -> None:
    lines = emails(bare, "--unsubscribe", "2026-12-17T12:00")
    assert lines["questions"]["kind"] == "left"
    assert lines["day_before"]["reason"] == "unsubscribed"


def test_nothing_leaves_during_an_outage(bare: Terminal) -> None:
    lines = emails(bare, "--outage", "2026-12-13..2026-12-16T12:00")
    left = [line["at"] for line in lines.values() if line["kind"] == "left"]
    assert not [at for at in left if "2026-12-13T13:00" < at < "2026-12-16T13:00"]
    assert lines["format"]["reason"] == "expired_outage"


def test_the_emails_can_be_kept_to_look_at(bare: Terminal) -> None:
    bare.ok(*FRIDAY, "--emails", "kept")
    subjects = [email.subject for email in read_outbox(bare.folder / "kept")]
    assert "Your plan for the big day" in subjects
    assert len(subjects) == 12


def test_a_crowd_ends_with_every_send_final_and_the_same_seed_is_the_same_crowd(bare: Terminal) -> None:
    crowd = ("simulate", "--people", "8", "--json")
    found = bare.ok(*crowd).json
    assert found["people"] == 8
    assert found["open"] == 0
    assert found["sends"] == sum(found["left"].values()) + sum(
        number for reasons in found["not_sent"].values() for number in reasons.values()
    )
    assert bare.ok(*crowd).json == found


def test_a_crowd_is_told_step_by_step_and_by_its_busiest_hour(bare: Terminal) -> None:
    told = bare.ok("simulate", "--people", "50", "--outage", "2026-12-02..2026-12-07").out
    assert "The busiest hour is" in told
    assert "emails that differ in more than names and dates were written" in told
    assert "Workers would have stopped on 2026-12-07 12:00Z" in told


def test_the_emails_of_a_crowd_can_be_kept_too(bare: Terminal) -> None:
    found = bare.ok("simulate", "--people", "2", "--emails", "kept", "--json").json
    assert len(list(read_outbox(bare.folder / "kept"))) == found["written"] == sum(found["left"].values())


def test_another_seed_is_another_crowd() -> None:
    start = datetime(2026, 11, 23, tzinfo=UTC)
    first, again, other = (list(population(50, start=start, seed=seed)) for seed in (1, 1, 2))
    assert [life.form for life in first] == [life.form for life in again]
    assert [life.form for life in first] != [life.form for life in other]
    assert len({life.form.home_zone for life in first}) > 5
    assert any(life.acts for life in first)


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (["--people", "0"], "--people"),
        (["--date", "tomorrow"], "--date: 'tomorrow' is not a day"),
        (["--interview-zone", "Mars/Base"], "not a time zone"),
        (["--move", "2026-12-16"], "--move: '2026-12-16' has no `=`"),
        (["--outcome", "2026-12-20=maybe"], "none of: offer"),
        (["--outage", "2026-12-20..2026-12-19"], "ends before it begins"),
        (["--outage", "long"], "no span"),
        (["--cancel", "2026-10-01"], "before they sign up"),
        (["--cancel", "noon"], "--cancel"),
        (["--people", "9", "--cancel", "2026-12-16"], "--cancel is one person's"),
        (["nothing"], "there is no campaign"),
    ],
)
def test_bad_input_is_one_line(bare: Terminal, words: list[str], answer: str) -> None:
    result = bare(*FRIDAY, *words) if "--date" not in words else bare("simulate", *words)
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert answer in result.err
