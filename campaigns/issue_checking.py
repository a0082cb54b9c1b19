"""Checks an issue before anybody gets it, as a campaign's emails are checked: every branch, both parts."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import asdict, replace
from importlib.resources.abc import Traversable
from pathlib import Path

from campaigns.audience import Audience, AudienceError
from campaigns.compiling import Run
from campaigns.confined import Limits, run_confined
from campaigns.context import Brand
from campaigns.errors import CampaignError
from campaigns.finding import Finding, sort_findings
from campaigns.issue_file import IssueFile
from campaigns.issue_words import compile_issue, files_of, located, origin_of
from campaigns.languages import Language
from campaigns.marks import Origin
from campaigns.preview import SAMPLE_BRAND
from campaigns.source_files import CampaignFiles

_BRACKETS = re.compile(r"prints `'(\[\[|\[%|%\])'`")


def check_issue(
    issue: IssueFile,
    *,
    list_name: str,
    lists: Iterable[str] = (),
    base: Traversable | Path | None = None,
    brand: Brand = SAMPLE_BRAND,
    with_notes: bool = False,
    compile_too: bool = True,
    counts_clicks: bool = True,
    limits: Limits | None = None,
    run: Run = run_confined,
) -> list[Finding]:
    """Everything that is wrong with an issue, errors first, each with the file and line it was written in;
    empty when it may be sent. Two child processes, a second or two.

    `compile_too` is for whoever will not compile it anyway: that finds the names an issue must not use.
    `lists` are the keys its filter may name. `counts_clicks`, `run`: as for `check_campaign`.
    """
    try:
        files = files_of(issue, list_name, base)
    except CampaignError as error:
        return [Finding.of(error)]
    findings = [
        *_audience(issue, lists),
        *([] if counts_clicks or not issue.front.decide else [_uncounted(issue)]),
        *_rendered(issue, files, brand, limits or Limits(), run, with_notes),
    ]
    try:
        if compile_too:
            compile_issue(issue, list_name=list_name, base=base, brand=brand, limits=limits, run=run)
    except CampaignError as error:
        if (error.file, error.line) not in {(one.file, one.line) for one in findings}:
            findings.append(Finding.of(error))
    return sort_findings(findings)


def _audience(issue: IssueFile, lists: Iterable[str]) -> list[Finding]:
    try:
        Audience.parse(issue.front.audience, lists=lists)
    except AudienceError as error:
        return [Finding("error", issue.file, issue.line_of("audience"), f"audience = {error}")]
    return []


def _uncounted(issue: IssueFile) -> Finding:
    message = "it is decided by clicks, and none are counted; set count_clicks = true"
    return Finding("error", issue.file, issue.line_of("decide"), message)


def _rendered(
    issue: IssueFile,
    files: CampaignFiles,
    brand: Brand,
    limits: Limits,
    run: Run,
    with_notes: bool,
) -> list[Finding]:
    request = {
        "files": asdict(files),
        "brand": asdict(brand),
        "conditions": {},
        "without_unsubscribe": [],
        "with_notes": with_notes,
        "language": asdict(Language(issue.front.language)),
    }
    try:
        found = [Finding(**one) for one in run("check", request, limits, files.name)]
    except CampaignError as error:
        return [Finding.of(located(error, issue, files))]
    moved = [_moved(one, origin_of(issue, files, Origin(one.file, one.line))) for one in found]
    return [one for one in moved if not _is_no_fault(one)]


def _is_no_fault(finding: Finding) -> bool:
    """Markdown has no tags of the compile stage: brackets are brackets there. And where an issue cannot be
    rendered, nobody gets into the branches of its frame either."""
    is_bracket = finding.file.endswith(".md") and bool(_BRACKETS.match(finding.message))
    return is_bracket or (finding.severity == "warning" and finding.file.startswith("_issue/"))


def _moved(finding: Finding, origin: Origin) -> Finding:
    return replace(finding, file=origin.file, line=origin.line)
