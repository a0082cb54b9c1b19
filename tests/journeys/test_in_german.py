"""Ana has a German browser: from the form to the farewell, every email and every page of hers is German."""

from __future__ import annotations

import re
from datetime import date

from journey import FRIDAY, Inhabitant, Town, berlin

from runup.demo.visitor import Visitor

ENGLISH = re.compile(
    r"\b(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day\b|\b(?:you|your|the|interview|Unsubscribe|December)\b"
)


def in_german(town: Town, name: str, languages: str = "de-AT,de;q=0.9,en;q=0.5") -> Inhabitant:
    ana = town.person(name, "Europe/Berlin")
    ana.visitor = Visitor(languages)
    return ana


def words(text: str) -> str:
    """Without addresses, whose paths are the same in every language."""
    return re.sub(r"https?://\S+", "", text)


def test_ana_with_a_german_browser_gets_every_email_in_german(town: Town) -> None:
    ana = in_german(town, "Ana")
    ana.join(FRIDAY, mode="onsite", country="DE")
    town.go_to(berlin(40, 9))
    assert [email.subject for email in ana.emails] == [
        "Bitte bestätige deine E-Mail-Adresse",
        "Dein Plan für den großen Tag",
        "Eine Ebene tiefer",
        "Dieselben Gesichter oder neue?",
        "Diesmal vielleicht kein Plaudern",
        "Über das Geld",
        "Deine Fragen, griffbereit",
        "Checkliste für Freitag",
        "Viel Glück: fünf Zeilen",
        "Zwei Minuten für ein Dankeschön",
        "Zeit, freundlich nachzufragen?",
        "Eine letzte Zeile, dann weiter",
        "Geschafft. Bleibst du beim Newsletter?",
    ]
    for email in ana.emails:
        assert not ENGLISH.search(words(email.text)), email.subject
        assert 'lang="de"' in email.html
    welcome, eve = ana.emails[1], ana.emails[7]
    assert "Freitag, 4. Dezember 2026, 14:00, Ortszeit Berlin" in eve.text
    assert re.search(r"- Fr\., 27\. Nov\., 09:0\d: Eine Ebene tiefer", welcome.text)


def test_her_plan_and_her_calendar_name_the_emails_in_german(town: Town) -> None:
    ana = in_german(town, "Ana")
    ana.join(FRIDAY)
    page = ana.visitor.open(ana.plan_url).html
    assert "Eine Ebene tiefer" in page
    assert "Go one level deeper" not in page
    # A calendar program says nothing of a language; the file speaks its owner's.
    calendar = Visitor().open(ana.link("calendar")).html.replace("\r\n ", "")
    assert "SUMMARY:E-Mail: Eine Ebene tiefer" in calendar
    assert "SUMMARY:Gespräch" in calendar


def test_what_she_changes_is_answered_in_german(town: Town) -> None:
    ana = in_german(town, "Ana")
    ana.join(FRIDAY)
    ana.change("move", interview_date=date(2026, 12, 11).isoformat(), interview_time="09:30")
    ana.change("cancel")
    answers = dict(zip(ana.steps, ana.emails, strict=True))
    moved, canceled = answers["moved"], answers["canceled"]
    assert (moved.subject, canceled.subject) == ("Neuer Termin, neuer Plan", "Abgesagt: Es kommt nichts mehr")
    assert "Freitag, 11. Dezember 2026, 09:30, Ortszeit Berlin" in moved.text
    assert not ENGLISH.search(words(moved.text) + words(canceled.text))


def test_who_comes_late_gets_one_german_catch_up(town: Town) -> None:
    town.go_to(berlin(-1, 12))
    ana = in_german(town, "Ana")
    ana.join(FRIDAY)
    catch_up = ana.emails[-1]
    assert (ana.steps[-1], catch_up.subject) == ("catchup", "Die kurze Fassung: Fang hier an")
    assert "DIE STELLE UND DU, IM EINZELNEN" in catch_up.text
    assert not ENGLISH.search(words(catch_up.text))


def test_sam_beside_her_reads_english(town: Town) -> None:
    ana, sam = in_german(town, "Ana"), in_german(town, "Sam", "en-CA")
    ana.join(FRIDAY)
    sam.join(FRIDAY)
    assert [email.subject for email in (ana.emails[-1], sam.emails[-1])] == [
        "Dein Plan für den großen Tag",
        "Your plan for the big day",
    ]
    explained = town.run("explain", ana.address)
    assert "Go one level deeper" in explained, "operators read the campaign's own language"
