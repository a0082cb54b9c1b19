"""Variants of an issue: another subject, or another file beside it; the head says how one of them wins."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from campaigns.context import Brand, LinkSet
from campaigns.errors import CampaignError
from campaigns.issue_checking import check_issue
from campaigns.issue_file import find_issues, read_issue
from campaigns.issue_words import compile_issue, from_json, issue_context, to_json
from campaigns.rendering import Renderer
from campaigns.trial_table import trial_of

BRAND = Brand(name="runup", postal_address="1 Example Street", site_url="https://runup.example.com")
RULE = 'decide = { by = "clicks", first = 20, within = "4h" }\n'
TWO = '{ key = "plain" },\n  { key = "question", subject = "One thing{{ \'\' }}?" },\n'
SHORT = '{ key = "plain" },\n  { key = "short", template = "_short" },\n'


def write(folder: Path, variants: str = TWO, rule: str = RULE, short: str = "") -> Path:
    (folder / "weekly").mkdir(exist_ok=True)
    head = f'+++\nsubject = "One thing"\n{rule}variants = [\n  {variants}]\n+++\n'
    (folder / "weekly" / "december.md").write_text(f"{head}\n# One thing\n\nAsk what happened.\n", "utf-8")
    if short:
        (folder / "weekly" / "_short.md").write_text(short, "utf-8")
    return folder


def faults(folder: Path) -> list[str]:
    try:
        found = check_issue(read_issue(folder, "weekly", "december"), list_name="The weekly", brand=BRAND)
    except CampaignError as error:
        return [str(error)]
    return [f"{one.file}:{one.line}: {one.message}" for one in found if one.severity == "error"]


def test_an_issue_s_variants_are_rendered_each_in_its_own_words(tmp_path: Path) -> None:
    three = TWO + '  { key = "short", template = "_short", subject = "Short" },\n'
    write(tmp_path, three, short='+++\nsubject = "x"\n+++\n\n# Shorter\n\nAsk why.\n')
    assert faults(tmp_path) == []
    issue = read_issue(tmp_path, "weekly", "december")
    words = compile_issue(issue, list_name="The weekly", brand=BRAND).words
    links = LinkSet(unsubscribe="https://runup.example.com/u/1")
    rendered = {
        key: Renderer(from_json(words)).render(key, issue_context(brand=BRAND, links=links))
        for key in ("issue", "issue@question", "issue@short")
    }
    assert [one.subject for one in rendered.values()] == ["One thing", "One thing?", "Short"]
    assert "Ask what happened." in rendered["issue"].text
    assert rendered["issue@question"].text == rendered["issue"].text
    assert "Ask why." in rendered["issue@short"].text
    assert "Ask why." in rendered["issue@short"].html
    trial = trial_of(words)
    assert trial
    assert ([one.key for one in trial.variants], trial.rule) == (
        ["plain", "question", "short"],
        issue.front.decide,
    )
    assert find_issues(tmp_path) == [("weekly", "december")], "its other words are no issue"


def test_an_issue_without_variants_is_the_words_it_always_was(tmp_path: Path) -> None:
    (tmp_path / "weekly").mkdir()
    (tmp_path / "weekly" / "december.md").write_text(
        '+++\nsubject = "A"\n+++\n\nAsk "trial": why.\n', "utf-8"
    )
    issue = read_issue(tmp_path, "weekly", "december")
    compiled = compile_issue(issue, list_name="The weekly", brand=BRAND)
    assert "trial" not in json.loads(compiled.words)
    assert (trial_of(compiled.words), compiled.words) == (None, to_json(compiled.compiled))


CLICKS = 'decide = { by = "clicks", within = "4h"'
FAULTS = {
    "opens": (
        TWO,
        'decide = { by = "opens", within = "4h" }\n',
        "",
        "december.md:3: decide.by: opens decide",
    ),
    "outcomes": (TWO, 'decide = { by = "outcomes" }\n', "", "december.md:3: decide.by: an issue is about"),
    "no time": (TWO, 'decide = { by = "clicks" }\n', "", "december.md:3: decide.within: is missing"),
    "people": (TWO, CLICKS + ", people = 9 }\n", "", "december.md:3: decide.people: there"),
    "all": (TWO, CLICKS + ", first = 100 }\n", "", "december.md:3: decide.first: 100 is"),
    "no rule": (TWO, "", "", "december.md:3: variants: nothing says how it is decided"),
    "a name": (TWO.replace("{{ '' }}", "{{ subscriber.nmae }}"), RULE, "", "december.md:6: `subscriber` has"),
    "same": (TWO.replace("{{ '' }}?", "{{ '' }}"), RULE, "", "december.md:6: the same subject as"),
    "no file": (SHORT, RULE, "", "weekly/_short.md: there is no such issue"),
    "an issue": (
        SHORT.replace("_short", "short"),
        RULE,
        "",
        "december.md:6: variant 'short': the name of its",
    ),
    "a head": (SHORT, RULE, '+++\nsubject = "x"\npublic = false\n+++\n\nW.', "_short.md:1: the head of a"),
    "its words": (
        SHORT,
        RULE,
        '+++\nsubject = "x"\n+++\n\n{{ subscriber.nmae }}',
        "_short.md:5: `subscriber`",
    ),
}


@pytest.mark.parametrize(("variants", "rule", "short", "told"), FAULTS.values(), ids=FAULTS.keys())
def test_what_cannot_be_meant_is_told_by_file_and_line(
    tmp_path: Path, variants: str, rule: str, short: str, told: str
) -> None:
    found = faults(write(tmp_path, variants, rule, short))
    assert any(told in fault for fault in found), found


def test_clicks_that_nobody_counts_decide_nothing(tmp_path: Path) -> None:
    issue = read_issue(write(tmp_path), "weekly", "december")
    found, *_ = check_issue(issue, list_name="The weekly", brand=BRAND, counts_clicks=False)
    assert (found.line, "none are counted; set count_clicks = true" in found.message) == (3, True)
