"""Newsletters asked for by a form, and the yes of whoever reads the address."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from subscribers.address import parse_address
from subscribers.consent import CONFIRM_WITHIN, WORDING_VERSION, ConfirmationExpired, Consent
from subscribers.form_values import FormReader, InvalidSignUp, parse_line
from subscribers.joining import leave_all_lists
from subscribers.lists import NewsletterList, Subscription
from subscribers.returning import rest_interviews
from subscribers.signup import find_or_add
from subscribers.subscriber import Subscriber, lock_subscriber
from subscribers.suppression import Reason, find_suppression, lift
from subscribers.wall_time import parse_zone
from subscribers.wording import Said


@dataclass(frozen=True, kw_only=True)
class ListSignUp:
    """The values of the newsletter's form, checked. At least one list; nobody can ask for a private one."""

    address: str = field(repr=False)
    first_name: str = field(default="", repr=False)
    home_zone: str = "UTC"
    lists: tuple[NewsletterList, ...]
    locale: str = "en"

    @classmethod
    def parse(
        cls, values: Mapping[str, str], *, wanted: Collection[str], lists: Iterable[NewsletterList]
    ) -> ListSignUp:
        """Check a form's strings; `wanted` are the keys of the lists somebody chose, `lists` all there are.

        Raises InvalidSignUp with every field that is wrong. A private list is as unknown as one that does not
        exist: to know its key is not to be invited.
        """
        public = {each.key: each for each in lists if each.is_public}
        form = FormReader(values)
        address = form.take("email", parse_address)
        first_name = form.take("first_name", lambda value: parse_line(value, 80))
        home_zone = form.take("home_zone", parse_zone) if values.get("home_zone") else "UTC"
        if not wanted:
            form.errors["lists"] = Said("please choose at least one newsletter")
        elif not set(wanted) <= public.keys():
            form.errors["lists"] = Said("there is no such newsletter; please choose from those shown")
        if form.errors:
            raise InvalidSignUp(form.errors)
        assert address
        return cls(
            address=address,
            first_name=first_name or "",
            home_zone=home_zone or "UTC",
            lists=tuple(each for key, each in public.items() if key in wanted),
        )


def ask_for_lists(
    session: Session,
    form: ListSignUp,
    *,
    hmac_key: bytes,
    now: datetime,
    source: str,
    sender_hmac: str = "",
    wordings: Mapping[str, str] | None = None,
) -> Subscriber:
    """Write down who asked for which newsletters; nothing but a confirmation may leave until `confirm_lists`.

    `wordings`: by key of the list, what they agreed to in the language they read it in. A list they are on
    stays as it is: whoever types an address need not be its owner. Asking again waits anew.
    """
    subscriber = find_or_add(session, form, hmac_key=hmac_key, now=now)
    if subscriber.confirmed_at is None and not subscriber.interviews:
        subscriber.first_name, subscriber.home_zone = form.first_name, form.home_zone
        subscriber.locale = form.locale
    known = {place.list_key: place for place in _places(session, subscriber)}
    for each in form.lists:
        place = known.get(each.key)
        if place is not None and place.is_held:
            continue
        if place is None:
            place = Subscription(subscriber_id=subscriber.id, list_key=each.key)
            session.add(place)
        place.subscribed_at, place.confirmed_at, place.ended_at = now, None, None
        session.add(
            Consent(
                subscriber_id=subscriber.id,
                purpose=each.purpose,
                wording=(wordings or {}).get(each.key) or f"{each.wording}",
                wording_version=WORDING_VERSION,
                source=source,
                sender_hmac=sender_hmac,
                agreed_at=now,
            )
        )
    subscriber.touch()
    session.flush()
    return subscriber


def asked_together(session: Session, place: Subscription) -> list[Subscription]:
    """The places asked for with this one that still wait, and those of them that are theirs already."""
    return [
        each
        for each in _places(session, session.get_one(Subscriber, place.subscriber_id))
        if each.subscribed_at == place.subscribed_at and each.ended_at is None
    ]


def is_expired(place: Subscription, *, now: datetime) -> bool:
    """Nobody can say yes to it any more: three days have passed, or it has ended since."""
    return place.ended_at is not None or now > place.subscribed_at + CONFIRM_WITHIN


def confirm_lists(
    session: Session, place: Subscription, *, lists: Iterable[NewsletterList], now: datetime
) -> list[Subscription]:
    """The person behind the address has said by a POST that they want what was asked for with `place`.

    Doing it twice is doing it once. Returns their places. Only what is public among `lists` can be confirmed.
    Who had said goodbye to everything gets these newsletters and nothing else. Raises ConfirmationExpired.
    """
    subscriber = lock_subscriber(session, place.subscriber_id)
    assert subscriber is not None, "a place is somebody's"
    session.refresh(place)
    together = asked_together(session, place)
    if place.is_held:
        return [each for each in together if each.confirmed_at is not None]
    public = {each.key for each in lists if each.is_public}
    together = [each for each in together if each.list_key in public]
    if is_expired(place, now=now) or subscriber.erased_at or not together:
        raise ConfirmationExpired("this link has expired; please sign up again")
    _come_back(session, subscriber, now=now)
    for each in together:
        _confirm(session, subscriber, each, now=now)
    subscriber.confirmed_at = subscriber.confirmed_at or now
    subscriber.touch()
    session.flush()
    return together


def _confirm(session: Session, subscriber: Subscriber, place: Subscription, *, now: datetime) -> None:
    place.confirmed_at, place.ended_at = now, None
    for consent in session.scalars(
        select(Consent).where(
            Consent.subscriber_id == subscriber.id,
            Consent.purpose == f"newsletter:{place.list_key}",
            Consent.agreed_at == place.subscribed_at,
            Consent.confirmed_at.is_(None),
        )
    ):
        consent.confirmed_at = now
    assert subscriber.address_hmac is not None, "only an erased subscriber has no address"
    lift(session, subscriber.address_hmac, scope=place.list_key)


def _come_back(session: Session, subscriber: Subscriber, *, now: datetime) -> None:
    """A goodbye to everything ends; what else it ended stays ended: they asked for a newsletter only."""
    found = find_suppression(session, subscriber.address_hmac or "")
    if found is None or found.reason not in (Reason.UNSUBSCRIBED, Reason.ERASED):
        return
    assert subscriber.address_hmac is not None
    leave_all_lists(session, subscriber, now=now)
    rest_interviews(session, subscriber, now=now)
    lift(session, subscriber.address_hmac)
    subscriber.unsubscribed_at, subscriber.wants_goodbye = None, False


def _places(session: Session, subscriber: Subscriber) -> list[Subscription]:
    found = select(Subscription).where(Subscription.subscriber_id == subscriber.id)
    return list(session.scalars(found.order_by(Subscription.id)))
