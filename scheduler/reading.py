"""Clicks and opens as they come in: whose email, where to, and whether a person did it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from scheduler.reaction import Reaction, ReactionKind, Target
from scheduler.send import ARRIVED, Send, is_in
from subscribers.subscriber import Subscriber

TOO_SOON = timedelta(seconds=20)
"""Nobody has an email in hand and read it so soon after it left; scanners have."""
AT_ONCE, WITHIN = 3, timedelta(seconds=10)
"""So many different links of one email in so short a time: something follows them all."""
MOST = 20
"""Reactions kept of one email and kind: whoever repeats them fills no disk."""
_PROGRAMS = (
    "bot", "crawl", "spider", "scan", "preview", "proxy", "barracuda", "proofpoint", "mimecast", "safelinks",
    "python", "curl", "wget", "go-http", "java/", "okhttp", "headless", "slurp", "facebookexternalhit",
)  # fmt: skip
_APPLE = "mozilla/5.0"
"""All that Apple's Mail Privacy Protection says of itself; browsers say more."""


@dataclass(frozen=True)
class Visit:
    """What a request says of who sent it. Nothing of it is kept but the verdict."""

    agent: str = ""
    is_prefetch: bool = False

    @property
    def program(self) -> str:
        """Empty for a person's browser, as far as it says; else by what it is known."""
        if self.is_prefetch:
            return "prefetch"
        agent = self.agent.strip().lower()
        if not agent or agent == _APPLE or any(name in agent for name in _PROGRAMS):
            return "agent"
        return ""


def keep_targets(session: Session, targets: Mapping[str, str], *, now: datetime) -> None:
    """Write down where links lead, by digest; what is there stays. In one order, so that workers do not wait
    for each other in a circle."""
    insert = _insert(session)
    for digest, url in sorted(targets.items()):
        session.execute(
            insert(Target)
            .values(digest=digest, url=url, created_at=now)
            .on_conflict_do_nothing(index_elements=["digest"])
        )


def find_target(session: Session, digest: str) -> Target | None:
    return session.scalar(select(Target).where(Target.digest == digest))


def note_click(session: Session, send_id: int, target: Target, visit: Visit, *, now: datetime) -> bool:
    """Write a click down. Returns whether that was done: not for a send that never left or has enough."""
    if not _note(session, send_id, ReactionKind.CLICKED, target.id, visit, now=now):
        return False
    recent = (
        Reaction.send_id == send_id,
        Reaction.kind == ReactionKind.CLICKED,
        Reaction.at > now - WITHIN,
    )
    if _different(session, *recent) >= AT_ONCE:
        # Those before it, too: the first of them looked like a person's.
        session.execute(
            update(Reaction)
            .where(*recent, Reaction.machine == "")
            .values(machine="at_once")
            .execution_options(synchronize_session=False)
        )
    return True


def note_open(session: Session, send_id: int, visit: Visit, *, now: datetime) -> bool:
    """Write an open down, as `note_click`."""
    return _note(session, send_id, ReactionKind.OPENED, None, visit, now=now)


def _note(
    session: Session, send_id: int, kind: ReactionKind, target_id: int | None, visit: Visit, *, now: datetime
) -> bool:
    left = (
        select(Send.left_at)
        .join(Subscriber, Subscriber.id == Send.subscriber_id)
        .where(Send.id == send_id, is_in(*ARRIVED), Subscriber.erased_at.is_(None))
    )
    left_at = session.scalar(left.with_for_update(of=Send))
    if left_at is None:
        return False
    kept = select(func.count()).where(Reaction.send_id == send_id, Reaction.kind == kind)
    if (session.scalar(kept) or 0) >= MOST:
        return False
    machine = visit.program or ("too_soon" if now < left_at + TOO_SOON else "")
    session.add(Reaction(send_id=send_id, kind=kind, target_id=target_id, at=now, machine=machine))
    session.flush()
    return True


def _different(session: Session, *recent: object) -> int:
    found = select(func.count(Reaction.target_id.distinct())).where(*recent)  # type: ignore[arg-type]
    return session.scalar(found) or 0


def _insert(session: Session) -> Callable[..., sqlite.Insert | postgresql.Insert]:
    return sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
