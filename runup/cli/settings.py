"""`runup settings`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from cyclopts import App
from pydantic import SecretStr

from runup.cli.errors import BadInput, Failed
from runup.cli.terminal import say, show
from runup.setting_places import place_of, unknown_variables
from runup.settings import SECRETS, Settings
from runup.workspace import FILE, nearest

app = App(name="settings", help="What is set, where, and whether it can be used.")
_COLUMNS = {"setting": "Setting", "value": "Value", "source": "From"}
_DEFAULT = "default"
_PASSWORD = re.compile(r"(?<=://)([^/@:]*):[^/@]*(?=@)")


@app.command(name="show")
def show_(name: str = "", /, *, changed: bool = False, json: bool = False) -> None:
    """Every setting with its value and where that comes from. Secrets are never shown.

    Parameters
    ----------
    name
        Only this one.
    changed
        Only what is not as it comes.
    json
        Print JSON: name, value (null for a secret), source, is_set.
    """
    settings = Settings.load()
    rows = list(_rows(settings))
    wanted = name.lower().removeprefix("runup_")
    known = [row["name"] for row in rows]
    if name and wanted not in known:
        raise BadInput(f"there is no setting {name!r}{nearest(wanted, known)}")
    rows = [row for row in rows if wanted in ("", row["name"])]
    rows = [row for row in rows if row["source"] != _DEFAULT] if changed else rows
    shown = rows if json else [row | {"setting": row["name"], "value": _words(row)} for row in rows]
    show(shown, _COLUMNS, as_json=json, empty="Everything is as it comes.")


@app.command
def check() -> None:
    """Say whether the settings can be used. Exit code 2 when one is wrong, with its place; 1 when something
    that looks like one is none."""
    settings = Settings.load()
    _require_provider(settings)
    if unknown := list(unknown_variables(Settings.model_fields)):
        raise Failed("\n".join(unknown))
    sources = [row["source"] for row in _rows(settings) if row["source"] != _DEFAULT]
    where = f"{FILE} in {settings.home}" if (settings.home / FILE).is_file() else "no workspace"
    count = len(Settings.model_fields) - 1
    say(f"{len(sources)} of {count} settings are set; {where}.", "All of them can be used.")


def _require_provider(settings: Settings) -> None:
    """Raises SettingsError for what the chosen provider cannot work with."""
    from runup.providing import provider_config

    provider_config(settings)


def _rows(settings: Settings) -> Iterator[dict[str, Any]]:
    for name in Settings.model_fields:
        if name != "home":
            value, is_secret = getattr(settings, name), name in SECRETS
            yield {
                "name": name,
                "value": None if is_secret else _plain(value),
                "source": place_of(name, settings.home) or _DEFAULT,
                "is_set": bool(_bare(value)),
            }


def _plain(value: Any) -> Any:
    """As JSON knows it, without a password that an address may carry."""
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return _PASSWORD.sub(r"\1:…", f"{value}")


def _bare(value: Any) -> Any:
    if isinstance(value, tuple):
        return [one for one in map(_bare, value) if one]
    return value.get_secret_value() if isinstance(value, SecretStr) else value


def _words(row: dict[str, Any]) -> Any:
    if row["name"] in SECRETS:
        return "(set, not shown)" if row["is_set"] else None
    return row["value"]
