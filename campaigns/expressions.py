"""Conditions in a timetable: `when = "interview.mode != 'phone'"`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from jinja2 import TemplateSyntaxError, UndefinedError

from campaigns.context import Context
from campaigns.sandbox import runtime_environment
from campaigns.unknown_names import unknown_names

_environment = runtime_environment(escape=False)


class ConditionError(ValueError):
    """A condition that cannot be read, or not answered for this person. Tells no value of theirs."""


@dataclass(frozen=True)
class Condition:
    """A question about one enrollment, over the names the templates see. Equal when written alike."""

    source: str
    _ask: Callable[..., Any] = field(repr=False, compare=False)

    def holds(self, names: Mapping[str, object]) -> bool:
        """The answer. Raises ConditionError when it stumbles over an empty value or a missing name."""
        try:
            return bool(self._ask(**names))
        except UndefinedError:
            raise ConditionError(f"`{self.source}` asks for something that does not exist here") from None
        except Exception as error:  # an expression can raise anything
            reason = "a value that is empty here; test for it first, as in `x and x > 1`"
            reason = (
                reason if isinstance(error, TypeError) else f"something that failed ({type(error).__name__})"
            )
            raise ConditionError(f"`{self.source}` uses {reason}") from None


def compile_condition(
    source: str,
    *,
    facts: Mapping[str, Any] | None = None,
    steps: Iterable[str] = (),
    names: type = Context,
    choices: Mapping[str, Iterable[str]] | None = None,
) -> Condition:
    """Reads a condition. Raises ConditionError at unknown names, attributes and choices.

    `names` and `choices` as for `unknown_names`.
    """
    if not source.strip():
        raise ConditionError("the condition is empty; leave it out instead")
    try:
        ask = _environment.compile_expression(source, undefined_to_none=False)
        tree = _environment.parse("{{ (" + source + "\n) }}")
    except TemplateSyntaxError as error:
        raise ConditionError(f"`{source}` cannot be read: {error.message}") from None
    if unknown := unknown_names(tree, facts=facts, steps=steps, names=names, choices=choices):
        raise ConditionError(f"`{source}`: {unknown[0][1]}")
    return Condition(source, ask)
