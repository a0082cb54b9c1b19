from __future__ import annotations

from dataclasses import replace
from datetime import date, time

import pytest

from campaigns.expressions import ConditionError, compile_condition
from campaigns.names import names_of


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("interview.mode != 'phone'", True),
        ("interview.mode in ['phone', 'onsite']", False),
        ("interview.start_time and interview.start_time >= time('09:00')", True),
        ("not interview.start_time or interview.start_time < time('09:00')", False),
        ("interview.day > date('2026-12-03') and interview.day < date('2026-12-05')", True),
        ("interview.day.weekday() == 4", True),
        ("interview.days_left * 2 == 6 and interview.days_left ** 2 == 9", True),
        ("subscriber.has_newsletter", False),
        ("'vip' in subscriber.tags", False),
        ("not merged", True),
        ("'details' in merged", False),
        ("interview.company", False),
    ],
)
def test_a_condition_is_answered_for_ana(ana, source, expected):
    assert compile_condition(source).holds(names_of(ana, {}, "details")) is expected


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("", "the condition is empty"),
        ("interview.mode ==", "cannot be read"),
        ("interview.mode = 'phone'", "cannot be read"),
        ("1) }} {{ (1", "cannot be read"),
        ("intervew.mode == 'phone'", "there is no `intervew`; did you mean `interview`?"),
        ("interview.mod == 'phone'", "`interview` has no `mod`; did you mean `mode`?"),
        ("interview.mode == 'fone'", "`interview.mode` is never 'fone'"),
        ("interview.mode in ['phone', 'fone']", "`interview.mode` is never 'fone'"),
        ("interview.start_time > time('25:00')", "'25:00' is no time"),
        ("interview.day > date('2026-02-30')", "'2026-02-30' is no date"),
        ("interview.day|nothing", "nothing"),
    ],
)
def test_a_condition_that_cannot_be_meant_is_refused_when_read(source, message):
    with pytest.raises(ConditionError) as raised:
        compile_condition(source)
    assert message in str(raised.value)


def test_the_steps_and_facts_of_a_campaign_make_the_check_sharper():
    with pytest.raises(ConditionError, match="`merged` is never 'detail'"):
        compile_condition("'detail' in merged", steps=["details"])
    with pytest.raises(ConditionError, match="there is no `AT` in these facts"):
        compile_condition("facts.pay.AT", facts={"pay": {"DE": {}}})


def test_an_empty_value_is_told_without_the_readers_words(ana):
    condition = compile_condition("interview.start_time >= time('09:00')")
    unknown = replace(ana, interview=replace(ana.interview, start_time=None))

    with pytest.raises(ConditionError, match="empty here; test for it first"):
        condition.holds(names_of(unknown, {}, "details"))


@pytest.mark.parametrize(
    "source", ["'x' * 300000000", "9 ** (9 ** 8) > 1", "''.__class__", "interview.__class__", "'%d' % 1"]
)
def test_a_condition_cannot_run_away_or_out(ana, source):
    with pytest.raises(ConditionError):
        compile_condition(source).holds(names_of(ana, {}, "details"))


def test_conditions_written_alike_are_equal_and_can_be_kept_in_sets():
    one, two = compile_condition("is_rush"), compile_condition("is_rush")

    assert one == two
    assert len({one, two}) == 1
    assert repr(one) == "Condition(source='is_rush')"


def test_the_helpers_read_wall_times_and_days(ana):
    names = names_of(ana, {}, "details")

    assert names["interview"].start_time == time(14, 0)
    assert names["interview"].day == date(2026, 12, 4)
