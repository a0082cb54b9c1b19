"""As much of CSS as our emails use: which declarations reach an element, on a light screen or a dark one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

_COMMENT = re.compile(r"/\*.*?\*/", re.S)
_IMPORTANT = re.compile(r"\s*!\s*important\s*$", re.I)
_COMPOUND = re.compile(r"^([a-z][a-z0-9-]*|\*)?((?:[.#][\w-]+)*)(:last-child|:first-child)?$", re.I)
Declarations = Mapping[str, tuple[str, bool]]
"""By property: the value, and whether it is important."""


@dataclass
class Element:
    """An element of a finished email; `children` are elements only."""

    tag: str
    attributes: Mapping[str, str]
    parent: Element | None = field(default=None, repr=False)
    children: list[Element] = field(default_factory=list, repr=False)

    @cached_property
    def classes(self) -> set[str]:
        return set(self.attributes.get("class", "").split())


@dataclass(frozen=True)
class Compound:
    """`td.card`, with how it hangs on what stands before it: " " or ">"."""

    combinator: str
    tag: str
    names: tuple[str, ...]
    pseudo: str

    def fits(self, element: Element) -> bool:
        if self.tag not in ("", "*", element.tag):
            return False
        if self.pseudo:
            siblings = element.parent.children if element.parent else [element]
            if siblings[0 if self.pseudo == ":first-child" else -1] is not element:
                return False
        return all(
            name[1:] in element.classes if name[0] == "." else element.attributes.get("id") == name[1:]
            for name in self.names
        )


@dataclass(frozen=True)
class Rule:
    selector: tuple[Compound, ...]
    declarations: Declarations
    is_dark: bool
    order: int

    @cached_property
    def specificity(self) -> tuple[int, int, int]:
        names = [name for part in self.selector for name in part.names]
        pseudos = sum(bool(part.pseudo) for part in self.selector)
        tags = sum(part.tag not in ("", "*") for part in self.selector)
        return sum(n[0] == "#" for n in names), sum(n[0] == "." for n in names) + pseudos, tags

    def fits(self, element: Element) -> bool:
        return _fits(self.selector, element)


def _fits(selector: tuple[Compound, ...], element: Element) -> bool:
    *before, last = selector
    if not last.fits(element):
        return False
    if not before:
        return True
    parent = element.parent
    while parent is not None:
        if _fits(tuple(before), parent):
            return True
        parent = None if last.combinator == ">" else parent.parent
    return False


@lru_cache(maxsize=64)  # the emails of a campaign share nearly all of theirs
def parse_style(css: str) -> tuple[Rule, ...]:
    """The rules of a style sheet that hold for every width; those of a dark screen are marked.

    Left out: rules for narrow screens and for one mail client, and selectors we cannot judge.
    """
    return tuple(_rules(_COMMENT.sub("", css)))


def _rules(css: str) -> Iterator[Rule]:
    order = 0
    for head, block in _blocks(css):
        if head.startswith("@"):
            if head.startswith("@media") and "prefers-color-scheme" in head and "dark" in head:
                inner = [(one, other, True) for one, other in _blocks(block)]
            else:
                continue
        else:
            inner = [(head, block, False)]
        for selectors, body, is_dark in inner:
            for one in selectors.split(","):
                order += 1
                if selector := _selector(one.strip()):
                    yield Rule(selector, parse_declarations(body), is_dark, order)


def _blocks(css: str) -> Iterator[tuple[str, str]]:
    """What stands before each `{` of the outermost level, and what stands inside."""
    position = 0
    while (opened := css.find("{", position)) >= 0:
        depth, end = 1, opened + 1
        while depth and end < len(css):
            depth += {"{": 1, "}": -1}.get(css[end], 0)
            end += 1
        yield css[position:opened].rpartition(";")[2].strip(), css[opened + 1 : end - 1]
        position = end


def _selector(text: str) -> tuple[Compound, ...]:
    parts: list[Compound] = []
    combinator = " "
    for word in text.replace(">", " > ").split():
        if word == ">":
            combinator = ">"
            continue
        found = _COMPOUND.match(word)
        if not found:
            return ()
        names = tuple(re.findall(r"[.#][\w-]+", found[2]))
        parts.append(Compound(combinator, (found[1] or "").lower(), names, (found[3] or "").lower()))
        combinator = " "
    return tuple(parts)


@lru_cache(maxsize=2048)
def parse_declarations(text: str) -> Declarations:
    declared: dict[str, tuple[str, bool]] = {}
    for one in text.split(";"):
        name, colon, value = one.partition(":")
        if colon:
            is_important = bool(_IMPORTANT.search(value))
            declared[name.strip().lower()] = _IMPORTANT.sub("", value).strip(), is_important
    return declared
