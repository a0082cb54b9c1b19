"""One row of a file of subscribers: a person, an interview or a place on a list, the consent to it."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeVar

from subscribers.address import parse_address
from subscribers.interview import Outcome
from subscribers.signup import InvalidSignUp, SignUp, parse_line
from subscribers.suppression import Reason
from subscribers.tags import parse_tags
from subscribers.wall_time import parse_zone

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)

COLUMNS = (
    "email", "first_name", "home_zone", "locale", "tags", "campaign", "interview_date", "interview_time",
    "interview_zone", "mode", "interviewers", "format", "company", "role", "country", "decision_on",
    "outcome", "outcome_at", "canceled_at", "list", "list_left_at", "signed_up_at", "confirmed_at",
    "consent_at", "consent_proof", "suppressed", "suppressed_at",
)  # fmt: skip
"""What a file may hold, in the order of an export. Each row needs `email`, a zone, and `interview_date` or
`list`."""
_OF_AN_INTERVIEW = (
    "campaign", "interview_time", "mode", "interviewers", "format", "company", "role", "country",
    "decision_on", "outcome", "outcome_at", "canceled_at",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Known:
    """What a row may name: the sequences and the newsletter lists there are, and the sequence of rows that
    name none."""

    campaign: str
    campaigns: Collection[str]
    lists: Collection[str] = ()


@dataclass(frozen=True, kw_only=True)
class Record:
    """The checked values of one row. A moment that the file does not tell is None."""

    address: str = field(repr=False)
    first_name: str = field(default="", repr=False)
    home_zone: str
    locale: str = "en"
    tags: tuple[str, ...] = ()
    form: SignUp | None = None
    """The interview, if the row tells of one."""
    campaign: str = ""
    outcome: Outcome | None = None
    outcome_at: datetime | None = None
    canceled_at: datetime | None = None
    list_key: str = ""
    """The newsletter, if the row tells of a place on its list."""
    list_left_at: datetime | None = None
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
        known: Known,
        is_confirmed: bool,
        now: datetime,
    ) -> Record:
        """Check a row. Raises InvalidSignUp with every column that is wrong.

        `is_confirmed`: take the word of the file that these people agreed. Then each row needs `consent_at`
        and `consent_proof` (where its record is); rows of a file with `confirmed_at` need them where it is
        filled. Without it nobody is confirmed, whatever the file says.
        """
        row = _Row(cells, now=now)
        form = row.form() if cells.get("interview_date") or not cells.get("list") else None
        person = _of(form) if form else row.person() if cells.get("list") else {}
        confirmed_at = row.moment("confirmed_at") if "confirmed_at" in cells else now
        if is_confirmed and confirmed_at:
            row.need("consent_at", "when did they agree? --confirmed needs it in every row")
            row.need("consent_proof", "where is their consent recorded? --confirmed needs it in every row")
        name = row.name("campaign", known.campaigns) or known.campaign
        list_key = row.name("list", known.lists)
        if list_key and not form:
            row.nothing_of(_OF_AN_INTERVIEW, "without interview_date this says nothing; leave it empty")
        outcome, reason = row.choice("outcome", Outcome), row.choice("suppressed", Reason)
        if reason is Reason.ERASED:
            row.errors["suppressed"] = "an erased person has no row"
        record: dict[str, Any] = {
            name: row.moment(name)
            for name in ("canceled_at", "signed_up_at", "consent_at", "suppressed_at", "list_left_at")
        }
        outcome_at = row.moment("outcome_at") if outcome else None
        proof, tags = row.line("consent_proof", 500), row.tags()
        if row.errors:
            raise InvalidSignUp(row.errors)
        return cls(
            **person,
            tags=tags,
            form=form,
            campaign=name,
            list_key=list_key,
            outcome=outcome,
            outcome_at=(outcome_at or now) if outcome else None,
            confirmed_at=confirmed_at if is_confirmed else None,
            consent_proof=proof,
            suppressed=reason,
            **record,
        )

    def consent_to(self, purpose: str, *, source: str, now: datetime) -> dict[str, Any]:
        """The columns of a Consent: what the file says they agreed to, and where the proof of it is."""
        return {
            "purpose": purpose,
            "wording": "",
            "wording_version": "elsewhere",
            "source": source[:64],
            "proof": self.consent_proof,
            "sender_hmac": "",
            "agreed_at": self.consent_at or now,
            "confirmed_at": self.confirmed_at,
        }


def _of(form: SignUp) -> dict[str, Any]:
    return {
        "address": form.address,
        "first_name": form.first_name,
        "home_zone": form.home_zone,
        "locale": form.locale,
    }


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

    def person(self) -> dict[str, Any]:
        """Of a row without an interview: who it is about."""
        self.need("email", "please enter their email address")
        self.need("home_zone", "where do they live?")
        return {
            "address": self._take("email", parse_address) or "",
            "first_name": self._take("first_name", lambda value: parse_line(value, 80)) or "",
            "home_zone": self._take("home_zone", parse_zone) or "",
            "locale": self._take("locale", _locale) or "en",
        }

    def name(self, column: str, names: Collection[str]) -> str:
        return self._take(column, lambda value: _one_of_names(value, names)) or ""

    def tags(self) -> tuple[str, ...]:
        return self._take("tags", parse_tags) or ()

    def nothing_of(self, columns: Iterable[str], why: str) -> None:
        for name in columns:
            if self._cells.get(name):
                self.errors.setdefault(name, why)

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


def _one_of_names(value: str, names: Collection[str]) -> str:
    if value not in names:
        raise ValueError(f"{value[:60]!r} is none of: {', '.join(sorted(names)) or 'there is none'}")
    return value


def _locale(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*", value) or len(value) > 16:
        raise ValueError(f"{value[:20]!r} is no language; write it like en or pt-BR")
    return value


def _line(value: str, most: int) -> str:
    if len(value) > most or not value.isprintable():
        raise ValueError(f"must be one line of at most {most} characters")
    return value
