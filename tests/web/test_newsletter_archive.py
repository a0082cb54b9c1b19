"""What everybody may read of newsletters, and what nobody finds by guessing."""

from __future__ import annotations

from datetime import timedelta
from xml.etree.ElementTree import fromstring

import pytest
from sqlalchemy.exc import IntegrityError

from campaigns.newsletter import IssueState, NewsletterIssue

LISTS = """
[newsletter]
name = "The monthly letter"

[alumni]
name = "For our alumni"
public = false
"""
ATOM = "{http://www.w3.org/2005/Atom}"
SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
def application(open_application, tmp_path):
    (tmp_path / "lists.toml").write_text(LISTS, encoding="utf-8")
    return open_application()


@pytest.fixture
def write(visitor, clock):
    """One issue, sent and public unless told otherwise."""

    def write_(slug="december", **facts):
        values = {
            "list_key": "newsletter",
            "subject": "What helped in December",
            "preheader": "Three questions that worked.",
            "text": "Dear reader,\n\nask early. More: https://example.com/ask\n\nYours",
            "state": IssueState.SENT,
            "is_public": True,
            "created_at": clock(),
        } | facts
        if values["state"] == IssueState.SENT:
            values.setdefault("sent_at", clock())
        with visitor.application.database.write() as session:
            session.add(NewsletterIssue(slug=slug, **values))

    return write_


def parsed(answer):
    return fromstring(answer.content)  # noqa: S314 - our own, of which this is the test


def test_an_issue_has_a_page_and_a_line_in_the_archive(visitor, write):
    write()
    assert 'href="/newsletter/archive/newsletter/december"' in visitor.get("/newsletter/archive").text
    page = visitor.get("/newsletter/archive/newsletter/december")
    assert page.status_code == 200
    assert "<h1>What helped in December</h1>" in page.text
    assert "<p>Dear reader,</p>" in page.text
    assert '<a href="https://example.com/ask" rel="noopener noreferrer">' in page.text
    assert "noindex" not in page.text


def test_before_the_first_issue_the_archive_says_so(visitor):
    assert "Nothing has been sent yet." in visitor.get("/newsletter/archive").text
    assert parsed(visitor.get("/newsletter/feed.atom")).findall(f"{ATOM}entry") == []


@pytest.mark.parametrize(
    "facts",
    [
        {"state": IssueState.DRAFT},
        {"state": IssueState.APPROVED},
        {"state": IssueState.CANCELED},
        {"is_public": False},
        {"list_key": "alumni"},
        {"list_key": "gone"},
    ],
    ids=str,
)
def test_what_is_not_public_is_not_there_and_looks_like_nothing(visitor, write, facts):
    write(**facts)
    nowhere = visitor.get("/nowhere")
    list_key = facts.get("list_key", "newsletter")
    found = visitor.get(f"/newsletter/archive/{list_key}/december")
    assert (found.status_code, found.content) == (404, nowhere.content)
    for path in ("/newsletter/archive", "/newsletter/feed.atom"):
        assert "What helped in December" not in visitor.get(path).text
        assert "alumni" not in visitor.get(path).text


@pytest.mark.parametrize(
    "path",
    [
        "/newsletter/archive/newsletter/december'--", "/newsletter/archive/newsletter/%00",
        "/newsletter/archive/newsletter/../../x", "/newsletter/archive/" + "x" * 4000 + "/december",
        "/newsletter/archive/newsletter/%F0%9F%98%80", "/newsletter/archive/newsletter/", "/newsletter/",
    ],
)  # fmt: skip
def test_nonsense_finds_nothing(visitor, write, path):
    write()
    assert visitor.get(path).status_code in (404, 405)


def test_markup_in_an_issue_is_text(visitor, write):
    write(subject=SCRIPT, preheader=f'"{SCRIPT}', text=f"{SCRIPT} javascript:alert(1)\x07 \x1b[31m")
    page = visitor.get("/newsletter/archive/newsletter/december").text
    assert SCRIPT not in page
    assert 'href="javascript' not in page
    assert SCRIPT not in visitor.get("/newsletter/archive").text
    feed = parsed(visitor.get("/newsletter/feed.atom"))
    assert feed.findtext(f"{ATOM}entry/{ATOM}title") == SCRIPT


def test_the_feed_holds_the_newest_first_each_with_a_name_for_good(visitor, write, clock):
    for number in range(25):
        write(f"issue-{number}", subject=f"Issue {number}", sent_at=clock() + timedelta(days=number))
    answer = visitor.get("/newsletter/feed.atom")
    assert answer.headers["content-type"].startswith("application/atom+xml")
    feed = parsed(answer)
    entries = feed.findall(f"{ATOM}entry")
    assert [entry.findtext(f"{ATOM}title") for entry in entries][:2] == ["Issue 24", "Issue 23"]
    assert len(entries) == 20
    assert entries[0].findtext(f"{ATOM}id") == "tag:127.0.0.1,2026:newsletter/newsletter/issue-24"
    assert entries[0].findtext(f"{ATOM}updated") == "2026-12-17T09:00:00Z"
    link = entries[0].find(f"{ATOM}link").get("href")
    assert visitor.get(link.removeprefix(visitor.application.brand.site_url)).status_code == 200
    for name in ("id", "title", "updated"):
        assert feed.findtext(f"{ATOM}{name}")


def test_a_reader_that_has_the_feed_is_told_so(visitor, write):
    write()
    first = visitor.get("/newsletter/feed.atom")
    again = visitor.get("/newsletter/feed.atom", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    write("january", subject="January")
    new = visitor.get("/newsletter/feed.atom", headers={"If-None-Match": first.headers["etag"]})
    assert new.status_code == 200


def test_reading_changes_nothing(visitor, write):
    write()
    before = visitor.dump()
    for path in (
        "/newsletter/archive",
        "/newsletter/archive/newsletter/december",
        "/newsletter/feed.atom",
    ):
        assert visitor.get(path).status_code == visitor.http.head(path).status_code == 200
        for method in ("POST", "PUT", "DELETE", "OPTIONS"):
            assert visitor.http.request(method, path).status_code == 405
    assert visitor.dump() == before


@pytest.mark.parametrize(
    "facts",
    [
        {"state": IssueState.SENT, "sent_at": None},
        {"state": IssueState.SCHEDULED},
        {"state": IssueState.SENDING},
        {"state": IssueState.DRAFT, "sent_at": "now"},
    ],
    ids=str,
)
def test_the_database_refuses_an_issue_that_cannot_be(write, clock, facts):
    if facts.get("sent_at") == "now":
        facts = facts | {"sent_at": clock()}
    with pytest.raises(IntegrityError):
        write(**facts)


def test_a_name_is_given_once_per_list(write):
    write()
    write(list_key="alumni")
    with pytest.raises(IntegrityError):
        write()
