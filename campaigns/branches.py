"""Renders every email for every sample reader, in two ways, and looks at the result."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from jinja2 import Template

from campaigns.assembling import MjmlError, Part, to_html
from campaigns.compiling import CompiledCampaign
from campaigns.confined import report
from campaigns.context import Brand
from campaigns.expressions import Condition, ConditionError, compile_condition
from campaigns.finding import Finding
from campaigns.inspecting import inspect
from campaigns.marks import Document, Origin
from campaigns.mjml_scan import prepare
from campaigns.mjml_tokens import tokenize
from campaigns.names import names_of
from campaigns.preview import Branch, sample_contexts
from campaigns.rendering import Content, Renderer, RenderError
from campaigns.sandbox import runtime_environment
from campaigns.source_files import PARTS
from campaigns.visible import Visible, visible


def check_branches(
    compiled: CompiledCampaign,
    parts: Mapping[str, Mapping[str, Part]],
    brand: Brand,
    *,
    conditions: Mapping[str, str],
    mergeable: Sequence[str],
    without_unsubscribe: Sequence[str],
) -> Iterator[Finding]:
    """Findings over all steps, each problem once, with the first branch that shows it."""
    renderer = Renderer(compiled)
    subjects: dict[str, str] = {}
    for step in compiled.sources:
        report(f"{compiled.name}/{step}")
        source = "".join(compiled.sources[step].values())
        merges = mergeable if "merged" in source or "is_rush" in source else ()
        walk = _Walk(compiled, step, parts[step]["html"], renderer, step not in without_unsubscribe)
        branches = sample_contexts(facts=compiled.facts, brand=brand, mergeable=merges)
        yield from walk.findings(_sent(conditions.get(step), branches, compiled.facts, step))
        for subject in sorted(walk.subjects):
            other = subjects.setdefault(subject, step)
            if other != step:
                message = f"the same subject as step {other!r}; Gmail would fold the two into one thread"
                yield Finding("error", f"{compiled.name}/{step}/subject.txt", 1, message)


def _sent(condition: str | None, branches: list[Branch], facts: Mapping[str, Any], step: str) -> list[Branch]:
    """Those branches in which the step is sent at all."""
    try:
        when = compile_condition(condition) if condition else None
    except ConditionError:  # found and told with the timetable
        when = None
    return [branch for branch in branches if when is None or _holds(when, branch, facts, step)]


def _holds(when: Condition, branch: Branch, facts: Mapping[str, Any], step: str) -> bool:
    try:
        return when.holds(names_of(branch.context, facts, step))
    except ConditionError:
        return True


class _Walk:
    """One step through its branches."""

    def __init__(
        self, compiled: CompiledCampaign, step: str, html: Part, renderer: Renderer, needs_unsubscribe: bool
    ) -> None:
        self._compiled = compiled
        self._step = step
        self._renderer = renderer
        self._needs_unsubscribe = needs_unsubscribe
        self._other_way = _template(html)
        self._compared: set[int] = set()
        self._differs = False
        self._told: set[tuple[str, int, str]] = set()
        self.subjects: set[str] = set()

    def findings(self, branches: list[Branch]) -> Iterator[Finding]:
        for branch in branches:
            for finding in self._branch(branch):
                key = (finding.file, finding.line, finding.message)
                if key not in self._told:
                    self._told.add(key)
                    message = f"{finding.message} (for a reader with: {branch.name})"
                    yield Finding(finding.severity, finding.file, finding.line, message)

    def _branch(self, branch: Branch) -> Iterator[Finding]:
        try:
            content = self._renderer.render(self._step, branch.context)
        except RenderError as error:
            yield Finding.of(error)
            return
        self.subjects.add(content.subject)
        seen = visible(content.html)
        remarks = inspect(
            content, seen, branch.context, self._compiled.facts, needs_unsubscribe=self._needs_unsubscribe
        )
        for part, severity, message in remarks:
            yield Finding("error" if severity == "error" else "warning", self._file(part), 0, message)
        if not self._differs and hash(content.html) not in self._compared:
            self._compared.add(hash(content.html))
            yield from self._compare(content, seen, branch)

    def _compare(self, content: Content, seen: Visible, branch: Branch) -> Iterator[Finding]:
        """MJML last, as if this reader's words had stood in the file all along: it must come to the same."""
        names = names_of(branch.context, self._compiled.facts, self._step)
        names |= {"subject": content.subject, "preheader": content.preheader}
        try:
            other = visible(to_html(_spaced(self._other_way.render(names))))
        except MjmlError as error:
            yield Finding("error", self._file("html"), 0, f"{error}, once {{% %}} are filled in")
            return
        if _same(other) != _same(seen):
            self._differs = True  # one reader is enough to show it
            yield Finding(
                "error",
                self._file("html"),
                0,
                f"{{% %}} stand where MJML moves them: {_difference(seen, other)}",
            )

    def _file(self, part: str) -> str:
        return f"{self._compiled.name}/{self._step}/{PARTS[part]}"


def _template(html: Part) -> Template:
    assert html.mjml is not None
    return runtime_environment(escape=True).from_string(html.mjml.source)


def _same(what: Visible) -> tuple[str, list[str]]:
    """The compiler's filter for links writes some characters as `%28`; that is no difference."""
    return what.words, [unquote(link) for link in what.links]


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
