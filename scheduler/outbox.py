"""The webhooks' outbox: who may be posted to now, what is taken, and what came of it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, exists, func, literal_column, or_, select, update
from sqlalchemy.orm import Session, aliased

from scheduler.webhook import Webhook, WebhookPost

LEASE = timedelta(minutes=2)
"""A post that was taken is taken again after this, should its worker have died."""
WAITS = (
    timedelta(seconds=5), timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2), timedelta(hours=5),
    timedelta(hours=10), timedelta(hours=14), timedelta(hours=20), timedelta(hours=24),
)  # fmt: skip
"""After the first, second, … failure: three days of trying in all."""
GIVE_UP_AFTER = timedelta(days=5)
"""A receiver that has taken nothing for so long is switched off."""
LONGEST_WAIT = timedelta(hours=1)
"""Between two tries of a receiver that is away."""
DONE_KEPT, FAILED_KEPT = timedelta(days=7), timedelta(days=30)
GONE = 410


@dataclass(frozen=True)
class Answer:
    """What one post came to. `status` 0: no answer came, and `error` says why."""

    post_id: int
    status: int
    error: str = ""
    retry_after: float | None = None

    @property
    def is_good(self) -> bool:
        return 200 <= self.status < 300

    @property
    def blames_receiver(self) -> bool:
        """It is away or overloaded: the next message would meet the same."""
        return not self.is_good and (self.status in (0, 408, 429) or self.status >= 500)


def receivers(session: Session, *, now: datetime) -> list[int]:
    """Those who may be posted to now and for whom something waits, by id. Whoever asks takes no lock."""
    ready = or_(Webhook.next_at.is_(None), Webhook.next_at <= now)
    has_post = exists(
        select(WebhookPost.id).where(
            WebhookPost.webhook_id == Webhook.id, is_waiting(WebhookPost), WebhookPost.next_at <= now
        )
    )
    found = select(Webhook.id).where(Webhook.state == "on", ready, has_post)
    return list(session.scalars(found.order_by(Webhook.id)))


def take(session: Session, webhook: Webhook, *, most: int, now: datetime) -> list[WebhookPost]:
    """The oldest that are due, of each person one at most: the next only when this one has been taken by the
    receiver, or given up."""
    earlier = aliased(WebhookPost)
    is_first = ~exists(
        select(earlier.id).where(
            earlier.webhook_id == WebhookPost.webhook_id,
            earlier.subscriber_id == WebhookPost.subscriber_id,
            is_waiting(earlier),
            earlier.id < WebhookPost.id,
        )
    )
    found = (
        select(WebhookPost)
        .where(
            WebhookPost.webhook_id == webhook.id,
            is_waiting(WebhookPost),
            WebhookPost.next_at <= now,
            is_first,
        )
        .order_by(WebhookPost.id)
        # While it fails one message asks whether it is back.
        .limit(1 if webhook.failures else most)
        .with_for_update(skip_locked=True)
    )
    posts = list(session.scalars(found))
    for post in posts:
        post.next_at = now + LEASE
    return posts


def note(session: Session, webhook_id: int, answers: Sequence[Answer], *, now: datetime) -> None:
    """Write down what came of posts, and what that says of the receiver."""
    # Not FOR UPDATE: that would hold up every fact that is being written for this receiver.
    webhook = session.get(Webhook, webhook_id, with_for_update={"key_share": True}, populate_existing=True)
    if webhook is None:
        return  # removed meanwhile, and its posts with it
    for answer in answers:
        post = session.get(WebhookPost, answer.post_id)
        if post is not None and post.state == "waiting":
            _note_post(post, answer, now=now)
    bad = [answer for answer in answers if not answer.is_good]
    if len(bad) < len(answers):
        webhook.failing_since, webhook.failures, webhook.next_at, webhook.succeeded_at = None, 0, None, now
    for answer in bad:
        _note_failure(webhook, answer, now=now)


def _note_post(post: WebhookPost, answer: Answer, *, now: datetime) -> None:
    post.attempts += 1
    post.status, post.error = answer.status, answer.error[:200]
    if answer.is_good:
        post.state, post.done_at = "done", now
    elif post.attempts > len(WAITS):
        post.state, post.done_at = "failed", now
    else:
        post.next_at = now + max(_wait(post), timedelta(seconds=answer.retry_after or 0))


def _wait(post: WebhookPost) -> timedelta:
    """A little more than told, drawn from the message itself, so that a crowd does not come back together."""
    draw = hashlib.blake2s(f"{post.message_id}/{post.attempts}".encode(), digest_size=1).digest()[0] / 255
    return WAITS[post.attempts - 1] * (1 + 0.1 * draw)


def _note_failure(webhook: Webhook, answer: Answer, *, now: datetime) -> None:
    webhook.failing_since = webhook.failing_since or now
    said = f"HTTP {answer.status}" if answer.status else answer.error
    if answer.status == GONE:
        switch_off(webhook, "it answered 410 Gone")
    elif now - webhook.failing_since > GIVE_UP_AFTER:
        switch_off(webhook, f"it has taken nothing since {webhook.failing_since:%Y-%m-%d %H:%M}Z: {said}")
    elif answer.blames_receiver:
        webhook.failures += 1
        span = min(timedelta(seconds=5) * 2 ** min(webhook.failures, 20), LONGEST_WAIT)
        webhook.next_at = now + max(span, timedelta(seconds=min(answer.retry_after or 0, 86_400)))


def switch_off(webhook: Webhook, why: str) -> None:
    """Nothing more is written for it; what waits stays until somebody says `retry`."""
    webhook.state, webhook.why = "off", why[:300]


def try_again(session: Session, webhook: Webhook, *, now: datetime) -> int:
    """Switch it on, and everything that waits or was given up is due now. Returns how many that are."""
    webhook.state, webhook.why, webhook.failures = "on", "", 0
    webhook.failing_since = webhook.next_at = None
    again = session.execute(
        update(WebhookPost)
        .where(WebhookPost.webhook_id == webhook.id, WebhookPost.state.in_(("waiting", "failed")))
        .values(state="waiting", next_at=now, attempts=0, done_at=None)
    )
    return int(again.rowcount)  # type: ignore[attr-defined]  # an UPDATE's result is a CursorResult


def is_waiting(post: type[WebhookPost]) -> ColumnElement[bool]:
    """Written out, or neither database uses the indexes of those that wait."""
    return post.state == literal_column("'waiting'")


def waiting(session: Session, webhook_id: int) -> int:
    found = select(func.count()).where(WebhookPost.webhook_id == webhook_id, is_waiting(WebhookPost))
    return session.scalar(found) or 0


def forget_old_posts(session: Session, *, now: datetime, most: int = 5_000) -> int:
    """Delete what was posted a week ago and given up a month ago; returns how many. Harmless to repeat."""
    old = select(WebhookPost.id).where(
        or_(
            (WebhookPost.state == "done") & (WebhookPost.done_at < now - DONE_KEPT),
            WebhookPost.done_at < now - FAILED_KEPT,
        )
    )
    gone = session.execute(delete(WebhookPost).where(WebhookPost.id.in_(old.limit(most))))
    return int(gone.rowcount)  # type: ignore[attr-defined]  # a DELETE's result is a CursorResult
