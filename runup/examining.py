"""What `doctor` looks at: one question per function, an answer and a remedy each."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from campaigns import CampaignError, Catalog
from runup.application import brand_of, run_of
from runup.providing import provider_config
from runup.setting_places import unknown_variables
from runup.settings import Settings, SettingsError
from runup.workspace import FILE, SECRETS_FILE
from subscribers import tzdata_version


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


def examine(*, now: datetime, dns_server: str = "") -> Iterator[Finding]:
    """Look at everything that can be looked at. Sends nothing, changes nothing. `dns_server`: in place of the
    settings' own."""
    from runup.examining_database import examine_database
    from runup.examining_dns import examine_dns
    from runup.examining_smtp import examine_smtp  # they answer in this file's words
    from runup.examining_work import examine_feed

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
    yield from examine_dns(settings, server=dns_server)
    yield from _campaigns(settings)
    yield Finding(Level.OK, "time zones", f"tzdata {tzdata_version()}")
    yield from examine_feed(settings)
    yield from examine_database(settings, now=now)


def _settings(settings: Settings) -> Iterator[Finding]:
    if (settings.home / FILE).is_file():
        yield Finding(Level.OK, "settings", f"{FILE} in {settings.home}")
    else:
        yield Finding(
            Level.WARNING, "settings", f"no {FILE} here or above", "run `runup init` in your workspace"
        )
    for line in unknown_variables(Settings.model_fields):
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
    catalog = Catalog(folder=settings.templates, brand=brand_of(settings), run=run_of(settings))
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
