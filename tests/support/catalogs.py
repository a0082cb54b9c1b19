"""The words of the site, as translators get them. `make messages` brings runup/web/locale/*.po up to date.

    python tests/support/catalogs.py

New words come with an empty translation, words that nobody says any more go; what is translated stays.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir, extract_from_file
from babel.messages.pofile import read_po, write_po

import runup.web
import subscribers
import templates

WEB, SUBSCRIBERS, TEMPLATES = (Path(room.__file__).parent for room in (runup.web, subscribers, templates))
LOCALE = WEB / "locale"
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "Said": None, "N_": None}
OPERATORS_OWN = ("gallery", "inbox")
"""Pages that only the people who run it see."""
_JINJA = {"extensions": "jinja2.ext.i18n", "trimmed": "true", "silent": "false"}


def words() -> Catalog:
    """Everything the site says, from its pages and from the rooms."""
    catalog = Catalog(project="runup", charset="utf-8")
    for message, comment in _all():
        # Where it stands is left out: it would change with every line somebody adds above.
        catalog.add(message, auto_comments=comment)
    return catalog


def _all() -> Iterator[tuple[str | tuple[str, str], list[str]]]:
    for room in (SUBSCRIBERS, WEB):
        for _, _, message, _, _ in extract_from_dir(room, [("**.py", "python")], keywords=KEYWORDS):
            yield message, []
    for file in sorted((TEMPLATES / "pages").glob("*.html")):
        if not file.name.startswith(OPERATORS_OWN):
            for _, message, _, _ in extract_from_file("jinja2", file, keywords=KEYWORDS, options=_JINJA):
                yield message, []
    for message in _constants():
        yield message, []


def _constants() -> Iterator[str]:
    from campaigns import PLAIN_WORDS
    from runup.web import plan_changes, problems
    from subscribers import consent

    yield from PLAIN_WORDS.values()
    yield from (str(words) for words in plan_changes.DONE.values())
    yield from (value for name, value in vars(consent).items() if name.endswith("WORDING"))
    known = [*vars(problems).values(), *problems._BY_STATUS.values()]
    for problem in known:
        if isinstance(problem, problems.Problem):
            yield problem.title
            yield problem.words


def untranslated(file: Path) -> list[str]:
    """Words of the site that the catalog does not have, is unsure of, or has for nothing."""
    with file.open("rb") as source:
        catalog = read_po(source)
    wanted = {_key(message.id) for message in words() if message.id}
    found = {_key(m.id): m for m in catalog if m.id}
    missing = [key for key in wanted if key not in found or not _is_done(found[key])]
    return sorted(missing) + sorted(f"nobody says: {key}" for key in found.keys() - wanted)


def _key(identity: object) -> str:
    return identity[0] if isinstance(identity, tuple | list) else str(identity)


def _is_done(message: object) -> bool:
    string = message.string  # type: ignore[attr-defined]
    parts = string if isinstance(string, tuple | list) else [string]
    return all(parts) and not message.fuzzy  # type: ignore[attr-defined]


def main() -> int:
    template = words()
    for file in sorted(LOCALE.glob("*.po")):
        with file.open("rb") as source:
            catalog = read_po(source, locale=file.stem)
        catalog.update(template, no_fuzzy_matching=True, update_creation_date=False)
        catalog.obsolete.clear()
        catalog.header_comment = "# runup's site in another language; docs/how-to/translate-it.md"
        with file.open("wb") as out:
            write_po(out, catalog, omit_header=False, sort_output=True, width=100, no_location=True)
        sys.stdout.write(f"{file.stem}: {len(untranslated(file))} to translate\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
