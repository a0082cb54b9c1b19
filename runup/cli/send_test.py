"""`runup send-test`."""

from __future__ import annotations

import secrets
from contextlib import closing

from campaigns import Catalog, Step
from campaigns.preview import Branch
from campaigns.variants import Variant, wording
from runup.application import system_clock
from runup.cli.errors import BadInput
from runup.cli.shelf import catalog_of, known_key, require_step
from runup.cli.terminal import say
from runup.gallery import letter, sample_branches
from runup.providing import open_provider_of, sender_of
from runup.settings import Settings
from runup.workspace import nearest
from subscribers import parse_address

_MOST = 8
"""Names worth reading in an error."""


def send_test(
    address: str,
    step: str,
    /,
    *,
    campaign: str = "",
    branch: str = "",
    language: str = "",
    variant: str = "",
) -> None:
    """Send one email of a campaign to yourself, through the provider of the settings. Its links are samples.

    Parameters
    ----------
    address
        Where it goes; an allow-list holds here too.
    step
        Which email, by its key.
    campaign
        The campaign; the one of the settings if left out.
    branch
        Which sample reader: the number or the name that `runup preview` shows, or words of the name, such as
        "mode phone". The first who gets the email if left out.
    language
        In which language, such as de; the campaign's own if left out.
    variant
        Which variant of a step that has some; the first one if left out.
    """
    settings = Settings.load()
    key, catalog = known_key(settings, campaign), catalog_of(settings)
    require_step(catalog, key, step)
    recipient = parse_address(address)
    sent = catalog.sequence(key).step(step)
    _require_language(catalog, key, step, language)
    number, found = _choose(sample_branches(catalog, key, sent, language=language), branch, step)
    chosen = _chosen_variant(sent, variant)
    content = catalog.renderer(key).render(wording(step, chosen), found.context)
    email = letter(
        content,
        found.context,
        sent,
        sender=sender_of(settings),
        recipient=recipient,
        reference=secrets.token_hex(16),
        now=system_clock(),
        campaign=key,
        subject_prefix="[test] ",
    )
    with closing(open_provider_of(settings)) as provider:
        accepted = provider.deliver(email)
    where = f" ({settings.outbox_folder})" if settings.provider == "outbox" else ""
    code = f", code {accepted.status}" if accepted.status else ""
    say(
        f"The {settings.provider} provider{where} took “{content.subject}”{code}.",
        f"Branch {number}: {found.name}",
        *([f"Variant: {chosen.key}"] if chosen else []),
    )


def _chosen_variant(step: Step, wanted: str) -> Variant | None:
    keys = [one.key for one in step.variants]
    if wanted and wanted not in keys:
        there = f"; there is: {', '.join(keys)}" if keys else "; it has none"
        raise BadInput(f"--variant: {step.key!r} has no variant {wanted!r}{nearest(wanted, keys) or there}")
    return next((one for one in step.variants if wanted in ("", one.key)), None)


def _require_language(catalog: Catalog, campaign: str, step: str, language: str) -> None:
    """Rather no test than one in another language than asked for."""
    has_it = [
        code
        for code in catalog.languages(campaign)
        if catalog.renderer(campaign).language(step, code) == code
    ]
    if language and language not in has_it:
        raise BadInput(f"--language: {step!r} is not written in {language!r}; it is in {', '.join(has_it)}")


def _choose(branches: list[tuple[int, Branch]], wanted: str, step: str) -> tuple[int, Branch]:
    """By number, by whole name, or the first whose name has all the words."""
    if not branches:
        raise BadInput(f"no sample reader is sent {step!r}; see its `when` in the timetable")
    words = wanted.casefold().replace(",", " ").split()
    tests = (
        lambda pair: str(pair[0]) == wanted.strip(),
        lambda pair: pair[1].name == wanted,
        lambda pair: set(words) <= set(pair[1].name.casefold().replace(",", " ").split()),
    )
    for test in tests:
        if found := next((pair for pair in branches if test(pair)), None):
            return found
    names = [branch.name for _, branch in branches]
    hint = nearest(wanted, names) or "; there is: " + "; ".join(names[:_MOST])
    raise BadInput(f"--branch: no sample reader of {step!r} is called {wanted!r}{hint}")
