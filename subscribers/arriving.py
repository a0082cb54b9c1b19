"""Sign-ups that arrive in the same moment, written down together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from subscribers.address import address_hmac, mailbox_hmac
from subscribers.consent import WORDING, WORDING_VERSION, Consent
from subscribers.interview import Interview
from subscribers.signup import SignUp, sign_up
from subscribers.subscriber import Subscriber

_PERSON: Any = Subscriber.__table__
_INTERVIEW: Any = Interview.__table__
_TOLD = (
    "held_on", "start_time", "zone", "mode", "interviewers", "format", "company", "role", "country",
    "decision_on",
)  # fmt: skip
_KNOWN = (
    select(_PERSON.c.address_hmac, _PERSON.c.id)
    .where(_PERSON.c.address_hmac.in_(bindparam("keys", expanding=True)))
    .order_by(_PERSON.c.id)
)
_ADD_INTERVIEWS = insert(_INTERVIEW).returning(_INTERVIEW.c.id, _INTERVIEW.c.subscriber_id)
_ADD_CONSENTS = insert(Consent.__table__)  # type: ignore[arg-type] # a mapped class has a Table here


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """A form that was sent; `sender_hmac` and `wording` as for `sign_up`."""

    form: SignUp
    source: str
    sender_hmac: str = ""
    wording: str = WORDING


def sign_up_together(
    session: Session, arrivals: Iterable[Arrival], *, campaign: str, hmac_key: bytes, now: datetime
) -> list[int]:
    """What `sign_up` does with each, in their order; returns whose plans change.

    Nearly always nobody knows the address: those are written by a handful of statements for all of them.
    """
    by_key: dict[str, list[Arrival]] = {}
    for arrival in arrivals:
        by_key.setdefault(address_hmac(arrival.form.address, hmac_key), []).append(arrival)
    known = {key for key, _ in session.execute(_KNOWN, {"keys": list(by_key)})}
    # In the order of the keys: two processes with some addresses in common wait for each other only one way.
    new = {key: sent[0] for key, sent in sorted(by_key.items()) if key not in known}
    added = _add(session, new, campaign=campaign, hmac_key=hmac_key, now=now) if new else {}
    rest = {key: sent[1:] if key in added else sent for key, sent in by_key.items()}
    again = [key for key, sent in rest.items() if sent]
    if not again:
        return sorted(added.values())
    # Then people who are there, in the order of their ids, as everybody locks them.
    found = session.execute(_KNOWN, {"keys": again}).all()
    for key, _ in found:
        for one in rest[key]:
            _sign_up(session, one, campaign=campaign, hmac_key=hmac_key, now=now)
    return sorted({*added.values(), *(identity for _, identity in found)})


def _sign_up(session: Session, one: Arrival, *, campaign: str, hmac_key: bytes, now: datetime) -> None:
    sign_up(
        session,
        one.form,
        campaign=campaign,
        hmac_key=hmac_key,
        now=now,
        source=one.source,
        sender_hmac=one.sender_hmac,
        wording=one.wording,
    )


def _add(
    session: Session, new: Mapping[str, Arrival], *, campaign: str, hmac_key: bytes, now: datetime
) -> dict[str, int]:
    """These people, by the hash of their address, with the interview each told of; returns their ids. Whoever
    another process has written down in this very moment is not among them."""
    kind = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    people = kind(_PERSON).on_conflict_do_nothing(index_elements=["address_hmac"])
    values = [_person(key, one.form, hmac_key=hmac_key, now=now) for key, one in new.items()]
    added = session.execute(people.returning(_PERSON.c.address_hmac, _PERSON.c.id), values)
    ids: dict[str, int] = {row.address_hmac: row.id for row in added}
    if not ids:
        return ids
    told = {identity: new[key] for key, identity in ids.items()}
    interviews = session.execute(
        _ADD_INTERVIEWS, [_interview(who, one.form, campaign, now) for who, one in told.items()]
    ).all()
    session.execute(
        _ADD_CONSENTS,
        [_consent(interview, who, told[who], campaign, now) for interview, who in interviews],
    )
    return ids


def _person(key: str, form: SignUp, *, hmac_key: bytes, now: datetime) -> dict[str, Any]:
    return {
        "address": form.address,
        "address_hmac": key,
        "mailbox_hmac": mailbox_hmac(form.address, hmac_key),
        "first_name": form.first_name,
        "home_zone": form.home_zone,
        "locale": form.locale,
        "created_at": now,
        "wants_goodbye": False,
        "epoch": 1,
        "planned_epoch": -1,
    }


def _interview(who: int, form: SignUp, campaign: str, now: datetime) -> dict[str, Any]:
    return {name: getattr(form, name) for name in _TOLD} | {
        "subscriber_id": who,
        "campaign": campaign,
        "revision": 0,
        "created_at": now,
        "requested_at": now,
    }


def _consent(interview: int, who: int, one: Arrival, campaign: str, now: datetime) -> dict[str, Any]:
    return {
        "subscriber_id": who,
        "interview_id": interview,
        "purpose": f"sequence:{campaign}",
        "wording": one.wording,
        "wording_version": WORDING_VERSION,
        "source": one.source,
        "proof": "",
        "sender_hmac": one.sender_hmac,
        "agreed_at": now,
    }
