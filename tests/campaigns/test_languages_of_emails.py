"""A campaign in more languages than one: which files an email is made of, and what the check says of gaps."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from campaigns.context import PlanEntry
from campaigns.errors import CampaignError
from campaigns.rendering import Renderer
from campaigns.timetable import parse_sequence

BODY = """\
[% extends "_base/layout.mjml" %]
[% block body %]
<mj-section><mj-column><mj-text>WORDS, {{ interview.day|day }}</mj-text></mj-column></mj-section>
[% endblock %]
"""
CORE = "<mj-section><mj-column><mj-text>WORDS</mj-text></mj-column></mj-section>\n"
WITH_CORE = """\
[% extends "_base/layout.mjml" %]
[% block body %]
[% include "details/core.mjml" %]
[% endblock %]
"""
TEXT = "WORDS, {{ interview.day|day }}\n{{ brand.postal_address }}\n{{ links.unsubscribe }}\n"
TIMETABLE = """\
name   = "Short"
window = [07:00:00, 20:00:00]

[[step]]
key      = "details"
title    = "About details"
titles   = { de = "Die Einzelheiten" }
day      = -2
time     = 09:00:00
expires  = { day = 0, time = 09:00:00 }
late     = "skip"
once_per = "date"
"""


@pytest.fixture
def bilingual(folder):
    """`details` in English and, every part of it, in German."""
    folder.write("_base/words.txt", "").write("_base/words.de.txt", "")
    folder.write("details/body.mjml", BODY.replace("WORDS", "Good day"))
    folder.write("details/body.de.mjml", BODY.replace("WORDS", "Guten Tag"))
    folder.write("details/body.txt", TEXT.replace("WORDS", "Good day"))
    folder.write("details/body.de.txt", TEXT.replace("WORDS", "Guten Tag"))
    folder.write("details/subject.de.txt", "Zu den Einzelheiten\n")
    return folder.write("details/preheader.de.txt", "Eine Zeile zu den Einzelheiten\n")


@pytest.fixture
def anna(ana):
    """Ana with a German browser."""
    return replace(ana, locale="de")


def errors(folder) -> list[str]:
    return [str(finding) for finding in folder.check_here() if finding.severity == "error"]


# -- which words -------------------------------------------------------------------------------------------


def test_each_reader_gets_the_email_in_their_language_days_included(bilingual, ana, anna):
    renderer = Renderer(bilingual.compile())
    english, german = renderer.render("details", ana), renderer.render("details", anna)
    assert "Good day, Friday 4 December 2026" in english.html
    assert "Guten Tag, Freitag, 4. Dezember 2026" in german.html
    assert german.text.startswith("Guten Tag, Freitag, 4. Dezember 2026")
    assert (english.subject, german.subject) == ("About details", "Zu den Einzelheiten")
    assert ('lang="en"' in english.html, 'lang="de"' in german.html) == (True, True)


@pytest.mark.parametrize(
    ("locale", "language"),
    [("de", "de"), ("de_AT", "de"), ("de-CH", "de"), ("en", "en"), ("en_US", "en"), ("fr", "en"), ("", "en")],
)
def test_a_country_changes_nothing_and_an_unknown_language_reads_english(bilingual, ana, locale, language):
    renderer = Renderer(bilingual.compile())
    assert renderer.language("details", locale) == language
    assert f'lang="{language}' in renderer.render("details", replace(ana, locale=locale)).html


@pytest.mark.parametrize("part", ["body.de.mjml", "body.de.txt", "subject.de.txt", "preheader.de.txt"])
def test_without_one_of_its_parts_the_whole_email_is_english(bilingual, anna, part):
    (bilingual.root / "short" / "details" / part).unlink()
    content = Renderer(bilingual.compile()).render("details", anna)
    assert "Good day, Friday 4 December 2026" in content.html
    assert content.text.startswith("Good day, Friday 4 December 2026")
    assert content.subject == "About details"
    assert [error.partition(":")[0] for error in errors(bilingual)] == [f"short/details/{part}"]


def test_what_an_email_brings_in_is_in_its_language_too(bilingual, ana, anna):
    bilingual.write("details/core.mjml", CORE.replace("WORDS", "The core"))
    bilingual.write("details/core.de.mjml", CORE.replace("WORDS", "Der Kern"))
    bilingual.write("details/body.mjml", WITH_CORE).write("details/body.de.mjml", WITH_CORE)
    renderer = Renderer(bilingual.compile())
    assert "The core" in renderer.render("details", ana).html
    german = renderer.render("details", anna).html
    assert ("Der Kern" in german, "The core" in german) == (True, False)


def test_an_email_that_would_bring_in_english_is_english(bilingual, anna):
    bilingual.write("details/core.mjml", CORE.replace("WORDS", "The core"))
    bilingual.write("details/body.mjml", WITH_CORE).write("details/body.de.mjml", WITH_CORE)
    content = Renderer(bilingual.compile()).render("details", anna)
    assert ("The core" in content.html, "Guten Tag" in content.text) == (True, False)
    (found,) = errors(bilingual)
    assert found.startswith("short/details/core.de.mjml: error: this file is missing; `details/core.mjml` is")


def test_the_catch_up_is_german_when_all_its_cores_are(bilingual, anna):
    catch_up = WITH_CORE.replace("[% include", '[% include "people/core.mjml" %]\n[% include')
    bilingual.step("people").step("catchup")
    for path, words in (("core.mjml", "core"), ("core.de.mjml", "Kern")):
        bilingual.write(f"details/{path}", CORE.replace("WORDS", f"{words} one"))
    bilingual.write("people/core.mjml", CORE.replace("WORDS", "core two"))
    bilingual.write("catchup/body.mjml", catch_up).write("catchup/body.de.mjml", catch_up)
    for part in ("subject", "preheader", "body"):
        bilingual.write(f"catchup/{part}.de.txt", "Die kurze Fassung\n")
    english = Renderer(bilingual.compile()).render("catchup", anna)
    assert ("core one" in english.html, "core two" in english.html) == (True, True)
    assert english.subject == "About catchup"
    bilingual.write("people/core.de.mjml", CORE.replace("WORDS", "Kern two"))
    german = Renderer(bilingual.compile()).render("catchup", anna)
    assert ("Kern one" in german.html, "Kern two" in german.html) == (True, True)


def test_the_design_says_its_words_in_the_language_of_the_email(bilingual, ana, anna):
    layout = (bilingual.root / "_base" / "layout.mjml").read_text()
    bilingual.write("_base/words.txt", '[% set bye = "Unsubscribe" %]')
    bilingual.write("_base/words.de.txt", '[% set bye = "Abmelden" %]')
    marked = layout.replace(">Unsubscribe<", ">[[ w.bye ]] in [[ language ]]<")
    bilingual.write("_base/layout.mjml", '[% import "_base/words.txt" as w %]\n' + marked)
    renderer = Renderer(bilingual.compile())
    assert "Unsubscribe in en" in renderer.render("details", ana).html
    assert "Abmelden in de" in renderer.render("details", anna).html


def test_a_design_without_words_in_the_language_keeps_its_emails_english(bilingual, anna):
    (bilingual.root / "_base" / "words.de.txt").unlink()
    assert "Good day" in Renderer(bilingual.compile()).render("details", anna).html
    assert errors(bilingual) == [
        "_base/words.de.txt: error: this file is missing: the footer and the design's other words in 'de'"
    ]


def test_what_is_still_to_come_is_told_in_the_language_of_the_email(bilingual, ana):
    at = datetime(2026, 12, 2, 9, tzinfo=ZoneInfo("Europe/Berlin"))
    plan = (PlanEntry(key="salary", title="The money", titles={"de": "Das Geld"}, at=at),)
    shown = "{% for entry in plan %}{{ entry.title }} {{ entry.at|short_day }}{% endfor %}"
    for name in ("body.mjml", "body.de.mjml"):
        bilingual.write(f"details/{name}", BODY.replace("WORDS", shown))
    renderer = Renderer(bilingual.compile())
    assert "The money Wed 2 Dec" in renderer.render("details", replace(ana, plan=plan)).html
    german = renderer.render("details", replace(ana, plan=plan, locale="de")).html
    assert "Das Geld Mi., 2. Dez." in german
    (bilingual.root / "short" / "details" / "subject.de.txt").unlink()
    fallen_back = Renderer(bilingual.compile()).render("details", replace(ana, plan=plan, locale="de")).html
    assert "The money Wed 2 Dec" in fallen_back


def test_a_campaign_may_be_written_in_another_language_than_english(bilingual, ana, anna):
    bilingual.write(
        "sequence.toml", TIMETABLE.replace('name   = "Short"', 'name   = "Short"\nlanguage = "de"')
    )
    for name in ("body.de.mjml", "body.de.txt", "subject.de.txt", "preheader.de.txt"):
        file = bilingual.root / "short" / "details" / name
        file.replace(file.with_name(name.replace(".de.", ".")))
    compiled = bilingual.compile()
    assert (compiled.language.code, dict(compiled.translations)) == ("de", {})
    for reader in (ana, anna):
        assert "Guten Tag, Freitag, 4. Dezember 2026" in Renderer(compiled).render("details", reader).html


def test_a_change_in_one_language_is_a_new_version(bilingual):
    before = bilingual.compile().version
    bilingual.write("details/subject.de.txt", "Genau\n")
    assert bilingual.compile().version != before


# -- facts -------------------------------------------------------------------------------------------------


def test_a_table_of_facts_has_words_of_its_own_and_shares_the_rest(bilingual, ana, anna):
    shown = "{{ facts.pay.DE.right }} {{ facts.pay.DE.source }}"
    bilingual.write("details/body.mjml", BODY.replace("WORDS", shown))
    bilingual.write("details/body.de.mjml", BODY.replace("WORDS", shown))
    source = 'source = "https://example.org/"\nreviewed_on = 2026-11-23\n'
    bilingual.write("facts/pay.toml", f'[DE]\nright = "Ask."\n{source}[FR]\nright = "Ask too."\n{source}')
    bilingual.write("facts/pay.de.toml", '[DE]\nright = "Frag."\n[FR]\nright = "Frag auch."\n')
    renderer = Renderer(bilingual.compile())
    assert "Ask. https://example.org/" in renderer.render("details", ana).html
    assert "Frag. https://example.org/" in renderer.render("details", anna).html
    assert errors(bilingual) == []


def test_a_fact_that_nobody_has_translated_is_not_told_in_english(bilingual, anna):
    row = "facts.pay[interview.country].right"
    shown = "{% if interview.country in facts.pay %}{{ " + row + " }}{% else %}allgemein{% endif %}"
    for name in ("body.mjml", "body.de.mjml"):
        bilingual.write(f"details/{name}", BODY.replace("WORDS", shown))
    source = 'source = "https://example.org/"\nreviewed_on = 2026-11-23\n'
    bilingual.write("facts/pay.toml", f'[DE]\nright = "Ask."\n{source}[FR]\nright = "Ask too."\n{source}')
    bilingual.write("facts/pay.de.toml", '[DE]\nright = "Frag."\n[FX]\nright = "Frag auch."\n')
    in_france = replace(anna, interview=replace(anna.interview, country="FR"))
    html = Renderer(bilingual.compile()).render("details", in_france).html
    assert ("allgemein" in html, "Ask too" in html) == (True, False)
    assert errors(bilingual) == [
        "short/facts/pay.de.toml: error: [FR] is missing; these readers are told nothing of it",
        "short/facts/pay.de.toml: error: [FX] is not in facts/pay.toml; did you mean [FR]?",
    ]


# -- the check ---------------------------------------------------------------------------------------------


def test_both_languages_are_rendered_and_faults_named_by_their_file(bilingual):
    assert errors(bilingual) == []
    bilingual.write("details/body.de.mjml", BODY.replace("WORDS", "{{ subscriber.vorname }}"))
    (found,) = errors(bilingual)
    assert found.startswith("short/details/body.de.mjml:3: error:")
    assert "vorname" in found


def test_links_and_lengths_are_looked_at_in_each_language(bilingual):
    bilingual.write("details/subject.de.txt", "Sehr " + "lang" * 20)
    bilingual.write("details/body.de.txt", "Guten Tag\n{{ brand.postal_address }}\n")
    found = [str(finding).split(" (for")[0] for finding in bilingual.check_here()]
    assert "short/details/body.de.txt:1: error: lacks a link to {{ links.unsubscribe }}" in found
    assert "short/details/subject.de.txt:1: warning: 85 characters; phones show about 60" in found


def test_two_steps_may_not_share_a_subject_within_a_language(bilingual):
    bilingual.step("people")
    for part in ("subject", "preheader", "body"):
        bilingual.write(
            f"people/{part}.de.txt", (bilingual.root / f"short/details/{part}.de.txt").read_text()
        )
    bilingual.write("people/body.de.mjml", BODY.replace("WORDS", "Guten Morgen"))
    (found,) = errors(bilingual)
    assert found.startswith("short/people/subject.de.txt:1: error: the same subject as step 'details'")
    bilingual.write("people/subject.de.txt", "About details\n")  # what an English email is called
    assert errors(bilingual) == []


def test_a_broken_email_is_not_published_in_any_language(bilingual):
    bilingual.write("details/body.de.mjml", BODY.replace("WORDS", "{% if %}"))
    with pytest.raises(CampaignError, match=r"short/details/body\.de\.mjml:3"):
        bilingual.compile()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("body.xx.mjml", "there is no language 'xx'"),
        ("body.DE.mjml", "there is no language 'DE'; a name like body.de.txt tells it in two letters"),
        ("body.de-AT.mjml", "there is no language 'de-AT'"),
        ("body.old.mjml", "there is no language 'old'"),
        ("body.en.mjml", "'en' is the campaign's own language"),
    ],
)
def test_a_file_name_that_tells_no_language_of_the_campaign_s_is_an_error(bilingual, name, words):
    bilingual.write(f"details/{name}", BODY)
    (found,) = errors(bilingual)
    assert found.startswith(f"short/details/{name}: error: {words}")


def test_a_step_with_words_needs_a_title_and_the_others_are_listed(bilingual):
    people = TIMETABLE[TIMETABLE.index("[[step]]") :].replace("details", "people")
    people = people.replace('titles   = { de = "Die Einzelheiten" }\n', "")
    bilingual.step("people").write("sequence.toml", f"{TIMETABLE}\n{people}")
    said = [str(finding) for finding in bilingual.check_here() if "language" not in finding.message]
    assert said == [
        "short/sequence.toml: warning: not in 'de', so readers of it get them in 'en': people",
    ]
    bilingual.write("sequence.toml", TIMETABLE.replace('titles   = { de = "Die Einzelheiten" }\n', ""))
    assert "short/sequence.toml: error: step 'details' has words in 'de' and no title" in errors(bilingual)[0]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("titles = { xx = 'Ohne Sprache' }", "'xx' is not a language; write its two letters, like 'de'"),
        ("titles = { de = '' }", "'' is not a text"),
        ("titles = 'Die Einzelheiten'", "is not a table"),
    ],
)
def test_titles_that_cannot_be_meant_are_refused_with_their_line(line, message):
    text = TIMETABLE.replace('titles   = { de = "Die Einzelheiten" }', line)
    with pytest.raises(CampaignError, match=r"short/sequence\.toml:7: step 'details', titles") as refused:
        parse_sequence("short", text)
    assert message in str(refused.value)


def test_a_title_is_told_in_the_reader_s_language():
    step = parse_sequence("short", TIMETABLE).step("details")
    assert [step.title_in(code) for code in ("de", "de_AT", "en", "fr", "")] == [
        *["Die Einzelheiten"] * 2,
        *["About details"] * 3,
    ]
