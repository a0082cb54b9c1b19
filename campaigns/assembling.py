"""A campaign's files become Jinja source for the recipient's stage. Runs in the child process (jobs.py)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from jinja2 import TemplateSyntaxError
from mjml import mjml2html

from campaigns.compiling import CompiledCampaign
from campaigns.confined import Limits, report
from campaigns.context import Brand
from campaigns.errors import CampaignError
from campaigns.expanding import Expander
from campaigns.languages import Language, MissingWords, is_in_design, named, own_language, written_in
from campaigns.mjml_scan import prepare
from campaigns.mjml_tokens import Restored, restore_text, tokenize
from campaigns.sandbox import forbidden, runtime_environment
from campaigns.source_files import PARTS, CampaignFiles, load_facts
from campaigns.variants import step_of

_SPAN = re.compile(r"^(.*?)(?: in root template)?(?: at position (\d+):\d+)?$")
_STATEMENT = re.compile(r"\{%[-+]?\s*(\w+)")
_environments = {True: runtime_environment(escape=True), False: runtime_environment(escape=False)}


@dataclass(frozen=True)
class Part:
    """A compiled part, and for HTML its MJML too (for the check that makes the email both ways)."""

    restored: Restored
    mjml: Restored | None = None


def compile_steps(
    files: CampaignFiles,
    brand: Brand,
    limits: Limits,
    *,
    on_error: Callable[[CampaignError], None],
    language: Language | None = None,
) -> tuple[CompiledCampaign, dict[str, dict[str, Part]]]:
    """Every step that compiles, in the campaign's own language unless told otherwise.

    Faults go to `on_error`; a step with one is left out. In another language only the steps are looked at
    that somebody has begun to write in it.
    """
    language = language or Language(own_language(files.texts))
    facts = load_facts(files, "" if language.is_own else language.code)
    expander = Expander(files, {"brand": brand, "facts": facts}, language)
    steps: dict[str, dict[str, Part]] = {}
    for step in _begun(files, language, on_error):
        report(f"{files.name}/{step}")
        parts: dict[str, Part] = {}
        for part, name in PARTS.items():
            try:
                parts[part] = _compile_part(expander, f"{step}/{name}", step, limits, on_error)
            except MissingWords as error:
                on_error(_of_variant(error, step, language) if step_of(step) in steps else error)
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
    return CompiledCampaign(files.name, files.version, sources, facts, origins, language), steps


def _begun(files: CampaignFiles, language: Language, on_error: Callable[[CampaignError], None]) -> list[str]:
    if not is_in_design(files.texts, language.code):
        path = named("_base/words.txt", language.code)
        message = f"this file is missing: the footer and the design's other words in {language.code!r}"
        on_error(CampaignError(path, 0, message) if language.is_own else MissingWords(path, 0, message))
        return files.steps if language.is_own else []
    if language.is_own:
        return files.steps
    begun = {path.partition("/")[0] for path in files.texts if written_in(path) == language.code}
    return [step for step in files.steps if step_of(step) in begun]


def _of_variant(missing: MissingWords, folder: str, language: Language) -> CampaignError:
    """No variant may lack a language its step has: those readers would get another one than is counted."""
    variant, code = folder.removeprefix(step_of(folder))[1:], language.code
    message = f"step {step_of(folder)!r} is written in {code!r} and its variant {variant!r} is not"
    if not missing.file.endswith(".toml"):
        return CampaignError(missing.file, 0, f"this file is missing: {message}")
    return CampaignError(missing.file, 0, f"{message}: add subjects = {{ {code} = ... }} to the variant")


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
