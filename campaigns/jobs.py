"""The child process: compiles or checks one campaign within limits, and answers in lines of JSON."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from campaigns.assembling import compile_steps
from campaigns.branches import check_branches
from campaigns.confined import Limits, answer, refuse
from campaigns.context import Brand
from campaigns.errors import CampaignError
from campaigns.finding import Finding, known_names, sort_findings
from campaigns.languages import Language, MissingWords, languages
from campaigns.preview import try_out
from campaigns.source_files import CampaignFiles

_MB = 1024 * 1024


def compile_job(request: Mapping[str, Any], limits: Limits) -> dict[str, dict[str, dict[str, Any]]]:
    """By language, every step's parts. Each is also tried out, so that a runaway is never published."""
    files, brand = CampaignFiles(**request["files"]), Brand(**request["brand"])
    return {one.code: _compile(files, brand, limits, one) for one in languages(files.texts)}


def _compile(
    files: CampaignFiles, brand: Brand, limits: Limits, language: Language
) -> dict[str, dict[str, Any]]:
    compiled, _ = compile_steps(files, brand, limits, on_error=_raise, language=language)
    for finding in known_names(compiled):
        raise CampaignError(finding.file, finding.line, finding.message)
    try_out(compiled, brand)
    return {
        step: {
            part: {
                "source": source,
                "origins": [(one.file, one.line) for one in compiled.origins[step][part]],
            }
            for part, source in parts.items()
        }
        for step, parts in compiled.sources.items()
    }


def check_job(request: Mapping[str, Any], limits: Limits) -> list[dict[str, Any]]:
    """Findings: what does not compile, names that do not exist, and what any branch shows."""
    files, brand = CampaignFiles(**request["files"]), Brand(**request["brand"])
    findings: list[Finding] = []
    compiled, parts = compile_steps(
        files,
        brand,
        limits,
        on_error=lambda error: findings.append(Finding.of(error)),
        language=Language(**request["language"]) if "language" in request else None,
    )
    unknown = known_names(compiled)
    told = {(finding.file, finding.line) for finding in unknown}
    findings += unknown
    found = check_branches(
        compiled,
        parts,
        brand,
        files=files,
        conditions=request["conditions"],
        mergeable=[step for step in files.steps if f"{step}/core.mjml" in files.texts],
        without_unsubscribe=request["without_unsubscribe"],
        with_notes=request["with_notes"],
    )
    # What a branch stumbles over is told better by the name that does not exist.
    findings += [one for one in found if one.severity != "error" or (one.file, one.line) not in told]
    return [asdict(finding) for finding in sort_findings(findings)]


def _raise(error: CampaignError) -> None:
    if not isinstance(error, MissingWords):  # until they are written, the email goes out without them
        raise error


def _confine(limits: Limits) -> None:
    import resource  # POSIX only, like the process limits themselves

    with contextlib.suppress(ValueError, OSError):  # macOS has no limit on address space
        resource.setrlimit(resource.RLIMIT_AS, (limits.memory_mb * _MB, limits.memory_mb * _MB))
    resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu_seconds, limits.cpu_seconds + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def main() -> None:
    """Reads one request, answers it, ends."""
    message = json.load(sys.stdin)
    limits = Limits(**message["limits"])
    job = {"compile": compile_job, "check": check_job}[message["job"]]
    _confine(limits)
    try:
        answer(job(message["request"], limits))
    except CampaignError as error:
        refuse(error.file, error.line, error.message)
    except MemoryError:
        refuse(
            "", 0, f"this needs more than {limits.memory_mb} MB of memory; look for a loop in the template"
        )
    except Exception as error:  # a template can provoke anything; the parent knows at which step
        refuse("", 0, f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    main()
