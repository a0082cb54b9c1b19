"""The default provider: a folder that any mail client opens."""

from __future__ import annotations

import mailbox
import os
import stat
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from delivery import (
    AccountRefused,
    Email,
    NotSent,
    OutboxConfig,
    Provider,
    Rejected,
    Unknown,
    copies,
    find_in_outbox,
    open_provider,
    read_outbox,
)
from delivery.mime import as_bytes
from delivery.providers import outbox as outbox_module

MakeEmail = Callable[..., Email]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "post" / "outbox"


@pytest.fixture
def outbox(folder: Path) -> Provider:
    return open_provider(OutboxConfig(folder=folder))


def test_a_mail_client_finds_the_email_as_new_mail(outbox: Provider, folder: Path, to_ana: MakeEmail) -> None:
    accepted = outbox.deliver(to_ana())
    box = mailbox.Maildir(folder, create=False)
    (message,) = box.values()
    assert message.get_subdir() == "new"
    assert message["Message-ID"] == to_ana().message_id
    assert box.keys() == [accepted.message_id]
    assert (folder / "new" / accepted.message_id).read_bytes() == as_bytes(to_ana())
    assert accepted.message_id.endswith(".eml")


def test_only_the_owner_may_read_people_s_emails(outbox: Provider, folder: Path, to_ana: MakeEmail) -> None:
    outbox.deliver(to_ana())
    (file,) = (folder / "new").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_the_inbox_shows_who_got_what_in_the_order_it_left(
    outbox: Provider, folder: Path, to_ana: MakeEmail
) -> None:
    later = datetime(2026, 3, 2, 7, 0, 0, 123456, tzinfo=UTC)
    outbox.deliver(to_ana(reference="second", date=later, recipient="kiri@example.com", recipient_name=""))
    outbox.deliver(to_ana(reference="first"))
    first, second = read_outbox(folder)
    assert (first.reference, first.attempt, first.recipient) == ("first", 1, "ana@example.com")
    assert first.recipient_name == "Ana Müller"
    assert first.subject == to_ana().subject
    assert first.html.rstrip("\n") == to_ana().html
    assert first.text == to_ana().text
    assert dict(first.headers)["List-Id"] == "<second-interview.runup.example.com>"
    assert (second.date, second.recipient, second.recipient_name) == (later, "kiri@example.com", "")
    assert find_in_outbox(folder, second.name) == second


def test_long_and_international_names_are_read_as_they_were(
    outbox: Provider, folder: Path, to_ana: MakeEmail
) -> None:
    name = "Ana Müller-Lüdenscheidt von und zu Größenwahn, geborene Weiß"
    outbox.deliver(to_ana(recipient_name=name, recipient="añá@example.com"))
    (stored,) = read_outbox(folder)
    assert (stored.recipient_name, stored.recipient) == (name, "añá@example.com")


def test_an_email_that_a_mail_client_has_shown_is_still_found(
    outbox: Provider, folder: Path, to_ana: MakeEmail
) -> None:
    name = outbox.deliver(to_ana()).message_id
    (folder / "new" / name).rename(folder / "cur" / f"{name}:2,S")
    (stored,) = read_outbox(folder)
    assert stored.name == name
    assert find_in_outbox(folder, name) == stored


def test_delivering_one_attempt_twice_keeps_both_copies_and_shows(
    outbox: Provider, folder: Path, to_ana: MakeEmail
) -> None:
    outbox.deliver(to_ana())
    outbox.deliver(to_ana(attempt=2))
    outbox.deliver(to_ana())
    assert copies(folder) == {(to_ana().reference, 1): 2, (to_ana().reference, 2): 1}


def test_an_inbox_that_is_not_there_is_empty_and_strange_files_are_passed_over(
    outbox: Provider, folder: Path, tmp_path: Path
) -> None:
    assert list(read_outbox(tmp_path / "nowhere")) == []
    (folder / "new" / "shopping.eml").write_text("milk")
    (folder / "new" / "1700000000.V1.someone-else").write_text("Subject: hi\n\nhi")
    assert list(read_outbox(folder)) == []
    assert find_in_outbox(folder, "../../../etc/passwd") is None
    assert find_in_outbox(folder, "shopping.eml") is None


def test_thirty_two_threads_leave_every_email_once(outbox: Provider, folder: Path, to_ana: MakeEmail) -> None:
    def run(person: int) -> None:
        for attempt in range(1, 6):
            outbox.deliver(to_ana(reference=f"person{person}", attempt=attempt))

    threads = [threading.Thread(target=run, args=(person,)) for person in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert copies(folder) == {
        (f"person{person}", attempt): 1 for person in range(32) for attempt in range(1, 6)
    }
    assert list((folder / "tmp").iterdir()) == []


def test_the_file_and_then_its_folder_are_on_the_disk_before_we_answer(
    outbox: Provider, folder: Path, to_ana: MakeEmail, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[tuple[str, int]] = []
    fsync = os.fsync

    def record(descriptor: int) -> None:
        fsync(descriptor)
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        synced.append(
            (path.name if path.is_dir() else path.parent.name, len(list((folder / "new").iterdir())))
        )

    monkeypatch.setattr(os, "fsync", record)
    outbox.deliver(to_ana())
    assert synced == [("tmp", 0), ("new", 1)]


def test_a_full_disk_means_not_sent_and_leaves_nothing_behind(
    outbox: Provider, folder: Path, to_ana: MakeEmail, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", raising(OSError(28, "No space left on device")))
    with pytest.raises(NotSent, match="No space left"):
        outbox.deliver(to_ana())
    assert [list((folder / part).iterdir()) for part in ("tmp", "new", "cur")] == [[], [], []]


def test_a_folder_that_cannot_be_synced_leaves_us_in_doubt(
    outbox: Provider, folder: Path, to_ana: MakeEmail, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The file is there for every reader, but a power cut may take it away again.
    monkeypatch.setattr(outbox_module, "_sync", raising(OSError(5, "Input/output error")))
    with pytest.raises(Unknown, match="Input/output error"):
        outbox.deliver(to_ana())
    assert copies(folder) == {(to_ana().reference, 1): 1}


def test_a_folder_that_went_away_is_the_outbox_s_fault_not_the_email_s(
    outbox: Provider, folder: Path, to_ana: MakeEmail
) -> None:
    folder.rename(folder.with_name("moved"))
    with pytest.raises(AccountRefused, match="No such file"):
        outbox.deliver(to_ana())


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "a-file").write_text("")
    with pytest.raises(ValueError, match=r"RUNUP_OUTBOX: .*a-file.* cannot be made a mailbox"):
        open_provider(OutboxConfig(folder=tmp_path / "a-file"))


def test_a_reference_that_is_a_path_is_rejected(outbox: Provider, folder: Path, to_ana: MakeEmail) -> None:
    with pytest.raises(Rejected, match="reference"):
        outbox.deliver(to_ana(reference="../../tmp/x"))
    assert copies(folder) == {}


def test_emails_of_the_same_second_keep_their_order(
    outbox: Provider, folder: Path, to_ana: MakeEmail
) -> None:
    start = to_ana().date
    for microsecond in (3, 1, 2):
        at = start + timedelta(microseconds=microsecond)
        outbox.deliver(to_ana(reference=f"at{microsecond}", date=at))
    assert [stored.reference for stored in read_outbox(folder)] == ["at1", "at2", "at3"]


def raising(error: OSError) -> Callable[..., None]:
    def fail(*_: object) -> None:
        raise error

    return fail
