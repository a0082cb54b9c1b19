"""Why a send stands where it stands, for operators, and what would change that."""

from __future__ import annotations

from dataclasses import dataclass

from campaigns.reasons import Reason
from scheduler import Line

_NOTHING = "nothing"


@dataclass(frozen=True)
class Because:
    """`words`: a sentence about the person, told to somebody else. `change`: what an operator, or the person,
    can do about it."""

    words: str
    change: str


BECAUSE: dict[Reason, Because] = {
    Reason.ACCEPTED: Because(
        "the provider took it", "nothing; `runup sends show NUMBER` tells what was heard of it since"
    ),
    Reason.EXPIRED_LATE_JOIN: Because(
        "its moment had passed when their date became known",
        "a later date (`runup subscribers move`), or another `late` or `expires` in the timetable",
    ),
    Reason.EXPIRED_OUTAGE: Because(
        "no worker sent it in time",
        "nothing for this one; `runup status` says whether workers run, a later `expires` gives more time",
    ),
    Reason.MERGED_INTO_CATCHUP: Because(
        "its core is in the catch-up, because they came after its moment or shortly before",
        'an earlier sign-up, or another `late` than "merge" in the timetable',
    ),
    Reason.PAUSED_EXPIRED: Because(
        "the campaign was paused while it should have left",
        "nothing for this one; `runup campaigns resume` before its end would have let it go",
    ),
    Reason.PAUSED_BY_SUBSCRIBER: Because(
        "they have paused these emails", "they go on from their own page, whenever they like"
    ),
    Reason.MOVED: Because(
        "it belonged to a date that is no longer true", "nothing; the new date has emails of its own"
    ),
    Reason.CANCELED: Because(
        "the interview was canceled", "a new date takes it up again (`runup subscribers move`)"
    ),
    Reason.CONDITION_FALSE: Because(
        "it does not apply to them",
        "other facts of the interview or of them, or another `when` in the timetable",
    ),
    Reason.OUTCOME_KNOWN: Because(
        "they have told what came of it, and nudges would be silly",
        "a new date (`runup subscribers move`) forgets the outcome of the old one",
    ),
    Reason.UNSUBSCRIBED: Because(
        "they have unsubscribed", "they sign up again and confirm; nobody can do it for them"
    ),
    Reason.SUPPRESSED_BOUNCE: Because(
        "their mailbox refused our emails",
        "`runup suppressions lift`, when they say that the mailbox works again",
    ),
    Reason.SUPPRESSED_COMPLAINT: Because(
        "they reported an email of ours as spam",
        "`runup suppressions lift`, when they ask for it in a way you can prove",
    ),
    Reason.SUPPRESSED_BY_OPERATOR: Because(
        "an operator put the address on the list of those we do not write to", "`runup suppressions lift`"
    ),
    Reason.UNCONFIRMED: Because(
        "nobody ever confirmed the address", "they sign up again and confirm; nobody can do it for them"
    ),
    Reason.DEFERRED_GAP: Because(
        "emails to one person do not come too close together",
        'a smaller `gap` in the timetable, or `exempt = ["gap"]` for the step',
    ),
    Reason.DEFERRED_WINDOW: Because(
        "emails leave only in the hours in which we write",
        'a wider `window` in the timetable, or `exempt = ["window"]` for the step',
    ),
    Reason.SUPERSEDED_VERSION: Because(
        "the step came into the campaign when this person was past it", _NOTHING
    ),
    Reason.STEP_REMOVED: Because(
        "the campaign has no such step any more", "the step, put back into the timetable under the same key"
    ),
    Reason.RENDER_ERROR: Because(
        "its text could not be made",
        "`runup campaigns check` names file and line; put right, it serves those who come after",
    ),
    Reason.REJECTED: Because(
        "the provider refused it for good",
        "nothing for this one; `runup sends show NUMBER` has the provider's words",
    ),
    Reason.UNKNOWN: Because(
        "nobody can tell whether it left, and a second copy is worse than none",
        "an event that comes late; `on_unknown` in the timetable says what becomes of the next one",
    ),
    Reason.DUPLICATE_ADVICE: Because(
        "the same advice came, or comes, for their other interview within 30 days", _NOTHING
    ),
    Reason.ERASED: Because("the person was erased", "nothing; they may sign up again"),
}


def because(line: Line) -> Because | None:
    """None when there is nothing to explain: it leaves when it is due."""
    if line.kind == "in_doubt":
        return Because(
            "the provider may or may not have taken it", "`runup sends doubt` says what will happen"
        )
    if not line.reason:
        return None
    found = BECAUSE[Reason(line.reason)]
    return Because(f"{found.words} ({line.detail})" if line.detail else found.words, found.change)
