"""Finds names, attributes and keys that a template or a condition uses and that do not exist."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, is_dataclass
from datetime import date, time
from difflib import get_close_matches
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from jinja2 import nodes
from jinja2.visitor import NodeVisitor

from campaigns.context import Appointment, Context

CHOICES: Mapping[str, tuple[str, ...]] = {
    "mode": ("onsite", "video", "phone", "unknown"),
    "interviewers": ("same", "new", "unknown"),
    "format": ("one_to_one", "panel", "case", "presentation", "group", "unknown"),
    "outcome": ("offer", "rejected", "next_round", ""),
}
"""What these fields of an interview can be; a comparison with anything else is never true."""


_READERS: dict[str, Callable[[str], object]] = {"time": time.fromisoformat, "date": date.fromisoformat}


@dataclass(frozen=True)
class ListOf:
    item: Any


@dataclass(frozen=True)
class Table:
    """A table of facts, known key by key."""

    value: Mapping[str, Any] = field(hash=False)


Kind = Any  # a class, a ListOf, a Table, or None for "anything"


def unknown_names(
    tree: nodes.Template,
    *,
    facts: Mapping[str, Any] | None = None,
    steps: Iterable[str] = (),
    extra: Iterable[str] = (),
    names: type = Context,
    choices: Mapping[str, Iterable[str]] | None = None,
) -> list[tuple[int, str]]:
    """Line and message of each use of something that does not exist.

    `facts` makes its keys known, `steps` the keys that `merged` may hold, `extra` further names (always
    texts). `names` is the class whose fields are the names there are, and `choices` says of a name what it
    may hold.
    """
    kinds = {name: _kind(hint) for name, hint in get_type_hints(names).items()}
    kinds |= {"facts": None if facts is None else Table(facts), "step": str} | dict.fromkeys(extra, str)
    held = {"merged": tuple(steps)} | {name: tuple(values) for name, values in (choices or {}).items()}
    visitor = _Names(kinds | dict.fromkeys(("time", "date")), held)
    visitor.visit(tree)
    return visitor.found


class _Names(NodeVisitor):
    def __init__(self, kinds: dict[str, Kind], held: Mapping[str, tuple[str, ...]]) -> None:
        self._kinds = kinds
        self._held = held
        self.found: list[tuple[int, str]] = []

    def visit_Name(self, node: nodes.Name) -> None:  # noqa: N802 - the visitor's protocol
        if node.ctx != "load":
            self._kinds[node.name] = None
        elif node.name not in self._kinds:
            self._say(node, f"there is no `{node.name}`", node.name, self._kinds)

    def visit_NSRef(self, node: nodes.NSRef) -> None:  # noqa: N802
        self._say(node, "namespaces are not available", "", ())

    def visit_Getattr(self, node: nodes.Getattr) -> None:  # noqa: N802
        self.generic_visit(node)
        self._check_member(node, self._kind_of(node.node), node.attr)

    def visit_Getitem(self, node: nodes.Getitem) -> None:  # noqa: N802
        self.generic_visit(node)
        if isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str):
            self._check_member(node, self._kind_of(node.node), node.arg.value)

    def visit_For(self, node: nodes.For) -> None:  # noqa: N802
        self.visit(node.iter)
        kind = self._kind_of(node.iter)
        self._kinds["loop"] = None
        self.visit(node.target)
        if isinstance(node.target, nodes.Name) and isinstance(kind, ListOf):
            self._kinds[node.target.name] = kind.item
        for child in [*([node.test] if node.test else []), *node.body, *node.else_]:
            self.visit(child)

    def visit_Assign(self, node: nodes.Assign) -> None:  # noqa: N802
        self.visit(node.node)
        self.visit(node.target)
        if isinstance(node.target, nodes.Name):
            self._kinds[node.target.name] = self._kind_of(node.node)

    def visit_Macro(self, node: nodes.Macro) -> None:  # noqa: N802
        self._kinds |= {node.name: None, "caller": None, "varargs": None, "kwargs": None}
        self.generic_visit(node)

    def visit_Compare(self, node: nodes.Compare) -> None:  # noqa: N802
        self.generic_visit(node)
        for operand in node.ops:
            if operand.op in ("eq", "ne", "in", "notin"):
                self._check_choice(node.expr, operand.expr)
                self._check_choice(operand.expr, node.expr)

    def visit_Call(self, node: nodes.Call) -> None:  # noqa: N802
        """`time("25:00")` is found here and not on some morning."""
        self.generic_visit(node)
        if not isinstance(node.node, nodes.Name) or node.node.name not in _READERS:
            return
        for argument in node.args:
            if isinstance(argument, nodes.Const):
                try:
                    _READERS[node.node.name](argument.value)
                except (TypeError, ValueError):
                    self._say(node, f"{argument.value!r} is no {node.node.name}", "", ())

    def _check_choice(self, left: nodes.Expr, right: nodes.Expr) -> None:
        allowed, name = self._choices_of(left)
        for value in _constants(right) if allowed else ():
            if value not in allowed:
                self._say(
                    right,
                    f"`{name}` is never {value!r}; it is one of {', '.join(map(repr, allowed))}",
                    "",
                    (),
                )

    def _choices_of(self, node: nodes.Expr) -> tuple[tuple[str, ...], str]:
        if isinstance(node, nodes.Name) and node.name in self._held:
            return self._held[node.name], node.name
        if isinstance(node, nodes.Getattr) and self._kind_of(node.node) is Appointment:
            return CHOICES.get(node.attr, ()), f"interview.{node.attr}"
        return (), ""

    def _check_member(self, node: nodes.Getattr | nodes.Getitem, kind: Kind, name: str) -> None:
        if isinstance(kind, Table):
            if name not in kind.value and name not in ("items", "keys", "values", "get"):
                self._say(node, f"there is no `{name}` in these facts", name, kind.value)
        elif isinstance(kind, type) and not hasattr(kind, name) and name not in get_type_hints(kind):
            owner = _spelled(node.node)
            self._say(node, f"`{owner}` has no `{name}`", name, _members(kind))

    def _kind_of(self, node: nodes.Node) -> Kind:
        if isinstance(node, nodes.Name):
            return self._kinds.get(node.name)
        if isinstance(node, nodes.Getattr):
            return _member(self._kind_of(node.node), node.attr)
        if isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const):
            return _member(self._kind_of(node.node), str(node.arg.value))
        return None

    def _say(self, node: nodes.Node, message: str, word: str, known: Iterable[str]) -> None:
        near = get_close_matches(word, list(known), n=1)
        self.found.append((node.lineno, message + (f"; did you mean `{near[0]}`?" if near else "")))


def _kind(hint: Any) -> Kind:
    """A type hint as a kind; `time | None` is `time`, because templates test for None themselves."""
    if get_origin(hint) in (Union, UnionType):
        return next(_kind(one) for one in get_args(hint) if one is not NoneType)
    if get_origin(hint) is tuple:
        return ListOf(_kind(get_args(hint)[0]))
    return hint if isinstance(hint, type) else None


def _member(kind: Kind, name: str) -> Kind:
    if isinstance(kind, Table):
        value = kind.value.get(name)
        return Table(value) if isinstance(value, Mapping) else None
    if isinstance(kind, type) and is_dataclass(kind):
        return _kind(get_type_hints(kind).get(name))
    return None


def _members(kind: type) -> list[str]:
    return [name for name in {*dir(kind), *get_type_hints(kind)} if not name.startswith("_")]


def _spelled(node: nodes.Node) -> str:
    """`interview.day` as it was written."""
    if isinstance(node, nodes.Getattr):
        return f"{_spelled(node.node)}.{node.attr}"
    return node.name if isinstance(node, nodes.Name) else "this"


def _constants(node: nodes.Expr) -> list[Any]:
    if isinstance(node, nodes.Const):
        return [node.value]
    if isinstance(node, (nodes.List, nodes.Tuple)):
        return [item.value for item in node.items if isinstance(item, nodes.Const)]
    return []
