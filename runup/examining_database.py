"""What `doctor` looks at in the database and below it: the disk, durability, damage, the place, the clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from runup.database import Database, DatabaseError, require_newest
from runup.database.file_system import network_file_system
from runup.database.space import BALLAST, MB
from runup.examining import Finding, Level
from runup.examining_trials import examine_trials
from runup.examining_webhooks import examine_webhooks
from runup.examining_work import examine_work
from runup.providing import open_provider_of
from runup.settings import Settings, SettingsError
from scheduler.machine import place_of
from scheduler.witness import witness_of

_CLOCK_MAY_BE_OFF = timedelta(seconds=30)


def examine_database(settings: Settings, *, now: datetime) -> Iterator[Finding]:
    try:
        database = Database(settings.database_url)
    except DatabaseError as error:
        yield Finding(Level.FAILED, "database", str(error), "correct `database` in the settings")
        return
    try:
        if database.file is not None and not database.file.exists():
            yield Finding(Level.FAILED, "database", f"{database.file} is not there", "run `runup init`")
            return
        yield from _disk(database)
        require_newest(database)
        yield Finding(Level.OK, "database", "the tables are those of this runup")
        yield from _durability(database)
        yield from _damage(database)
        yield from _place(settings, database)
        yield from _clock(settings, database, now=now)
        yield from examine_work(settings, database, now=now)
        yield from examine_webhooks(database)
        yield from examine_trials(settings, database)
    except (DatabaseError, SQLAlchemyError) as error:
        words = str(getattr(error, "orig", error)).strip().splitlines()[0]
        remedy = (
            "see whether it runs and can be read; `runup database upgrade` brings tables. Is it damaged, "
            "restore a backup or read out what can be read with sqlite3's .recover; delete nothing"
        )
        yield Finding(Level.FAILED, "database", words, remedy)
    finally:
        database.close()


def _disk(database: Database) -> Iterator[Finding]:
    if database.space is None:
        return
    if kind := network_file_system(database.space.file):
        words = f"the database lies on {kind}, whose locks do not hold"
        yield Finding(Level.FAILED, "disk", words, "move it to a local disk, or use PostgreSQL")
    free, short = database.space.free, database.space.shortage()
    if short:
        remedy = (
            f"make room: sign-ups are refused and no email leaves below {database.space.needed // MB:,} MB"
        )
        yield Finding(Level.FAILED, "free space", short, remedy)
    else:
        has = database.space.ballast.exists()
        ballast = f", {BALLAST // MB} MB more kept for the worst" if has else ""
        yield Finding(Level.OK, "free space", f"{free // MB:,} MB free{ballast}")


_DURABLE: dict[bool, tuple[tuple[str, Callable[[str], bool], str], ...]] = {
    True: (
        ("PRAGMA journal_mode", lambda value: value == "wal", "journal_mode"),
        ("PRAGMA synchronous", lambda value: value in ("2", "3"), "synchronous"),
        ("PRAGMA foreign_keys", lambda value: value == "1", "foreign_keys"),
    ),
    False: (
        ("SHOW synchronous_commit", lambda value: value != "off", "synchronous_commit"),
        ("SHOW fsync", lambda value: value == "on", "fsync"),
        ("SHOW full_page_writes", lambda value: value == "on", "full_page_writes"),
    ),
}


def _durability(database: Database) -> Iterator[Finding]:
    """An intent that a power loss forgets is an email sent twice."""
    with database.engine.connect() as connection:
        for question, is_good, name in _DURABLE[database.is_sqlite]:
            value = str(connection.execute(text(question)).scalar())
            if not is_good(value):
                remedy = "move the database to a local disk" if database.is_sqlite else f"set {name} to on"
                yield Finding(Level.FAILED, "durability", f"{name} is {value}", remedy)
                return
    yield Finding(Level.OK, "durability", "what is committed survives a power loss")


def _damage(database: Database) -> Iterator[Finding]:
    if not database.is_sqlite:
        return
    try:
        with database.read() as session:
            found = [str(line) for line in session.scalars(text("PRAGMA quick_check(3)"))]
    except SQLAlchemyError as error:  # damaged so that it cannot even be checked
        found = [str(getattr(error, "orig", error))]
    if found != ["ok"]:
        words = "; ".join(line.splitlines()[0] if line else "" for line in found)
        remedy = (
            "stop runup, copy the files as they are, then restore a backup or read out what can be read with "
            "sqlite3's .recover; delete nothing"
        )
        yield Finding(Level.FAILED, "damage", f"the database is damaged: {words}", remedy)


def _place(settings: Settings, database: Database) -> Iterator[Finding]:
    if settings.provider != "outbox" and not place_of(database, name=settings.machine):
        words = "a copy of this database started elsewhere would not be noticed"
        remedy = "set RUNUP_MACHINE to a name of your own, another one for each installation"
        yield Finding(Level.WARNING, "place", words, remedy)


def _clock(settings: Settings, database: Database, *, now: datetime) -> Iterator[Finding]:
    try:
        # Of the providers SendGrid alone tells the time, and to open one may make a folder.
        provider = open_provider_of(settings) if settings.provider == "sendgrid" else None
    except SettingsError:
        return  # said already
    told = witness_of(database, provider)()
    if provider is not None:
        provider.close()
    if told is None:
        return
    off = abs(now - told.now)
    if off > _CLOCK_MAY_BE_OFF:
        words = f"this machine's clock is {off.total_seconds():,.0f} seconds off that of {told.whose}"
        yield Finding(
            Level.FAILED, "clock", words, "let NTP set it (timedatectl), then `runup sends release`"
        )
    else:
        yield Finding(Level.OK, "clock", f"agrees with {told.whose}")
