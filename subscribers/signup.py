from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Protocol

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from subscribers.address import InvalidAddress, address_hmac, mailbox_hmac, parse_address
from subscribers.consent import CONFIRM_WITHIN, WORDING, WORDING_VERSION, Consent
from subscribers.form_values import (
    FormReader,
    InvalidSignUp,
    parse_agreement,
    parse_choice,
    parse_country,
    parse_day,
    parse_line,
    parse_time,
)
from subscribers.interview import Format, Interview, Interviewers, Mode, check_interview_date
from subscribers.subscriber import Subscriber, find_subscriber, lock_subscriber
from subscribers.wall_time import parse_zone
from subscribers.wording import Said


@dataclass(frozen=True, kw_only=True)
class SignUp:
    """The values of the form, checked. Field names of `parse` are those of the form and of the API."""

    address: str = field(repr=False)
    first_name: str = field(default="", repr=False)
    held_on: date
    start_time: time | None = None
    zone: str
    home_zone: str
    mode: Mode = Mode.UNKNOWN
    interviewers: Interviewers = Interviewers.UNKNOWN
    format: Format = Format.UNKNOWN
    company: str = ""
    role: str = ""
    country: str = ""
    decision_on: date | None = None
    locale: str = "en"

    @classmethod
    def parse(cls, values: Mapping[str, str], *, now: datetime) -> SignUp:
        """Check a form's strings; a missing key and an empty string are the same. Raises InvalidSignUp with
        every field that is wrong, not only the first."""
        form = FormReader(values)
        address = form.take("email", parse_address)
        first_name = form.take("first_name", lambda value: parse_line(value, 80))
        start_time = form.take("interview_time", parse_time) if values.get("interview_time") else None
        home_zone = form.take("home_zone", parse_zone) if values.get("home_zone") else ""
        zone = form.take("interview_zone", parse_zone) if values.get("interview_zone") else home_zone
        if not (home_zone or zone) and not form.errors.keys() & {"home_zone", "interview_zone"}:
            form.errors["home_zone"] = Said("please choose your time zone")
        held_on = form.take("interview_date", lambda value: _held_on(value, zone or "UTC", now=now))
        mode = form.take("mode", lambda value: parse_choice(Mode, value))
        interviewers = form.take("interviewers", lambda value: parse_choice(Interviewers, value))
        format_ = form.take("format", lambda value: parse_choice(Format, value))
        company = form.take("company", lambda value: parse_line(value, 120))
        role = form.take("role", lambda value: parse_line(value, 120))
        country = form.take("country", parse_country)
        decision_on = form.take("decision_on", parse_day) if values.get("decision_on") else None
        if decision_on and held_on and decision_on < held_on:
            form.errors["decision_on"] = Said(
                "they will hardly decide before the interview; please check the date"
            )
        form.take("consent", parse_agreement)
        if form.errors:
            raise InvalidSignUp(form.errors)
        assert address
        assert held_on
        return cls(
            address=address,
            first_name=first_name or "",
            held_on=held_on,
            start_time=start_time,
            zone=zone or home_zone or "UTC",
            home_zone=home_zone or zone or "UTC",
            mode=mode or Mode.UNKNOWN,
            interviewers=interviewers or Interviewers.UNKNOWN,
            format=format_ or Format.UNKNOWN,
            company=company or "",
            role=role or "",
            country=country or "",
            decision_on=decision_on,
        )


def sign_up(
    session: Session,
    form: SignUp,
    *,
    campaign: str,
    hmac_key: bytes,
    now: datetime,
    source: str,
    sender_hmac: str = "",
    wording: str = WORDING,
) -> Interview:
    """Write down who signed up for which interview; nothing but a confirmation may leave until `confirm`.

    `wording`: what they agreed to, in the language they read it in.

    Sending the form again before confirming updates the pending interview. A confirmed one is never
    changed by a form: whoever types an address need not be its owner.
    """
    subscriber = find_or_add(session, form, hmac_key=hmac_key, now=now)
    interview = _pending(session, subscriber, form, campaign=campaign, now=now)
    if interview is None:
        interview = Interview(
            subscriber=subscriber, campaign=campaign, held_on=form.held_on, zone=form.zone, created_at=now,
            requested_at=now, revision=0,
        )  # fmt: skip
        session.add(interview)
    if subscriber.confirmed_at is None:
        subscriber.first_name, subscriber.home_zone = form.first_name, form.home_zone
        subscriber.locale = form.locale
    interview.requested_at = now
    interview.zone, interview.start_time, interview.decision_on = form.zone, form.start_time, form.decision_on
    interview.mode, interview.interviewers, interview.format = form.mode, form.interviewers, form.format
    interview.company, interview.role, interview.country = form.company, form.role, form.country
    subscriber.touch()
    session.flush()
    session.add(
        Consent(
            subscriber_id=subscriber.id,
            interview_id=interview.id,
            purpose=f"sequence:{campaign}",
            wording=wording,
            wording_version=WORDING_VERSION,
            source=source,
            sender_hmac=sender_hmac,
            agreed_at=now,
        )
    )
    session.flush()
    return interview


class Somebody(Protocol):
    """Who a form or a row of a file is about."""

    @property
    def address(self) -> str: ...
    @property
    def first_name(self) -> str: ...
    @property
    def home_zone(self) -> str: ...
    @property
    def locale(self) -> str: ...


def find_or_add(session: Session, form: Somebody, *, hmac_key: bytes, now: datetime) -> Subscriber:
    """The subscriber of the form's address, locked; a new one gets the form's name and zone."""
    key = address_hmac(form.address, hmac_key)
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    # Two sign-ups of one new address at the same time: the second finds the row of the first.
    session.execute(
        insert(Subscriber)
        .values(
            address=form.address,
            address_hmac=key,
            mailbox_hmac=mailbox_hmac(form.address, hmac_key),
            first_name=form.first_name,
            home_zone=form.home_zone,
            locale=form.locale,
            created_at=now,
            wants_goodbye=False,
            epoch=0,
            planned_epoch=-1,
        )
        .on_conflict_do_nothing(index_elements=["address_hmac"])
    )
    found = find_subscriber(session, key)
    assert found is not None, "inserted above, or by somebody else"
    locked = lock_subscriber(session, found.id)
    assert locked is not None
    return locked


def _pending(
    session: Session, subscriber: Subscriber, form: SignUp, *, campaign: str, now: datetime
) -> Interview | None:
    return session.scalar(
        select(Interview)
        .where(
            Interview.subscriber_id == subscriber.id,
            Interview.campaign == campaign,
            Interview.held_on == form.held_on,
            Interview.confirmed_at.is_(None),
            Interview.canceled_at.is_(None),
            Interview.requested_at > now - CONFIRM_WITHIN,
        )
        .limit(1)
    )


def _held_on(value: str, zone: str, *, now: datetime) -> date:
    if not value:
        raise ValueError(Said("please enter the day of your interview"))
    return check_interview_date(parse_day(value), zone, now=now)


__all__ = ["InvalidAddress", "InvalidSignUp", "SignUp", "parse_day", "parse_line", "parse_time", "sign_up"]
