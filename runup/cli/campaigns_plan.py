"""`runup campaigns plan`."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from runup.application import Application
from runup.cli.opening import opened
from runup.cli.plan_words import effect_row, effects_as_json, sampled, say_difference, say_plan
from runup.cli.proposing import Offer, offer, weighed
from runup.cli.shelf import stored_key
from runup.cli.terminal import print_json, say

Key = Annotated[str, Parameter(name="CAMPAIGN", help="Its key; the one of the settings if left out.")]


def plan(campaign: Key = "", /, *, to: int | None = None, diff: bool = False, json: bool = False) -> None:
    """Say what applying the files would do to the people on the campaign, before it does it.

    Changes nothing. The files must pass the check; everybody is planned by the version in force and by the
    new one. The last line is the plan's name, for `apply --plan`.

    Parameters
    ----------
    to
        Plan going back to this version instead (see `rollback`).
    diff
        Also show what changes in the files, line by line.
    json
        Print JSON: campaign, base, version, plan, the counts, steps, and people_affected: all of them, with
        each email before and after.
    """
    with opened() as application:
        key = stored_key(application, campaign)
        found = offer(application, key, to=to)
        if found is None:
            print_json({"campaign": key, "plan": None}) if json else say(nothing_to_do(key, to))
        elif json:
            _print_all(application, found)
        else:
            impact, name = weighed(application, found)
            if diff:
                say_difference(found.before, found.files)
            say_plan(found, impact, sampled(application, impact))
            flag = f" --to {to}" if to is not None else ""
            say("", f"Plan: {name}", f"Do it:  runup campaigns {_verb(to)} {key}{flag} --plan {name}")


def nothing_to_do(key: str, to: int | None) -> str:
    """Why there is nothing to plan."""
    if to is not None:
        return f"Version {to} has the very files that are in force."
    return f"The files of {key} are those in force; there is nothing to apply."


def _verb(to: int | None) -> str:
    return "apply" if to is None else "rollback"


def _print_all(application: Application, found: Offer) -> None:
    """Person by person as they are worked out: there may be a hundred thousand of them."""
    with effects_as_json(found) as stream:
        impact, name = weighed(
            application,
            found,
            told=lambda effect: stream.tell(effect_row(effect)) if effect.changes else None,
        )
        stream.end(impact, name)
