"""The seven tips and the closing: each is carried by its email, in HTML and in text."""

from __future__ import annotations

import re
import sys
import tomllib
from datetime import date
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from readers import ADVICE, AXES, FOLDER, both, read

TAUGHT = {
    "1 the finer details of the job": (
        "details",
        "the job ad, line by line",
        "the finer points: of the job, and of you",
    ),
    "1 what they do not already know": ("details", "things about you they have not heard"),
    "1 stories that prove something": ("details", "two stories that prove something"),
    "1 ask for schedule, names, format": (
        "details",
        "what is the schedule",
        "who will i meet?",
        "a presentation or a group",
    ),
    "1 ask early for adjustments": ("details", "to do my best, i would need"),
    "2 do not dwell on round one": ("people", "do not dwell on round one"),
    "2 mention briefly that you got along": ("people", "pick up one thread", "one short mention"),
    "3 expect another format": ("format", "the second round often looks different"),
    "3 do not rest on having come through": ("format", "do not rest on it"),
    "4 full answers": ("questions", "three words leave them guessing", "full:"),
    "4 questions at the right time": ("questions", "ask the first ones where they fit"),
    "5 readdress what nags": (
        "people",
        "the answer that still nags",
        "wait for the right moment",
        "60 seconds",
    ),
    "6 accept the tour": ("day_before", "if they offer a tour, say yes", "where would i sit?"),
    "7 bring up salary": ("salary", "do not be afraid to bring up pay", "below which you would say no"),
    "7 a sentence to say": ("salary", "what range do you have in mind?", "advice differs"),
    "closing: next stage and decision": ("questions", "what is the next stage?", "by when will you decide?"),
    "closing: once more in the morning": ("morning", "what is the next stage, and by when will you decide?"),
    "closing: thank them": ("thanks", "thank-you note", "within 24 hours", "repair one answer at most"),
    "closing: follow up": ("checkin", "five to seven working days", "give them a week", "after that no more"),
    "closing: then move on": ("second_nudge", "two notes are enough", "keep applying"),
    "closing: thank them after a no": ("rejected", "then thank them", "use what you hear", "stay in touch"),
    "closing: three questions": (
        "rejected",
        "what spoke in my favor?",
        "what was missing?",
        "advise me to work on?",
    ),
    "closing: when to ask": ("rejected", "advice differs", "within 24 hours", "up to two weeks"),
    "an offer": ("offer", "in writing", "the range and the limit", "time to think", "negotiate once"),
    "the end": ("farewell", "so we ask separately", "30 days after it ended"),
}
DRILLS = {"group": "Group exercise", "case": "Case or problem", "panel": "Panel",
          "presentation": "Presentation", "one_to_one": "Deep questions"}  # fmt: skip


@pytest.mark.parametrize("advice", TAUGHT)
def test_the_advice_is_carried(advice: str) -> None:
    key, *phrases = TAUGHT[advice]
    for seen in both(read(key, interviewers="unknown", format="unknown", days_left=-1)):
        for phrase in phrases:
            assert phrase in seen.lower()


@pytest.mark.parametrize("mode", AXES["mode"])
def test_the_tour_is_accepted_in_every_mode(mode: str) -> None:
    for seen in both(read("day_before", mode=mode)):
        assert "if they offer a tour, say yes" in seen.lower()


@pytest.mark.parametrize(
    ("mode", "phrases"),
    [
        ("onsite", ("ten minutes early", "one hour or the whole day")),
        ("video", ("Test the tool", "Light from the front", "Camera at eye height", "as a backup")),
        ("phone", ("best signal", "Make it quiet")),
        ("unknown", ("an address, a link or a phone number",)),
    ],
)
def test_the_checklist_fits_the_mode(mode: str, phrases: tuple[str, ...]) -> None:
    for seen in both(read("day_before", mode=mode)):
        assert all(phrase in seen for phrase in phrases)


@pytest.mark.parametrize("known", AXES["format"])
def test_the_known_format_s_drill_comes_first_and_none_is_missing(known: str) -> None:
    for seen in both(read("format", format=known)):
        found = re.findall(rf"^(?:- )?({'|'.join(DRILLS.values())})", seen, re.M)
        assert sorted(found) == sorted(DRILLS.values())
        assert known == "unknown" or found[0] == DRILLS[known]


@pytest.mark.parametrize("interviewers", AXES["interviewers"])
def test_known_faces_and_new_ones_get_their_own_advice(interviewers: str) -> None:
    for seen in both(read("people", interviewers=interviewers)):
        assert ("tell them again" in seen) == (interviewers != "same")
        assert ("Pick up one thread" in seen) == (interviewers != "new")
        assert "The answer that still nags".lower() in seen.lower()


@pytest.mark.parametrize("merged", [ADVICE, ("people", "salary"), ("questions",), ()])
def test_the_short_version_holds_the_five_minutes_and_then_what_was_missed(merged: tuple[str, ...]) -> None:
    marks = {
        "details": "the job and you, in detail",
        "people": "the answer that still nags",
        "format": "be ready for another format",
        "salary": "a range, a limit, a sentence",
        "questions": "six questions to take with you",
    }
    for seen in both(read("catchup", merged=merged, days_left=5)):
        places = [seen.lower().find(marks[key]) for key in ADVICE]
        assert [place >= 0 for place in places] == [key in merged for key in ADVICE]
        shown = [seen.lower().find("five minutes, five things"), *(place for place in places if place >= 0)]
        assert shown == sorted(shown)
        assert ("if you have more time" in seen.lower()) == bool(merged)
        assert "Your checklist" in seen  # the plan, because this email stands for the welcome too


@pytest.mark.parametrize("mode", AXES["mode"])
def test_the_rush_text_is_five_lines(mode: str) -> None:
    content = read("catchup", is_rush=True, mode=mode)
    assert re.findall(r"^(\d)\. ", content.text, re.M) == list("12345")
    assert content.html.count('role="listitem"') == 5
    for seen in both(content):
        assert "Five lines, then go" in seen
        assert "Five minutes" not in seen
        assert len(seen.split()) < 220


def test_who_joins_after_the_interview_hears_only_of_what_is_to_come() -> None:
    content = read("welcome", days_left=-3)
    assert content.subject == "Your plan for the days after"
    for seen in both(content):
        assert "the preparation emails stay in the drawer" in seen
        assert "calendar" not in seen


def test_who_canceled_by_mistake_sets_the_date_again_and_keeps_what_was_told() -> None:
    canceled = read("canceled")
    assert (
        "set the date again. What you told us is still there:\nhttps://runup.example.com/move/x\n"
        in canceled.text
    )
    assert re.search(r'href="https://runup\.example\.com/move/x"[^>]*>\s*Set the date again', canceled.html)


def test_the_decision_day_is_asked_for_until_it_is_known() -> None:
    for seen in both(read("thanks", decision_on=None)):
        assert "If they named a date, tell us" in seen
    for seen in both(read("thanks", decision_on=date(2026, 12, 11))):
        assert "by Friday 11 December 2026" in seen
    for seen in both(read("checkin", decision_on=date(2026, 12, 11))):
        assert "They wanted to decide by Friday 11 December 2026" in seen


def is_stale(row: dict[str, object], *, on: date) -> bool:
    """Older than twelve months on that day."""
    reviewed_on = row["reviewed_on"]
    assert isinstance(reviewed_on, date)
    return on > reviewed_on.replace(year=reviewed_on.year + 1)


PAY = tomllib.loads((FOLDER / "facts" / "pay.toml").read_text("utf-8"))


@pytest.mark.parametrize("country", PAY)
def test_a_pay_rule_is_careful_short_and_has_an_official_source(country: str) -> None:
    row = PAY[country]
    assert re.fullmatch("[A-Z]{2}", country)
    assert set(row) == {"right", "source", "reviewed_on"}
    sentences = re.split(r"(?<=\.) ", row["right"])
    assert 1 < len(sentences) <= 3
    assert all(re.fullmatch(r"[A-Z][^.!?]+\.", sentence) for sentence in sentences)
    assert max(len(sentence.split()) for sentence in sentences) <= 28, "short"
    assert re.search(r"generally|depends|check what applies", row["right"]), "careful"
    assert re.match(
        r"https://([\w-]+\.)*(europa\.eu|gov|gov\.\w+|gv\.at|gov\.bc\.ca|vdi\.lt|slov-lex\.sk|sejm\.gov\.pl)/",
        row["source"],
    )
    assert not is_stale(row, on=date(2027, 11, 23))
    assert is_stale(row, on=date(2027, 11, 24))


def test_every_eu_state_has_a_row_and_the_united_kingdom_has_none() -> None:
    states = "AT BE BG HR CY CZ DK EE FI FR DE GR HU IE IT LV LT LU MT NL PL PT RO SK SI ES SE"
    assert set(states.split()) | {"US", "CA"} == set(PAY)


@pytest.mark.parametrize("key", ["salary", "catchup"])
@pytest.mark.parametrize("country", ["", "GB", "JP", *PAY])
def test_the_pay_rule_of_the_country_is_printed_or_a_general_sentence(key: str, country: str) -> None:
    for seen in both(read(key, country=country, merged=("salary",))):
        if country in PAY:
            assert PAY[country]["right"] in seen
            assert "It is not legal advice." in seen
        else:
            assert "Some countries have rules on telling applicants the pay range" in seen
            assert "Directive" not in seen
