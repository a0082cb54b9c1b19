"""Renders every email for every sample reader, in two ways, and looks at the result."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from jinja2 import Template

from campaigns.assembling import MjmlError, Part, to_html
from campaigns.compiling import CompiledCampaign
from campaigns.confined import report
from campaigns.context import Brand, Context
from campaigns.contrast import READABLE_LARGE, faint_words
from campaigns.expressions import Condition, ConditionError, compile_condition
from campaigns.finding import Finding, Severity
from campaigns.inspecting import inspect
from campaigns.mail_clients import unsupported
from campaigns.marks import Document, Origin
from campaigns.mjml_scan import prepare
from campaigns.mjml_tokens import tokenize
from campaigns.names import names_of
from campaigns.nesting import misplaced
from campaigns.preview import Branch, further_contexts, sample_contexts
from campaigns.reaching import Reached, unreached
from campaigns.rendering import Content, Renderer, RenderError
from campaigns.sandbox import runtime_environment
from campaigns.source_files import CampaignFiles
from campaigns.variants import step_of
from campaigns.visible import Visible, visible
from campaigns.whereabouts import whereabouts

_NEVER_SENT = "no sample reader is ever sent this email, so it was not looked at; see its `when`"
# Where a sign alone stands everywhere, and what to look for instead.
_SIGNS = {">": " > ", "[": "a[", "+": " + ", "~": " ~ ", "*": "* {"}
_FURTHER = 300
"""Readers by chance who look for the arms of `{% if %}` that the sample readers did not get into."""


def check_branches(
    compiled: CompiledCampaign,
    parts: Mapping[str, Mapping[str, Part]],
    brand: Brand,
    *,
    files: CampaignFiles,
    conditions: Mapping[str, str],
    mergeable: Sequence[str],
    without_unsubscribe: Sequence[str],
    with_notes: bool = False,
) -> Iterator[Finding]:
    """Findings over all steps, each problem once, with the first branch that shows it; with notes, also the
    features that some mail client does without."""
    renderer = Renderer(compiled)
    subjects: dict[str, str] = {}
    reached: list[Reached] = []
    notes: set[str] = set()
    said: dict[str, set[str]] = {}
    for step in compiled.sources:
        report(f"{compiled.name}/{step}")
        source = "".join(compiled.sources[step].values())
        merges = mergeable if "merged" in source or "is_rush" in source else ()
        walk = _Walk(compiled, step, parts[step]["html"], renderer, files)
        walk.needs_unsubscribe = step_of(step) not in without_unsubscribe
        walk.notes = notes if with_notes else None
        branches = sample_contexts(
            facts=compiled.facts, brand=brand, mergeable=merges, locale=compiled.language.code
        )
        is_sent = _Sent(conditions.get(step_of(step)), compiled.facts, step)
        sent = [branch for branch in branches if is_sent(branch.context)]
        yield from walk.findings(sent)
        if not sent:
            yield Finding("warning", compiled.file(step, "html"), 1, _NEVER_SENT)
        if not walk.reached.is_complete:
            for context in further_contexts(_FURTHER, facts=compiled.facts, brand=brand, mergeable=merges):
                if is_sent(context):
                    walk.visit(replace(context, locale=compiled.language.code))
        reached.append(walk.reached)
        said[step] = walk.subjects
        yield from _alike(compiled, step, said)
        for subject in sorted(walk.subjects):
            other = subjects.setdefault(subject, step_of(step))
            if other != step_of(step):
                message = f"the same subject as step {other!r}; Gmail would fold the two into one thread"
                yield Finding("error", compiled.file(step, "subject"), 1, message)
    yield from unreached(reached)


def _alike(compiled: CompiledCampaign, step: str, said: Mapping[str, set[str]]) -> Iterator[Finding]:
    """A variant whose reader sees no difference: the same subject, and nothing else is its own."""
    sources, own = compiled.sources[step], compiled.sources.get(step_of(step), {})
    differs = any(source != own.get(part) for part, source in sources.items() if part != "subject")
    if step != step_of(step) and not differs and said[step] == said.get(step_of(step)):
        line = compiled.origins[step]["subject"][-1].line
        message = f"the same subject as {step_of(step)!r} has without it; a variant says something else"
        yield Finding("error", compiled.file(step, "subject"), line, message)


class _Sent:
    """Does this reader get the step at all?"""

    def __init__(self, condition: str | None, facts: Mapping[str, Any], step: str) -> None:
        self._facts, self._step = facts, step
        self._when: Condition | None = None
        with suppress(ConditionError):  # found and told with the timetable
            self._when = compile_condition(condition) if condition else None

    def __call__(self, context: Context) -> bool:
        try:
            return self._when is None or self._when.holds(names_of(context, self._facts, self._step))
        except ConditionError:
            return True


class _Walk:
    """One step through its branches."""

    needs_unsubscribe = True
    notes: set[str] | None = None
    """The features told so far; None when nobody asked."""

    def __init__(
        self, compiled: CompiledCampaign, step: str, html: Part, renderer: Renderer, files: CampaignFiles
    ) -> None:
        self._compiled = compiled
        self._step = step
        self._renderer = renderer
        self._files = files
        self.reached = Reached(compiled, step)
        self._other_way = _template(html)
        self._met: set[int] = set()
        self._compared: set[tuple[int, ...]] = set()
        self._differs = False
        self._told: set[tuple[str, int, str]] = set()
        self.subjects: set[str] = set()

    def findings(self, branches: list[Branch]) -> Iterator[Finding]:
        for branch in branches:
            for finding in self._branch(branch):
                key = (finding.file, finding.line, finding.message)
                if key not in self._told:
                    self._told.add(key)
                    reader = f" (for a reader with: {branch.name})" if finding.severity != "note" else ""
                    message = f"{finding.message}{reader}"
                    yield Finding(finding.severity, finding.file, finding.line, message)

    def _branch(self, branch: Branch) -> Iterator[Finding]:
        try:
            content = self._renderer.render(self._step, branch.context)
        except RenderError as error:
            yield Finding.of(error)
            return
        self.subjects.add(content.subject)
        is_new = self.visit(branch.context)
        if hash(content) in self._met:  # another reader gets the very same
            return
        self._met.add(hash(content))
        seen = visible(content.html)
        remarks = inspect(
            content,
            seen,
            branch.context,
            self._compiled.facts,
            needs_unsubscribe=self.needs_unsubscribe,
            sources=self._compiled.sources[self._step],
        )
        for remark in remarks:
            yield self._finding(remark.part, remark.severity, remark.message, remark.quote)
        if is_new:  # new words; what looks alike is looked at once
            yield from self._look(content)
        way = self.reached.ways["html"]
        if not self._differs and way not in self._compared:  # what a tag prints moves no tags
            self._compared.add(way)
            yield from self._compare(content, seen, branch)

    def _compare(self, content: Content, seen: Visible, branch: Branch) -> Iterator[Finding]:
        """MJML last, as if this reader's words had stood in the file all along: it must come to the same."""
        names = names_of(branch.context, self._compiled.facts, self._step)
        names |= {"subject": content.subject, "preheader": content.preheader}
        try:
            other = visible(to_html(_spaced(self._other_way.render(names))))
        except MjmlError as error:
            yield self._finding("html", "error", f"{error}, once {{% %}} are filled in")
            return
        if _same(other) != _same(seen):
            self._differs = True  # one reader is enough to show it
            message = f"{{% %}} stand where MJML moves them: {_difference(seen, other)}"
            yield self._finding("html", "error", message)

    def visit(self, context: Context) -> bool:
        """Count the arms this reader gets into. Returns whether one of them is new."""
        names = names_of(context, self._compiled.facts, self._step)
        return self.reached.visit(names | {"subject": "", "preheader": ""})

    def _look(self, content: Content) -> Iterator[Finding]:
        for one in misplaced(content.html):
            yield self._finding("html", "error", f"{one.message}: “{one.words[:40]}”", one.words)
        for faint in faint_words(content.html):
            severity: Severity = "warning" if faint.ratio >= READABLE_LARGE else "error"
            message = (
                f"{faint.color} on {faint.ground} has a contrast of {faint.ratio:.1f} on {faint.scheme} "
                f"screens and needs {faint.needed}: “{faint.words[:40]}”"
            )
            yield self._finding("html", severity, message, faint.words)
        for feature in unsupported(content.html) if self.notes is not None else ():
            if self.notes is not None and feature.words not in self.notes:
                self.notes.add(feature.words)
                message = f"`{feature.words}` does nothing in {', '.join(feature.no)}"
                quote = _SIGNS.get(feature.words, feature.words)
                if not any(quote in text for path, text in self._files.texts.items() if ".mjml" in path):
                    message += " (MJML writes it)"
                yield self._finding("html", "note", message, quote)

    def _finding(self, part: str, severity: Severity, message: str, quote: str = "") -> Finding:
        return Finding(severity, *self._whereabouts(part, quote), message)

    def _whereabouts(self, part: str, quote: str) -> tuple[str, int]:
        return whereabouts(self._files, self._step, part, quote, self._compiled.language)


def _template(html: Part) -> Template:
    assert html.mjml is not None
    return runtime_environment(escape=True).from_string(html.mjml.source)


def _same(what: Visible) -> tuple[str, list[str]]:
    """The compiler's filter for links writes some characters as `%28`; that is no difference."""
    return what.words, [unquote(link) for link in (*what.links, *what.pictures)]


def _spaced(mjml: str) -> str:
    """The compiler's care for spaces between elements, which is no part of the comparison."""
    return prepare(tokenize(Document("", ((mjml, Origin("", 0)),))), max_depth=1000).mjml


def _difference(seen: Visible, other: Visible) -> str:
    if seen.words == other.words:
        return "the links differ"
    ours, theirs = seen.words.split(), other.words.split()
    first = next(
        (i for i, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b), min(len(ours), len(theirs))
    )
    near = slice(max(0, first - 2), first + 4)
    return f"“{' '.join(ours[near])}” against “{' '.join(theirs[near])}”"
