"""`runup subscribers doubles` and `runup subscribers merge`."""

from __future__ import annotations

from typing import Annotated, Any

from cyclopts import Parameter

from runup.application import Application
from runup.cli.errors import BadInput
from runup.cli.opening import opened
from runup.cli.people import find_person
from runup.cli.terminal import agreed, say, show, show_facts
from scheduler.merging import MergedSends, merge_people
from subscribers import masked
from subscribers.doubles import find_doubles
from subscribers.merging import CannotMerge

_DOUBLES = {"keep": "Keep", "keep_email": "Address", "give_up": "Give up", "give_up_email": "Address",
            "why": "Why"}  # fmt: skip
_MERGED = {
    "keep": "Kept",
    "give_up": "Given up",
    "interviews": "Interviews",
    "doubles": "Of these doubles",
    "consents": "Consents",
    "lists": "Places on lists",
    "tags": "Tags",
    "sends": "Emails handed over",
    "withdrawn": "Emails withdrawn",
    "suppressions": "No more written to",
}
_Who = Annotated[str, Parameter(help="An address, or the number that `list` shows.")]


def doubles(*, limit: int = 50, addresses: bool = False, json: bool = False) -> None:
    """People who may be one: two spellings of one mailbox, or the same name with the same interview.

    Parameters
    ----------
    limit
        How many pairs at most; 0 for all.
    addresses
        Show whole addresses; without it a…@example.com.
    json
        Print JSON: keep, keep_email, give_up, give_up_email (shortened unless --addresses), why.
    """
    if limit < 0:
        raise BadInput("--limit: must be 0 or more")
    with opened() as application, application.database.read() as session:
        rows = [
            {
                "keep": pair.keep.id,
                "keep_email": pair.keep.address if addresses else masked(pair.keep.address),
                "give_up": pair.give_up.id,
                "give_up_email": pair.give_up.address if addresses else masked(pair.give_up.address),
                "why": pair.why,
            }
            for pair in find_doubles(session, most=limit)
        ]
    show(rows, _DOUBLES, as_json=json, empty="Nobody seems to be there twice.")


def merge(
    keep: _Who, give_up: _Who, /, *, dry_run: bool = False, yes: bool = False, json: bool = False
) -> None:
    """Make two people one: KEEP gets the interviews, lists, consents and history of GIVE_UP.

    What forbids writing to either holds for both; what was sent to the one is not sent to the other. Old
    links of GIVE_UP lead to KEEP. It cannot be undone.

    Parameters
    ----------
    dry_run
        Only say what would happen.
    yes
        Do not ask.
    json
        Print JSON: keep, give_up, interviews, doubles, consents, lists, tags, sends, withdrawn, suppressions.
    """
    with opened() as application:
        with application.database.read() as session:
            pair = [find_person(session, application, who) for who in (keep, give_up)]
            numbers = [person.id for person in pair]
        facts = _merge(application, numbers, is_dry_run=True)
        words = f"number {numbers[1]} into number {numbers[0]}"
        if not dry_run:
            if not agreed(f"Merge {words}? This cannot be undone.", yes=yes):
                raise BadInput("nothing was merged; --dry-run only looks, and --yes does not ask")
            facts = _merge(application, numbers, is_dry_run=False)
    show_facts(facts, _MERGED, as_json=json)
    if not json:
        say(f"Would merge {words}. Nothing has changed." if dry_run else f"Merged {words}.")


def _merge(application: Application, numbers: list[int], *, is_dry_run: bool) -> dict[str, Any]:
    with application.database.write() as session:
        trial = session.begin_nested()
        keep, give_up = (find_person(session, application, str(number)) for number in numbers)
        try:
            done = merge_people(session, keep, give_up, catalog=application.catalog, now=application.clock())
        except CannotMerge as error:
            raise BadInput(str(error)) from None
        facts = _facts(numbers, done)
        if is_dry_run:
            trial.rollback()
        return facts


def _facts(numbers: list[int], done: MergedSends) -> dict[str, Any]:
    return {
        "keep": numbers[0],
        "give_up": numbers[1],
        "interviews": done.facts.interviews,
        "doubles": len(done.facts.doubles),
        "consents": done.facts.consents,
        "lists": len(done.facts.moved_places) + done.facts.joined_places,
        "tags": done.facts.tags,
        "sends": done.moved,
        "withdrawn": done.withdrawn,
        "suppressions": done.facts.suppressions,
    }
