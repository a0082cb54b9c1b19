"""A campaign's files become one version: per step and part the Jinja source all recipients share."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from importlib.resources import files as package_files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from jinja2 import TemplateSyntaxError
from mjml import mjml2html

from campaigns.confined import Limits, report, run_confined
from campaigns.context import Brand
from campaigns.errors import CampaignError
from campaigns.expanding import Expander
from campaigns.marks import Origin
from campaigns.mjml_scan import prepare
from campaigns.mjml_tokens import Restored, restore_text, tokenize
from campaigns.sandbox import forbidden, runtime_environment
from campaigns.source_files import PARTS, CampaignFiles, load_facts, read_files

_SPAN = re.compile(r"^(.*?)(?: in root template)?(?: at position (\d+):\d+)?$")
_STATEMENT = re.compile(r"\{%[-+]?\s*(\w+)")
_environments = {True: runtime_environment(escape=True), False: runtime_environment(escape=False)}


@dataclass(frozen=True)
class CompiledCampaign:
    """One version of a campaign, ready for every recipient. Safe to keep and share between threads."""

    name: str
    version: str
    """Changes when any input file changes; 16 hex digits."""
    sources: Mapping[str, Mapping[str, str]]
    """By step and part (`subject`, `preheader`, `html`, `text`): Jinja for the recipient's stage."""
    facts: Mapping[str, Any]
    origins: Mapping[str, Mapping[str, tuple[Origin, ...]]] = field(default_factory=dict, repr=False)
    """By step and part, for each line of the source: where it was written."""


@dataclass(frozen=True)
class Part:
    """A compiled part, and for HTML its MJML too (for the check that makes the email both ways)."""

    restored: Restored
    mjml: Restored | None = None


def compile_campaign(
    folder: Traversable | Path,
    *,
    base: Traversable | Path | None = None,
    brand: Brand,
    limits: Limits | None = None,
) -> CompiledCampaign:
    """Compiles in a child process with limits, two seconds for twenty emails. Raises CampaignError.

    `base` is the folder of the layout and the components; the shipped one unless given.
    """
    files = read_files(folder, base or package_files("templates") / "_base")
    facts = load_facts(files)
    request = {"files": asdict(files), "brand": asdict(brand)}
    answer = run_confined("compile", request, limits or Limits(), files.name)
    sources = {step: {part: one["source"] for part, one in parts.items()} for step, parts in answer.items()}
    origins = {
        step: {part: tuple(Origin(*pair) for pair in one["origins"]) for part, one in parts.items()}
        for step, parts in answer.items()
    }
    return CompiledCampaign(files.name, files.version, sources, facts, origins)


def compile_job(request: Mapping[str, Any], limits: Limits) -> dict[str, dict[str, Any]]:
    """In the child: every step's parts, each also tried out, so that a runaway is never published."""
    files, brand = CampaignFiles(**request["files"]), Brand(**request["brand"])
    compiled, _ = compile_steps(files, brand, limits, on_error=_raise)
    from campaigns.preview import try_out

    try_out(compiled, brand, report)
    return {
        step: {
            part: {
                "source": source,
                "origins": [(origin.file, origin.line) for origin in compiled.origins[step][part]],
            }
            for part, source in parts.items()
        }
        for step, parts in compiled.sources.items()
    }


def compile_steps(
    files: CampaignFiles, brand: Brand, limits: Limits, *, on_error: Callable[[CampaignError], None]
) -> tuple[CompiledCampaign, dict[str, dict[str, Part]]]:
    """Every step that compiles. Faults go to `on_error`; a step with one is left out."""
    facts = load_facts(files)
    expander = Expander(files, {"brand": brand, "facts": facts})
    steps: dict[str, dict[str, Part]] = {}
    for step in files.steps:
        report(f"{files.name}/{step}")
        parts: dict[str, Part] = {}
        for part, name in PARTS.items():
            try:
                parts[part] = _compile_part(expander, f"{step}/{name}", step, limits, on_error)
            except CampaignError as error:
                on_error(error)
        if len(parts) == len(PARTS):
            steps[step] = parts
    sources = {
        step: {name: part.restored.source for name, part in parts.items()} for step, parts in steps.items()
    }
    origins = {
        step: {name: part.restored.origins for name, part in parts.items()} for step, parts in steps.items()
    }
    return CompiledCampaign(files.name, files.version, sources, facts, origins), steps


def _compile_part(
    expander: Expander, path: str, step: str, limits: Limits, on_error: Callable[[CampaignError], None]
) -> Part:
    document = expander.expand(path, step)
    if not path.endswith(".mjml"):
        return Part(_checked(restore_text(document), escape=False))
    tokens = tokenize(document)
    if len(tokens.text) > limits.max_size:
        raise tokens.places.error(0, f"this email is larger than {limits.max_size // 1000} kB before MJML")
    prepared = prepare(tokens, max_depth=limits.max_depth)
    for error in prepared.errors[:-1]:
        on_error(error)
    if prepared.errors:
        raise prepared.errors[-1]
    try:
        html = to_html(prepared.mjml)
    except MjmlError as error:
        raise tokens.places.error(prepared.offset_before(error.position), str(error)) from None
    if lost := tokens.missing_from(html):
        origin = lost[0].origin
        raise CampaignError(origin.file, origin.line, f"MJML cannot carry {lost[0].source} in this attribute")
    return Part(_checked(tokens.restore(html), escape=True), tokens.restore(tokens.text))


class MjmlError(Exception):
    """What the engine said, and at which byte (0 when it did not say)."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(message)
        self.position = position


def to_html(mjml: str) -> str:
    """MJML to HTML, without external fonts. Raises MjmlError."""
    try:
        return mjml2html(mjml, fonts={})
    except ValueError as error:
        found = _SPAN.match(str(error))
        assert found
        raise MjmlError(f"MJML: {found[1]}", int(found[2] or 0)) from None


def _checked(restored: Restored, *, escape: bool) -> Restored:
    """The same source, once Jinja can read it and nothing in it is forbidden."""
    try:
        tree = _environments[escape].parse(restored.source)
        problem = forbidden(tree)
    except TemplateSyntaxError as error:
        problem = error.lineno, error.message or "this tag cannot be read"
        if "end of template" in problem[1]:
            problem = _unclosed(restored.source) or problem[0], problem[1]
    if problem:
        origin = restored.origins[min(problem[0], len(restored.origins)) - 1]
        raise CampaignError(origin.file, origin.line, problem[1])
    return restored


def _unclosed(source: str) -> int:
    """The line of the innermost `{% if %}` that nothing ends; 0 when all are ended."""
    lines: list[int] = []
    for found in _STATEMENT.finditer(source):
        if found[1].startswith("end") and lines:
            lines.pop()
        elif found[1] in ("if", "for", "macro", "call", "filter", "with"):
            lines.append(source.count("\n", 0, found.start(1)) + 1)
    return lines[-1] if lines else 0


def _raise(error: CampaignError) -> None:
    raise error
