"""What `doctor` looks at: one question per function, an answer and a remedy each."""

from __future__ import annotations

import shutil
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from campaigns import CampaignError, Catalog
from runup.application import brand_of
from runup.database import Database, DatabaseError, require_newest
from runup.providing import provider_config
from runup.reports import status
from runup.settings import Settings, SettingsError, unknown_variables
from runup.workspace import FILE, SECRETS_FILE
from subscribers import tzdata_version

FREE_BYTES = 200 * 1024 * 1024
"""Below this an intent may not be recorded any more."""


class Level(StrEnum):
    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True)
class Finding:
    """`remedy` says what to do; it is empty where nothing is to be done."""

    level: Level
    subject: str
    words: str
    remedy: str = ""


def examine(*, now: datetime) -> Iterator[Finding]:
    """Look at everything that can be looked at. Sends nothing, changes nothing."""
    from runup.examining_smtp import examine_smtp  # it answers in this file's words

    try:
        settings = Settings.load()
    except SettingsError as error:
        for line in str(error).splitlines():
            yield Finding(Level.FAILED, "settings", line, f"correct it in {FILE} or the environment")
        return
    yield from _settings(settings)
    yield from _secrets(settings)
    yield from _sender(settings)
    yield from _provider(settings)
    yield from examine_smtp(settings)
    yield from _campaigns(settings)
    yield Finding(Level.OK, "time zones", f"tzdata {tzdata_version()}")
    yield from _space(settings.home)
    yield from _database(settings, now=now)


def _settings(settings: Settings) -> Iterator[Finding]:
    if (settings.home / FILE).is_file():
        yield Finding(Level.OK, "settings", f"{FILE} in {settings.home}")
    else:
        yield Finding(
            Level.WARNING, "settings", f"no {FILE} here or above", "run `runup init` in your workspace"
        )
    for line in unknown_variables():
        yield Finding(Level.WARNING, "settings", line, "correct the name or take it out of the environment")


def _secrets(settings: Settings) -> Iterator[Finding]:
    file = settings.home / SECRETS_FILE
    given = settings.secret_keys and settings.suppression_key.get_secret_value()
    if not given:
        remedy = "run `runup init`, or set RUNUP_SECRET_KEYS and RUNUP_SUPPRESSION_KEY"
        yield Finding(Level.FAILED, "secrets", "the keys for links and addresses are missing", remedy)
    if file.is_file() and stat.S_IMODE(file.stat().st_mode) & 0o077:
        yield Finding(Level.FAILED, "secrets", f"others can read {SECRETS_FILE}", f"chmod 600 {file}")
    elif given:
        yield Finding(Level.OK, "secrets", "there, and only you can read them")


def _sender(settings: Settings) -> Iterator[Finding]:
    """What the defaults say in your name is fine for an outbox on this machine and nowhere else."""
    if settings.provider == "outbox":
        yield Finding(Level.OK, "sender", f"{settings.sender} (emails stay in {settings.outbox_folder})")
        return
    shown = {name: Settings.model_fields[name].default for name in ("sender", "postal_address", "base_url")}
    unset = [name for name, default in shown.items() if getattr(settings, name) == default]
    if unset:
        yield Finding(Level.FAILED, "sender", f"still the example: {', '.join(unset)}", f"set them in {FILE}")
    else:
        yield Finding(Level.OK, "sender", settings.sender)
    if settings.base_url.scheme != "https":
        remedy = "put the site behind TLS and set base_url to its https address"
        yield Finding(Level.WARNING, "sender", f"links begin with {settings.base_url}", remedy)


def _provider(settings: Settings) -> Iterator[Finding]:
    try:
        provider_config(settings)
    except SettingsError as error:
        yield Finding(
            Level.FAILED, "provider", str(error), "docs/reference/settings.md has the settings of each"
        )
        return
    words = f"{settings.provider} is configured; `runup send-test` sends one email through it"
    yield Finding(Level.OK, "provider", words)
    if settings.allow_list:
        remedy = "clear allow_list when real people sign up"
        yield Finding(
            Level.WARNING, "provider", f"only {', '.join(settings.allow_list)} are written to", remedy
        )


def _campaigns(settings: Settings) -> Iterator[Finding]:
    catalog = Catalog(folder=settings.templates, brand=brand_of(settings))
    try:
        for key in sorted({*catalog.keys(), settings.campaign}):
            catalog.sequence(key)
            catalog.compiled(key)
    except (CampaignError, OSError) as error:
        yield Finding(
            Level.FAILED, "campaigns", str(error), "`runup campaigns check` shows all that is wrong"
        )
    else:
        yield Finding(Level.OK, "campaigns", f"{', '.join(catalog.keys())} can be read and compiled")


def _space(folder: Path) -> Iterator[Finding]:
    free = shutil.disk_usage(folder).free
    words = f"{free // 1024**2:,} MB free"
    if free < FREE_BYTES:
        yield Finding(Level.FAILED, "free space", words, "make room: without it no email can leave safely")
    else:
        yield Finding(Level.OK, "free space", words)


def _database(settings: Settings, *, now: datetime) -> Iterator[Finding]:
    try:
        database = Database(settings.database_url)
    except DatabaseError as error:
        yield Finding(Level.FAILED, "database", str(error), "correct `database` in the settings")
        return
    try:
        if database.file is not None and not database.file.exists():
            yield Finding(Level.FAILED, "database", f"{database.file} is not there", "run `runup init`")
            return
        require_newest(database)
        yield Finding(Level.OK, "database", "the tables are those of this runup")
        yield from _durability(database)
        yield from _work(database, now=now)
    except (DatabaseError, SQLAlchemyError) as error:
        words = str(getattr(error, "orig", error)).strip().splitlines()[0]
        yield Finding(
            Level.FAILED, "database", words, "see whether it runs; `runup database upgrade` brings tables"
        )
    finally:
        database.close()


_DURABLE: dict[bool, tuple[tuple[str, Callable[[str], bool], str], ...]] = {
    True: (
        ("PRAGMA journal_mode", lambda value: value == "wal", "journal_mode"),
        ("PRAGMA synchronous", lambda value: value in ("2", "3"), "synchronous"),
        ("PRAGMA foreign_keys", lambda value: value == "1", "foreign_keys"),
    ),
    False: (
        ("SHOW synchronous_commit", lambda value: value != "off", "synchronous_commit"),
        ("SHOW fsync", lambda value: value == "on", "fsync"),
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


def _work(database: Database, *, now: datetime) -> Iterator[Finding]:
    with database.read() as session:
        found = status(session, now=now)
    if found.is_ticking:
        yield Finding(Level.OK, "worker", f"{found.workers} at work")
    else:
        remedy = "`runup serve` or `runup work` starts one; let systemd keep it running"
        level = Level.FAILED if found.due else Level.WARNING
        yield Finding(level, "worker", f"none is at work; {found.due} sends are due", remedy)
    for hold in found.holds:
        yield Finding(
            Level.FAILED,
            "worker",
            hold["detail"],
            "check the clock of this machine, then `runup sends release`",
        )
    if found.in_doubt:
        remedy = "`runup sends list --state in_doubt` names them; each is settled by evidence or its deadline"
        yield Finding(Level.WARNING, "worker", f"{found.in_doubt} sends are in doubt", remedy)
    if found.late and found.is_ticking:
        remedy = "see what the worker's log says of the provider"
        yield Finding(Level.WARNING, "worker", f"{found.late} sends are late", remedy)
