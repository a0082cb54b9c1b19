"""Words an operator ties to people, to find them again and to ask for in conditions."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from sqlalchemy import ForeignKey, Index, String, bindparam, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from runup.database import Base
from subscribers.subscriber import Subscriber, lock_subscriber

MOST_TAGS = 50
"""Per person."""
_SHAPE = re.compile(r"[^\W_]([\w.-]{0,38}[^\W_])?")


class InvalidTag(ValueError):
    """Not a word that can be a tag; the message says what is."""


class SubscriberTag(Base):
    """One tag of one person. It goes with them when they are erased."""

    __tablename__ = "subscriber_tag"
    __table_args__ = (Index("ix_subscriber_tag_tag", "tag"),)

    subscriber_id: Mapped[int] = mapped_column(
        ForeignKey("subscriber.id", ondelete="CASCADE"), primary_key=True
    )
    tag: Mapped[str] = mapped_column(String(40), primary_key=True)


def parse_tag(value: str) -> str:
    """One tag in its one spelling: lower case, composed. Raises InvalidTag."""
    tag = unicodedata.normalize("NFC", value.strip()).lower()
    if not _SHAPE.fullmatch(tag):
        raise InvalidTag(
            f"{value[:40]!r} cannot be a tag: up to 40 letters and digits, with `-`, `_` or `.` inside"
        )
    return tag


def parse_tags(value: str) -> tuple[str, ...]:
    """Tags with spaces, commas or semicolons between them, each once, in the order of the alphabet."""
    tags = sorted({parse_tag(word) for word in re.split(r"[\s,;]+", value) if word})
    if len(tags) > MOST_TAGS:
        raise InvalidTag(f"{len(tags)} tags are too many; one person has at most {MOST_TAGS}")
    return tuple(tags)


def tag(session: Session, subscriber: Subscriber, tags: Iterable[str]) -> int:
    """Tie these to a person; returns how many are new. Raises InvalidTag when it would be too many."""
    lock_subscriber(session, subscriber.id)
    known = set(tags_of(session, subscriber.id))
    new = sorted({parse_tag(each) for each in tags} - known)
    if len(known) + len(new) > MOST_TAGS:
        raise InvalidTag(
            f"one person has at most {MOST_TAGS} tags; subscriber {subscriber.id} has {len(known)}"
        )
    session.add_all(SubscriberTag(subscriber_id=subscriber.id, tag=each) for each in new)
    if new:
        subscriber.touch()
        session.flush()
    return len(new)


def untag(session: Session, subscriber: Subscriber, tags: Iterable[str]) -> int:
    """Take these away from a person; returns how many they had."""
    lock_subscriber(session, subscriber.id)
    gone = set(tags_of(session, subscriber.id)) & {parse_tag(each) for each in tags}
    if gone:
        session.execute(
            delete(SubscriberTag).where(
                SubscriberTag.subscriber_id == subscriber.id, SubscriberTag.tag.in_(gone)
            )
        )
        subscriber.touch()
    return len(gone)


def tags_of(session: Session, subscriber_id: int) -> tuple[str, ...]:
    """A person's tags, in the order of the alphabet."""
    return tuple(sorted(session.scalars(_OF_ONE, {"person": subscriber_id})))


def tags_by_person(session: Session, subscribers: Iterable[int] | None) -> dict[int, tuple[str, ...]]:
    """The tags of many people at once, of everybody for None; who has none is not in it."""
    some = None if subscribers is None else {"people": list(subscribers)}
    tags: dict[int, list[str]] = {}
    for person, each in session.execute(_OF_SOME if some else _OF_ALL, some):
        tags.setdefault(person, []).append(each)
    return {person: tuple(sorted(each)) for person, each in tags.items()}


# Asked whenever somebody is planned, and built once.
_OF_ONE = select(SubscriberTag.tag).where(SubscriberTag.subscriber_id == bindparam("person"))
_OF_ALL = select(SubscriberTag.subscriber_id, SubscriberTag.tag)
_OF_SOME = _OF_ALL.where(SubscriberTag.subscriber_id.in_(bindparam("people", expanding=True)))
