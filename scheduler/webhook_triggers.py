"""Facts become messages in the fact's own transaction, by triggers that are there while somebody is told.

No code path has to remember it, none can forget it, and without a receiver it costs nothing at all. Decision
0067 says why here and not in Python.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from scheduler.send import ARRIVED, State
from scheduler.webhook import EventName, Webhook

PREFIX = "runup_announce_"


@dataclass(frozen=True)
class _Said:
    """One insert: whom and what the message is about, as expressions over NEW and OLD."""

    event: EventName
    subscriber: str
    at: str
    interview: str = "NULL"
    send: str = "NULL"
    detail: str = "''"
    source: str = ""
    """More tables, joined to the receivers."""
    when: str = "TRUE"


@dataclass(frozen=True)
class _Trigger:
    table: str
    on: str
    when: str
    says: tuple[_Said, ...]

    @property
    def name(self) -> str:
        return f"{PREFIX}{self.table}_{self.on.split()[0].lower()}"


def _listed(*states: State) -> str:
    return ", ".join(f"'{state}'" for state in states)


_HAS_LEFT = _listed(*ARRIVED)
_ITS_INTERVIEW = "(SELECT interview_id FROM enrollment WHERE enrollment.id = NEW.enrollment_id)"


def _heard(*types: str) -> str:
    """When the provider says that it happened; else when we wrote it down."""
    names = ", ".join(f"'{name}'" for name in types)
    return (
        "COALESCE((SELECT MAX(r.occurred_at) FROM delivery_record r WHERE r.reference = NEW.reference "  # noqa: S608 - our own words
        f"AND r.type IN ({names})), NEW.finished_at, NEW.planned_at)"
    )


_TRIGGERS = (
    # One trigger for all that happens to a send: its inserts stand in the order in which a person would tell.
    _Trigger(
        "send",
        "UPDATE OF state",
        f"OLD.state <> NEW.state AND NEW.state IN ({_HAS_LEFT})",
        (
            _Said(
                EventName.SENT, "NEW.subscriber_id", "COALESCE(NEW.finished_at, NEW.planned_at)",
                interview=_ITS_INTERVIEW, send="NEW.id", when=f"OLD.state NOT IN ({_HAS_LEFT})",
            ),
            _Said(
                EventName.DELIVERED, "NEW.subscriber_id", _heard("delivered"),
                interview=_ITS_INTERVIEW, send="NEW.id", when="NEW.state = 'delivered'",
            ),
            _Said(
                EventName.BOUNCED, "NEW.subscriber_id", _heard("bounced", "dropped"),
                interview=_ITS_INTERVIEW, send="NEW.id", detail="NEW.state",
                when="NEW.state IN ('bounced', 'dropped')",
            ),
        ),
    ),
    # What `hear` refuses is applied as well: here, too, it must name the address of its own send.
    _Trigger(
        "delivery_record",
        "UPDATE OF applied_at",
        "OLD.applied_at IS NULL AND NEW.applied_at IS NOT NULL AND NEW.type = 'complained'",
        (
            _Said(
                EventName.COMPLAINED, "s.subscriber_id", "NEW.occurred_at", send="s.id",
                interview="(SELECT e.interview_id FROM enrollment e WHERE e.id = s.enrollment_id)",
                source=f"JOIN send s ON s.reference = NEW.reference AND s.state IN ({_HAS_LEFT}) "
                "JOIN subscriber p ON p.id = s.subscriber_id AND "
                "(OLD.address_hmac = '' OR p.address_hmac IS NULL OR p.address_hmac = OLD.address_hmac)",
                when="NOT EXISTS (SELECT 1 FROM webhook_post o WHERE o.type = 'complained' "
                "AND o.send_id = s.id AND o.webhook_id = w.id)",
            ),
        ),
    ),
    _Trigger(
        "consent",
        "INSERT",
        "NEW.source NOT LIKE 'import%'",
        (
            _Said(
                EventName.SIGN_UP, "NEW.subscriber_id", "NEW.agreed_at", interview="NEW.interview_id",
                detail="NEW.purpose",
            ),
        ),
    ),
    _Trigger(
        "interview",
        "UPDATE OF confirmed_at, outcome",
        "NEW.confirmed_at IS NOT NULL",
        (
            _Said(
                EventName.CONFIRMED, "NEW.subscriber_id", "NEW.confirmed_at", interview="NEW.id",
                detail="'sequence:' || NEW.campaign", when="OLD.confirmed_at IS NULL",
            ),
            _Said(
                EventName.OUTCOME, "NEW.subscriber_id", "NEW.outcome_at", interview="NEW.id",
                detail="NEW.outcome",
                when="NEW.outcome IS NOT NULL AND (OLD.outcome IS NULL OR OLD.outcome <> NEW.outcome)",
            ),
        ),
    ),
    _Trigger(
        "subscription",
        "UPDATE OF confirmed_at, ended_at",
        "NEW.confirmed_at IS NOT NULL",
        (
            _Said(
                EventName.CONFIRMED, "NEW.subscriber_id", "NEW.confirmed_at",
                detail="'newsletter:' || NEW.list_key", when="OLD.confirmed_at IS NULL",
            ),
            _Said(
                EventName.UNSUBSCRIBED, "NEW.subscriber_id", "NEW.ended_at",
                detail="'newsletter:' || NEW.list_key",
                when="OLD.ended_at IS NULL AND NEW.ended_at IS NOT NULL",
            ),
        ),
    ),
    _Trigger(
        "suppression",
        "INSERT",
        "NEW.reason = 'unsubscribed'",
        (
            _Said(
                EventName.UNSUBSCRIBED, "p.id", "NEW.created_at", detail="NEW.scope",
                source="JOIN subscriber p ON p.address_hmac = NEW.address_hmac",
            ),
        ),
    ),
)  # fmt: skip


def agree(session: Session) -> bool:
    """See that the triggers are there if a receiver is on, and gone if none is. Returns whether one is.

    Harmless to repeat. A migration on SQLite may make a table anew and lose its triggers, so a worker calls
    it at its start and again and again."""
    is_wanted = session.scalar(select(Webhook.id).where(Webhook.state == "on").limit(1)) is not None
    there = _there(session)
    if is_wanted and there != {trigger.name for trigger in _TRIGGERS}:
        _run(session, _creating(session, there))
    elif not is_wanted and there:
        _run(session, _dropping(session, there))
    return is_wanted


def _there(session: Session) -> set[str]:
    if _is_sqlite(session):
        found = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    else:
        found = "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal"
    return {name for name in session.scalars(text(found)) if name.startswith(PREFIX)}


def _run(session: Session, statements: Iterator[str]) -> None:
    connection = session.connection()
    for statement in statements:
        connection.exec_driver_sql(statement.replace("%", "%%") if not _is_sqlite(session) else statement)


def _creating(session: Session, there: set[str]) -> Iterator[str]:
    for trigger in _TRIGGERS:
        if trigger.name in there:
            continue
        inserts = " ".join(_insert(said, is_sqlite=_is_sqlite(session)) for said in trigger.says)
        head = f"CREATE TRIGGER {trigger.name} AFTER {trigger.on} ON {trigger.table}"
        if _is_sqlite(session):
            yield f"{head} WHEN {trigger.when} BEGIN {inserts} END"
            continue
        yield (
            f"CREATE OR REPLACE FUNCTION {trigger.name}() RETURNS trigger LANGUAGE plpgsql AS "
            f"$body$ BEGIN {inserts} RETURN NULL; END $body$"
        )
        yield f"{head} FOR EACH ROW WHEN ({trigger.when}) EXECUTE FUNCTION {trigger.name}()"


def _dropping(session: Session, there: set[str]) -> Iterator[str]:
    for trigger in _TRIGGERS:
        if trigger.name in there and _is_sqlite(session):
            yield f"DROP TRIGGER {trigger.name}"
        elif trigger.name in there:
            yield f"DROP TRIGGER {trigger.name} ON {trigger.table}"
            yield f"DROP FUNCTION {trigger.name}()"


def _insert(said: _Said, *, is_sqlite: bool) -> str:
    random = "lower(hex(randomblob(16)))" if is_sqlite else "replace(gen_random_uuid()::text, '-', '')"
    # Columns from a fixed table of expressions; no value of anybody's stands in it.
    return (
        "INSERT INTO webhook_post (webhook_id, message_id, type, subscriber_id, interview_id, "  # noqa: S608
        "send_id, detail, occurred_at, next_at, state, attempts, status, error) "
        f"SELECT w.id, 'msg_' || {random}, '{said.event}', {said.subscriber}, {said.interview}, {said.send}, "
        f"{said.detail}, {said.at}, {said.at}, 'waiting', 0, 0, '' FROM webhook w {said.source} "
        f"WHERE w.state = 'on' AND w.events LIKE '%,{said.event},%' AND {said.when};"
    )


def _is_sqlite(session: Session) -> bool:
    return session.get_bind().dialect.name == "sqlite"
