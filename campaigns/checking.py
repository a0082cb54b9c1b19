"""Checks a campaign before anybody gets it: every email, in every branch."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import date
from difflib import get_close_matches
from importlib.resources import files as package_files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from campaigns.confined import Limits, run_confined
from campaigns.context import Brand
from campaigns.errors import CampaignError
from campaigns.expressions import ConditionError, compile_condition
from campaigns.fact_rows import check_facts
from campaigns.finding import Finding, sort_findings, summary
from campaigns.languages import languages
from campaigns.languages_check import check_languages, check_titles
from campaigns.preview import SAMPLE_BRAND
from campaigns.sequence import Sequence as Timetable
from campaigns.source_files import CampaignFiles, load_facts, read_files
from campaigns.timetable import load_sequence
from campaigns.variants import Goal
from campaigns.wordings import with_variants

WITHOUT_UNSUBSCRIBE = ("confirm", "goodbye")
"""Answers to what somebody just did, before they are on the list or after they have left it. Where there is a
timetable, so are its steps with `despite_unsubscribe`."""


def check_campaign(
    folder: Traversable | Path,
    *,
    base: Traversable | Path | None = None,
    brand: Brand = SAMPLE_BRAND,
    today: date | None = None,
    with_notes: bool = False,
    without_unsubscribe: Sequence[str] = WITHOUT_UNSUBSCRIBE,
    counts_clicks: bool = True,
    limits: Limits | None = None,
    run: Callable[[str, dict[str, Any], Limits, str], Any] = run_confined,
) -> list[Finding]:
    """Everything that is wrong with a campaign, errors first; empty when it may be published.

    Renders every email for every sample reader in a child process with limits; some seconds for twenty
    emails. `today` is for facts that must be reviewed once a year; without it their age is not looked at.
    With notes it also says which mail clients do not support the CSS in use.
    Without `counts_clicks` nothing can be decided by them.
    `run` takes the job to where it is done; whoever trusts the templates may do it in this process.
    """
    try:
        files = read_files(folder, base or package_files("templates") / "_base")
        facts = load_facts(files)
    except CampaignError as error:
        return [Finding.of(error)]
    findings, conditions, apart = _check_timetable(folder, files, facts)
    findings += [] if counts_clicks else _uncounted(folder, files)
    findings += check_facts(files, facts, today)
    findings += check_languages(files, facts)
    request = {
        "files": asdict(with_variants(files).without_timetable()),
        "brand": asdict(brand),
        "conditions": conditions,
        "without_unsubscribe": [*without_unsubscribe, *apart],
        "with_notes": with_notes,
    }
    for language in languages(files.texts):
        try:
            in_it = request | {"language": asdict(language)}
            answer = run("check", in_it, limits or Limits(), files.name)
            findings += [Finding(**one) for one in answer]
        except CampaignError as error:
            findings.append(Finding.of(error))
    return sort_findings(findings)


def _check_timetable(
    folder: Traversable | Path, files: CampaignFiles, facts: Mapping[str, Any]
) -> tuple[list[Finding], dict[str, str], list[str]]:
    """Findings, each step's condition (a branch that is never sent need not render), and the steps for people
    who are not on the list."""
    if not (folder / "sequence.toml").is_file():
        return [], {}, []
    label = files.label("sequence.toml")
    try:
        sequence = load_sequence(folder)
    except CampaignError as error:
        return [Finding.of(error)], {}, []
    conditions = {step.key: step.when.source for step in sequence.steps if step.when}
    lines = _StepLines(files.texts["sequence.toml"])
    keys = [step.key for step in sequence.steps]
    templates = {one.template for step in sequence.steps for one in step.variants}
    folders = [folder for folder in files.steps if folder not in templates]
    findings = list(_check_folders(label, keys, folders, lines))
    findings += _check_templates(label, sequence, files.steps)
    findings += check_titles(files, sequence, label)
    for key, condition in conditions.items():
        try:
            compile_condition(condition, facts=facts, steps=files.steps)
        except ConditionError as error:
            findings.append(Finding("error", label, lines.of(key, "when"), f"step {key!r}: when = {error}"))
    return findings, conditions, [step.key for step in sequence.steps if step.despite_unsubscribe]


def _check_folders(
    label: str, keys: Collection[str], folders: Sequence[str], lines: _StepLines
) -> Iterator[Finding]:
    for key in keys:
        if key not in folders:
            message = f"step {key!r} has no folder of that name with its words"
            yield Finding("error", label, lines.of(key, "key"), message)
    for folder in folders:
        if folder not in keys:
            yield Finding("warning", label, 1, f"the folder {folder!r} belongs to no step of the timetable")


def _check_templates(label: str, sequence: Timetable, folders: Collection[str]) -> Iterator[Finding]:
    for step in sequence.steps:
        for one in step.variants:
            if one.template and one.template not in folders:
                near = get_close_matches(one.template, folders, n=1)
                hint = f"; did you mean {near[0]!r}?" if near else ""
                message = f"there is no folder {one.template!r} with the words of variant {one.key!r}{hint}"
                yield Finding("error", label, one.line, f"step {step.key!r}: {message}")


def _uncounted(folder: Traversable | Path, files: CampaignFiles) -> list[Finding]:
    """Steps that wait for clicks which nobody counts."""
    try:
        steps = load_sequence(folder).steps
    except CampaignError:
        return []  # told already, or there is none
    label, lines = files.label("sequence.toml"), _StepLines(files.texts["sequence.toml"])
    message = "is decided by clicks, and none are counted; set count_clicks = true, or decide by outcomes"
    return [
        Finding("error", label, lines.of(step.key, "decide"), f"step {step.key!r}: {message}")
        for step in steps
        if step.decide and step.decide.by is Goal.CLICKS
    ]


class _StepLines:
    """Where the fields of a step stand in the timetable, whose steps begin with their key."""

    def __init__(self, text: str) -> None:
        self._lines: dict[tuple[str, str], int] = {}
        key = ""
        is_step = True
        for number, line in enumerate(text.splitlines(), start=1):
            is_step = bool(re.match(r"\s*\[\[\s*step\s*\]\]", line)) or (
                is_step and not re.match(r"\s*\[", line)
            )
            if is_step and (found := re.match(r"\s*(\w+)\s*=\s*[\"']?(\w*)", line)):
                key = found[2] if found[1] == "key" else key
                self._lines.setdefault((key, found[1]), number)

    def of(self, key: str, field: str) -> int:
        return self._lines.get((key, field), self._lines.get((key, "key"), 1))


def main(arguments: Sequence[str]) -> int:
    """`python -m campaigns.checking templates/second_interview [--today 2026-12-04]` prints what is wrong."""
    today = date.fromisoformat(arguments[2]) if arguments[1:2] == ["--today"] else None
    folder = Path(arguments[0])
    base = folder.parent / "_base"
    findings = check_campaign(folder, base=base if base.is_dir() else None, today=today)
    for finding in findings:
        sys.stdout.write(f"{finding}\n")
    sys.stdout.write(f"{summary(findings)}\n")
    return 1 if any(finding.severity == "error" for finding in findings) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
