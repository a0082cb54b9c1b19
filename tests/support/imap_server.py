"""An IMAP server on a real loopback socket: as much of RFC 3501 as a reader of one box needs.

It checks what it is told: logins by the one good pair, commands only in their state, numbers in their range.
`turns["FETCH"] = [...]` goes wrong at the next such command: a line to answer, or a Trouble.
"""

from __future__ import annotations

import re
import socketserver
import ssl
import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum


class Trouble(Enum):
    HANG_UP = "the connection ends"
    SILENCE = "nothing, until the client goes"
    FOREVER = "one line that never ends"
    HUGE = "a literal of four gigabytes is announced"
    CUT = "half a message, then the end"


@dataclass
class Letter:
    uid: int
    content: bytes
    flags: set[str] = field(default_factory=set)


class ImapServer:
    """`put` adds a message; `letters` shows what became of each. Ports are free ones of 127.0.0.1."""

    def __init__(self, *, login: tuple[str, str], tls: ssl.SSLContext | None = None) -> None:
        self.login = login
        self.letters: list[Letter] = []
        self.folders = {"INBOX"}
        self.commands: list[str] = []
        self.fetched = 0
        """Bytes of messages sent."""
        self.turns: dict[str, list[str | Trouble]] = defaultdict(list)
        self.lock = threading.Lock()
        self.gone = threading.Event()
        self._server = _Server(self, tls)
        self.port = int(self._server.server_address[1])

    def put(self, *contents: bytes, flags: tuple[str, ...] = ()) -> None:
        for content in contents:
            self.letters.append(Letter(1000 + len(self.letters), content, set(flags)))

    def unseen(self) -> list[int]:
        return [letter.uid for letter in self.letters if r"\Seen" not in letter.flags]

    def __enter__(self) -> ImapServer:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), name="imap", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.gone.set()
        self._server.shutdown()
        self._server.server_close()


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, imap: ImapServer, tls: ssl.SSLContext | None) -> None:
        super().__init__(("127.0.0.1", 0), _Dialogue)
        self.imap = imap
        self.tls = tls

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away in the middle is what the tests are about."""


class _Dialogue(socketserver.StreamRequestHandler):
    server: _Server
    timeout = 20

    def setup(self) -> None:
        if self.server.tls is not None:
            self.request = self.server.tls.wrap_socket(self.request, server_side=True)
        super().setup()
        self.imap = self.server.imap
        self.state = "greeted"

    def handle(self) -> None:
        if not self._goes_wrong("GREETING", "*"):
            self._say("* OK ready")
        while line := self.rfile.readline().decode("ascii").rstrip("\r\n"):
            tag, _, rest = line.partition(" ")
            uid, verb, arguments = _command(rest)
            self.imap.commands.append(f"{uid}{verb} {'…' if verb == 'LOGIN' else arguments}".strip())
            if self._goes_wrong(verb, tag):
                continue
            answer = self._answers.get((uid, verb))
            if answer is None:
                self._say(f"{tag} BAD unknown command")
            elif not answer(self, tag, arguments):
                return

    def finish(self) -> None:
        super().finish()
        self.request.close()  # TLS has made another socket of the server's

    def _capability(self, tag: str, _: str) -> bool:
        return self._say("* CAPABILITY IMAP4rev1", f"{tag} OK done")

    def _login(self, tag: str, arguments: str) -> bool:
        given = tuple(re.sub(r"\\(.)", r"\1", part) for part in re.findall(r'"((?:[^"\\]|\\.)*)"', arguments))
        if self.state != "greeted" or given != self.imap.login:
            return self._say(f"{tag} NO [AUTHENTICATIONFAILED] invalid credentials")
        self.state = "authenticated"
        return self._say(f"{tag} OK logged in")

    def _select(self, tag: str, arguments: str) -> bool:
        if self.state == "greeted":
            return self._say(f"{tag} BAD log in first")
        if arguments.strip('"') not in self.imap.folders:
            return self._say(f"{tag} NO no such mailbox")
        self.state = "selected"
        count = len(self.imap.letters)
        return self._say(
            f"* {count} EXISTS", "* 0 RECENT", r"* FLAGS (\Seen)", f"{tag} OK [READ-WRITE] selected"
        )

    def _uid_search(self, tag: str, arguments: str) -> bool:
        first, last, criterion = re.fullmatch(r"(\d+):(\d+) (\w+)", arguments).groups()  # type: ignore[union-attr]
        if self.state != "selected" or not 1 <= int(first) <= int(last) <= len(self.imap.letters):
            return self._say(f"{tag} BAD not now, or no such number")
        assert criterion == "UNSEEN"
        found = [
            one.uid for one in self.imap.letters[int(first) - 1 : int(last)] if r"\Seen" not in one.flags
        ]
        return self._say(" ".join(["* SEARCH", *map(str, found)]), f"{tag} OK searched")

    def _uid_fetch(self, tag: str, arguments: str) -> bool:
        uid, size = re.fullmatch(r"(\d+) \(BODY\.PEEK\[\]<0\.(\d+)>\)", arguments).groups()  # type: ignore[union-attr]
        number, letter = self._find(int(uid))
        if self.state != "selected" or letter is None:
            return self._say(f"{tag} OK nothing of that name")
        data = letter.content[: int(size)]
        self.imap.fetched += len(data)
        self.wfile.write(f"* {number} FETCH (UID {uid} BODY[]<0> {{{len(data)}}}\r\n".encode() + data)
        return self._say(")", f"{tag} OK fetched")

    def _uid_store(self, tag: str, arguments: str) -> bool:
        uid, flag = re.fullmatch(r"(\d+) \+FLAGS\.SILENT \((\S+)\)", arguments).groups()  # type: ignore[union-attr]
        _, letter = self._find(int(uid))
        if self.state != "selected" or letter is None:
            return self._say(f"{tag} NO no such message")
        letter.flags.add(flag)
        return self._say(f"{tag} OK stored")

    def _logout(self, tag: str, _: str) -> bool:
        self._say("* BYE then", f"{tag} OK bye")
        return False

    _answers: dict[tuple[str, str], Callable[[_Dialogue, str, str], bool]] = {  # noqa: RUF012
        ("", "CAPABILITY"): _capability,
        ("", "LOGIN"): _login,
        ("", "SELECT"): _select,
        ("UID ", "SEARCH"): _uid_search,
        ("UID ", "FETCH"): _uid_fetch,
        ("UID ", "STORE"): _uid_store,
        ("", "LOGOUT"): _logout,
    }

    def _find(self, uid: int) -> tuple[int, Letter | None]:
        found = [(at, letter) for at, letter in enumerate(self.imap.letters, 1) if letter.uid == uid]
        return found[0] if found else (0, None)

    def _goes_wrong(self, verb: str, tag: str) -> bool:
        if not self.imap.turns[verb]:
            return False
        turn = self.imap.turns[verb].pop(0)
        if isinstance(turn, str):
            return self._say(*turn.format(tag=tag).split("\n"))
        if turn is Trouble.SILENCE:
            self.rfile.readline()  # ends when the client goes
        while turn is Trouble.FOREVER:
            self.wfile.write(b"x" * 65_536)  # raises when the client goes
        if turn is Trouble.HUGE:
            self._say("* 1 FETCH (UID 1000 BODY[]<0> {4294967296}")
            self.rfile.readline()
        if turn is Trouble.CUT:
            self._say("* 1 FETCH (UID 1000 BODY[]<0> {1000}", "From: half")
        raise ConnectionAbortedError

    def _say(self, *lines: str) -> bool:
        self.wfile.write("".join(f"{line}\r\n" for line in lines).encode())
        return True


def _command(rest: str) -> tuple[str, str, str]:
    uid, rest = ("UID ", rest[4:]) if rest.upper().startswith("UID ") else ("", rest)
    verb, _, arguments = rest.partition(" ")
    return uid, verb.upper(), arguments
