"""Which variants of emails one person got, and gets."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy.orm import Session

from campaigns.catalog import Catalog
from campaigns.trial import chosen, standings
from scheduler import Line
from scheduler.trial_sends import taken_before

_STILL_OPEN = ("coming", "left_out")


def variants_of_person(
    session: Session, lines: Iterable[Line], subscriber_id: int, catalog: Catalog
) -> dict[int, dict[str, Any]]:
    """By send, for those whose email has variants: `key` and `has_won`. What left is told as it was written
    down; what has not is told as it would be if it left now."""
    lines = list(lines)
    found = {
        send_id: {"key": taken.variant, "has_won": not taken.is_split}
        for send_id, taken in taken_before(session, [line.send_id for line in lines]).items()
    }
    for line in lines:
        if line.kind not in _STILL_OPEN and line.send_id in found:
            continue
        sequence = catalog.sequence(line.campaign)
        if line.step not in sequence or line.kind not in _STILL_OPEN:
            continue
        step = sequence.step(line.step)
        standing = standings(session, sequence, [line.step]).get(line.step) if step.variants else None
        variant = chosen(line.campaign, step, subscriber_id, standing)
        if variant is not None:
            found[line.send_id] = {"key": variant.key, "has_won": bool(standing and standing.winner)}
    return found
