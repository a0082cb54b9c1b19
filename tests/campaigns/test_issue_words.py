"""An issue compiled: what its row keeps, what Ana gets of it, and what everybody reads afterwards."""

from __future__ import annotations

from typing import Any

import pytest

from campaigns.confined import Limits
from campaigns.context import Brand, LinkSet, Reader
from campaigns.errors import CampaignError
from campaigns.issue_checking import check_issue
from campaigns.issue_file import IssueFile, parse_markdown, parse_mjml
from campaigns.issue_words import (
    CompiledIssue,
    compile_issue,
    fingerprint,
    from_json,
    issue_context,
    renderer_of,
    to_json,
)
from campaigns.jobs import check_job, compile_job
from campaigns.newsletter import NewsletterIssue
from campaigns.rendering import Content

BRAND = Brand(name="Runup", postal_address="1 Sample Street, Berlin", site_url="https://runup.example.com")
HEAD = (
    '+++\nsubject = "Four questions{% if subscriber.first_name %}, {{ subscriber.first_name }}{% endif %}"\n'
)
DECEMBER = f"""{HEAD}preheader = "To ask them"
+++
# Four questions to ask

They are from {{{{ list.name }}}}, and [your page]({{{{ links.plan }}}}) knows you.

**[Read all of them](https://example.com/four?a=1&b=2)**
"""


@pytest.fixture(scope="module")
def december() -> CompiledIssue:
    return compile_issue(
        parse_markdown(DECEMBER, "weekly", "december"),
        list_name="Müller & Söhne's <weekly>",
        brand=BRAND,
        sign_up_url="https://runup.example.com/newsletter",
    )


@pytest.fixture
def ana_reads(december: CompiledIssue) -> Content:
    links = LinkSet(plan="https://runup.example.com/p/ana", unsubscribe="https://runup.example.com/u/ana")
    context = issue_context(brand=BRAND, links=links, subscriber=Reader(first_name="Ana <b>"))
    return renderer_of(NewsletterIssue(words=december.words)).render("issue", context)


def test_ana_gets_her_name_her_links_and_the_design(ana_reads: Content) -> None:
    assert ana_reads.subject == "Four questions, Ana <b>"
    assert "Hi Ana &lt;b&gt;," in ana_reads.html
    assert 'href="https://runup.example.com/p/ana"' in ana_reads.html
    assert "prefers-color-scheme: dark" in ana_reads.html
    assert 'href="https://example.com/four?a=1&amp;b=2"' in ana_reads.html
    assert "Hi Ana <b>,\n\nThey are from Müller & Söhne's <weekly>, and your page (https" in ana_reads.text
    assert "because you are on the list “Müller & Söhne's <weekly>”." in ana_reads.text
    assert "Unsubscribe from this list:\nhttps://runup.example.com/u/ana" in ana_reads.text


def test_the_archive_has_nobodys_name_and_nobodys_links(december: CompiledIssue) -> None:
    archive = december.archive
    assert archive.subject == "Four questions"
    assert "Hello," in archive.text
    assert "your page (https://runup.example.com/newsletter)" in archive.text
    for part in (archive.html, archive.text):
        assert "as its readers got it" in part
        assert "Unsubscribe" not in part
        assert "1 Sample Street, Berlin" in part


def test_the_words_survive_their_row(december: CompiledIssue) -> None:
    again = from_json(december.words)
    assert to_json(again) == december.words
    assert again.sources == december.compiled.sources
    assert list(again.sources) == ["issue"]
    for broken in ("", "{}", "[1]", '{"format": 99}'):
        with pytest.raises(ValueError):
            from_json(broken)


def test_an_approval_is_of_words_and_audience_together(december: CompiledIssue) -> None:
    approved = fingerprint(december.words, "has_upcoming")
    assert len(approved) == 12
    assert approved == fingerprint(december.words, "has_upcoming")
    assert approved != fingerprint(december.words, "")
    assert approved != fingerprint(december.words.replace("Four", "Five"), "has_upcoming")


def test_a_german_issue_is_german_to_its_last_line() -> None:
    source = '+++\nsubject = "Vier Fragen"\nlanguage = "de"\n+++\nGuten Tag.\n'
    issue = compile_issue(
        parse_markdown(source, "weekly", "vier"), list_name="Wochenpost 🗞", brand=BRAND, run=_here
    )
    links = LinkSet(unsubscribe="https://runup.example.com/u/ana")
    context = issue_context(brand=BRAND, links=links, subscriber=Reader(first_name="Ana"), locale="en")
    text = renderer_of(NewsletterIssue(words=issue.words)).render("issue", context).text
    assert text.startswith("VIER FRAGEN\n\nHallo Ana,\n\nGuten Tag.\n")
    assert "weil du „Wochenpost 🗞“ abonniert hast" in text
    assert "Newsletter:" not in text, "without a page of their own there is no link to it"
    assert 'lang="de"' in issue.archive.html


def _here(job: str, request: dict[str, Any], limits: Limits, _: str) -> Any:
    """The child's work without the child: nothing runs away here."""
    return {"check": check_job, "compile": compile_job}[job](request, limits)


def _found(issue: IssueFile, **options: Any) -> list[str]:
    return list(map(str, check_issue(issue, list_name="Weekly", lists=["weekly"], run=_here, **options)))


def test_a_sound_issue_has_no_findings() -> None:
    body = DECEMBER + "\nSee [[1]] and [% x %].\n"
    assert _found(parse_markdown(body, "weekly", "december")) == []


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (
            "One.\n\nHi {{ subscriber.frist_name }}",
            "7: error: `subscriber` has no `frist_name`; did you mean `first_name`?",
        ),
        ("One {{ list.nmae }}", "5: error: there is no `nmae` in these facts; did you mean `name`?"),
        ("One.\n\n{% if subscriber.first_name %}\nTwo", "7: error: Unexpected end of template"),
        ("One.\n\n{{ interview.day|day }}", "7: error: an issue knows no `interview`"),
        ("One.\n\n{{ 'a' * 9999999999 }}", "7: error: the sandbox refuses this"),
        (
            "One.\n\n![A desk](https://elsewhere.example/d.png)",
            "7: warning: loads a picture from `https://elsewhere.example/d.png`",
        ),
    ],
)
def test_a_fault_is_told_with_the_line_somebody_wrote(body: str, told: str) -> None:
    issue = parse_markdown('+++\nsubject = "A"\npreheader = "B"\n+++\n' + body, "weekly", "december")
    expected = f"weekly/december.md:{told}"
    assert [one[: len(expected)] for one in _found(issue)] == [expected]


def test_faults_of_the_head_are_told_where_the_head_says_it() -> None:
    head = '+++\nsubject = "{{ brand.nam }}"\npreheader = "B"\naudience = "has_upcomming"\n+++\n'
    assert _found(parse_markdown(f"{head}Words.", "weekly", "december")) == [
        "weekly/december.md:2: error: `brand` has no `nam`; did you mean `name`?",
        "weekly/december.md:4: error: audience = column 1: there is no `has_upcomming`; "
        "did you mean `has_upcoming`?",
    ]


def test_an_issue_in_mjml_is_told_by_its_own_file_and_line() -> None:
    mjml = (
        '+++\nsubject = "A"\npreheader = "B"\n+++\n[% extends "layout.mjml" %]\n'
        "[% block body %]\n<mj-secton />\n[% endblock %]"
    )
    text = '[% extends "layout.txt" %]\n[% block body %]\nHi {{ subscriber.nme }}\n[% endblock %]'
    found = _found(parse_mjml(mjml, text, "weekly", "march"))
    assert found[0].startswith("weekly/march.mjml:7: error: ")
    assert "mj-section" in found[0]


def test_a_language_whose_frame_is_not_written_is_refused() -> None:
    issue = parse_markdown('+++\nsubject = "A"\nlanguage = "fr"\n+++\nBonjour.', "weekly", "mars")
    with pytest.raises(CampaignError, match="no words in 'fr' yet"):
        compile_issue(issue, list_name="Weekly", brand=BRAND, run=_here)
    assert _found(issue) == ["weekly/mars.md: error: the frame of an issue has no words in 'fr' yet"]
