"""Many people at once, from their rows to what planning needs to know of them; nothing is written."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.catalog import Catalog
from campaigns.enrollment import CampaignPause, CampaignStep
from campaigns.facts import Passage, Person
from campaigns.planning import Pause, Situation
from scheduler.enrolling import enrollments_of
from scheduler.send import Send
from scheduler.situation import history_of, passage, perhaps_left_of, person_of
from subscribers.lists import Subscription, is_theirs
from subscribers.pausing import EmailPause, pauses_of
from subscribers.subscriber import Subscriber
from subscribers.suppression import EVERYTHING, Suppression
from subscribers.tags import tags_by_person

_OF_HISTORY: tuple[Any, ...] = (
    Send.subscriber_id, Send.enrollment_id, Send.subscription_id, Send.issue_id, Send.step, Send.occasion,
    Send.state, Send.reason, Send.left_at, Send.merged,
)  # fmt: skip


@dataclass(frozen=True)
class Campaigns:
    """What holds for everybody: when campaigns were paused, and since when each of their steps is there."""

    pauses: tuple[Pause, ...]
    added: Mapping[tuple[str, str], datetime]


def read_campaigns(session: Session) -> Campaigns:
    return Campaigns(
        pauses=tuple(
            Pause(campaign=pause.campaign, began_at=pause.began_at, ended_at=pause.ended_at)
            for pause in session.scalars(select(CampaignPause))
        ),
        added={(step.campaign, step.step): step.added_at for step in session.scalars(select(CampaignStep))},
    )


def read_situations(
    session: Session,
    ids: Collection[int],
    *,
    catalog: Catalog,
    campaigns: Campaigns,
    sends: Mapping[int, list[Any]] | None = None,
) -> list[Situation]:
    """The situation of each of these people who has an enrollment, in the order of their ids.

    What `read_situation` reads of one of them, in a handful of statements for all; but nothing of newsletters
    that wait for their yes. `sends`: by person, where they have been read already.
    """
    people = _people(session, ids)
    passages = _passages(session, ids)
    sends = _sends(session, ids) if sends is None else sends
    return [
        Situation(
            sequences={key: catalog.sequence(key) for key in sorted({one.campaign for one in passages[who]})},
            person=people[who],
            passages=passages[who],
            history=history_of(sends.get(who, ())),
            perhaps_left=perhaps_left_of(sends.get(who, ())),
            pauses=campaigns.pauses,
            added=campaigns.added,
        )
        for who in sorted(passages)
    ]


def _people(session: Session, ids: Collection[int]) -> dict[int, Person]:
    subscribers = session.scalars(select(Subscriber).where(Subscriber.id.in_(ids))).all()
    hashes = {one.address_hmac for one in subscribers if one.address_hmac}
    found = session.execute(
        select(Suppression.address_hmac, Suppression.reason).where(
            Suppression.address_hmac.in_(hashes), Suppression.scope == EVERYTHING
        )
    )
    suppressed = {hmac: reason for hmac, reason in found}  # noqa: C416 - rows, not pairs
    on_lists = select(Subscription.subscriber_id).where(Subscription.subscriber_id.in_(ids), is_theirs())
    readers, tags = set(session.scalars(on_lists)), tags_by_person(session, ids)
    return {
        one.id: person_of(
            one,
            suppressed=suppressed.get(one.address_hmac or "", ""),
            has_newsletter=one.id in readers,
            tags=tags.get(one.id, ()),
        )
        for one in subscribers
    }


def _passages(session: Session, ids: Collection[int]) -> dict[int, list[Passage]]:
    rests: dict[int, list[EmailPause]] = defaultdict(list)
    for pause in pauses_of(session, ids):
        rests[pause.subscriber_id].append(pause)
    found: dict[int, list[Passage]] = defaultdict(list)
    for enrollment in enrollments_of(session, ids):
        found[enrollment.subscriber_id].append(passage(enrollment, rests[enrollment.subscriber_id]))
    return found


def _sends(session: Session, ids: Collection[int]) -> dict[int, list[Any]]:
    """Columns, not objects: of the whole row planning asks for these."""
    found: dict[int, list[Any]] = defaultdict(list)
    for row in session.execute(
        select(*_OF_HISTORY)
        .where(Send.subscriber_id.in_(ids), Send.enrollment_id.is_not(None))
        .order_by(Send.id)
    ):
        found[row.subscriber_id].append(row)
    return found
