"""People with an interview ahead of them, signed up through the rooms' own doors."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from campaigns import Brand, Catalog
from delivery import Accepted, Email, Provider
from runup.database import Database
from scheduler import Composer, Sender, Worker, reconcile
from subscribers import Links, SignUp, confirm, sign_up

SEQUENCE = "second_interview"
SIGNED_UP_AT = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
DETAILS_AT = datetime(2026, 11, 27, 8, 9, 30, tzinfo=UTC)
"""When all of them are due one email: 09:00 in Berlin, and the nine minutes of jitter have passed."""
BRAND = Brand(name="runup", postal_address="1 Example Street", site_url="https://runup.example.com")


class Swallow:
    """Takes everything: for the emails that come before the ones we measure."""

    name = "swallow"

    def deliver(self, email: Email) -> Accepted:
        return Accepted(message_id=email.message_id)

    def close(self) -> None:
        """Nothing is open."""


def composer(catalog: Catalog) -> Composer:
    return Composer(
        catalog=catalog,
        links=Links(["a key of the benchmark"], BRAND.site_url),
        brand=BRAND,
        sender=Sender(address="hello@runup.example.com", name="runup"),
    )


def worker(database: Database, provider: Provider, *, concurrency: int, **rest: object) -> Worker:
    return Worker(
        database=database,
        provider=provider,
        composer=composer(Catalog(brand=BRAND)),
        concurrency=concurrency,
        **rest,  # type: ignore[arg-type]
    )


def people_due(database: Database, count: int) -> None:
    """`count` people in Berlin, confirmed ten days before their interview and welcomed: at DETAILS_AT each is
    due one email."""
    catalog = Catalog(brand=BRAND)
    for numbers in _by_hundreds(count):
        with database.write() as session:
            for number in numbers:
                form = _form(number)
                interview = sign_up(
                    session, form, campaign=SEQUENCE, hmac_key=b"bench", now=SIGNED_UP_AT, source="form"
                )
                confirm(session, interview, now=SIGNED_UP_AT + timedelta(minutes=3))
                now = SIGNED_UP_AT + timedelta(minutes=3)
                reconcile(session, interview.subscriber_id, catalog=catalog, now=now)
    now = SIGNED_UP_AT + timedelta(minutes=4)
    worker(database, Swallow(), concurrency=1, batch=100, clock=lambda: now).tick()
    # The nightly walk over all rows is behind them, as in any system that runs.
    now = DETAILS_AT - timedelta(hours=1)
    ahead = worker(database, Swallow(), concurrency=1, batch=100, clock=lambda: now)
    while ahead.tick().planned_again:
        pass


def _by_hundreds(count: int) -> Iterable[range]:
    return (range(first, min(first + 100, count)) for first in range(0, count, 100))


def _form(number: int) -> SignUp:
    return SignUp.parse(
        {
            "email": f"person{number}@example.com",
            "first_name": f"Person {number}",
            "interview_date": "2026-12-04",
            "interview_time": "14:00",
            "home_zone": "Europe/Berlin",
            "mode": ("video", "onsite", "phone")[number % 3],
            "interviewers": ("same", "new", "unknown")[number % 3],
            "company": "Example Ltd" if number % 2 else "",
            "consent": "yes",
        },
        now=SIGNED_UP_AT,
    )
