"""The names a template sees, free of characters that must not reach an inbox."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from campaigns.context import Context
from campaigns.variants import step_of

# C0 and C1 controls (line ends too: no value of ours has lines), overrides of the writing direction,
# halves of a surrogate pair, which cannot be encoded at all.
_UNWANTED = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufffe\uffff]+"
)
_TEXT_FIELDS: dict[type, tuple[str, ...]] = {}
Value = TypeVar("Value")


def names_of(context: Context, facts: Mapping[str, Any], step: str) -> dict[str, Any]:
    """What stands at the top level of a template, a subject and a `when` expression."""
    return {
        "subscriber": clean(context.subscriber),
        "interview": clean(context.interview),
        "links": clean(context.links),
        "brand": clean(context.brand),
        "plan": tuple(clean(entry) for entry in context.plan),
        "merged": context.merged,
        "is_rush": context.is_rush,
        "locale": context.locale,
        "facts": facts,
        "step": step_of(step),
    }


def clean(value: Value) -> Value:
    """The same value, or a copy without control characters where a text in it holds some."""
    assert is_dataclass(value)
    assert not isinstance(value, type)
    dirty = [name for name in _text_fields(type(value)) if _UNWANTED.search(getattr(value, name))]
    if not dirty:
        return value
    return replace(value, **{name: clean_text(getattr(value, name)) for name in dirty})


def clean_text(text: str) -> str:
    """One line, without control characters."""
    return " ".join(_UNWANTED.sub(" ", text).split())


def _text_fields(kind: type) -> tuple[str, ...]:
    if kind not in _TEXT_FIELDS:
        _TEXT_FIELDS[kind] = tuple(field.name for field in fields(kind) if field.type in ("str", str))
    return _TEXT_FIELDS[kind]
