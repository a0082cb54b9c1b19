"""What is wrong with a campaign's other languages before anything of them is rendered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from campaigns.finding import Finding
from campaigns.languages import DESIGN, Language, is_language, languages
from campaigns.sequence import Sequence
from campaigns.source_files import PARTS, CampaignFiles, load_facts


def check_languages(files: CampaignFiles, facts: Mapping[str, Any]) -> Iterator[Finding]:
    """File names that tell no language of this campaign's, and facts that are not there in each language."""
    own, *others = languages(files.texts)
    for path in files.texts:
        code = _middle(path)
        if code and not is_language(code):
            message = f"there is no language {code!r}; a name like body.de.txt tells it in two letters"
            yield Finding("error", files.label(path), 0, message)
        elif code == own.code and not path.startswith(DESIGN):
            message = f"{code!r} is the campaign's own language; its files have no language in their names"
            yield Finding("error", files.label(path), 0, message)
    for language in others:
        yield from _facts(files, facts, language)


def _middle(path: str) -> str:
    """What stands where a language would, be it one or not: `de-AT` of `body.de-AT.mjml`."""
    return path.rpartition("/")[2].rpartition(".")[0].partition(".")[2]


def check_titles(files: CampaignFiles, sequence: Sequence, file: str) -> Iterator[Finding]:
    """Steps with words in a language and no title in it, and those that it leaves to the campaign's own."""
    own, *others = languages(files.texts)
    for language in others:
        code = language.code
        written = [
            step for step in sequence.steps if f"{step.key}/{language.name(PARTS['text'])}" in files.texts
        ]
        for step in written:
            if code not in step.titles:
                message = (
                    f"step {step.key!r} has words in {code!r} and no title; add titles = {{ {code} = ... }}"
                )
                yield Finding("error", file, 0, message)
        left = [step.key for step in sequence.steps if step not in written]
        if left:
            message = f"not in {code!r}, so readers of it get them in {own.code!r}: {', '.join(left)}"
            yield Finding("warning", file, 0, message)


def _facts(files: CampaignFiles, facts: Mapping[str, Any], language: Language) -> Iterator[Finding]:
    told = load_facts(files, language.code)
    for stem, table in facts.items():
        path = language.name(f"facts/{stem}.toml")
        for key in table if path in files.texts else ():
            if key not in told[stem]:
                message = f"[{key}] is missing; these readers are told nothing of it"
                yield Finding("error", files.label(path), 0, message)
        for key in told[stem].keys() - table.keys() if path in files.texts else ():
            near = get_close_matches(key, list(table), n=1, cutoff=0.5)
            hint = f"; did you mean [{near[0]}]?" if near else ""
            yield Finding("error", files.label(path), 0, f"[{key}] is not in facts/{stem}.toml{hint}")
