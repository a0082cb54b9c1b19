"""Every email of a campaign in every branch, as files a browser opens."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from campaigns import Brand, Catalog, Step
from campaigns.compiling import CompiledCampaign
from campaigns.expressions import ConditionError
from campaigns.names import names_of
from campaigns.preview import Branch, sample_contexts
from campaigns.rendering import Content, Renderer
from campaigns.sequence import Late


@dataclass(frozen=True)
class Page:
    """One wording of an email and the sample readers who get exactly it."""

    name: str
    """Its files are `name.html` and `name.txt`."""
    content: Content
    branches: tuple[str, ...]


def write_gallery(
    catalog: Catalog,
    campaign: str,
    folder: Path,
    *,
    step: str = "",
    done: Callable[[int], object] = lambda _: None,
) -> int:
    """Write index.html and two files per wording into `folder`; `done(1)` after each step. Returns how many
    wordings there are. Raises CampaignError at the first email that cannot be rendered."""
    steps = [one for one in catalog.sequence(campaign).steps if step in ("", one.key)]
    compiled, sections, count = catalog.compiled(campaign), [], 0
    mergeable = [one.key for one in catalog.sequence(campaign).steps if one.late is Late.MERGE]
    for one in steps:
        pages = list(wordings(compiled, one, brand=catalog.brand, mergeable=mergeable))
        for page in pages:
            (folder / f"{page.name}.html").write_text(page.content.html, "utf-8")
            (folder / f"{page.name}.txt").write_text(page.content.text, "utf-8")
        sections.append(_section(one, pages))
        count += len(pages)
        done(1)
    (folder / "index.html").write_text(
        _INDEX.format(campaign=html.escape(campaign), sections="".join(sections)), "utf-8"
    )
    return count


def wordings(compiled: CompiledCampaign, step: Step, *, brand: Brand, mergeable: list[str]) -> Iterator[Page]:
    """The different wordings of a step; sample readers who get the same one share it."""
    renderer = Renderer(compiled)
    found: dict[Content, list[str]] = {}
    for branch in sample_contexts(
        facts=compiled.facts, brand=brand, mergeable=mergeable if step.is_catchup else ()
    ):
        if _is_sent(step, branch, compiled.facts):
            found.setdefault(renderer.render(step.key, branch.context), []).append(branch.name)
    for number, (content, branches) in enumerate(found.items(), start=1):
        yield Page(f"{step.key}-{number:02}", content, tuple(branches))


def _is_sent(step: Step, branch: Branch, facts: Mapping[str, object]) -> bool:
    try:
        return step.when is None or step.when.holds(names_of(branch.context, facts, step.key))
    except ConditionError:
        return True


def _section(step: Step, pages: list[Page]) -> str:
    rows = "".join(
        f'<li><a href="{page.name}.html">{html.escape(page.content.subject)}</a> '
        f'(<a href="{page.name}.txt">text</a>) '
        f"<small>{html.escape(page.branches[0])}"
        f"{f' and {len(page.branches) - 1} more' if len(page.branches) > 1 else ''}</small></li>"
        for page in pages
    )
    return f"<h2>{html.escape(step.title)} <code>{html.escape(step.key)}</code></h2><ol>{rows}</ol>"


_INDEX = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{campaign}: every email</title>
<style>
:root {{ color-scheme: light dark }}
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 50rem; margin: 2rem auto; padding: 0 1rem }}
small {{ display: block; opacity: .7 }} h2 {{ margin-top: 2rem }} code {{ font-size: .8em; opacity: .7 }}
</style></head>
<body><h1>{campaign}: every email, every wording</h1>{sections}</body></html>
"""
