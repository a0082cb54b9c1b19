"""A new issue to begin with."""

from __future__ import annotations

import json
from pathlib import Path

from campaigns.errors import CampaignError
from campaigns.issue_file import SLUG

_HEAD = """\
+++
subject = {subject}
preheader = "What an inbox shows after the subject"
# audience = "subscriber.language == 'en'"    # who of the list gets it; everybody without this line
# public = false                              # keep it out of the archive
# local_time = 2026-12-04T09:00:00            # when it leaves, on each reader's clock; or
# at = 2026-12-04T09:00:00+01:00              # at one moment for everybody
+++
"""
_MARKDOWN = """\
# {title}

Say in two sentences what this issue is about, and why it is worth a minute of {{{{ list.name }}}}.

## The first thing

Short paragraphs, *plain words*, and [links that say where they lead](https://example.com/).

- a list
- where a list helps

> Words to copy stand in a box of their own.

**[A strong link alone is a button](https://example.com/)**
"""
_MJML = """\
[% extends "layout.mjml" %]
[% from "_base/components.mjml" import lead, part, button %]
[% block body %]
[% call lead({title}) %]
<p>Say in two sentences what this issue is about.</p>
[% endcall %]
[% call part("The first thing") %]
<p>Short paragraphs and plain words.</p>
[% endcall %]
[[ button("https://example.com/", "Read on") ]]
[% endblock %]
"""
_TEXT = """\
[% extends "layout.txt" %]
[% from "_base/components.txt" import hello %]
[% block body %]
[[ hello() ]]

Say in two sentences what this issue is about.

THE FIRST THING

Short paragraphs and plain words.

Read on:
https://example.com/
[% endblock %]
"""


def scaffold_issue(folder: Path, list_key: str, slug: str, *, subject: str, is_mjml: bool) -> list[str]:
    """Write the files of a new issue and return their names.

    Raises CampaignError when there is an issue of that name, or the name cannot stand in an address.
    """
    if not SLUG.fullmatch(slug):
        message = "an issue's name has small letters, digits and - only, at most 80: it stands in addresses"
        raise CampaignError(f"{list_key}/{slug}", 0, message)
    target = folder / list_key
    if any((target / f"{slug}.{kind}").exists() for kind in ("md", "mjml")):
        raise CampaignError(f"{list_key}/{slug}", 0, "there is an issue of that name already")
    title = subject or slug.replace("-", " ").capitalize()
    head = _HEAD.format(subject=json.dumps(title, ensure_ascii=False))
    words = {f"{slug}.md": head + _MARKDOWN.format(title=title)}
    if is_mjml:
        quoted = json.dumps(title, ensure_ascii=False)
        words = {f"{slug}.mjml": head + _MJML.format(title=quoted), f"{slug}.txt": _TEXT}
    target.mkdir(parents=True, exist_ok=True)
    for name, text in words.items():
        (target / name).write_text(text, "utf-8")
    return list(words)
