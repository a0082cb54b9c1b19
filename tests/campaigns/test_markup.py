"""An email is taken to pieces exactly as Python's own parser does it, only sooner."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from readers import KEYS, read

from campaigns.markup import Piece, pieces

FRAGMENTS = (
    *("<td class='a>b'>", '<a href="https://x?a=1&amp;b=2">', "<br/>", "<br>", "<IMG alt=''>", "</TD>"),
    *("</a>", "words", " & ", "&lt;b&gt;", "&nbsp", "\n", "<", ">", "a < b", "<3", '"', "'", "</", "<a"),
    *("<style>td > p {color: red}</style>", "<style>", "</style>", "<title>Tom & Jerry</title>", "<title>"),
    *("</title >", "<script>if (a<b) {}</script>", "<script>", "<!doctype html>", "<!-- <p> -->", "<!-->"),
    *("<!--[if mso]><td><![endif]-->", "<!--[if !mso]><!-->", "<!--<![endif]-->", "<!-- ", "-->", "<?xml?>"),
    *("<!x>", "<a b=c d>", "<a b='1' b='2'>", "<a/ b>", "<p\nclass=x\n>", "<>", "</>", "<textarea><b>"),
)


class Oracle(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.told: list[Piece] = []

    def handle_starttag(self, tag, attrs):
        self.told.append(("start", tag, attrs))

    def handle_endtag(self, tag):
        self.told.append(("end", tag, []))

    def handle_data(self, data):
        self.told.append(("data", data, []))


def as_python_tells(html: str) -> list[Piece]:
    oracle = Oracle()
    oracle.feed(html)
    oracle.close()
    return joined(oracle.told)


def joined(told) -> list[Piece]:
    """Words are the same words however many pieces they come in."""
    out: list[Piece] = []
    for kind, words, attributes in told:
        if kind == "data" and out and out[-1][0] == "data":
            out[-1] = (kind, out[-1][1] + words, attributes)
        else:
            out.append((kind, words, attributes))
    return out


@pytest.mark.parametrize("step", KEYS)
def test_an_email_of_ours_has_the_pieces_that_python_finds(step):
    html = read(step).html
    assert joined(pieces(html)) == as_python_tells(html)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(FRAGMENTS), max_size=12).map("".join))
def test_so_has_whatever_somebody_may_write(html):
    assert joined(pieces(html)) == as_python_tells(html)


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="<>/!-'\"= ab&;style", max_size=60))
def test_even_what_is_no_markup_at_all(html):
    assert joined(pieces(html)) == as_python_tells(html)


def test_ours_are_told_without_the_slow_way(monkeypatch):
    html = read("details", first_name="Kiri").html
    first = pieces(html)
    monkeypatch.setattr("campaigns.markup._thorough", lambda _: pytest.fail("read twice"))
    pieces.cache_clear()
    assert pieces(html) == first
