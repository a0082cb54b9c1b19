"""Bounces that come back to a mailbox: kept once, whoever reads them, and applied to whom they concern."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from pathlib import Path
from zlib import crc32

import pytest
from imap_server import ImapServer, Trouble
from smtp_fake import SmtpFake, Turn
from town import KEY, Town

from delivery import SmtpConfig, open_provider
from delivery.mailboxes import MailboxConfig, MailboxError, parse_mailbox
from delivery.records import counts
from runup.database import Database
from scheduler import Canary, Clock, Send, State
from scheduler.returned import Collector, Returned
from subscribers import Interview, Subscriber, address_hmac, is_suppressed

BOUNCE_ADDRESS = "bounces+{reference}@runup.example.com"
NOBODY = "550 5.1.1 no such user", "5.1.1", "failed"
FULL = "552 5.2.2 mailbox full", "5.2.2", "failed"
LATER = "450 4.2.0 greylisted", "4.2.0", "delayed"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "bounces"
    for name in ("new", "cur", "tmp"):
        (made / name).mkdir(parents=True)
    return made


def collector(town: Town, mailbox: MailboxConfig) -> Collector:
    return Collector(
        database=town.database,
        mailbox=mailbox,
        bounce_address=BOUNCE_ADDRESS,
        hash_address=lambda address: address_hmac(address, KEY),
        clock=lambda: town.now,
    )


def at(folder: Path) -> MailboxConfig:
    return parse_mailbox(f"maildir:{folder}")


def bounce(reference: str, says: tuple[str, str, str] = NOBODY, *, address: str = "ana@example.com") -> bytes:
    said, status, action = says
    return f"""From: MAILER-DAEMON@mail.runup.example.com
To: bounces+{reference}.1@runup.example.com
Message-ID: <{crc32(f"{reference} {says} {address}".encode())}@mail.runup.example.com>
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mail.runup.example.com

Final-Recipient: rfc822; {address}
Action: {action}
Status: {status}
Diagnostic-Code: smtp; {said}

--b--
""".encode()


def holiday(reference: str) -> bytes:
    head = f"From: ana@example.com\nTo: bounces+{reference}.1@runup.example.com\nAuto-Submitted: auto-replied"
    return f"{head}\n\nAway until Tuesday".encode()


def put(folder: Path, *messages: bytes) -> None:
    before = len(list(folder.rglob("*.m*")))
    for number, message in enumerate(messages, before):
        (folder / "new" / f"{number:05}.m").write_bytes(message)


def left(folder: Path) -> int:
    return len(list((folder / "new").iterdir()))


def welcome(town: Town) -> Send:
    """Ana's welcome, which the provider has taken."""
    town.tick()
    return town.send("welcome")


def state_of(town: Town, step: str = "welcome") -> State:
    """After a worker has heard what was kept."""
    town.later(seconds=5).tick()
    return State(town.send(step).state)


def suppressed(town: Town, interview: Interview) -> bool:
    with town.database.read() as session:
        person = session.get_one(Subscriber, interview.subscriber_id)
        return bool(person.address_hmac) and is_suppressed(session, str(person.address_hmac))


def told(town: Town) -> dict[str, int]:
    with town.database.read() as session:
        return {found.what: found.total for found in counts(session) if found.source == "bounces"}


@pytest.mark.parametrize(
    ("says", "state", "ends"),
    [(NOBODY, State.BOUNCED, True), (FULL, State.BOUNCED, False), (LATER, State.DEFERRED, False)],
)
def test_ana_s_address_is_given_up_for_its_own_fault_alone(
    town: Town, folder: Path, says: tuple[str, str, str], state: State, ends: bool
) -> None:
    ana = town.ana()
    send = welcome(town)
    put(folder, bounce(send.reference, says))
    assert collector(town, at(folder)).collect() == Returned(1, 1, 1)
    assert left(folder) == 0
    assert state_of(town) is state
    assert suppressed(town, ana) is ends


def test_a_bounce_read_twice_counts_once(town: Town, folder: Path) -> None:
    town.ana()
    send = welcome(town)
    put(folder, bounce(send.reference))
    reader = collector(town, at(folder))
    assert reader.collect().new == 1
    # As after a kill between storing and moving, or from a second copy of the mailbox.
    put(folder, bounce(send.reference))
    assert reader.collect() == Returned(1, 1, 0)
    assert told(town)["event"] == 1


def test_a_worker_that_dies_before_it_has_marked_anything_loses_nothing(
    town: Town, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana = town.ana()
    send = welcome(town)
    put(folder, bounce(send.reference))
    with monkeypatch.context() as killed:
        killed.setattr("delivery.mailboxes.maildir.Maildir.done", _die)
        with pytest.raises(SystemExit):
            collector(town, at(folder)).collect()
    assert left(folder) == 1
    assert collector(town, at(folder)).collect().new == 0
    assert state_of(town) is State.BOUNCED
    assert suppressed(town, ana)


def _die(*_: object, **__: object) -> None:
    raise SystemExit(137)


def test_a_worker_that_dies_while_it_stores_marks_nothing(
    town: Town, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    town.ana()
    send = welcome(town)
    put(folder, bounce(send.reference))
    with monkeypatch.context() as killed:
        killed.setattr("scheduler.returned.store", _die)
        with pytest.raises(SystemExit):
            collector(town, at(folder)).collect()
    assert left(folder) == 1
    assert collector(town, at(folder)).collect() == Returned(1, 1, 1)


def test_strangers_letters_change_nobody_and_are_counted(town: Town, folder: Path) -> None:
    ana = town.ana()
    send = welcome(town)
    put(
        folder,
        bounce("f" * 32),  # forged, or of another installation
        bounce(send.reference, address="sam@example.com"),  # about somebody we did not write to
        b"From: winner@example.org\nTo: bounces@runup.example.com\n\nYou have won",
        holiday(send.reference),
        b"\x00\xff garbage",
        b"x" * 1_000_001,
    )
    returned = collector(town, at(folder)).collect()
    assert returned == Returned(6, 2, 2, Counter(foreign=1, auto_reply=1, malformed=1, too_large=1))
    assert state_of(town) is State.ACCEPTED
    assert not suppressed(town, ana)
    assert left(folder) == 0
    counted = told(town)
    assert (counted["auto_reply"], counted["malformed"], counted["too_large"]) == (1, 1, 1)
    assert counted["foreign"] == 2, "the forged one, too"
    assert counted["wrong_address"] == 1


def test_a_bounce_settles_what_was_in_doubt(town: Town, folder: Path) -> None:
    """Whatever comes back was there before."""
    with SmtpFake() as server:
        town.provider = open_provider(SmtpConfig(host="localhost", port=server.port, security="none"))
        server.fail_next("MESSAGE", Turn.HANG_UP)
        town.ana()
        send = welcome(town)
        assert State(send.state) is State.IN_DOUBT
        put(folder, bounce(send.reference, LATER))
        collector(town, at(folder)).collect()
        assert state_of(town) is State.DEFERRED
        town.provider.close()


def test_a_canary_that_comes_back_does_not_make_silence_mean_anything(town: Town, folder: Path) -> None:
    with town.write() as session:
        session.add(Canary(reference="c" * 32, sent_at=town.now))
    put(folder, bounce("c" * 32, LATER, address="ops@runup.example.com"))
    collector(town, at(folder)).collect()
    town.tick()
    with town.database.read() as session:
        assert session.get_one(Canary, "c" * 32).heard_at is None
    assert told(town)["foreign"] == 1


def test_many_are_read_in_parts_and_a_pass_has_an_end(town: Town, folder: Path) -> None:
    put(folder, *(bounce(f"{number:032x}") for number in range(95)))
    reader = collector(town, at(folder))
    assert reader.collect(most=50).messages == 50
    assert reader.collect(most=50) == Returned(45, 45, 45)
    assert reader.collect(most=50) == Returned()


def test_a_worker_that_is_told_to_end_does_so_after_what_it_has_in_hand(town: Town, folder: Path) -> None:
    put(folder, *(bounce(f"{number:032x}") for number in range(95)))
    reader = collector(town, at(folder))
    reader.stopped.set()
    assert reader.collect().messages == 20
    assert left(folder) == 75


def test_an_imap_box_is_marked_once_its_events_are_kept(town: Town) -> None:
    ana = town.ana()
    send = welcome(town)
    with ImapServer(login=("bounces", "password")) as server:
        server.put(bounce(send.reference), b"junk")
        config = parse_mailbox(f"imap://bounces@localhost:{server.port}/INBOX", "password")
        assert collector(town, config).collect() == Returned(2, 1, 1, Counter(malformed=1))
        assert server.unseen() == []
        assert collector(town, config).collect() == Returned()
    assert state_of(town) is State.BOUNCED
    assert suppressed(town, ana)


def test_what_was_read_before_the_server_went_away_is_kept(town: Town) -> None:
    town.ana()
    send = welcome(town)
    with ImapServer(login=("bounces", "password")) as server:
        server.put(bounce(send.reference))
        server.turns["STORE"] = [Trouble.HANG_UP]
        config = parse_mailbox(f"imap://bounces@localhost:{server.port}", "password")
        with pytest.raises(MailboxError, match="localhost"):
            collector(town, config).collect()
        assert server.unseen() == [1000]
        town.now += timedelta(minutes=1)
        assert collector(town, config).collect() == Returned(1, 1, 0)
        assert server.unseen() == []
    assert state_of(town) is State.BOUNCED


def test_a_mailbox_that_cannot_be_read_is_counted_with_its_reason(
    database: Database, town: Town, tmp_path: Path
) -> None:
    with pytest.raises(MailboxError, match="is no Maildir yet"):
        collector(town, at(tmp_path / "nowhere")).collect()
    with database.read() as session:
        (found,) = counts(session)
    assert (found.source, found.what, found.total) == ("bounces", "unreachable", 1)
    assert "is no Maildir yet" in found.detail


def test_the_clock_reads_every_minute(town: Town, folder: Path) -> None:
    town.ana()
    put(folder, bounce(welcome(town).reference))
    clock = Clock(town.worker(), collector=collector(town, at(folder)))
    clock.collect()
    assert left(folder) == 0
    assert state_of(town) is State.BOUNCED
    job = clock._scheduler.get_job("collect")
    assert job.trigger.interval == timedelta(minutes=1)
    assert job.func == clock.collect


def test_a_mailbox_out_of_reach_ends_no_worker(
    town: Town, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(town.worker(), collector=collector(town, at(tmp_path / "nowhere")))
    clock.collect()
    clock.collect()
    assert told(town)["unreachable"] == 2
    monkeypatch.setattr("scheduler.returned.read_returned", _die_of_a_bug)
    (tmp_path / "nowhere" / "new").mkdir(parents=True)
    put(tmp_path / "nowhere", b"anything")
    clock.collect()
    assert left(tmp_path / "nowhere") == 1


def _die_of_a_bug(*_: object, **__: object) -> None:
    raise ZeroDivisionError


def test_a_worker_that_stops_tells_its_reader(town: Town, folder: Path) -> None:
    reader = collector(town, at(folder))
    clock = Clock(town.worker(), collector=reader)
    clock.start()
    clock.stop()
    assert reader.stopped.is_set()


def test_without_a_mailbox_nothing_is_read(town: Town) -> None:
    Clock(town.worker()).collect()
    assert told(town) == {}
