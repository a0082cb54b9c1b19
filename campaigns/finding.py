"""A finding of the check, and those that need no rendering."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from campaigns.compiling import CompiledCampaign
from campaigns.errors import CampaignError
from campaigns.sandbox import runtime_environment
from campaigns.unknown_names import unknown_names
from campaigns.variants import step_of

Severity = Literal["error", "warning", "note"]
_ORDER: tuple[Severity, ...] = ("error", "warning", "note")


@dataclass(frozen=True)
class Finding:
    """Something to put right. An error forbids publishing; a warning is for a human to judge; a note only
    tells (which mail clients lack a feature in use)."""

    severity: Severity
    file: str
    line: int
    """From 1; 0 for the whole file."""
    message: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        return f"{where}: {self.severity}: {self.message}"

    @classmethod
    def of(cls, error: CampaignError) -> Finding:
        return cls("error", error.file, error.line, error.message)


def sort_findings(findings: Iterable[Finding]) -> list[Finding]:
    """Errors first, each once, in the order of the files."""
    return sorted(
        set(findings), key=lambda one: (_ORDER.index(one.severity), one.file, one.line, one.message)
    )


def summary(findings: Iterable[Finding]) -> str:
    """`2 errors, 1 warning`; notes are counted where there are any."""
    counts = Counter(finding.severity for finding in findings)
    words = [f"{counts[one]} {one}{'' if counts[one] == 1 else 's'}" for one in _ORDER[:2]]
    return ", ".join([*words, f"{counts['note']} notes"] if counts["note"] else words)


def known_names(compiled: CompiledCampaign) -> list[Finding]:
    """Names, attributes and facts that a template uses and that do not exist, in any branch."""
    environment = runtime_environment(escape=True)
    findings = []
    for step, parts in compiled.sources.items():
        for part, source in parts.items():
            extra = ("subject", "preheader") if part in ("html", "text") else ()
            tree = environment.parse(source)
            for line, message in unknown_names(
                tree, facts=compiled.facts, steps={step_of(one) for one in compiled.sources}, extra=extra
            ):
                findings.append(place(compiled, step, part, line, message))
    return findings


def place(compiled: CompiledCampaign, step: str, part: str, line: int, message: str) -> Finding:
    """An error at a line of the compiled source, told as the place where that line was written."""
    origins = compiled.origins[step][part]
    origin = origins[min(max(line, 1), len(origins)) - 1]
    if not origin.line:
        return Finding("error", compiled.file(step, part), 0, message)
    return Finding("error", origin.file, origin.line, message)
