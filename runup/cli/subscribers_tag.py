"""`runup subscribers tag` and `untag`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Annotated

from cyclopts import Parameter
from sqlalchemy import select
from sqlalchemy.orm import Session

from runup.application import Application
from runup.cli.errors import BadInput
from runup.cli.opening import opened
from runup.cli.terminal import agreed, print_json, progress, say
from runup.cli.whom import Whom, numbers_of
from scheduler import reconcile
from subscribers import InvalidTag, Subscriber, parse_tags
from subscribers import tag as tag_person
from subscribers import untag as untag_person
from subscribers.searching import Search, count_found

_NOBODY = Whom()
_AT_ONCE = 50
"""People per transaction: their plans are made anew in it, and the site's writes hardly wait."""
_Tags = Annotated[tuple[str, ...], Parameter(name="TAGS", help="One or more words.", consume_multiple=True)]
_Who = Annotated[
    list[str] | None, Parameter(consume_multiple=False, help="An address or a number; may be repeated.")
]
_Act = Callable[[Session, Subscriber, Iterable[str]], int]


def tag(
    tags: _Tags,
    /,
    whom: Whom = _NOBODY,
    *,
    who: _Who = None,
    dry_run: bool = False,
    yes: bool = False,
    json: bool = False,
) -> None:
    """Tie words to people, to find them by and to ask for in conditions (`'vip' in subscriber.tags`).

    Parameters
    ----------
    dry_run
        Only say how many people it would be.
    yes
        Do not ask, however many they are.
    json
        Print JSON: people, changed.
    """
    _change(tags, whom, who, tag_person, "Tag", dry_run=dry_run, yes=yes, json=json)


def untag(
    tags: _Tags,
    /,
    whom: Whom = _NOBODY,
    *,
    who: _Who = None,
    dry_run: bool = False,
    yes: bool = False,
    json: bool = False,
) -> None:
    """Take words away from people.

    Parameters
    ----------
    dry_run
        Only say how many people it would be.
    yes
        Do not ask, however many they are.
    json
        Print JSON: people, changed.
    """
    _change(tags, whom, who, untag_person, "Untag", dry_run=dry_run, yes=yes, json=json)


def _change(
    tags: tuple[str, ...],
    whom: Whom,
    who: list[str] | None,
    act: _Act,
    word: str,
    *,
    dry_run: bool,
    yes: bool,
    json: bool,
) -> None:
    try:
        words = parse_tags(" ".join(tags))
    except InvalidTag as error:
        raise BadInput(str(error)) from None
    if not words or not (who or whom.is_said):
        raise BadInput("say which tags, and whom: --who ADDRESS, or --tagged, --list, --zone, --state …")
    with opened() as application:
        with application.database.read() as session:
            wanted = whom.search(application, people=numbers_of(session, application, who))
            people = count_found(session, wanted)
        if dry_run:
            _tell(f"Would {word.lower()} {people} people. Nothing has changed.", people, 0, as_json=json)
            return
        if people > 1 and not agreed(f"{word} {people} people: {' '.join(words)}?", yes=yes):
            raise BadInput("nothing was changed; say --yes to change many people without being asked")
        changed = _change_all(application, wanted, words, act, total=people)
    _tell(f"{people} people; new for {changed}.", people, changed, as_json=json)


def _change_all(
    application: Application, wanted: Search, words: tuple[str, ...], act: _Act, *, total: int
) -> int:
    changed, last = 0, 0
    page = select(Subscriber).where(*wanted.conditions()).order_by(Subscriber.id).limit(_AT_ONCE)
    with progress("Tagging", total, unit="people") as advance:
        while True:
            with application.database.write() as session:
                people = session.scalars(page.where(Subscriber.id > last)).all()
                for person in people:
                    if act(session, person, words):
                        changed += 1
                        reconcile(session, person.id, catalog=application.catalog, now=application.clock())
            if not people:
                return changed
            last = people[-1].id
            advance(len(people))


def _tell(words: str, people: int, changed: int, *, as_json: bool) -> None:
    if as_json:
        print_json({"people": people, "changed": changed})
    else:
        say(words)
