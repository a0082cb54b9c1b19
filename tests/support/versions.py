"""A town on the small campaign of the simulation, whose timetable and words change while people are on it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sim_shelf
import town as town_module
from town import Town

from campaigns.applied_catalog import applied, with_files
from campaigns.catalog import words_of
from campaigns.rewording import Rewording
from campaigns.source_files import CampaignFiles, version_of
from delivery import OutboxConfig, open_provider
from runup.database import Database
from scheduler.impact import Effect, Impact
from scheduler.weighing import Proposal, weigh

KEY = sim_shelf.KEY


@contextmanager
def drill_town(database: Database, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Town]:
    """Everybody who signs up in it is on the drill."""
    monkeypatch.setattr(town_module, "SEQUENCE", KEY)
    provider = open_provider(OutboxConfig(folder=folder / "outbox"))
    made = Town(database=database, catalog=sim_shelf.catalog(), provider=provider)
    yield made
    made.close()


def shipped() -> CampaignFiles:
    return sim_shelf.catalog().files(KEY)


def with_texts(files: CampaignFiles, **changed: str) -> CampaignFiles:
    """The same with other texts, `advice__subject` for `advice/subject.txt`."""
    texts = {name.replace("__", "/") + ".txt": text for name, text in changed.items()}
    return _made({**files.texts, **texts})


def retimed(files: CampaignFiles, step: str, old: str, new: str) -> CampaignFiles:
    """One line of a step's rules written otherwise."""
    return _timetable(files, lambda text: _in_step(text, step, lambda rules: _replaced(rules, old, new)))


def without(files: CampaignFiles, step: str) -> CampaignFiles:
    return _timetable(files, lambda text: _in_step(text, step, lambda _: ""))


def with_step(files: CampaignFiles, key: str, rules: str, *, before: str) -> CampaignFiles:
    """A new step, with words of its own, in the timetable before another one."""
    table = f'[[step]]\nkey      = "{key}"\ntitle    = "{key}"\n{rules}\n\n'
    files = _timetable(files, lambda text: _in_step(text, before, lambda its: table + its))
    parts = {path: text for path, text in files.texts.items() if path.startswith("eve/")}
    words = {path.replace("eve/", f"{key}/"): text for path, text in parts.items()}
    return _made({**files.texts, **words})


def weighed(town: Town, files: CampaignFiles) -> tuple[Impact, dict[int, Effect]]:
    """What applying these files would change, and for whom."""
    with town.database.read() as session:
        before = applied(session, town.catalog)
    after = with_files(before, files)
    brand = town.catalog.brand
    words = Rewording(words_of(before.files(KEY), brand), words_of(files, brand))
    effects: dict[int, Effect] = {}
    impact = weigh(
        town.database,
        Proposal(KEY, before, after, words),
        now=town.now,
        told=lambda effect: effects.update({effect.subscriber: effect}),
    )
    return impact, effects


def _timetable(files: CampaignFiles, change: Callable[[str], str]) -> CampaignFiles:
    return _made({**files.texts, "sequence.toml": change(files.texts["sequence.toml"])})


def _in_step(text: str, step: str, change: Callable[[str], str]) -> str:
    tables = re.split(r"(?=\[\[step\]\])", text)
    (place,) = (number for number, table in enumerate(tables) if f'key      = "{step}"' in table)
    tables[place] = change(tables[place])
    return "".join(tables)


def _replaced(rules: str, old: str, new: str) -> str:
    assert old in rules, f"{old!r} is not written there"
    return rules.replace(old, new)


def _made(texts: dict[str, str]) -> CampaignFiles:
    return CampaignFiles(KEY, texts, version_of(texts))
