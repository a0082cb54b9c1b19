"""Checks a campaign before anybody gets it: every email, in every branch."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import date, timedelta
from importlib.resources import files as package_files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from campaigns.confined import Limits, run_confined
from campaigns.context import Brand
from campaigns.errors import CampaignError
from campaigns.expressions import ConditionError, compile_condition
from campaigns.finding import Finding, sort_findings
from campaigns.preview import SAMPLE_BRAND
from campaigns.source_files import CampaignFiles, load_facts, read_files
from campaigns.timetable import load_sequence

WITHOUT_UNSUBSCRIBE = ("confirm", "goodbye")
"""Answers to what somebody just did, before they are on the list or after they have left it."""
_A_YEAR = timedelta(days=366)
"""How long a fact with `reviewed_on` may go without a second look."""


def check_campaign(
    folder: Traversable | Path,
    *,
    base: Traversable | Path | None = None,
    brand: Brand = SAMPLE_BRAND,
    today: date | None = None,
    without_unsubscribe: Sequence[str] = WITHOUT_UNSUBSCRIBE,
    limits: Limits | None = None,
    run: Callable[[str, dict[str, Any], Limits, str], Any] = run_confined,
) -> list[Finding]:
    """Everything that is wrong with a campaign, errors first; empty when it may be published.

    Renders every email for every sample reader in a child process with limits; some seconds for twenty
    emails. `today` is for facts that must be reviewed once a year; without it their age is not looked at.
    `run` takes the job to where it is done; whoever trusts the templates may do it in this process.
    """
    try:
        files = read_files(folder, base or package_files("templates") / "_base")
        facts = load_facts(files)
    except CampaignError as error:
        return [Finding.of(error)]
    findings, conditions = _check_timetable(folder, files, facts)
    findings += _check_age(files, facts, today) if today else []
    request = {
        "files": asdict(files),
        "brand": asdict(brand),
        "conditions": conditions,
        "without_unsubscribe": list(without_unsubscribe),
    }
    try:
        answer = run("check", request, limits or Limits(), files.name)
        findings += [Finding(**one) for one in answer]
    except CampaignError as error:
        findings.append(Finding.of(error))
    return sort_findings(findings)


def _check_timetable(
    folder: Traversable | Path, files: CampaignFiles, facts: Mapping[str, Any]
) -> tuple[list[Finding], dict[str, str]]:
    """Findings, and each step's condition: a branch that is never sent need not render."""
    if not (folder / "sequence.toml").is_file():
        return [], {}
    label = files.label("sequence.toml")
    try:
        sequence = load_sequence(folder)
    except CampaignError as error:
        return [Finding.of(error)], {}
    conditions = {step.key: step.when.source for step in sequence.steps if step.when}
    findings = list(_check_folders(label, [step.key for step in sequence.steps], files.steps))
    for key, condition in conditions.items():
        try:
            compile_condition(condition, facts=facts, steps=files.steps)
        except ConditionError as error:
            findings.append(Finding("error", label, 0, f"step {key!r}: when = {error}"))
    return findings, conditions


def _check_folders(label: str, keys: Iterable[str], folders: Sequence[str]) -> Iterator[Finding]:
    for key in keys:
        if key not in folders:
            yield Finding("error", label, 0, f"step {key!r} has no folder of that name with its words")
    for folder in folders:
        if folder not in keys:
            yield Finding("warning", label, 0, f"the folder {folder!r} belongs to no step of the timetable")


def _check_age(files: CampaignFiles, facts: Mapping[str, Any], today: date) -> list[Finding]:
    findings = []
    for stem, table in facts.items():
        for key, row in table.items():
            reviewed_on = row.get("reviewed_on") if isinstance(row, Mapping) else None
            if isinstance(reviewed_on, date) and reviewed_on + _A_YEAR < today:
                message = f"[{key}] was last reviewed on {reviewed_on}; go over it again and set the new date"
                findings.append(Finding("error", files.label(f"facts/{stem}.toml"), 0, message))
    return findings


def main(arguments: Sequence[str]) -> int:
    """`python -m campaigns.checking templates/second_interview [--today 2026-12-04]` prints what is wrong."""
    today = date.fromisoformat(arguments[2]) if arguments[1:2] == ["--today"] else None
    folder = Path(arguments[0])
    base = folder.parent / "_base"
    findings = check_campaign(folder, base=base if base.is_dir() else None, today=today)
    for finding in findings:
        sys.stdout.write(f"{finding}\n")
    errors = sum(finding.severity == "error" for finding in findings)
    sys.stdout.write(f"{errors} errors, {len(findings) - errors} warnings\n")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
