"""What another version changes: two plans of one person compared, and the sums of many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from campaigns.planning import PlannedSend
from campaigns.reasons import Reason


class Kind(StrEnum):
    """What becomes of an email that has not left."""

    MOVED = "moved"
    ADDED = "added"
    WITHDRAWN = "withdrawn"
    REWORDED = "reworded"
    """The same moment, other words."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """One email of one person. `before` and `after` are its moments, None where it does not leave."""

    kind: Kind
    step: str
    before: datetime | None = None
    after: datetime | None = None
    reason: Reason | None = None
    """Why it is withdrawn."""
    is_at_once: bool = False
    """Its new moment has come already."""


@dataclass(frozen=True, kw_only=True)
class Effect:
    """What changes for one person. `passed`: new steps that they do not get, for they are past them."""

    subscriber: int
    zone: str
    changes: tuple[Change, ...]
    passed: tuple[str, ...] = ()


IsReworded = Callable[[int, str], bool]
"""Whether this enrollment's email of this step has other words."""


def compare(
    before: Iterable[PlannedSend],
    after: Iterable[PlannedSend],
    *,
    is_reworded: IsReworded,
    removed: Iterable[str] = (),
    now: datetime,
) -> tuple[tuple[Change, ...], tuple[str, ...]]:
    """The changes between two plans of one person made at the same `now`, by their new moments, and the steps
    that are new and not for them. `removed`: steps that the new version does not have."""
    old = {(send.enrollment, send.step): send for send in before}
    new = {(send.enrollment, send.step): send for send in after}
    changes = [
        change
        for key in old.keys() | new.keys()
        if (change := _change(*key, old.get(key), new.get(key), is_reworded, {*removed}, now))
    ]
    passed = [
        step
        for (enrollment, step), send in new.items()
        if _is_past(send) and not _is_past(old.get((enrollment, step)))
    ]
    return tuple(sorted(changes, key=_moment)), tuple(sorted(passed))


def _change(
    enrollment: int,
    step: str,
    old: PlannedSend | None,
    new: PlannedSend | None,
    is_reworded: IsReworded,
    removed: set[str],
    now: datetime,
) -> Change | None:
    before = old.due_at if old and old.is_open else None
    after = new.due_at if new and new.is_open else None
    if before is None and after is None:
        return None
    if after is None:
        gone = Reason.STEP_REMOVED if step in removed else Reason.CONDITION_FALSE
        reason = new.reason if new and new.reason else gone
        return Change(kind=Kind.WITHDRAWN, step=step, before=before, reason=reason)
    at_once = after <= now
    if before is None:
        return Change(kind=Kind.ADDED, step=step, after=after, is_at_once=at_once)
    if before != after:
        return Change(
            kind=Kind.MOVED, step=step, before=before, after=after, is_at_once=at_once and before > now
        )
    assert old
    assert new
    if old.merged != new.merged or is_reworded(enrollment, step):
        return Change(kind=Kind.REWORDED, step=step, before=before, after=after)
    return None


def _is_past(send: PlannedSend | None) -> bool:
    return send is not None and send.reason is Reason.SUPERSEDED_VERSION


def _moment(change: Change) -> tuple[datetime, str]:
    moment = change.after or change.before
    assert moment
    return moment, change.step


@dataclass
class Impact:
    """The sums over everybody on a campaign, and a few of them whole. Memory does not grow with their number.

    `steps` counts emails by step and kind; `passed` people by the new step they are past.
    """

    people: int = 0
    affected: int = 0
    past_the_point: int = 0
    at_once: int = 0
    steps: dict[str, Counter[Kind]] = field(default_factory=dict)
    passed: Counter[str] = field(default_factory=Counter)
    _kept: dict[frozenset[tuple[str, Kind]], list[Effect]] = field(default_factory=dict)
    _seen: Counter[frozenset[tuple[str, Kind]]] = field(default_factory=Counter)

    def add(self, effect: Effect) -> None:
        self.people += 1
        self.affected += bool(effect.changes)
        self.past_the_point += bool(effect.passed)
        self.passed.update(effect.passed)
        for change in effect.changes:
            self.steps.setdefault(change.step, Counter())[change.kind] += 1
            self.at_once += change.is_at_once
        if effect.changes:
            self._keep(effect)

    @property
    def untouched(self) -> int:
        return self.people - self.affected

    def total(self, kind: Kind) -> int:
        return sum(counts[kind] for counts in self.steps.values())

    def counts(self) -> Mapping[str, int]:
        """The sums, as they are written down with the version."""
        emails = {kind.value: self.total(kind) for kind in Kind}
        return {"people": self.people, "affected": self.affected, "past_the_point": self.past_the_point,
                "at_once": self.at_once, **emails}  # fmt: skip

    def sample(self, most: int = 10) -> list[Effect]:
        """Some whom it affects, of as many kinds as there are: first one of each, the most frequent first."""
        kinds = [self._kept[kind] for kind, _ in self._seen.most_common() if kind in self._kept]
        ranked = [some[rank] for rank in range(_OF_A_KIND) for some in kinds if rank < len(some)]
        return ranked[:most]

    def _keep(self, effect: Effect) -> None:
        kind = frozenset((change.step, change.kind) for change in effect.changes)
        if kind not in self._kept and len(self._kept) == _KINDS:
            return
        self._seen[kind] += 1
        kept = self._kept.setdefault(kind, [])
        if len(kept) < _OF_A_KIND:
            kept.append(effect)


_KINDS, _OF_A_KIND = 200, 10
