"""The judge: looks at every committed change of a send, at every call, and in the end at everything.

It asks the rows by SQL of its own and knows what really left from the provider's own log.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from sim_shelf import KEY as CAMPAIGN
from sim_shelf import catalog
from sim_world import Crew, Violation, World

from delivery import Email
from runup.database import Database
from scheduler.invariants import violations
from scheduler.send import ARRIVED, IN_FLIGHT, LEASED, OPEN, WAITING

if TYPE_CHECKING:
    from sim_feed import Feed
    from sim_ports import Copy

CALL, GUARD = 20, 5
SILENT_FOR = timedelta(minutes=45)
NEVER_LEFT = {"expired", "suppressed", "canceled", "superseded", "rejected", "dead"}
LADDER = {"accepted": 0, "processed": 1, "deferred": 2, "delivered": 3, "dropped": 4, "bounced": 5}
RUNG = {
    "processed": 1, "deferred": 2, "delivered": 3, "dropped": 4, "bounced": 5, "complained": 3,
    "unsubscribed": 3, "opened": 3, "clicked": 3,
}  # fmt: skip

WATCH = """
CREATE TEMP TABLE IF NOT EXISTS change (
    number INTEGER PRIMARY KEY, id, was, state, had, has, until, resends, had_resends, ready_at, expires_at,
    intent_at, on_unknown, planned_at, had_planned_at, reason, finished_at, subscriber_id,
    left_at);
CREATE TEMP TRIGGER IF NOT EXISTS send_changed AFTER UPDATE ON main.send BEGIN
    INSERT INTO change VALUES (NULL, NEW.id, OLD.state, NEW.state, OLD.lease_token, NEW.lease_token,
    OLD.lease_until, NEW.resends, OLD.resends, NEW.ready_at, NEW.expires_at, NEW.intent_at, NEW.on_unknown,
    NEW.planned_at, OLD.planned_at, NEW.reason, NEW.finished_at, NEW.subscriber_id, NEW.left_at); END;
CREATE TEMP TRIGGER IF NOT EXISTS send_made AFTER INSERT ON main.send BEGIN
    INSERT INTO change VALUES (NULL, NEW.id, NULL, NEW.state, NULL, NEW.lease_token, NULL, NEW.resends, 0,
    NEW.ready_at, NEW.expires_at, NEW.intent_at, NEW.on_unknown, NEW.planned_at, NULL, NEW.reason,
    NEW.finished_at, NEW.subscriber_id, NEW.left_at); END;
CREATE TEMP TRIGGER IF NOT EXISTS send_gone AFTER DELETE ON main.send BEGIN
    INSERT INTO change VALUES (NULL, OLD.id, OLD.state, NULL, NULL, NULL, NULL, 0, 0, NULL, NULL, NULL, NULL,
    NULL, NULL, NULL, NULL, NULL, NULL); END;
"""
INTENTS = """
SELECT a.id, a.number, a.intent_at, s.id AS send, s.reference, s.step, s.occasion, s.state, s.expires_at,
       s.lease_token, s.lease_until, s.waits_for_gap, s.counts_for_gap, s.needs_consent,
       s.enrollment_id, s.subscriber_id,
       s.epoch AS planned_epoch, s.due_at, p.epoch, p.address, p.home_zone, p.erased_at, i.id AS interview,
       i.held_on, i.start_time, i.zone, i.revision, i.confirmed_at, i.canceled_at, i.outcome,
       c.state AS campaign_state, x.reason AS suppressed
FROM attempt a JOIN send s ON s.id = a.send_id JOIN subscriber p ON p.id = s.subscriber_id
JOIN enrollment e ON e.id = s.enrollment_id JOIN interview i ON i.id = e.interview_id
JOIN campaign c ON c.key = s.campaign LEFT JOIN suppression x ON x.address_hmac = p.address_hmac
WHERE a.id > ? ORDER BY a.id
"""


class Oracle:
    """Raises Violation at the first step after which something is not as promised."""

    def __init__(self, world: World, database: Database) -> None:
        self.world, self.database = world, database
        self.raw = database.engine.raw_connection().driver_connection
        self.raw.executescript(WATCH)
        self.raw.execute("DELETE FROM temp.change")
        self.feed: Feed | None = None
        self.copies: dict[str, list[Copy]] = defaultdict(list)
        self.calls: set[tuple[str, int]] = set()
        self.poisoned: set[int] = set()
        self.rejected: set[str] = set()
        """References that the provider has refused for good."""
        self.late: set[str] = set()
        """References brought to the provider by a worker that had been stopped right before its call."""
        self._last_call_while_open = -1e9
        self.intents: dict[tuple[str, int], dict[str, Any]] = {}
        self.rows: dict[int, str] = {}
        """Every send's state, as the committed changes tell it."""
        self.reasons: Counter[str] = Counter()
        self.steps = {step.key: step for step in catalog().sequence(CAMPAIGN).steps}
        self.gone: set[int] = set()
        """Subscribers who have said goodbye."""
        self.is_final_look = False
        self._seen = self._seen_attempt = self._commits = self._total = 0

    # -- what people said ---------------------------------------------------------------------------------

    def has_left(self, subscriber_id: int) -> None:
        self.gone.add(subscriber_id)

    def has_consented(self, subscriber_id: int) -> None:
        self.gone.discard(subscriber_id)

    # -- after every commit -------------------------------------------------------------------------------

    def committed(self, actor: str = "") -> None:
        total = self.raw.total_changes
        if total == self._total:
            return
        self._total, crew = total, self.world.current
        who = actor or (f"w{crew.number}.{crew.boots}" if crew else "site")
        changes = self._ask("SELECT * FROM temp.change WHERE number > ? ORDER BY number", self._seen)
        if changes:
            self._seen = changes[-1]["number"]
            for change in changes:
                self._judge(change, who)
            intents = self._ask(INTENTS, self._seen_attempt)
            if intents:
                self._seen_attempt = intents[-1]["id"]
                for intent in intents:
                    self._judge_intent(intent)
            if crew is not None:
                self._note_holds(crew, who, changes)
        self._commits += 1
        if self._commits % 100 == 0:
            self._ask_the_rows()

    def _note_holds(self, crew: Crew, who: str, changes: list[dict[str, Any]]) -> None:
        had = len(crew.holds)
        for change in changes:
            if change["has"] and change["has"].startswith(who + "-") and change["state"] in LEASED:
                crew.holds[change["id"]] = change["subscriber_id"]
            elif (change["had"] or "").startswith(who + "-"):
                crew.holds.pop(change["id"], None)
        if len(crew.holds) > had:
            self.world.stir(crew)

    def _judge(self, change: dict[str, Any], who: str) -> None:
        was, state, now = change["was"], change["state"], self._now()
        if was != state:
            self.world.trace.append((who, change["id"], was, state, change["reason"]))
        _demand(state is not None, 15, f"send {change['id']} is gone")
        _demand(self.rows.get(change["id"]) == was, 13, f"send {change['id']} was not {was}")
        self.rows[change["id"]] = state
        if state in WAITING:
            _demand(change["ready_at"] is not None, 1, f"nothing will wake send {change['id']}")
        if state in ARRIVED or state in IN_FLIGHT:
            _demand(change["left_at"], 18, f"send {change['id']} is {state}: nothing says when it left")
        if was is None:
            _demand(state not in IN_FLIGHT and state not in LEASED, 13, f"a send was born {state}")
            return
        if was != state:
            self._judge_step(change, was, state, who)
        if change["had"] and was in LEASED and change["had"] != change["has"]:
            self._judge_lease(change, who, now)
        if state == "sending" and was == "claimed":
            _demand(change["had"].startswith(who + "-"), 13, f"{who} sends what {change['had']} holds")
        if change["resends"] != change["had_resends"]:
            self._judge_second_attempt(change, was, now)

    def _judge_second_attempt(self, change: dict[str, Any], was: str, now: datetime) -> None:
        """After one that may have left: once, and by silence listened to or by the policy."""
        what = f"send {change['id']} goes again"
        _demand(was == "in_doubt" and change["resends"] == 1, 4, what)
        last = "SELECT kind FROM attempt WHERE send_id = ? ORDER BY number DESC LIMIT 1"
        if self._ask(last, change["id"])[0]["kind"] == "N":
            waited = now - _moment(change["intent_at"])
            _demand(waited >= SILENT_FOR - timedelta(seconds=40), 5, f"{what} after {waited} of silence")
        else:
            _demand(change["on_unknown"] == "resend", 4, f"{what} blindly")
            self._judge_patience(change, now)

    def _judge_step(self, change: dict[str, Any], was: str, state: str, who: str) -> None:
        """Which state may follow which."""
        what = f"send {change['id']}: {was} became {state}"
        if was in ARRIVED:
            _demand(state in ARRIVED and LADDER[state] > LADDER[was], 14, what)
        elif was == "unknown":
            _demand(state in ARRIVED, 13, what)
        elif was not in OPEN:
            _demand(holds=False, invariant=13, what=what)
        elif state == "sending":
            _demand(was == "claimed", 13, what)
        elif state == "claimed":
            _demand(was in WAITING, 13, what)
        elif state == "in_doubt":
            _demand(was == "sending", 13, what)
            # Its own answer may still come, and must be known by it.
            may_forget = change["has"] == change["had"] or change["had"].startswith(who + "-")
            _demand(may_forget, 13, f"{what}, and its worker's answer would not be heard")
        elif state == "unknown":
            _demand(was == "in_doubt" or change["resends"] > 0, 13, what)
            if change["resends"] == 0:
                self._judge_patience(change, self._now())
        elif was == "in_doubt":
            _demand(state in ARRIVED or state in ("retry_wait", "planned", "rejected"), 13, what)
            if state not in ARRIVED and change["resends"] == change["had_resends"]:
                self._judge_certainty(change, what)

    def _judge_certainty(self, change: dict[str, Any], what: str) -> None:
        """What goes again and is not counted as a second attempt was certainly not taken."""
        row = self._ask("SELECT reference, attempts FROM send WHERE id = ?", change["id"])[0]
        taken = [copy for copy in self.copies[row["reference"]] if copy.attempt == row["attempts"]]
        _demand(not taken, 5, f"{what} for certain, and the provider has it")

    def _judge_lease(self, change: dict[str, Any], who: str, now: datetime) -> None:
        """A leased row is its holder's, until the lease has ended."""
        if change["had"].startswith(who + "-") or change["state"] in ARRIVED:
            return
        was_planned = change["planned_at"] != change["had_planned_at"] or change["state"] not in OPEN
        if change["was"] == "claimed" and was_planned:
            return  # planning takes back what has not left
        has_ended = change["until"] is not None and _moment(change["until"]) < now
        what = f"{who} took send {change['id']} from {change['had']} before its lease had ended"
        _demand(has_ended, 13, what)
        if change["was"] == "sending":
            _demand(change["state"] == "in_doubt", 13, f"an expired sending became {change['state']}")

    def _judge_patience(self, change: dict[str, Any], now: datetime) -> None:
        """Doubt ends without evidence only when waiting any longer would not help."""
        intent, expiry = _moment(change["intent_at"]), _moment(change["expires_at"])
        end = max(intent, min(intent + timedelta(hours=6), expiry - timedelta(minutes=5)))
        # Somebody may have set the clock meanwhile.
        _demand(now >= end - timedelta(seconds=40), 1, f"send {change['id']} was given up {end - now} early")

    # -- at every durable intent --------------------------------------------------------------------------

    def _judge_intent(self, row: dict[str, Any]) -> None:
        step, at = self.steps[row["step"]], _moment(row["intent_at"])
        what = f"{row['step']} #{row['send']} attempt {row['number']} at {at}"
        _demand(row["state"] == "sending", 6, f"{what}: {row['state']}")
        _demand(_moment(row["expires_at"]) >= at + timedelta(seconds=CALL), 7, f"{what}: it has expired")
        lease = _moment(row["lease_until"]) - at
        _demand(lease > timedelta(seconds=CALL + GUARD), 13, f"{what}: its lease ends in {lease}")
        _demand(row["campaign_state"] == "running", 9, f"{what}: the campaign is paused")
        _demand(row["planned_epoch"] == row["epoch"], 9, f"{what}: planned at an older epoch")
        _demand(row["erased_at"] is None and row["address"], 9, f"{what}: erased")
        despite = step.despite_unsubscribe
        may = row["suppressed"] is None or (despite and row["suppressed"] in ("unsubscribed", "erased"))
        _demand(may, 9, f"{what}: {row['suppressed']}")
        _demand(despite or row["subscriber_id"] not in self.gone, 9, f"{what}: they had said goodbye")
        _demand(despite or row["confirmed_at"], 10, f"{what}: never confirmed")
        if step.key not in ("canceled", "goodbye", "confirm"):
            _demand(row["canceled_at"] is None, 9, f"{what}: the interview is canceled")
        _demand(not (step.until_outcome and row["outcome"]), 9, f"{what}: the outcome is known")
        if step.once_per == "date":
            _demand(row["occasion"] == f"r{row['revision']}", 9, f"{what}: for the date before")
        if step.key in ("advice", "eve", "morning", "catchup"):
            _demand(at < _starts_at(row), 7, f"{what}: the interview has begun")
        _demand(at >= _moment(row["due_at"]) - timedelta(seconds=1), 7, f"{what}: before it is due")
        self._judge_breaker(what)
        self._judge_spacing(row, at, what)
        self._judge_order(row, at, what)
        row["boot"] = self.world.elapsed
        self.intents[row["reference"], row["number"]] = row

    def _judge_breaker(self, what: str) -> None:
        """While the breaker is open one send goes every half minute. An intent that came to no call gives its
        turn back."""
        if self._is_breaker_open():
            since = self.world.elapsed - self._last_call_while_open
            most = 28 if self.world.skew == 0 and "clock_step" not in self.world.faults.rates else 0
            _demand(since >= most, 19, f"{what}: {since:.0f} s after another, and the breaker is open")

    def _is_breaker_open(self) -> bool:
        return bool(self._ask("SELECT 1 FROM breaker WHERE opened_at IS NOT NULL"))

    def _judge_spacing(self, row: dict[str, Any], at: datetime, what: str) -> None:
        gap = catalog().sequence(CAMPAIGN).gap
        if row["waits_for_gap"]:
            near = self._ask(
                "SELECT step, left_at FROM send WHERE subscriber_id = ? AND id <> ? AND counts_for_gap "
                "AND left_at IS NOT NULL AND left_at > ? AND state <> 'planned'",
                row["subscriber_id"],
                row["send"],
                _written(at - gap),
            )
            _demand(not near, 18, f"{what}: too close to {near[:1]}")

    def _judge_order(self, row: dict[str, Any], at: datetime, what: str) -> None:
        """What has its place in the sequence does not leave after what comes later and was due later: a late
        sign-up may bring the eve's email after the morning's (decision 0012)."""
        if not self.steps[row["step"]].is_ordered:
            return
        order = list(self.steps)
        later = [key for key in order[order.index(row["step"]) + 1 :] if self.steps[key].is_ordered]
        passed = self._ask(
            # What leaves in the same transaction leaves in the order of its end.
            "SELECT step, occasion FROM send WHERE enrollment_id = ? AND left_at < ? AND "  # noqa: S608
            f"step IN ({', '.join(repr(key) for key in later)}) AND occasion = ? AND due_at > ?",
            row["enrollment_id"],
            _written(at),
            row["occasion"],
            row["due_at"],
        ) if later else []  # fmt: skip
        _demand(not passed, 18, f"{what}: {passed[:1]} had left already")

    # -- at every call ------------------------------------------------------------------------------------

    def called(self, email: Email) -> None:
        """The provider's call begins."""
        if "canary" in email.categories:
            return
        key, crew = (email.reference, email.attempt), self.world.current
        what = f"a call of attempt {email.attempt}"
        _demand(key not in self.calls, 6, f"{what} was made twice")
        self.calls.add(key)
        # A worker that was stopped before its call, and goes on, asks no breaker any more.
        if self._is_breaker_open() and not (crew is not None and crew.is_zombie):
            self._last_call_while_open = self.world.elapsed
        row = self.intents.get(key)
        _demand(row is not None, 6, f"{what} without a durable intent")
        assert row is not None
        _demand(email.recipient == row["address"], 10, f"{what}: to another address")
        if crew is None or not crew.is_zombie:
            waited = self.world.elapsed - row["boot"]
            _demand(waited <= GUARD + 1, 7, f"{what} came {waited:.0f} s after its intent")
        found = re.search(r"days_left=(-?\d+)", email.text)
        assert found
        today = _moment(row["intent_at"]).astimezone(ZoneInfo(row["home_zone"])).date()
        is_true = today + timedelta(days=int(found[1])) == _day(row)
        _demand(is_true, 8, f"{what}: it says {found[0]} on {today} for {row['held_on']}")

    def accepted(self, copy: Copy) -> None:
        """The provider has taken it."""
        if copy.step == "canary":
            return
        self.copies[copy.reference].append(copy)
        if self.world.current is not None and self.world.current.is_zombie:
            self.late.add(copy.reference)
        row = self.intents[copy.reference, copy.attempt]
        send = self._ask("SELECT resends, on_unknown FROM send WHERE id = ?", row["send"])[0]
        number = len(self.copies[copy.reference])
        _demand(number <= 2, 4, f"{copy.step}: copy {number}")
        # However much of the feed is lost or late: what may have left is known to be one more.
        _demand(
            number <= 1 + send["resends"], 5, f"{copy.step}: copy {number} of {send['resends']} second ones"
        )
        rates = self.world.faults.rates
        feed_is_whole = "feed_lost" not in rates and "feed_late" not in rates
        if send["on_unknown"] == "drop" and feed_is_whole and not self.world.has_stalled:
            _demand(number <= 1, 4, f"{copy.step}: copy {number} of what may never be doubled")

    # -- in the end ---------------------------------------------------------------------------------------

    def is_anything_open(self) -> bool:
        return any(state in OPEN for state in self.rows.values())

    def is_anything_in_doubt(self) -> bool:
        return any(state in IN_FLIGHT for state in self.rows.values())

    def look_at_everything(self) -> None:
        assert self.feed is not None
        found = self._ask(
            "SELECT id, reference, step, occasion, enrollment_id, state, reason, resends FROM send"
        )
        _demand(len(found) == len(self.rows), 15, "rows that nobody saw come")
        left: Counter[tuple[Any, ...]] = Counter()
        for row in found:
            self.reasons[row["reason"]] += 1
            _demand(row["state"] not in OPEN, 30, f"{row['step']} #{row['id']} is still {row['state']}")
            copies = self.copies.get(row["reference"], [])
            if row["state"] in ARRIVED:
                _demand(copies, 2, f"{row['step']} #{row['id']} is {row['state']} and never left")
                self._judge_feedback(row)
            if copies:
                # A stopped worker's late call finds what has ended meanwhile: its event is counted as
                # contradicted.
                is_true = row["state"] not in NEVER_LEFT or row["reference"] in self.late
                _demand(is_true, 3, f"{row['step']} #{row['id']} left and is {row['state']}")
                left[row["enrollment_id"], row["step"], row["occasion"]] += 1
            if row["state"] == "rejected":
                _demand(row["reference"] in self.rejected, 3, f"{row['step']} #{row['id']} was not rejected")
            if row["state"] == "dead" and row["id"] not in self.poisoned:
                died = {"kill", "outage", "stall"} & self.world.faults.rates.keys()
                _demand(died, 20, f"{row['step']} #{row['id']} is dead and was no poison")
        for key, number in left.items():
            _demand(number == 1, 4, f"{key} left by {number} rows")
        self._judge_peace(found)
        self._judge_suppressions()
        self._ask_the_rows()

    def _judge_feedback(self, row: dict[str, Any]) -> None:
        """The state is the highest of what was told, in whatever order and however often."""
        assert self.feed is not None
        told = self.feed.told.get(row["reference"], set())
        highest = max((RUNG[kind] for kind in told), default=0)
        what = f"{row['step']} #{row['id']} is {row['state']} after {sorted(told)}"
        is_true = LADDER[row["state"]] == highest
        # Nothing is left of an erased person that a stranger's address could be told from: nobody is harmed.
        _demand(is_true or self._is_of_somebody_erased(row["id"]), 14, what)

    def _is_of_somebody_erased(self, send_id: int) -> bool:
        erased = (
            "SELECT 1 FROM send s JOIN subscriber p ON p.id = s.subscriber_id WHERE s.id = ? AND erased_at"
        )
        return bool(self._ask(erased, send_id))

    def _judge_suppressions(self) -> None:
        """Only what was told of an email to this very address ends our writing to it; told twice is once."""
        assert self.feed is not None
        blamed = {
            person["address"]
            for (reference, _), person in self.intents.items()
            if self.feed.told.get(reference, set()) & {"bounced", "dropped", "complained", "unsubscribed"}
        }
        for row in self._ask(
            "SELECT p.address, x.reason FROM suppression x JOIN subscriber p USING (address_hmac) "
            "WHERE x.reason IN ('bounced', 'complained')"
        ):
            _demand(row["address"] in blamed, 14, f"{row['reason']}, and nobody told us so")
        heard = self._ask("SELECT total FROM feed_count WHERE what = 'event'")
        number = sum(row["total"] for row in heard)
        _demand(number == len(self.feed.ids), 14, f"{number} events counted of {len(self.feed.ids)}")

    def _judge_peace(self, found: list[dict[str, Any]]) -> None:
        """Where nothing went wrong, nothing is excused by it."""
        if self.world.faults.rates:
            return
        for row in found:
            excused = row["reason"] in (
                "expired_outage",
                "unknown",
                "render_error",
                "rejected",
                "paused_expired",
            )
            _demand(not excused, 3, f"{row['step']} is {row['reason']} and nothing went wrong")

    def _ask_the_rows(self) -> None:
        with self.database.read() as session:
            wrong = violations(session)
        _demand(not wrong, wrong[0].rule if wrong else 0, str(wrong[:1]))

    # -- asking -------------------------------------------------------------------------------------------

    def _ask(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        cursor = self.raw.execute(sql, values)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def _now(self) -> datetime:
        return self.world.now()


def _demand(holds: object, invariant: int | str, what: str) -> None:
    if not holds:
        raise Violation(invariant, what)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


def _starts_at(row: dict[str, Any]) -> datetime:
    start = row["start_time"] or "10:00:00"
    return datetime.fromisoformat(f"{row['held_on']}T{start}").replace(tzinfo=ZoneInfo(row["zone"]))


def _day(row: dict[str, Any]) -> date:
    """The day of the interview where its reader is."""
    if row["start_time"] is None:
        return date.fromisoformat(row["held_on"])
    return _starts_at(row).astimezone(ZoneInfo(row["home_zone"])).date()
