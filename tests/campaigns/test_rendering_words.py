"""How dates, clocks, zones and lists are spelled."""

from __future__ import annotations

from dataclasses import replace
from zoneinfo import available_timezones

import pytest

from campaigns.filters import FILTERS
from campaigns.sandbox import runtime_environment


@pytest.fixture
def say(ana):
    def render(source: str, **names: object) -> str:
        seen = {"interview": ana.interview, "locale": "en"} | names
        return runtime_environment(escape=False).from_string("{{ " + source + " }}").render(seen)

    return render


def test_days_and_moments_for_ana(say):
    assert say("interview.day|day") == "Friday 4 December 2026"
    assert say("interview.starts_at|day") == "Friday 4 December 2026"
    assert say("interview.day|short_day") == "Fri 4 Dec"
    assert say("interview.day|weekday") == "Friday"
    assert say("interview.start_time|clock") == "14:00"
    assert say("interview.starts_at|clock") == "14:00"
    assert say("interview.starts_at|moment") == "Friday 4 December 2026, 14:00"


def test_days_in_german(say):
    assert say("interview.day|day", locale="de") == "Freitag, 4. Dezember 2026"
    assert say("interview.day|weekday", locale="de-AT") == "Freitag"


@pytest.mark.parametrize(
    ("zone", "label"),
    [
        ("Europe/Berlin", "Berlin time"),
        ("America/St_Johns", "St. John’s time"),
        ("Pacific/Kiritimati", "Kiritimati time"),
        ("America/New_York", "New York time"),
        ("America/Argentina/Buenos_Aires", "Buenos Aires time"),
        ("UTC", "UTC"),
        ("Etc/UTC", "UTC"),
        ("Etc/GMT+5", "UTC-5"),
        ("Etc/GMT-14", "UTC+14"),
    ],
)
def test_a_zone_is_named_by_its_city(say, zone, label):
    assert say("z|zone", z=zone) == label


def test_every_zone_has_a_short_label_without_underscores(say):
    for zone in sorted(available_timezones()):
        label = say("z|zone", z=zone)
        assert label
        assert "_" not in label
        assert len(label) < 40


@pytest.mark.parametrize(
    ("word", "label"),
    [
        ("panel", "a panel"),
        ("offer", "an offer"),
        ("HR role", "an HR role"),
        ("UX lead", "a UX lead"),
        ("one-to-one", "a one-to-one"),
        ("hour", "an hour"),
        ("university", "a university"),
        ("engineer", "an engineer"),
        ("", ""),
    ],
)
def test_the_article_follows_the_sound(say, word, label):
    assert say("w|a", w=word) == label


@pytest.mark.parametrize(
    ("words", "label"), [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")]
)
def test_a_list_reads_as_a_sentence(say, words, label):
    assert say("w|sentence_list", w=words) == label


def test_words_in_a_list_are_escaped_in_html(ana):
    template = runtime_environment(escape=True).from_string("{{ [name, 'b']|sentence_list }} {{ name|a }}")

    assert "<b>" not in template.render(name="<b>", locale="en")


def test_days_are_spelled_in_the_language_of_the_words_around_them(folder, ana):
    folder.words("{{ interview.day|day }}")

    content = folder.render(replace(ana, locale="de"))

    assert "Friday 4 December 2026" in content.html
    assert 'lang="en"' in content.html


def test_every_filter_of_ours_has_a_line_in_its_docstring():
    assert all(function.__doc__ for function in FILTERS.values())
