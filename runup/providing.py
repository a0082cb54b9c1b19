"""From settings to the way emails leave."""

from __future__ import annotations

from typing import TYPE_CHECKING

from delivery.provider import Provider
from delivery.providers import OutboxConfig, ProviderConfig, SendGridConfig, SmtpConfig, open_provider
from runup.settings import Settings, SettingsError
from scheduler.composing import Sender
from scheduler.marking import Marks

if TYPE_CHECKING:
    from delivery.public_places import Places
    from runup.application import Application
    from scheduler.posting import Poster
    from scheduler.returned import Collector


def provider_config(settings: Settings) -> ProviderConfig:
    """What the settings say of the chosen provider, checked. Raises SettingsError naming the setting."""
    try:
        match settings.provider:
            case "outbox":
                return OutboxConfig(folder=settings.outbox_folder)
            case "smtp":
                return SmtpConfig(
                    host=settings.smtp_host,
                    port=settings.smtp_port,
                    security=settings.smtp_security,
                    username=settings.smtp_username,
                    password=settings.smtp_password.get_secret_value(),
                    bounce_address=settings.bounce_address,
                    dkim_key_file=settings.dkim_key_file,
                    dkim_selector=settings.dkim_selector,
                    dkim_domain=settings.dkim_domain,
                )
            case "sendgrid":
                return SendGridConfig(
                    api_key=settings.sendgrid_api_key.get_secret_value(),
                    region=settings.sendgrid_region,
                    host=settings.sendgrid_host,
                )
    except ValueError as error:
        raise SettingsError(str(error)) from None


def open_provider_of(settings: Settings) -> Provider:
    """The provider of the settings, behind the allow-list if there is one. The caller closes it.

    Raises SettingsError naming the setting."""
    config = provider_config(settings)
    try:
        return open_provider(config, allow_list=settings.allow_list)
    except ValueError as error:
        raise SettingsError(str(error)) from None


def marks_of(settings: Settings) -> Marks:
    """What links in emails tell, and to whom."""
    return Marks(
        utm_source=settings.utm_source,
        utm_medium=settings.utm_medium,
        hosts=frozenset(host.lower() for host in settings.utm_hosts),
        counts_clicks=settings.count_clicks,
        counts_opens=settings.count_opens,
    )


def sender_of(settings: Settings) -> Sender:
    """Who our emails come from."""
    return Sender(address=settings.sender, name=settings.sender_name, reply_to=settings.reply_to)


def collector_of(application: Application) -> Collector | None:
    """Who reads the bounce mailbox; None when there is none. Raises SettingsError naming the setting."""
    settings = application.settings
    password = settings.bounce_mailbox_password.get_secret_value()
    if not settings.bounce_mailbox:
        if password:
            raise SettingsError("RUNUP_BOUNCE_MAILBOX_PASSWORD is set and RUNUP_BOUNCE_MAILBOX is not")
        return None
    from delivery.mailboxes import parse_mailbox
    from scheduler.returned import Collector
    from subscribers import address_hmac

    try:
        mailbox = parse_mailbox(settings.bounce_mailbox, password)
    except ValueError as error:
        raise SettingsError(str(error)) from None
    return Collector(
        database=application.database,
        mailbox=mailbox,
        bounce_address=settings.bounce_address,
        hash_address=lambda address: address_hmac(address, application.hmac_key),
        clock=application.clock,
    )


def poster_of(application: Application) -> Poster:
    """Who tells the receivers of webhooks."""
    from scheduler.posting import Poster

    return Poster(
        database=application.database,
        clock=application.clock,
        keys=application.links.keys,
        places=places_of(application.settings),
    )


def places_of(settings: Settings) -> Places:
    """Where webhooks may be posted to."""
    from delivery.public_places import Places

    return Places(settings.webhook_networks)
