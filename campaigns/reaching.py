"""Which arms of `{% if %}` does any reader get? The rest are words nobody will ever read."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from jinja2 import Template, nodes

from campaigns.compiling import CompiledCampaign
from campaigns.finding import Finding, place
from campaigns.sandbox import runtime_environment


@dataclass(frozen=True)
class Arm:
    """One way through a condition, where somebody wrote it."""

    file: str
    line: int
    words: str


class Reached:
    """One step with a counter in every arm. `visit` a reader, then ask which arms were never entered."""

    def __init__(self, compiled: CompiledCampaign, step: str) -> None:
        self._compiled = compiled
        self._step = step
        self._arms: list[Arm] = []
        self._seen: set[int] = set()
        self._is_visited = False
        self._way: list[int] = []
        self.ways: dict[str, tuple[int, ...]] = {}
        """By part: the arms and the rounds of loops that the last visitor went through, in their order."""
        self._templates = {
            part: self._instrumented(part, source) for part, source in compiled.sources[step].items()
        }

    @property
    def arms(self) -> set[Arm]:
        return set(self._arms)

    @property
    def entered(self) -> set[Arm]:
        return {self._arms[number] for number in self._seen}

    @property
    def is_complete(self) -> bool:
        return self.entered == self.arms

    def visit(self, names: Mapping[str, Any]) -> bool:
        """Go through all parts as this reader. Returns whether they saw something new: an arm that nobody
        has entered yet, or anything at all as the first one."""
        before = len(self._seen) if self._is_visited else -1
        self._is_visited = True
        for part, template in self._templates.items():
            self._way = []
            # What breaks is told by those who render it for real.
            with suppress(Exception):
                for _ in template.root_render_func(template.new_context(dict(names), shared=False)):
                    pass
            self.ways[part] = tuple(self._way)
        return len(self._seen) > before

    def _instrumented(self, part: str, source: str) -> Template:
        environment = runtime_environment(escape=part == "html")
        environment.allow(reached=self._reached)
        tree = environment.parse(source)
        for branch in list(tree.find_all(nodes.If)):
            branch.body.insert(0, self._counter(part, branch, "if"))
            if branch.else_:
                branch.else_.insert(0, self._counter(part, branch, "else"))
        for loop in list(tree.find_all(nodes.For)):
            loop.body.insert(0, nodes.ExprStmt(_told(loop, _ROUND)).set_lineno(loop.lineno))
        for choice in list(tree.find_all(nodes.CondExpr)):
            choice.expr1 = self._call(part, choice, "if", choice.expr1)
            if choice.expr2 is not None:
                choice.expr2 = self._call(part, choice, "else", choice.expr2)
        tree.set_environment(environment)
        code = environment.compile(tree)
        return Template.from_code(environment, code, environment.make_globals(None))

    def _counter(self, part: str, node: nodes.Node, which: str) -> nodes.Node:
        return nodes.ExprStmt(self._call(part, node, which)).set_lineno(node.lineno)

    def _call(self, part: str, node: nodes.Node, which: str, *value: nodes.Expr) -> nodes.Expr:
        found = place(self._compiled, self._step, part, node.lineno, "")
        self._arms.append(Arm(found.file, found.line, which))
        return _told(node, len(self._arms) - 1, *value)

    def _reached(self, number: int, value: Any = "") -> Any:
        self._way.append(number)
        if number != _ROUND:
            self._seen.add(number)
        return value


_ROUND = -1


def _told(node: nodes.Node, number: int, *value: nodes.Expr) -> nodes.Expr:
    """An expression that says where it stands, and has the value of the one it is put around."""
    arguments = [nodes.Const(number), *value]
    call = nodes.Call(nodes.Name("reached", "load"), arguments, [], None, None)
    for new in (call, call.node, arguments[0]):
        new.lineno = node.lineno
    return call


def unreached(steps: list[Reached]) -> list[Finding]:
    """Arms that no step enters: what two steps include is reached when one of them reaches it.

    The design's own arms (`_base/`) are left out: it serves campaigns that need other parts of it.
    """
    entered = {arm for step in steps for arm in step.entered}
    never = {arm for step in steps for arm in step.arms} - entered
    return [
        Finding("warning", arm.file, arm.line, _NEVER[arm.words])
        for arm in never
        if not arm.file.startswith("_base/")
    ]


_NEVER = {
    "if": "no sample reader gets into this {% if %}; these words are never read",
    "else": "no sample reader gets into the {% else %} of this {% if %}; these words are never read",
}
