"""The timetable file: what it means, and what it refuses by file, line, step and field."""

from __future__ import annotations

import re
from datetime import time, timedelta
from pathlib import Path

import pytest
from diary import SHIPPED

from campaigns.errors import CampaignError
from campaigns.sequence import Anchor, CalendarRule, ElapsedRule, Late, OncePer, Window
from campaigns.timetable import load_sequence, parse_sequence

GOOD = """name   = "Test"
window = [07:00:00, 20:00:00]
gap    = "18h"
jitter = "9m"

[[step]]
key      = "short"
title    = "The short version"
catchup  = true
expires  = { after = "interview_start", delay = "-10m" }

[[step]]
key      = "advice"
title    = "Advice"
day      = -7
time     = 09:00:00
expires  = { day = -2, time = 09:00:00 }
late     = "merge"
once_per = "enrollment"
when     = "interview.mode != 'phone'"

[[step]]
key      = "thanks"
title    = "Thanks"
after    = "interview_end"
delay    = "2h"
expires  = { after = "interview_start", delay = "24h" }
late     = "send"
once_per = "date"
exempt   = ["gap"]
"""


def test_a_good_file_is_read_as_it_is_written() -> None:
    sequence = parse_sequence("test", GOOD)
    assert (sequence.key, sequence.name, sequence.gap, sequence.jitter) == (
        "test", "Test", timedelta(hours=18), timedelta(minutes=9),
    )  # fmt: skip
    assert sequence.window == Window(opens=time(7), closes=time(20))
    short, advice, thanks = sequence.steps
    assert sequence.catchup is short
    assert advice.rule == CalendarRule(day=-7, time=time(9))
    assert (advice.late, advice.once_per) == (Late.MERGE, OncePer.ENROLLMENT)
    assert advice.when is not None
    assert thanks.rule == ElapsedRule(after=Anchor.INTERVIEW_END, delay=timedelta(hours=2))
    assert thanks.exempt == frozenset({"gap"})


def test_the_shipped_timetable_is_the_table_of_the_design() -> None:
    late = {step.key: step.late.value for step in SHIPPED.steps}
    merged = ("details", "people", "format", "salary", "questions")
    assert [key for key, value in late.items() if value == "merge"] == list(merged)
    assert [key for key, value in late.items() if value == "skip"] == [
        "morning", "checkin", "second_nudge", "farewell",
    ]  # fmt: skip
    dated = {"day_before", "morning", "thanks", "checkin", "second_nudge", "rejected", "offer", "next_round"}
    assert {s.key for s in SHIPPED.steps if s.once_per is OncePer.DATE} == dated | {"catchup"}
    assert {s.key for s in SHIPPED.steps if s.despite_unsubscribe} == {
        "confirm", "confirm_again", "goodbye",
    }  # fmt: skip
    assert {s.key for s in SHIPPED.steps if s.weekdays} == {"checkin", "second_nudge"}


# What is replaced by what, the line of the fault, and what the message must say.
FAULTS = {
    "unknown key": ('late     = "merge"', 'lat = "merge"', 18, "step 'advice', lat: .*did you mean 'late'"),
    "unknown top key": ('gap    = "18h"', 'gab = "18h"', 3, "gab: .*did you mean 'gap'"),
    "unknown key in expires": ("{ day = -2, time", "{ day = -2, tine", 17, "expires.tine: .*mean 'time'"),
    "missing title": ('title    = "Advice"\n', "", 12, "title: is missing"),
    "missing late": ('late     = "merge"\n', "", 12, "late: is missing"),
    "missing steps": (GOOD[GOOD.index("[[step]]") :], "", 0, "step: is missing"),
    "no end": ("expires  = { day = -2, time = 09:00:00 }\n", "", 12, "expires: is missing"),
    "expires no table": ("{ day = -2, time = 09:00:00 }", '"2d"', 17, "'2d' is not a table"),
    "expires empty": ("{ day = -2, time = 09:00:00 }", "[]", 17, "expires: is empty"),
    "over before due": ("{ day = -2, time", "{ day = -8, time", 17, "expires: .*over before the step is due"),
    "key twice": ('key      = "thanks"', 'key = "advice"', 23, "is there twice"),
    "bad key": ('key      = "advice"', 'key = "Advice 1"', 13, "small letters"),
    "no title": ('title    = "Advice"', 'title = " "', 14, "is not a text"),
    "quoted time": ("time     = 09:00:00\n", 'time = "09:00"\n', 16, "without quotes"),
    "day as text": ("day      = -7", 'day = "-7"', 15, "whole number"),
    "day far away": ("day      = -7", "day = -700", 15, "within a year"),
    "outside the window": ("time     = 09:00:00\n", "time = 06:59:00\n", 16, "outside the window"),
    "jitter out of it": ("time     = 09:00:00\n", "time = 19:55:00\n", 16, "up to 0:09:00 later"),
    "window upside down": ("[07:00:00, 20:00:00]", "[20:00:00, 07:00:00]", 2, "before it opens"),
    "window of one": ("[07:00:00, 20:00:00]", "[07:00:00]", 2, "is not a window"),
    "no length": ('delay    = "2h"', 'delay = "two hours"', 26, "like \"18h\""),
    "negative gap": ('gap    = "18h"', 'gap = "-18h"', 3, "is negative"),
    "unknown anchor": ('"interview_end"', '"interview_and"', 25, "did you mean 'interview_end'"),
    "unknown late": ('late     = "send"', 'late = "sent"', 28, "merge, send, skip; did you mean 'send'"),
    "unknown once_per": ('once_per = "enrollment"', 'once_per = "ever"', 19, "none of"),
    "unknown exempt": ('["gap"]', '["gab"]', 30, 'list of "gap" and "window"'),
    "two kinds of time": ('delay    = "2h"', 'delay = "2h"\nday = 1', 27, "does not go with after"),
    "delay beside day": ("day      = -7", 'day = -7\ndelay = "2h"', 16, "does not go with day"),
    "no time at all": ("day      = -7\ntime     = 09:00:00\n", "", 12, "day: is missing"),
    "due after itself": ('after    = "interview_end"', 'after = "due"', 25, "for expires only"),
    "after nobody": ("day      = -7", 'after_step = "thanks"\nday = 7', 15, "'thanks' is no step before"),
    "apart from nobody": ('exempt   = ["gap"]', 'apart = { from = ["x"], by = "2h" }', 30, "'x' is no step"),
    "act without act": ('once_per = "enrollment"', 'once_per = "act"', 19, "answer one"),
    "merging an answer": ('after    = "interview_end"\ndelay    = "2h"\n'
                           'expires  = { after = "interview_start",'
                           ' delay = "24h" }\nlate     = "send"',
                           'after = "outcome"\ndelay = "2h"\nexpires = '
                           '{ after = "due", delay = "2d" }\nlate = "merge"', 28, "answers an act"),
    "before it": ('after    = "interview_end"\ndelay    = "2h"', 'after = "outcome"\ndelay = "-2h"', 26,
                      "before it happens"),
    "no catch-up": ("catchup  = true",
                    'after = "confirmed"\ndelay = "1d"\nlate = "send"\nonce_per = "date"', 0,
                    "no step says catchup"),
    "timed catch-up": ("catchup  = true", "catchup = true\nday = -1", 10, "no moment of its own"),
    "not a flag": ("catchup  = true", 'catchup = "yes"', 9, "neither true nor false"),
    "unknown name": ("interview.mode", "interwiev.mode", 20, "no `interwiev`; did you mean `interview`"),
    "unknown attribute": ("interview.mode", "interview.mood", 20, "has no `mood`; did you mean `mode`"),
    "never true": ("'phone'", "'fone'", 20, "is never 'fone'"),
    "broken condition": ("!= 'phone'", "!= ", 20, "cannot be read"),
    "empty condition": ("interview.mode != 'phone'", " ", 20, "is not a text"),
    "no such name then": ("interview.mode != 'phone'", "interview.company and links.plan", 20, "`links` is"),
    "unanswerable": ("interview.mode != 'phone'", "interview.start_time > time('09:00')", 20, "empty"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named_by_line_step_and_field(fault: str) -> None:
    good, bad, line, message = FAULTS[fault]
    assert GOOD.count(good) >= 1
    with pytest.raises(CampaignError) as caught:
        parse_sequence("test", GOOD.replace(good, bad, 1))
    assert caught.value.file == "test/sequence.toml"
    assert re.search(str(message), caught.value.message), caught.value.message
    assert caught.value.line == line, str(caught.value)


def test_a_step_too_close_to_the_start_is_told_why() -> None:
    text = GOOD.replace("day      = -7", "day = 0").replace("time     = 09:00:00\n", "time = 10:30:00\n")
    with pytest.raises(CampaignError, match="leaves 2 hours before its start at the latest"):
        parse_sequence("test", text.replace("{ day = -2, time = 09:00:00 }", "{ day = 1, time = 09:00:00 }"))


def test_broken_toml_is_named_by_line() -> None:
    with pytest.raises(CampaignError, match=r"test/sequence.toml:3: not TOML"):
        parse_sequence("test", 'name = "Test"\nwindow = [07:00:00, 20:00:00]\ngap = = "18h"\n')


def test_a_file_that_is_not_utf_8_is_named_by_line(tmp_path: Path) -> None:
    (tmp_path / "sequence.toml").write_bytes(GOOD.replace("Advice", "Für Anfänger").encode("latin-1"))
    with pytest.raises(CampaignError, match=r"sequence.toml:14: this is not UTF-8"):
        load_sequence(tmp_path)


def test_a_folder_without_a_timetable_says_what_it_needs(tmp_path: Path) -> None:
    with pytest.raises(CampaignError, match="a campaign needs its timetable"):
        load_sequence(tmp_path)


@pytest.mark.parametrize(
    ("written", "length"),
    [
        ("18h", timedelta(hours=18)),
        ("9m", timedelta(minutes=9)),
        ("1d 12h", timedelta(hours=36)),
        ("0m", timedelta()),
    ],
)
def test_lengths_of_time(written: str, length: timedelta) -> None:
    assert parse_sequence("test", GOOD.replace('"18h"', f'"{written}"')).gap == length
