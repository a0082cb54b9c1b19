"""How a plan reads: for people on a page, for programs person by person."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from difflib import unified_diff
from typing import Any

from sqlalchemy import select

from campaigns.describing import describe
from campaigns.reasons import PLAIN_WORDS
from campaigns.sequence import Sequence as Timetable
from campaigns.sequence import Step
from campaigns.source_files import CampaignFiles
from campaigns.variants import shares
from runup.application import Application
from runup.cli.proposing import Offer
from runup.cli.terminal import console, say, show
from scheduler.agreed_plan import AgreedPlan
from scheduler.impact import Change, Effect, Impact, Kind
from subscribers import Subscriber, masked
from subscribers.wall_time import local

_STEPS = {"step": "Step", "moved": "Moved", "added": "Added", "withdrawn": "Withdrawn",
          "reworded": "Reworded", "passed": "Past it"}  # fmt: skip
_SAMPLE = {
    "who": "Who",
    "step": "Step",
    "what": "What",
    "before": "Before (theirs)",
    "after": "After (theirs)",
}


def say_plan(of: Offer, impact: Impact, sample: Sequence[dict[str, Any]]) -> None:
    """From which version to what, the files, the timetable, the sums, and some people."""
    target = f"version {of.copy_of}" if of.copy_of else "the files"
    say(f"{of.ends.campaign}: from version {of.ends.base} ({of.ends.base_version}) to {target} "
        f"({of.ends.version})")  # fmt: skip
    say("", *(f"  {line}" for line in changed_files(of.before, of.files)))
    if lines := list(_timetable(of)):
        say("", *(f"  {line}" for line in lines))
    say("", *_sums(impact), "")
    rows = [_step_row(step, impact) for step in sorted({*impact.steps, *impact.passed})]
    if rows:
        show(rows, _STEPS, as_json=False, empty="")
    if sample:
        say("", f"{len({row['who'] for row in sample})} of the people it affects:", "")
        show(sample, _SAMPLE, as_json=False, empty="")


def _sums(impact: Impact) -> Iterator[str]:
    yield f"{_people(impact.people)}: {impact.affected:,} affected, {impact.untouched:,} untouched."
    emails = ", ".join(f"{impact.total(kind):,} {kind}" for kind in Kind)
    yield f"Emails that have not left: {emails}."
    if impact.at_once:
        yield f"{impact.at_once:,} of them leave at once: their new moment has come already."
    if impact.past_the_point:
        are = "is" if impact.past_the_point == 1 else "are"
        yield f"{_people(impact.past_the_point)} {are} past the point of a new email and do not get it."


def _people(count: int) -> str:
    return "1 person" if count == 1 else f"{count:,} people"


def _step_row(step: str, impact: Impact) -> dict[str, Any]:
    counts = impact.steps.get(step) or Counter[Kind]()
    return {"step": step, **{kind.value: counts[kind] for kind in Kind}, "passed": impact.passed[step]}


def changed_files(before: CampaignFiles | None, after: CampaignFiles) -> list[str]:
    """`+` new, `-` gone, `~` changed, a line each; a step that came or went whole is one."""
    if before is None:
        return ["(the files in force cannot be read any more)"]
    old, new = before.texts, after.texts
    marks = dict.fromkeys(new.keys() - old.keys(), "+") | dict.fromkeys(old.keys() - new.keys(), "-")
    marks |= {path: "~" for path in new.keys() & old.keys() if new[path] != old[path]}
    lines = dict.fromkeys(
        f"{mark} {after.label(_whole_folder(path, new if mark == '-' else old))}"
        for path, mark in sorted(marks.items())
    )
    return list(lines)


def _whole_folder(path: str, others: Mapping[str, str]) -> str:
    """The folder, where the other side has nothing of it."""
    folder = path.rpartition("/")[0] + "/"
    return path if folder == "/" or any(other.startswith(folder) for other in others) else folder


def say_difference(before: CampaignFiles | None, after: CampaignFiles) -> None:
    """Line by line, as diff does."""
    old = before.texts if before else {}
    for path in sorted({*old, *after.texts}):
        lines = unified_diff(
            old.get(path, "").splitlines(), after.texts.get(path, "").splitlines(),
            f"a/{path}", f"b/{path}", lineterm="", n=2,
        )  # fmt: skip
        say(*lines)


def _timetable(of: Offer) -> Iterator[str]:
    if of.before is None:
        return
    before = of.proposal.before.sequence(of.ends.campaign)
    after = of.proposal.after.sequence(of.ends.campaign)
    for step in after.steps:
        old = before.step(step.key) if step.key in before else None
        if old is None:
            yield f"+ {step.key}: {describe(step)}"
        elif describe(old) != describe(step):
            yield f"~ {step.key}: {describe(step)}; was: {describe(old)}"
        elif _rules(old) != _rules(step):
            yield f"~ {step.key}: its rules ({', '.join(_differing(old, step))})"
        if old is not None and _says(old) != _says(step):
            yield f"~ {step.key}: {_says(step) or 'no variants any more'}; was: {_says(old) or 'no variants'}"
        elif old is None and step.variants:
            yield f"+ {step.key}: {_says(step)}"
    yield from (f"- {step.key}" for step in before.steps if step.key not in after)
    yield from _whole(before, after)


def _whole(before: Timetable, after: Timetable) -> Iterator[str]:
    for name in ("window", "gap", "jitter", "language", "name"):
        if getattr(before, name) != getattr(after, name):
            yield f"~ {name} of the whole timetable"


def _rules(step: Step) -> dict[str, Any]:
    rules = {name: value for name, value in vars(step).items() if name in Step.__dataclass_fields__}
    del rules["variants"], rules["decide"]
    return rules | {"when": step.when.source if step.when else None}


def _says(step: Step) -> str:
    """`variants plain 50 %, question 50 %, decided by clicks within 3d, once …`; empty without variants."""
    if not step.decide:
        return ""
    each = ", ".join(f"{key} {share} %" for key, share in shares(step.variants).items())
    return f"variants {each}, decided by {step.decide.words}"


def _differing(old: Step, new: Step) -> list[str]:
    before, after = _rules(old), _rules(new)
    return [name for name in before if before[name] != after[name]]


def sampled(application: Application, impact: Impact) -> list[dict[str, Any]]:
    """Ten people, an email a row."""
    sample = impact.sample()
    with application.database.read() as session:
        found = session.execute(
            select(Subscriber.id, Subscriber.address).where(
                Subscriber.id.in_([effect.subscriber for effect in sample])
            )
        ).all()
    names = {identity: f"{identity} {masked(address)}" for identity, address in found}
    return [
        {"who": names.get(effect.subscriber, str(effect.subscriber)), **_change_row(change, effect.zone)}
        for effect in sample
        for change in effect.changes
    ]


def _change_row(change: Change, zone: str) -> dict[str, Any]:
    why = f": {PLAIN_WORDS[change.reason]}" if change.reason else ""
    now = ", at once" if change.is_at_once else ""
    return {
        "step": change.step,
        "what": f"{change.kind}{why}{now}",
        "before": _at(change.before, zone),
        "after": _at(change.after, zone),
    }


def _at(moment: datetime | None, zone: str) -> str:
    return f"{local(moment, zone):%a %Y-%m-%d %H:%M}" if moment else ""


def effect_row(effect: Effect) -> dict[str, Any]:
    """One person for programs: moments in UTC."""
    return {
        "subscriber": effect.subscriber,
        "emails": [
            {"step": one.step, "change": one.kind, "before": _utc(one.before), "after": _utc(one.after),
             "reason": one.reason, "at_once": one.is_at_once}
            for one in effect.changes
        ],
        "passed": list(effect.passed),
    }  # fmt: skip


def _utc(moment: datetime | None) -> str | None:
    return moment.isoformat().replace("+00:00", "Z") if moment else None


@dataclass
class EffectStream:
    """One JSON document, written while it comes about."""

    of: Offer
    count: int = 0

    def tell(self, row: dict[str, Any]) -> None:
        sys.stdout.write(",\n" if self.count else "\n")
        sys.stdout.write("    " + json.dumps(row))
        self.count += 1

    def end(self, impact: Impact, name: AgreedPlan) -> None:
        steps = [_step_row(step, impact) for step in sorted({*impact.steps, *impact.passed})]
        rest = json.dumps({**impact.counts(), "steps": steps, "plan": str(name)}, indent=2)
        sys.stdout.write("\n  ],\n" + rest.removeprefix("{\n") + "\n")


@contextmanager
def effects_as_json(of: Offer) -> Iterator[EffectStream]:
    head = {"campaign": of.ends.campaign, "base": of.ends.base, "version": of.ends.version}
    sys.stdout.write(json.dumps(head, indent=2).removesuffix("\n}") + ',\n  "people_affected": [')
    yield EffectStream(of)
    console().file.flush()
