from __future__ import annotations

from dataclasses import dataclass, field

from campaigns.context import PlanEntry
from campaigns.facts import Passage, Person
from campaigns.newsletter import NewsletterIssue


@dataclass(frozen=True)
class Taken:
    """The variant an email is written in. `is_split`: it fell to this reader, and did not just win."""

    trial_id: int
    variant: str
    is_split: bool


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A claimed send with all that its last checks and its words need.

    It is about an interview (`passage`), asks for the yes to a place on a newsletter list (`place_id` alone),
    or brings the issue of a newsletter (`issue`, to whoever has `place_id`).
    """

    send_id: int
    campaign: str
    step: str
    reference: str
    attempt: int
    subscriber_id: int
    address: str = field(repr=False)
    person: Person = field(repr=False)
    interview_id: int | None = None
    passage: Passage | None = field(default=None, repr=False)
    place_id: int | None = None
    issue: NewsletterIssue | None = field(default=None, repr=False)
    merged: tuple[str, ...] = ()
    plan: tuple[PlanEntry, ...] = ()
    needs_consent: bool = True
    waits_for_gap: bool = True
    counts_for_gap: bool = True
    asks_consent: bool = False
    wording: str = ""
    """What its words are kept under, where that is not the step: a variant of it."""
    taken: Taken | None = None
    """To be written down with the intent; None where there are no variants."""
