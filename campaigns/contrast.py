"""Is every word of a finished email readable on what lies under it, on light screens and on dark ones?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from campaigns.colors import READABLE, contrast
from campaigns.markup import MarkupReader
from campaigns.style_sheet import Element, Rule, parse_declarations, parse_style

READABLE_LARGE = 3.0
"""WCAG 2.2 AA for text of 24 px, or 18.66 px in bold."""
_VOID = frozenset(["area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"])
_NAMED = {"white": "#ffffff", "black": "#000000"}
_BOLD = frozenset(["b", "strong", "h1", "h2", "h3", "h4", "h5", "h6", "th"])
_HEX = re.compile(r"#([0-9a-f]{6}|[0-9a-f]{3})", re.I)
_RGB = re.compile(r"rgb\(\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)\s*\)", re.I)
_SIZE = re.compile(r"([\d.]+)(px|em|rem|%)")
_NOT_WORDS = re.compile(r"[\W_]+", re.UNICODE)


@dataclass(frozen=True)
class Faint:
    """Words that are hard to read."""

    words: str
    color: str
    ground: str
    ratio: float
    needed: float
    scheme: str
    """light | dark"""


def faint_words(html: str) -> Iterator[Faint]:
    """Every run of words with too little contrast, where it can be decided: colors that a style names."""
    reader = _Reader()
    reader.read(html)
    fitting = _Fitting([rule for sheet in reader.sheets for rule in parse_style(sheet)])
    told: set[tuple[str, str, str]] = set()
    for scheme in ("light", "dark"):
        screen = _Screen(fitting, is_dark=scheme == "dark")
        for element, words in reader.texts:
            found = _judge(screen.look(element), words, scheme)
            if found and (found.words, found.color, found.ground) not in told:
                told.add((found.words, found.color, found.ground))
                yield found


@dataclass(frozen=True)
class _Look:
    """How the words directly in an element look; None where it cannot be decided."""

    color: str | None = "#000000"
    ground: str | None = "#ffffff"
    size: float = 16
    is_bold: bool = False
    is_hidden: bool = False


def _judge(look: _Look, words: str, scheme: str) -> Faint | None:
    if look.is_hidden or look.color is None or look.ground is None:
        return None
    is_large = look.size >= 24 or (look.is_bold and look.size >= 18.66)
    needed = READABLE_LARGE if is_large else READABLE
    ratio = contrast(look.color, look.ground)
    if ratio >= needed:
        return None
    return Faint(words, look.color, look.ground, ratio, needed, scheme)


class _Fitting:
    """The rules that reach each element of one email, on whatever screen."""

    def __init__(self, rules: list[Rule]) -> None:
        # By what the last part of the selector asks for, so that an element looks at few rules.
        self._rules: dict[str, list[Rule]] = {}
        for rule in rules:
            last = rule.selector[-1]
            self._rules.setdefault(last.names[0] if last.names else last.tag or "*", []).append(rule)
        self._found: dict[int, list[Rule]] = {}

    def of(self, element: Element) -> list[Rule]:
        if id(element) not in self._found:
            classes = (f".{name}" for name in element.classes)
            hooks = ("*", element.tag, *classes, f"#{element.attributes.get('id')}")
            asked = (rule for hook in hooks for rule in self._rules.get(hook, ()))
            self._found[id(element)] = [rule for rule in asked if rule.fits(element)]
        return self._found[id(element)]


class _Screen:
    """The looks of elements on one screen."""

    def __init__(self, fitting: _Fitting, *, is_dark: bool) -> None:
        self._fitting = fitting
        self._is_dark = is_dark
        self._looks: dict[int, _Look] = {}

    def look(self, element: Element) -> _Look:
        if id(element) not in self._looks:
            around = self.look(element.parent) if element.parent else _Look()
            self._looks[id(element)] = self._dress(element, around)
        return self._looks[id(element)]

    def _dress(self, element: Element, around: _Look) -> _Look:
        values = self._cascade(element)
        look = replace(around, is_bold=around.is_bold or element.tag in _BOLD)
        if "color" in values:
            look = replace(look, color=_color(values["color"], around.color))
        elif element.tag == "a":  # every mail client has a blue of its own
            look = replace(look, color=None)
        if "background-color" in values:
            look = replace(look, ground=_color(values["background-color"], around.ground))
        if size := _SIZE.fullmatch(values.get("font-size", "")):
            number, unit = float(size[1]), size[2]
            look = replace(
                look,
                size={"px": number, "em": number * around.size, "rem": number * 16}.get(
                    unit, number / 100 * around.size
                ),
            )
        if weight := values.get("font-weight"):
            look = replace(look, is_bold=weight == "bold" or (weight.isdigit() and int(weight) >= 700))
        return replace(look, is_hidden=around.is_hidden or values.get("display") == "none")

    def _cascade(self, element: Element) -> dict[str, str]:
        """Each property's winning value; `background` counts as the color in it."""
        declared: list[tuple[tuple[object, ...], str, str]] = []
        for rule in self._fitting.of(element):
            if self._is_dark or not rule.is_dark:
                for name, (value, is_important) in rule.declarations.items():
                    declared.append(((is_important, False, rule.specificity, rule.order), name, value))
        if ground := element.attributes.get("bgcolor"):
            declared.append(((False, False, (0, 0, 0), 0), "background-color", ground))
        for order, (name, (value, is_important)) in enumerate(
            parse_declarations(element.attributes.get("style", "")).items()
        ):
            declared.append(((is_important, True, (0, 0, 0), order), name, value))
        won: dict[str, str] = {}
        for _, name, value in sorted(declared, key=lambda one: one[0]):
            won["background-color" if name == "background" else name] = value
        return won


def _color(value: str, around: str | None) -> str | None:
    """`#rrggbb`; what lies around where nothing is painted; None for pictures, gradients and transparency."""
    value = value.lower()
    if value in ("inherit", "transparent", "none", "currentcolor"):
        return around
    if "url(" in value or "gradient" in value:
        return None
    if found := _HEX.search(value):
        digits = found[1]
        return f"#{digits}" if len(digits) == 6 else "#" + "".join(digit * 2 for digit in digits)
    if found := _RGB.search(value):
        return "#" + "".join(f"{min(int(part), 255):02x}" for part in found.groups())
    return next((_NAMED[word] for word in value.split() if word in _NAMED), None)


class _Reader(MarkupReader):
    """The elements of an email, its style sheets, and each run of words with the element it stands in."""

    def __init__(self) -> None:
        self.sheets: list[str] = []
        self.texts: list[tuple[Element, str]] = []
        self._open: list[Element] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        parent = self._open[-1] if self._open else None
        element = Element(tag, {name: value or "" for name, value in attrs}, parent)
        if parent:
            parent.children.append(element)
        if tag not in _VOID:
            self._open.append(element)

    def handle_endtag(self, tag: str) -> None:
        if any(element.tag == tag for element in self._open):
            while self._open.pop().tag != tag:
                pass

    def handle_data(self, data: str) -> None:
        if not self._open:
            return
        if self._open[-1].tag == "style":
            self.sheets.append(data)
        elif self._open[-1].tag != "title" and _NOT_WORDS.sub("", data):
            self.texts.append((self._open[-1], " ".join(data.split())))
