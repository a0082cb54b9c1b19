"""One row of a file of subscribers: a person, an interview of theirs, their consent, a suppression."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import TypeVar

from subscribers.consent import Consent
from subscribers.interview import Interview, Outcome
from subscribers.signup import InvalidSignUp, SignUp
from subscribers.subscriber import Subscriber
from subscribers.suppression import Reason, Suppression

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)

COLUMNS = (
    "email", "first_name", "home_zone", "locale", "campaign", "interview_date", "interview_time",
    "interview_zone", "mode", "interviewers", "format", "company", "role", "country", "decision_on",
    "outcome", "outcome_at", "canceled_at", "signed_up_at", "confirmed_at", "consent_at", "consent_proof",
    "suppressed", "suppressed_at",
)  # fmt: skip
"""What a file may hold, in the order of an export. It needs `email`, `interview_date` and a zone."""


@dataclass(frozen=True, kw_only=True)
class Record:
    """The checked values of one row. A moment that the file does not tell is None."""

    form: SignUp
    campaign: str
    outcome: Outcome | None = None
    outcome_at: datetime | None = None
    canceled_at: datetime | None = None
    signed_up_at: datetime | None = None
    confirmed_at: datetime | None = None
    consent_at: datetime | None = None
    consent_proof: str = field(default="", repr=False)
    suppressed: Reason | None = None
    suppressed_at: datetime | None = None

    @classmethod
    def parse(
        cls,
        cells: Mapping[str, str],
        *,
        campaign: str,
        campaigns: Collection[str],
        is_confirmed: bool,
        now: datetime,
    ) -> Record:
        """Check a row. Raises InvalidSignUp with every column that is wrong.

        `is_confirmed`: take the word of the file that these people agreed. Then each row needs `consent_at`
        and `consent_proof` (where its record is); rows of a file with `confirmed_at` need them where it is
        filled. Without it nobody is confirmed, whatever the file says.
        """
        row = _Row(cells, now=now)
        form = row.form()
        confirmed_at = row.moment("confirmed_at") if "confirmed_at" in cells else now
        if is_confirmed and confirmed_at:
            row.need("consent_at", "when did they agree? --confirmed needs it in every row")
            row.need("consent_proof", "where is their consent recorded? --confirmed needs it in every row")
        name = cells.get("campaign", "") or campaign
        if name not in campaigns:
            row.errors["campaign"] = f"{name[:60]!r} is none of: {', '.join(sorted(campaigns))}"
        outcome, reason = row.choice("outcome", Outcome), row.choice("suppressed", Reason)
        if reason is Reason.ERASED:
            row.errors["suppressed"] = "an erased person has no row"
        record = {
            name: row.moment(name) for name in ("canceled_at", "signed_up_at", "consent_at", "suppressed_at")
        }
        outcome_at = row.moment("outcome_at") if outcome else None
        proof = row.line("consent_proof", 500)
        if row.errors or form is None:
            raise InvalidSignUp(row.errors)
        return cls(
            form=form,
            campaign=name,
            outcome=outcome,
            outcome_at=(outcome_at or now) if outcome else None,
            confirmed_at=confirmed_at if is_confirmed else None,
            consent_proof=proof,
            suppressed=reason,
            **record,
        )

    def consent_for(self, interview: Interview, *, source: str, now: datetime) -> Consent:
        """What the file says they agreed to for this interview, and where the proof of it is."""
        return Consent(
            subscriber_id=interview.subscriber_id,
            interview_id=interview.id,
            purpose=f"sequence:{interview.campaign}",
            wording="",
            wording_version="elsewhere",
            source=source[:64],
            proof=self.consent_proof,
            agreed_at=self.consent_at or now,
            confirmed_at=self.confirmed_at,
        )


def cells_of(
    subscriber: Subscriber, interview: Interview, consent: Consent | None, suppression: Suppression | None
) -> dict[str, str]:
    """The row of one interview. `Record.parse` understands it."""
    values: dict[str, object] = {
        "email": subscriber.address,
        "first_name": subscriber.first_name,
        "home_zone": subscriber.home_zone,
        "locale": subscriber.locale,
        "campaign": interview.campaign,
        "interview_date": interview.held_on,
        "interview_time": interview.start_time and interview.start_time.isoformat(),
        "interview_zone": interview.zone,
        "mode": interview.mode,
        "interviewers": interview.interviewers,
        "format": interview.format,
        "company": interview.company,
        "role": interview.role,
        "country": interview.country,
        "decision_on": interview.decision_on,
        "outcome": interview.outcome,
        "outcome_at": interview.outcome_at,
        "canceled_at": interview.canceled_at,
        "signed_up_at": interview.requested_at,
        "confirmed_at": interview.confirmed_at,
        "consent_at": consent and consent.agreed_at,
        "consent_proof": consent
        and (consent.proof or f"{consent.source}, wording {consent.wording_version}"),
        "suppressed": suppression and suppression.reason,
        "suppressed_at": suppression and suppression.created_at,
    }
    return {name: _text(value) for name, value in values.items()}


class _Row:
    """Reads columns one by one and keeps every error, in words for who made the file."""

    def __init__(self, cells: Mapping[str, str], *, now: datetime) -> None:
        self._cells = cells
        self._now = now
        self.errors: dict[str, str] = {}

    def form(self) -> SignUp | None:
        try:
            # Whether they agreed is said by the consent columns, not by a box.
            form = SignUp.parse({**self._cells, "consent": "yes"}, now=self._now)
        except InvalidSignUp as error:
            self.errors.update(error.errors)
            return None
        return replace(form, locale=self._take("locale", _locale) or form.locale)

    def moment(self, name: str) -> datetime | None:
        return self._take(name, lambda value: _moment(value, now=self._now))

    def choice(self, name: str, kind: type[E]) -> E | None:
        return self._take(name, lambda value: _one_of(kind, value))

    def line(self, name: str, most: int) -> str:
        return self._take(name, lambda value: _line(value, most)) or ""

    def need(self, name: str, why: str) -> None:
        if not self._cells.get(name):
            self.errors[name] = why

    def _take(self, name: str, read: Callable[[str], T]) -> T | None:
        value = self._cells.get(name, "")
        if not value:
            return None
        try:
            return read(value)
        except ValueError as error:
            self.errors[name] = str(error)
            return None


def _moment(value: str, *, now: datetime) -> datetime:
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise ValueError(
            f"{value[:40]!r} is no moment; write it like 2026-11-04T09:30Z or 2026-11-04"
        ) from None
    if moment.tzinfo is None and len(value) > len("2026-11-04"):
        raise ValueError(f"{value[:40]!r} has no time zone; write it like 2026-11-04T09:30Z")
    moment = moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    if moment > now:
        raise ValueError(f"{value[:40]!r} is in the future")
    return moment


def _one_of(kind: type[E], value: str) -> E:
    try:
        return kind(value)
    except ValueError:
        raise ValueError(f"{value[:20]!r} is none of: {', '.join(kind)}") from None


def _locale(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*", value) or len(value) > 16:
        raise ValueError(f"{value[:20]!r} is no language; write it like en or pt-BR")
    return value


def _line(value: str, most: int) -> str:
    if len(value) > most or not value.isprintable():
        raise ValueError(f"must be one line of at most {most} characters")
    return value


def _text(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return "" if value is None else str(value)
