"""`runup send-test`."""

from __future__ import annotations

import secrets
from contextlib import closing

from campaigns.preview import sample_contexts
from campaigns.rendering import Renderer
from campaigns.sequence import Late
from delivery.email import Email
from runup.application import system_clock
from runup.cli.errors import BadInput
from runup.cli.shelf import catalog_of, known_key, require_step
from runup.cli.terminal import say
from runup.providing import open_provider_of, sender_of
from runup.settings import Settings
from subscribers import parse_address


def send_test(address: str, step: str, /, *, campaign: str = "", branch: int = 1) -> None:
    """Send one email of a campaign to yourself, through the provider of the settings. Its links are samples.

    Parameters
    ----------
    address
        Where it goes.
    step
        Which email, by its key.
    campaign
        The campaign; the one of the settings if left out.
    branch
        Which sample reader: 1 has told everything, 2 nothing, the others mix.
    """
    settings = Settings.load()
    key, catalog = known_key(settings, campaign), catalog_of(settings)
    require_step(catalog, key, step)
    recipient = parse_address(address)
    sequence, compiled = catalog.sequence(key), catalog.compiled(key)
    mergeable = [one.key for one in sequence.steps if one.late is Late.MERGE]
    branches = sample_contexts(
        facts=compiled.facts,
        brand=catalog.brand,
        mergeable=mergeable if sequence.step(step).is_catchup else (),
    )
    if not 1 <= branch <= len(branches):
        raise BadInput(f"--branch: must be 1 to {len(branches)}")
    content = Renderer(compiled).render(step, branches[branch - 1].context)
    sender = sender_of(settings)
    email = Email(
        reference=secrets.token_hex(16),
        attempt=1,
        sender=sender.address,
        sender_name=sender.name,
        reply_to=sender.reply_to,
        recipient=recipient,
        subject=f"[Test] {content.subject}",
        html=content.html,
        text=content.text,
        date=system_clock(),
        categories=("test",),
    )
    with closing(open_provider_of(settings)) as provider:
        accepted = provider.deliver(email)
    where = f" ({settings.outbox_folder})" if settings.provider == "outbox" else ""
    code = f", code {accepted.status}" if accepted.status else ""
    say(f"The {settings.provider} provider{where} took “{content.subject}”{code}.")
