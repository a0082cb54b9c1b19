"""Whatever somebody writes, no word of it is lost on the way into the email, and every line knows its own."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.errors import CampaignError
from campaigns.issue_file import parse_markdown

HEAD = '+++\nsubject = "A"\n+++\n'
SIGNS = [
    "\n", "\n\n", " ", "## ", "### ", "> ", "- ", "1. ", "   ", "    ", "\n---\n", "**", "*", "_", "`",
    "\n```\n", "[", "](https://example.com/)", "](mailto:a@example.com)", "!", "<", ">", "&", "\\", "[[",
    "%]", "[#", "\t", "\n{% if subscriber.first_name %}\n",
    "\n{% else %}\n", "\n{% endif %}\n", "{{ list.name }}", "{# x #}",
]  # fmt: skip


@st.composite
def markdown(draw: st.DrawFn) -> str:
    signs = draw(st.lists(st.sampled_from(SIGNS), max_size=40))
    return "".join(f"{sign}word{number}x" for number, sign in enumerate(signs))


@settings(max_examples=150, deadline=None)
@given(markdown())
def test_no_word_is_lost(text: str) -> None:
    try:
        issue = parse_markdown(HEAD + text, "weekly", "december")
    except CampaignError:
        return  # said, and so not lost
    for part in ("body.mjml", "body.txt"):
        lines = issue.texts[part].split("\n")
        assert len(issue.lines[part]) == len(lines) - 1
        for number in range(text.count("word")):
            found = [line for line in range(len(lines)) if f"word{number}x" in lines[line].lower()]
            assert found, f"word{number}x is not in {part}"
            written = (HEAD + text).split("\n")
            told = issue.written_at(part, found[0] + 1)[1]
            # A button, a heading and a picture stand on one line, whatever lines they were written on.
            near = " ".join(written[told - 1 : told + 12])
            assert f"word{number}x" in near, f"word{number}x is said to stand on line {told}"


def test_what_is_nested_too_deep_to_be_read_is_refused_and_not_dropped() -> None:
    def nested(depth: int) -> str:
        return HEAD + "\n".join(f"{'  ' * level}- level{level}" for level in range(depth))

    assert "level7" in parse_markdown(nested(8), "weekly", "december").texts["body.txt"]
    for depth in (9, 40, 400):
        with pytest.raises(CampaignError, match=r"december.md:12: this is nested more than 8 deep"):
            parse_markdown(nested(depth), "weekly", "december")
    with pytest.raises(CampaignError, match=r"december.md:4: this is nested more than 8 deep"):
        parse_markdown(HEAD + ">" * 9000 + " deep", "weekly", "december")
