"""Who of a list's readers gets an issue: a filter in the language of the timetable's conditions."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from types import MappingProxyType
from typing import Any

from jinja2 import nodes

from campaigns.context import Appointment
from campaigns.expressions import Condition, ConditionError, compile_condition
from campaigns.sandbox import runtime_environment

_QUOTED = re.compile(r"`([^`]+)`|('[^']*'|\"[^\"]*\")")


class AudienceError(ValueError):
    """A filter that cannot be used. `column` counts from 1; 0 when the whole of it is meant."""

    def __init__(self, message: str, column: int = 0) -> None:
        super().__init__(f"column {column}: {message}" if column else message)
        self.column = column


@dataclass(frozen=True, kw_only=True)
class Listener:
    """`subscriber` in a filter."""

    first_name: str = ""
    home_zone: str = "UTC"
    locale: str = "en"
    """As they told it, `de_AT`; `language` is its beginning."""
    language: str = "en"
    tags: tuple[str, ...] = ()
    days_known: int = 0
    """Whole days since they confirmed their address."""


@dataclass(frozen=True, kw_only=True)
class AudienceFacts:
    """Everything that a filter may ask of one reader."""

    subscriber: Listener
    lists: tuple[str, ...] = ()
    """The keys of all lists they are on."""
    days_on_list: int = 0
    """Whole days since they joined the list that the issue goes to."""
    interview: Appointment | None = None
    """The next that is still to come, or else the latest that was; None without any. Canceled ones and those
    nobody confirmed do not count."""
    interviews: tuple[Appointment, ...] = ()
    """All of them, by day."""
    has_upcoming: bool = False
    """`interview` is still to come."""

    def names(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


@dataclass(frozen=True)
class Audience:
    """A filter that has been read. An empty one admits everybody."""

    source: str
    asks_for: frozenset[str] = frozenset()
    """The names it uses, of those in AudienceFacts: whoever reads the facts may leave out the others."""
    _condition: Condition | None = field(default=None, repr=False, compare=False)

    @classmethod
    def parse(cls, source: str, *, lists: Iterable[str] = ()) -> Audience:
        """Raises AudienceError with the column of the fault and the nearest name, and for a filter that could
        not be answered for somebody, such as one without an interview. `lists` are the keys that there are.
        """
        if not source.strip():
            return cls("")
        if "\n" in source:
            raise AudienceError("write the filter on one line")
        try:
            condition = compile_condition(source, names=AudienceFacts, choices={"lists": lists})
        except ConditionError as error:
            message = str(error).removeprefix(f"`{source}`").lstrip(": ")
            raise AudienceError(message, _column(source, message)) from None
        audience = cls(source, _names_in(source), condition)
        audience._try()
        return audience

    @property
    def is_everybody(self) -> bool:
        return self._condition is None

    def admits(self, facts: AudienceFacts) -> bool:
        """Whether the issue is for this reader. Raises ConditionError where their facts give no answer:
        that is never a no."""
        return self._condition is None or self._condition.holds(facts.names())

    def answer(self, facts: AudienceFacts) -> bool | None:
        """The same; None where there is no answer."""
        try:
            return self.admits(facts)
        except ConditionError:
            return None

    def _try(self) -> None:
        for who, facts in _SAMPLES.items():
            try:
                self.admits(facts)
            except ConditionError as error:
                reason = str(error).removeprefix(f"`{self.source}` ")
                needs_interview = not facts.interviews and "interview" in self.asks_for
                hint = "; they have no interview, so begin with `interview and …`" if needs_interview else ""
                raise AudienceError(f"for somebody {who} this {reason}{hint}") from None


_SAMPLES = MappingProxyType({
    "with nothing told": AudienceFacts(subscriber=Listener()),
    "with an interview to come": AudienceFacts(
        subscriber=Listener(first_name="Ana", tags=("vip",), days_known=9),
        lists=("newsletter",),
        interview=(_COMING := Appointment(day=date(2026, 12, 4), days_left=3)),
        interviews=(_COMING,),
        has_upcoming=True,
    ),
    "whose interview is over": AudienceFacts(
        subscriber=Listener(),
        interview=(_OVER := replace(_COMING, days_left=-3, is_past=True, outcome="offer")),
        interviews=(_OVER,),
    ),
})  # fmt: skip


def _names_in(source: str) -> frozenset[str]:
    tree = runtime_environment(escape=False).parse("{{ (" + source + "\n) }}")
    known = {node.name for node in tree.find_all(nodes.Name)} & set(asdict(_SAMPLES["with nothing told"]))
    of_subscriber = {node.attr for node in tree.find_all(nodes.Getattr)} & {"tags"}
    return frozenset(known | of_subscriber)


def _column(source: str, message: str) -> int:
    """Where the word stands that the message is about: the last one it quotes before its advice."""
    told = [found[1] or found[2] for found in _QUOTED.finditer(message.split(";")[0])]
    for word in reversed(told):
        if found := re.search(rf"(?<![\w]){re.escape(word)}(?![\w])", source):
            return found.start() + 1
    return 0
