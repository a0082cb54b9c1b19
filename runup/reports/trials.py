"""How trials of variants stand: counted in people, with honest intervals and what they say in words."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from campaigns.applied_catalog import applied
from campaigns.catalog import Catalog
from campaigns.trial import Trial
from campaigns.variants import DecideBy, shares
from scheduler.comparing import Count, Gap, gaps, wilson, z_of
from scheduler.trial_counts import counted, missing
from scheduler.trials import decisions, trials_in_force


@dataclass(frozen=True, kw_only=True)
class VariantLine:
    """One variant; `low` and `high` are the 95 % interval of its rate, None where nobody has it."""

    key: str
    share: int
    """Percent of the readers who get it until one has won."""
    count: Count
    low: float | None
    high: float | None


@dataclass(frozen=True, kw_only=True)
class TrialReport:
    """One trial. `judged_at`: when the rule had its one look; the counts are of that moment then."""

    trial_id: int
    campaign: str
    step: str
    rule: DecideBy
    began_at: datetime
    judged_at: datetime | None
    winner: str
    """Who gets everybody now; empty: it goes on, or no difference was shown."""
    decided_at: datetime | None
    decided_by: str
    """Empty: the rule."""
    better: str
    """What the rule would say, were this its one look; empty: no difference is shown."""
    lines: tuple[VariantLine, ...]
    gaps: tuple[Gap, ...]
    missing: Mapping[str, int]
    """By variant, how many people it still has to leave to."""
    is_issue: bool = False

    @property
    def name(self) -> str:
        return f"{self.campaign}/{self.step}"

    @property
    def noun(self) -> str:
        """How its deciding is called in a command."""
        return (
            f"newsletters decide {self.name}"
            if self.is_issue
            else f"campaigns decide {self.campaign} {self.step}"
        )


def trial_reports(
    session: Session, catalog: Catalog, *, campaign: str = "", step: str = ""
) -> Iterator[TrialReport]:
    """Of the versions in force."""
    shelf = applied(session, catalog)
    for trial, rule in trials_in_force(session, shelf):
        if campaign in ("", trial.campaign) and step in ("", trial.step):
            known = shares(shelf.sequence(trial.campaign).step(trial.step).variants)
            yield trial_report(session, trial, rule, known)


def trial_report(session: Session, trial: Trial, rule: DecideBy, known: Mapping[str, int]) -> TrialReport:
    """`known`: the variants' shares, in their order."""
    made = decisions(session, trial.id)
    seen: dict[str, Any] = json.loads(made[-1].counts) if made else {}
    if made:
        of_then = {one["variant"]: Count(**one) for one in seen["variants"]}
        counts = [of_then.get(key, Count(key)) for key in known]
    else:
        counts = counted(session, trial, keys=known)
    compared = tuple(gaps(counts))
    return TrialReport(
        trial_id=trial.id,
        campaign=trial.campaign,
        step=trial.step,
        rule=rule,
        began_at=trial.began_at,
        judged_at=trial.judged_at,
        winner=made[-1].variant if made else "",
        decided_at=made[-1].decided_at if made else None,
        decided_by=made[-1].decided_by if made else "",
        better=seen.get("better", ""),
        lines=tuple(_line(count, known[count.variant]) for count in counts),
        gaps=compared,
        missing={} if made else missing(counts, rule),
        is_issue=trial.issue_id is not None,
    )


def _line(count: Count, share: int) -> VariantLine:
    low, high = wilson(count.answered, count.people, z=z_of()) if count.people else (None, None)
    return VariantLine(key=count.variant, share=share, count=count, low=low, high=high)


def verdict(report: TrialReport) -> str:
    """What is decided, in a sentence."""
    if report.decided_at is None:
        return f"No decision yet: {_waits(report)}."
    day = f"{report.decided_at:%Y-%m-%d}"
    if report.winner and report.decided_by:
        return f"Decided on {day} by {report.decided_by}: {report.winner} gets everybody who comes after."
    if report.winner:
        return f"Decided on {day} by the rule: {report.winner} is better, and gets everybody who comes after."
    if report.better:
        return (
            f"Looked at on {day}: {report.better} is better. Everybody goes on as before; "
            f"`runup {report.noun} {report.better}` ends it."
        )
    rest = "Everybody goes on as before"
    if report.is_issue and report.rule.first < 100:
        rest = "The others get it as it is written"
    return f"Looked at on {day}: no difference could be shown. {rest}."


def _waits(report: TrialReport) -> str:
    if report.is_issue:
        return f"its readers have until {report.began_at + report.rule.within:%Y-%m-%d %H:%M} UTC"
    if report.missing:
        needs = [f"{number:,} more for {key}" for key, number in report.missing.items()]
        return f"it needs {', '.join(needs)}"
    if report.rule.days:
        return f"{report.rule.days} days must pass, and then each has time to answer"
    return "those who got it last still have time to answer"


def told(gap: Gap) -> str:
    """`question is between 2.1 points worse and 5.3 better than plain`."""
    low, high = 100 * gap.low, 100 * gap.high
    if low >= 0:
        return f"{gap.variant} is better than {gap.against} by {low:.1f} to {high:.1f} points"
    if high <= 0:
        return f"{gap.variant} is worse than {gap.against} by {-high:.1f} to {-low:.1f} points"
    return f"{gap.variant} is between {-low:.1f} points worse and {high:.1f} better than {gap.against}"


def plain_trial(report: TrialReport) -> dict[str, Any]:
    """For programs: rates and differences from 0 to 1, moments in UTC."""
    return {
        "campaign": report.campaign,
        "step": report.step,
        "by": report.rule.by,
        "rule": report.rule.words,
        "began_at": _utc(report.began_at),
        "judged_at": _utc(report.judged_at),
        "winner": report.winner or None,
        "better": report.better or None,
        "decided_at": _utc(report.decided_at),
        "decided_by": report.decided_by or ("the rule" if report.decided_at else None),
        "verdict": verdict(report),
        "needs": dict(report.missing),
        "variants": [
            {
                "key": line.key, "share": line.share, "people": line.count.people,
                "delivered": line.count.delivered, "answered": line.count.answered,
                "rate": line.count.rate if line.count.people else None, "low": line.low, "high": line.high,
            }
            for line in report.lines
        ],
        "differences": [
            {"variant": gap.variant, "against": gap.against, "low": gap.low, "high": gap.high}
            for gap in report.gaps
        ],
    }  # fmt: skip


def _utc(moment: datetime | None) -> str | None:
    return moment.isoformat().replace("+00:00", "Z") if moment else None
