"""The site in the reader's language: chosen by the browser or by hand, whole, and with the reader's dates."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from catalogs import LOCALE, untranslated
from sqlalchemy import select

from runup.web.languages import DEFAULT, LANGUAGES, choose
from subscribers import Subscriber
from subscribers.consent import Consent
from subscribers.wording import Said

GERMAN = {"Accept-Language": "de-AT,de;q=0.9,en;q=0.5"}


@pytest.mark.parametrize(
    ("wish", "accepted", "expected"),
    [
        ("", "", "en_GB"),
        ("", "en-US,en;q=0.9", "en_US"),
        ("", "en", "en_GB"),
        ("", "de-AT,de;q=0.9", "de_AT"),
        ("", "fr-FR, de;q=0.3", "de"),
        ("", "en;q=0.1, de;q=0.9", "de"),
        ("", "de;q=0, en", "en_GB"),
        ("", "zh, ja, *", "en_GB"),
        ("de", "en-US", "de"),
        ("de", "en-US, de-CH", "de_CH"),
        ("en", "de", "en_GB"),
        ("", "de-../../etc/passwd", "de"),
        ("", "de;q=much, en-US", "en_US"),
        ("", "," * 10_000, "en_GB"),
        ("", "x" * 10_000, "en_GB"),
        ("", "de-Latn-DE-1996", "de_DE"),
    ],
)
def test_the_reader_s_language_and_country_are_found(wish: str, accepted: str, expected: str) -> None:
    assert choose(wish, accepted) == expected


def test_a_german_browser_gets_a_german_page(visitor):
    page = visitor.get("/?date=2026-12-04&zone=Europe/Vienna", headers=GERMAN)
    assert '<html lang="de">' in page.text
    assert page.headers["content-language"] == "de"
    assert "accept-language" in page.headers["vary"].lower()
    assert "Wann ist dein Gespräch?" in page.text
    assert "Freitag, 27. November, 09:00" in page.text
    assert 'href="?lang=en"' in page.text


def test_an_american_reads_the_month_first_and_everybody_else_the_day(visitor):
    asked = "/?date=2026-12-04&zone=America/New_York"
    assert "Friday, November 27, 9:00" in visitor.get(asked, headers={"Accept-Language": "en-US"}).text
    assert "Friday 27 November, 09:00" in visitor.get(asked, headers={"Accept-Language": "en-IE"}).text


def test_a_choice_by_hand_is_kept(visitor):
    chosen = visitor.get("/?lang=de")
    assert '<html lang="de">' in chosen.text
    assert "runup-language=de; " in chosen.headers["set-cookie"]
    assert '<html lang="de">' in visitor.get("/check-your-inbox").text
    assert '<html lang="en">' in visitor.get("/check-your-inbox?lang=en").text


@pytest.mark.parametrize("asked", ["xx", "../de", "", "de;q=1", "%00"])
def test_a_language_that_we_do_not_speak_is_passed_over(visitor, asked):
    page = visitor.get(f"/?lang={asked}")
    assert page.status_code == 200
    assert '<html lang="en">' in page.text
    assert "runup-language=" not in page.headers.get("set-cookie", "")


def test_errors_are_told_in_the_reader_s_language(visitor):
    visitor.get("/?lang=de")
    page = visitor.sign_up(email="ana@", interview_date="2029-12-04", home_zone="")
    assert page.status_code == 422
    assert "Das ist keine E-Mail-Adresse; bitte prüfe sie." in page.text
    assert "Bitte wähle deine Zeitzone." in page.text
    assert "Bis zum 2029-12-04 ist es mehr als ein Jahr" in page.text
    assert "?lang=" not in page.text, "an answer to a form cannot be asked for again"


def test_the_live_plan_speaks_it_too(visitor):
    typed = {"interview_date": "2026-12-04", "home_zone": "Europe/Vienna"}
    plan = visitor.http.post("/api/plan", json=typed, headers=GERMAN).json()
    assert "Die erste, sobald du bestätigst." in plan["summary"]
    assert plan["lines"][0]["when"] == "Sobald du bestätigst"
    wrong = visitor.http.post("/api/plan", json=typed | {"interview_date": "2026-02-30"}, headers=GERMAN)
    assert wrong.json()["errors"]["interview_date"].endswith("schreib ihn wie 2026-12-04")


def test_what_was_agreed_to_is_kept_in_the_words_that_were_read(visitor, application):
    visitor.get("/?lang=de")
    visitor.sign_up()
    with application.database.read() as session:
        assert session.scalars(select(Consent)).one().wording.startswith("Ja, schickt mir die E-Mails")
        assert session.scalars(select(Subscriber)).one().locale == "de"


def test_pages_of_errors_are_translated(visitor):
    assert "Dieser Link geht nicht" in visitor.get("/nowhere", headers=GERMAN).text


@pytest.mark.parametrize("code", sorted(LANGUAGES.keys() - {DEFAULT}))
def test_nothing_is_left_in_english(code):
    assert untranslated(LOCALE / f"{code}.po") == []


@pytest.mark.parametrize("code", sorted(LANGUAGES.keys() - {DEFAULT}))
def test_a_translation_invents_no_place_for_a_value_and_no_tag(code):
    with (LOCALE / f"{code}.po").open("rb") as file:
        catalog = read_po(file)
    for message in catalog:
        if not message.id:
            continue
        english = " ".join(message.id) if isinstance(message.id, tuple) else message.id
        strings = message.string if isinstance(message.string, tuple) else (message.string,)
        for string in strings:
            assert set(re.findall(r"%\(\w+\)[sr]", string)) <= set(re.findall(r"%\(\w+\)[sr]", english))
            assert set(re.findall(r"<[^>]*>", string)) == set(re.findall(r"<[^>]*>", english))


def test_every_catalog_is_a_language_of_the_site():
    assert {file.stem for file in Path(LOCALE).glob("*.po")} == LANGUAGES.keys() - {DEFAULT}


def test_a_message_remembers_how_it_was_made():
    said = str(ValueError(Said("%(day)s is past", day=3)))
    assert said == "3 is past"
    assert isinstance(said, Said)
    assert (said.template, said.values) == ("%(day)s is past", {"day": 3})
