"""The composition root: settings become the values that the rooms are built from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from campaigns.context import Brand
from runup.database import Database
from runup.settings import Settings, SettingsError
from subscribers import Links

if TYPE_CHECKING:
    from campaigns import Catalog
    from campaigns.compiling import Run
    from delivery.provider import Provider
    from scheduler import Worker
    from scheduler.clock_guard import ClockGuard

Clock = Callable[[], datetime]


def system_clock() -> datetime:
    """Now, aware, in UTC. The one reader of the machine's clock; everything else is handed a `Clock`."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Application:
    """Everything a front door needs, built once. `clock` is the only clock; the demo passes its own."""

    settings: Settings
    database: Database
    links: Links
    hmac_key: bytes = field(repr=False)
    """Hashes addresses, for suppressions and for finding a person."""
    brand: Brand
    catalog: Catalog
    clock: Clock

    @classmethod
    def open(cls, settings: Settings, *, clock: Clock = system_clock) -> Application:
        """Build the rooms from `settings`. The database is connected to on first use, and not upgraded.

        Raises SettingsError when a secret is missing and DatabaseError when the address makes no sense.
        """
        from campaigns import Catalog

        keys, hmac_key = _secrets(settings)
        brand = brand_of(settings)
        return cls(
            settings=settings,
            database=Database(settings.database_url),
            links=Links(keys, brand.site_url),
            hmac_key=hmac_key,
            brand=brand,
            catalog=Catalog(folder=settings.templates, brand=brand, run=run_of(settings)),
            clock=clock,
        )

    def provider(self) -> Provider:
        """The provider that the settings name, opened. The caller closes it."""
        from runup.providing import open_provider_of

        return open_provider_of(self.settings)

    def worker(self, provider: Provider | None = None) -> Worker:
        """A worker on this database; with `provider` in place of the one the settings name.

        By the machine's own clock it doubts that when it jumps; another clock may be moved as one likes."""
        from runup.providing import marks_of, sender_of
        from scheduler import Composer, Journal, Worker

        provider = provider or self.provider()
        guard = self._guard(provider) if self.clock is system_clock else None
        space = self.database.space if guard else None
        return Worker(
            database=self.database,
            provider=provider,
            composer=Composer(
                catalog=self.catalog,
                links=self.links,
                brand=self.brand,
                sender=sender_of(self.settings),
                marks=marks_of(self.settings),
            ),
            clock=guard or self.clock,
            guard=guard,
            space=space.keep if space else lambda: "",
            concurrency=self.settings.concurrency,
            rate=self.settings.rate,
            # What happens by another clock has not happened.
            journal=Journal(self.settings.journal_folder) if guard else None,
            canary_address=self.settings.canary,
        )

    def _guard(self, provider: Provider) -> ClockGuard:
        from scheduler.clock_guard import ClockGuard
        from scheduler.wire import since_boot
        from scheduler.witness import witness_of

        witness = witness_of(self.database, provider)
        return ClockGuard(wall=self.clock, stopwatch=since_boot, witness=witness)

    def close(self) -> None:
        self.database.close()


def brand_of(settings: Settings) -> Brand:
    """What the emails and pages show of the operator."""
    return Brand(
        name=settings.brand_name,
        postal_address=settings.postal_address,
        site_url=str(settings.base_url).rstrip("/"),
        color=settings.brand_color,
        logo_url=settings.brand_logo_url,
    )


def run_of(settings: Settings) -> Run:
    """Where templates are compiled and checked: in a child process, if nobody has asked the same before."""
    from campaigns.confined import run_confined
    from campaigns.remembering import remembered

    return remembered(settings.cache_folder) if settings.cache_folder else run_confined


def _secrets(settings: Settings) -> tuple[tuple[str, ...], bytes]:
    """The keys that sign links, newest first, and the key that hashes addresses."""
    keys = tuple(key.get_secret_value() for key in settings.secret_keys)
    suppression_key = settings.suppression_key.get_secret_value()
    missing = [
        name for name, value in (("secret_keys", keys), ("suppression_key", suppression_key)) if not value
    ]
    if missing:
        raise SettingsError(
            f"{' and '.join(missing)} not set; run `runup init` here to make secrets.toml, "
            f"or set {' and '.join(f'RUNUP_{name.upper()}' for name in missing)}"
        )
    return keys, suppression_key.encode()
