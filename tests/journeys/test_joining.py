"""People who join on time, and people who join late, through the doors: page, mailbox, command line."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from journey import FRIDAY, Town, berlin

AFTERWARDS = [
    "thanks Fri 04 17:00",
    "checkin Fri 11 09:30",
    "second_nudge Fri 18 09:30",
    "farewell Fri 01 10:00",
]
THE_DAY = ["day_before Thu 03 16:00", "morning Fri 04 07:00"]


def test_ana_joins_in_time_and_gets_every_email_at_its_hour(town: Town) -> None:
    ana = town.person("Ana", "Europe/Berlin")
    ana.join(FRIDAY, mode="onsite")
    assert ana.steps == ["confirm", "welcome"]
    town.go_to(berlin(40, 9))
    assert ana.received[2:] == [
        "details Fri 27 09:00",
        "people Sun 29 09:00",
        "format Mon 30 09:00",
        "salary Tue 01 09:00",
        "questions Wed 02 09:00",
        *THE_DAY,
        # three hours on site, then two
        "thanks Fri 04 19:00",
        *AFTERWARDS[1:],
    ]
    assert ana.explain() == {}


def test_nothing_but_the_confirmation_leaves_until_it_is_confirmed(town: Town) -> None:
    ana = town.person("Ana", "Europe/Berlin")
    ana.sign_up(FRIDAY)
    town.go_to(berlin(40, 9))
    # Once more a day later, at the same hour, and then never again.
    assert ana.received == ["confirm Mon 23 09:00", "confirm_again Tue 24 09:00"]


@pytest.mark.parametrize(
    ("joins", "at_once", "merged", "then"),
    [
        pytest.param(
            berlin(-6, 20), ["catchup"], ["details", "people"],
            ["format Mon 30 09:00", "salary Tue 01 09:00", "questions Wed 02 09:00", *THE_DAY, *AFTERWARDS],
            id="six days before",
        ),
        pytest.param(
            berlin(-3, 8), ["catchup"], ["details", "people", "format", "salary"],
            ["questions Wed 02 09:00", *THE_DAY, *AFTERWARDS],
            id="Tuesday 08:00, as worked out in the design",
        ),
        pytest.param(
            berlin(-1, 12), ["catchup"], ["details", "people", "format", "salary", "questions"],
            [*THE_DAY, *AFTERWARDS],
            id="the day before at noon",
        ),
        pytest.param(
            berlin(-1, 17), ["catchup"], ["details", "people", "format", "salary", "questions"],
            ["day_before Thu 03 18:00", "morning Fri 04 07:00", *AFTERWARDS],
            id="on the eve, after the checklist's hour",
        ),
        pytest.param(
            berlin(0, 12, 30), ["catchup"], ["details", "people", "format", "salary", "questions"],
            AFTERWARDS,
            id="ninety minutes before: the rush",
        ),
        pytest.param(berlin(2, 12), ["welcome"], [], AFTERWARDS[1:], id="on the Sunday after"),
    ],
)  # fmt: skip
def test_a_late_joiner_gets_one_email_instead_of_a_pile(
    town: Town, joins: datetime, at_once: list[str], merged: list[str], then: list[str]
) -> None:
    town.go_to(joins - timedelta(minutes=4))
    ana = town.person("Ana", "Europe/Berlin")
    ana.sign_up(FRIDAY)
    town.go_to(joins - timedelta(minutes=2))
    ana.confirm()
    assert ana.steps == ["confirm", *at_once]
    town.go_to(berlin(40, 9))
    assert ana.received[1 + len(at_once) :] == then
    reasons = ana.explain()
    assert [
        step for step, reason in reasons.items() if reason == "merged_into_catchup" and step != "welcome"
    ] == merged


def test_the_rush_is_five_lines_and_nothing_else(town: Town) -> None:
    town.go_to(berlin(0, 12, 25))
    ana = town.person("Ana", "Europe/Berlin")
    ana.join(FRIDAY)
    rush = ana.emails[-1]
    assert len(rush.text) < 1800
    assert "salary" not in rush.text.lower()


def test_kiri_and_sam_get_theirs_by_their_own_clocks(town: Town) -> None:
    kiri, sam = town.person("Kiri", "Pacific/Kiritimati"), town.person("Sam", "America/St_Johns")
    kiri.join(FRIDAY, "10:00")
    sam.join(FRIDAY, "15:00", interview_zone="Europe/London")
    town.go_to(berlin(2, 0))
    assert [r for r in kiri.received if r.startswith(("day_before", "morning"))] == THE_DAY
    # 15:00 in London is 11:30 in St. John's.
    assert [r for r in sam.received if r.startswith(("day_before", "morning"))] == THE_DAY
    checklist = next(e for e, step in zip(sam.emails, sam.steps, strict=True) if step == "day_before")
    assert "15:00" in checklist.text
    assert "11:30" in checklist.text


def test_signing_up_twice_before_confirming_is_one_interview(town: Town) -> None:
    ana = town.person("Ana", "Europe/Berlin")
    ana.sign_up(FRIDAY)
    ana.sign_up(FRIDAY, mode="phone")
    ana.confirm()
    town.go_to(berlin(-6, 12))
    assert ana.steps == ["confirm", "welcome", "details"]


def test_a_stranger_cannot_make_us_write_more_than_a_few_confirmations(town: Town) -> None:
    ana = town.person("Ana", "Europe/Berlin")
    for day in range(12):
        ana.sign_up(FRIDAY + timedelta(days=day))
    town.go_to(town.now + timedelta(hours=20))
    assert ana.steps.count("confirm") <= 3
    gaps = [later.date - earlier.date for earlier, later in zip(ana.emails, ana.emails[1:], strict=False)]
    assert all(gap >= timedelta(minutes=10) for gap in gaps)


def test_the_confirmation_repeats_nothing_a_stranger_typed(town: Town) -> None:
    ana = town.person("Ana", "Europe/Berlin")
    ana.sign_up(FRIDAY, first_name="Free pharmaceuticals", company="{{ 7*7 }} Corp", role="<b>buy</b>")
    (email,) = ana.emails
    for typed in ("pharmaceuticals", "Corp", "buy", "{{"):
        assert typed not in email.text + email.html + str(email.headers).replace(ana.address, "")
