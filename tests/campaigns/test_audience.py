"""Filters over a list's readers: what they may ask, and how a fault in one is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from campaigns.audience import Audience, AudienceError, AudienceFacts, Listener
from campaigns.context import Appointment
from campaigns.expressions import ConditionError

ANA = AudienceFacts(
    subscriber=Listener(
        first_name="Ana", home_zone="Europe/Berlin", locale="de_AT", language="de", tags=("vip",)
    ),
    lists=("jobs", "weekly"),
    days_on_list=40,
    interview=(soon := Appointment(day=date(2026, 12, 4), days_left=3, mode="video")),
    interviews=(replace(soon, days_left=-20, is_past=True, outcome="next_round"), soon),
    has_upcoming=True,
)
SAM = AudienceFacts(subscriber=Listener(home_zone="America/St_Johns"), lists=("weekly",))


@pytest.mark.parametrize(
    ("source", "ana", "sam"),
    [
        ("", True, True),
        ("  ", True, True),
        ("has_upcoming", True, False),
        ("interview and interview.mode == 'video' and interview.days_left <= 7", True, False),
        ("not interview", False, True),
        ("'vip' in subscriber.tags or 'jobs' in lists", True, False),
        ("subscriber.language == 'de' and days_on_list > 30", True, False),
        ("subscriber.home_zone.startswith('America/')", False, True),
        ("interviews|selectattr('outcome', 'equalto', 'next_round')|list|length > 0", True, False),
    ],
)
def test_a_filter_admits_whom_it_describes(source: str, ana: bool, sam: bool) -> None:
    audience = Audience.parse(source, lists=["weekly", "jobs"])
    assert (audience.admits(ANA), audience.admits(SAM)) == (ana, sam)


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("has_upcomming", "column 1: there is no `has_upcomming`; did you mean `has_upcoming`?"),
        (
            "true and subscriber.zone == 'x'",
            "column 21: `subscriber` has no `zone`; did you mean `home_zone`?",
        ),
        ("interview and interview.mode == 'vidio'", "column 33: `interview.mode` is never 'vidio'"),
        ("not has_upcoming and 'weekley' in lists", "column 22: `lists` is never 'weekley'; it is one of"),
        ("has_upcoming and", "cannot be read: "),
        ("days_on_list =< 3", "cannot be read: "),
        ("a\nb", "write the filter on one line"),
        (
            "interview.mode == 'video'",
            "for somebody with nothing told this asks for something that does not exist here; "
            "they have no interview, so begin with `interview and …`",
        ),
        (
            "interview and interview.start_time > time('09:00')",
            "for somebody with an interview to come this uses a value that is empty here; test for it first",
        ),
        ("9 ** 9 ** 9 > 1", "for somebody with nothing told this uses something that failed (SecurityError)"),
        ("subscriber.__class__.__mro__", "for somebody with nothing told this uses something that failed"),
    ],
)
def test_a_filter_that_cannot_be_used_says_where_and_what_instead(source: str, told: str) -> None:
    with pytest.raises(AudienceError) as refused:
        Audience.parse(source, lists=["weekly", "jobs"])
    assert str(refused.value).startswith(told)


def test_a_filter_says_what_it_asks_for() -> None:
    assert Audience.parse("interview and interview.days_left < 3").asks_for == {"interview"}
    assert Audience.parse("'vip' in subscriber.tags").asks_for == {"subscriber", "tags"}
    assert Audience.parse("").asks_for == frozenset()


def test_no_answer_is_never_a_no() -> None:
    audience = Audience.parse("interview and interview.start_time and interview.decision_on.day > 3 or true")
    assert audience.admits(ANA)
    odd = Audience.parse("interview and interview.start_time and interview.decision_on.day > 3")
    early = replace(soon, start_time=date.min)  # type: ignore[arg-type]
    with pytest.raises(ConditionError, match="something that does not exist here"):
        odd.admits(replace(ANA, interview=early))
