"""People who sign up and do what people do, at any moment between two port calls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from random import Random
from typing import TYPE_CHECKING

from sim_feed import KEY
from sim_shelf import KEY as CAMPAIGN
from sim_shelf import catalog
from sim_world import World
from sqlalchemy.orm import Session

from runup.database import Database
from scheduler import reconcile
from subscribers import Interview, SignUp, Subscriber, confirm, move, sign_up, unsubscribe
from subscribers.consent import ConfirmationExpired
from subscribers.interview import Outcome, cancel, tell_outcome
from subscribers.own_data import erase
from subscribers.subscriber import change_home_zone

if TYPE_CHECKING:
    from sim_oracle import Oracle

ZONES = ("Europe/Berlin", "Pacific/Kiritimati", "America/St_Johns")
DAY = 86_400.0
Act = Callable[[Session], int | None]


@dataclass(eq=False)
class Person:
    """`interviews`: the ids of those signed up for, the newest last."""

    name: str
    zone: str
    interviews: list[int] = field(default_factory=list)
    subscriber: int = 0


class People:
    """Plays one script for each person. An act is one transaction, as a page of the site makes it."""

    def __init__(self, world: World, database: Database, oracle: Oracle) -> None:
        self.world, self.database, self.oracle = world, database, oracle
        self.rng = Random(world.seed ^ 0x9E0)

    def arrive(self) -> None:
        for number in range(self.rng.choice((1, 2, 2, 3))):
            person = Person(f"person{number}", self.rng.choice(ZONES))
            self.world.later(self.rng.uniform(0, 0.6 * DAY), lambda p=person: self._begin(p))

    def _begin(self, person: Person) -> None:
        self._sign_up(person)
        for _ in range(self.rng.choice((0, 1, 1, 2, 3))):
            act = self.rng.choice(self._acts())
            self._some_time(person, self.rng.uniform(0, 5 * DAY), lambda act=act: act(person))

    def _acts(self) -> list[Callable[[Person], None]]:
        return [
            self._move, self._move, self._cancel, self._unsubscribe, self._unsubscribe, self._sign_up,
            self._erase, self._outcome, self._second, self._zone, self._confirm,
        ]  # fmt: skip

    def _some_time(self, person: Person, seconds: float, act: Callable[[], None]) -> None:
        """Then, or while a worker is in the middle of something."""
        countdown = self.rng.randrange(6)
        if self.rng.random() < 0.6:
            self.world.later(seconds, lambda: self.world.ambush(countdown, act, person.subscriber))
        else:
            self.world.later(seconds, act)

    def _do(self, name: str, person: Person, act: Act) -> bool:
        """One act and, unless the site forgets it, the plan that follows; False when the page said no."""
        forgets = self.world.faults.fires("forgetful_site")
        if self.world.is_down("db"):
            return False
        try:
            with self.database.write() as session:
                subscriber_id = act(session)
                if subscriber_id is not None and not forgets:
                    reconcile(session, subscriber_id, catalog=catalog(), now=self.world.now())
        except (ValueError, ConfirmationExpired) as error:
            self.world.note(name, person.name, "refused", str(error))
            return False
        self.oracle.committed("site")
        self.world.note(name, person.name)
        self.world.wake()
        return True

    # -- acts ---------------------------------------------------------------------------------------------

    def _sign_up(self, person: Person) -> None:
        days = self.rng.choice((0, 1, 1, 2, 2, 3, 3, 4, 5))
        held_on = (self.world.now() + timedelta(days=days)).date()
        form = {
            "email": f"{person.name}@example.com",
            "interview_date": held_on.isoformat(),
            "interview_time": self.rng.choice(("", "08:00", "10:30", "14:00", "17:00")),
            "home_zone": person.zone,
            "consent": "yes",
        }

        def act(session: Session) -> int:
            now = self.world.now()
            parsed = SignUp.parse(form, now=now)
            found = sign_up(session, parsed, campaign=CAMPAIGN, hmac_key=KEY, now=now, source="form")
            person.interviews.append(found.id)
            person.subscriber = found.subscriber_id
            return found.subscriber_id

        if self._do("signs up", person, act) and self.rng.random() < 0.9:
            self._some_time(person, self.rng.uniform(30, 7200), lambda: self._confirm(person))

    def _second(self, person: Person) -> None:
        self._sign_up(person)

    def _confirm(self, person: Person) -> None:
        def act(session: Session) -> int:
            found = session.get_one(Interview, person.interviews[-1])
            confirm(session, found, now=self.world.now())
            return found.subscriber_id

        if person.interviews and self._do("confirms", person, act):
            self.oracle.has_consented(person.subscriber)

    def _move(self, person: Person) -> None:
        days = self.rng.choice((-2, -1, 0, 1, 1, 2, 3, 4))
        start = self.rng.choice((None, time(9), time(13), time(16, 30)))

        def act(session: Session) -> int:
            found = session.get_one(Interview, person.interviews[-1])
            day: date = (self.world.now() + timedelta(days=days)).date()
            move(session, found, held_on=day, start_time=start, zone=found.zone, now=self.world.now())
            return found.subscriber_id

        if person.interviews:
            self._do("moves", person, act)

    def _cancel(self, person: Person) -> None:
        def act(session: Session) -> int:
            found = session.get_one(Interview, person.interviews[-1])
            cancel(session, found, now=self.world.now())
            return found.subscriber_id

        if person.interviews:
            self._do("cancels", person, act)

    def _outcome(self, person: Person) -> None:
        outcome = self.rng.choice((Outcome.OFFER, Outcome.OFFER, Outcome.REJECTED))

        def act(session: Session) -> int:
            found = session.get_one(Interview, person.interviews[-1])
            tell_outcome(session, found, outcome, now=self.world.now())
            return found.subscriber_id

        if person.interviews:
            self._do("tells the outcome", person, act)

    def _zone(self, person: Person) -> None:
        zone = self.rng.choice(ZONES)

        def act(session: Session) -> int:
            found = session.get_one(Subscriber, person.subscriber)
            if found.erased_at is None:
                change_home_zone(session, found, zone)
            return person.subscriber

        if person.subscriber:
            self._do("changes zone", person, act)

    def _unsubscribe(self, person: Person) -> None:
        wants_goodbye = self.rng.random() < 0.5

        def act(session: Session) -> int:
            found = session.get_one(Subscriber, person.subscriber)
            unsubscribe(session, found, now=self.world.now(), wants_goodbye=wants_goodbye)
            return person.subscriber

        if person.subscriber and self._do("unsubscribes", person, act):
            self.oracle.has_left(person.subscriber)
            if self.rng.random() < 0.4:
                self._some_time(person, self.rng.uniform(60, DAY), lambda: self._sign_up(person))

    def _erase(self, person: Person) -> None:
        def act(session: Session) -> int:
            erase(session, session.get_one(Subscriber, person.subscriber), now=self.world.now())
            return person.subscriber

        if person.subscriber and self._do("is erased", person, act):
            self.oracle.has_left(person.subscriber)
            if self.rng.random() < 0.3:
                self._some_time(person, self.rng.uniform(60, DAY), lambda: self._sign_up(person))
