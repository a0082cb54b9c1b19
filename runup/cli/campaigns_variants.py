"""`runup campaigns variants` and `runup campaigns decide`."""

from __future__ import annotations

import getpass
from collections.abc import Iterable
from typing import Annotated, Any

from cyclopts import Parameter
from sqlalchemy.orm import Session

from campaigns.applied_catalog import applied
from campaigns.trial import Trial
from campaigns.variants import DecideBy
from runup.application import Application
from runup.cli.errors import BadInput
from runup.cli.opening import opened
from runup.cli.shelf import stored_key
from runup.cli.terminal import agreed, print_json, say, show
from runup.reports.trials import TrialReport, plain_trial, told, trial_reports, verdict
from runup.reports.wording import share
from runup.workspace import nearest
from scheduler.transaction import transact
from scheduler.trial_counts import note_answers
from scheduler.trials import TrialError, trials_in_force
from scheduler.trials import decide as end_trial

Key = Annotated[str, Parameter(name="CAMPAIGN", help="Its key; the one of the settings if left out.")]
COLUMNS = {
    "step": "Step", "variant": "Variant", "share": "Share", "people": "People", "delivered": "Delivered",
    "answered": "Answered", "rate": "Rate", "interval": "95 % of rates",
}  # fmt: skip


def variants(campaign: Key = "", step: str = "", /, *, json: bool = False) -> None:
    """How the variants of a campaign's emails fare: people, answers, honest intervals, and what is decided.

    Looking early decides nothing: the rule has one look, at the sample it states.

    Parameters
    ----------
    step
        Only this step.
    json
        Print JSON: campaign, step, by, rule, began_at, judged_at, winner, better, decided_at, decided_by,
        verdict, needs, variants (key, share, people, delivered, answered, rate, low, high) and differences
        (variant, against, low, high).
    """
    with opened() as application:
        key = stored_key(application, campaign)
        _require_step(application, key, step)
        _note(application, key)
        with application.database.read() as session:
            found = list(trial_reports(session, application.catalog, campaign=key, step=step))
    if json:
        print_json([plain_trial(one) for one in found])
        return
    show(trial_rows(found), COLUMNS, as_json=False, empty=f"No email of {key} has variants.")
    for one in found:
        say("", *trial_words(one))


def decide(
    campaign: str, step: str, variant: str, /, *, by: str = "", yes: bool = False, json: bool = False
) -> None:
    """Let one variant have everybody who comes after, whatever the rule says or would say.

    What has left is not sent again. It is kept who decided, when, and by which counts; deciding again for
    another variant is possible.

    Parameters
    ----------
    campaign
        The campaign's key.
    step
        The email.
    variant
        Which variant wins.
    by
        Who decides; the name of your login if left out.
    yes
        Do not ask.
    json
        Print JSON: what `variants` prints of it.
    """
    with opened() as application:
        key = stored_key(application, campaign)
        trial_id, rule = _trial(application, key, step)
        if not agreed(f"From now on everybody gets {variant} of {key}/{step}?", yes=yes):
            raise BadInput("nothing was changed; say --yes where nobody can be asked")
        try:
            transact(
                application.database,
                lambda session: end_trial(
                    session, trial_id, rule, variant, by=by or login(), now=application.clock()
                ),
            )
        except TrialError as error:
            raise BadInput(f"{error}{_hint(application, key, step, variant)}") from None
        with application.database.read() as session:
            (found,) = trial_reports(session, application.catalog, campaign=key, step=step)
    print_json(plain_trial(found)) if json else say(verdict(found))


def _trial(application: Application, key: str, step: str) -> tuple[int, DecideBy]:
    _require_step(application, key, step)
    with application.database.read() as session:
        for trial, rule in trials_in_force(session, application.catalog):
            if (trial.campaign, trial.step) == (key, step):
                return trial.id, rule
    raise BadInput(f"{key}/{step} has no variants in the version in force; see `runup campaigns plan {key}`")


def _require_step(application: Application, key: str, step: str) -> None:
    with application.database.read() as session:
        known = [one.key for one in applied(session, application.catalog).sequence(key).steps]
    if step and step not in known:
        there = nearest(step, known) or "; there is: " + ", ".join(known)
        raise BadInput(f"{key} has no step {step!r}{there}")


def _hint(application: Application, key: str, step: str, variant: str) -> str:
    with application.database.read() as session:
        keys = [one.key for one in applied(session, application.catalog).sequence(key).step(step).variants]
    return nearest(variant, keys) if variant not in keys else ""


def _note(application: Application, key: str) -> None:
    """What workers do every five minutes as well."""

    def act(session: Session) -> None:
        for trial, rule in _open(session, application, key):
            note_answers(session, trial, rule, now=application.clock())

    transact(application.database, act)


def _open(session: Session, application: Application, key: str) -> Iterable[tuple[Trial, DecideBy]]:
    found = trials_in_force(session, application.catalog)
    return [(trial, rule) for trial, rule in found if trial.campaign == key and trial.judged_at is None]


def trial_rows(found: Iterable[TrialReport]) -> list[dict[str, Any]]:
    """A line per variant."""
    return [
        {
            "step": one.step,
            "variant": f"{line.key} ✓" if line.key == one.winner else line.key,
            "share": f"{line.share} %",
            "people": f"{line.count.people:,}",
            "delivered": f"{line.count.delivered:,}",
            "answered": f"{line.count.answered:,}",
            "rate": share(line.count.answered, line.count.people),
            "interval": f"{100 * line.low:.1f} to {100 * line.high:.1f}"
            if line.low is not None and line.high is not None
            else "-",
        }
        for one in found
        for line in one.lines
    ]


def trial_words(one: TrialReport) -> list[str]:
    """What decides, what the counts say, and what is decided."""
    asked = "so far; looking decides nothing" if one.decided_at is None else "all together at 95 %"
    compared = [f"  {told(gap)}" for gap in one.gaps] if all(line.count.people for line in one.lines) else []
    head = f"{one.name} is decided by {one.rule.words} (since {one.began_at:%Y-%m-%d})."
    return [head, *([f"{asked.capitalize()}:", *compared] if compared else []), verdict(one)]


def login() -> str:
    """Who decides, where nobody says."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "somebody"  # a container's user need not have a name
