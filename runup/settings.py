"""The one place that reads the environment and the settings file. Rooms receive values."""

from __future__ import annotations

import os
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import unquote, urlsplit

from pydantic import EmailStr, Field, HttpUrl, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from runup.setting_places import PREFIX, place_of
from runup.workspace import FILE, SECRETS_FILE, WorkspaceError, find_workspace, read_table

SECRETS = frozenset(
    {
        "secret_keys",
        "suppression_key",
        "smtp_password",
        "bounce_mailbox_password",
        "sendgrid_api_key",
        "metrics_token",
    }
)
"""Never in runup.toml and never on a command line."""
SHORTEST_KEY = 32


class SettingsError(Exception):
    """A setting is missing or wrong: which one, where, and what to do; one per line."""


Words = Annotated[tuple[str, ...], NoDecode]
Keys = Annotated[tuple[SecretStr, ...], NoDecode]


class Settings(BaseSettings):
    """Every setting, its default and its meaning. `RUNUP_<NAME>` in the environment wins over runup.toml.

    Secrets come from the environment or from secrets.toml (mode 600). Paths are absolute here: a relative
    one counts from the workspace. Read it with `Settings.load()`.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, extra="forbid", frozen=True, hide_input_in_errors=True, env_ignore_empty=True
    )

    home: Path = Path()
    """The workspace: where runup.toml lies, or the current folder."""
    database: str = Field(default="", repr=False)
    """SQLAlchemy address; empty: `runup.db` in the workspace."""
    base_url: HttpUrl = HttpUrl("http://127.0.0.1:8000")
    """Where people reach the site; every link begins with it."""
    host: str = "127.0.0.1"
    """The network address the site listens on."""
    port: int = Field(default=8000, ge=0, le=65535)
    """The port the site listens on; 0 takes a free one."""

    campaign: str = "second_interview"
    """The sequence the landing page signs people up for."""
    templates: Path | None = None
    """A folder of campaigns of your own; the shipped ones are found beside it."""
    apply_most: int = Field(default=50, ge=0)
    """People a change of a campaign may affect before `campaigns apply` wants the plan you have seen."""

    brand_name: str = "runup"
    """Your name, as pages and emails show it."""
    brand_color: str = Field(default="#3B4CCA", pattern=r"^#[0-9A-Fa-f]{6}$")
    """The accent color."""
    brand_logo_url: str = Field(default="", pattern=r"^(https://[^\s\"'<>]+)?$")
    """A picture that takes the place of the mark and the name at the top of the emails, 32 px high there."""
    postal_address: str = "runup, 1 Example Street, 12345 Exampletown"
    """Printed under every email; the law of most countries asks for it."""
    sender: EmailStr = "hello@runup.example.com"
    """The address every email comes from."""
    sender_name: str = "runup"
    """The name beside it."""
    reply_to: EmailStr | Literal[""] = ""
    """Where answers go; empty: to the sender."""

    provider: Literal["outbox", "smtp", "sendgrid"] = "outbox"
    """How emails leave. `outbox` keeps them in a folder."""
    outbox: Path | None = None
    """Maildir of the outbox provider; empty: `outbox` in the workspace."""
    smtp_host: str = "127.0.0.1"
    """The SMTP server."""
    smtp_port: int = Field(default=0, ge=0, le=65535)
    """0: the usual one of `smtp_security`."""
    """Its port."""
    smtp_security: Literal["starttls", "tls", "none"] = "starttls"
    """How the connection is protected."""
    smtp_username: str = ""
    """Empty: no login."""
    smtp_password: SecretStr = SecretStr("")
    """Secret. The password of smtp_username."""
    bounce_address: str = ""
    """Where servers return what cannot be delivered (the envelope sender), e.g.
    `bounces+{reference}@example.com`; empty: the sender."""
    bounce_mailbox: str = Field(default="", repr=False)
    """Where those returned emails are read: `maildir:/path` or `imaps://user@host/INBOX`. Empty: nowhere."""
    bounce_mailbox_password: SecretStr = SecretStr("")
    """Secret. The password of the IMAP user."""
    dkim_key_file: Path | None = None
    """A private key (PEM, RSA or Ed25519): emails over SMTP are signed with it. Empty: not by us."""
    dkim_selector: str = ""
    """The name of the key in your DNS, before `._domainkey`."""
    dkim_domain: str = ""
    """The domain that signs; empty: the sender's."""
    sendgrid_api_key: SecretStr = SecretStr("")
    """Secret. Needs the right to send mail, no other."""
    sendgrid_region: Literal["global", "eu"] = "global"
    """Where SendGrid handles your emails."""
    sendgrid_webhook_keys: Words = ()
    """Verification keys of SendGrid's signed event webhook. Empty: no event is taken."""
    canary: EmailStr | Literal[""] = ""
    """Your own address: where an email goes that asks whether the event feed is alive. Empty: never."""
    cache: Path | None = None
    """A folder for what was compiled and checked, so that the same files are not looked at twice; empty:
    `.cache` in the workspace. Delete it whenever you like."""
    journal: Path | None = None
    """The folder of the send journal; empty: `journal` in the workspace."""
    sendgrid_host: str = ""
    """Another address in place of SendGrid's own, for tests."""
    allow_list: Words = ()
    """Staging: only these addresses or domains are written to. Empty: everybody."""

    utm_source: str = Field(default="", pattern=r"^[A-Za-z0-9._~-]{0,60}$")
    """What links to your own pages say a visitor came from (`utm_source`). Empty: they say nothing."""
    utm_medium: str = Field(default="email", pattern=r"^[A-Za-z0-9._~-]{1,60}$")
    """And by what (`utm_medium`)."""
    utm_hosts: Words = ()
    """Hosts whose links are marked so, besides that of base_url."""
    count_clicks: bool = False
    """Whether to count who clicks links in emails. The sign-up page says so."""
    count_opens: bool = False
    """Whether to count who opens emails, by a picture. The sign-up page says so."""

    secret_keys: Keys = Field(default=(), repr=False)
    """Secret. Sign the links; the newest first. Older ones keep old links working."""
    suppression_key: SecretStr = SecretStr("")
    """Secret. Hashes addresses; changing it forgets who must not be written to."""

    concurrency: int = Field(default=32, ge=1, le=512)
    """Calls to the provider in flight at once."""
    rate: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    """Emails a second that may leave, over all workers; 0 for no limit."""
    health_lateness: int = Field(default=15, ge=1, le=10_080)
    """Minutes: /health answers 503 while an email about somebody's own date is overdue for longer."""
    metrics_token: SecretStr = SecretStr("")
    """Secret. Whoever shows it as a bearer token may read /metrics on the site. Empty: there is none."""
    log_format: Literal["auto", "json", "console"] = "auto"
    """How the processes write what they do: `auto` is for people on a terminal and JSON elsewhere."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """From which level on. `debug` adds a line per request."""
    metrics_listen: str = Field(default="", pattern=r"^$|^(\[[0-9a-fA-F:]+\]|[^\s:]+):[0-9]{1,5}$")
    """A network address (host:port) of its own for /metrics, without a token: a private one. Empty: none."""
    machine: str = Field(default="", max_length=200)
    """What you call this installation, so that a copy of it is noticed; containers need it. Empty: the
    machine's own id and the database's place."""
    webhook_networks: Words = ()
    """Networks of your own (`10.0.0.0/8`) that webhooks may be posted to, also by http. Else: https to public
    addresses only."""
    dns_server: str = ""
    """Whom `doctor` asks for DNS records: an address, perhaps a port. Empty: as the system; `off`: none."""
    trusted_proxies: Words = ()
    """Network addresses of your reverse proxies: only they may say who a visitor is."""

    @classmethod
    def load(cls, start: Path | None = None) -> Settings:
        """The settings of the workspace at or above `start` (RUNUP_HOME, else the current folder).

        Raises SettingsError with one line per wrong key or value, each saying where it stands.
        """
        folder = find_workspace(start or Path(os.environ.get("RUNUP_HOME") or "."))
        names = set(cls.model_fields) - {"home"}
        try:
            values = read_table(folder / FILE, known=names - SECRETS, elsewhere=SECRETS)
            values |= read_table(folder / SECRETS_FILE, known=SECRETS | {"database"})
        except WorkspaceError as error:
            raise SettingsError(str(error)) from None
        try:
            return cls(**values | {"home": folder})
        except ValidationError as error:
            lines = dict.fromkeys(_line(found, folder) for found in error.errors(include_url=False))
            raise SettingsError("\n".join(lines)) from None

    @property
    def cache_folder(self) -> Path | None:
        """None where there is no workspace: nobody wants a folder wherever they happen to stand."""
        return self.cache or (self.home / ".cache" if (self.home / FILE).is_file() else None)

    @property
    def journal_folder(self) -> Path:
        return self.journal or self.home / "journal"

    @property
    def database_url(self) -> str:
        return self.database or f"sqlite:///{self.home / 'runup.db'}"

    @property
    def outbox_folder(self) -> Path:
        return self.outbox or self.home / "outbox"

    def secret_values(self) -> tuple[str, ...]:
        """Every secret there is, for what must never write one."""
        found = [getattr(self, name) for name in sorted(SECRETS)]
        keys = [key for one in found for key in (one if isinstance(one, tuple) else (one,))]
        values = [key.get_secret_value() for key in keys]
        password = urlsplit(self.database).password or ""
        return tuple(value for value in (*values, password, unquote(password)) if value)

    @field_validator(
        "secret_keys",
        "allow_list",
        "utm_hosts",
        "trusted_proxies",
        "sendgrid_webhook_keys",
        "webhook_networks",
        mode="before",
    )
    @classmethod
    def _split(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("webhook_networks", mode="after")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for network in value:
            try:
                ip_network(network, strict=False)
            except ValueError:
                raise ValueError(f"{network!r} is no network; write it like 10.0.0.0/8") from None
        return value

    @field_validator("sendgrid_webhook_keys", mode="after")
    @classmethod
    def _verification_keys(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if value:
            from delivery.webhooks.sendgrid import parse_keys

            parse_keys(value)
        return value

    @field_validator("dns_server", mode="after")
    @classmethod
    def _resolver(cls, value: str) -> str:
        if value not in ("", "off"):
            from runup.asking_dns import parse_server

            parse_server(value)
        return value

    @field_validator("home", mode="after")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.resolve()

    @field_validator("templates", "outbox", "dkim_key_file", "journal", mode="after")
    @classmethod
    def _below_home(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        return value and info.data.get("home", Path()) / value.expanduser()

    @field_validator("database", mode="after")
    @classmethod
    def _file_below_home(cls, value: str, info: ValidationInfo) -> str:
        file = value.removeprefix("sqlite:///")
        if file == value or file.startswith((":memory:", "file:")) or not file:
            return value
        return f"sqlite:///{info.data.get('home', Path()) / file}"

    @field_validator("secret_keys", "suppression_key", mode="after")
    @classmethod
    def _long_enough(cls, value: Any) -> Any:
        for key in value if isinstance(value, tuple) else (value,):
            if 0 < len(key.get_secret_value()) < SHORTEST_KEY:
                raise ValueError(f"a key needs at least {SHORTEST_KEY} random characters")
        return value

    @field_validator("brand_name", "postal_address", "sender_name", mode="after")
    @classmethod
    def _one_line(cls, value: str) -> str:
        if not value.strip() or not value.isprintable():
            raise ValueError("must be one line of text")
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic's signature
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        assert isinstance(init_settings, InitSettingsSource)
        given = init_settings.init_kwargs
        # Where the files were found is a fact; RUNUP_HOME said only where to begin looking.
        found = InitSettingsSource(settings_cls, {"home": given["home"]} if "home" in given else {})
        return found, env_settings, init_settings


def _line(error: ErrorDetails, folder: Path) -> str:
    name = str(error["loc"][0])
    message = error["msg"].removeprefix("Value error, ")
    return f"{_named(name, folder)}: {message[:1].lower()}{message[1:]}"


def _named(name: str, folder: Path) -> str:
    place = place_of(name, folder)
    return place if "environment" in place else f"{place}: {name}" if place else name
