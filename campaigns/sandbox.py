"""What Jinja may do here: read values, loop over what is given, format words, and nothing that can run away.

Templates are code and only operators write them. The sandbox is one layer; the other is the child process
with limits in which every template is compiled and tried before it is ever used (see confined.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date
from difflib import get_close_matches
from types import MethodType
from typing import Any

from jinja2 import StrictUndefined, nodes
from jinja2.exceptions import SecurityError
from jinja2.runtime import LoopContext, Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.tests import TESTS as JINJA_TESTS

from campaigns.context import Appointment, Brand, LinkSet, PlanEntry, Reader
from campaigns.filters import FILTERS as WORDS
from campaigns.filters import parse_date, parse_time

LARGEST = 10**9
_PLAIN = frozenset([Reader, Appointment, LinkSet, Brand, PlanEntry])
_NOTHING = object()
_METHODS = {
    dict: {"items", "keys", "values", "get"},
    str: {"upper", "lower", "title", "capitalize", "strip", "startswith", "endswith"},
    date: {"weekday", "isoweekday", "date", "time"},  # and datetime
}
# Those that multiply (`replace`, `center`, `indent`), format (`format`), switch escaping off (`safe`), or
# reach attributes by name (`attr`) are left out.
FILTERS = frozenset(
    [
        "abs",
        "capitalize",
        "count",
        "d",
        "default",
        "dictsort",
        "e",
        "escape",
        "first",
        "float",
        "forceescape",
        "int",
        "items",
        "join",
        "last",
        "length",
        "list",
        "lower",
        "map",
        "max",
        "min",
        "reject",
        "rejectattr",
        "reverse",
        "round",
        "select",
        "selectattr",
        "sort",
        "string",
        "title",
        "trim",
        "truncate",
        "unique",
        "upper",
        "urlencode",
        "wordcount",
    ]
)

ALL_FILTERS = FILTERS | set(WORDS)
TESTS = frozenset(JINJA_TESTS) - {"filter", "test"}
_LOADING = (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)


class Sandbox(ImmutableSandboxedEnvironment):
    """Jinja's sandbox with bounded operators, and a list of what may be called (not of what may not)."""

    intercepted_binops = frozenset(["*", "**", "%"])

    def __init__(self, **options: Any) -> None:
        super().__init__(undefined=StrictUndefined, **options)
        self.callables: set[Callable[..., Any]] = set()
        self.globals.clear()

    def getattr(self, obj: Any, attribute: str) -> Any:
        if type(obj) in _PLAIN and not attribute.startswith(
            "_"
        ):  # nothing to guard, and most of all look-ups
            value = getattr(obj, attribute, _NOTHING)
            return value if value is not _NOTHING else self.undefined(obj=obj, name=attribute)
        return super().getattr(obj, attribute)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        if not (_is_number(left) and _is_number(right)):
            raise SecurityError(f"`{operator}` is for numbers only")
        if max(abs(left), abs(right)) > LARGEST or (
            operator == "**" and (abs(left) > 1000 or abs(right) > 3)
        ):
            raise SecurityError(f"the numbers around `{operator}` are too large")
        return super().call_binop(context, operator, left, right)

    def is_safe_callable(self, obj: Any) -> bool:
        if isinstance(obj, (Macro, LoopContext)):
            return True
        owner = getattr(obj, "__self__", None)
        for kind, names in _METHODS.items():
            if isinstance(owner, kind):
                return obj.__name__ in names
        if isinstance(owner, LoopContext) and isinstance(obj, MethodType):
            return obj.__name__ in ("cycle", "changed")
        return any(obj is known for known in self.callables)

    def allow(self, **helpers: Callable[..., Any]) -> None:
        """Names that may be called in every template of this environment."""
        self.callables.update(helpers.values())
        self.globals.update(helpers)


def runtime_environment(*, escape: bool) -> Sandbox:
    """The environment of one recipient's email. `escape` is False for plain text only, never for HTML."""
    environment = Sandbox(autoescape=escape, keep_trailing_newline=True)
    environment.filters = {name: environment.filters[name] for name in FILTERS} | WORDS
    environment.allow(time=parse_time, date=parse_date)
    return environment


def forbidden(tree: nodes.Template) -> tuple[int, str] | None:
    """Line and reason of the first thing without a place in an email: escaping off, unknown filters."""
    for node in tree.find_all((nodes.EvalContextModifier, *_LOADING, nodes.Filter, nodes.Test)):
        if isinstance(node, nodes.EvalContextModifier):
            return node.lineno, "escaping cannot be switched off; write the markup into the template itself"
        if isinstance(node, _LOADING):
            return node.lineno, "other files are brought in with [% %], when the campaign is compiled"
        if isinstance(node, nodes.Filter) and node.name not in ALL_FILTERS:
            return node.lineno, f"there is no filter `{node.name}`{_nearest(node.name, ALL_FILTERS)}"
        if isinstance(node, nodes.Test) and node.name not in TESTS:
            return node.lineno, f"there is no test `is {node.name}`{_nearest(node.name, TESTS)}"
    return None


def _nearest(word: str, known: Iterable[str]) -> str:
    near = get_close_matches(word, list(known), n=1)
    return f"; did you mean `{near[0]}`?" if near else ""


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
