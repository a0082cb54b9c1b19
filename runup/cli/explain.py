"""`runup explain`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Annotated, Any

from cyclopts import Parameter
from sqlalchemy.orm import Session

from campaigns import Catalog
from campaigns.applied_catalog import applied
from campaigns.describing import describe
from runup.application import Application
from runup.cli.errors import BadInput
from runup.cli.opening import opened
from runup.cli.people import appointment, find_person
from runup.cli.sending_words import SEND_COLUMNS, send_row
from runup.cli.terminal import note, print_json, say, show, show_pairs
from runup.explaining import because
from runup.reports import status
from runup.reports.variants_of_person import variants_of_person
from runup.workspace import nearest
from scheduler import Line, outlook
from subscribers import Subscriber


def explain(
    who: Annotated[str, Parameter(name="WHO", help="An address, or a subscriber's number.")],
    step: str = "",
    /,
    *,
    everything: Annotated[bool, Parameter(name="--all")] = False,
    json: bool = False,
) -> None:
    """What left to a person, what will, what will not and why; of one step also what would change it.

    Parameters
    ----------
    step
        Only this step, in full.
    everything
        Also what is of no interest any more, like the reminder of a confirmation that came in time.
    json
        Print JSON, of everything: send_id, interview_id, campaign, step, title, kind (left, coming, in_doubt,
        left_out), at, zone, state, reason, why, detail, merged, rule, because, change, variant
        (null where its email has none).
    """
    with opened() as application, application.database.read() as session:
        person = find_person(session, application, who)
        shelf = applied(session, application.catalog)
        lines = outlook(session, person.id, catalog=shelf)
        chosen = [line for line in lines if step in ("", line.step)]
        variants = variants_of_person(session, chosen, person.id, shelf)
        rows = [_facts(line, person, shelf) | {"variant": variants.get(line.send_id)} for line in chosen]
        unplanned = "" if chosen or not step else _never_planned(step, lines, person, shelf)
        obstacles = _obstacles(
            session, application, {line.campaign for line in chosen if line.kind == "coming"}
        )
    if json:
        print_json([asdict(line) | row for line, row in zip(chosen, rows, strict=True)])
        return
    if unplanned:
        say(unplanned)
    elif step:
        _in_full(chosen, rows)
    else:
        _at_a_glance(chosen, everything=everything)
    for words in obstacles:
        say("", f"At the moment nothing of this leaves: {words}")


def _facts(line: Line, person: Subscriber, shelf: Catalog) -> dict[str, Any]:
    sequence, found = shelf.sequence(line.campaign), because(line)
    held = next((i for i in person.interviews if i.id == line.interview_id), None)
    return {
        "interview": appointment(held) if held else None,
        "rule": describe(sequence.step(line.step)) if line.step in sequence else "",
        "because": found.words if found else "",
        "change": found.change if found else "",
    }


def _never_planned(step: str, lines: Iterable[Line], person: Subscriber, shelf: Catalog) -> str:
    """Why there is no such send. Raises BadInput when the campaigns of the person have no such step."""
    campaigns = {interview.campaign for interview in person.interviews}
    steps = {one.key: one for key in sorted(campaigns) for one in shelf.sequence(key).steps}
    known = sorted({*steps, *(line.step for line in lines)})
    if step not in known:
        raise BadInput(
            f"there is no step {step!r}{nearest(step, known) or '; there is: ' + ', '.join(known)}"
        )
    return (
        f"Nothing was ever planned for {step}. It leaves {describe(steps[step])}; nothing has called for it."
    )


def _in_full(lines: Sequence[Line], rows: Iterable[dict[str, Any]]) -> None:
    for number, (line, row) in enumerate(zip(lines, rows, strict=True)):
        if number:
            say("")
        pairs = [
            ("Email", f"{line.step}, “{line.title}”"),
            ("Send", f"{line.send_id} of {line.campaign}"),
            ("For", row["interview"] or "an interview that is no longer kept"),
            ("Rule", row["rule"] or "the campaign has no such step any more"),
            ("Variant", _variant(line, row["variant"])),
            ("What", _what(line)),
            ("Why", row["because"]),
            ("Change", row["change"]),
        ]
        show_pairs([(title, words) for title, words in pairs if words])


def _variant(line: Line, found: dict[str, Any] | None) -> str:
    if found is None:
        return ""
    words = f"{found['key']}, which has won" if found["has_won"] else f"{found['key']}, as it falls to them"
    return words if line.kind in ("coming", "left_out") else f"{words}; so it left"


def _what(line: Line) -> str:
    at = f" on {line.at:%a %Y-%m-%d} at {line.at:%H:%M} ({line.zone})" if line.at else ""
    stands = f"; it stands for {', '.join(line.merged)}" if line.merged else ""
    match line.kind:
        case "left":
            return f"left{at}{stands}"
        case "coming":
            return f"will leave{at}{stands}"
        case "in_doubt":
            return f"in doubt since{at.removeprefix(' on')}"
    return f"does not leave; it was due{at}" if at else "does not leave"


def _at_a_glance(lines: Sequence[Line], *, everything: bool) -> None:
    shown = [line for line in lines if everything or not line.is_settled]
    if shown:
        note(f"by the clocks of {shown[0].zone}")
    show([send_row(line) for line in shown], SEND_COLUMNS, as_json=False, empty="Nothing was ever planned.")


def _obstacles(session: Session, application: Application, campaigns: set[str]) -> list[str]:
    """What keeps everything, or these campaigns, from leaving now."""
    if not campaigns:
        return []
    found = status(session, now=application.clock(), provider=application.settings.provider)
    words = [f"{hold['detail']} (`runup sends release`)" for hold in found.holds]
    words += [f"{key} is paused (`runup campaigns resume {key}`)" for key in found.paused if key in campaigns]
    if not found.is_ticking:
        words.append("no worker runs (`runup serve` or `runup work` starts one)")
    return words
