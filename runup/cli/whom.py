"""The options by which an operator says whom they mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from cyclopts import Parameter
from sqlalchemy.orm import Session

from runup.application import Application
from runup.cli.errors import BadInput
from runup.cli.people import find_person, read_day
from runup.lists_file import read_lists
from runup.workspace import nearest
from subscribers import parse_tag, zone_names
from subscribers.searching import Search, Standing

_Repeated = Annotated[list[str] | None, Parameter(consume_multiple=False)]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Whom:
    """All that is said must hold."""

    tagged: _Repeated = None
    """With this tag; may be repeated, then with each."""
    list: str = ""
    """Reads this newsletter, by its key."""
    zone: str = ""
    """Lives there: Europe/Berlin, or Europe/ for all of Europe."""
    interview_from: str = ""
    """Has an interview on that day or later, like 2026-12-04."""
    interview_to: str = ""
    """Has an interview on that day or earlier."""
    state: Standing | None = None
    """How they stand: confirmed and unconfirmed may be written to."""

    def search(self, application: Application, *, text: str = "", people: tuple[int, ...] = ()) -> Search:
        """The question for the database. Raises BadInput naming the option that makes no sense."""
        lists = [each.key for each in read_lists(application.settings.home)]
        if self.list and self.list not in lists:
            raise BadInput(f"--list: there is no list {self.list[:60]!r}{nearest(self.list, lists)}")
        if self.zone and not (self.zone in zone_names() or _is_part(self.zone)):
            raise BadInput(f"--zone: {self.zone[:60]!r} is no zone{nearest(self.zone, zone_names())}")
        return Search(
            text=text.strip(),
            people=people,
            tags=tuple(parse_tag(tag) for tag in self.tagged or ()),
            list_key=self.list,
            zone=self.zone,
            interview_from=read_day(self.interview_from, "--interview-from") if self.interview_from else None,
            interview_to=read_day(self.interview_to, "--interview-to") if self.interview_to else None,
            standing=self.state,
        )

    @property
    def is_said(self) -> bool:
        return self != Whom()


def numbers_of(session: Session, application: Application, who: list[str] | None) -> tuple[int, ...]:
    """The numbers of these people, each an address or a number."""
    return tuple(find_person(session, application, each).id for each in who or ())


def _is_part(zone: str) -> bool:
    return zone.endswith("/") and any(name.startswith(zone) for name in zone_names())
