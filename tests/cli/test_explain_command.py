"""Why somebody got an email or did not, and what would change it."""

from __future__ import annotations

from typing import Any

import pytest
from terminals import Terminal, add_ana

from campaigns.reasons import Reason
from runup.application import Application
from runup.explaining import BECAUSE, because
from runup.settings import Settings
from scheduler import Line

ANA = "ana@example.com"


def tick() -> None:
    """Let the real worker do what is due now."""
    application = Application.open(Settings.load())
    worker = application.worker()
    worker.tick()
    worker.close()
    application.close()


def a_line(**facts: str) -> Line:
    told: dict[str, Any] = {"kind": "left_out", "state": "expired", "reason": "", "detail": ""} | facts
    return Line(
        send_id=1, interview_id=1, campaign="c", step="s", title="t", at=None, zone="UTC", why="", **told
    )  # fmt: skip


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_has_words_for_operators_and_says_what_would_change_it(reason: Reason) -> None:
    told = because(a_line(reason=reason, detail="only when it rains"))
    assert told
    assert told.words == f"{BECAUSE[reason].words} (only when it rains)"
    assert told.change
    assert not {"you", "your"} & set(BECAUSE[reason].words.split()), "it is told of somebody else"


def test_what_is_in_doubt_is_explained_and_what_is_on_time_needs_no_words() -> None:
    assert "may or may not" in str(because(a_line(kind="in_doubt", state="in_doubt")))
    assert because(a_line(kind="coming", state="planned")) is None


def test_one_email_is_explained_in_full(with_ana: Terminal) -> None:
    with_ana.ok("subscribers", "outcome", ANA, "rejected")
    told = with_ana.ok("explain", ANA, "thanks").out
    assert "Email   thanks, “Two minutes for a thank-you note”" in told
    assert "For     2026-12-04 14:00 Europe/Berlin" in told
    assert "Rule    2 hours after the end" in told
    assert "What    does not leave" in told
    assert "Why     they have told what came of it" in told
    assert "Change  a new date (`runup subscribers move`)" in told


def test_what_will_leave_says_when_and_what_is_in_its_way(with_ana: Terminal) -> None:
    told = with_ana.ok("explain", ANA, "day_before").out
    assert "What   will leave on Thu 2026-12-03 at 16:0" in told
    assert "no worker runs" in told
    with_ana.ok("campaigns", "pause")
    tick()
    told = with_ana.ok("explain", ANA, "day_before").out
    assert "second_interview is paused" in told
    assert "no worker runs" not in told


def test_what_has_left_is_not_told_to_be_stuck(with_ana: Terminal) -> None:
    tick()
    told = with_ana.ok("explain", ANA, "welcome").out
    assert "What    left on Mon 2026-11-23 at 10:00 (Europe/Berlin)" in told
    assert "nothing of this leaves" not in told


def test_a_step_that_nothing_called_for_is_explained_too(with_ana: Terminal) -> None:
    told = with_ana.ok("explain", ANA, "moved").out
    assert "Nothing was ever planned for moved. It leaves at once after changing the date" in told
    assert with_ana.ok("explain", ANA, "moved", "--json").json == []


def test_the_reminder_of_a_confirmation_that_came_is_of_no_interest(bare: Terminal) -> None:
    bare.ok("init")
    bare.ok("subscribers", "add", ANA, "--date", "2026-12-04", "--zone", "Europe/Berlin")
    add_ana(bare)
    at_a_glance = bare.ok("explain", ANA).out
    assert "Still waiting for your yes" not in at_a_glance
    assert "Still waiting for your yes" in bare.ok("explain", ANA, "--all").out
    assert "Still waiting for your yes" in bare.ok("explain", ANA, "confirm_again").out
    assert "confirm_again" in {line["step"] for line in bare.ok("explain", ANA, "--json").json}


def test_a_step_that_does_not_exist_suggests_the_nearest(with_ana: Terminal) -> None:
    result = with_ana("explain", ANA, "detials")
    assert result.code == 2
    assert "did you mean details?" in result.err
