"""Links of an email as an operator wants them: tagged, counted, or left in peace."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from email import message_from_bytes, policy
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from town import BRAND, Town, composer

from campaigns import Catalog
from campaigns.rendering import Content
from scheduler.marking import MOST, OFF, Marks, digest_of, identity_of, parts_of
from scheduler.reaction import Target
from subscribers import Links, Purpose

LINKS = Links(["a secret of the tests"], "https://runup.example.com")
TAGGED = Marks(utm_source="runup", hosts=frozenset({"jones.example.com"}))
LINKS_OF_TOWN = Links(["the tests' own secret"], BRAND.site_url)
COUNTED = Marks(counts_clicks=True, counts_opens=True)


def mark(marks: Marks, url: str) -> tuple[str, str, dict[str, str]]:
    """The address in the HTML, the one in the text, and the targets."""
    content = Content("s", "p", f'<body><a class="b" href="{html.escape(url)}">x</a></body>', f"See {url}.")
    found, targets = marks.mark(content, links=LINKS, send_id=7, campaign="exam", step="eve")
    (in_html,) = re.findall('href="([^"]+)"', found.html)
    return html.unescape(in_html), found.text.removeprefix("See ").removesuffix("."), dict(targets)


def test_links_to_the_own_site_say_where_the_visitor_came_from() -> None:
    for url in ("https://runup.example.com/tips?a=1&b=2#top", "https://jones.example.com/"):
        in_html, in_text, _ = mark(TAGGED, url)
        assert in_html == in_text
        values = parse_qs(urlsplit(in_html).query)
        assert values["utm_source"] == ["runup"]
        assert (values["utm_medium"], values["utm_campaign"], values["utm_content"]) == (
            ["email"],
            ["exam"],
            ["eve"],
        )
        assert urlsplit(in_html).fragment == urlsplit(url).fragment
    assert parse_qs(urlsplit(mark(TAGGED, "https://runup.example.com/tips?a=1&b=2")[0]).query)["b"] == ["2"]


def test_what_a_link_says_already_stays() -> None:
    in_html, _, _ = mark(TAGGED, "https://runup.example.com/?utm_source=me")
    assert parse_qs(urlsplit(in_html).query)["utm_source"] == ["me"]
    assert in_html.count("utm_source") == 1


@pytest.mark.parametrize(
    "url",
    [
        "https://elsewhere.example.org/page",
        "https://runup.example.com.evil.example/",
        "https://evil.example/https://runup.example.com/",
        LINKS.url(Purpose.UNSUBSCRIBE, 1),
        LINKS.url(Purpose.CONFIRM, 1),
        LINKS.url(Purpose.PLAN, 1, action="move"),
    ],
)
def test_links_of_others_and_signed_ones_are_not_tagged(url: str) -> None:
    assert mark(TAGGED, url) == (url, url, {})


@pytest.mark.parametrize("purpose", list(Purpose))
def test_nothing_stands_between_a_person_and_a_signed_link(purpose: Purpose) -> None:
    url = LINKS.url(purpose, 1)
    assert mark(COUNTED, url) == (url, url, {})


def test_a_counted_link_names_the_email_and_the_target_and_says_neither() -> None:
    url = "https://elsewhere.example.org/salaries?year=2026&of=me"
    in_html, in_text, targets = mark(COUNTED, url)
    assert in_text == url
    assert "elsewhere" not in in_html
    send_id, digest = parts_of(LINKS.read(Purpose.CLICK, in_html.rpartition("/")[2]))
    assert (send_id, targets[digest]) == (7, url)


def test_an_address_too_long_to_keep_is_left_as_it_is() -> None:
    url = "https://elsewhere.example.org/" + "x" * MOST
    assert mark(COUNTED, url)[0] == url


@given(st.integers(0, 2**63 - 1), st.text())
def test_a_link_carries_both_numbers_whole(send_id: int, url: str) -> None:
    assert parts_of(identity_of(send_id, digest_of(url))) == (send_id, digest_of(url))


def test_what_is_no_link_stays_as_it_is() -> None:
    content = Content(
        "s", "p", '<body><img src="https://runup.example.com/a.png"><a href="mailto:a@b.c">x</a></body>', "x"
    )
    found, targets = Marks(utm_source="x", counts_clicks=True).mark(
        content, links=LINKS, send_id=7, campaign="exam", step="eve"
    )
    assert (found, dict(targets)) == (content, {})


def test_who_has_agreed_gets_marked_emails_whose_targets_are_kept_and_nobody_else_does(
    town: Town, outbox: Path
) -> None:
    """Kiri has not confirmed; Ana has, and reads about pay in Germany, with its source."""
    town.stranger("kiri")
    town.ana(country="DE")
    worker = town.worker(composer=replace(composer(town.catalog), marks=replace(COUNTED, utm_source="runup")))
    worker.tick()
    town.at("2026-12-01T09:15").worker(composer=worker.composer).tick()
    emails = [message_from_bytes(file.read_bytes(), policy=policy.default) for file in outbox.glob("new/*")]
    written = {
        name: [e.get_body(("html",)).get_content() for e in emails if f"{name}@" in e["To"]]
        for name in ("ana", "kiri")
    }
    assert not re.search(r"/c/|/o/|utm_", "".join(written["kiri"]))
    assert len(written["kiri"]) >= 1
    assert len(written["ana"]) >= 2
    for email in written["ana"]:
        assert email.count("/o/") == 1
        assert re.search(r'href="https://runup.example.com/unsubscribe/[^"?]+"', email)
    tokens = set(re.findall(r'/c/([^"]+)"', "".join(written["ana"])))
    with town.database.read() as session:
        kept = set(session.scalars(select(Target.digest)))
    assert tokens
    assert {parts_of(LINKS_OF_TOWN.read(Purpose.CLICK, token))[1] for token in tokens} == kept


def test_without_a_wish_nothing_is_marked(catalog: Catalog) -> None:
    assert composer(catalog).marks == OFF
    assert OFF.is_off
