"""What `doctor` looks at where emails leave over SMTP: who signs them, and who hears what comes back."""

from __future__ import annotations

import stat
from collections.abc import Iterator

from delivery.mailboxes import parse_mailbox
from delivery.mailboxes.maildir import MaildirConfig
from delivery.providers import SmtpConfig
from runup.examining import Finding, Level
from runup.providing import provider_config
from runup.settings import Settings, SettingsError

_HOW = "docs/how-to/use-smtp.md says how"


def examine_smtp(settings: Settings) -> Iterator[Finding]:
    """Nothing where another provider is chosen, or where this one's settings are wrong already."""
    if settings.provider != "smtp":
        return
    try:
        config = provider_config(settings)
    except SettingsError:
        return
    assert isinstance(config, SmtpConfig)
    yield from _signature(settings, config)
    yield from _bounces(settings)


def _signature(settings: Settings, config: SmtpConfig) -> Iterator[Finding]:
    signer, sender_domain = config.signer(), settings.sender.rpartition("@")[2].lower()
    if signer is None or config.dkim_key_file is None:
        words = "emails leave unsigned: your server has to sign them"
        yield Finding(Level.OK, "signature", words)
        return
    domain = signer.domain or sender_domain
    where = f"{signer.selector}._domainkey.{domain}"
    yield Finding(Level.OK, "signature", f"by {domain}; the DNS needs TXT {where}: {signer.public_record()}")
    if stat.S_IMODE(config.dkim_key_file.stat().st_mode) & 0o077:
        remedy = f"chmod 600 {config.dkim_key_file}"
        yield Finding(Level.FAILED, "signature", f"others can read {config.dkim_key_file}", remedy)
    if not f".{sender_domain}".endswith(f".{domain}"):
        words = f"{domain} signs for {sender_domain}: that counts for nothing with DMARC"
        yield Finding(Level.WARNING, "signature", words, "sign with the sender's domain or its parent")


def _bounces(settings: Settings) -> Iterator[Finding]:
    if not settings.bounce_mailbox:
        words = (
            "nobody reads what comes back: addresses that do not exist are written to again and again,"
            " complaints go unheard, and no bounce settles a send in doubt"
        )
        yield Finding(Level.FAILED, "bounces", words, f"set bounce_mailbox; {_HOW}")
        return
    try:
        mailbox = parse_mailbox(settings.bounce_mailbox, settings.bounce_mailbox_password.get_secret_value())
    except ValueError as error:
        yield Finding(Level.FAILED, "bounces", str(error), _HOW)
        return
    if isinstance(mailbox, MaildirConfig) and not (mailbox.folder / "new").is_dir():
        words = f"{mailbox.folder} is no Maildir yet"
        yield Finding(Level.WARNING, "bounces", words, "your mail server makes it with the first bounce")
    else:
        words = "the worker reads them every minute; `runup bounces read` tries it now"
        yield Finding(Level.OK, "bounces", words)
    if "{reference}" not in settings.bounce_address:
        words = "bounces that quote nothing of the email cannot be told apart"
        remedy = "set bounce_address to something like bounces+{reference}@example.com"
        yield Finding(Level.WARNING, "bounces", words, remedy)
