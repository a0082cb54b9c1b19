"""An issue's file, read: its head, its Markdown as the pieces of an email, and where a fault stands."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from campaigns.errors import CampaignError
from campaigns.issue_file import IssueFile, find_issues, parse_markdown, parse_mjml, read_issue

HEAD = '+++\nsubject = "A short one"\n+++\n'


def written(body: str, head: str = HEAD) -> IssueFile:
    return parse_markdown(head + body, "weekly", "december")


def faulty(text: str) -> str:
    with pytest.raises(CampaignError) as refused:
        parse_markdown(text, "weekly", "december")
    return str(refused.value)


@pytest.mark.parametrize(
    ("head", "told"),
    [
        ("---\nsubject: no\n---", "1: an issue begins with a line +++ (not ---: the head is TOML)"),
        ("# Words", "1: an issue begins with a line +++"),
        ('+++\nsubject = "a"', "1: the head is not closed"),
        ("+++\npreheader = 'a'\n+++", "1: the head has no subject"),
        ("+++\n\nsubjet = 'a'\n+++", "3: an issue has no 'subjet'; did you mean subject?"),
        ("+++\nsubject = 'a'\nsubject = 'b'\n+++", "3: the head is not valid TOML"),
        ("+++\nsubject = ' '\n+++", "2: subject must not be empty"),
        ('+++\nsubject = "a\\nb"\n+++', "2: subject must be one line"),
        (f"+++\nsubject = '{'a' * 201}'\n+++", "2: subject has 201 characters"),
        ("+++\nsubject = 3\n+++", "2: subject must be text in quotes"),
        ("+++\nsubject = 'a'\npublic = 'no'\n+++", "3: public must be true or false"),
        ("+++\nsubject = 'a'\nlanguage = 'xx'\n+++", "3: there is no language 'xx'"),
        ("+++\nsubject = 'a'\nat = 2026-12-04T09:00:00\n+++", "3: at needs its offset"),
        ("+++\nsubject = 'a'\nat = 2026-12-04\n+++", "3: at must be a moment"),
        (
            "+++\nsubject = 'a'\nlocal_time = 2026-12-04T09:00:00Z\n+++",
            "3: local_time is on each reader's own",
        ),
        (
            "+++\nsubject = 'a'\nat = 2026-12-04T09:00:00Z\nlocal_time = 2026-12-04T09:00:00\n+++",
            "4: an issue leaves at one moment (at) or at one local hour (local_time), not both",
        ),
    ],
)
def test_a_fault_in_the_head_is_told_with_its_line(head: str, told: str) -> None:
    assert faulty(f"{head}\n\nWords.").startswith(f"weekly/december.md:{told}")


def test_a_moment_is_kept_in_utc_and_a_local_hour_without_a_zone() -> None:
    at = written("W", "+++\nsubject = 'a'\nat = 2026-12-04T09:00:00+01:00\n+++\n").front
    assert at.at == datetime(2026, 12, 4, 8, tzinfo=UTC)
    local = written("W", "+++\nsubject = 'a'\nlocal_time = 2026-12-04T09:00:00\n+++\n").front
    assert local.local_time == datetime(2026, 12, 4, 9)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("one\ntwo <b>three</b>", "5: `<b>` is HTML"),
        ("one\n\n<div>x</div>", "6: `<div>x</div>` is HTML"),
        ("one\n\n- two [x](javascript:alert(1))", "6: links to `javascript:alert(1)`"),
        ("one\n[x](http://example.com)", "5: links to `http://example.com`"),
        ("one [x](/newsletter)", "4: links to `/newsletter`"),
        ("one [x]()", "4: this has no address"),
        ("![](https://example.com/a.png)", "4: the picture `https://example.com/a.png` has no words"),
        ("![a](pictures/a.png)", "4: the picture `pictures/a.png` has no https:// address"),
        ("one\n\n# Two", "6: there is one # heading, at the top"),
        ("{{ subscriber.first_name\n}}", "4: write this tag on one line"),
        ("odd \ue000", "4: this character has no meaning"),
        ("", "4: there are no words below the head"),
        ("<!-- nothing yet -->", "4: there are no words below the head"),
    ],
)
def test_a_fault_in_the_words_is_told_with_its_line(body: str, told: str) -> None:
    assert faulty(HEAD + body).startswith(f"weekly/december.md:{told}")


def test_markdown_becomes_the_pieces_of_the_design() -> None:
    mjml = written(
        "# Four *questions*\n\nFirst.\n\n## Then\n\n- one\n- two\n\n> copy me\n\n---\n\n"
        "**[Read on](https://example.com/?a=1&b=2)**\n\n![A desk](https://example.com/d.png)\n"
    ).texts["body.mjml"]
    for piece in (
        "[% set heading %]Four <em>questions</em>[% endset %]\n",
        "[% call lead(heading, greet=true) %]\n<p>First.</p>",
        "[% set heading %]Then[% endset %]\n[% call part(heading) %]\n<ul>",
        "[% call quote() %]\n<p>copy me</p>",
        "[[ divider() ]]",
        "[% set address %]https://example.com/?a=1&amp;b=2[% endset %][% set words %]Read on[% endset %]",
        '<mj-image src="https://example.com/d.png" alt="A desk"',
    ):
        assert piece in mjml


def test_the_text_part_is_made_of_the_markdown_itself() -> None:
    text = written(
        "# Four *questions*\n\nSee [the page](https://example.com/a)\nand <https://example.com/b>.\n\n"
        "1. one\n2. two\n   - three\n\n> copy me\n\n"
        "**[Read on](https://example.com/c)**\n\n```\na\n  b\n```\n"
    ).texts["body.txt"]
    assert text.partition("[% block body %]\n")[2] == (
        "FOUR QUESTIONS\n\n[[ hello() ]]\n\n"
        "See the page (https://example.com/a) {#\n#}and https://example.com/b.\n\n"
        "1. one\n2. two\n   - three\n\n  copy me\n\n"
        "Read on:\nhttps://example.com/c\n\n  a\n    b\n\n[% endblock %]\n"
    )


def test_what_a_campaign_takes_for_a_tag_is_a_bracket_in_markdown() -> None:
    texts = written("See [[1]] and [% a %].").texts
    assert "<p>See &#91;[1]&#93; and &#91;% a %&#93;.</p>" in texts["body.mjml"]
    assert 'See [[ "[" ]][1][[ "]" ]] and [[ "[" ]]% a %[[ "]" ]].' in texts["body.txt"]


def test_a_condition_around_words_stays_within_and_one_around_a_heading_between_the_sections() -> None:
    inner = written("One.\n\n{% if subscriber.first_name %}\nTwo.\n{% endif %}\n\nThree.").texts["body.mjml"]
    assert "<p>One.</p>\n{% if subscriber.first_name %}\n<p>Two.</p>\n{% endif %}\n<p>Three.</p>" in inner
    outer = written(
        "One.\n\n{% if subscriber.first_name %}\n## Two\n{% else %}\n## Three\n{% endif %}\n\nFour."
    ).texts["body.mjml"]
    assert "[% endcall %]\n{% if subscriber.first_name %}\n[% set heading %]Two" in outer
    assert "[% endcall %]\n{% else %}\n[% set heading %]Three" in outer
    assert (
        "[% endcall %]\n{% endif %}\n[% set heading %][% endset %]\n[% call part(heading) %]\n<p>Four."
        in outer
    )


def test_a_remark_among_writers_goes_to_nobody() -> None:
    texts = written("One.{# check this #}\n\n<!-- and this -->\n\nTwo <!-- that --> three.").texts
    assert not any("this" in text or "that" in text for text in texts.values())


def test_every_line_of_a_part_knows_its_line_in_the_file() -> None:
    issue = written("# One\n\ntwo\nthree {{ list.name }}\n\n- four\n\n```\nfive\n```\n")
    lines = issue.texts["body.mjml"].split("\n")
    for words, line in (
        ("One", 4),
        ("two", 6),
        ("three {{ facts.list.name }}", 7),
        ("four", 9),
        ("five", 12),
    ):
        number = next(number for number, row in enumerate(lines, start=1) if words in row)
        assert issue.written_at("body.mjml", number) == ("weekly/december.md", line)


def test_an_issue_in_mjml_has_its_text_part_beside_it(tmp_path: Path) -> None:
    folder = tmp_path / "weekly"
    folder.mkdir()
    (folder / "march.mjml").write_text(f'{HEAD}[% extends "layout.mjml" %]')
    with pytest.raises(CampaignError, match=r"weekly/march.txt: this file is missing"):
        read_issue(tmp_path, "weekly", "march")
    (folder / "march.txt").write_text('[% extends "layout.txt" %]')
    issue = read_issue(tmp_path, "weekly", "march")
    assert issue.texts["body.mjml"].strip() == '[% extends "layout.mjml" %]'
    assert issue.written_at("body.mjml", 4) == ("weekly/march.mjml", 4)
    assert issue.written_at("body.txt", 1) == ("weekly/march.txt", 1)
    assert issue.front.subject == "A short one"
    (folder / "march.md").write_text(f"{HEAD}Words.")
    with pytest.raises(CampaignError, match=r"weekly/march: there is a .md and a .mjml"):
        read_issue(tmp_path, "weekly", "march")


@pytest.mark.parametrize("slug", ["../secrets", "Upper", "", "a/b", "a" * 81, "no such"])
def test_a_name_that_cannot_stand_in_an_address_is_no_issue(tmp_path: Path, slug: str) -> None:
    with pytest.raises(CampaignError, match="small letters, digits and - only"):
        read_issue(tmp_path, "weekly", slug)


def test_issues_are_found_by_list_and_name(tmp_path: Path) -> None:
    for path in (
        "weekly/b.md",
        "weekly/a.mjml",
        "weekly/a.txt",
        "jobs/c.md",
        "weekly/.d.md",
        "e.md",
        "_old/f.md",
        "jobs/README.md",
    ):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text("")
    assert find_issues(tmp_path) == [("jobs", "c"), ("weekly", "a"), ("weekly", "b")]
    assert find_issues(tmp_path / "nowhere") == []


def test_addresses_in_the_words_are_known_by_being_written_but_not_those_of_pictures() -> None:
    issue = written(
        "See [a](https://example.com/a) and <https://example.com/b>.\n\n![c](https://example.com/c.png)"
    )
    assert issue.addresses == ["https://example.com/a", "https://example.com/b"]


def test_mjml_reads_the_name_of_its_list() -> None:
    issue = parse_mjml(
        f"{HEAD}{{{{ list.name }}}} lists. {{{{ a.list.b }}}}", "{{ list.name|upper }}", "weekly", "x"
    )
    assert issue.texts["body.mjml"].strip() == "{{ facts.list.name }} lists. {{ a.list.b }}"
    assert issue.texts["body.txt"] == "{{ facts.list.name|upper }}"
