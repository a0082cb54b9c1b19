"""Sign-ups, confirmations, moves and goodbyes as rows, on both databases."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from threading import Barrier

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from runup.database import Database
from subscribers import (
    ConfirmationExpired,
    Consent,
    Interview,
    InvalidInterviewDate,
    Outcome,
    Reason,
    SignUp,
    Subscriber,
    UnknownZone,
    address_hmac,
    cancel,
    change_details,
    change_home_zone,
    confirm,
    find_suppression,
    is_suppressed,
    lift,
    move,
    sign_up,
    suppress,
    tell_decision_day,
    tell_outcome,
    unsubscribe,
)

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
KEY = b"k" * 32
DAY = date(2026, 12, 4)
ANA = SignUp(
    address="ana@example.com",
    first_name="Ana",
    held_on=DAY,
    start_time=time(14),
    zone="Europe/Berlin",
    home_zone="Europe/Berlin",
)
HMAC = address_hmac(ANA.address, KEY)


def join(session: Session, form: SignUp = ANA, *, now: datetime = NOW, confirmed: bool = False) -> Interview:
    interview = sign_up(session, form, campaign="second_interview", hmac_key=KEY, now=now, source="form")
    return confirm(session, interview, now=now) if confirmed else interview


def count(session: Session, model: type[Subscriber] | type[Interview] | type[Consent]) -> int:
    return session.scalar(select(func.count()).select_from(model)) or 0


def epoch(interview: Interview) -> int:
    return interview.subscriber.epoch


def test_a_sign_up_is_pending_until_it_is_confirmed(database: Database) -> None:
    with database.write() as session:
        interview = join(session)
        assert (interview.confirmed_at, interview.subscriber.confirmed_at) == (None, None)
        consent = session.scalars(select(Consent)).one()
        assert (consent.agreed_at, consent.confirmed_at, consent.source) == (NOW, None, "form")
        confirm(session, interview, now=NOW + timedelta(hours=1))
        assert interview.confirmed_at == interview.subscriber.confirmed_at == NOW + timedelta(hours=1)
        assert consent.confirmed_at == interview.confirmed_at


def test_confirming_twice_is_confirming_once(database: Database) -> None:
    with database.write() as session:
        interview = join(session, confirmed=True)
        before = epoch(interview)
        assert confirm(session, interview, now=NOW + timedelta(days=30)) is interview
        assert (interview.confirmed_at, epoch(interview)) == (NOW, before)


def test_a_confirmation_is_good_for_three_days(database: Database) -> None:
    with database.write() as session:
        interview = join(session)
        with pytest.raises(ConfirmationExpired, match="sign up again"):
            confirm(session, interview, now=NOW + timedelta(hours=72, seconds=1))
        assert interview.confirmed_at is None
        again = join(session, now=NOW + timedelta(days=4))
        assert confirm(session, again, now=NOW + timedelta(days=4)) is again


def test_sending_the_form_again_updates_what_is_pending(database: Database) -> None:
    with database.write() as session:
        first = join(session)
        second = join(
            session, replace(ANA, start_time=time(9), company="Nordwind"), now=NOW + timedelta(hours=1)
        )
        assert first is second
        assert (second.start_time, second.company) == (time(9), "Nordwind")
        assert (count(session, Subscriber), count(session, Interview), count(session, Consent)) == (1, 1, 2)


def test_a_form_never_changes_what_is_confirmed(database: Database) -> None:
    """Whoever types an address need not be its owner."""
    with database.write() as session:
        mine = join(session, confirmed=True)
        join(session, replace(ANA, first_name="Mallory", home_zone="Asia/Tokyo", start_time=time(9)))
        assert (mine.start_time, mine.subscriber.first_name, mine.subscriber.home_zone) == (
            time(14), "Ana", "Europe/Berlin",
        )  # fmt: skip


def test_confirming_the_same_interview_again_goes_on_with_the_first(database: Database) -> None:
    with database.write() as session:
        first = join(session, confirmed=True)
        details = replace(ANA, company="Nordwind", mode="video")  # type: ignore[arg-type]
        pending = join(session, details, now=NOW + timedelta(hours=1))
        assert pending is not first
        assert confirm(session, pending, now=NOW + timedelta(hours=2)) is first
        assert (first.company, first.mode, first.revision) == ("Nordwind", "video", 0)
        assert pending.canceled_at is not None
        assert pending.confirmed_at is not None
        assert pending.canceled_at < pending.confirmed_at, "no email speaks of its end"
        change_details(session, first, mode="phone")
        assert confirm(session, pending, now=NOW + timedelta(hours=3)) is first
        assert first.mode == "phone"


def test_two_companies_on_one_day_are_two_interviews(database: Database) -> None:
    with database.write() as session:
        one = join(session, replace(ANA, company="Nordwind"), confirmed=True)
        two = join(session, replace(ANA, company="Südwind", start_time=time(16)))
        assert confirm(session, two, now=NOW) is two
        assert one.canceled_at is None


def test_a_move_is_a_new_revision_and_forgets_what_came_of_the_old_date(database: Database) -> None:
    with database.write() as session:
        interview = join(session, confirmed=True)
        tell_outcome(session, interview, Outcome.REJECTED, now=NOW)
        tell_decision_day(session, interview, date(2026, 12, 8))
        before = epoch(interview)
        later = NOW + timedelta(hours=1)
        assert move(
            session, interview, held_on=date(2026, 12, 11), start_time=None, zone=interview.zone, now=later
        )
        assert (interview.revision, interview.moved_at, interview.start_time) == (1, later, None)
        assert (interview.outcome, interview.outcome_at, interview.decision_on) == (None, None, None)
        assert epoch(interview) > before
        same = {"held_on": interview.held_on, "start_time": None, "zone": interview.zone}
        assert not move(session, interview, **same, now=later)  # type: ignore[arg-type]
        assert interview.revision == 1


@pytest.mark.parametrize("zone", ["America/New_York", "Pacific/Kiritimati"])
def test_another_zone_alone_is_a_move(database: Database, zone: str) -> None:
    with database.write() as session:
        interview = join(session, confirmed=True)
        assert move(session, interview, held_on=DAY, start_time=time(14), zone=zone, now=NOW)


def test_a_move_to_nowhere_changes_nothing(database: Database) -> None:
    with database.write() as session:
        interview = join(session, confirmed=True)
        before = (interview.held_on, interview.revision, epoch(interview))
        for held_on, zone, error in (
            (date(2028, 1, 1), "Europe/Berlin", InvalidInterviewDate),
            (date(2026, 1, 1), "Europe/Berlin", InvalidInterviewDate),
            (DAY, "Mars/Olympus", UnknownZone),
        ):
            with pytest.raises(error):
                move(session, interview, held_on=held_on, start_time=None, zone=zone, now=NOW)
        assert (interview.held_on, interview.revision, epoch(interview)) == before


def test_canceled_once_and_taken_up_again_by_a_move(database: Database) -> None:
    with database.write() as session:
        interview = join(session, confirmed=True)
        assert cancel(session, interview, now=NOW)
        assert not cancel(session, interview, now=NOW + timedelta(hours=1))
        assert interview.canceled_at == NOW
        assert move(session, interview, held_on=DAY, start_time=time(14), zone=interview.zone, now=NOW)
        assert (interview.canceled_at, interview.revision) == (None, 1)


def test_outcomes_and_decisions(database: Database) -> None:
    with database.write() as session:
        interview = join(session, confirmed=True)
        assert tell_outcome(session, interview, Outcome.OFFER, now=NOW)
        assert not tell_outcome(session, interview, Outcome.OFFER, now=NOW + timedelta(days=1))
        assert interview.outcome_at == NOW
        assert tell_outcome(session, interview, Outcome.NEXT_ROUND, now=NOW + timedelta(days=1))
        with pytest.raises(InvalidInterviewDate):
            tell_decision_day(session, interview, DAY - timedelta(days=1))
        assert tell_decision_day(session, interview, DAY)
        assert not tell_decision_day(session, interview, DAY)
        assert tell_decision_day(session, interview, None)


def test_a_home_zone_changes_once_and_an_unknown_one_never(database: Database) -> None:
    with database.write() as session:
        ana = join(session, confirmed=True).subscriber
        before = ana.epoch
        change_home_zone(session, ana, "America/St_Johns")
        change_home_zone(session, ana, "America/St_Johns")
        assert (ana.home_zone, ana.epoch) == ("America/St_Johns", before + 1)
        with pytest.raises(UnknownZone):
            change_home_zone(session, ana, "Mars/Olympus")


def test_who_unsubscribes_and_comes_back_is_welcome(database: Database) -> None:
    with database.write() as session:
        ana = join(session, confirmed=True).subscriber
        assert unsubscribe(session, ana, now=NOW, wants_goodbye=True)
        assert not unsubscribe(session, ana, now=NOW + timedelta(hours=1))
        assert (ana.unsubscribed_at, ana.wants_goodbye) == (NOW, True)
        again = join(session, replace(ANA, held_on=date(2026, 12, 18)), now=NOW + timedelta(days=1))
        assert is_suppressed(session, HMAC), "signing up alone ends nothing: anybody can type an address"
        confirm(session, again, now=NOW + timedelta(days=1))
        assert not is_suppressed(session, HMAC)
        assert (ana.unsubscribed_at, ana.wants_goodbye) == (None, False)


@pytest.mark.parametrize("reason", [Reason.BOUNCED, Reason.COMPLAINED, Reason.BY_OPERATOR])
def test_coming_back_does_not_undo_what_others_said(database: Database, reason: Reason) -> None:
    with database.write() as session:
        suppress(session, HMAC, reason, now=NOW)
        join(session, confirmed=True)
        found = find_suppression(session, HMAC)
        assert found is not None
        assert found.reason == reason


def test_the_first_reason_is_kept(database: Database) -> None:
    with database.write() as session:
        ana = join(session, confirmed=True).subscriber
        before = ana.epoch
        assert suppress(session, HMAC, Reason.BOUNCED, now=NOW)
        assert not suppress(session, HMAC, Reason.COMPLAINED, now=NOW + timedelta(days=1))
        found = find_suppression(session, HMAC)
        assert found is not None
        assert (found.reason, found.created_at, ana.epoch) == (Reason.BOUNCED, NOW, before + 1)
        assert lift(session, HMAC)
        assert not lift(session, HMAC)


def test_a_list_may_be_left_without_leaving_everything(database: Database) -> None:
    with database.write() as session:
        suppress(session, HMAC, Reason.UNSUBSCRIBED, now=NOW, scope="weekly")
        assert is_suppressed(session, HMAC, scope="weekly")
        assert not is_suppressed(session, HMAC)
        suppress(session, HMAC, Reason.BOUNCED, now=NOW)
        assert is_suppressed(session, HMAC, scope="monthly")


@pytest.fixture(params=["the same day", "two days"])
def forms(request: pytest.FixtureRequest) -> list[SignUp]:
    other = DAY if request.param == "the same day" else DAY + timedelta(days=7)
    return [ANA, replace(ANA, address="ANA@example.com", held_on=other)] * 4


def test_two_sign_ups_of_one_address_at_the_same_time(database: Database, forms: list[SignUp]) -> None:
    barrier = Barrier(len(forms))

    def one(form: SignUp) -> int:
        barrier.wait()
        with database.write() as session:
            return join(session, form).id

    with ThreadPoolExecutor(len(forms)) as pool:
        ids = set(pool.map(one, forms))
    with database.read() as session:
        assert count(session, Subscriber) == 1
        assert count(session, Interview) == len(ids) == len({form.held_on for form in forms})
        assert count(session, Consent) == len(forms)


def test_two_confirmations_at_the_same_time_are_one(database: Database) -> None:
    with database.write() as session:
        identity = join(session).id
    at_once(lambda session: confirm(session, session.get_one(Interview, identity), now=NOW), database)
    with database.read() as session:
        interview = session.get_one(Interview, identity)
        assert (interview.confirmed_at, epoch(interview)) == (NOW, 2)


def test_two_unsubscribes_at_the_same_time_are_one(database: Database) -> None:
    with database.write() as session:
        identity = join(session, confirmed=True).subscriber_id
    new = at_once(lambda s: unsubscribe(s, s.get_one(Subscriber, identity), now=NOW), database)
    assert sorted(new) == [False, True]


def at_once(act: Callable[[Session], object], database: Database) -> list[object]:
    barrier = Barrier(2)

    def one(_: int) -> object:
        barrier.wait()
        with database.write() as session:
            return act(session)

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(one, range(2)))


def test_rows_show_no_address(database: Database) -> None:
    with database.write() as session:
        interview = join(session, confirmed=True)
        shown = repr(interview) + repr(interview.subscriber)
        assert "example.com" not in shown
        assert "Ana" not in shown
