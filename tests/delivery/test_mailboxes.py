"""A real folder and a real IMAP server: what is read, what is marked, and what goes wrong on the way."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from imap_server import ImapServer, Trouble

from delivery.bounces import LARGEST
from delivery.mailboxes import Mailbox, MailboxError, parse_mailbox
from delivery.mailboxes.imap import Imap, ImapConfig
from delivery.mailboxes.maildir import Maildir

if TYPE_CHECKING:
    from conftest import Certificates

LOGIN = ("bounces", 'correct "horse" \\ battery')


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "bounces"
    for name in ("new", "cur", "tmp"):
        (made / name).mkdir(parents=True)
    return made


@pytest.fixture
def imap() -> Iterator[ImapServer]:
    with ImapServer(login=LOGIN) as server:
        yield server
        close_all(server)


def contents(mailbox: Mailbox, most: int = 100) -> list[bytes]:
    return [data for _, data in mailbox.read(most)]


def handle_all(mailbox: Mailbox, most: int = 100) -> list[bytes]:
    found = list(mailbox.read(most))
    for handle, _ in found:
        mailbox.done(handle)
    return [data for _, data in found]


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())


class TestMaildir:
    def test_reads_the_oldest_first_from_new_and_cur(self, folder: Path) -> None:
        (folder / "new" / "1772384403.b").write_bytes(b"third")
        (folder / "cur" / "1772384402.c:2,").write_bytes(b"second")
        (folder / "new" / "1772384401.a").write_bytes(b"first")
        assert contents(Maildir(folder)) == [b"first", b"second", b"third"]

    def test_what_somebody_has_opened_is_left_to_them(self, folder: Path) -> None:
        (folder / "cur" / "1.a:2,S").write_bytes(b"seen")
        (folder / "cur" / "2.b:2,RS").write_bytes(b"answered")
        (folder / "cur" / "3.c:2,F").write_bytes(b"flagged")
        assert contents(Maildir(folder)) == [b"flagged"]

    def test_what_is_done_moves_away_and_is_not_given_again(self, folder: Path) -> None:
        (folder / "new" / "1.a").write_bytes(b"one")
        (folder / "cur" / "2.b:2,F").write_bytes(b"two")
        assert handle_all(Maildir(folder)) == [b"one", b"two"]
        assert contents(Maildir(folder)) == []
        assert files(folder) == [".handled/cur/1.a:2,S", ".handled/cur/2.b:2,S"]

    def test_what_is_not_done_is_given_again(self, folder: Path) -> None:
        (folder / "new" / "1.a").write_bytes(b"one")
        assert contents(Maildir(folder)) == contents(Maildir(folder)) == [b"one"]

    def test_gives_no_more_than_asked_for(self, folder: Path) -> None:
        for number in range(20):
            (folder / "new" / f"{number:03}.a").write_bytes(b"%d" % number)
        assert handle_all(Maildir(folder), 3) == [b"0", b"1", b"2"]
        assert contents(Maildir(folder), 2) == [b"3", b"4"]

    def test_two_workers_may_have_the_same_in_hand(self, folder: Path) -> None:
        (folder / "new" / "1.a").write_bytes(b"one")
        first, second = Maildir(folder), Maildir(folder)
        ((handle, _),), ((again, _),) = list(first.read(9)), list(second.read(9))
        first.done(handle)
        second.done(again)
        assert files(folder) == [".handled/cur/1.a:2,S"]

    def test_a_message_that_vanishes_while_it_is_read_is_nobody_s_trouble(self, folder: Path) -> None:
        for name in ("1.a", "2.b", "3.c"):
            (folder / "new" / name).write_bytes(name.encode())
        reading = Maildir(folder).read(9)
        assert next(reading)[1] == b"1.a"
        (folder / "new" / "2.b").unlink()
        assert [data for _, data in reading] == [b"3.c"]

    def test_a_huge_file_is_read_to_the_limit_and_one_byte_more(self, folder: Path) -> None:
        with (folder / "new" / "1.huge").open("wb") as file:
            file.truncate(3_000_000_000)
        (data,) = contents(Maildir(folder))
        assert len(data) == LARGEST + 1

    def test_what_is_no_file_is_passed_over(self, folder: Path, tmp_path: Path) -> None:
        secret = tmp_path / "secret"
        secret.write_bytes(b"secret")
        (folder / "new" / "1.link").symlink_to(secret)
        (folder / "new" / "2.folder").mkdir()
        os.mkfifo(folder / "new" / "3.pipe")
        (folder / "new" / ".hidden").write_bytes(b"hidden")
        (folder / "new" / "4.a").write_bytes(b"one")
        assert contents(Maildir(folder)) == [b"one"]

    def test_odd_names_are_names(self, folder: Path) -> None:
        odd = os.fsencode(folder / "new") + b"/1.\xff\xfe caf\xc3\xa9:2,X"
        Path(os.fsdecode(odd)).write_bytes(b"one")
        assert handle_all(Maildir(folder)) == [b"one"]
        assert contents(Maildir(folder)) == []

    def test_a_folder_that_is_no_maildir_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(MailboxError, match=r"nowhere is no Maildir yet"):
            Maildir(tmp_path / "nowhere")

    def test_a_maildir_of_somebody_else_s_is_not_read_for_ever(self, folder: Path) -> None:
        if os.geteuid() == 0:
            # Root may change everything, but nobody makes a folder inside a file.
            (folder / ".handled").write_bytes(b"")
        else:
            folder.chmod(0o500)
        with pytest.raises(MailboxError, match="its owner must be who runs runup"):
            Maildir(folder)
        folder.chmod(0o700)


class TestImap:
    def test_reads_what_is_unseen_and_marks_what_is_done(self, imap: ImapServer) -> None:
        imap.put(b"one", b"two")
        imap.put(b"seen before", flags=(r"\Seen",))
        mailbox = opened(imap)
        ((handle, data), (_, second)) = list(mailbox.read(9))
        assert (data, second) == (b"one", b"two")
        assert imap.unseen() == [1000, 1001], "reading alone marks nothing"
        mailbox.done(handle)
        mailbox.close()
        assert imap.unseen() == [1001]
        assert imap.commands[-1] == "LOGOUT"

    def test_lines_of_every_kind_arrive_as_they_are(self, imap: ImapServer) -> None:
        message = bytes(range(256)) + b"\r\n)\r\nA001 OK fetched\r\n* BYE\r\n"
        imap.put(message, b"", b"{5}\r\nhello")
        assert contents(opened(imap)) == [message, b"", b"{5}\r\nhello"]

    def test_gives_no_more_than_asked_for(self, imap: ImapServer) -> None:
        imap.put(*(b"%d" % number for number in range(20)))
        assert handle_all(opened(imap), 3) == [b"0", b"1", b"2"]
        assert contents(opened(imap), 2) == [b"3", b"4"]

    def test_an_empty_box_holds_nothing(self, imap: ImapServer) -> None:
        assert contents(opened(imap)) == []

    def test_a_box_with_a_hundred_thousand_letters_is_searched_in_parts(self, imap: ImapServer) -> None:
        imap.put(*[b"old"] * 100_000, flags=(r"\Seen",))
        imap.put(b"new")
        assert contents(opened(imap)) == [b"new"]

    def test_of_a_huge_message_no_more_is_fetched_than_is_read(self, imap: ImapServer) -> None:
        imap.put(b"x" * 5_000_000, b"small")
        assert [len(data) for data in contents(opened(imap))] == [LARGEST + 1, 5]
        assert imap.fetched == LARGEST + 1 + 5

    def test_a_message_that_vanishes_meanwhile_is_passed_over(self, imap: ImapServer) -> None:
        imap.put(b"one", b"two")
        imap.turns["FETCH"] = ["{tag} OK nothing of that name"]
        assert contents(opened(imap)) == [b"two"]

    def test_over_tls_only_to_whom_the_certificate_names(self, certificates: Certificates) -> None:
        for context, trusted in ((certificates.localhost, True), (certificates.another_host, False)):
            with ImapServer(login=LOGIN, tls=context) as server:
                server.put(b"one")
                config = config_of(server, is_encrypted=True)
                if trusted:
                    mailbox = config.open(tls=certificates.client)
                    assert contents(mailbox) == [b"one"]
                    mailbox.close()
                else:
                    with pytest.raises(MailboxError, match="Hostname mismatch"):
                        config.open(tls=certificates.client)
                    assert server.commands == []

    def test_a_certificate_nobody_vouches_for_gets_no_password(self, certificates: Certificates) -> None:
        with ImapServer(login=LOGIN, tls=certificates.localhost) as server:
            with pytest.raises(MailboxError, match="certificate verify failed"):
                config_of(server, is_encrypted=True).open()
            assert server.commands == []

    @pytest.mark.parametrize(
        ("verb", "turn", "complaint"),
        [
            ("GREETING", "* BYE overloaded", "BYE"),
            ("GREETING", "what?", "what"),
            ("GREETING", Trouble.HANG_UP, "EOF|reset"),
            ("LOGIN", "{tag} NO [AUTHENTICATIONFAILED] not you, <ana@example.com>", "not you, <<address>>"),
            ("LOGIN", "{tag} BAD syntax", "BAD"),
            ("SELECT", "{tag} NO no such mailbox", "no such mailbox"),
            ("SELECT", "* many EXISTS\n{tag} OK selected", "unexpected response"),
            ("SEARCH", "* SEARCH 1 2 x\x01 3000000000000000000\n{tag} NO never", "never"),
            ("SEARCH", Trouble.HANG_UP, "EOF|reset"),
            ("SEARCH", Trouble.FOREVER, "unterminated|got more"),
            ("FETCH", Trouble.HUGE, "more than was asked for"),
            ("FETCH", Trouble.CUT, "EOF|unterminated|unexpected"),
            ("FETCH", "* 1 FETCH (BODY[]<0> {{x}}\n{tag} NO such", "such"),
            ("FETCH", "* BYE\n", "EOF|BYE|unterminated|unexpected|abort"),
            ("STORE", "{tag} NO read-only", "read-only"),
            ("STORE", Trouble.HANG_UP, "EOF|reset"),
        ],
    )
    def test_a_server_that_misbehaves_is_one_kind_of_trouble(
        self, imap: ImapServer, verb: str, turn: str | Trouble, complaint: str
    ) -> None:
        imap.put(b"one")
        imap.turns[verb] = [turn]
        with pytest.raises(
            MailboxError, match=f"(?i)localhost: .*({complaint})|localhost says .*({complaint})"
        ) as trouble:
            handle_all(opened(imap, timeout=5))
        assert LOGIN[1] not in str(trouble.value)
        assert "ana@" not in str(trouble.value)
        assert imap.unseen() == [1000]
        assert contents(opened(imap)) == [b"one"], "and the next pass reads as ever"

    @pytest.mark.parametrize("verb", ["GREETING", "LOGIN", "SELECT", "SEARCH", "FETCH", "STORE"])
    def test_a_silent_server_holds_nobody_up(self, imap: ImapServer, verb: str) -> None:
        imap.put(b"one")
        imap.turns[verb] = [Trouble.SILENCE]
        started = time.monotonic()
        with pytest.raises(MailboxError, match=r"too long|timed out"):
            handle_all(opened(imap, timeout=0.5))
        assert time.monotonic() - started < 5

    def test_what_does_not_fit_into_a_pass_waits_for_the_next(self, imap: ImapServer) -> None:
        imap.put(b"one", b"two", b"three")
        mailbox = opened(imap, timeout=20.0)
        reading = mailbox.read(9)
        next(reading)
        mailbox._deadline = time.monotonic()  # as if the first had taken all the time there is
        assert list(reading) == []

    def test_nobody_listening_is_said_so(self, imap: ImapServer) -> None:
        config = ImapConfig(host="localhost", port=1, username="a", password="b", is_encrypted=False)
        with pytest.raises(MailboxError, match=r"localhost: .*refused"):
            config.open()


@pytest.mark.parametrize(
    ("address", "password", "expected"),
    [
        ("maildir:/var/mail/bounces", "", "/var/mail/bounces"),
        ("maildir:///var/mail/bounces/", "", "/var/mail/bounces"),
    ],
)
def test_a_maildir_is_its_path(address: str, password: str, expected: str) -> None:
    assert str(getattr(parse_mailbox(address, password), "folder")) == expected  # noqa: B009


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (
            "imaps://bounces@mail.example.com",
            ImapConfig(host="mail.example.com", username="bounces", password="p"),
        ),
        (
            "imaps://bounces%40example.com@mail.example.com:1993/INBOX/returned%20mail",
            ImapConfig(
                host="mail.example.com",
                port=1993,
                username="bounces@example.com",
                password="p",
                folder="INBOX/returned mail",
            ),
        ),
        (
            "imap://bounces@127.0.0.1:1143/INBOX",
            ImapConfig(host="127.0.0.1", port=1143, username="bounces", password="p", is_encrypted=False),
        ),
        ("imaps://bounces@[::1]/", ImapConfig(host="::1", username="bounces", password="p")),
    ],
)
def test_an_imap_box_is_its_address(address: str, expected: ImapConfig) -> None:
    assert parse_mailbox(address, "p") == expected


@pytest.mark.parametrize(
    ("address", "password", "complaint"),
    [
        ("/var/mail/bounces", "", "names no mailbox: write it like maildir:/var/mail/bounces or imaps://"),
        ("maildir:bounces", "", "the whole path"),
        ("maildir:/var/mail/bounces", "hunter2", "a Maildir has none"),
        ("pop3://bounces@mail.example.com", "hunter2", "names no mailbox"),
        ("imaps://mail.example.com", "hunter2", "needs a user"),
        ("imaps://bounces@mail.example.com", "", "RUNUP_BOUNCE_MAILBOX_PASSWORD the password"),
        ("imaps://bounces:hunter2@mail.example.com", "", "belongs into RUNUP_BOUNCE_MAILBOX_PASSWORD"),
        ("imaps://bounces@mail.example.com:port", "hunter2", "no address"),
        ("imaps://bounces@[mail/", "hunter2", "no address"),
        ("imap://bounces@mail.example.com", "hunter2", "imap:// is for a server on this machine"),
        ("imaps://b%0d%0aA1%20LOGOUT@mail.example.com", "hunter2", "printable ASCII"),
        ("imaps://bounces@mail.example.com", "hünter2", "printable ASCII"),
        ("imaps://bounces@mail.example.com/a%00b", "hunter2", "printable ASCII"),
    ],
)
def test_a_wrong_setting_is_named_and_the_password_is_not(
    address: str, password: str, complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint) as refusal:
        parse_mailbox(address, password)
    assert "RUNUP_BOUNCE_MAILBOX" in str(refusal.value)
    assert "nter2" not in str(refusal.value)
    assert "nter2" not in repr(ImapConfig(host="a", username="b", password="hunter2"))


def config_of(server: ImapServer, **changes: Any) -> ImapConfig:
    values: dict[str, Any] = {"is_encrypted": False} | changes
    return ImapConfig(host="localhost", port=server.port, username=LOGIN[0], password=LOGIN[1], **values)


_OPEN: dict[int, list[Imap]] = {}


def opened(server: ImapServer, timeout: float = 30.0) -> Imap:
    mailbox = config_of(server).open(timeout=timeout)
    _OPEN.setdefault(server.port, []).append(mailbox)
    return mailbox


def close_all(server: ImapServer) -> None:
    for mailbox in _OPEN.pop(server.port, []):
        mailbox.close()
